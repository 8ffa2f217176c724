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

bool tc_guard_supported(void);

/* Never less than an uptime that this gave before. TC_BUSY. */
enum tc_status tc_guard(struct timecounters *set, const struct tc_hands *hands,
                        struct tc_uptime *uptime);

/* The highest uptime that the guard has given. */
struct tc_bintime tc_guard_highest(struct timecounters *set);

/* Readings that the guard has held. */
uint64_t tc_guard_steps(struct timecounters *set);

/* windup.c and counters.c: */

/* Writer: bring set->own to the present. TC_STEPPED_BACK, TC_RESTARTED. */
enum tc_status tc_wind(struct timecounters *set);

/* Writer: work out the flags of set->own that depend on its uptime and counter. */
void tc_update_flags(struct timecounters *set);

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
