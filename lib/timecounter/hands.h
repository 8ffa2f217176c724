/* SPDX-License-Identifier: 0BSD */
/*
 * The hands of the clock: what a reader needs to turn a count into a time, and the arithmetic
 * that does it. It accesses nothing else, so it works as well on a copy of the hands on a
 * user-space page as on the kernel's.
 */
#ifndef TIMECOUNTER_HANDS_H
#define TIMECOUNTER_HANDS_H

#include "timecounter/bintime.h"

#ifdef __cplusplus
extern "C" {
#endif

struct timecounter;

/* Uptime: exactly sec + (frac + rest / hz) / 2^64 seconds. rest < hz. */
struct tc_uptime {
    uint64_t sec;
    uint64_t frac;
    uint64_t rest;
};

/* One set of hands, valid as a whole; made by the writer. */
struct tc_hands {
    struct timecounter *counter; /* not valid outside its own address space */
    uintptr_t epoch;             /* readers from an older epoch retry */
    uint64_t count;              /* the counter at windup, masked */
    uint64_t mask;               /* of the counter */
    uint64_t hz;                 /* of the counter */
    struct tc_divisor divisor;   /* of hz */
    struct tc_uptime uptime;     /* at windup */
    struct tc_timespec boottime; /* real time at uptime 0 */
    uint64_t flags;              /* TC_HANDS_* */
};

#define TC_HANDS_GUARDED 0x1u /* readings must pass the set's guard: see tc_windup() */
#define TC_HANDS_SET     0x2u /* boottime has been set */

/*
 * Returns the cycles from windup to `count`; 0 if the counter is behind (in the upper half of its
 * range).
 */
static inline uint64_t tc_hands_delta(const struct tc_hands *hands, uint64_t count)
{
    uint64_t delta = (count - hands->count) & hands->mask;

    return delta > hands->mask >> 1 ? 0 : delta;
}

/* Adds `cycles` of the hands' counter to an uptime made from the same hands. Exact; see scale.h. */
static inline void tc_hands_add(const struct tc_hands *hands, struct tc_uptime *uptime,
                                uint64_t cycles)
{
    uint64_t frac;

    if (cycles >= hands->hz)
        uptime->sec += tc_divide(&hands->divisor, 0, cycles, &cycles);
    frac = tc_divide(&hands->divisor, cycles, uptime->rest, &uptime->rest);
    uptime->frac += frac;
    uptime->sec += uptime->frac < frac;
}

/* Returns the uptime at `count` (masked here), without the guard. */
static inline void tc_hands_uptime(const struct tc_hands *hands, uint64_t count,
                                   struct tc_uptime *uptime)
{
    *uptime = hands->uptime;
    tc_hands_add(hands, uptime, tc_hands_delta(hands, count));
}

/*
 * Returns the nanoseconds of an uptime, 0..999999999, exactly: floor(10^9 * (frac + rest / hz) /
 * 2^64). The rest adds less than 10^9 to the product's low half, so it matters only if that is
 * about to overflow, which is just below every whole nanosecond.
 */
static inline uint32_t tc_hands_nsec(const struct tc_hands *hands, const struct tc_uptime *uptime)
{
    struct tc_u128 nsec = tc_multiply(uptime->frac, TC_NSEC);

    if (nsec.low > UINT64_MAX - TC_NSEC) {
        struct tc_u128 rest = tc_multiply(uptime->rest, TC_NSEC);
        uint64_t ignored;

        nsec.high +=
            nsec.low + tc_divide(&hands->divisor, rest.high, rest.low, &ignored) < nsec.low;
    }
    return (uint32_t)nsec.high;
}

#ifdef __cplusplus
}
#endif

#endif
