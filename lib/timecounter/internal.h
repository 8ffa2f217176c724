/* SPDX-License-Identifier: 0BSD */
/* Shared by the library's sources; nothing else includes it. */
#ifndef TIMECOUNTER_INTERNAL_H
#define TIMECOUNTER_INTERNAL_H

#include "timecounter/timecounter.h"

/* Linkage: hidden in a shared object, and static where all sources are in one file. */
#ifndef TC_INTERNAL
#ifdef __GNUC__
#define TC_INTERNAL __attribute__((__visibility__("hidden")))
#else
#define TC_INTERNAL
#endif
#endif

/* ring.c: the hands as readers see them. */

/* Writer: publishes set->own as the valid hands. */
TC_INTERNAL void tc_publish(struct timecounters *set);

/* Writer: does the same, and invalidates readings that began on earlier hands. */
TC_INTERNAL void tc_publish_epoch(struct timecounters *set);

/*
 * Reader: makes a consistent copy of the hands. If `count` is not null, also reads the counter
 * while they are valid. TC_NONE, TC_BUSY.
 */
TC_INTERNAL enum tc_status tc_read_hands(const struct timecounters *set, union tc_image *image,
                                         uint64_t *count);

/* guard.c: uptimes that never go back, even if the counter does. */

/*
 * Reader: records an uptime, or raises it to the highest recorded one if it is lower; either way
 * it is whole ns afterwards. TC_BUSY.
 */
TC_INTERNAL enum tc_status tc_guard(struct timecounters *set, const struct tc_hands *hands,
                                    struct tc_uptime *uptime);

/* Writer: makes this the least that a guarded reading that begins from now on can return. */
TC_INTERNAL void tc_guard_raise(struct timecounters *set, const struct tc_hands *hands,
                                const struct tc_uptime *uptime);

/* Returns the highest uptime that any guarded reading has returned; 0 s if there was none. */
TC_INTERNAL void tc_guard_highest(struct timecounters *set, struct tc_uptime *uptime);

/* Returns the number of readings that the guard has replaced. */
TC_INTERNAL uint64_t tc_guard_steps(struct timecounters *set);

/* windup.c and counters.c: */

/* Writer: brings set->own up to date. TC_STEPPED_BACK, TC_RESTARTED. */
TC_INTERNAL enum tc_status tc_wind(struct timecounters *set);

/* Writer: decides from counter and uptime whether readers pass the guard. */
TC_INTERNAL void tc_update_guarded(struct timecounters *set);

/* Writer: makes readers pass the guard at least until uptime is this. */
TC_INTERNAL void tc_guard_until(struct timecounters *set, const struct tc_uptime *uptime);

static inline bool tc_differs_between_cpus(const struct timecounter *counter)
{
    return (counter->flags & TC_GUARDED) != 0 || counter->steps_back != 0;
}

static inline bool tc_is_guarded(const struct timecounter *counter)
{
    return (counter->flags & TC_MAY_WRAP) != 0 || tc_differs_between_cpus(counter);
}

static inline struct tc_bintime tc_uptime_to_bintime(const struct tc_uptime *uptime)
{
    struct tc_bintime time = {(int64_t)uptime->sec, uptime->frac};

    return time;
}

static inline uint64_t tc_read_counter(const struct timecounter *counter)
{
    return (counter->read)(counter->context) & counter->mask;
}

/* Converts cycles to ns, rounded down; UINT64_MAX if the result does not fit. */
TC_INTERNAL uint64_t tc_cycles_to_ns(const struct tc_divisor *divisor, uint64_t cycles);

#endif
