/* SPDX-License-Identifier: 0BSD */
/*
 * Reads the date from the PC's CMOS clock, for kernel/clock/ to use if the host gives none.
 * [1: Motorola MC146818A data sheet.  2: ACPI Specification 6.5, 5.2.9: FADT, CENTURY]
 */
#include "drivers/rtc/rtc.h"
#include "arch/x86/io.h"
#include "base/calendar.h"

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

struct fields {
    uint8_t second, minute, hour, day, month, year, century;
};

static uint8_t cmos(uint8_t reg)
{
    outb(0x70, reg);
    return inb(0x71);
}

static struct fields read_fields(uint8_t century_register)
{
    return (struct fields){cmos(SECONDS), cmos(MINUTES), cmos(HOURS),           cmos(DAY),
                           cmos(MONTH),   cmos(YEAR),    cmos(century_register)};
}

static bool same(struct fields a, struct fields b)
{
    return a.second == b.second && a.minute == b.minute && a.hour == b.hour && a.day == b.day &&
           a.month == b.month && a.year == b.year && a.century == b.century;
}

enum { NOT_A_NUMBER = 1000 };

static unsigned decode(uint8_t value, bool binary)
{
    if (binary)
        return value;
    return value >> 4 > 9 || (value & 15) > 9 ? NOT_A_NUMBER : (value >> 4) * 10u + (value & 15);
}

/*
 * Completes the clock's two digits of the year.  The century register that the FADT names is
 * trusted; the one that PCs usually have, if the FADT names none, may hold anything, so it is
 * used only if its value is plausible.  Otherwise the year is in first_year to first_year + 99.
 */
static unsigned full_year(unsigned century, unsigned year, bool named)
{
    const unsigned first_year = 2020, first = first_year / 100, last = first + 1;

    if (named ? century >= 19 && century <= 99 : century >= first && century <= last)
        return century * 100 + year;
    return (year >= first_year % 100 ? first : last) * 100 + year;
}

bool rtc_read(uint8_t century_register, uint64_t *seconds)
{
    bool named = century_register != 0;
    uint8_t mode = cmos(STATUS_B);

    if (mode == 0xff)
        return false;
    if (!named)
        century_register = CENTURY_OF_PCS;
    struct fields f = read_fields(century_register);
    for (unsigned tries = 0;; tries++) {
        struct fields again;
        while (cmos(STATUS_A) & UPDATE_IN_PROGRESS && tries < 10000)
            tries++;
        if (tries >= 10000)
            return false;
        again = read_fields(century_register);
        if (same(f, again))
            break;
        f = again;
    }

    bool binary = mode & MODE_BINARY;
    unsigned hour = decode(f.hour & 0x7f, binary);
    if (!(mode & MODE_24_HOURS))
        hour = hour < 1 || hour > 12 ? NOT_A_NUMBER : hour % 12 + (f.hour & PM ? 12 : 0);
    unsigned of_century = decode(f.year, binary);
    unsigned second = decode(f.second, binary);
    const struct date date = {
        .year = full_year(decode(f.century, binary), of_century, named),
        .month = (int)decode(f.month, binary),
        .day = (int)decode(f.day, binary),
        .hour = (int)hour,
        .minute = (int)decode(f.minute, binary),
    };
    /* Second 60 is a leap second. */
    if (of_century > 99 || second > 60 || !date_seconds(&date, seconds))
        return false;
    *seconds += second;
    return true;
}
