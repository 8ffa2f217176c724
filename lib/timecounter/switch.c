/* SPDX-License-Identifier: 0BSD */
/*
 * Switches from one counter, or one frequency, to another, without a step back or lost time.
 * windup.c maintains the hands between switches; ring.c publishes them.
 */
#include "timecounter/internal.h"
#include "timecounter/port.h"

/* How many times old, new and old are read; the tightest bracket counts. */
#define TC_BRACKETS 4

/* Returns one tick in ns, rounded up. */
static uint64_t tc_tick_ns(const struct tc_divisor *divisor)
{
    return tc_cycles_to_ns(divisor, 1) + 1;
}

/* The old and the new counter at one moment. */
struct tc_bracket {
    uint64_t low; /* cycles of the old since windup, the lower of before and after the new */
    uint64_t width;
    uint64_t count; /* of the new */
};

static void tc_read_bracket(struct tc_bracket *best, const struct tc_hands *old,
                            const struct timecounter *to)
{
    for (unsigned int i = 0; i < TC_BRACKETS; i++) {
        uint64_t before = tc_hands_delta(old, tc_read_counter(old->counter));
        uint64_t count = tc_read_counter(to);
        uint64_t after = tc_hands_delta(old, tc_read_counter(old->counter));
        uint64_t low = before < after ? before : after;
        uint64_t width = before < after ? after - before : before - after;

        if (i == 0 || width < best->width) {
            best->low = low;
            best->width = width;
            best->count = count;
        }
    }
}

static void tc_point_hands(struct tc_hands *hands, struct timecounter *to, uint64_t count)
{
    hands->counter = to;
    hands->count = count;
    hands->mask = to->mask;
    hands->hz = to->frequency;
    /* Member by member: Clang -O0 calls memcpy to assign the whole structure. */
    hands->divisor.normal = to->divisor.normal;
    hands->divisor.inverse = to->divisor.inverse;
    hands->divisor.shift = to->divisor.shift;
}

/*
 * Converts the remainder of uptime from parts of the old frequency to parts of the new one,
 * rounded up: uptime gains less than 2^-64 / hz seconds, and a time of whole ns does not fall
 * short of them.
 */
static void tc_convert_rest(struct tc_hands *hands, const struct timecounter *to)
{
    struct tc_uptime *uptime = &hands->uptime;
    struct tc_u128 product = tc_multiply(uptime->rest, to->frequency);
    uint64_t left;

    uptime->rest = tc_divide(&hands->divisor, product.high, product.low, &left);
    uptime->rest += left != 0;
    if (uptime->rest == to->frequency) {
        uptime->rest = 0;
        uptime->frac++;
        uptime->sec += uptime->frac == 0;
    }
}

static void tc_begin_switch(struct timecounters *set, struct timecounter *to,
                            struct tc_switch *report)
{
    tc_point_hands(&set->own.hands, to, tc_read_counter(to));
    tc_update_guarded(set);
    tc_publish_epoch(set);
    report->to = to;
}

/*
 * Three steps ensure that no reading is lower than an earlier one, even if the new counter is a
 * little behind the old, and although other CPUs keep reading:
 *
 * 1. Readers of the old counter pass the guard, which records what they return. A new epoch begins:
 *    a reading that is not guarded has read the counter before the fence, or retries.
 * 2. Old and new counter are read in brackets, and readers move to the new one, guarded. They start
 *    from an uptime that no reading without the guard has passed, since those read the old counter
 *    before the brackets did.
 * 3. A reader that read the old counter just before may not have recorded it yet; but it read no
 *    more than the old counter shows now. Once uptime is past that, the guard may go.
 */
