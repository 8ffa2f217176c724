/* SPDX-License-Identifier: 0BSD */
/*
 * lib/tsc/rtc.c with a clock that the test plays: its formats, its updates between any two reads,
 * the years up to 9999, and its seconds as a timer.
 */
#include "tests/check.h"
#include <string.h>
#include <tsc/calendar.h>
#include <tsc/port/mock.h>
#include <tsc/rtc.h>

/* Interrupts, daylight saving: bits of register B that say nothing of its format. */
enum { BINARY = 4, HOURS_24 = 2, OTHERS = 0x79, NO_REGISTER = 0xff };

/* ---- The clock --------------------------------------------------------- */

static struct {
    uint64_t seconds;
    bool absent, binary, hours_24;
    uint8_t century_at;      /* NO_REGISTER: nowhere */
    uint8_t memory;          /* what 0x32 holds where the century does not stand there */
    unsigned reads, tick_at; /* its time goes on before this read */
    bool races;              /* it goes on before every read */
    unsigned updating;       /* this many looks find an update in progress */
    int broken;              /* a register that holds this; -1: none */
    uint8_t broken_value;
} rtc;

static uint8_t encode(int value)
{
    return (uint8_t)(rtc.binary ? value : value / 10 << 4 | value % 10);
}

static uint8_t get(void *context, uint8_t index)
{
    struct calendar_date t;

    assert_ptr_equal(context, &rtc);
    if (rtc.absent || index == rtc.broken)
        return rtc.broken_value;
    if (rtc.reads++ == rtc.tick_at || rtc.races)
        rtc.seconds++;
    t = calendar_from_seconds((int64_t)rtc.seconds);
    if (index == rtc.century_at)
        return encode((int)(t.year / 100));
    switch (index) {
    case 0:
        return encode(t.second);
    case 2:
        return encode(t.minute);
    case 4:
        if (rtc.hours_24)
            return encode(t.hour);
        return (uint8_t)(encode(t.hour % 12 ? t.hour % 12 : 12) | (t.hour >= 12 ? 0x80 : 0));
    case 7:
        return encode(t.day);
    case 8:
        return encode(t.month);
    case 9:
        return encode((int)(t.year % 100));
    case 10:
        return rtc.updating && rtc.updating-- ? 0xa6 : 0x26;
    case 11:
        return (uint8_t)(OTHERS | (rtc.binary ? BINARY : 0) | (rtc.hours_24 ? HOURS_24 : 0));
    default:
        return rtc.memory;
    }
}

