/* SPDX-License-Identifier: 0BSD */
/*
 * What lib/timecounter promises, function by function, and the rows of known bugs that a
 * timecounter can have.
 */
#include "tests/check.h"
#include "tests/lib/timecounter/mock.h"
#include <inttypes.h>
#include <string.h>

#define HZ      2299998765u
#define ALL     UINT64_MAX
#define SECOND  INT64_C(1000000000)
#define FOREVER (UINT64_C(1) << 62)

static struct timecounters set;
static uint64_t count_a, count_b, count_c;
static struct timecounter a, b, c;

/* A fresh set with `a`, chosen. */
static void begin_at(uint64_t count, uint64_t mask, uint64_t hz)
{
    count_a = count;
    a = mock_counter("a", &count_a, mask, hz, 0);
    assert_int_equal(timecounters_init(&set, 0), TC_OK);
    assert_int_equal(tc_register(&set, &a), TC_OK);
    assert_int_equal(tc_choose(&set, NULL), TC_OK);
}

static int64_t ns_of(enum tc_clock clock)
{
    int64_t ns;
    enum tc_status status = tc_getns(&set, clock, &ns);

    assert_true(status == TC_OK || status == TC_UNSET);
    return ns;
}

static int64_t uptime(void)
{
    return ns_of(TC_CLOCK_UPTIME);
}

/* ---- Registration and choice ------------------------------------------- */

static void registration(void **state)
{
    static const uint64_t bad_masks[] = {0, 1, 0x7f, 0xfe, 0x1fe, 0xffffff00, 0xf0f, ALL - 1};
    struct timecounter same = mock_counter("a", &count_b, ALL, HZ, 5);

    (void)state;
    a = mock_counter("a", &count_a, ALL, HZ, 0);
    assert_int_equal(timecounters_init(NULL, 0), TC_NULL);
    assert_int_equal(timecounters_init(&set, 0), TC_OK);
    assert_int_equal(tc_register(NULL, &a), TC_NULL);
    assert_int_equal(tc_register(&set, NULL), TC_NULL);

    a.name = NULL;
    assert_int_equal(tc_register(&set, &a), TC_NULL);
    a.name = "";
    assert_int_equal(tc_register(&set, &a), TC_BAD_NAME);
    a.name = "a";
    a.read = NULL;
    assert_int_equal(tc_register(&set, &a), TC_NULL);
    a.read = mock_read;
    for (size_t i = 0; i < sizeof(bad_masks) / sizeof(bad_masks[0]); i++) {
        a.mask = bad_masks[i];
        assert_int_equal(tc_register(&set, &a), TC_BAD_MASK);
    }
    a.mask = 0xff;
    a.frequency = 0;
    assert_int_equal(tc_register(&set, &a), TC_BAD_FREQUENCY);
    a.frequency = 1;
    a.flags = 4;
    assert_int_equal(tc_register(&set, &a), TC_BAD_FLAGS);
    a.flags = TC_GUARDED;
    assert_null(tc_next(&set, NULL));
    assert_int_equal(tc_register(&set, &a), TC_OK);
    assert_int_equal(tc_register(&set, &a), TC_DUPLICATE);
    assert_int_equal(tc_register(&set, &same), TC_DUPLICATE);
    same.name = "ab";
    assert_int_equal(tc_register(&set, &same), TC_OK);
    same.name = "b";
    assert_int_equal(tc_register(&set, &same), TC_DUPLICATE);

    assert_ptr_equal(tc_next(&set, NULL), &a);
    assert_ptr_equal(tc_next(&set, &a), &same);
    assert_null(tc_next(&set, &same));
    assert_null(tc_next(NULL, NULL));
    assert_ptr_equal(tc_find(&set, "b"), &same);
    assert_null(tc_find(&set, "ab"));
    assert_null(tc_find(&set, ""));
    assert_null(tc_find(&set, NULL));
    assert_null(tc_find(NULL, "a"));
}

/* Whatever was in the memory that it is made of. */
static void a_new_set_remembers_nothing(void **state)
{
    struct tc_statistics statistics;

    (void)state;
    memset(&set, 0xff, sizeof(set));
    assert_int_equal(timecounters_init(&set, 7), TC_OK);
    assert_null(tc_current(&set));
    assert_null(tc_next(&set, NULL));
    assert_int_equal(tc_get_statistics(&set, &statistics), TC_OK);
    assert_int_equal(statistics.windups, 0);
    assert_int_equal(statistics.switches, 0);
    assert_int_equal(statistics.steps_back, 0);
    assert_int_equal(statistics.restarts, 0);
    assert_int_equal(statistics.guarded, 0);
    assert_int_equal(set.windup_interval_ns, 7);
    assert_true(set.guard == 0 && set.guard_until.sec == 0 && set.guard_until.frac == 0);
    for (unsigned i = 0; i < TC_HANDS; i++)
        assert_int_equal(set.slot[i].generation, 0);
    for (unsigned i = 0; i < TC_HANDS_WORDS; i++)
        assert_int_equal(set.own.words[i], 0);
}

static void choice(void **state)
{
    uintptr_t dummy_state;
    struct timecounter dummy;
    struct tc_switch report;

    (void)state;
    assert_int_equal(timecounters_init(&set, 0), TC_OK);
    assert_int_equal(tc_choose(&set, NULL), TC_NONE);
    assert_null(tc_current(&set));
    tc_dummy(&dummy, &dummy_state);
    assert_int_equal(tc_register(&set, &dummy), TC_OK);
    a = mock_counter("TSC", &count_a, ALL, HZ, TC_QUALITY_TSC_UNSYNCHRONISED);
    b = mock_counter("HPET", &count_b, 0xffffffff, 14318180, TC_QUALITY_HPET);
    c = mock_counter("kvmclock", &count_c, ALL, 1000000000, TC_QUALITY_KVMCLOCK);
    assert_int_equal(tc_register(&set, &a), TC_OK);

    /* A negative quality is never chosen by itself, but may be by hand. */
    assert_int_equal(tc_choose(&set, NULL), TC_NONE);
    assert_null(tc_current(&set));
    assert_int_equal(tc_select(&set, "dummy", &report), TC_OK);
    assert_ptr_equal(tc_current(&set), &dummy);
    assert_null(report.from);
    assert_ptr_equal(report.to, &dummy);
    assert_int_equal(tc_select(&set, "TSC", NULL), TC_OK);
    assert_ptr_equal(tc_current(&set), &a);
    assert_int_equal(tc_choose(&set, NULL), TC_NONE);
    assert_ptr_equal(tc_current(&set), &a);

    /* The highest quality; kvmclock before HPET before TSC; and at once when a quality changes. */
    assert_int_equal(tc_register(&set, &b), TC_OK);
    assert_int_equal(tc_register(&set, &c), TC_OK);
    assert_int_equal(tc_choose(&set, &report), TC_OK);
    assert_ptr_equal(tc_current(&set), &c);
    assert_ptr_equal(report.from, &a);
    assert_int_equal(tc_choose(&set, &report), TC_OK);
    assert_ptr_equal(report.from, report.to);
    a.quality = TC_QUALITY_TSC;
    assert_int_equal(tc_choose(&set, NULL), TC_OK);
    assert_ptr_equal(tc_current(&set), &c);
    a.quality = TC_QUALITY_TSC_INVARIANT;
    assert_int_equal(tc_choose(&set, NULL), TC_OK);
    assert_ptr_equal(tc_current(&set), &a);
    /* Equal quality: the higher frequency; equal too: the earlier. */
    b.quality = c.quality = a.quality = 7;
    assert_int_equal(tc_choose(&set, NULL), TC_OK);
    assert_ptr_equal(tc_current(&set), &a);
    assert_int_equal(tc_set_frequency(&set, &c, HZ), TC_OK);
    assert_int_equal(tc_choose(&set, NULL), TC_OK);
    assert_ptr_equal(tc_current(&set), &a);

    assert_int_equal(tc_select(&set, "none", &report), TC_NOT_FOUND);
    assert_int_equal(tc_select(&set, NULL, NULL), TC_NULL);
    assert_int_equal(tc_select(NULL, "TSC", NULL), TC_NULL);
    assert_int_equal(tc_choose(NULL, NULL), TC_NULL);
    assert_ptr_equal(tc_current(&set), &a);
}

static void qualities(void **state)
{
    (void)state;
    assert_int_equal(TC_OK, 0); /* and no other status is */
    /* FreeBSD's, and their order. */
    assert_int_equal(TC_QUALITY_KVMCLOCK, 975);
    assert_int_equal(TC_QUALITY_TSC, 800);
    assert_int_equal(TC_QUALITY_TSC_INVARIANT, 1000);
    assert_int_equal(TC_QUALITY_TSC_UNSYNCHRONISED, -100);
    assert_int_equal(TC_QUALITY_HPET, 950);
    assert_int_equal(TC_QUALITY_ACPI_FAST, 900);
    assert_int_equal(TC_QUALITY_I8254, 0);
    assert_int_equal(TC_QUALITY_DUMMY, -1000000);
    for (int status = TC_OK; status <= TC_RESTARTED; status++) {
        const char *text = tc_status_text((enum tc_status)status);

        assert_true(text[0] != '\0' && strcmp(text, "unknown status") != 0);
        for (int other = TC_OK; other < status; other++)
            assert_string_not_equal(text, tc_status_text((enum tc_status)other));
    }
    assert_string_equal(tc_status_text((enum tc_status)99), "unknown status");
}