static void tc_take_over(struct timecounters *set, struct timecounter *to, struct tc_switch *report)
{
    struct tc_hands *hands = &set->own.hands;
    union tc_image old;
    struct tc_uptime uptime;
    struct tc_bracket bracket;

    (void)tc_wind(set);
    hands->flags |= TC_HANDS_GUARDED;
    tc_publish_epoch(set);
    TIMECOUNTER_FENCE_FULL();
    (void)tc_read_hands(set, &old, NULL);

    tc_read_bracket(&bracket, &old.hands, to);
    tc_hands_add(hands, &hands->uptime, bracket.low + (bracket.width >> 1));
    tc_convert_rest(hands, to);
    tc_point_hands(hands, to, bracket.count);
    tc_publish_epoch(set);
    TIMECOUNTER_FENCE_FULL();

    tc_hands_uptime(&old.hands, tc_read_counter(old.hands.counter), &uptime);
    if (tc_differs_between_cpus(old.hands.counter))
        uptime.sec += TC_BACK_NS / TC_NSEC; /* other CPUs may have read that much more */
    tc_guard_until(set, &uptime);
    /* A late windup may have put uptime below what was returned before it. */
    if (tc_is_guarded(old.hands.counter)) {
        tc_guard_highest(set, &uptime);
        tc_guard_until(set, &uptime);
    }
    set->statistics.switches++;

    report->to = to;
    report->uptime = tc_uptime_to_bintime(&hands->uptime);
    report->bracket_ns = tc_cycles_to_ns(&old.hands.divisor, bracket.width) + (bracket.width != 0);
    report->uncertainty_ns =
        ((report->bracket_ns + 1) >> 1) + tc_tick_ns(&old.hands.divisor) + tc_tick_ns(&to->divisor);
}

/* Whether the promised windup interval is short enough for this counter. */
static bool tc_slow_enough(const struct timecounters *set, const struct timecounter *counter)
{
    return set->windup_interval_ns <= tc_cycles_to_ns(&counter->divisor, counter->mask >> 1);
}

static enum tc_status tc_use(struct timecounters *set, struct timecounter *to,
                             struct tc_switch *report)
{
    struct tc_switch unread;

    if (report == NULL)
        report = &unread;
    report->from = set->own.hands.counter;
    report->to = report->from;
    report->uptime = tc_uptime_to_bintime(&set->own.hands.uptime);
    report->bracket_ns = 0;
    report->uncertainty_ns = 0;
    if (to == NULL)
        return TC_NOT_FOUND;
    if (!tc_slow_enough(set, to))
        return TC_WRAPS_TOO_SOON;
    if (report->from == NULL) {
        tc_begin_switch(set, to, report);
        return TC_OK;
    }
    /* The same counter at a new frequency is a switch; at the same frequency it is not. */
    if (report->from == to && set->own.hands.hz == to->frequency)
        return TC_OK;
    tc_take_over(set, to, report);
    return TC_OK;
}

enum tc_status tc_choose(struct timecounters *set, struct tc_switch *report)
{
    struct timecounter *best = NULL;

    if (set == NULL)
        return TC_NULL;
    for (struct timecounter *c = set->first; c != NULL; c = c->next) {
        if (c->quality < 0 || !tc_slow_enough(set, c))
            continue;
        if (best == NULL || c->quality > best->quality ||
            (c->quality == best->quality && c->frequency > best->frequency))
            best = c;
    }
    if (best == NULL)
        return TC_NONE;
    return tc_use(set, best, report);
}

enum tc_status tc_select(struct timecounters *set, const char *name, struct tc_switch *report)
{
    if (set == NULL || name == NULL)
        return TC_NULL;
    return tc_use(set, tc_find(set, name), report);
}

enum tc_status tc_set_frequency(struct timecounters *set, struct timecounter *counter, uint64_t hz)
{
    uint64_t old_hz;
    enum tc_status status = TC_OK;

    if (set == NULL || counter == NULL)
        return TC_NULL;
    if (hz == 0)
        return TC_BAD_FREQUENCY;
    if (counter->name == NULL || tc_find(set, counter->name) != counter)
        return TC_NOT_FOUND;
    old_hz = counter->frequency;
    counter->frequency = hz;
    tc_make_divisor(&counter->divisor, hz);
    if (set->own.hands.counter == counter)
        status = tc_use(set, counter, NULL);
    if (status != TC_OK) {
        counter->frequency = old_hz;
        tc_make_divisor(&counter->divisor, old_hz);
    }
    return status;
}
