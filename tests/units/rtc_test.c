/* SPDX-License-Identifier: 0BSD */
/* arch/x86/rtc.c on an RTC in each of its modes, on one that is being updated, and on none. */
#include "arch/x86/io.h"
#include "arch/x86/rtc.h"
#include "tests/pvclock/check.h"
#include <string.h>
#include <time.h>

/* ---- The chip ----------------------------------------------------------------------------------
 */

static struct {
    uint8_t cmos[128];
    uint8_t at;
    uint8_t absent;      /* what every register of none shows; 1: there is one */
    unsigned reads;      /* of any register, so far */
    unsigned tick_after; /* reads after which the next second begins; 0: it does not */
    time_t now;
} chip;

static bool binary, hours_24;

static uint8_t encode(int value)
{
    return (uint8_t)(binary ? value : value / 10 * 16 + value % 10);
}

static void show(time_t now)
{
    struct tm t;

    chip.now = now;
    gmtime_r(&now, &t);
    chip.cmos[0] = encode(t.tm_sec);
    chip.cmos[2] = encode(t.tm_min);
    chip.cmos[4] = hours_24 ? encode(t.tm_hour) : encode(t.tm_hour % 12 ? t.tm_hour % 12 : 12);
    if (!hours_24 && t.tm_hour >= 12)
        chip.cmos[4] |= 0x80;
    chip.cmos[7] = encode(t.tm_mday);
    chip.cmos[8] = encode(t.tm_mon + 1);
    chip.cmos[9] = encode(t.tm_year % 100);
    chip.cmos[0x32] = encode((t.tm_year + 1900) / 100);
    chip.cmos[0x0b] = (uint8_t)(binary << 2 | hours_24 << 1);
}

void outb(uint16_t port, uint8_t value)
{
    assert_int_equal(port, 0x70);
    chip.at = value & 127;
}

uint8_t inb(uint16_t port)
{
    assert_int_equal(port, 0x71);
    if (chip.absent != 1)
        return chip.absent;
    if (++chip.reads == chip.tick_after)
        show(chip.now + 1);
    return chip.cmos[chip.at];
}

static void start(bool as_binary, bool with_24_hours, time_t now)
{
    memset(&chip, 0, sizeof(chip));
    chip.absent = 1;
    binary = as_binary;
    hours_24 = with_24_hours;
    show(now);
}

/* ---- The tests ---------------------------------------------------------------------------------
 */

static void rtc_tells_the_date(void **state)
{
    static const time_t some[] = {0,          86399,      951782399,  951782400,  1078012800,
                                  1763845200, 2147483647, 2147483648, 4107542400, 4294967296};
    uint64_t seconds, random = 1;
    unsigned n = 0;

    (void)state;
    for (unsigned mode = 0; mode < 4; mode++) {
        for (unsigned i = 0; i < 1000; i++, n++) {
            time_t now = i < 10 ? some[i] : (time_t)(next_random(&random) % 4102444800);
            start(mode & 1, mode & 2, now);
            assert_true(rtc_read(&seconds));
            assert_int_equal(seconds, now);
        }
    }
    /* The second changes between any two reads of a register: told is the one or the other. */
    for (unsigned after = 1; after < 20; after++, n++) {
        start(false, true, 1735689599);
        chip.tick_after = after;
        assert_true(rtc_read(&seconds));
        assert_true(seconds == 1735689599 || seconds == 1735689600);
    }
    figures("%u dates from 1970 to 2106, BCD and binary, 12 and 24 hours", n);
}

/* No date is better than one of 1999. */
static void rtc_that_is_none_tells_nothing(void **state)
{
    static const struct {
        unsigned reg, value;
    } wrong[] = {{8, 0x00}, {8, 0x13}, {7, 0x00}, {7, 0x32}, {4, 0x24}, {2, 0x60}, {0, 0x61}};
    uint64_t seconds = 42;

    (void)state;
    start(false, true, 1763845200);
    chip.absent = 0xff;
    assert_false(rtc_read(&seconds));
    chip.absent = 0;
    assert_false(rtc_read(&seconds));
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        start(false, true, 1763845200);
        chip.cmos[wrong[i].reg] = (uint8_t)wrong[i].value;
        assert_false(rtc_read(&seconds));
    }
    /* One that is always in the middle of an update. */
    start(false, true, 1763845200);
    chip.cmos[0x0a] = 0x80;
    assert_false(rtc_read(&seconds));
    assert_int_equal(seconds, 42);
    /* A chip without a century. */
    start(false, true, 1763845200);
    chip.cmos[0x32] = 0;
    assert_true(rtc_read(&seconds));
    assert_int_equal(seconds, 1763845200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rtc_tells_the_date),
        cmocka_unit_test(rtc_that_is_none_tells_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