static void max_gap(void **state)
{
    struct timecounter acpi = mock_counter("ACPI-fast", &count_a, 0xffffff, 3579545, 900);
    struct timecounter i8254 = mock_counter("i8254", &count_a, 0xffff, 1193182, 0);
    struct timecounter hpet = mock_counter("HPET", &count_a, 0xffffffff, 14318180, 950);
    struct timecounter tsc = mock_counter("TSC", &count_a, ALL, HZ, 800);
    struct timecounter slow = mock_counter("slow", &count_a, ALL, 1, 800);

    (void)state;
    assert_int_equal(tc_max_gap_ns(&acpi), 2343484157); /* (2^23 - 1) / 3579545 s */
    assert_int_equal(tc_max_gap_ns(&i8254), 27461862);
    assert_int_equal(tc_max_gap_ns(&hpet), 149983003915);
    assert_true(tc_max_gap_ns(&tsc) == UINT64_C(4010163908437914229));
    assert_true(tc_max_gap_ns(&slow) == UINT64_MAX);
    assert_int_equal(tc_max_gap_ns(NULL), 0);
    slow.mask = 0xff;
    slow.frequency = 79;
    assert_int_equal(tc_max_gap_ns(&slow), 1607594936); /* 127 / 79 s */
    slow.frequency = 0;
    assert_int_equal(tc_max_gap_ns(&slow), 0);
    /* (2^63 - 1) / (5 * 10^8) s are 2^64 - 2 ns, the most that fits. */
    tsc.frequency = 500000000;
    assert_true(tc_max_gap_ns(&tsc) == UINT64_MAX - 1);
    tsc.frequency = 499999999;
    assert_true(tc_max_gap_ns(&tsc) == UINT64_MAX);

    /* A promise of 1 ms lets all pass, of 100 ms not i8254, of 3 s neither of the narrow ones. */
    for (int i = 0; i < 3; i++) {
        static const uint64_t promise[] = {1000000, 100000000, 3000000000};

        assert_int_equal(timecounters_init(&set, promise[i]), TC_OK);
        assert_int_equal(tc_register(&set, &i8254), TC_OK);
        assert_int_equal(tc_register(&set, &acpi), TC_OK);
        assert_int_equal(tc_choose(&set, NULL), i < 2 ? TC_OK : TC_NONE);
        assert_int_equal(tc_select(&set, "i8254", NULL), i < 1 ? TC_OK : TC_WRAPS_TOO_SOON);
        assert_ptr_equal(tc_current(&set), i < 1 ? &i8254 : i < 2 ? &acpi : NULL);
    }
    /* The bound itself is allowed. */
    assert_int_equal(timecounters_init(&set, tc_max_gap_ns(&acpi)), TC_OK);
    assert_int_equal(tc_register(&set, &acpi), TC_OK);
    assert_int_equal(tc_choose(&set, NULL), TC_OK);
    assert_int_equal(tc_set_frequency(&set, &acpi, 3579546), TC_WRAPS_TOO_SOON);
    assert_int_equal(acpi.frequency, 3579545);
    assert_int_equal(tc_set_frequency(&set, &acpi, 3579544), TC_OK);
}

/* ---- Before there is a time -------------------------------------------- */

static void not_ready(void **state)
{
    struct tc_timespec time = {7, 7};
    struct tc_bintime bintime = {7, 7};
    struct tc_hands hands;
    struct tc_statistics statistics;
    int64_t ns = 7;

    (void)state;
    assert_int_equal(timecounters_init(&set, 0), TC_OK);
    assert_int_equal(tc_gettime(&set, TC_CLOCK_UPTIME, &time), TC_NONE);
    assert_true(time.sec == 0 && time.nsec == 0);
    assert_int_equal(tc_getns(&set, TC_CLOCK_REALTIME, &ns), TC_NONE);
    assert_int_equal(ns, 0);
    assert_int_equal(tc_getbintime(&set, TC_CLOCK_UPTIME_FAST, &bintime), TC_NONE);
    assert_true(bintime.sec == 0 && bintime.frac == 0);
    time = (struct tc_timespec){7, 7};
    assert_int_equal(tc_getres(&set, TC_CLOCK_UPTIME, &time), TC_NONE);
    assert_true(time.sec == 0 && time.nsec == 0);
    time = (struct tc_timespec){7, 7};
    assert_int_equal(tc_boottime(&set, &time), TC_NONE);
    assert_true(time.sec == 0 && time.nsec == 0);
    assert_int_equal(tc_get_hands(&set, &hands), TC_NONE);
    assert_int_equal(tc_windup(&set), TC_NONE);
    assert_int_equal(tc_advance(&set, 1), TC_NONE);
    time.sec = 1;
    time.nsec = 0;
    assert_int_equal(tc_setclock(&set, &time, NULL), TC_NONE);
    assert_int_equal(tc_setclock_at(&set, &time, &time, NULL), TC_NONE);

    assert_int_equal(tc_gettime(NULL, TC_CLOCK_UPTIME, &time), TC_NULL);
    assert_int_equal(tc_gettime(&set, TC_CLOCK_UPTIME, NULL), TC_NULL);
    assert_int_equal(tc_getns(NULL, TC_CLOCK_UPTIME, &ns), TC_NULL);
    assert_int_equal(tc_getns(&set, TC_CLOCK_UPTIME, NULL), TC_NULL);
    assert_int_equal(tc_getbintime(&set, TC_CLOCK_UPTIME, NULL), TC_NULL);
    assert_int_equal(tc_getres(&set, TC_CLOCK_UPTIME, NULL), TC_NULL);
    assert_int_equal(tc_boottime(NULL, &time), TC_NULL);
    assert_int_equal(tc_setclock(&set, NULL, NULL), TC_NULL);
    assert_int_equal(tc_setclock_at(&set, &time, NULL, NULL), TC_NULL);
    assert_int_equal(tc_windup(NULL), TC_NULL);
    assert_int_equal(tc_advance(NULL, 1), TC_NULL);
    assert_int_equal(tc_get_hands(&set, NULL), TC_NULL);
    assert_int_equal(tc_get_statistics(&set, NULL), TC_NULL);
    assert_int_equal(tc_set_frequency(&set, NULL, 1), TC_NULL);
    assert_int_equal(tc_set_frequency(&set, &a, 0), TC_BAD_FREQUENCY);
    assert_int_equal(tc_set_frequency(&set, &a, 1), TC_NOT_FOUND);
    assert_int_equal(tc_get_statistics(&set, &statistics), TC_OK);
    assert_int_equal(statistics.windups, 0);
}

/* ---- Clocks ------------------------------------------------------------ */

static const int clocks[] = {TC_CLOCK_REALTIME,       TC_CLOCK_MONOTONIC,
                             TC_CLOCK_UPTIME,         TC_CLOCK_UPTIME_PRECISE,
                             TC_CLOCK_UPTIME_FAST,    TC_CLOCK_REALTIME_PRECISE,
                             TC_CLOCK_REALTIME_FAST,  TC_CLOCK_MONOTONIC_PRECISE,
                             TC_CLOCK_MONOTONIC_FAST, TC_CLOCK_SECOND};

static bool is_in(int number, const int *list, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (list[i] == number)
            return true;
    return false;
}

static void clock_numbers(void **state)
{
    struct tc_timespec time;

    (void)state;
    begin_at(0, ALL, 1000000000);
    for (int number = -2; number < 20; number++) {
        bool known = is_in(number, clocks, sizeof(clocks) / sizeof(clocks[0]));
        enum tc_status status = tc_gettime(&set, (enum tc_clock)number, &time);

        assert_true(known ? status == TC_OK || status == TC_UNSET : status == TC_BAD_CLOCK);
        assert_int_equal(tc_getres(&set, (enum tc_clock)number, &time),
                         known ? TC_OK : TC_BAD_CLOCK);
    }
}