static const struct tsc_rtc clock = {get, &rtc};

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
        assert_true(tsc_rtc_seconds(&clock, (century), &read_) == TSC_OK);                         \
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
            /* The format, seven fields, whether they are at rest, and the fields again. */
            assert_int_equal(rtc.reads, 1 + 7 + 1 + 7);
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
    assert_int_equal(tsc_rtc_seconds(&clock, 0, &is), TSC_OK);
    assert_int_equal(is, y2120 - 1);
    /* A register that is named may say what it likes that is a century of PCs or a later one. */
    begin(0, 0x32);
    IS_READ(0x32);
    static const uint8_t no_centuries[] = {0, 18, 100, 255};
    for (unsigned i = 0; i < sizeof(no_centuries); i++) {
        begin(y2100, 0x32);
        rtc.binary = true;
        rtc.broken = 0x32;
        rtc.broken_value = no_centuries[i];
        IS_READ(0x32);
    }
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
        assert_int_equal(tsc_rtc_seconds(&clock, 0x32, &is), TSC_OK);
        if (is != y2100) /* the tick came after all that was read */
            assert_true(is == y2100 - 1 && read + 1 >= rtc.reads);
    }
    begin(y2100 - 1, 0x32);
    rtc.updating = 500;
    IS_READ(0x32);
    rtc.updating = 1000000; /* for ever: bounded, and no date */
    uint64_t is = 42;
    assert_int_equal(tsc_rtc_seconds(&clock, 0x32, &is), TSC_BUSY);
    assert_true(rtc.updating > 900000 && is == 42);
    /* It never agrees with itself. */
    begin(y2100 - 1, 0x32);
    rtc.races = true;
    assert_int_equal(tsc_rtc_seconds(&clock, 0x32, &is), TSC_BUSY);
    assert_true(rtc.reads < 100000 && is == 42);
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
    assert_int_equal(tsc_rtc_seconds(&clock, 0x32, &is), TSC_NONE);
    assert_int_equal(tsc_rtc_seconds(&clock, 0, &is), TSC_NONE);
    rtc.broken_value = 0; /* as some buses answer for nobody */
    assert_int_equal(tsc_rtc_seconds(&clock, 0x32, &is), TSC_BAD_DATE);
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        begin(y2100, 0x32);
        rtc.broken = wrong[i].reg;
        rtc.broken_value = wrong[i].value;
        assert_int_not_equal(tsc_rtc_seconds(&clock, 0x32, &is), TSC_OK);
    }
    for (unsigned format = 0; format < 4; format++) {
        for (unsigned i = 0; i < sizeof(fields); i++) {
            begin(y2100, 0x32);
            rtc.binary = format & 1;
            rtc.hours_24 = format & 2;
            rtc.broken = fields[i];
            assert_int_not_equal(tsc_rtc_seconds(&clock, 0x32, &is), TSC_OK);
        }
    }
    /* Hours of 12 are 1 to 12. */
    static const uint8_t no_hours[] = {0x00, 0x13, 0x80, 0x93};
    for (unsigned i = 0; i < sizeof(no_hours); i++) {
        begin(y2100, 0x32);
        rtc.hours_24 = false;
        rtc.broken = 4;
        rtc.broken_value = no_hours[i];
        assert_int_equal(tsc_rtc_seconds(&clock, 0x32, &is), TSC_BAD_DATE);
    }
    /* 1969-12-31 and 1900, by a century that the FADT names; second 60 is a leap second. */
    begin(DAY, 0x32);
    rtc.broken = 9;
    rtc.broken_value = 0x69;
    assert_int_equal(tsc_rtc_seconds(&clock, 0x32, &is), TSC_BAD_DATE);
    assert_int_equal(is, 42);
    begin(y2100 - 60, 0x32);
    rtc.broken = 0;
    rtc.broken_value = 0x60;
    assert_int_equal(tsc_rtc_seconds(&clock, 0x32, &is), TSC_OK);
    assert_int_equal(is, y2100);
}

/* ---- As a timer --------------------------------------------------------- */

#define HZ  UINT64_C(1000000007)
#define SEC UINT64_C(1000000000)

enum { UPDATES = 1, UPDATES_FOR_EVER, STANDS, GARBAGE };

/* A second takes 10^9 + 7 cycles; an update takes 2 ms before it, as it does on a chip. */
static struct {
    uint64_t cycles, pause_at, pause;
    unsigned behaviour;
    unsigned reads;
} machine;

uint64_t tsc_mock_read(void)
{
    machine.cycles += 2000;
    return machine.cycles;
}

void tsc_mock_pause(void)
{
}

static uint8_t get_ticking(void *context, uint8_t index)
{
    uint64_t second, of_second;

    assert_ptr_equal(context, &machine);
    machine.reads++;
    machine.cycles += 20000; /* a slow exit, so that the test is quick */
    if (machine.pause_at != 0 && machine.cycles > machine.pause_at) {
        machine.cycles += machine.pause;
        machine.pause_at = 0;
    }
    second = machine.behaviour == STANDS ? 5 : machine.cycles / HZ;
    of_second = machine.cycles % HZ;
    switch (index) {
    case 0:
        if (machine.behaviour == GARBAGE)
            return 0x7a;
        if (machine.behaviour != STANDS && of_second > HZ - 2 * SEC / 1000)
            return 0x33; /* what an update leaves there is not defined */
        return (uint8_t)(second % 60 / 10 << 4 | second % 60 % 10);
    case 10:
        if (machine.behaviour == UPDATES_FOR_EVER)
            return 0xa6;
        return of_second > HZ - 5 * SEC / 2000 && machine.behaviour != STANDS ? 0xa6 : 0x26;
    case 11:
        return 2;
    default:
        return 0;
    }
}

static const struct tsc_rtc ticking = {get_ticking, &machine};

static void rtc_counts_from_the_start_of_the_timer(void **state)
{
    static const uint64_t steps[] = {0, 1, 1, 59, 58, 2};
    struct tsc_rtc_counter counter;
    struct tsc_timer timer;
    uint64_t count, passed = 0;

    (void)state;
    begin(y2100 + 7, 0x32);
    memset(&counter, 0xa5, sizeof(counter));
    assert_int_equal(tsc_rtc_timer(&counter, &clock, &timer), TSC_OK);
    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        rtc.seconds += steps[i];
        passed += steps[i];
        assert_true(timer.read(timer.context, &count));
        assert_int_equal(count, passed);
    }
}

