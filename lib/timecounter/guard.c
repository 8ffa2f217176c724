/* SPDX-License-Identifier: 0BSD */
/*
 * The guard: one shared word, the highest uptime that any guarded reading has returned, in ns. A
 * lower reading returns the word instead, so that clock.c's readings never step back. Nanoseconds
 * since boot mean the same under every counter, so a late reader of an earlier epoch does no
 * harm.
 */
#include "timecounter/internal.h"
#include "timecounter/port.h"

static const struct tc_divisor tc_nsec_divisor = TC_NSEC_DIVISOR;

/* Loads 64 bits whole, even on 32-bit machines: swaps 0 for 0, or fails and returns the value. */
static uint64_t tc_load64(uint64_t *word)
{
    uint64_t value = 0;

    (void)TIMECOUNTER_CAS64(word, &value, 0);
    return value;
}

/* Counts one more reading replaced. Misses it if TC_TRIES others get in between. */
static void tc_count_step(struct timecounters *set)
{
    uint64_t steps = tc_load64(&set->guard_steps);

    for (unsigned int try = 0; try < TC_TRIES; try++)
        if (TIMECOUNTER_CAS64(&set->guard_steps, &steps, steps + 1))
            return;
}

uint64_t tc_guard_steps(struct timecounters *set)
{
    return tc_load64(&set->guard_steps);
}

/* Returns the whole uptime in ns; up to 584 years. */
static uint64_t tc_guard_word(const struct tc_hands *hands, const struct tc_uptime *uptime)
{
    return uptime->sec * TC_NSEC + tc_hands_nsec(hands, uptime);
}

static void tc_set_uptime(struct tc_uptime *uptime, uint64_t word)
{
    uint64_t left;
    struct tc_timespec time;

    uptime->sec = tc_divide(&tc_nsec_divisor, 0, word, &left);
    time.sec = (int64_t)uptime->sec;
    time.nsec = (int64_t)left;
    uptime->frac = tc_timespec_to_bintime(time).frac;
    uptime->rest = 0;
}

enum tc_status tc_guard(struct timecounters *set, const struct tc_hands *hands,
                        struct tc_uptime *uptime)
{
    uint64_t mine = tc_guard_word(hands, uptime);
    uint64_t highest = tc_load64(&set->guard);

    /* The word only grows, so each failure means that another reader raised it in between. */
    for (unsigned int try = 0; highest < mine; try++) {
        if (try == TC_TRIES)
            return TC_BUSY;
        if (TIMECOUNTER_CAS64(&set->guard, &highest, mine))
            highest = mine;
    }
    if (highest > mine)
        tc_count_step(set);
    tc_set_uptime(uptime, highest);
    return TC_OK;
}

void tc_guard_raise(struct timecounters *set, const struct tc_hands *hands,
                    const struct tc_uptime *uptime)
{
    uint64_t to = tc_guard_word(hands, uptime);
    uint64_t highest = tc_load64(&set->guard);

    while (highest < to && !TIMECOUNTER_CAS64(&set->guard, &highest, to))
        continue;
}

void tc_guard_highest(struct timecounters *set, struct tc_uptime *uptime)
{
    tc_set_uptime(uptime, tc_load64(&set->guard));
}
