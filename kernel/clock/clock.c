/* SPDX-License-Identifier: 0BSD */
/*
 * Keeps the kernel's clock with lib/timecounter: winds up the counter in use (choice.c), corrects
 * late windups, switches counters.  The time page is made from its hands.
 */
#include "kernel/clock/clock.h"
#include "arch/x86/wait.h"
#include "base/calendar.h"
#include "base/format.h"
#include "base/pause.h"
#include <clockpage/report.h>
#include <clockpage/sysctl.h>
#include <stddef.h>

enum { TRIES = 4 }; /* brackets of counter and reference */

/* A bracket no wider than this is good enough at a tick. */
#define ENOUGH_NS 100000

/* ---- Windup ------------------------------------------------------------ */

static const struct timecounter *reference;
static const struct timecounter *forbidden;
/* The last windup; only one of a counter that wraps is compared with the next. */
static struct clock_moment last;
static const struct timecounter *last_of; /* whose windup it is; NULL: none on this reference */
static struct {
    uint64_t count, longest_ns; /* the longest interval between two, of a counter that wraps */
    uint64_t late, recovered_ns, uncertain_ns; /* `uncertain_ns`: sum over the switches back */
} windups;

static uint64_t read_counter(const struct timecounter *counter)
{
    return counter->read(counter->context) & counter->mask;
}

static uint64_t reference_ns(uint64_t cycles)
{
    uint64_t hz = reference->frequency;

    return cycles / hz * NS_PER_SECOND + cycles % hz * NS_PER_SECOND / hz;
}

static bool wraps(const struct timecounter *counter)
{
    return counter->mask != UINT64_MAX;
}

/*
 * Reads the counter in use between two readings of `other`: at most TRIES such brackets, of which
 * the tightest counts, or the first that is no wider than `enough`.
 */
static void read_between(const struct timecounter *other, uint64_t enough, struct clock_moment *m)
{
    struct tc_uptime uptime;
    uint64_t count = 0;

    m->width = UINT64_MAX;
    for (unsigned i = 0; i < TRIES && m->width > enough; i++) {
        uint64_t before = read_counter(other);
        uint64_t now = m->hands.counter->read(m->hands.counter->context);
        uint64_t width = read_counter(other) - before;
        if (width < m->width) {
            m->width = width;
            m->count = before + width / 2;
            count = now;
        }
    }
    tc_hands_uptime(&m->hands, count, &uptime);
    m->uptime_ns = uptime.sec * NS_PER_SECOND + tc_hands_nsec(&m->hands, &uptime);
}

/* Winds up, and reads uptime and the reference within `enough_ns` of each other if that works. */
static struct clock_moment wind_up(uint64_t enough_ns)
{
    struct clock_moment m = {0};

    (void)tc_windup(&clock_counters);
    if (tc_get_hands(&clock_counters, &m.hands) == TC_OK)
        read_between(reference, enough_ns * reference->frequency / NS_PER_SECOND, &m);
    return m;
}

/*
 * Returns how far uptime has fallen behind the reference between two moments; negative: it gained.
 */
static int64_t lag_ns(const struct clock_moment *from, const struct clock_moment *to)
{
    return (int64_t)(reference_ns(to->count - from->count) - (to->uptime_ns - from->uptime_ns));
}

/* Whether a whole wrap is missing, or more than the half at which a windup assumes a step back. */
static bool is_late(const struct clock_moment *from, const struct clock_moment *to,
                    uint64_t limit_ns)
{
    return lag_ns(from, to) > (int64_t)(limit_ns / 4 * 3);
}

/*
 * Restores what whole wraps took since `from`, and uses the counter of this name.  The one in use
 * may be in the half of its range that means "behind", which only another counter gets out of:
 * uptime moves to the reference, is corrected there, and moves back.
 *
 * Returns the moment on the reference, which cannot wrap: should the last switch be late again,
 * the next windup sees it.
 */
static struct clock_moment recover(const struct clock_moment *from, const char *name)
{
    (void)tc_select(&clock_counters, reference->name, NULL);
    struct clock_moment right = wind_up(0);
    int64_t lag = lag_ns(from, &right);
    if (lag > 0) {
        (void)tc_advance(&clock_counters, (uint64_t)lag);
        right.uptime_ns += (uint64_t)lag;
        windups.recovered_ns += (uint64_t)lag;
    }
    windups.late++;
    struct tc_switch back;
    if (tc_select(&clock_counters, name, &back) == TC_OK)
        windups.uncertain_ns += back.uncertainty_ns;
    return right;
}

