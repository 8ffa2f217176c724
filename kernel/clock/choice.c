/* SPDX-License-Identifier: 0BSD */
/*
 * The counters that a machine has, or why it has none of a kind: registers them, chooses the one
 * that the clock (clock.c) begins with, and lists them in the report and the sysctl tree.
 */
#include "base/calendar.h"
#include "base/format.h"
#include "base/text.h"
#include "kernel/clock/clock.h"
#include <clockpage/report.h>
#include <clockpage/sysctl.h>
#include <stddef.h>

enum { PROMISE = 2, MAX_MISSING = 8 }; /* a windup is promised every PROMISE ticks */

struct timecounters clock_counters;
static struct timecounter dummy;
static uintptr_t dummy_state;

/* The counters that this machine does not have. */
static struct {
    const char *name, *why;
} missing[MAX_MISSING];
static unsigned missing_count;

static char hardware[32]; /* kern.timecounter.hardware, until there is a clock; "": the best */

/* ---- Choice ------------------------------------------------------------ */

void clock_init(uint64_t ticks_per_second)
{
    (void)timecounters_init(&clock_counters, PROMISE * NS_PER_SECOND / ticks_per_second);
    tc_dummy(&dummy, &dummy_state);
}

void clock_offer(struct timecounter *counter, const char *why_missing)
{
    if (why_missing) {
        if (missing_count < MAX_MISSING) {
            missing[missing_count].name = counter->name;
            missing[missing_count++].why = why_missing;
        }
        return;
    }
    /* A late windup is then not a step back. */
    if (counter->mask != UINT64_MAX)
        counter->flags |= TC_MAY_WRAP;
    enum tc_status status = tc_register(&clock_counters, counter);
    if (status != TC_OK)
        check(FAIL, "timecounter.register", "%s: %s", counter->name, tc_status_text(status));
}

bool clock_may_use(const struct timecounter *counter)
{
    return clock_counters.windup_interval_ns <= tc_max_gap_ns(counter);
}

/* Returns why the counter of this name cannot be used; valid until the next call. */
static const char *why_refused(const char *name, enum tc_status status)
{
    static char text[160];
    const struct timecounter *c = tc_find(&clock_counters, name);

    if (status == TC_WRAPS_TOO_SOON) {
        uint64_t gap = tc_max_gap_ns(c);
        format(text, sizeof(text), "%s: it takes kern.hz=%lu or more", tc_status_text(status),
               (PROMISE * NS_PER_SECOND + gap - 1) / gap);
        return text;
    }
    if (status != TC_NOT_FOUND)
        return tc_status_text(status);
    if (c)
        return "it is suspended";
    for (unsigned i = 0; i < missing_count; i++) {
        if (text_same(missing[i].name, name))
            return missing[i].why;
    }
    size_t n = format(text, sizeof(text), "%s; there are:", tc_status_text(status));
    for (c = tc_next(&clock_counters, NULL); c; c = tc_next(&clock_counters, c))
        n += format(text + n, sizeof(text) - n, " %s", c->name);
    return text;
}

static void register_counters(void);

void clock_choose(const char *name)
{
    clock_offer(&dummy, NULL);
    register_counters();
    if (!name && *hardware)
        name = hardware;
    enum tc_status status = TC_OK;
    if (name)
        status = tc_select(&clock_counters, name, NULL);
    if (status != TC_OK)
        check(FAIL, "timecounter.choice", "%s: %s", name, why_refused(name, status));
    if (!name || status != TC_OK)
        (void)tc_choose(&clock_counters, NULL);
    const struct timecounter *now = tc_current(&clock_counters);
    if (!now) {
        check(FAIL, "timecounter.choice", "%s", tc_status_text(TC_NONE));
        return;
    }
    /*
     * Uptime begins at 1 s, as on FreeBSD; with a 64-bit counter in ns, 1 s past its reading, so
     * that ring 3 adds an offset to the counter instead of subtracting one.
     */
    bool in_ns = now->frequency == NS_PER_SECOND && now->mask == UINT64_MAX;
    (void)tc_advance(&clock_counters, NS_PER_SECOND + (in_ns ? now->read(now->context) : 0));
    if (status == TC_OK)
        check(PASS, "timecounter.choice", "%s, quality %d, %lu Hz%s", now->name, now->quality,
              now->frequency, name ? ", by kern.timecounter.hardware" : "");
}

/* ---- The report -------------------------------------------------------- */

#define COUNTER "{name:-12} {quality:8}  {frequency:10}  {bits:4}{_in_use}\n"

