/* SPDX-License-Identifier: 0BSD */
/*
 * Tests ring 3's clock_gettime(): which path it takes, whether each clock agrees with the system
 * call, and whether it stays in order while the kernel moves threads.
 */
#include "userspace_sim/process.h"
#include "userspace_sim/step.h"

static bool is_fast(uint32_t clock)
{
    return !gettime_is_precise(clock);
}

/* Whether a reading lies between two system calls, and the resolutions are equal. */
static bool agrees(struct gettime *g, uint32_t clock)
{
    struct pvclock_timespec before, here, after, resolution, resolution_here;

    (void)call(SYS_CLOCK_GETTIME, clock, (uint64_t)(uintptr_t)&before, 0, 0);
    (void)clock_gettime(g, clock, &here);
    (void)call(SYS_CLOCK_GETTIME, clock, (uint64_t)(uintptr_t)&after, 0, 0);
    (void)call(SYS_CLOCK_GETRES, clock, (uint64_t)(uintptr_t)&resolution, 0, 0);
    (void)gettime_resolution(g, clock, &resolution_here);
    bool order =
        timespec_ns(before) <= timespec_ns(here) && timespec_ns(here) <= timespec_ns(after);
    return order && timespec_ns(resolution) == timespec_ns(resolution_here) &&
           (is_fast(clock) || here.tv_sec > 0);
}

void clocks(struct thread_page *t)
{
    static const uint8_t ids[] = {
        CLOCK_REALTIME,       CLOCK_MONOTONIC,        CLOCK_UPTIME,        CLOCK_UPTIME_PRECISE,
        CLOCK_UPTIME_FAST,    CLOCK_REALTIME_PRECISE, CLOCK_REALTIME_FAST, CLOCK_MONOTONIC_PRECISE,
        CLOCK_MONOTONIC_FAST, CLOCK_SECOND,
    };
    struct gettime g = thread_gettime(t);
    struct pvclock_timespec ts;
    struct clocks_result c = {0};

    for (unsigned i = 0; i < t->rounds; i++) {
        uint32_t id = ids[i % sizeof(ids)];
        c.tried |= 1u << id;
        if (!agrees(&g, id))
            c.disagree |= 1u << id;
    }
    (void)system_call(SYS_COUNT, 1);
    for (uint64_t i = 0; i < t->calls; i++)
        c.by_path[clock_gettime(&g, CLOCK_MONOTONIC, &ts)]++;
    (void)system_call(SYS_COUNT, 0);
    t->clocks = c;
}

static struct told told;

void moved(struct thread_page *t)
{
    struct gettime g = thread_gettime(t);
    struct clocks_result c = {0};
    struct ordered o = {0};
    uint64_t last = 0, begin = pvclock_tsc(PVCLOCK_LFENCE);

    while (o.reads < t->reads || pvclock_tsc(PVCLOCK_LFENCE) - begin < t->budget) {
        uint64_t seen = told_load(&told), ns;
        struct pvclock_timespec ts;
        c.by_path[clock_gettime(&g, CLOCK_MONOTONIC, &ts)]++;
        ns = timespec_ns(ts);
        o.reads++;
        o.compared++;
        step_back(last, ns, &o.back_own, &o.back_own_ns);
        step_back(seen, ns, &o.back_cross, &o.back_cross_ns);
        told_raise(&told, ns);
        last = ns;
    }
    t->moved = o;
    t->clocks = c;
}
