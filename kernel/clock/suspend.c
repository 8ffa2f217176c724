/* SPDX-License-Identifier: 0BSD */
/*
 * Suspends and resumes the driver on all vCPUs while they run, and stops it at the end; the clock
 * goes on with another counter.
 *
 * While the driver is suspended, and after the end, the host may not write the structures: they
 * are filled with a pattern and checked.
 */
#include "kernel/clock/suspend.h"
#include "arch/x86/cr.h"
#include "arch/x86/ipi.h"
#include "arch/x86/tsc.h"
#include "base/format.h"
#include "drivers/kvmclock/kvmclock.h"
#include "drivers/tsc/tsc.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/events.h"
#include "kernel/clock/host.h"
#include "kernel/clock/time_page.h"
#include "kernel/clock/wall.h"
#include <clockpage/report.h>
#include <clockpage/sysctl.h>

#define PATTERN 0xa5a5a5a5u

enum { PATIENCE_S = 3, TEARDOWN_MS = 10 };

static struct {
    bool was_in_use;    /* kvmclock was the timecounter */
    uint64_t begin_tsc; /* when the structures were filled */
} suspended;

static uint64_t refuses; /* debug.kvmclock.refuse */

/* ---- The structures ---------------------------------------------------- */

static volatile uint32_t *const words = (volatile uint32_t *)clock_slots;

static uint64_t word_count(void)
{
    return cpu_count * sizeof(*clock_slots) / sizeof(*words);
}

static void fill(void)
{
    for (uint64_t i = 0; i < word_count(); i++)
        words[i] = PATTERN;
}

static uint64_t count_changed(void)
{
    uint64_t changed = 0;

    for (uint64_t i = 0; i < word_count(); i++)
        changed += words[i] != PATTERN;
    return changed;
}

/* ---- On each vCPU, in an interrupt ------------------------------------- */

/* A vCPU that refuses stays registered; at the end (`arg`) none may. */
static void stop_one(struct cpu *cpu, void *arg)
{
    kvmclock_count_last(&kvmclock, cpu->index);
    if (arg || refuses != cpu->index + 1)
        kvmclock_disable(&kvmclock, cpu->index);
}

static void start_one(struct cpu *cpu, void *arg)
{
    (void)arg;
    if (!kvmclock.vcpus[cpu->index].registered)
        kvmclock_enable(&kvmclock, cpu->index);
}

static uint32_t count_registered(uint32_t *first)
{
    uint32_t count = 0;

    for (uint32_t i = cpu_count; i-- > 0;) {
        if (!kvmclock.vcpus[i].registered)
            continue;
        count++;
        *first = i;
    }
    return count;
}

/* ---- Suspend and resume ------------------------------------------------ */

/* Returns the counter to use while the driver is suspended; NULL: there is only kvmclock. */
static const struct timecounter *next_best(void)
{
    const struct timecounter *best = NULL;

    /* A good TSC has quality 800 only to rank below kvmclock; and ring 3 can read it. */
    if (tsc.counter.quality == TC_QUALITY_TSC && (tsc.invariant || tsc.in_guest))
        return &tsc.counter;
    for (struct timecounter *c = tc_next(&clock_counters, NULL); c;
         c = tc_next(&clock_counters, c)) {
        if (c != &kvmclock.counter && c->quality >= 0 && clock_may_use(c) &&
            (!best || c->quality > best->quality))
            best = c;
    }
    return best;
}

static void change_counter(const struct timecounter *counter)
{
    (void)clock_use(counter);
    (void)keep_choice();
}

/* Registers all vCPUs again, and returns how many are. */
static uint32_t start_all(bool *answered)
{
    uint32_t first;

    *answered = smp_ask_all(start_one, NULL, tsc.hz * PATIENCE_S);
    kvmclock.suspended = false;
    kvmclock_restart(&kvmclock);
    return count_registered(&first);
}

/* Makes kvmclock available again and, if it was in use, uses it. */
static void go_back(void)
{
    kvmclock.counter.quality = TC_QUALITY_KVMCLOCK;
    clock_forbid(NULL);
    clock_set_reference(&kvmclock.counter);
    if (suspended.was_in_use)
        change_counter(&kvmclock.counter);
}

