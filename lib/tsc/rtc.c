/* SPDX-License-Identifier: 0BSD */
/* Reads the PC's real-time clock: as a date, and as a timer of 1 Hz. */
#include "rtc.h"

#include "calendar.h"

enum {
    SECONDS = 0,
    MINUTES = 2,
    HOURS = 4,
    DAY = 7,
    MONTH = 8,
    YEAR = 9,
    STATUS_A = 10,
    STATUS_B = 11,
    CENTURY_OF_PCS = 0x32
};
enum { UPDATE_IN_PROGRESS = 0x80, MODE_24_HOURS = 2, MODE_BINARY = 4, PM = 0x80 };
enum { LOOKS = 10000, NOT_A_NUMBER = 1000 };

/* An undriven bus reads all ones, which no clock has in register B: SET halts it. */
enum { NOTHING = 0xff };

struct fields {
    uint8_t second, minute, hour, day, month, year, century;
};

static uint8_t get(const struct tsc_rtc *rtc, uint8_t index)
{
    return rtc->read(rtc->context, index);
}

static struct fields read_fields(const struct tsc_rtc *rtc, uint8_t century_register)
{
    struct fields f;

    f.second = get(rtc, SECONDS);
    f.minute = get(rtc, MINUTES);
    f.hour = get(rtc, HOURS);
    f.day = get(rtc, DAY);
    f.month = get(rtc, MONTH);
    f.year = get(rtc, YEAR);
    f.century = get(rtc, century_register);
    return f;
}

static bool same(const struct fields *a, const struct fields *b)
{
    return a->second == b->second && a->minute == b->minute && a->hour == b->hour &&
           a->day == b->day && a->month == b->month && a->year == b->year &&
           a->century == b->century;
}

static unsigned decode(uint8_t value, bool binary)
{
    if (binary)
        return value;
    return value >> 4 > 9 || (value & 15) > 9 ? NOT_A_NUMBER : (value >> 4) * 10u + (value & 15);
}

/*
 * Completes the clock's two digits of the year. The century register that the FADT names is
 * trusted; the one that PCs usually have, if the FADT names none, may hold anything, so it is used
 * only if its value is plausible.
 */
static unsigned full_year(unsigned century, unsigned year, bool named)
{
    const unsigned first = TSC_RTC_FIRST_YEAR / 100, last = first + 1;

    if (named ? century >= 19 && century <= 99 : century >= first && century <= last)
        return century * 100 + year;
    return (year >= TSC_RTC_FIRST_YEAR % 100 ? first : last) * 100 + year;
}

/* Reads the fields until two reads agree; false: there was always an update, or they never did. */
static bool settle(const struct tsc_rtc *rtc, uint8_t century_register, struct fields *f)
{
    *f = read_fields(rtc, century_register);
    for (unsigned tries = 0;; tries++) {
        struct fields again;

        while ((get(rtc, STATUS_A) & UPDATE_IN_PROGRESS) != 0 && tries < LOOKS)
            tries++;
        if (tries >= LOOKS)
            return false;
        again = read_fields(rtc, century_register);
        if (same(f, &again))
            return true;
        *f = again;
    }
}

enum tsc_status tsc_rtc_seconds(const struct tsc_rtc *rtc, uint8_t century_register,
                                uint64_t *seconds)
{
    const uint8_t mode = get(rtc, STATUS_B);
    const bool named = century_register != 0, binary = (mode & MODE_BINARY) != 0;
    struct calendar_date date;
    unsigned hour, of_century, second;
    struct fields f;
    int64_t since_1970;

    if (mode == NOTHING)
        return TSC_NONE;
    if (!settle(rtc, named ? century_register : CENTURY_OF_PCS, &f))
        return TSC_BUSY;

    hour = decode(f.hour & 0x7f, binary);
    if ((mode & MODE_24_HOURS) == 0)
        hour = hour < 1 || hour > 12 ? NOT_A_NUMBER : hour % 12 + ((f.hour & PM) != 0 ? 12 : 0);
    of_century = decode(f.year, binary);
    second = decode(f.second, binary);
    date.year = full_year(decode(f.century, binary), of_century, named);
    date.month = (int)decode(f.month, binary);
    date.day = (int)decode(f.day, binary);
    date.hour = (int)hour;
    date.minute = (int)decode(f.minute, binary);
    date.second = 0;
    /* Second 60 is a leap second. */
    if (of_century > 99 || second > 60 || !calendar_to_seconds(&date, &since_1970) ||
        since_1970 < 0)
        return TSC_BAD_DATE;
    *seconds = (uint64_t)since_1970 + second;
    return TSC_OK;
}

/*
 * The seconds' register alone, for its changes: all fields would take too long to read. During an
 * update it is undefined [1], so the count stays; it moves when the update has ended, which is the
 * same moment of every second.
 */
static bool read_seconds(void *context, uint64_t *count)
{
    struct tsc_rtc_counter *counter = (struct tsc_rtc_counter *)context;
    unsigned second;

    if ((get(counter->rtc, STATUS_A) & UPDATE_IN_PROGRESS) == 0) {
        second = decode(get(counter->rtc, SECONDS), counter->binary);
        if (second < 60) {
            counter->count += (second + 60 - counter->last) % 60;
            counter->last = (uint8_t)second;
        }
    }
    *count = counter->count;
    return true;
}

enum tsc_status tsc_rtc_timer(struct tsc_rtc_counter *counter, const struct tsc_rtc *rtc,
                              struct tsc_timer *timer)
{
    uint8_t mode = get(rtc, STATUS_B);
    struct fields f;

    if (mode == NOTHING)
        return TSC_NONE;
    if (!settle(rtc, SECONDS, &f))
        return TSC_BUSY;
    counter->rtc = rtc;
    counter->count = 0;
    counter->binary = (mode & MODE_BINARY) != 0;
    if (decode(f.second, counter->binary) >= 60)
        return TSC_BAD_DATE;
    counter->last = (uint8_t)decode(f.second, counter->binary);
    timer->read = read_seconds;
    timer->context = counter;
    timer->mask = UINT64_MAX;
    timer->hz = 1;
    timer->error_ppm = 0;
    timer->edges = true;
    return TSC_OK;
}
