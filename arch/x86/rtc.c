/* SPDX-License-Identifier: 0BSD */
/* [1: Motorola MC146818A data sheet; the century at 0x32 is where the ACPI FADT of PCs has it] */
#include "arch/x86/rtc.h"
#include "arch/x86/io.h"

enum {
    SECONDS = 0,
    MINUTES = 2,
    HOURS = 4,
    DAY = 7,
    MONTH = 8,
    YEAR = 9,
    STATUS_A = 10,
    STATUS_B = 11,
    CENTURY = 0x32
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

static struct fields read_fields(void)
{
    return (struct fields){cmos(SECONDS), cmos(MINUTES), cmos(HOURS),  cmos(DAY),
                           cmos(MONTH),   cmos(YEAR),    cmos(CENTURY)};
}

static bool same(struct fields a, struct fields b)
{
    return a.second == b.second && a.minute == b.minute && a.hour == b.hour && a.day == b.day &&
           a.month == b.month && a.year == b.year && a.century == b.century;
}

static unsigned decode(uint8_t value, bool binary)
{
    return binary ? value : (value >> 4) * 10u + (value & 15);
}

/* Days from 1970-01-01 to the first of March of year y, and on: years that begin in March end in
 * leap days. */
static uint64_t days_since_epoch(unsigned year, unsigned month, unsigned day)
{
    unsigned y = month > 2 ? year : year - 1;
    unsigned m = month > 2 ? month - 3 : month + 9;

    return (uint64_t)y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
}

bool rtc_read(uint64_t *seconds)
{
    uint8_t mode = cmos(STATUS_B);

    if (mode == 0xff)
        return false;
    struct fields f = read_fields();
    for (unsigned tries = 0;; tries++) {
        struct fields again;
        while (cmos(STATUS_A) & UPDATE_IN_PROGRESS && tries < 10000)
            tries++;
        if (tries >= 10000)
            return false;
        again = read_fields();
        if (same(f, again))
            break;
        f = again;
    }

    bool binary = mode & MODE_BINARY;
    unsigned hour = decode(f.hour & 0x7f, binary);
    if (!(mode & MODE_24_HOURS))
        hour = hour % 12 + (f.hour & PM ? 12 : 0);
    unsigned century = decode(f.century, binary);
    unsigned year = (century >= 19 && century <= 99 ? century : 20) * 100 + decode(f.year, binary);
    unsigned month = decode(f.month, binary), day = decode(f.day, binary);
    unsigned minute = decode(f.minute, binary), second = decode(f.second, binary);

    if (year < 1970 || month < 1 || month > 12 || day < 1 || day > 31 || hour > 23 || minute > 59 ||
        second > 60)
        return false;
    *seconds = (days_since_epoch(year, month, day) * 24 + hour) * 3600 + minute * 60 + second;
    return true;
}
