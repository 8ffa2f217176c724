/* SPDX-License-Identifier: 0BSD */
/*
 * Two representations of time: 64.64 binary seconds (struct tc_bintime), in which the library
 * counts, and seconds with nanoseconds (struct tc_timespec), which people and programs use. Both
 * have the same size and layout on i386 and amd64, so either can be passed from a 64-bit kernel
 * to 32-bit user space.
 */
#ifndef TIMECOUNTER_BINTIME_H
#define TIMECOUNTER_BINTIME_H

#include "timecounter/scale.h"

#ifdef __cplusplus
extern "C" {
#endif

/* sec + frac / 2^64 seconds. Before zero, sec is negative and frac still counts up. */
struct tc_bintime {
    int64_t sec;
    uint64_t frac;
};

/* sec + nsec / 10^9 seconds, 0 <= nsec < 10^9. Before zero, sec is negative and nsec is not. */
struct tc_timespec {
    int64_t sec;
    int64_t nsec;
};

/* a + b, modulo 2^64 seconds. */
static inline struct tc_bintime tc_bintime_add(struct tc_bintime a, struct tc_bintime b)
{
    struct tc_bintime sum;

    sum.frac = a.frac + b.frac;
    sum.sec = (int64_t)((uint64_t)a.sec + (uint64_t)b.sec + (sum.frac < a.frac));
    return sum;
}

/* a - b, modulo 2^64 seconds. */
static inline struct tc_bintime tc_bintime_subtract(struct tc_bintime a, struct tc_bintime b)
{
    struct tc_bintime difference;

    difference.frac = a.frac - b.frac;
    difference.sec = (int64_t)((uint64_t)a.sec - (uint64_t)b.sec - (a.frac < b.frac));
    return difference;
}

static inline bool tc_bintime_less(struct tc_bintime a, struct tc_bintime b)
{
    return a.sec < b.sec || (a.sec == b.sec && a.frac < b.frac);
}

/*
 * Returns the nanosecond that contains a bintime. A bintime read from a clock is itself truncated
 * below 2^-64 s, which turns a time of exactly k ns into one just below k ns; tc_gettime() and
 * tc_getns() take the truncated part into account and are exact, so prefer them to converting a
 * bintime.
 */
static inline struct tc_timespec tc_bintime_to_timespec(struct tc_bintime time)
{
    struct tc_timespec converted;

    converted.sec = time.sec;
    converted.nsec = (int64_t)tc_multiply(time.frac, TC_NSEC).high;
    return converted;
}

/*
 * Returns the first bintime in a nanosecond, rounded up, so that tc_bintime_to_timespec() returns
 * the same nanosecond. time.nsec must be below 10^9.
 */
static inline struct tc_bintime tc_timespec_to_bintime(struct tc_timespec time)
{
    static const struct tc_divisor nsec = TC_NSEC_DIVISOR;
    struct tc_bintime converted;
    uint64_t rest;

    converted.sec = time.sec;
    converted.frac = tc_divide(&nsec, (uint64_t)time.nsec, 0, &rest);
    converted.frac += rest != 0;
    return converted;
}

/* Converts a count of nanoseconds to seconds and nanoseconds. */
static inline struct tc_timespec tc_ns_to_timespec(int64_t ns)
{
    static const struct tc_divisor nsec = TC_NSEC_DIVISOR;
    struct tc_timespec converted;
    uint64_t rest;
    /* Before zero, divide -1 - ns and complement the result: rounds down, not towards zero. */
    uint64_t turned = ns < 0 ? ~UINT64_C(0) : 0;
    uint64_t sec = tc_divide(&nsec, 0, (uint64_t)ns ^ turned, &rest);

    converted.sec = (int64_t)(sec ^ turned);
    converted.nsec = (int64_t)(turned != 0 ? TC_NSEC - 1 - rest : rest);
    return converted;
}

/*
 * Converts seconds and nanoseconds to a count of nanoseconds, INT64_MIN or INT64_MAX if it does
 * not fit (292 years either side of zero).
 */
static inline int64_t tc_timespec_to_ns(struct tc_timespec time)
{
    const int64_t limit = INT64_C(9223372036); /* 2^63 ns is 9223372036.854775808 s */

    if (time.sec > limit || (time.sec == limit && time.nsec > 854775807))
        return INT64_MAX;
    if (time.sec < -limit - 1 || (time.sec == -limit - 1 && time.nsec < 145224192))
        return INT64_MIN;
    return (int64_t)((uint64_t)time.sec * TC_NSEC + (uint64_t)time.nsec);
}

/* a + b, modulo 2^64 seconds; arguments and result have 0 <= nsec < 10^9. */
static inline struct tc_timespec tc_timespec_add(struct tc_timespec a, struct tc_timespec b)
{
    struct tc_timespec sum;

    sum.nsec = a.nsec + b.nsec;
    sum.sec = (int64_t)((uint64_t)a.sec + (uint64_t)b.sec);
    if (sum.nsec >= (int64_t)TC_NSEC) {
        sum.nsec -= TC_NSEC;
        sum.sec = (int64_t)((uint64_t)sum.sec + 1);
    }
    return sum;
}

/* a - b, modulo 2^64 seconds; arguments and result have 0 <= nsec < 10^9. */
static inline struct tc_timespec tc_timespec_subtract(struct tc_timespec a, struct tc_timespec b)
{
    struct tc_timespec difference;

    difference.nsec = a.nsec - b.nsec;
    difference.sec = (int64_t)((uint64_t)a.sec - (uint64_t)b.sec);
    if (difference.nsec < 0) {
        difference.nsec += TC_NSEC;
        difference.sec = (int64_t)((uint64_t)difference.sec - 1);
    }
    return difference;
}

#ifdef __cplusplus
}
#endif

#endif