static void forms(void **state)
{
    const struct tc_timespec set_to = {1700000000, 999999999};
    struct tc_timespec time;
    struct tc_bintime bintime;

    (void)state;
    begin_at(5, ALL, 1000000000);
    count_a += 1500000000;
    assert_int_equal(tc_windup(&set), TC_OK);
    assert_int_equal(tc_gettime(&set, TC_CLOCK_REALTIME, &time), TC_UNSET);
    assert_true(time.sec == 1 && time.nsec == 500000000);
    assert_int_equal(tc_boottime(&set, &time), TC_UNSET);
    assert_int_equal(tc_gettime(&set, TC_CLOCK_UPTIME, &time), TC_OK);
    assert_int_equal(tc_setclock(&set, &set_to, NULL), TC_OK);
    count_a += 1;

    assert_int_equal(ns_of(TC_CLOCK_UPTIME), 1500000001);
    assert_int_equal(ns_of(TC_CLOCK_UPTIME_PRECISE), 1500000001);
    assert_int_equal(ns_of(TC_CLOCK_UPTIME_FAST), 1500000000);
    assert_int_equal(ns_of(TC_CLOCK_BOOTTIME), 1500000001);
    assert_int_equal(ns_of(TC_CLOCK_MONOTONIC), 1500000001);
    assert_int_equal(ns_of(TC_CLOCK_MONOTONIC_PRECISE), 1500000001);
    assert_int_equal(ns_of(TC_CLOCK_MONOTONIC_FAST), 1500000000);
    assert_int_equal(ns_of(TC_CLOCK_REALTIME), 1700000001000000000);
    assert_int_equal(ns_of(TC_CLOCK_REALTIME_PRECISE), 1700000001000000000);
    assert_int_equal(ns_of(TC_CLOCK_REALTIME_FAST), 1700000000999999999);
    assert_int_equal(ns_of(TC_CLOCK_SECOND), 1700000000000000000);
    assert_int_equal(tc_getbintime(&set, TC_CLOCK_SECOND, &bintime), TC_OK);
    assert_true(bintime.sec == 1700000000 && bintime.frac == 0);
    /* 1 s + 500,000,001 ns in 2^-64 s, rounded down. */
    assert_int_equal(tc_getbintime(&set, TC_CLOCK_UPTIME, &bintime), TC_OK);
    assert_true(bintime.sec == 1 && bintime.frac == UINT64_C(9223372055301519881));
    assert_int_equal(tc_boottime(&set, &time), TC_OK);
    assert_true(time.sec == 1699999999 && time.nsec == 499999999);
}

static void resolution(void **state)
{
    struct tc_timespec time;

    (void)state;
    begin_at(0, ALL, 1000000000);
    assert_int_equal(tc_getres(&set, TC_CLOCK_UPTIME, &time), TC_OK);
    assert_true(time.sec == 0 && time.nsec == 1);
    begin_at(0, ALL, HZ);
    assert_int_equal(tc_getres(&set, TC_CLOCK_REALTIME_PRECISE, &time), TC_OK);
    assert_true(time.sec == 0 && time.nsec == 1);
    begin_at(0, 0xffff, 1193182);
    assert_int_equal(tc_getres(&set, TC_CLOCK_MONOTONIC_FAST, &time), TC_OK);
    assert_true(time.sec == 0 && time.nsec == 839);
    assert_int_equal(tc_getres(&set, TC_CLOCK_SECOND, &time), TC_OK);
    assert_true(time.sec == 1 && time.nsec == 0);
    begin_at(0, ALL, 1);
    assert_int_equal(tc_getres(&set, TC_CLOCK_UPTIME, &time), TC_OK);
    assert_true(time.sec == 1 && time.nsec == 0);

    assert_int_equal(timecounters_init(&set, 10000000), TC_OK);
    a = mock_counter("a", &count_a, ALL, HZ, 0);
    assert_int_equal(tc_register(&set, &a), TC_OK);
    assert_int_equal(tc_choose(&set, NULL), TC_OK);
    assert_int_equal(tc_getres(&set, TC_CLOCK_UPTIME_FAST, &time), TC_OK);
    assert_true(time.sec == 0 && time.nsec == 10000000);
    assert_int_equal(tc_getres(&set, TC_CLOCK_UPTIME, &time), TC_OK);
    assert_true(time.sec == 0 && time.nsec == 1);
}

static void conversions(void **state)
{
    static const struct {
        int64_t ns, sec, nsec;
    } known[] = {{0, 0, 0},
                 {-1, -1, 999999999},
                 {-1000000000, -1, 0},
                 {-1000000001, -2, 999999999},
                 {1999999999, 1, 999999999},
                 {INT64_MAX, 9223372036, 854775807},
                 {INT64_MIN, -9223372037, 145224192}};
    const struct tc_timespec late = {9223372036, 854775808}, never = {INT64_MAX, 0};
    const struct tc_timespec early = {-9223372037, 145224191}, before = {INT64_MIN, 0};

    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        struct tc_timespec time = tc_ns_to_timespec(known[i].ns);

        assert_true(time.sec == known[i].sec && time.nsec == known[i].nsec);
        assert_true(tc_timespec_to_ns(time) == known[i].ns);
    }
    assert_true(tc_timespec_to_ns(late) == INT64_MAX && tc_timespec_to_ns(never) == INT64_MAX);
    assert_true(tc_timespec_to_ns(early) == INT64_MIN && tc_timespec_to_ns(before) == INT64_MIN);
}

/* ---- Known bugs -------------------------------------------------------- */

/* Row 7: a step of the wall clock backwards. */
static void wall_step_back(void **state)
{
    struct tc_timespec now = {1700000000, 123456789}, earlier = {1699999990, 123456789};
    struct tc_step step;
    int64_t before, fast;

    (void)state;
    begin_at(0, ALL, HZ);
    count_a += 123456789012;
    assert_int_equal(tc_setclock(&set, &now, NULL), TC_OK);
    before = uptime();
    fast = ns_of(TC_CLOCK_UPTIME_FAST);
    assert_int_equal(tc_setclock(&set, &earlier, &step), TC_OK);
    assert_int_equal(uptime(), before);
    assert_int_equal(ns_of(TC_CLOCK_MONOTONIC), before);
    assert_int_equal(ns_of(TC_CLOCK_UPTIME_FAST), fast);
    assert_int_equal(ns_of(TC_CLOCK_REALTIME), 1699999990123456789);
    assert_int_equal(step.by_ns, -10 * SECOND);
    assert_true(step.from.sec == now.sec && step.from.nsec == now.nsec);
    assert_true(step.to.sec == earlier.sec && step.to.nsec == earlier.nsec);
    for (int i = 0; i < 1000; i++) {
        int64_t next, real;

        count_a += 777;
        if (i % 7 == 0)
            assert_int_equal(tc_windup(&set), TC_OK);
        next = uptime();
        real = ns_of(TC_CLOCK_REALTIME);
        assert_true(next > before);
        assert_int_equal(real - next, 1699999990123456789 - fast);
        before = next;
    }
    figures("a step of %" PRId64 " s, uptime moved by 0 ns", step.by_ns / SECOND);
}

/* Row 8: system time that starts at one day, and at other places that are not 0. */
static void starts_at_one_day(void **state)
{
    static const uint64_t starts[] = {UINT64_C(86400) * 1000000000, 1, UINT64_C(1) << 63, ALL - 5};
    struct tc_timespec wall = {1700000000, 0};

    (void)state;
    for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        begin_at(starts[i], ALL, 1000000000);
        assert_int_equal(uptime(), 0);
        assert_int_equal(tc_setclock(&set, &wall, NULL), TC_OK);
        count_a += 2000000000;
        assert_int_equal(uptime(), 2 * SECOND);
        assert_int_equal(ns_of(TC_CLOCK_REALTIME), 1700000002 * SECOND);
    }
    figures("wall error 0 ns from %zu starts", sizeof(starts) / sizeof(starts[0]));
}

/* Row 12: real time that does not add system time. */
static void real_time_moves(void **state)
{
    struct tc_timespec wall = {1700000000, 5};

    (void)state;
    begin_at(0, ALL, 1000000000);
    assert_int_equal(tc_setclock(&set, &wall, NULL), TC_OK);
    for (int i = 1; i <= 4; i++) {
        count_a += 500000000;
        if (i % 2 == 0)
            assert_int_equal(tc_windup(&set), TC_OK);
        assert_int_equal(ns_of(TC_CLOCK_REALTIME), 1700000000 * SECOND + 5 + i * SECOND / 2);
    }
}

/* Row 24: gaps in which nothing is wound up. */
static void gaps(void **state)
{
    static const int64_t seconds[] = {5, 10, 3600, 400 * 86400, 3 * 365 * 86400};
    int64_t expected = 0;

    (void)state;
    for (int wound = 0; wound < 2; wound++) {
        begin_at(123, ALL, HZ);
        expected = 0;
        for (size_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
            count_a += (uint64_t)seconds[i] * HZ;
            expected += seconds[i] * SECOND;
            assert_int_equal(uptime(), expected);
            if (wound != 0)
                assert_int_equal(tc_windup(&set), TC_OK);
            assert_int_equal(uptime(), expected);
        }
        count_a -= 1; /* a cycle less than whole seconds is a nanosecond less, not none */
        if (wound == 0)
            assert_int_equal(uptime(), expected - 1);
    }
    figures("+10 s, +1 h, +400 days, +3 years: 0 ns lost");
}

