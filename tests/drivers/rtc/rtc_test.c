/* SPDX-License-Identifier: 0BSD */
/*
 * drivers/rtc/rtc.c with a clock that the test plays: its formats, its updates between any two
 * reads, and the years up to 9999.
 */
#include "arch/x86/io.h"
#include "drivers/rtc/rtc.h"
#include "tests/check.h"
#include <string.h>
#include <time.h>

enum { BINARY = 4, HOURS_24 = 2, NO_REGISTER = 0xff };

/* ---- The clock --------------------------------------------------------- */

static struct {
    uint64_t seconds;
    bool absent, binary, hours_24;
    uint8_t century_at; /* NO_REGISTER: nowhere */
    uint8_t memory;     /* what 0x32 holds where the century does not stand there */
    uint8_t index;
    unsigned reads, tick_at; /* its time goes on before this read */
    unsigned updating;       /* this many looks find an update in progress */
    int broken;              /* a register that holds this; -1: none */
    uint8_t broken_value;
} rtc;

void outb(uint16_t port, uint8_t value)
{
    assert_int_equal(port, 0x70);
    rtc.index = value;
}

static uint8_t encode(int value)
{
    return (uint8_t)(rtc.binary ? value : value / 10 << 4 | value % 10);
}

uint8_t inb(uint16_t port)
{
    struct tm t;

    assert_int_equal(port, 0x71);
    if (rtc.absent || rtc.index == rtc.broken)
        return rtc.broken_value;
    if (rtc.reads++ == rtc.tick_at)
        rtc.seconds++;
    time_t seconds = (time_t)rtc.seconds;
    gmtime_r(&seconds, &t);
    if (rtc.index == rtc.century_at)
        return encode((t.tm_year + 1900) / 100);
    switch (rtc.index) {
    case 0:
        return encode(t.tm_sec);
    case 2:
        return encode(t.tm_min);
    case 4:
        if (rtc.hours_24)
            return encode(t.tm_hour);
        return (uint8_t)(encode(t.tm_hour % 12 ? t.tm_hour % 12 : 12) |
                         (t.tm_hour >= 12 ? 0x80 : 0));
    case 7:
        return encode(t.tm_mday);
    case 8:
        return encode(t.tm_mon + 1);
    case 9:
        return encode(t.tm_year % 100);
    case 10:
        return rtc.updating && rtc.updating-- ? 0xa6 : 0x26;
    case 11:
        return (uint8_t)((rtc.binary ? BINARY : 0) | (rtc.hours_24 ? HOURS_24 : 0));
    default:
        return rtc.memory;
    }
}

static void begin(uint64_t seconds, uint8_t century_at)
{
    memset(&rtc, 0, sizeof(rtc));
    rtc.seconds = seconds;
    rtc.century_at = century_at;
    rtc.hours_24 = true;
    rtc.tick_at = UINT32_MAX;
    rtc.broken = -1;
    rtc.broken_value = 0xff;
}

#define IS_READ(century)                                                                           \
    do {                                                                                           \
        uint64_t read_;                                                                            \
        assert_true(rtc_read((century), &read_));                                                  \
        assert_int_equal(read_, rtc.seconds);                                                      \
    } while (0)

#define DAY UINT64_C(86400)
static const uint64_t y2020 = 1577836800, y2100 = 4102444800, y2120 = 4733510400;
static const uint64_t y10000 = 253402300800;

/* Each day of the years that can be told, in all four formats. */
static void rtc_tells_the_date(void **state)
{
    (void)state;
    for (unsigned format = 0; format < 4; format++) {
        for (uint64_t day = 0; day < y10000 / DAY; day += day < y2120 / DAY ? 1 : 97) {
            begin(day * DAY + day % DAY, 0x32);
            rtc.binary = format & 1;
            rtc.hours_24 = format & 2;
            IS_READ(0x32);
        }
        for (uint64_t second = 0; second < DAY; second += 59) {
            begin(y2100 - DAY + second, 0x37);
            rtc.binary = format & 1;
            rtc.hours_24 = format & 2;
            IS_READ(0x37);
        }
    }
}

/* 2038, 2100, which has no leap day, and 2106, with and without a register for the century. */
static void rtc_outlasts_32_bits(void **state)
{
    static const uint64_t moments[] = {2147483640, 2214086390, 4107542395, 4294967290, 4320000000};

    (void)state;
    for (unsigned i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        for (unsigned s = 0; s < 20; s++) {
            begin(moments[i] + s, 0x32);
            IS_READ(0x32);
            IS_READ(0); /* where PCs have it */
            begin(moments[i] + s, NO_REGISTER);
            rtc.memory = (uint8_t)(s * 13); /* whatever else stands there */
            if (rtc.memory != 0x20 && rtc.memory != 0x21)
                IS_READ(0);
        }
    }
    /* Without one: from 2020 to 2119. */
    begin(y2020, NO_REGISTER);
    IS_READ(0);
    begin(y2120 - 1, NO_REGISTER);
    IS_READ(0);
    uint64_t is;
    begin(y2020 - 1, NO_REGISTER);
    assert_true(rtc_read(0, &is));
    assert_int_equal(is, y2120 - 1);
    /* A register that is named may say what it likes. */
    begin(0, 0x32);
    IS_READ(0x32);
    begin(y10000 - 1, 0x32);
    IS_READ(0x32);
}

/* The clock goes on before any of the reads, at a moment when all its fields change. */
static void rtc_tick_between_reads_tears_no_date(void **state)
{
    (void)state;
    for (unsigned read = 0; read < 40; read++) {
        begin(y2100 - 1, 0x32);
        rtc.tick_at = read;
        uint64_t is;
        assert_true(rtc_read(0x32, &is));
        if (is != y2100) /* the tick came after all that was read */
            assert_true(is == y2100 - 1 && read + 1 >= rtc.reads);
    }
    begin(y2100 - 1, 0x32);
    rtc.updating = 500;
    IS_READ(0x32);
    rtc.updating = 1000000; /* for ever: bounded, and no date */
    uint64_t is;
    assert_false(rtc_read(0x32, &is));
    assert_true(rtc.updating > 900000);
}

static void rtc_that_is_none_tells_nothing(void **state)
{
    static const uint8_t fields[] = {0, 2, 4, 7, 8, 9, 11};
    static const struct {
        uint8_t reg, value;
    } wrong[] = {{8, 0x00}, {8, 0x13}, {7, 0x00}, {7, 0x32}, {4, 0x24}, {2, 0x60}, {0, 0x61}};
    uint64_t is = 42;

    (void)state;
    begin(y2100, 0x32);
    rtc.absent = true;
    assert_false(rtc_read(0x32, &is));
    assert_false(rtc_read(0, &is));
    rtc.broken_value = 0; /* as some buses answer for nobody */
    assert_false(rtc_read(0x32, &is));
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        begin(y2100, 0x32);
        rtc.broken = wrong[i].reg;
        rtc.broken_value = wrong[i].value;
        assert_false(rtc_read(0x32, &is));
    }
    for (unsigned format = 0; format < 4; format++) {
        for (unsigned i = 0; i < sizeof(fields); i++) {
            begin(y2100, 0x32);
            rtc.binary = format & 1;
            rtc.hours_24 = format & 2;
            rtc.broken = fields[i];
            assert_false(rtc_read(0x32, &is));
        }
    }
    assert_int_equal(is, 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rtc_tells_the_date),
        cmocka_unit_test(rtc_outlasts_32_bits),
        cmocka_unit_test(rtc_tick_between_reads_tears_no_date),
        cmocka_unit_test(rtc_that_is_none_tells_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
