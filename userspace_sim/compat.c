/* SPDX-License-Identifier: 0BSD */
/*
 * Tests the 32-bit reader: the same clock read by 64-bit code, by 32-bit code, and by 64-bit code
 * again must be in this order.
 */
#include "userspace_sim/compat.h"
#include "userspace_sim/clock.h"
#include "userspace_sim/process.h"

uint32_t compat_call(struct compat_arguments *a, uint32_t stack);

void compat(struct thread_page *t)
{
    /* One thread does this job, so one stack is enough. */
    static uint8_t stack[4096] __attribute__((aligned(16)));
    static struct compat_arguments a;
    struct gettime g = thread_gettime(t);
    struct clocks_result c = {0};

    a.time_page = (uint32_t)t->time_page;
    a.structures = (uint32_t)(uintptr_t)clock_structures;
    /* This thread is not moved, so GS's current target is valid throughout. */
    a.vcpu_now = (uint32_t)t->vcpu_now;
    a.guard = (uint32_t)(uintptr_t)&clock_guard;
    a.clock = CLOCK_MONOTONIC;
    while (c.compat_reads < t->calls) {
        struct pvclock_timespec before, after;
        (void)clock_gettime(&g, CLOCK_MONOTONIC, &before);
        uint32_t path = compat_call(&a, (uint32_t)(uintptr_t)(stack + sizeof(stack)));
        (void)clock_gettime(&g, CLOCK_MONOTONIC, &after);
        uint64_t here = (uint64_t)a.sec * 1000000000 + (uint64_t)a.nsec;
        c.by_path[path & 7]++;
        c.compat_reads++;
        if (path != PATH_SYSTEM_CALL && (here < timespec_ns(before) || here > timespec_ns(after)))
            c.compat_bad++;
    }
    t->clocks = c;
}