/* ---- Narrow counters --------------------------------------------------- */

static void wraps(void **state)
{
    static const struct {
        uint64_t mask, hz;
    } kinds[] = {{0xffff, 1193182}, {0xffffff, 3579545}, {0xffffffff, 14318180}, {0xff, 1000}};

    (void)state;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        uint64_t total = 0, random = 9;
        uint64_t step = 0;

        begin_at(kinds[i].mask - 3, kinds[i].mask, kinds[i].hz);
        for (int j = 0; j < 10000; j++) {
            int64_t expected;

            /* Up to half a wrap exactly. What is above the mask is not the counter's. */
            step = j % 3 == 0 ? kinds[i].mask >> 1 : mock_random(&random) & (kinds[i].mask >> 1);
            total += step;
            count_a += step;
            expected = (int64_t)(total / kinds[i].hz) * SECOND +
                       (int64_t)(total % kinds[i].hz * 1000000000 / kinds[i].hz);
            assert_int_equal(uptime(), expected);
            assert_int_equal(tc_windup(&set), TC_OK);
            assert_int_equal(uptime(), expected);
        }
    }
    figures("16, 24, 32 and 8 bits, 10000 windups each, gaps up to half a wrap");
}

static void lost_wrap(void **state)
{
    struct timecounter clock, wide;
    struct tc_crosscheck check;
    struct tc_deviation deviation;

    (void)state;
    count_b = 0;
    begin_at(0, 0xffffff, 3579545);
    wide = mock_counter("wide", &count_b, ALL, 1000000000, 0);
    tc_uptime_counter(&clock, &set);
    assert_int_equal(clock.quality, TC_QUALITY_DUMMY); /* never chosen by itself */
    assert_int_equal(tc_crosscheck_begin(&check, &clock, &wide), TC_OK);
    /* 10 s without a windup: two wraps of 4.687 s are not seen. */
    count_a += 35795450;
    count_b += 10000000000;
    assert_int_equal(tc_windup(&set), TC_OK);
    assert_int_equal(tc_crosscheck_end(&check, &deviation), TC_OK);
    assert_int_equal(deviation.elapsed_ns, 10 * SECOND);
    /* -2 * 2^24 / 3579545 s, and a bit, as uptime is rounded down. */
    assert_int_equal(deviation.difference_ns, -9373937750);
    assert_int_equal(tc_advance(&set, (uint64_t)-deviation.difference_ns), TC_OK);
    assert_int_equal(uptime(), 10 * SECOND);

    /* The counters themselves: the wraps are counted, and the rate is right in spite of them. */
    assert_int_equal(tc_crosscheck_begin(&check, &a, &wide), TC_OK);
    count_a += 35795450;
    count_b += 10000000000;
    assert_int_equal(tc_crosscheck_end(&check, &deviation), TC_OK);
    assert_int_equal(deviation.wraps, 2);
    assert_int_equal(deviation.difference_ns, 0);
    assert_int_equal(deviation.ppb, 0);
    figures("2 wraps lost in 10 s: found, and brought back to the nanosecond");
}

/* ---- Switching --------------------------------------------------------- */

/* Counters that show one true time, which moves on by `pace` ns at each reading. */
static uint64_t true_ns, pace;

static uint64_t read_a(void *context)
{
    (void)context;
    true_ns += pace;
    return true_ns * 23 / 10;
}

static uint64_t read_b(void *context)
{
    (void)context;
    true_ns += pace;
    return true_ns * 3 / 1000;
}

static void switching(void **state)
{
    int64_t worst = 0, begun, previous = 0;
    uint64_t bound = 0;

    (void)state;
    for (pace = 0; pace < 100000; pace = pace * 3 + 1) {
        true_ns = 0;
        begin_at(0, ALL, 2300000000);
        a.read = read_a;
        assert_int_equal(timecounters_init(&set, 0), TC_OK);
        assert_int_equal(tc_register(&set, &a), TC_OK);
        b = mock_counter("b", &count_b, 0xffffff, 3000000, 1);
        b.read = read_b;
        assert_int_equal(tc_register(&set, &b), TC_OK);
        assert_int_equal(tc_select(&set, "a", NULL), TC_OK);
        begun = (int64_t)true_ns;
        bound = 0;
        previous = 0;
        for (int i = 0; i < 200; i++) {
            struct tc_switch report;
            int64_t after, error;

            true_ns += 99999999;
            assert_int_equal(tc_select(&set, i % 2 == 0 ? "b" : "a", &report), TC_OK);
            assert_ptr_equal(report.to, i % 2 == 0 ? &b : &a);
            assert_ptr_equal(report.from, i % 2 == 0 ? &a : &b);
            assert_true(report.bracket_ns <= 3 * pace + 335);
            bound += report.uncertainty_ns;
            after = uptime();
            error = after - ((int64_t)true_ns - begun);
            assert_true(after > previous);
            previous = after;
            if (error < 0)
                error = -error;
            if (error > worst)
                worst = error;
            assert_true((uint64_t)error <= bound + 334);
        }
    }
    /* Of 200 switches with up to 88 us between two readings; no time is lost by their number. */
    figures("1 to 200 switches, worst error %" PRId64 " ns, no step back", worst);
}

static void switching_carries_the_remainder(void **state)
{
    (void)state;
    /* Two counters that stand while they are switched: a 3rd of a second in 7ths and back. */
    begin_at(0, ALL, 3);
    b = mock_counter("b", &count_b, ALL, 7, -1);
    count_b = 0;
    assert_int_equal(tc_register(&set, &b), TC_OK);
    count_a = 1;
    for (int i = 0; i < 1000; i++) {
        struct tc_switch report;

        assert_int_equal(tc_select(&set, i % 2 == 0 ? "b" : "a", &report), TC_OK);
        assert_int_equal(report.bracket_ns, 0);
    }
    assert_int_equal(uptime(), SECOND / 3);
    count_a += 2;
    assert_int_equal(uptime(), SECOND);
    count_a += 3;
    assert_int_equal(uptime(), 2 * SECOND);
    assert_true(set.own.hands.uptime.sec == 0 && set.own.hands.uptime.frac >> 44 == 0x55555);
}

static void frequency(void **state)
{
    struct tc_statistics statistics;

    (void)state;
    begin_at(0, ALL, 1000000000);
    count_a += 5000000000;
    assert_int_equal(tc_set_frequency(&set, &a, 500000000), TC_OK);
    assert_int_equal(uptime(), 5 * SECOND);
    count_a += 500000000;
    assert_int_equal(uptime(), 6 * SECOND);
    assert_int_equal(tc_windup(&set), TC_OK);
    assert_int_equal(uptime(), 6 * SECOND);
    assert_int_equal(tc_get_statistics(&set, &statistics), TC_OK);
    assert_int_equal(statistics.switches, 1);
    assert_int_equal(statistics.windups, 1);
    assert_int_equal(tc_set_frequency(&set, &a, 500000000), TC_OK);
    assert_int_equal(tc_get_statistics(&set, &statistics), TC_OK);
    assert_int_equal(statistics.switches, 1);
}

/* ---- Counters that go back --------------------------------------------- */

static void small_step_back(void **state)
{
    struct tc_statistics statistics;
    int64_t before;

    (void)state;
    begin_at(0, ALL, 1000000000);
    count_a = 3000000000;
    assert_int_equal(tc_windup(&set), TC_OK);
    before = uptime();
    count_a -= 1000;
    assert_int_equal(uptime(), before); /* readers stand at the last windup */
    assert_int_equal(tc_windup(&set), TC_STEPPED_BACK);
    assert_int_equal(uptime(), before);
    count_a += 900;
    assert_int_equal(tc_windup(&set), TC_STEPPED_BACK);
    assert_int_equal(uptime(), before);
    count_a += 200;
    assert_int_equal(tc_windup(&set), TC_OK);
    assert_int_equal(uptime(), before + 100); /* no time was made or lost */
    assert_int_equal(tc_get_statistics(&set, &statistics), TC_OK);
    assert_int_equal(statistics.steps_back, 2);
    assert_int_equal(statistics.restarts, 0);
    assert_int_equal(a.steps_back, 2);
    assert_int_equal(a.worst_back, 1000);

    /*
     * It is guarded from now on: not below the highest reading, though that was after the windup.
     */
    count_a += 500;
    before = uptime();
    count_a -= 300;
    assert_int_equal(uptime(), before);
    assert_int_equal(tc_get_statistics(&set, &statistics), TC_OK);
    assert_true(statistics.guarded > 0);

    /* The limit itself still is a step; one cycle more is a restart. */
    assert_int_equal(tc_windup(&set), TC_OK);
    count_a -= TC_BACK_NS;
    assert_int_equal(tc_windup(&set), TC_STEPPED_BACK);
    count_a -= 1;
    assert_int_equal(tc_windup(&set), TC_RESTARTED);
}

