/* SPDX-License-Identifier: 0BSD */
/* Going over from one counter, or one frequency, to another: no step back, no time lost. */
#include "timecounter/internal.h"
#include "timecounter/port.h"

/* How often old, new and old are read; the tightest bracket counts. */
#define BRACKETS 4
/* How often the ceiling is put higher. */
#define CEILINGS 32
/* The first height of the ceiling above the present: 2^-20 s, about 1 us. */
#define FIRST_CEILING (UINT64_C(1) << 44)

/* Nanoseconds in a bintime that is not negative, rounded up; saturates. */
static uint64_t bintime_to_ns_up(struct tc_bintime time)
{
    int64_t ns = tc_timespec_to_ns(tc_bintime_to_timespec(time));

    return (uint64_t)ns + (time.frac != 0);
}

/* One tick in ns, rounded up. */
static uint64_t tick_ns(const struct tc_divisor *divisor)
{
    return tc_cycles_to_ns(divisor, 1) + 1;
}

/*
 * Bound what readers can see from now until the new counter has taken over.
 *
 * A reader that is under way on earlier hands read the counter before the new hands were visible,
 * or else is made to try again (a new epoch begins). So after the fence, what this CPU reads is
 * more than any such reader has seen: if that is still below the ceiling, no reading past the
 * ceiling has been or will be returned. Else the ceiling was put up too slowly: again, higher.
 */
static enum tc_status raise_ceiling(struct timecounters *set)
{
    struct tc_hands *hands = &set->own.hands;
    struct tc_bintime ahead = {0, FIRST_CEILING};

    for (unsigned int i = 0; i < CEILINGS; i++) {
        struct tc_uptime uptime;
        struct tc_bintime start, passed;

        (void)tc_wind(set);
        start = tc_uptime_to_bintime(&hands->uptime);
        hands->ceiling = start;
        if ((hands->flags & TC_HANDS_FLOOR) != 0)
            hands->ceiling = hands->floor;
        hands->ceiling = tc_bintime_add(hands->ceiling, ahead);
        hands->flags |= TC_HANDS_CEILING;
        tc_publish_epoch(set);
        TIMECOUNTER_FENCE_FULL();

        uptime = hands->uptime;
        tc_hands_add(hands, &uptime, tc_hands_delta(hands, tc_read_counter(hands->counter)));
        if (tc_bintime_less(tc_uptime_to_bintime(&uptime), hands->ceiling))
            return TC_OK;
        passed = tc_bintime_subtract(tc_uptime_to_bintime(&uptime), start);
        if (tc_bintime_less(ahead, passed))
            ahead = passed;
        ahead = tc_bintime_add(ahead, ahead);
    }
    hands->flags &= ~(uint64_t)TC_HANDS_CEILING;
    tc_publish_epoch(set);
    return TC_BUSY;
}

/* Old and new counter at one moment. */
struct bracket {
    uint64_t low; /* cycles of the old since windup, before and after the new was read */
    uint64_t width;
    uint64_t count; /* of the new */
};

