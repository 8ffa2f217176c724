/* SPDX-License-Identifier: 0BSD */
/*
 * Publishes the clock (clock.c) and how to read it to ring 3, in the time page; the reader is
 * lib/timepage/gettime.c.
 */
#include "kernel/clock/time_page.h"
#include "arch/x86/acpi.h"
#include "arch/x86/cpu.h"
#include "arch/x86/features.h"
#include "arch/x86/layout.h"
#include "arch/x86/tsc.h"
#include "base/calendar.h"
#include "drivers/kvmclock/kvmclock.h"
#include "drivers/tsc/tsc.h"
#include "kernel/clock/clock.h"
#include <clockpage/sysctl.h>
#include <pvclock/pvclock.h>
#include <pvclock/seq.h>

static union {
    struct time_page time;
    uint8_t whole_page[PAGE_SIZE];
} published __attribute__((aligned(4096))) = {.time = {TIME_PAGE_IDENTITY, .has_vcpu_word = 1}};

const struct time_page *time_page_get(void)
{
    return &published.time;
}

struct pvclock_tsc_choice choose_tsc_read(void)
{
    struct pvclock_tsc_choice choice;

    pvclock_host_tsc_choice(&kvmclock_machine, &choice);
    published.time.tsc_order = choice.order;
    return choice;
}

/*
 * Publishes the TSC as the host would.  The multiplier is rounded down, so ring 3 falls behind the
 * kernel by less than 1 ns in 2 s: a new start once a second steps forward by at most 1 ns.
 */
static void publish_tsc(uint64_t count, uint64_t uptime, uint64_t hz)
{
    struct pvclock_snapshot s = {
        .tsc_timestamp = count, .system_time = uptime, .flags = PVCLOCK_FLAG_TSC_STABLE};

    if (pvclock_scale_from_hz(hz, &s.mul, &s.shift) == PVCLOCK_OK)
        pvclock_publish(&published.time.tsc, &s);
}

/* ---- What is published ------------------------------------------------- */

/* What the user has set, and what is in force: that, or a test's choice for a while. */
static struct time_facts asked = {.fast_gettime = true}, in_force = {.fast_gettime = true};
static const struct timecounter *user_counter; /* the one in use, except by tests */

static uint32_t resolution_ns(enum tc_clock clock)
{
    struct tc_timespec t;

    (void)tc_getres(&clock_counters, clock, &t);
    return (uint32_t)(t.sec * (int64_t)NS_PER_SECOND + t.nsec);
}

/* Sets what tells a reader how to read; `uptime`: when the hands were set. */
static void describe(struct time_page *p, const struct tc_hands *h, uint64_t uptime)
{
    const struct timecounter *now = tc_current(&clock_counters);
    struct time_facts facts = in_force;

    facts.kvmclock_chosen = now == &kvmclock.counter;
    facts.tsc_chosen = now == &tsc.counter && tsc.counter.quality >= 0;
    facts.rdtscp = features_has_rdtscp();
    facts.stable_feature =
        kvmclock.host.features & PVCLOCK_FEATURE_TSC_STABLE && kvmclock.floor == 0;
    p->algorithm = time_decide(&facts, &p->stable_mask);
    /* Just after a switch of counters, readings pass the kernel's guard. */
    if (h->flags & TC_HANDS_GUARDED)
        p->algorithm = TIME_SYSTEM_CALL;
    p->has_rdtscp = features_has_rdtscp();
    p->vcpus = cpu_count;
    p->possible = firmware.possible_count;
    p->stride = sizeof(struct kvmclock_slot);
    /* A vCPU's own structure is right only above what the common one has returned. */
    p->floor = kvmclock.floor ? kvmclock.floor : in_force.force_unstable;
    p->uptime_base = p->algorithm == TIME_PVCLOCK ? uptime - h->count : 0;
    p->date_is_set = (h->flags & TC_HANDS_SET) != 0;
    p->realtime_base = p->uptime_base + (p->date_is_set ? clock_boottime_ns(h) : 0);
    p->resolution = resolution_ns(TC_CLOCK_UPTIME);
    p->fast_resolution = resolution_ns(TC_CLOCK_UPTIME_FAST);
}