static void large_step_back(void **state)
{
    struct tc_statistics statistics;
    int64_t before;

    (void)state;
    /* Back to a snapshot of 10 s before; then on from there. */
    begin_at(0, ALL, 1000000000);
    count_a = 30000000000;
    assert_int_equal(tc_windup(&set), TC_OK);
    before = uptime();
    count_a -= 10000000000;
    assert_int_equal(tc_windup(&set), TC_RESTARTED);
    assert_int_equal(uptime(), before);
    count_a += 1000;
    assert_int_equal(uptime(), before + 1000);
    assert_int_equal(tc_get_statistics(&set, &statistics), TC_OK);
    assert_int_equal(statistics.restarts, 1);
    assert_int_equal(statistics.steps_back, 0);

    /* With windups promised every 10 ms, what was read since the last one is not undercut. */
    assert_int_equal(timecounters_init(&set, 10000000), TC_OK);
    a = mock_counter("a", &count_a, ALL, 1000000000, 0);
    assert_int_equal(tc_register(&set, &a), TC_OK);
    assert_int_equal(tc_choose(&set, NULL), TC_OK);
    count_a += 9000000;
    before = uptime();
    assert_int_equal(before, 9000000);
    count_a -= 20000000000;
    assert_int_equal(tc_windup(&set), TC_RESTARTED);
    assert_true(uptime() >= before);
    count_a += 11000000;
    assert_int_equal(uptime(), 11000000);
    assert_int_equal(tc_windup(&set), TC_OK);
    assert_int_equal(set.own.hands.flags & TC_HANDS_GUARDED, 0);
}

static void guarded_reader(void **state)
{
    struct tc_statistics statistics;
    int64_t before = 0, unguarded = 0;
    uint64_t random = 3;

    (void)state;
    for (int flag = 0; flag < 2; flag++) {
        count_a = 5000000;
        assert_int_equal(timecounters_init(&set, 0), TC_OK);
        a = mock_counter("a", &count_a, ALL, 1000000000, 0);
        a.flags = flag != 0 ? TC_GUARDED : 0;
        assert_int_equal(tc_register(&set, &a), TC_OK);
        assert_int_equal(tc_choose(&set, NULL), TC_OK);
        before = 0;
        for (int i = 0; i < 100000; i++) {
            uint64_t other_cpu = mock_random(&random) % 2000;
            struct tc_bintime bintime;
            int64_t now;

            count_a += 100 + other_cpu;
            now = uptime();
            assert_int_equal(tc_getbintime(&set, TC_CLOCK_UPTIME, &bintime), TC_OK);
            count_a -= other_cpu;
            /* Guarded, a bintime has whole ns; else it is cut off at 2^-64 s. */
            if (flag != 0)
                assert_int_equal(tc_timespec_to_ns(tc_bintime_to_timespec(bintime)), now);
            if (flag != 0)
                assert_true(now >= before);
            else
                unguarded += now < before;
            before = now;
        }
    }
    assert_true(unguarded > 1000);
    assert_int_equal(tc_get_statistics(&set, &statistics), TC_OK);
    assert_true(statistics.guarded > 1000);
    figures("0 steps back guarded (%" PRIu64 " held), %" PRId64 " not guarded", statistics.guarded,
            unguarded);
}

/* A counter that may wrap unseen: readings stand where they were, and on the next counter too. */
static void late_windup(void **state)
{
    struct tc_hands hands;
    int64_t before, now;

    (void)state;
    for (int late = 0; late < 2; late++) {
        count_a = 0;
        count_b = 0;
        assert_int_equal(timecounters_init(&set, 0), TC_OK);
        a = mock_counter("a", &count_a, 0xffff, 1000000, 0);
        a.flags = TC_MAY_WRAP;
        b = mock_counter("b", &count_b, ALL, 1000000000, -1);
        assert_int_equal(tc_register(&set, &a), TC_OK);
        assert_int_equal(tc_register(&set, &b), TC_OK);
        assert_int_equal(tc_select(&set, "a", NULL), TC_OK);
        count_a = 30000;
        before = uptime();
        assert_int_equal(before, 30000000);
        count_a += late ? 0x10000 - 29990 : 10; /* 10 of the next round, or of this one */
        assert_int_equal(tc_windup(&set), TC_OK);
        assert_int_equal(uptime(), late ? before : before + 10000);
        assert_int_equal(tc_select(&set, "b", NULL), TC_OK);
        for (int i = 0; i < 100; i++) {
            count_b += 1000000;
            assert_int_equal(tc_windup(&set), TC_OK);
            now = uptime();
            assert_true(now >= before);
            before = now;
            /* CPUs agree on it, so nothing later can have been read than what was. */
            assert_int_equal(tc_get_hands(&set, &hands), TC_OK);
            assert_int_equal((hands.flags & TC_HANDS_GUARDED) != 0, late && i < 29);
        }
        assert_int_equal(before, late ? 100010000 : 130010000);
    }
}

