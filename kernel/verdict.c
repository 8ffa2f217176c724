/* SPDX-License-Identifier: 0BSD */
/*
 * Says in one sentence whether this guest's clock is good, from what the checks and the tests
 * found: the end of the report.
 */
#include "arch/x86/cpu.h"
#include "base/format.h"
#include "base/text.h"
#include "drivers/kvmclock/kvmclock.h"
#include "drivers/tsc/tsc.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/start.h"
#include "kernel/main.h"
#include "kernel/process/jobs.h"
#include "kernel/selftest/selftest.h"
#include <clockpage/report.h>
#include <stdbool.h>
#include <stddef.h>

/* What a failed check means for who relies on the clock; the first that fits its name. */
static const struct {
    const char *start, *meaning;
} meanings[] = {
    {"ring3.order", "Time steps back, so that programs see negative durations"},
    {"ring3.moved", "Time steps back when a thread moves to another vCPU"},
    {"ring3.gettime", "clock_gettime() in ring 3 does not agree with the kernel"},
    {"ring3.compat32", "32-bit programs read another time than 64-bit ones"},
    {"ring3.reads", "Programs asked for the time and got none"},
    {"readers.order", "Time stepped back while the host changed the clock"},
    {"readers.values", "Programs asked for the time and got none"},
    {"readers.date", "After a pause programs were given the date from before it"},
    {"timecounter.deviation", "It runs too fast or too slow, so that durations are wrong"},
    {"timecounter.switch", "Uptime jumps when another counter takes over"},
    {"timecounter.", "A counter describes itself wrongly"},
    {"clock.date", "The host's date and the RTC's differ, so that one of them is wrong"},
    {"kvmclock.alive", "The host does not write every vCPU's clock page"},
    {"kvmclock.wall", "The host gives no date"},
    {"kvmclock.", "The host's clock page is not what its specification says"},
    {"tsc.", "The TSC cannot be measured, or differs between vCPUs"},
};

static const char *meaning_of(const char *check)
{
    for (unsigned i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (text_behind(check, meanings[i].start))
            return meanings[i].meaning;
    }
    return NULL;
}

struct sentence {
    char text[400];
    size_t length;
};

#define SAY(s, ...)                                                                                \
    ((s)->length += format((s)->text + (s)->length, sizeof((s)->text) - (s)->length, __VA_ARGS__))

static const char *counter_in_use(void)
{
    const struct timecounter *now = tc_current(&clock_counters);

    return now ? now->name : "no counter";
}

static void say_figures(struct sentence *s, const struct ring3_facts *f)
{
    uint64_t ppb;
    unsigned compared = deviation_within(&ppb);
    const char *counter = counter_in_use();
    /* What ring 3 measured is kvmclock's page, whatever the kernel uses. */
    bool by_page = text_same(counter, "kvmclock");
    int64_t off_s;

    SAY(s, "%s", counter);
    if (by_page)
        SAY(s, ", %s", kvmclock.stable ? "STABLE" : "not STABLE");
    if (clock_distance_to_rtc(&off_s))
        SAY(s, "; date %+ld s from the RTC", off_s);
    if (compared)
        SAY(s, "; rate within %lu ppm of %u other counter%s", ppb / 1000 + 1, compared,
            compared == 1 ? "" : "s");
    SAY(s, "; no step back in %lu.%lu M reads on %u vCPU%s", f->reads / 1000000,
        f->reads / 100000 % 10, cpu_count, cpu_count == 1 ? "" : "s");
    if (by_page && f->read_ratio)
        SAY(s, "; a read costs %lu.%02lux rdtsc (%lu ns)", (f->read_ratio + 5) / 1000,
            (f->read_ratio + 5) / 10 % 100, (tsc_ns(f->read) + 500) / 1000);
    SAY(s, ".");
}

/* Says why the clock cannot be judged; nothing if it can. */
static void say_unjudged(struct sentence *s, const struct ring3_facts *f)
{
    if (kvmclock.played)
        SAY(s, "The kernel played the host itself.");
    else if (!runs_on_kvm())
        SAY(s, "No KVM on this machine; the %s was used.", counter_in_use());
    else if (!kvmclock.present)
        SAY(s, "No kvmclock: %s; the %s was used.", kvmclock_why_none(&kvmclock), counter_in_use());
    else if (!f->reads)
        SAY(s, "The tests were not run.");
}

bool verdict_end(void)
{
    struct ring3_facts facts = ring3_facts();
    struct sentence s = {.text = ""};
    const char *state = "not judged", *name, *wrong = NULL, *other = NULL;

    for (unsigned i = 0; (name = report_failure(i)); i++) {
        const char **first = meaning_of(name) ? &wrong : &other;
        *first = *first ? *first : name;
    }
    say_unjudged(&s, &facts);
    if (wrong && !kvmclock.played) {
        state = "bad";
        s.length = 0;
        SAY(&s, "%s: see FAIL %s.", meaning_of(wrong), wrong);
    } else if (!s.length) {
        state = "good";
        say_figures(&s, &facts);
    }
    if (other)
        SAY(&s, " What failed is something else: see FAIL %s.", other);
    return report_end(state, s.text);
}
