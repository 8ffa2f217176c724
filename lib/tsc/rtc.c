/* SPDX-License-Identifier: 0BSD */
/* Reads the PC's real-time clock: as a date, and as a timer of 1 Hz. */
#include "rtc.h"

#include "calendar.h"

enum {
    TSC_RTC_SECONDS = 0,
    TSC_RTC_MINUTES = 2,
    TSC_RTC_HOURS = 4,
    TSC_RTC_DAY = 7,
    TSC_RTC_MONTH = 8,
    TSC_RTC_YEAR = 9,
    TSC_RTC_STATUS_A = 10,
    TSC_RTC_STATUS_B = 11,
    TSC_RTC_CENTURY_OF_PCS = 0x32
};
enum {
    TSC_RTC_UPDATE_IN_PROGRESS = 0x80,
    TSC_RTC_MODE_24_HOURS = 2,
    TSC_RTC_MODE_BINARY = 4,
    TSC_RTC_PM = 0x80
};
enum { TSC_RTC_LOOKS = 10000, TSC_RTC_NOT_A_NUMBER = 1000 };

/* An undriven bus reads all ones, which no clock has in register B: SET halts it. */
enum { TSC_RTC_NOTHING = 0xff };

struct tsc_rtc_fields {
    uint8_t second, minute, hour, day, month, year, century;
};

static uint8_t tsc_rtc_register(const struct tsc_rtc *rtc, uint8_t index)
{
    return (rtc->read)(rtc->context, index);
}

static struct tsc_rtc_fields tsc_rtc_read_fields(const struct tsc_rtc *rtc,
                                                 uint8_t century_register)
{
    struct tsc_rtc_fields f;

    f.second = tsc_rtc_register(rtc, TSC_RTC_SECONDS);
    f.minute = tsc_rtc_register(rtc, TSC_RTC_MINUTES);
    f.hour = tsc_rtc_register(rtc, TSC_RTC_HOURS);
    f.day = tsc_rtc_register(rtc, TSC_RTC_DAY);
    f.month = tsc_rtc_register(rtc, TSC_RTC_MONTH);
    f.year = tsc_rtc_register(rtc, TSC_RTC_YEAR);
    f.century = tsc_rtc_register(rtc, century_register);
    return f;
}

static bool tsc_rtc_same(const struct tsc_rtc_fields *a, const struct tsc_rtc_fields *b)
{
    return a->second == b->second && a->minute == b->minute && a->hour == b->hour &&
           a->day == b->day && a->month == b->month && a->year == b->year &&
           a->century == b->century;
}

static unsigned tsc_rtc_decode(uint8_t value, bool binary)
{
    if (binary)
        return value;
    return value >> 4 > 9 || (value & 15) > 9 ? TSC_RTC_NOT_A_NUMBER
                                              : (value >> 4) * 10u + (value & 15);
}

/*
 * Completes the clock's two digits of the year. The century register that the FADT names is
 * trusted; the one that PCs usually have, if the FADT names none, may hold anything, so it is used
 * only if its value is plausible.
 */
static unsigned tsc_rtc_full_year(unsigned century, unsigned year, bool named)
{
    const unsigned first = TSC_RTC_FIRST_YEAR / 100, last = first + 1;

    if (named ? century >= 19 && century <= 99 : century >= first && century <= last)
        return century * 100 + year;
    return (year >= TSC_RTC_FIRST_YEAR % 100 ? first : last) * 100 + year;
}

/* Reads the fields until two reads agree; false: there was always an update, or they never did. */
static bool tsc_rtc_settle(const struct tsc_rtc *rtc, uint8_t century_register,
                           struct tsc_rtc_fields *f)
{
    *f = tsc_rtc_read_fields(rtc, century_register);
    for (unsigned tries = 0;; tries++) {
        struct tsc_rtc_fields again;

        while ((tsc_rtc_register(rtc, TSC_RTC_STATUS_A) & TSC_RTC_UPDATE_IN_PROGRESS) != 0 &&
               tries < TSC_RTC_LOOKS)
            tries++;
        if (tries >= TSC_RTC_LOOKS)
            return 0;
        again = tsc_rtc_read_fields(rtc, century_register);
        if (tsc_rtc_same(f, &again))
            return 1;
        *f = again;
    }
}

enum tsc_status tsc_rtc_seconds(const struct tsc_rtc *rtc, uint8_t century_register,
                                uint64_t *seconds)
{
    const uint8_t mode = tsc_rtc_register(rtc, TSC_RTC_STATUS_B);
    const bool named = century_register != 0, binary = (mode & TSC_RTC_MODE_BINARY) != 0;
    struct calendar_date date;
    unsigned hour, of_century, second;
    struct tsc_rtc_fields f;
    int64_t since_1970;

    if (mode == TSC_RTC_NOTHING)
        return TSC_NONE;
    if (!tsc_rtc_settle(rtc, named ? century_register : TSC_RTC_CENTURY_OF_PCS, &f))
        return TSC_BUSY;

    hour = tsc_rtc_decode(f.hour & 0x7f, binary);
    if ((mode & TSC_RTC_MODE_24_HOURS) == 0)
        hour = hour < 1 || hour > 12 ? TSC_RTC_NOT_A_NUMBER
                                     : hour % 12 + ((f.hour & TSC_RTC_PM) != 0 ? 12 : 0);
    of_century = tsc_rtc_decode(f.year, binary);
    second = tsc_rtc_decode(f.second, binary);
    date.year = tsc_rtc_full_year(tsc_rtc_decode(f.century, binary), of_century, named);
    date.month = (int)tsc_rtc_decode(f.month, binary);
    date.day = (int)tsc_rtc_decode(f.day, binary);
    date.hour = (int)hour;
    date.minute = (int)tsc_rtc_decode(f.minute, binary);
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
static bool tsc_rtc_read_seconds(void *context, uint64_t *count)
{
    struct tsc_rtc_counter *counter = (struct tsc_rtc_counter *)context;
    unsigned second;

    if ((tsc_rtc_register(counter->rtc, TSC_RTC_STATUS_A) & TSC_RTC_UPDATE_IN_PROGRESS) == 0) {
        second = tsc_rtc_decode(tsc_rtc_register(counter->rtc, TSC_RTC_SECONDS), counter->binary);
        if (second < 60) {
            counter->count += (second + 60 - counter->last) % 60;
            counter->last = (uint8_t)second;
        }
    }
    *count = counter->count;
    return 1;
}

enum tsc_status tsc_rtc_timer(struct tsc_rtc_counter *counter, const struct tsc_rtc *rtc,
                              struct tsc_timer *timer)
{
    uint8_t mode = tsc_rtc_register(rtc, TSC_RTC_STATUS_B);
    struct tsc_rtc_fields f;

    if (mode == TSC_RTC_NOTHING)
        return TSC_NONE;
    if (!tsc_rtc_settle(rtc, TSC_RTC_SECONDS, &f))
        return TSC_BUSY;
    counter->rtc = rtc;
    counter->count = 0;
    counter->binary = (mode & TSC_RTC_MODE_BINARY) != 0;
    if (tsc_rtc_decode(f.second, counter->binary) >= 60)
        return TSC_BAD_DATE;
    counter->last = (uint8_t)tsc_rtc_decode(f.second, counter->binary);
    timer->read = tsc_rtc_read_seconds;
    timer->context = counter;
    timer->mask = UINT64_MAX;
    timer->hz = 1;
    timer->error_ppm = 0;
    timer->edges = 1;
    return TSC_OK;
}
