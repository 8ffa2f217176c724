/* SPDX-License-Identifier: 0BSD */
/*
 * Publishes the clock (clock.c) and how to read it to ring 3, in the time page; the reader is
 * lib/timepage/gettime.c.
 */
#include "kernel/clock/time_page.h"
#include "arch/x86/acpi.h"
#include "arch/x86/cpu.h"
#include "arch/x86/features.h"
#include "arch/x86/frames.h"
#include "arch/x86/tsc.h"
#include "base/tunables.h"
#include "drivers/kvmclock/kvmclock.h"
#include "drivers/tsc/tsc.h"
#include "kernel/clock/clock.h"
#include <pvclock/pvclock.h>
#include <timecounter/hands.h>

enum { NS_PER_S = 1000000000 };

static union {
    struct time_page time;
    uint8_t whole_page[PAGE_SIZE];
} published __attribute__((aligned(4096))) = {.time = {TIME_PAGE_IDENTITY}};

uint64_t time_page_physical(void)
{
    return virt_to_phys(&published);
}

const struct time_page *time_page_get(void)
{
    return &published.time;
}

/*
 * Makes the sequence odd.  The fence pairs with the second load of it in derive() and last_tick()
 * of gettime.c.
 */
static void begin(uint32_t *sequence)
{
    __atomic_store_n(sequence, *sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Pairs with the first load of the sequence in derive() and last_tick(). */
static void end(uint32_t *sequence)
{
    __atomic_store_n(sequence, *sequence + 1, __ATOMIC_RELEASE);
}

/*
 * Publishes the TSC as the host would.  The multiplier is rounded down, so ring 3 falls behind the
 * kernel by less than 1 ns in 2 s: a new start once a second steps forward by at most 1 ns.
 */
static void publish_tsc(const struct tc_hands *h, uint64_t uptime, bool again)
{
    static uint64_t published_count;
    struct pvclock_snapshot s = {.tsc_timestamp = h->count, .system_time = uptime};

    if (!again && h->count - published_count < h->hz)
        return;
    if (pvclock_scale_from_hz(h->hz, &s.mul, &s.shift) != PVCLOCK_OK)
        return;
    s.flags = PVCLOCK_FLAG_TSC_STABLE;
    pvclock_publish(&published.time.tsc, &s);
    published_count = h->count;
}

/* While the TSC is not the clock's counter, publishes it once, for readers of a plain structure. */
static void publish_tsc_once(uint64_t hz)
{
    if (published.time.tsc.version)
        return;
    struct pvclock_snapshot s = {.tsc_timestamp = rdtsc_ordered(), .system_time = clock_uptime()};
    if (pvclock_scale_from_hz(hz, &s.mul, &s.shift) != PVCLOCK_OK)
        return;
    s.flags = PVCLOCK_FLAG_TSC_STABLE;
    pvclock_publish(&published.time.tsc, &s);
}

static void publish_fast(uint64_t uptime, uint64_t realtime)
{
    struct time_page *p = &published.time;

    begin(&p->fast_sequence);
    p->fast_uptime = uptime;
    p->fast_realtime = realtime;
    end(&p->fast_sequence);
}

/* The facts to publish; `floor`: 0 while every structure has the STABLE flag. */
struct time_page_state {
    struct time_facts facts;
    uint32_t vcpus, possible, stride;
    uint64_t floor;
    uint64_t tsc_hz;
};

static uint32_t resolution_ns(enum tc_clock clock)
{
    int64_t value[2];

    return clock_get(clock, true, value) ? (uint32_t)(value[0] * NS_PER_S + value[1]) : 0;
}

static void update(const struct time_page_state *state)
{
    struct time_page *p = &published.time, next = {0};
    struct tc_hands h;

    if (!clock_hands(&h))
        return;
    uint64_t uptime = h.uptime.sec * NS_PER_S + tc_hands_nsec(&h, &h.uptime);
    uint64_t boottime = (uint64_t)h.boottime.sec * NS_PER_S + (uint64_t)h.boottime.nsec;
    next.algorithm = time_decide(&state->facts, &next.stable_mask);
    /* Just after a switch of counters, readings pass the kernel's guard. */
    if (h.flags & TC_HANDS_GUARDED)
        next.algorithm = TIME_SYSTEM_CALL;
    next.has_rdtscp = state->facts.rdtscp;
    next.vcpus = state->vcpus;
    next.possible = state->possible;
    next.stride = state->stride;
    next.floor = state->floor;
    next.uptime_base = next.algorithm == TIME_PVCLOCK ? uptime - h.count : 0;
    next.date_is_set = (h.flags & TC_HANDS_SET) != 0;
    next.realtime_base = next.uptime_base + (next.date_is_set ? boottime : 0);
    next.resolution = resolution_ns(TC_CLOCK_UPTIME);
    next.fast_resolution = resolution_ns(TC_CLOCK_UPTIME_FAST);

    bool other = next.algorithm != p->algorithm;
    if (next.algorithm == TIME_TSC)
        publish_tsc(&h, uptime, other);
    else
        publish_tsc_once(state->tsc_hz);
    if (other || next.stable_mask != p->stable_mask || next.has_rdtscp != p->has_rdtscp ||
        next.vcpus != p->vcpus || next.possible != p->possible || next.stride != p->stride ||
        next.floor != p->floor || next.uptime_base != p->uptime_base ||
        next.realtime_base != p->realtime_base || next.resolution != p->resolution ||
        next.fast_resolution != p->fast_resolution || next.date_is_set != p->date_is_set) {
        begin(&p->sequence);
        p->algorithm = next.algorithm;
        p->stable_mask = next.stable_mask;
        p->has_rdtscp = next.has_rdtscp;
        p->vcpus = next.vcpus;
        p->possible = next.possible;
        p->stride = next.stride;
        p->floor = next.floor;
        p->uptime_base = next.uptime_base;
        p->realtime_base = next.realtime_base;
        p->resolution = next.resolution;
        p->fast_resolution = next.fast_resolution;
        p->date_is_set = next.date_is_set;
        end(&p->sequence);
    }
    publish_fast(uptime, uptime + (next.date_is_set ? boottime : 0));
}

/* ---- The time page ----------------------------------------------------- */

/* The settings of kvmclock in force: the user's, or a test's for a while. */
static bool enable_without_rdtscp, force_unstable;
static const char *user_counter; /* the one in use, except by tests */

static bool chosen(const char *name)
{
    const char *now = clock_in_use();

    while (*now && *now == *name)
        now++, name++;
    return *now == *name;
}

void publish_time_page(void)
{
    struct time_page_state s = {
        .facts = {.kvmclock_chosen = chosen("kvmclock"),
                  .tsc_chosen = chosen("TSC") && tsc.counter.quality >= 0,
                  .rdtscp = features_has_rdtscp(),
                  .stable_feature =
                      kvmclock.host.features & PVCLOCK_FEATURE_TSC_STABLE && kvmclock.floor == 0,
                  .enable_without_rdtscp = enable_without_rdtscp,
                  .force_unstable = force_unstable,
                  .fast_gettime = settings.fast_gettime},
        .vcpus = cpu_count,
        .possible = firmware.possible_count,
        .stride = sizeof(struct kvmclock_slot),
        /* A vCPU's own structure is right only above what the common one has returned. */
        .floor = kvmclock.floor ? kvmclock.floor : force_unstable,
        .tsc_hz = tsc.hz,
    };

    update(&s);
}

/* Whether each structure of [0, cpu_count) is alive and may serve all vCPUs. */
static bool all_stable(void)
{
    struct pvclock_snapshot s;

    for (uint32_t i = 0; i < cpu_count; i++) {
        if (!kvmclock.vcpus[i].registered ||
            pvclock_snapshot(&clock_slots[i].info, &s) != PVCLOCK_OK ||
            !pvclock_is_stable(kvmclock.host.features, s.flags))
            return false;
    }
    return kvmclock.present;
}

bool grow_clock(uint32_t count)
{
    bool was = kvmclock.stable;

    cpu_count = count;
    kvmclock_sysctl_register(&kvmclock, count);
    kvmclock.stable = kvmclock.stable && all_stable();
    kvmclock_watch(&kvmclock, cpu_count);
    publish_time_page();
    return kvmclock.stable == was;
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
    bool in_use = chosen(tsc.counter.name);

    tsc_lose_rate(&tsc, hz);
    if (!in_use || kvmclock.suspended)
        return;
    (void)clock_use(kvmclock.counter.name);
    keep_choice();
    publish_time_page();
}

bool decide(const char *counter, bool without_rdtscp, bool unstable)
{
    enable_without_rdtscp =
        counter || without_rdtscp ? without_rdtscp : settings.enable_without_rdtscp;
    force_unstable = counter || unstable ? unstable : settings.force_unstable;
    bool unguarded = clock_use(counter ? counter : user_counter);
    kvmclock_watch(&kvmclock, cpu_count);
    publish_time_page();
    return unguarded;
}

void keep_choice(void)
{
    user_counter = clock_in_use();
}