static void read_bracket(struct bracket *best, const struct tc_hands *old,
                         const struct timecounter *to)
{
    for (unsigned int i = 0; i < BRACKETS; i++) {
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

static void point_hands(struct tc_hands *hands, struct timecounter *to, uint64_t count)
{
    hands->counter = to;
    hands->count = count;
    hands->mask = to->mask;
    hands->hz = to->frequency;
    /* One by one: Clang -O0 calls memcpy to assign all of it. */
    hands->divisor.normal = to->divisor.normal;
    hands->divisor.inverse = to->divisor.inverse;
    hands->divisor.shift = to->divisor.shift;
}

static void begin(struct timecounters *set, struct timecounter *to, struct tc_switch *report)
{
    point_hands(&set->own.hands, to, tc_read_counter(to));
    tc_update_flags(set);
    tc_publish_epoch(set);
    report->to = to;
}

static enum tc_status take_over(struct timecounters *set, struct timecounter *to,
                                struct tc_switch *report)
{
    struct tc_hands *hands = &set->own.hands;
    struct bracket bracket;
    struct tc_u128 rest;
    uint64_t unused;
    enum tc_status status = raise_ceiling(set);

    if (status != TC_OK)
        return status;
    read_bracket(&bracket, hands, to);
    tc_hands_add(hands, &hands->uptime, bracket.low + (bracket.width >> 1));

    report->to = to;
    report->uptime = tc_uptime_to_bintime(&hands->uptime);
    report->bracket_ns = tc_cycles_to_ns(&hands->divisor, bracket.width) + (bracket.width != 0);
    report->uncertainty_ns =
        ((report->bracket_ns + 1) >> 1) + tick_ns(&hands->divisor) + tick_ns(&to->divisor);
    report->held_ns = bintime_to_ns_up(tc_bintime_subtract(hands->ceiling, report->uptime));

    /* The remainder goes over too, in parts of the new frequency: what is lost is less than one
     * of them, 2^-64 / hz seconds. */
    rest = tc_multiply(hands->uptime.rest, to->frequency);
    hands->uptime.rest = tc_divide(&hands->divisor, rest.hi, rest.lo, &unused);

    if ((hands->flags & TC_HANDS_GUARDED) != 0) {
        /* Readers of the old counter on other CPUs may have been ahead of the ceiling, and may yet
         * enter the guard: keep it up for as long as such a counter may be ahead. */
        struct tc_bintime ahead = {(int64_t)(TC_BACK_NS / TC_NSEC), 0};
        struct tc_bintime highest = tc_guard_highest(set);

        if (tc_bintime_less(highest, hands->ceiling))
            highest = hands->ceiling;
        set->guard_until = tc_bintime_add(highest, ahead);
    }
    hands->floor = hands->ceiling;
    hands->flags |= TC_HANDS_FLOOR;
    hands->flags &= ~(uint64_t)TC_HANDS_CEILING;
    point_hands(hands, to, bracket.count);
    tc_update_flags(set);
    tc_publish_epoch(set);
    set->statistics.switches++;
    return TC_OK;
}

/* Whether the promised windups are often enough for this counter. */
static bool slow_enough(const struct timecounters *set, const struct timecounter *counter)
{
    return set->windup_interval_ns <= tc_cycles_to_ns(&counter->divisor, counter->mask >> 1);
}

static enum tc_status use(struct timecounters *set, struct timecounter *to,
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
    report->held_ns = 0;
    if (to == NULL)
        return TC_NOT_FOUND;
    if (!slow_enough(set, to))
        return TC_WRAPS_TOO_SOON;
    if (report->from == NULL) {
        begin(set, to, report);
        return TC_OK;
    }
    /* The same counter at a new frequency is a switch; at the same, none. */
    if (report->from == to && set->own.hands.hz == to->frequency)
        return TC_OK;
    return take_over(set, to, report);
}

enum tc_status tc_choose(struct timecounters *set, struct tc_switch *report)
{
    struct timecounter *best = NULL;

    if (set == NULL)
        return TC_NULL;
    for (struct timecounter *c = set->first; c != NULL; c = c->next) {
        if (c->quality < 0 || !slow_enough(set, c))
            continue;
        if (best == NULL || c->quality > best->quality ||
            (c->quality == best->quality && c->frequency > best->frequency))
            best = c;
    }
    if (best == NULL)
        return TC_NONE;
    return use(set, best, report);
}

enum tc_status tc_select(struct timecounters *set, const char *name, struct tc_switch *report)
{
    if (set == NULL || name == NULL)
        return TC_NULL;
    return use(set, tc_find(set, name), report);
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
        status = use(set, counter, NULL);
    if (status != TC_OK) {
        counter->frequency = old_hz;
        tc_make_divisor(&counter->divisor, old_hz);
    }
    return status;
}
