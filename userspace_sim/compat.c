/* SPDX-License-Identifier: 0BSD */
/*
 * Tests the 32-bit reader: the same clock read by 64-bit code, by 32-bit code, and by 64-bit code
 * again must be in this order.
 */
#include "userspace_sim/compat.h"
#include "userspace_sim/clock.h"
#include "userspace_sim/process.h"

/* The first reading after a pause of the guest asks the kernel: this many may. */
enum { READS = 50, PAUSES = 3 };

uint32_t compat_call(struct compat_arguments *a, uint32_t stack);

void compat(struct thread_page *t)
{
    /* One thread does this job, so one stack is enough. */
    static uint8_t stack[4096] __attribute__((aligned(16)));
    static struct compat_arguments a;
    struct gettime g = thread_gettime(t);
    uint64_t by[GETTIME_PATHS] = {0}, bad = 0, reads;

    a.time_page = (uint32_t)t->time_page;
    a.structures = (uint32_t)address_of(clock_structures);
    /* This thread is not moved, so GS's current target is valid throughout. */
    a.vcpu_now = (uint32_t)t->vcpu_now;
    a.guard = (uint32_t)address_of(&clock_guard);
    a.clock = GETTIME_MONOTONIC;
    for (reads = 0; reads < READS; reads++) {
        struct pvclock_timespec before, after;
        (void)clock_gettime(&g, GETTIME_MONOTONIC, &before);
        uint32_t path = compat_call(&a, (uint32_t)address_of(stack + sizeof(stack)));
        (void)clock_gettime(&g, GETTIME_MONOTONIC, &after);
        uint64_t here = (uint64_t)a.sec * 1000000000 + (uint64_t)a.nsec;
        by[path < GETTIME_PATHS ? path : GETTIME_PATH_NO_CLOCK]++;
        if (path != GETTIME_PATH_SYSTEM_CALL &&
            (here < timespec_ns(before) || here > timespec_ns(after)))
            bad++;
    }
    if (by[GETTIME_PATH_SYSTEM_CALL] == reads)
        verdict(VERDICT_SKIP, "ring3.compat32",
                "here the kernel has to be asked, which 32-bit code does by 64-bit code");
    else
        verdict(pass_if(by[GETTIME_PATH_STABLE] + by[GETTIME_PATH_OWN_VCPU] +
                                by[GETTIME_PATH_SYSTEM_CALL] ==
                            reads &&
                        by[GETTIME_PATH_SYSTEM_CALL] <= PAUSES && bad == 0),
                "ring3.compat32", "%lu readings by 32-bit code, %lu not between two by 64-bit code",
                reads, bad);
}
