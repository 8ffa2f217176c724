/* SPDX-License-Identifier: 0BSD */
/*
 * Serves the clock and its counters (clock.c) as sysctl nodes: kern.timecounter.*, kern.boottime,
 * kern.clockrate, kern.hz.
 */
#include "kernel/clock/sysctl.h"
#include "base/calendar.h"
#include "base/format.h"
#include "base/tunables.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/events.h"
#include <clockpage/sysctl.h>

/* ---- kern.timecounter -------------------------------------------------- */

static void get_choice(void *context, uint32_t index, struct sysctl_text *to)
{
    (void)context, (void)index;
    for (struct timecounter *c = tc_next(clock_counters(), NULL); c;
         c = tc_next(clock_counters(), c))
        sysctl_put(to, "%s%s(%d)", to->length ? " " : "", c->name, c->quality);
}

static void get_hardware(void *context, uint32_t index, struct sysctl_text *to)
{
    const struct timecounter *now = tc_current(clock_counters());

    (void)context, (void)index;
    sysctl_put(to, "%s", now ? now->name : "");
}

/* Until there is a clock, keeps the name for clock_choose(). */
static const char *set_hardware(void *context, uint32_t index, const union sysctl_value *value)
{
    static char wanted[32];
    enum tc_status status;

    (void)context, (void)index;
    if (!tc_current(clock_counters())) {
        format(wanted, sizeof(wanted), "%s", value->string);
        settings.hardware = wanted;
        return NULL;
    }
    if (clock_is_forbidden(value->string))
        return "it is suspended";
    status = clock_select(value->string, NULL);
    if (status != TC_OK)
        return tc_status_text(status);
    events_add(EVENT_COUNTER, 0, value->string);
    return NULL;
}

static void get_statistics(void *context, uint32_t index, struct sysctl_text *to)
{
    struct tc_statistics s = {0};

    (void)context, (void)index;
    (void)tc_get_statistics(clock_counters(), &s);
    sysctl_put(to,
               "{ windups = %lu, switches = %lu, steps_back = %lu, restarts = %lu, "
               "guarded = %lu }",
               s.windups, s.switches, s.steps_back, s.restarts, s.guarded);
}

static const struct sysctl timecounter_nodes[] = {
    SYSCTL_VALUE("alloweddeviation", SYSCTL_INT, SYSCTL_RWTUN, &settings.deviation, 0, 100, "5",
                 "how far counters may differ before it is warned of, in per cent"),
    SYSCTL_SHOWN("choice", SYSCTL_STRING, get_choice,
                 "the timecounters there are, with their quality"),
    SYSCTL_VALUE("fast_gettime", SYSCTL_BOOL, SYSCTL_RWTUN, &settings.fast_gettime, 0, 0, "1",
                 "0: clock_gettime() of ring 3 always asks the kernel"),
    SYSCTL_PROC("hardware", SYSCTL_STRING, SYSCTL_RWTUN, NULL, get_hardware, set_hardware, 0, 32,
                NULL, "the one of the highest quality", "the timecounter in use, by name"),
    SYSCTL_VALUE("invariant_tsc", SYSCTL_INT, SYSCTL_RDTUN, &settings.invariant_tsc, 0, 1,
                 "by CPUID, and 1 in any guest",
                 "whether the TSC keeps its rate in every power state"),
    SYSCTL_SHOWN("statistics", SYSCTL_OPAQUE, get_statistics,
                 "what happened to the clock: see tc_get_statistics() in timecounter.h"),
    SYSCTL_VALUE("stepwarnings", SYSCTL_BOOL, SYSCTL_RWTUN, &settings.step_warnings, 0, 0, "0",
                 "1: say so when the date is set"),
    SYSCTL_VALUE("tsc_first", SYSCTL_BOOL, SYSCTL_RDTUN, &settings.tsc_first, 0, 0, "0",
                 "1: a TSC that keeps its rate comes before kvmclock"),
};

static struct sysctl_branch timecounter = SYSCTL_BRANCH("kern.timecounter", timecounter_nodes);

/* ---- kern.timecounter.tc.NAME ------------------------------------------ */

static void get_mask(void *context, uint32_t index, struct sysctl_text *to)
{
    (void)index;
    sysctl_put(to, "%lu", ((const struct timecounter *)context)->mask);
}

static void get_counter(void *context, uint32_t index, struct sysctl_text *to)
{
    const struct timecounter *c = context;

    (void)index;
    sysctl_put(to, "%lu", c->read(c->context) & c->mask);
}

static void get_frequency(void *context, uint32_t index, struct sysctl_text *to)
{
    (void)index;
    sysctl_put(to, "%lu", ((const struct timecounter *)context)->frequency);
}

static void get_quality(void *context, uint32_t index, struct sysctl_text *to)
{
    (void)index;
    sysctl_put(to, "%d", ((const struct timecounter *)context)->quality);
}

static const struct sysctl counter_nodes[] = {
    SYSCTL_SHOWN("counter", SYSCTL_U64, get_counter, "its count, now"),
    SYSCTL_SHOWN("frequency", SYSCTL_U64, get_frequency, "counts a second"),
    SYSCTL_SHOWN("mask", SYSCTL_U64, get_mask, "the bits that it has"),
    SYSCTL_SHOWN("quality", SYSCTL_INT, get_quality,
                 "the highest is chosen; negative: only by hand"),
};

enum { MAX_COUNTERS = 16 };

void sysctl_clock_counters(void)
{
    static struct sysctl_branch branches[MAX_COUNTERS];
    static unsigned used;

    for (struct timecounter *c = tc_next(clock_counters(), NULL); c && used < MAX_COUNTERS;
         c = tc_next(clock_counters(), c)) {
        branches[used] = (struct sysctl_branch)SYSCTL_BRANCH("kern.timecounter.tc", counter_nodes);
        branches[used].word = c->name;
        branches[used].context = c;
        sysctl_register(&branches[used++]);
    }
}

/* ---- kern -------------------------------------------------------------- */

static void get_boottime(void *context, uint32_t index, struct sysctl_text *to)
{
    struct tc_timespec t;
    char date[DATE_SIZE];

    (void)context, (void)index;
    (void)tc_boottime(clock_counters(), &t);
    format_ctime(date, (uint64_t)t.sec, "");
    sysctl_put(to, "{ sec = %ld, usec = %ld } %s", t.sec, t.nsec / 1000, date);
}

static void get_clockrate(void *context, uint32_t index, struct sysctl_text *to)
{
    (void)context, (void)index;
    sysctl_put(to, "{ hz = %lu, tick = %lu }", settings.hz,
               settings.hz ? 1000000 / settings.hz : 0);
}

static const struct sysctl kern_nodes[] = {
    SYSCTL_SHOWN("boottime", SYSCTL_OPAQUE, get_boottime, "the date at which uptime was 0"),
    SYSCTL_SHOWN("clockrate", SYSCTL_OPAQUE, get_clockrate,
                 "timer interrupts a second, and us between two"),
    SYSCTL_VALUE("hz", SYSCTL_U64, SYSCTL_RDTUN, &settings.hz, 1, 10000,
                 "100, less with many vCPUs", "timer interrupts a second on each vCPU"),
};

static struct sysctl_branch kern = SYSCTL_BRANCH("kern", kern_nodes);

void sysctl_clock_register(void)
{
    sysctl_register(&timecounter);
    sysctl_register(&kern);
}