static void report_counter(const struct timecounter *c, bool selected)
{
    unsigned bits = 64 - (c->mask == UINT64_MAX ? 0 : (unsigned)__builtin_clzll(c->mask));
    char refused[80] = "";

    if (!clock_may_use(c))
        format(refused, sizeof(refused), "wraps in %lu ms, a windup is promised every %lu ms",
               tc_max_gap_ns(c) / 500000, clock_counters.windup_interval_ns / 1000000);
    /* What is refused says why in any case. */
    REPORT("timecounter",
           *refused || report_is_verbose() ? COUNTER "            {reason}{_but}{refused}\n"
                                           : COUNTER,
           TEXT("name", c->name), I64("quality", c->quality), BOOL("selected", selected),
           U64("frequency", c->frequency), U64("bits", bits),
           TEXT("reason", c->reason ? c->reason : ""), TEXT("refused", refused),
           TEXT("_in_use", selected   ? "  in use"
                           : *refused ? "  refused"
                                      : ""),
           TEXT("_but", c->reason && *refused ? "; " : ""));
}

void clock_report_counters(void)
{
    const struct timecounter *now = tc_current(&clock_counters);

    print("\ntimecounter   quality          Hz  bits\n");
    for (struct timecounter *c = tc_next(&clock_counters, NULL); c; c = tc_next(&clock_counters, c))
        report_counter(c, c == now);
    for (unsigned i = 0; i < missing_count; i++)
        REPORT("no_timecounter", "{name:-12} none: {reason}\n", TEXT("name", missing[i].name),
               TEXT("reason", missing[i].why));
}

/* ---- Settings, and what users may see ---------------------------------- */

static void get_choice(void *context, uint32_t index, struct sysctl_text *to)
{
    (void)context, (void)index;
    for (struct timecounter *c = tc_next(&clock_counters, NULL); c; c = tc_next(&clock_counters, c))
        sysctl_put(to, "%s%s(%d)", to->length ? " " : "", c->name, c->quality);
}

static void get_hardware(void *context, uint32_t index, struct sysctl_text *to)
{
    const struct timecounter *now = tc_current(&clock_counters);

    (void)context, (void)index;
    sysctl_put(to, "%s", now ? now->name : "");
}

/* Until there is a clock, keeps the name for clock_choose(). */
static const char *set_hardware(void *context, uint32_t index, const union sysctl_value *value)
{
    (void)context, (void)index;
    if (!tc_current(&clock_counters)) {
        format(hardware, sizeof(hardware), "%s", value->string);
        return NULL;
    }
    enum tc_status status = clock_select(value->string, NULL);
    return status == TC_OK ? NULL : why_refused(value->string, status);
}

static void get_statistics(void *context, uint32_t index, struct sysctl_text *to)
{
    struct tc_statistics s = {0};

    (void)context, (void)index;
    (void)tc_get_statistics(&clock_counters, &s);
    sysctl_put(to,
               "{ windups = %lu, switches = %lu, steps_back = %lu, restarts = %lu, "
               "guarded = %lu }",
               s.windups, s.switches, s.steps_back, s.restarts, s.guarded);
}

static const struct sysctl timecounter_nodes[] = {
    SYSCTL_SHOWN("choice", SYSCTL_STRING, get_choice,
                 "the timecounters there are, with their quality"),
    SYSCTL_PROC("hardware", SYSCTL_STRING, SYSCTL_RWTUN, NULL, get_hardware, set_hardware, 0, 32,
                NULL, "the one of the highest quality", "the timecounter in use, by name"),
    SYSCTL_SHOWN("statistics", SYSCTL_OPAQUE, get_statistics,
                 "what happened to the clock: see tc_get_statistics() in timecounter.h"),
};

SYSCTL_TABLE("kern.timecounter", timecounter_nodes);

/* ---- Each counter: kern.timecounter.tc.NAME ---------------------------- */

static void get_counter(void *context, uint32_t index, struct sysctl_text *to)
{
    const struct timecounter *c = context;

    (void)index;
    sysctl_put(to, "%lu", c->read(c->context) & c->mask);
}

static void register_counters(void)
{
    enum { MAX_COUNTERS = 16, VALUES = 4 };
    static struct sysctl nodes[MAX_COUNTERS][VALUES];
    static struct sysctl_branch branches[MAX_COUNTERS];
    unsigned i = 0;

    for (struct timecounter *c = tc_next(&clock_counters, NULL); c && i < MAX_COUNTERS;
         c = tc_next(&clock_counters, c), i++) {
        const struct sysctl of_one[VALUES] = {
            SYSCTL_SHOWN("counter", SYSCTL_U64, get_counter, "its count, now"),
            SYSCTL_VALUE("frequency", SYSCTL_U64, SYSCTL_RD, &c->frequency, 0, 0, NULL,
                         "counts a second"),
            SYSCTL_VALUE("mask", SYSCTL_U64, SYSCTL_RD, &c->mask, 0, 0, NULL,
                         "the bits that it has"),
            SYSCTL_VALUE("quality", SYSCTL_INT, SYSCTL_RD, &c->quality, 0, 0, NULL,
                         "the highest is chosen; negative: only by hand"),
        };
        __builtin_memcpy(nodes[i], of_one, sizeof(of_one));
        branches[i] =
            (struct sysctl_branch){"kern.timecounter.tc", c->name, NULL, nodes[i], VALUES, c, NULL};
        sysctl_register(&branches[i]);
    }
}