static void rtc_measures_the_tsc(void **state)
{
    struct tsc_rtc_counter counter;
    struct tsc_source source;
    struct tsc_timer timer;
    uint64_t worst = 0;

    (void)state;
    for (unsigned i = 0; i < 60; i++) {
        memset(&machine, 0, sizeof(machine));
        machine.cycles =
            (57 * 20 + i) * HZ / 20; /* across a minute, at all phases, in updates too */
        memset(&counter, 0xa5, sizeof(counter));
        assert_int_equal(tsc_rtc_timer(&counter, &ticking, &timer), TSC_OK);
        assert_int_equal(counter.count, 0);
        uint64_t began = machine.cycles, seconds = 1 + i % 4;
        assert_int_equal(tsc_measure(&timer, seconds, &source), TSC_OK);
        /* From the next edge. */
        assert_true(machine.cycles - began < (seconds + 1) * HZ + HZ / 100);
        uint64_t off = source.hz > HZ ? source.hz - HZ : HZ - source.hz;
        assert_true(off * 1000000 <= source.error_ppm * HZ);
        assert_true(source.error_ppm <= 200);
        worst = source.error_ppm > worst ? source.error_ppm : worst;
    }
    figures("60 measurements of 1 to 4 s, within %u ppm", (unsigned)worst);
}

static void rtc_that_does_not_tick_is_given_up(void **state)
{
    struct tsc_rtc_counter counter;
    struct tsc_source source;
    struct tsc_timer timer;

    (void)state;
    memset(&machine, 0, sizeof(machine));
    machine.behaviour = STANDS;
    assert_int_equal(tsc_rtc_timer(&counter, &ticking, &timer), TSC_OK);
    assert_int_equal(tsc_measure(&timer, 2, &source), TSC_STUCK);
    assert_true(machine.reads < 9000000 && machine.cycles < 60 * SEC);
    machine.behaviour = UPDATES_FOR_EVER; /* after it has been found */
    assert_int_equal(tsc_measure(&timer, 2, &source), TSC_STUCK);
    assert_int_equal(tsc_rtc_timer(&counter, &ticking, &timer), TSC_BUSY);
    machine.behaviour = GARBAGE;
    assert_int_equal(tsc_rtc_timer(&counter, &ticking, &timer), TSC_BAD_DATE);
    begin(y2100, 0x32);
    rtc.broken = 0; /* in a leap second, from which no difference is known */
    rtc.broken_value = 0x60;
    assert_int_equal(tsc_rtc_timer(&counter, &clock, &timer), TSC_BAD_DATE);
    begin(y2100, 0x32);
    rtc.absent = true;
    assert_int_equal(tsc_rtc_timer(&counter, &clock, &timer), TSC_NONE);
}

/* Whole seconds that nobody saw pass, or that lasted longer than a second of the clock. */
static void rtc_pause_costs_a_window(void **state)
{
    static const uint64_t pauses[] = {SEC / 100, SEC / 2, 3 * SEC, 59 * SEC, 61 * SEC};

    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct tsc_rtc_counter counter;
        struct tsc_source source;
        struct tsc_timer timer;

        memset(&machine, 0, sizeof(machine));
        assert_int_equal(tsc_rtc_timer(&counter, &ticking, &timer), TSC_OK);
        machine.pause_at = 3 * HZ / 2;
        machine.pause = pauses[i];
        assert_int_equal(tsc_measure(&timer, 4, &source), TSC_OK);
        uint64_t off = source.hz > HZ ? source.hz - HZ : HZ - source.hz;
        assert_true(off * 1000000 <= source.error_ppm * HZ && source.error_ppm < 200);
        assert_int_equal(machine.pause_at, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rtc_tells_the_date),
        cmocka_unit_test(rtc_outlasts_32_bits),
        cmocka_unit_test(rtc_tick_between_reads_tears_no_date),
        cmocka_unit_test(rtc_that_is_none_tells_nothing),
        cmocka_unit_test(rtc_counts_from_the_start_of_the_timer),
        cmocka_unit_test(rtc_measures_the_tsc),
        cmocka_unit_test(rtc_that_does_not_tick_is_given_up),
        cmocka_unit_test(rtc_pause_costs_a_window),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
