/* SPDX-License-Identifier: 0BSD */
/*
 * The arithmetic of lib/timecounter against 128-bit division, where the compiler has that; and
 * everywhere a number that depends on every result, which has to be the same in every build.
 */
#include "tests/check.h"
#include "tests/lib/timecounter/mock.h"
#include <string.h>

static const uint64_t frequencies[] = {1,
                                       2,
                                       3,
                                       1000,
                                       32768,
                                       1000000,
                                       1193182,
                                       3579545,
                                       14318180,
                                       24000000,
                                       999999999,
                                       1000000000,
                                       1000000001,
                                       2299998765,
                                       4294967295,
                                       4294967296,
                                       4294967297,
                                       18446744073,
                                       18446744074,
                                       UINT64_C(1) << 63,
                                       (UINT64_C(1) << 63) + 1,
                                       UINT64_MAX - 1,
                                       UINT64_MAX};

#define FREQUENCIES (sizeof(frequencies) / sizeof(frequencies[0]))

static uint64_t random_hz(uint64_t *state)
{
    uint64_t which = mock_random(state) % (2 * FREQUENCIES);
    uint64_t hz = which < FREQUENCIES ? frequencies[which] : mock_random_skewed(state);

    return hz != 0 ? hz : 1;
}

static void stir(uint64_t *digest, uint64_t value)
{
    *digest = (*digest ^ value) * UINT64_C(0x9e3779b97f4a7c15);
    *digest ^= *digest >> 29;
}

static struct tc_hands hands_at(uint64_t hz)
{
    struct tc_hands hands;

    memset(&hands, 0, sizeof(hands));
    hands.hz = hz;
    hands.mask = UINT64_MAX;
    tc_make_divisor(&hands.divisor, hz);
    return hands;
}

/* Every result of every function once more, in a number. */
static void every_build_has_the_same_results(void **unused)
{
    const unsigned cases = 200000;
    uint64_t state = 42, value = 0;

    (void)unused;
    for (unsigned i = 0; i < cases; i++) {
        struct tc_hands hands = hands_at(random_hz(&state));
        uint64_t factor = mock_random_skewed(&state);
        struct tc_u128 product = tc_multiply(factor, mock_random(&state));
        struct tc_timespec time;
        struct tc_bintime bintime;

        hands.uptime.sec = mock_random(&state) >> 24;
        hands.uptime.frac = mock_random_skewed(&state);
        hands.uptime.rest = mock_random(&state) % hands.hz;
        tc_hands_add(&hands, &hands.uptime, mock_random_skewed(&state));
        stir(&value, product.high);
        stir(&value, product.low);
        stir(&value, hands.divisor.inverse);
        stir(&value, hands.uptime.sec);
        stir(&value, hands.uptime.frac);
        stir(&value, hands.uptime.rest);
        stir(&value, tc_hands_nsec(&hands, &hands.uptime));
        time = tc_ns_to_timespec((int64_t)mock_random_skewed(&state));
        bintime = tc_timespec_to_bintime(time);
        stir(&value, (uint64_t)time.sec);
        stir(&value, (uint64_t)time.nsec);
        stir(&value, bintime.frac);
        stir(&value, (uint64_t)tc_timespec_to_ns(time));
    }
    figures("%u cases, digest %016llx", cases, (unsigned long long)value);
    assert_int_equal(value, UINT64_C(0xa5edd30edc252c38));
}

#ifdef __SIZEOF_INT128__
__extension__ typedef unsigned __int128 u128;
__extension__ typedef __int128 s128;

static void expect_exact(uint64_t wrong, uint64_t cases)
{
    figures("%llu cases, %llu wrong", (unsigned long long)cases, (unsigned long long)wrong);
    assert_int_equal(wrong, 0);
}

static void divide_is_exact(void **unused)
{
    const uint64_t cases = test_count();
    uint64_t state = 1, wrong = 0;

    (void)unused;
    for (uint64_t i = 0; i < cases; i++) {
        uint64_t d = random_hz(&state);
        uint64_t hi = mock_random_skewed(&state) % d;
        uint64_t lo = mock_random_skewed(&state);
        u128 whole = ((u128)hi << 64) | lo;
        struct tc_divisor divisor;
        uint64_t rest;

        /* The corners of the quotient: none, all, one less than a multiple. */
        if (i % 8 == 0)
            hi = d - 1, lo = UINT64_MAX - (i & 0xff);
        else if (i % 8 == 1)
            whole = (u128)d * lo - (lo != 0), hi = (uint64_t)(whole >> 64), lo = (uint64_t)whole;
        whole = ((u128)hi << 64) | lo;
        tc_make_divisor(&divisor, d);
        wrong += tc_divide(&divisor, hi, lo, &rest) != (uint64_t)(whole / d);
        wrong += rest != (uint64_t)(whole % d);
    }
    expect_exact(wrong, cases);
}

/* Whether an uptime is exactly n / hz seconds, and its nanosecond the one that time is in. */
static bool is_exactly(const struct tc_hands *hands, const struct tc_uptime *uptime, u128 n)
{
    u128 left = n % hands->hz;

    return uptime->sec == (uint64_t)(n / hands->hz) &&
           uptime->frac == (uint64_t)((left << 64) / hands->hz) &&
           uptime->rest == (uint64_t)((left << 64) % hands->hz) &&
           tc_hands_nsec(hands, uptime) == (uint64_t)(left * TC_NSEC / hands->hz);
}