static int refuse(const char *why)
{
    print("suspend: %s\n", why);
    return 1;
}

int suspend_clock(void)
{
    struct event e = {.kind = EVENT_SUSPENDED};

    if (!kvmclock.present)
        return refuse(kvmclock_why_none(&kvmclock));
    if (kvmclock.suspended)
        return refuse("it is suspended already");
    see_host();
    suspended.was_in_use = tc_current(&clock_counters) == &kvmclock.counter;
    const struct timecounter *other = next_best();
    if (!other)
        return refuse("there is no other timecounter to go on with");
    /* Before the structures stop: ring 3 must not be left with structures that nobody updates. */
    if (suspended.was_in_use)
        change_counter(other);
    clock_set_reference(&tsc.counter);
    clock_forbid(&kvmclock.counter);
    kvmclock.counter.quality = TC_QUALITY_TSC_UNSYNCHRONISED;

    bool answered = smp_ask_all(stop_one, NULL, tsc.hz * PATIENCE_S);
    if (count_registered(&e.vcpu) || !answered) {
        e.kind = EVENT_SUSPEND_ABORTED;
        uint32_t count = start_all(&answered);
        go_back();
        format(e.text, sizeof(e.text), "vCPU %u did not stop; %u of %u go on", e.vcpu, count,
               cpu_count);
        events_note(&e);
        return refuse(e.text);
    }
    kvmclock.suspended = true;
    fill();
    suspended.begin_tsc = rdtsc_ordered();
    format(e.text, sizeof(e.text), "off on %u vCPUs; %s serves", cpu_count,
           tc_current(&clock_counters)->name);
    events_note(&e);
    print("suspended: %s\n", e.text);
    return 0;
}

int resume_clock(void)
{
    bool answered;

    if (!kvmclock.suspended) {
        print("resume: it is not suspended\n");
        return 1;
    }
    uint64_t changed = count_changed();
    uint64_t ns = (rdtsc_ordered() - suspended.begin_tsc) / (tsc.hz / 1000000) * 1000;
    uint32_t count = start_all(&answered);
    check(pass_if(answered && count == cpu_count && changed == 0), "kvmclock.suspend",
          "off on %u vCPUs for %lu ms, %lu words changed; %u are registered again", cpu_count,
          ns / 1000000, changed, count);
    if (count == cpu_count)
        go_back();
    wall_stale();
    see_host();
    struct event e = {.kind = EVENT_RESUMED, .length_ns = ns};
    format(e.text, sizeof(e.text), "registered on %u of %u vCPUs; %s serves", count, cpu_count,
           tc_current(&clock_counters)->name);
    events_note(&e);
    print("resumed: %s\n", e.text);
    return report_new_verdicts(true) ? 0 : 1;
}

/* ---- Settings ---------------------------------------------------------- */

static const struct sysctl nodes[] = {
    SYSCTL_VALUE("refuse", SYSCTL_U64, SYSCTL_RWTUN, &refuses, 0, MAX_CPUS, "0",
                 "1 + the vCPU that does not let itself be suspended; 0: none"),
};

SYSCTL_TABLE("debug.kvmclock", nodes);

/* ---- The end ----------------------------------------------------------- */

static void wait_ms(uint64_t ms)
{
    uint64_t begin = rdtsc_ordered();

    while (rdtsc_ordered() - begin < tsc.hz / 1000 * ms) {
        interrupts_on_and_halt();
        interrupts_off();
    }
}

void tear_down(void)
{
    if (!kvmclock.present) {
        check(SKIP, "kvmclock.teardown", "%s", kvmclock_why_none(&kvmclock));
        return;
    }
    if (kvmclock.suspended)
        (void)resume_clock();
    see_host();
    bool ended = smp_call_all(stop_one, &kvmclock, tsc.hz * PATIENCE_S);
    fill();
    wait_ms(TEARDOWN_MS);
    uint64_t changed = count_changed();
    check(pass_if(ended && changed == 0), "kvmclock.teardown",
          "stopped on %u vCPUs%s; %lu words changed in %u ms", cpu_count,
          ended ? "" : ", not on all", changed, TEARDOWN_MS);
}