/* The part that `sequence` protects, between it and the `fast` part. */
enum {
    MAIN_PART = offsetof(struct time_page, algorithm),
    MAIN_SIZE = offsetof(struct time_page, fast_sequence) - MAIN_PART,
};

void publish_time_page(void)
{
    struct time_page *p = &published.time, next = *p;
    void *to = (char *)p + MAIN_PART, *from = (char *)&next + MAIN_PART;
    struct tc_hands h;

    if (tc_get_hands(&clock_counters, &h) != TC_OK)
        return;
    uint64_t uptime = clock_hands_ns(&h);
    describe(&next, &h, uptime);
    /* While the TSC is not the clock's counter, once, for readers of a plain structure. */
    if (next.algorithm != TIME_TSC && p->tsc.version == 0)
        publish_tsc(rdtsc_ordered(), clock_uptime(), tsc.hz);
    if (next.algorithm == TIME_TSC &&
        (p->algorithm != TIME_TSC || h.count - p->tsc.tsc_timestamp >= h.hz))
        publish_tsc(h.count, uptime, h.hz);
    if (__builtin_memcmp(to, from, MAIN_SIZE) != 0) {
        pvclock_seq_write_begin(&p->sequence);
        __builtin_memcpy(to, from, MAIN_SIZE);
        pvclock_seq_write_end(&p->sequence);
    }
    /* It has a sequence of its own: readers of the rest do not retry at each tick. */
    pvclock_seq_write_begin(&p->fast_sequence);
    p->fast_uptime = uptime;
    p->fast_realtime = uptime + (next.date_is_set ? clock_boottime_ns(&h) : 0);
    pvclock_seq_write_end(&p->fast_sequence);
}

/* ---- What is decided --------------------------------------------------- */

void grow_clock(uint32_t count)
{
    cpu_count = count;
    kvmclock.stable = kvmclock.stable && kvmclock_all_stable(&kvmclock, count);
    kvmclock_watch(&kvmclock, cpu_count);
    publish_time_page();
}

void lose_tsc(void)
{
    if (tsc.counter.quality < 0)
        return;
    tsc_lose_synchrony(&tsc);
    publish_time_page();
}

void lose_tsc_rate(uint64_t hz)
{
    bool in_use = tc_current(&clock_counters) == &tsc.counter;

    tsc_lose_rate(&tsc, hz);
    if (!in_use || kvmclock.suspended)
        return;
    (void)clock_use(&kvmclock.counter);
    (void)keep_choice();
}

bool decide(const char *counter, bool without_rdtscp, bool unstable)
{
    in_force = asked;
    if (counter || without_rdtscp)
        in_force.enable_without_rdtscp = without_rdtscp;
    if (counter || unstable)
        in_force.force_unstable = unstable;
    bool unguarded = clock_use(counter ? tc_find(&clock_counters, counter) : user_counter);
    kvmclock_watch(&kvmclock, cpu_count);
    publish_time_page();
    return unguarded && asked.fast_gettime;
}

bool keep_choice(void)
{
    const struct timecounter *before = user_counter;

    user_counter = tc_current(&clock_counters);
    (void)decide(NULL, false, false);
    return user_counter != before;
}

/* ---- Settings ---------------------------------------------------------- */

static const struct sysctl timecounter_nodes[] = {
    SYSCTL_VALUE("fast_gettime", SYSCTL_BOOL, SYSCTL_RWTUN, &asked.fast_gettime, 0, 0, "1",
                 "0: clock_gettime() of ring 3 always asks the kernel"),
};

static const struct sysctl kvmclock_nodes[] = {
    SYSCTL_VALUE("vdso_enable_without_rdtscp", SYSCTL_BOOL, SYSCTL_RWTUN,
                 &asked.enable_without_rdtscp, 0, 0, "0",
                 "1: clock_gettime() reads the clock page also where CPUID has no RDTSCP"),
    SYSCTL_VALUE("vdso_force_unstable", SYSCTL_BOOL, SYSCTL_RWTUN, &asked.force_unstable, 0, 0, "0",
                 "1: clock_gettime() does not believe the STABLE flag"),
};

SYSCTL_TABLE("kern.timecounter", timecounter_nodes);
SYSCTL_TABLE("dev.kvmclock.0", kvmclock_nodes);
