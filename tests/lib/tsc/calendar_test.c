/* SPDX-License-Identifier: 0BSD */
/*
 * lib/tsc/calendar.c: every day of the years 1 to 9999 against a calendar that only counts on, day
 * by day, and against the C library where its time_t has 64 bits; and what is no date.
 */
#include "tests/check.h"
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <tsc/calendar.h>

enum { DAY = 86400 };

static uint64_t random_state = 1;

static int length_of(int64_t year, int month)
{
    static const int lengths[] = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 400 == 0 || (year % 4 == 0 && year % 100 != 0);

    return lengths[month] + (month == 2 && leap);
}

static bool same_day(const struct calendar_date *a, const struct calendar_date *b)
{
    return a->year == b->year && a->month == b->month && a->day == b->day &&
           a->weekday == b->weekday;
}

/* A second of the day that `today` is, there and back. */
static void check_second(const struct calendar_date *today, int64_t midnight, int of_day)
{
    struct calendar_date d = calendar_from_seconds(midnight + of_day);
    int64_t back = 1;

    assert_that(same_day(&d, today) && d.hour * 3600 + d.minute * 60 + d.second == of_day &&
                    d.minute < 60 && d.second < 60 && d.hour < 24,
                "%" PRId64 " is %" PRId64 "-%d-%d %d:%d:%d", midnight + of_day, d.year, d.month,
                d.day, d.hour, d.minute, d.second);
    assert_that(calendar_to_seconds(&d, &back) && back == midnight + of_day,
                "%" PRId64 " comes back as %" PRId64, midnight + of_day, back);
}

/* 0001-01-01 was a Monday. */
static void calendar_has_every_day_of_0001_to_9999(void **unused)
{
    struct calendar_date today = {.year = 1, .month = 1, .day = 1, .weekday = 1};
    int64_t midnight = CALENDAR_FIRST, days = 0;

    (void)unused;
    while (today.year <= 9999) {
        check_second(&today, midnight, 0);
        check_second(&today, midnight, DAY - 1);
        check_second(&today, midnight, (int)(next_random(&random_state) % DAY));
        days++;
        midnight += DAY;
        today.weekday = (today.weekday + 1) % 7;
        if (++today.day > length_of(today.year, today.month)) {
            today.day = 1;
            today.month++;
        }
        if (today.month > 12) {
            today.month = 1;
            today.year++;
        }
    }
    assert_int_equal(midnight - 1, CALENDAR_LAST);
    figures("%" PRId64 " days", days);
}

static void check_libc(int64_t seconds)
{
    struct calendar_date d = calendar_from_seconds(seconds);
    time_t t = (time_t)seconds;
    struct tm tm;

    if (sizeof(t) < sizeof(seconds) || gmtime_r(&t, &tm) == NULL)
        return;
    assert_that(d.year == (int64_t)tm.tm_year + 1900 && d.month == tm.tm_mon + 1 &&
                    d.day == tm.tm_mday && d.hour == tm.tm_hour && d.minute == tm.tm_min &&
                    d.second == tm.tm_sec && d.weekday == tm.tm_wday,
                "%" PRId64, seconds);
}

static void calendar_is_that_of_the_c_library(void **unused)
{
    const unsigned long long count = test_count();

    (void)unused;
    check_libc(0);
    check_libc(-1);
    check_libc(CALENDAR_FIRST);
    check_libc(CALENDAR_FIRST - 1);
    check_libc(CALENDAR_LAST);
    check_libc(CALENDAR_LAST + 1);
    for (unsigned long long i = 0; i < count; i++) {
        int64_t length = (int64_t)random_length(&random_state);

        check_libc(i % 2 != 0 ? -length : length);
    }
}

/* 400 years are whole weeks, so the ends of 64 bits follow from years that are known. */
static void calendar_reaches_the_ends_of_64_bits(void **unused)
{
    static const int64_t moments[] = {INT64_MIN, INT64_MIN + 1, INT64_MIN + 86399,
                                      INT64_MAX, INT64_MAX - 1, INT64_MAX - 86400};
    const int64_t era = INT64_C(146097) * DAY;

    (void)unused;
    for (unsigned i = 0; i < sizeof(moments) / sizeof(moments[0]); i++) {
        int64_t eras = moments[i] / era;
        struct calendar_date far = calendar_from_seconds(moments[i]);
        struct calendar_date near = calendar_from_seconds(moments[i] % era);

        near.year += eras * 400;
        assert_true(same_day(&far, &near));
        assert_int_equal(far.hour, near.hour);
        assert_int_equal(far.minute, near.minute);
        assert_int_equal(far.second, near.second);
    }
}

static void calendar_refuses_what_is_no_date(void **unused)
{
    static const struct calendar_date wrong[] = {
        {0, 12, 31, 23, 59, 59, 0},       {10000, 1, 1, 0, 0, 0, 0},
        {-1, 1, 1, 0, 0, 0, 0},           {INT64_MIN, 1, 1, 0, 0, 0, 0},
        {INT64_MAX, 1, 1, 0, 0, 0, 0},    {2026, 0, 1, 0, 0, 0, 0},
        {2026, 13, 1, 0, 0, 0, 0},        {2026, -1, 1, 0, 0, 0, 0},
        {2026, INT32_MAX, 1, 0, 0, 0, 0}, {2026, 1, 0, 0, 0, 0, 0},
        {2026, 1, 32, 0, 0, 0, 0},        {2026, 4, 31, 0, 0, 0, 0},
        {2026, 2, 29, 0, 0, 0, 0},        {2100, 2, 29, 0, 0, 0, 0},
        {2024, 2, 30, 0, 0, 0, 0},        {1, 2, 29, 0, 0, 0, 0},
        {2026, 1, -1, 0, 0, 0, 0},        {2026, 1, 1, 24, 0, 0, 0},
        {2026, 1, 1, -1, 0, 0, 0},        {2026, 1, 1, 0, 60, 0, 0},
        {2026, 1, 1, 0, -1, 0, 0},        {2026, 1, 1, 0, 0, 60, 0},
        {2026, 1, 1, 0, 0, -1, 0},        {2026, 1, INT32_MIN, 0, 0, 0, 0},
        {2026, 1, 1, INT32_MIN, 0, 0, 0},
    };
    static const struct calendar_date right[] = {
        {1, 1, 1, 0, 0, 0, 0}, {9999, 12, 31, 23, 59, 59, 0}, {2000, 2, 29, 0, 0, 0, 99}};
    int64_t seconds = 42;

    (void)unused;
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_that(!calendar_to_seconds(&wrong[i], &seconds), "case %u", i);
    for (int64_t year = 1999; year <= 2100; year++) {
        for (int month = 1; month <= 12; month++) {
            struct calendar_date d = {.year = year, .month = month};

            d.day = length_of(year, month) + 1;
            assert_that(!calendar_to_seconds(&d, &seconds), "%" PRId64 "-%d-%d", year, month,
                        d.day);
        }
    }
    assert_int_equal(seconds, 42);
    for (unsigned i = 0; i < sizeof(right) / sizeof(right[0]); i++)
        assert_that(calendar_to_seconds(&right[i], &seconds), "case %u", i);
    assert_int_equal(seconds, 951782400);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calendar_has_every_day_of_0001_to_9999),
        cmocka_unit_test(calendar_is_that_of_the_c_library),
        cmocka_unit_test(calendar_reaches_the_ends_of_64_bits),
        cmocka_unit_test(calendar_refuses_what_is_no_date),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