/* One step of any size from any time. */
static void a_step_is_exact(void **unused)
{
    const uint64_t cases = test_count();
    uint64_t state = 2, wrong = 0;

    (void)unused;
    for (uint64_t i = 0; i < cases; i++) {
        struct tc_hands hands = hands_at(random_hz(&state));
        uint64_t before = mock_random_skewed(&state);
        uint64_t step = mock_random_skewed(&state);

        /* As tc_max_gap_ns(): a step of half the range. Steps onto a whole nanosecond or second,
         * and one cycle short of it, are where rounding would show. */
        step >>= 1;
        if (i % 4 == 0)
            step = (uint64_t)((u128)(step % TC_NSEC) * hands.hz / TC_NSEC) - (i % 8 == 0);
        tc_hands_add(&hands, &hands.uptime, before);
        wrong += !is_exactly(&hands, &hands.uptime, before);
        tc_hands_add(&hands, &hands.uptime, step);
        wrong += !is_exactly(&hands, &hands.uptime, (u128)before + step);
    }
    expect_exact(wrong, cases);
}

/* Through the library: windups and readings of a counter that goes on for 400 days and more. */
static void windups_are_exact(void **unused)
{
    const uint64_t cases = test_count() / 4;
    uint64_t state = 3, wrong = 0, done = 0;
    uint64_t longest = 0;

    (void)unused;
    while (done < cases) {
        static struct timecounters set;
        uint64_t hz = random_hz(&state);
        unsigned int bits = 8 + (unsigned int)(mock_random(&state) % 57);
        uint64_t mask = UINT64_MAX >> (64 - bits);
        uint64_t count = mock_random(&state);
        uint64_t days = 400 + mock_random(&state) % 100;
        struct timecounter counter = mock_counter("mock", &count, mask, hz, 0);
        u128 n = 0;

        wrong += timecounters_init(&set, 0) != TC_OK;
        wrong += tc_register(&set, &counter) != TC_OK;
        wrong += tc_choose(&set, NULL) != TC_OK;
        for (unsigned int i = 0; i < 5000; i++, done++) {
            struct tc_timespec time;
            uint64_t step = mock_random_skewed(&state) & (mask >> 1);

            count += step;
            n += step;
            if (n / hz >> 62 != 0)
                break;
            wrong += tc_gettime(&set, TC_CLOCK_UPTIME, &time) != TC_OK;
            wrong += time.sec != (int64_t)(n / hz);
            wrong += time.nsec != (int64_t)(n % hz * TC_NSEC / hz);
            wrong += tc_windup(&set) != TC_OK;
            wrong += !is_exactly(&set.own.hands, &set.own.hands.uptime, n);
            if ((uint64_t)(n / hz) > days * 86400)
                break;
        }
        if ((uint64_t)(n / hz) > longest)
            longest = (uint64_t)(n / hz);
    }
    if (longest < UINT64_C(400) * 86400)
        wrong++;
    expect_exact(wrong, done);
}

/* 400 days at an awkward frequency, wound up a million times: the sum is one division. */
static void four_hundred_days_are_exact(void **unused)
{
    static struct timecounters set;
    uint64_t state = 4, wrong = 0, count = 7;
    struct timecounter counter = mock_counter("mock", &count, UINT64_MAX, 2299998765u, 0);
    const uint64_t total = UINT64_C(400) * 86400 * 2299998765u + 1;
    uint64_t n = 0;
    const unsigned int windups = 1000000;
    struct tc_timespec time;

    (void)unused;
    wrong += timecounters_init(&set, 0) != TC_OK || tc_register(&set, &counter) != TC_OK ||
             tc_choose(&set, NULL) != TC_OK;
    for (unsigned int i = 1; i < windups; i++) {
        uint64_t step = mock_random(&state) % (2 * (total / windups));

        if (step > total - n)
            break;
        count += step;
        n += step;
        wrong += tc_windup(&set) != TC_OK;
    }
    count += total - n;
    wrong += tc_windup(&set) != TC_OK;
    wrong += !is_exactly(&set.own.hands, &set.own.hands.uptime, total);
    wrong += tc_gettime(&set, TC_CLOCK_UPTIME, &time) != TC_OK;
    wrong += time.sec != 400 * 86400 || time.nsec != 0;
    expect_exact(wrong, windups);
}

/* Conversions there and back. */
static void conversions_go_there_and_back(void **unused)
{
    const uint64_t cases = test_count() / 4;
    uint64_t state = 5, wrong = 0;

    (void)unused;
    for (uint64_t i = 0; i < cases; i++) {
        int64_t ns = (int64_t)mock_random_skewed(&state);
        struct tc_timespec time = tc_ns_to_timespec(ns);
        struct tc_timespec back = tc_bintime_to_timespec(tc_timespec_to_bintime(time));
        s128 sum = (s128)time.sec * TC_NSEC + time.nsec;

        wrong += sum != ns || time.nsec < 0 || time.nsec >= (int64_t)TC_NSEC;
        wrong += tc_timespec_to_ns(time) != ns;
        wrong += back.sec != time.sec || back.nsec != time.nsec;
    }
    expect_exact(wrong, cases);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_build_has_the_same_results),
#ifdef __SIZEOF_INT128__
        cmocka_unit_test(divide_is_exact),
        cmocka_unit_test(a_step_is_exact),
        cmocka_unit_test(windups_are_exact),
        cmocka_unit_test(four_hundred_days_are_exact),
        cmocka_unit_test(conversions_go_there_and_back),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