/* Winds up, restores wraps that were lost since the last windup, and returns the moment reached. */
static struct clock_moment carry(uint64_t enough_ns)
{
    const struct timecounter *now = tc_current(&clock_counters);
    struct clock_moment moment = wind_up(enough_ns);

    if (now == last_of && wraps(now)) {
        uint64_t gap = reference_ns(moment.count - last.count);
        if (gap > windups.longest_ns)
            windups.longest_ns = gap;
        if (is_late(&last, &moment, tc_max_gap_ns(now)))
            moment = recover(&last, now->name);
    }
    last = moment;
    last_of = now;
    return moment;
}

void clock_tick(void)
{
    const struct timecounter *now = tc_current(&clock_counters);

    windups.count++;
    if (now && wraps(now))
        (void)carry(ENOUGH_NS);
    else
        (void)tc_windup(&clock_counters);
}

bool clock_is_fresh(void)
{
    const struct timecounter *now = tc_current(&clock_counters);

    if (!now || !wraps(now))
        return true;
    return now == last_of &&
           reference_ns(read_counter(reference) - last.count + last.width) < tc_max_gap_ns(now);
}

uint64_t clock_uptime(void)
{
    int64_t ns;
    enum tc_status status = tc_getns(&clock_counters, TC_CLOCK_UPTIME, &ns);

    return status == TC_OK ? (uint64_t)ns : UINT64_MAX;
}

bool clock_get(uint64_t clock, bool resolution, int64_t value[2])
{
    struct tc_timespec t;

    if (clock > TC_CLOCK_SECOND)
        return false;
    enum tc_status status = resolution ? tc_getres(&clock_counters, (enum tc_clock)clock, &t)
                                       : tc_gettime(&clock_counters, (enum tc_clock)clock, &t);
    value[0] = t.sec;
    value[1] = t.nsec;
    return status == TC_OK || status == TC_UNSET;
}

uint64_t clock_hands_ns(const struct tc_hands *hands)
{
    return hands->uptime.sec * NS_PER_SECOND + tc_hands_nsec(hands, &hands->uptime);
}

uint64_t clock_boottime_ns(const struct tc_hands *hands)
{
    return (uint64_t)hands->boottime.sec * NS_PER_SECOND + (uint64_t)hands->boottime.nsec;
}

bool clock_read_with(const struct timecounter *other, struct clock_moment *m)
{
    /* Detects a counter that went back, as a restored one does. */
    clock_tick();
    if (tc_get_hands(&clock_counters, &m->hands) != TC_OK)
        return false;
    if (m->hands.counter != other) {
        read_between(other, 0, m);
        return true;
    }
    m->count = m->hands.count;
    m->width = 0;
    m->uptime_ns = clock_hands_ns(&m->hands);
    return true;
}

/* ---- Switches ---------------------------------------------------------- */

void clock_set_reference(struct timecounter *counter)
{
    /* Readings of the old reference mean nothing on the new one. */
    if (reference)
        clock_tick();
    reference = counter;
    last_of = NULL;
}

void clock_forbid(const struct timecounter *counter)
{
    forbidden = counter;
}

bool clock_use(const struct timecounter *counter)
{
    struct tc_hands h;

    if (!counter || clock_select(counter->name, NULL) != TC_OK)
        return false;
    /* A counter that wraps, and the dummy, are guarded permanently. */
    if (counter->flags & (TC_GUARDED | TC_MAY_WRAP))
        return true;
    /* For others the guard ends with the first windup past all that was read on the old counter. */
    struct wait wait = {.patience = reference->frequency / 2, .last = read_counter(reference)};
    do {
        clock_tick();
        if (tc_get_hands(&clock_counters, &h) == TC_OK && !(h.flags & TC_HANDS_GUARDED))
            return true;
    } while (!wait_is_over_at(&wait, read_counter(reference)));
    return false;
}

/* Returns how many readings the guard has held back so far. */
static uint64_t held_readings(void)
{
    struct tc_statistics s;

    return tc_get_statistics(&clock_counters, &s) == TC_OK ? s.guarded : 0;
}