static void advancing(void **state)
{
    struct tc_timespec wall = {1700000000, 0}, boottime;

    (void)state;
    begin_at(0, ALL, 1000000000);
    assert_int_equal(tc_setclock(&set, &wall, NULL), TC_OK);
    count_a += 7;
    assert_int_equal(tc_advance(&set, 3600000000001), TC_OK);
    assert_int_equal(uptime(), 3600000000008);
    assert_int_equal(ns_of(TC_CLOCK_UPTIME_FAST), 3600000000008); /* as of a windup */
    assert_int_equal(ns_of(TC_CLOCK_REALTIME), 1700003600000000008);
    assert_int_equal(tc_boottime(&set, &boottime), TC_OK);
    assert_true(boottime.sec == 1700000000 && boottime.nsec == 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(tc_advance(&set, 1), TC_OK);
    assert_int_equal(uptime(), 3600000001008);
}

/* ---- Setting ----------------------------------------------------------- */

static void setting(void **state)
{
    static const int64_t bad_nsec[] = {-1, 1000000000, INT64_MIN, INT64_MAX};
    struct tc_timespec time = {1700000000, 0}, at = {2, 0}, got;
    struct tc_step step;

    (void)state;
    begin_at(0, ALL, 1000000000);
    count_a = 12000000000;
    for (size_t i = 0; i < 4; i++) {
        struct tc_timespec bad = {5, bad_nsec[i]};

        assert_int_equal(tc_setclock(&set, &bad, &step), TC_BAD_TIME);
        assert_int_equal(tc_setclock_at(&set, &time, &bad, &step), TC_BAD_TIME);
    }
    time.sec = INT64_MAX;
    assert_int_equal(tc_setclock(&set, &time, NULL), TC_BAD_TIME);
    time.sec = INT64_MIN;
    assert_int_equal(tc_setclock(&set, &time, NULL), TC_BAD_TIME);
    assert_int_equal(tc_gettime(&set, TC_CLOCK_REALTIME, &got), TC_UNSET);

    /* As it was 10 s ago, when uptime was 2 s. */
    time.sec = 1700000000;
    assert_int_equal(tc_setclock_at(&set, &time, &at, &step), TC_OK);
    assert_int_equal(ns_of(TC_CLOCK_REALTIME), 1700000010 * SECOND);
    assert_int_equal(tc_boottime(&set, &got), TC_OK);
    assert_true(got.sec == 1699999998 && got.nsec == 0);
    assert_int_equal(step.by_ns, 1699999998 * SECOND);

    /* Before 1970, before year 0, and far away. */
    time.sec = -1;
    time.nsec = 999999999;
    assert_int_equal(tc_setclock(&set, &time, NULL), TC_OK);
    assert_int_equal(ns_of(TC_CLOCK_REALTIME), -1);
    count_a += 1;
    assert_int_equal(ns_of(TC_CLOCK_REALTIME), 0);
    time.sec = -(INT64_C(1) << 62);
    assert_int_equal(tc_setclock(&set, &time, &step), TC_OK);
    assert_true(step.by_ns == INT64_MIN);
    assert_int_equal(tc_gettime(&set, TC_CLOCK_REALTIME, &got), TC_OK);
    assert_true(got.sec == time.sec && got.nsec == time.nsec);
    time.sec = (INT64_C(1) << 62) - 1;
    assert_int_equal(tc_setclock(&set, &time, &step), TC_OK);
    assert_true(step.by_ns == INT64_MAX);
    assert_true(ns_of(TC_CLOCK_REALTIME) == INT64_MAX);
}

/* ---- Hands on their own ------------------------------------------------ */

static void published_hands(void **state)
{
    struct tc_hands hands;
    struct tc_uptime time;

    (void)state;
    begin_at(99, ALL, HZ);
    count_a += UINT64_C(86400) * HZ + 12345;
    assert_int_equal(tc_windup(&set), TC_OK);
    assert_int_equal(tc_get_hands(&set, &hands), TC_OK);
    count_a += 98765;
    tc_hands_uptime(&hands, count_a, &time);
    assert_int_equal((int64_t)time.sec * SECOND + tc_hands_nsec(&hands, &time), uptime());
    assert_int_equal(hands.hz, HZ);
    assert_ptr_equal(hands.counter, &a);
    assert_memory_equal(&hands, &set.own.hands, sizeof(hands));
}

/* ---- Cross-checks ------------------------------------------------------ */

static uint64_t step_a, grow_a; /* what a reading takes, in cycles, and how much more the next */

static uint64_t read_slowly(void *context)
{
    uint64_t *count = context;
    uint64_t now = *count;

    *count += step_a;
    step_a += grow_a;
    return now;
}

/* Half of both brackets, a tick of either counter, and what is rounded: 1 cycle is 1 ns here. */
static void crosscheck_adds_what_it_cannot_know(void **state)
{
    struct tc_crosscheck check;
    struct tc_deviation deviation;

    (void)state;
    a = mock_counter("a", &count_a, ALL, 1000000000, 0);
    b = mock_counter("b", &count_b, ALL, 100000000, 0);
    a.read = read_slowly;
    count_a = count_b = 0;
    step_a = 10;
    assert_int_equal(tc_crosscheck_begin(&check, &a, &b), TC_OK);
    assert_int_equal(check.begin.width, 10);
    assert_int_equal(check.begin.a, 5);
    count_a = 1000000000;
    count_b = 100000000;
    step_a = 31;
    assert_int_equal(tc_crosscheck_end(&check, &deviation), TC_OK);
    assert_int_equal(deviation.elapsed_ns, SECOND);
    assert_int_equal(deviation.difference_ns, 15 - 5);
    assert_int_equal(deviation.ppb, 10);
    assert_int_equal(deviation.uncertainty_ns, (5 + 15 + 4) + (10 + 1) + 1);
    assert_int_equal(deviation.uncertainty_ppb, (5 + 15 + 4) + (10 + 1) + 1);
    /* The tightest of all brackets, whether it is the first or the last of four. */
    memset(&check, 0, sizeof(check));
    grow_a = 2;
    step_a = 10;
    assert_int_equal(tc_crosscheck_begin(&check, &a, &b), TC_OK);
    assert_int_equal(check.begin.width, 10);
    grow_a = (uint64_t)-2;
    step_a = 30;
    assert_int_equal(tc_crosscheck_begin(&check, &a, &b), TC_OK);
    assert_int_equal(check.begin.width, 30 - 6 * 2);
    grow_a = 0;
    /* What may be an error is no deviation. */
    for (int sign = -1; sign <= 1; sign += 2) {
        deviation = (struct tc_deviation){.ppb = sign * 1005, .uncertainty_ppb = 5};
        assert_false(tc_deviates(&deviation, 1));
        deviation.ppb += sign;
        assert_true(tc_deviates(&deviation, 1));
    }
}

static void crosscheck(void **state)
{
    static const int64_t ppm[] = {0, 1, -1, 50, -50, 100000, -100000};
    struct tc_crosscheck check;
    struct tc_deviation deviation;

    (void)state;
    a = mock_counter("a", &count_a, ALL, 2000000000, 0);
    b = mock_counter("b", &count_b, 0xffffff, 3579545, 0);
    c = mock_counter("c", &count_c, ALL, 1000000000, 0);
    for (size_t i = 0; i < sizeof(ppm) / sizeof(ppm[0]); i++) {
        uint64_t seconds = 7;

        assert_int_equal(tc_crosscheck_begin(&check, &a, &c), TC_OK);
        count_a += seconds * 2000000000 + (uint64_t)(ppm[i] * (int64_t)seconds * 2000);
        count_c += seconds * 1000000000;
        assert_int_equal(tc_crosscheck_end(&check, &deviation), TC_OK);
        assert_int_equal(deviation.elapsed_ns, 7 * SECOND);
        assert_int_equal(deviation.ppb, ppm[i] * 1000);
        assert_int_equal(deviation.difference_ns, ppm[i] * 7000);
        assert_int_equal(deviation.wraps, 0);
        assert_true(deviation.uncertainty_ns >= 1 && deviation.uncertainty_ns < 10);
        assert_true(deviation.uncertainty_ppb >= 1 && deviation.uncertainty_ppb < 2);
        /* 5 per cent is FreeBSD's default. */
        assert_int_equal(tc_deviates(&deviation, 50000), ppm[i] == 100000 || ppm[i] == -100000);
        assert_int_equal(tc_deviates(&deviation, 0), ppm[i] != 0);
    }

    /* A narrow counter over a minute, 100 ppm fast, against both a wide and a narrow reference. */
    count_b = 0xfffff0;
    assert_int_equal(tc_crosscheck_begin(&check, &b, &c), TC_OK);
    count_b += UINT64_C(60) * 3579545 + 21477;
    count_c += UINT64_C(60) * 1000000000;
    assert_int_equal(tc_crosscheck_end(&check, &deviation), TC_OK);
    assert_true(deviation.ppb >= 99995 && deviation.ppb <= 100005);
    assert_int_equal(deviation.wraps, 12);
    assert_true(tc_deviates(&deviation, 99) && !tc_deviates(&deviation, 100));

    /* The reference stands, or has moved less than a tick of the other. */
    assert_int_equal(tc_crosscheck_begin(&check, &b, &c), TC_OK);
    assert_int_equal(tc_crosscheck_end(&check, &deviation), TC_TOO_SHORT);
    count_c += 200;
    assert_int_equal(tc_crosscheck_end(&check, &deviation), TC_TOO_SHORT);
    /* The other one stands: a million ppm slow. */
    count_c += UINT64_C(1000000000) * 2;
    assert_int_equal(tc_crosscheck_begin(&check, &a, &c), TC_OK);
    count_c += 1000000000;
    assert_int_equal(tc_crosscheck_end(&check, &deviation), TC_OK);
    assert_int_equal(deviation.ppb, -1000000000);
    /* Far too fast: no more than saturation. */
    assert_int_equal(tc_crosscheck_begin(&check, &a, &c), TC_OK);
    count_c += 1;
    count_a += FOREVER;
    assert_int_equal(tc_crosscheck_end(&check, &deviation), TC_OK);
    assert_true(deviation.ppb == INT64_MAX);
    assert_true(tc_deviates(&deviation, UINT32_MAX));

    assert_int_equal(tc_crosscheck_begin(NULL, &a, &b), TC_NULL);
    assert_int_equal(tc_crosscheck_begin(&check, NULL, &b), TC_NULL);
    assert_int_equal(tc_crosscheck_begin(&check, &a, NULL), TC_NULL);
    assert_int_equal(tc_crosscheck_end(NULL, &deviation), TC_NULL);
    assert_int_equal(tc_crosscheck_end(&check, NULL), TC_NULL);
    check.a = NULL;
    check.b = &b;
    assert_int_equal(tc_crosscheck_end(&check, &deviation), TC_NULL);
    check.a = &b;
    check.b = NULL;
    assert_int_equal(tc_crosscheck_end(&check, &deviation), TC_NULL);
    assert_false(tc_deviates(NULL, 0));
    figures("0, 1, 50 and 100000 ppm either way: exact to 1 ppb");
}

/* The bracket is part of the uncertainty: counters read apart by a lot agree, within it. */
static void crosscheck_uncertainty(void **state)
{
    struct tc_crosscheck check;
    struct tc_deviation deviation;

    (void)state;
    true_ns = 1;
    a = mock_counter("a", &count_a, ALL, 2300000000, 0);
    a.read = read_a;
    b = mock_counter("b", &count_b, 0xffffff, 3000000, 0);
    b.read = read_b;
    for (pace = 1; pace < 1000000; pace *= 10) {
        assert_int_equal(tc_crosscheck_begin(&check, &a, &b), TC_OK);
        true_ns += 1000000000;
        assert_int_equal(tc_crosscheck_end(&check, &deviation), TC_OK);
        assert_true(deviation.uncertainty_ns >= pace);
        assert_true((uint64_t)(deviation.difference_ns < 0
                                   ? -deviation.difference_ns
                                   : deviation.difference_ns) <= deviation.uncertainty_ns);
        assert_false(tc_deviates(&deviation, 0));
    }
}

static void dummy_counts(void **state)
{
    uintptr_t memory = 5;

    (void)state;
    assert_int_equal(timecounters_init(&set, 0), TC_OK);
    tc_dummy(&a, &memory);
    assert_int_equal(tc_register(&set, &a), TC_OK);
    assert_int_equal(tc_select(&set, "dummy", NULL), TC_OK);
    assert_int_equal(uptime(), 1000);
    assert_int_equal(uptime(), 2000);
    assert_int_equal(tc_windup(&set), TC_OK);
    assert_int_equal(uptime(), 4000);
}

/* ---- What a report says, to the last digit ------------------------------ */

static uint64_t step_b;

/* A reading of `a` takes 10 cycles (ns); one of `b` moves `a` on by step_b. */
static uint64_t read_a_in_steps(void *context)
{
    (void)context;
    count_a += 10;
    return count_a;
}

static uint64_t read_b_beside(void *context)
{
    (void)context;
    count_a += step_b;
    return count_b;
}

/* The report's uptime is that of the hands, which are exact. */
static void assert_taken_over_at(const struct tc_switch *report, int64_t ns)
{
    const struct tc_hands *hands = &set.own.hands;

    assert_true(report->uptime.sec == (int64_t)hands->uptime.sec);
    assert_true(report->uptime.frac == hands->uptime.frac);
    assert_int_equal(report->uptime.sec * SECOND + tc_hands_nsec(hands, &hands->uptime), ns);
}

static void a_switch_reports_what_it_did(void **state)
{
    struct tc_switch report;

    (void)state;
    begin_at(0, ALL, 1000000000);
    b = mock_counter("b", &count_b, ALL, 300000000, -1);
    count_b = 77;
    assert_int_equal(tc_register(&set, &b), TC_OK);
    count_a = 5000000000;
    assert_int_equal(tc_windup(&set), TC_OK);
    /* One that is not there, and the one that is in use: nothing happens at that uptime. */
    for (int i = 0; i < 2; i++) {
        memset(&report, 0xff, sizeof(report));
        assert_int_equal(tc_select(&set, i ? "a" : "none", &report), i ? TC_OK : TC_NOT_FOUND);
        assert_ptr_equal(report.from, &a);
        assert_ptr_equal(report.to, &a);
        assert_true(report.uptime.sec == 5 && report.uptime.frac == 0);
        assert_int_equal(report.bracket_ns, 0);
        assert_int_equal(report.uncertainty_ns, 0);
    }
    /* 10 ns after, and 7 of b's: 17 in all. The takeover is in the middle of a bracket. */
    a.read = read_a_in_steps;
    b.read = read_b_beside;
    step_b = 7;
    count_a = 5000000000 - 10;
    assert_int_equal(tc_select(&set, "b", &report), TC_OK);
    assert_ptr_equal(report.from, &a);
    assert_ptr_equal(report.to, &b);
    assert_int_equal(report.bracket_ns, 17 + 1);
    /* Half the bracket, rounded up; a tick of 1 ns and one of 3.3 ns, each 1 more. */
    assert_int_equal(report.uncertainty_ns, 9 + 2 + 4);
    assert_taken_over_at(&report, 5000000000 + 10 + 8);
    assert_int_equal(set.own.hands.count, 77);
    /* Back again, with no bracket at all. */
    a.read = mock_read;
    b.read = mock_read;
    assert_int_equal(tc_select(&set, "a", &report), TC_OK);
    assert_int_equal(report.bracket_ns, 0);
    assert_int_equal(report.uncertainty_ns, 0 + 4 + 2);
    assert_ptr_equal(report.from, &b);
}

/* Other CPUs may have read a second more on the old counter, and no more. */
static void a_switch_from_a_guarded_counter_is_guarded_for_a_second(void **state)
{
    (void)state;
    begin_at(0, ALL, 1000000000);
    a.flags = TC_GUARDED;
    b = mock_counter("b", &count_b, ALL, 1000000000, -1);
    count_b = 0;
    assert_int_equal(tc_register(&set, &b), TC_OK);
    assert_int_equal(tc_select(&set, "b", NULL), TC_OK);
    count_b = 999999999;
    assert_int_equal(tc_windup(&set), TC_OK);
    assert_int_equal(set.own.hands.flags & TC_HANDS_GUARDED, TC_HANDS_GUARDED);
    count_b = 1000000001;
    assert_int_equal(tc_windup(&set), TC_OK);
    assert_int_equal(set.own.hands.flags & TC_HANDS_GUARDED, 0);
}

/* The tightest of four, whether it is the first or the last of them, and from either side. */
static uint64_t steps_of_a[16];
static unsigned reads_of_a;

static uint64_t read_a_as_listed(void *context)
{
    (void)context;
    return count_a += steps_of_a[reads_of_a++ % 16];
}

static void a_switch_takes_the_tightest_bracket(void **state)
{
    struct tc_switch report;

    (void)state;
    for (unsigned tightest = 0; tightest < 4; tightest++) {
        begin_at(1000000, ALL, 1000000000);
        b = mock_counter("b", &count_b, ALL, 1000000000, -1);
        assert_int_equal(tc_register(&set, &b), TC_OK);
        a.read = read_a_as_listed;
        reads_of_a = 0;
        /* The windup's reading, then before and after of each bracket, and the last. */
        for (unsigned i = 0; i < 16; i++)
            steps_of_a[i] = i == 2 + 2 * tightest ? 40 : 100;
        assert_int_equal(tc_select(&set, "b", &report), TC_OK);
        assert_int_equal(reads_of_a, 1 + 2 * 4 + 1);
        assert_int_equal(report.bracket_ns, 40 + 1);
        assert_taken_over_at(&report, 100 + (2 * tightest + 1) * 100 + 20);
    }
    /* The old counter goes back within the brackets: the width is the same, from its lower end. */
    begin_at(1000000, ALL, 1000000000);
    assert_int_equal(tc_register(&set, &b), TC_OK);
    a.read = read_a_as_listed;
    reads_of_a = 0;
    for (unsigned i = 0; i < 16; i++)
        steps_of_a[i] = i == 0 ? 1000 : i % 2 ? 500 : (uint64_t)-50;
    assert_int_equal(tc_select(&set, "b", &report), TC_OK);
    assert_int_equal(report.bracket_ns, 50 + 1);
    assert_taken_over_at(&report, 1000 + 450 + 25);
}

/* A remainder that rounds up to a whole part carries, through the fraction into the seconds. */
static void a_remainder_carries_into_the_second(void **state)
{
    (void)state;
    for (int whole = 0; whole < 2; whole++) {
        begin_at(0, ALL, 1000000007);
        b = mock_counter("b", &count_b, ALL, 3, -1);
        count_b = 0;
        assert_int_equal(tc_register(&set, &b), TC_OK);
        set.own.hands.uptime.sec = 9;
        set.own.hands.uptime.frac = whole ? UINT64_MAX : 41;
        set.own.hands.uptime.rest = 1000000006; /* times 3 / 1000000007: 2.99..., so 3 */
        assert_int_equal(tc_select(&set, "b", NULL), TC_OK);
        assert_int_equal(set.own.hands.uptime.rest, 0);
        assert_int_equal(set.own.hands.uptime.frac, whole ? 0 : 42);
        assert_int_equal(set.own.hands.uptime.sec, whole ? 10 : 9);
    }
}

static void a_registered_counter_begins_with_nothing(void **state)
{
    struct timecounter other = mock_counter("other", &count_b, ALL, HZ, 5);

    (void)state;
    begin_at(0, ALL, HZ);
    other.steps_back = 5;
    other.worst_back = 6;
    other.next = &a;
    assert_int_equal(tc_register(&set, &other), TC_OK);
    assert_int_equal(other.steps_back, 0);
    assert_int_equal(other.worst_back, 0);
    assert_null(other.next);
}

static void made_counters_are_as_documented(void **state)
{
    struct timecounter made;
    uintptr_t counted = 5;

    (void)state;
    memset(&made, 0xff, sizeof(made));
    tc_dummy(&made, &counted);
    assert_string_equal(made.name, "dummy");
    assert_string_equal(made.reason, TC_REASON_DUMMY);
    assert_true(made.mask == UINTPTR_MAX);
    assert_int_equal(made.frequency, 1000000);
    assert_int_equal(made.quality, TC_QUALITY_DUMMY);
    assert_int_equal(made.flags, TC_GUARDED);
    assert_int_equal(made.read(made.context), 1);
    assert_int_equal(made.read(made.context), 2);

    memset(&made, 0xff, sizeof(made));
    begin_at(0, ALL, 1000000000);
    tc_uptime_counter(&made, &set);
    assert_string_equal(made.name, "uptime");
    assert_non_null(strstr(made.reason, "only to check it"));
    assert_true(made.mask == UINT64_MAX);
    assert_int_equal(made.frequency, 1000000000);
    assert_int_equal(made.quality, TC_QUALITY_DUMMY);
    assert_int_equal(made.flags, 0);
    count_a = 1234;
    assert_int_equal(made.read(made.context), 1234);
}

/* Each reading that the guard replaces counts once; and one that is as high is not replaced. */
static void the_guard_counts_what_it_replaces(void **state)
{
    struct tc_statistics statistics;

    (void)state;
    count_a = 1000;
    assert_int_equal(timecounters_init(&set, 0), TC_OK);
    a = mock_counter("a", &count_a, ALL, 1000000000, 0);
    a.flags = TC_GUARDED;
    assert_int_equal(tc_register(&set, &a), TC_OK);
    assert_int_equal(tc_choose(&set, NULL), TC_OK);
    count_a = 3000;
    assert_int_equal(uptime(), 2000);
    assert_int_equal(uptime(), 2000);
    assert_int_equal(tc_get_statistics(&set, &statistics), TC_OK);
    assert_int_equal(statistics.guarded, 0);
    for (uint64_t i = 1; i <= 3; i++) {
        count_a = 3000 - i;
        assert_int_equal(uptime(), 2000);
        assert_int_equal(tc_get_statistics(&set, &statistics), TC_OK);
        assert_int_equal(statistics.guarded, i);
    }
}

/* The ends of what a date can be. */
static void a_date_has_its_limits(void **state)
{
    const int64_t limit = INT64_C(1) << 62;
    struct tc_timespec at = {0, 0}, zero = {0, 0};

    (void)state;
    begin_at(0, ALL, 1000000000);
    for (int64_t nsec = 0; nsec <= 999999999; nsec += 999999999) {
        at.nsec = nsec;
        at.sec = limit - 1;
        assert_int_equal(tc_setclock(&set, &at, NULL), TC_OK);
        at.sec = limit;
        assert_int_equal(tc_setclock(&set, &at, NULL), TC_BAD_TIME);
        at.sec = -limit;
        assert_int_equal(tc_setclock(&set, &at, NULL), TC_OK);
        assert_int_equal(tc_setclock_at(&set, &zero, &at, NULL), TC_OK);
        at.sec = -limit - 1;
        assert_int_equal(tc_setclock(&set, &at, NULL), TC_BAD_TIME);
        assert_int_equal(tc_setclock_at(&set, &zero, &at, NULL), TC_BAD_TIME);
    }
}

static void arithmetic_carries_and_borrows(void **state)
{
    const struct tc_timespec x = {5, 999999999}, y = {3, 1}, z = {3, 0};
    const struct tc_bintime p = {5, UINT64_MAX}, q = {3, 1}, r = {3, 0};
    struct tc_timespec time;
    struct tc_bintime bintime;

    (void)state;
    time = tc_timespec_add(x, y);
    assert_true(time.sec == 9 && time.nsec == 0);
    time = tc_timespec_add(x, z);
    assert_true(time.sec == 8 && time.nsec == 999999999);
    time = tc_timespec_subtract(z, y);
    assert_true(time.sec == -1 && time.nsec == 999999999);
    time = tc_timespec_subtract(y, z);
    assert_true(time.sec == 0 && time.nsec == 1);
    time = tc_timespec_subtract(z, z);
    assert_true(time.sec == 0 && time.nsec == 0);
    bintime = tc_bintime_add(p, q);
    assert_true(bintime.sec == 9 && bintime.frac == 0);
    bintime = tc_bintime_add(p, r);
    assert_true(bintime.sec == 8 && bintime.frac == UINT64_MAX);
    bintime = tc_bintime_subtract(r, q);
    assert_true(bintime.sec == -1 && bintime.frac == UINT64_MAX);
    bintime = tc_bintime_subtract(q, r);
    assert_true(bintime.sec == 0 && bintime.frac == 1);
    bintime = tc_bintime_subtract(q, q);
    assert_true(bintime.sec == 0 && bintime.frac == 0);
    assert_true(tc_bintime_less(r, q) && !tc_bintime_less(q, r) && !tc_bintime_less(q, q));
    assert_true(tc_bintime_less(q, p) && !tc_bintime_less(p, q));
}

/* Counters of which one moves by more than 2^64 cycles of the other, or wraps at 64 bits. */
static void crosscheck_of_far_apart_rates(void **state)
{
    struct tc_crosscheck check;
    struct tc_deviation deviation;

    (void)state;
    a = mock_counter("a", &count_a, ALL, UINT64_C(1) << 63, 0);
    b = mock_counter("b", &count_b, ALL, 1, 0);
    count_a = 5;
    count_b = 7;
    /* 9 s of 2^63 Hz are 4 wraps and a half. */
    assert_int_equal(tc_crosscheck_begin(&check, &a, &b), TC_OK);
    count_b += 9;
    count_a += UINT64_C(1) << 63;
    assert_int_equal(tc_crosscheck_end(&check, &deviation), TC_OK);
    assert_int_equal(deviation.wraps, 4);
    assert_int_equal(deviation.difference_ns, 0);
    assert_int_equal(deviation.ppb, 0);
    assert_int_equal(deviation.elapsed_ns, 9 * SECOND);
    /* A tick of b is 2^63 cycles of a: 1 s, of 9. */
    assert_int_equal(deviation.uncertainty_ppb, 111111111 + 1);
    assert_int_equal(deviation.uncertainty_ns, SECOND + 1);
    /* Slow by a ninth. */
    assert_int_equal(tc_crosscheck_begin(&check, &a, &b), TC_OK);
    count_b += 9;
    assert_int_equal(tc_crosscheck_end(&check, &deviation), TC_OK);
    assert_int_equal(deviation.wraps, 5);
    assert_int_equal(deviation.ppb, 111111111); /* as half a wrap may be either */
    assert_int_equal(deviation.difference_ns, SECOND);

    /* 2^64 ns are 18446744073.7 s. */
    a = mock_counter("a", &count_a, ALL, 1, 0);
    for (uint64_t sec = UINT64_C(18446744072); sec <= UINT64_C(18446744075); sec++) {
        assert_int_equal(tc_crosscheck_begin(&check, &a, &b), TC_OK);
        count_b += sec;
        assert_int_equal(tc_crosscheck_end(&check, &deviation), TC_OK);
        assert_true(deviation.elapsed_ns ==
                    (sec <= UINT64_C(18446744073) ? sec * 1000000000 : UINT64_MAX));
        assert_true(deviation.difference_ns == -INT64_MAX);
    }

    /* Of 8 bits: to the nearest wrap, and never fewer than none. */
    a = mock_counter("a", &count_a, 0xff, 1000, 0);
    b = mock_counter("b", &count_b, ALL, 1000, 0);
    for (uint64_t n = 1; n < 2000; n++) {
        count_a = 0;
        assert_int_equal(tc_crosscheck_begin(&check, &a, &b), TC_OK);
        count_b += n;
        count_a = n + 127; /* fast by just less than half a wrap */
        assert_int_equal(tc_crosscheck_end(&check, &deviation), TC_OK);
        assert_int_equal(deviation.difference_ns, (n + 127 < 256 ? 127 : 127) * 1000000);
        count_a = n - 127; /* or slow by that; the least that it can show is none */
        assert_int_equal(tc_crosscheck_end(&check, &deviation), TC_OK);
        if (n >= 127)
            assert_int_equal(deviation.difference_ns, -127 * 1000000);
    }
    count_a = 0;
    assert_int_equal(tc_crosscheck_begin(&check, &a, &b), TC_OK);
    count_b += 10;
    count_a = 200; /* fast by more than half a wrap, and no fewer wraps than none */
    assert_int_equal(tc_crosscheck_end(&check, &deviation), TC_OK);
    assert_int_equal(deviation.wraps, 0);
    assert_int_equal(deviation.difference_ns, 190 * 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registration),
        cmocka_unit_test(a_new_set_remembers_nothing),
        cmocka_unit_test(choice),
        cmocka_unit_test(qualities),
        cmocka_unit_test(max_gap),
        cmocka_unit_test(not_ready),
        cmocka_unit_test(clock_numbers),
        cmocka_unit_test(forms),
        cmocka_unit_test(resolution),
        cmocka_unit_test(conversions),
        cmocka_unit_test(wall_step_back),
        cmocka_unit_test(starts_at_one_day),
        cmocka_unit_test(real_time_moves),
        cmocka_unit_test(gaps),
        cmocka_unit_test(wraps),
        cmocka_unit_test(lost_wrap),
        cmocka_unit_test(switching),
        cmocka_unit_test(switching_carries_the_remainder),
        cmocka_unit_test(frequency),
        cmocka_unit_test(small_step_back),
        cmocka_unit_test(large_step_back),
        cmocka_unit_test(guarded_reader),
        cmocka_unit_test(late_windup),
        cmocka_unit_test(advancing),
        cmocka_unit_test(setting),
        cmocka_unit_test(published_hands),
        cmocka_unit_test(crosscheck),
        cmocka_unit_test(crosscheck_adds_what_it_cannot_know),
        cmocka_unit_test(crosscheck_uncertainty),
        cmocka_unit_test(dummy_counts),
        cmocka_unit_test(a_switch_reports_what_it_did),
        cmocka_unit_test(a_switch_from_a_guarded_counter_is_guarded_for_a_second),
        cmocka_unit_test(a_switch_takes_the_tightest_bracket),
        cmocka_unit_test(a_remainder_carries_into_the_second),
        cmocka_unit_test(a_registered_counter_begins_with_nothing),
        cmocka_unit_test(made_counters_are_as_documented),
        cmocka_unit_test(the_guard_counts_what_it_replaces),
        cmocka_unit_test(a_date_has_its_limits),
        cmocka_unit_test(arithmetic_carries_and_borrows),
        cmocka_unit_test(crosscheck_of_far_apart_rates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
