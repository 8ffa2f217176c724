/* SPDX-License-Identifier: 0BSD */
/*
 * Windup: the writer brings the hands up to date, adding what the counter counted to uptime. The
 * kernel calls it at each tick of the boot vCPU; clock.c reads the result.
 */
#include "timecounter/internal.h"

/* Adds ns, rounded up to 2^-64 s. */
static void tc_add_ns(struct tc_uptime *uptime, uint64_t ns)
{
    static const struct tc_divisor nsec_divisor = TC_NSEC_DIVISOR;
    struct tc_timespec by;
    struct tc_bintime sum;
    uint64_t nsec;

    by.sec = (int64_t)tc_divide(&nsec_divisor, 0, ns, &nsec);
    by.nsec = (int64_t)nsec;
    sum = tc_bintime_add(tc_uptime_to_bintime(uptime), tc_timespec_to_bintime(by));
    uptime->sec = (uint64_t)sum.sec;
    uptime->frac = sum.frac;
}

/*
 * Makes readers pass the guard if the counter needs it, and after a switch until uptime is past
 * all that was read on the old counter.
 */
void tc_update_guarded(struct timecounters *set)
{
    struct tc_hands *hands = &set->own.hands;

    hands->flags &= ~(uint64_t)TC_HANDS_GUARDED;
    if (tc_is_guarded(hands->counter) ||
        tc_bintime_less(tc_uptime_to_bintime(&hands->uptime), set->guard_until))
        hands->flags |= TC_HANDS_GUARDED;
}

void tc_guard_until(struct timecounters *set, const struct tc_uptime *uptime)
{
    struct tc_bintime rest, until;

    /* Rounded up: with a smaller remainder, uptime may be in an earlier nanosecond. */
    rest.sec = 0;
    rest.frac = 1;
    until = tc_bintime_add(tc_uptime_to_bintime(uptime), rest);
    if (tc_bintime_less(set->guard_until, until))
        set->guard_until = until;
}

/*
 * Before a restart, readers may have seen uptimes past the last windup, by as much as the
 * promised interval. Uptime goes on from that windup, so the guard raises readings until they are
 * past it.
 */
static void tc_guard_interval(struct timecounters *set)
{
    struct tc_hands *hands = &set->own.hands;
    struct tc_uptime reached = hands->uptime;

    tc_add_ns(&reached, set->windup_interval_ns);
    tc_guard_raise(set, hands, &reached);
    tc_guard_until(set, &reached);
}

/* Handles a counter that has gone back by this many cycles. */
static enum tc_status tc_went_back(struct timecounters *set, uint64_t count, uint64_t cycles)
{
    struct tc_hands *hands = &set->own.hands;

    if (tc_cycles_to_ns(&hands->divisor, cycles) > TC_BACK_NS) {
        set->statistics.restarts++;
        hands->count = count;
        tc_guard_interval(set);
        return TC_RESTARTED;
    }
    set->statistics.steps_back++;
    hands->counter->steps_back++;
    if (cycles > hands->counter->worst_back)
        hands->counter->worst_back = cycles;
    return TC_STEPPED_BACK;
}

enum tc_status tc_wind(struct timecounters *set)
{
    struct tc_hands *hands = &set->own.hands;
    uint64_t count = tc_read_counter(hands->counter);
    uint64_t delta = (count - hands->count) & hands->mask;
    enum tc_status status = TC_OK;

    if (delta <= hands->mask >> 1) {
        tc_hands_add(hands, &hands->uptime, delta);
        hands->count = count;
    } else {
        status = tc_went_back(set, count, (hands->count - count) & hands->mask);
    }
    tc_update_guarded(set);
    return status;
}

enum tc_status tc_windup(struct timecounters *set)
{
    enum tc_status status;
    uint64_t guarded;

    if (set == NULL)
        return TC_NULL;
    if (set->own.hands.counter == NULL)
        return TC_NONE;
    guarded = set->own.hands.flags & TC_HANDS_GUARDED;
    status = tc_wind(set);
    set->statistics.windups++;
    if (status == TC_OK && guarded == (set->own.hands.flags & TC_HANDS_GUARDED))
        tc_publish(set);
    else
        tc_publish_epoch(set);
    return status;
}

enum tc_status tc_advance(struct timecounters *set, uint64_t ns)
{
    if (set == NULL)
        return TC_NULL;
    if (set->own.hands.counter == NULL)
        return TC_NONE;
    (void)tc_wind(set);
    tc_add_ns(&set->own.hands.uptime, ns);
    tc_update_guarded(set);
    tc_publish_epoch(set);
    return TC_OK;
}

enum tc_status tc_get_statistics(struct timecounters *set, struct tc_statistics *statistics)
{
    if (set == NULL || statistics == NULL)
        return TC_NULL;
    statistics->windups = set->statistics.windups;
    statistics->switches = set->statistics.switches;
    statistics->steps_back = set->statistics.steps_back;
    statistics->restarts = set->statistics.restarts;
    statistics->guarded = tc_guard_steps(set);
    return TC_OK;
}