/* Measures for how long readings stand still from now on, in ns. */
static uint64_t measure_hold(void)
{
    enum { READINGS = 1000 };
    uint64_t begin = read_counter(reference), end = begin, held = held_readings();

    for (unsigned i = 0; i < READINGS; i++) {
        (void)clock_uptime();
        uint64_t now_held = held_readings();
        if (now_held == held)
            break;
        held = now_held;
        end = read_counter(reference);
    }
    return reference_ns(end - begin);
}

enum tc_status clock_select(const char *name, struct clock_switch *report)
{
    struct clock_switch unread;
    const struct timecounter *from = tc_current(&clock_counters),
                             *to = tc_find(&clock_counters, name);

    if (!report)
        report = &unread;
    *report = (struct clock_switch){0};
    if (to && to == forbidden)
        return TC_NOT_FOUND;
    if (!from || !to)
        return tc_select(&clock_counters, name, &report->by_library);
    uint64_t limit = tc_max_gap_ns(from), limit_to = tc_max_gap_ns(to);
    limit = limit_to < limit ? limit_to : limit;
    struct clock_moment before = carry(0);
    if (from != to)
        pause_at(PAUSE_SWITCH);
    enum tc_status status = tc_select(&clock_counters, name, &report->by_library);
    if (status != TC_OK)
        return status;
    report->held_ns = measure_hold();
    struct clock_moment after = wind_up(0);
    report->step_ns = -lag_ns(&before, &after);
    report->step_error_ns = reference_ns(before.width / 2 + after.width / 2) + 2;
    report->elapsed_ns = reference_ns(after.count - before.count);
    /* A dummy keeps no time that the reference could correct. */
    report->late = from->quality != TC_QUALITY_DUMMY && to->quality != TC_QUALITY_DUMMY &&
                   is_late(&before, &after, limit);
    if (report->late)
        after = recover(&before, name);
    last = after;
    last_of = to;
    return TC_OK;
}

void clock_report_windups(void)
{
    report_detail(windups.late == 0);
    REPORT("windup",
           windups.late ? "{count} windups, at most {longest_ns/1000} us apart, {late} too late: "
                          "{recovered_ns/1000} +- {_uncertain_us} us brought back by {_by}\n"
           : windups.longest_ns
               ? "{count} windups, at most {longest_ns/1000} us apart, none too late\n"
               : "{count} windups; no counter that wraps was in use\n",
           U64("count", windups.count), U64("promised_ns", clock_counters.windup_interval_ns),
           U64("longest_ns", windups.longest_ns), U64("late", windups.late),
           U64("recovered_ns", windups.recovered_ns), U64("uncertainty_ns", windups.uncertain_ns),
           U64("_uncertain_us", windups.uncertain_ns / 1000 + 1), TEXT("_by", reference->name));
    report_detail(false);
}

/* ---- The date ---------------------------------------------------------- */

static bool step_warnings; /* kern.timecounter.stepwarnings */

static struct tc_timespec timespec_of(uint64_t ns)
{
    return (struct tc_timespec){(int64_t)(ns / NS_PER_SECOND), (int64_t)(ns % NS_PER_SECOND)};
}

enum tc_status clock_set_date(uint64_t ns, uint64_t uptime_ns, int64_t *by_ns)
{
    struct tc_timespec date = timespec_of(ns), uptime = timespec_of(uptime_ns);
    struct tc_step step = {0};
    enum tc_status status = tc_setclock_at(&clock_counters, &date, &uptime, &step);

    *by_ns = step.by_ns;
    if (status == TC_OK && step_warnings)
        print("Time stepped from %ld.%09ld to %ld.%09ld (%s" SECONDS_FORMAT ")\n", step.from.sec,
              step.from.nsec, step.to.sec, step.to.nsec, step.by_ns < 0 ? "-" : "",
              SECONDS(magnitude(step.by_ns)));
    return status;
}

enum tc_status clock_advance(uint64_t ns)
{
    enum tc_status status = tc_advance(&clock_counters, ns);

    /* The reference did not see this; move `last` too, so that a late windup is still noticed. */
    if (status == TC_OK)
        last.uptime_ns += ns;
    return status;
}

static const struct sysctl nodes[] = {
    SYSCTL_VALUE("stepwarnings", SYSCTL_BOOL, SYSCTL_RWTUN, &step_warnings, 0, 0, "0",
                 "1: say so when the date is set"),
};

SYSCTL_TABLE("kern.timecounter", nodes);
