/* SPDX-License-Identifier: 0BSD */
/* What the library's sources share, and nobody else includes. */
#ifndef TIMECOUNTER_INTERNAL_H
#define TIMECOUNTER_INTERNAL_H

#include "timecounter/timecounter.h"

/* ring.c: the hands as readers see them. */

/* Writer: make set->own the valid hands. */
void tc_publish(struct timecounters *set);

/* Writer: the same, and no reading that began on earlier hands is accepted any more. */
void tc_publish_epoch(struct timecounters *set);

/* Reader: a consistent copy of the hands. If `count` is not null, also a count that was read while
 * they were valid. TC_NONE, TC_BUSY. */
enum tc_status tc_read_hands(const struct timecounters *set, union tc_image *image,
                             uint64_t *count);

/* guard.c: uptimes that never go back, even if the counter does. */

/* Reader: record an uptime, and make it the highest recorded if it is lower. It is whole ns then.
 * TC_BUSY. */
enum tc_status tc_guard(struct timecounters *set, const struct tc_hands *hands,
                        struct tc_uptime *uptime);

/* Writer: no guarded reading that begins from now on is lower than this. */
void tc_guard_raise(struct timecounters *set, const struct tc_hands *hands,
                    const struct tc_uptime *uptime);

/* The highest uptime that any guarded reading has returned; 0 s: there was none. */
void tc_guard_highest(struct timecounters *set, struct tc_uptime *uptime);

/* Readings that the guard has held. */
uint64_t tc_guard_steps(struct timecounters *set);

/* windup.c and counters.c: */

/* Writer: bring set->own to the present. TC_STEPPED_BACK, TC_RESTARTED. */
enum tc_status tc_wind(struct timecounters *set);

/* Writer: have readers pass the guard or not, as counter and uptime ask for. */
void tc_update_guarded(struct timecounters *set);

/* Writer: have them pass it at least until uptime is this. */
void tc_guard_until(struct timecounters *set, const struct tc_uptime *uptime);

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
    return counter->read(counter->context) & counter->mask;
}

/* `cycles` at a frequency as ns, rounded down; UINT64_MAX if it does not fit. */
uint64_t tc_cycles_to_ns(const struct tc_divisor *divisor, uint64_t cycles);

#endif
