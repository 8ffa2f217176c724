/* SPDX-License-Identifier: 0BSD */
/* The writer's work: bring the hands to the present. */
#include "timecounter/internal.h"

/* Whether readers have to pass the guard with the hands as they are. */
static bool needs_guard(const struct timecounters *set)
{
    const struct timecounter *counter = set->own.hands.counter;

    if (!tc_guard_supported())
        return false;
    return (counter->flags & TC_GUARDED) != 0 || counter->steps_back != 0 ||
           tc_bintime_less(tc_uptime_to_bintime(&set->own.hands.uptime), set->guard_until);
}

void tc_update_flags(struct timecounters *set)
{
    struct tc_hands *hands = &set->own.hands;

    hands->flags &= ~(uint64_t)TC_HANDS_GUARDED;
    if (needs_guard(set))
        hands->flags |= TC_HANDS_GUARDED;
    if (!tc_bintime_less(tc_uptime_to_bintime(&hands->uptime), hands->floor))
        hands->flags &= ~(uint64_t)TC_HANDS_FLOOR;
}

/*
 * Before a restart, readers may have seen uptimes past the last windup, by as long as the promised
 * interval. Uptime goes on from the windup, so it stands until it has passed them.
 */
static void hold_until_interval(struct timecounters *set)
{
    struct tc_hands *hands = &set->own.hands;
    struct tc_timespec interval;
    struct tc_bintime floor;

    if (set->windup_interval_ns == 0 || set->windup_interval_ns > INT64_MAX)
        return;
    interval = tc_ns_to_timespec((int64_t)set->windup_interval_ns);
    floor = tc_bintime_add(tc_uptime_to_bintime(&hands->uptime), tc_timespec_to_bintime(interval));
    if ((hands->flags & TC_HANDS_FLOOR) != 0 && tc_bintime_less(floor, hands->floor))
        return;
    hands->floor = floor;
    hands->flags |= TC_HANDS_FLOOR;
}

/* The counter has gone back, by this many cycles. */
static enum tc_status went_back(struct timecounters *set, uint64_t count, uint64_t cycles)
{
    struct tc_hands *hands = &set->own.hands;

    if (tc_cycles_to_ns(&hands->divisor, cycles) > TC_BACK_NS) {
        set->statistics.restarts++;
        hands->count = count;
        hold_until_interval(set);
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
        status = went_back(set, count, (hands->count - count) & hands->mask);
    }
    tc_update_flags(set);
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
    static const struct tc_divisor nsec_divisor = TC_NSEC_DIVISOR;
    struct tc_hands *hands;
    struct tc_timespec by;
    struct tc_bintime uptime;
    uint64_t nsec;

    if (set == NULL)
        return TC_NULL;
    hands = &set->own.hands;
    if (hands->counter == NULL)
        return TC_NONE;
    (void)tc_wind(set);
    by.sec = (int64_t)tc_divide(&nsec_divisor, 0, ns, &nsec);
    by.nsec = (int64_t)nsec;
    uptime = tc_bintime_add(tc_uptime_to_bintime(&hands->uptime), tc_timespec_to_bintime(by));
    hands->uptime.sec = (uint64_t)uptime.sec;
    hands->uptime.frac = uptime.frac;
    tc_update_flags(set);
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
