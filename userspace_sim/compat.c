/* SPDX-License-Identifier: 0BSD */
/*
 * Tests the 32-bit reader: the same clock read by 64-bit code, by 32-bit code, and by 64-bit code
 * again must be in this order.
 */
#include "userspace_sim/compat.h"
#include "userspace_sim/clock.h"
#include "userspace_sim/process.h"

/*
 * Readings that are wanted of the page.  The first after a pause of the guest asks the kernel,
 * however many there are; so few may without one.
 */
enum { READS = 50, MOST = 20 * READS, FEW = 3 };

/* Of this vCPU's structure, which the host writes anew in a pause; 0: there is none. */
static uint32_t version(const struct thread_page *t)
{
    const volatile struct pvclock_vcpu_time_info *own =
        clock_structures ? structure_of(time_page_of(t), t->index) : NULL;

    return own ? own->version : 0;
}

uint32_t compat_call(struct compat_arguments *a, uint32_t stack);

void compat(struct thread_page *t)
{
    /* One thread does this job, so one stack is enough. */
    static uint8_t stack[4096] __attribute__((aligned(16)));
    static struct compat_arguments a;
    struct gettime g = thread_gettime(t);
    uint64_t by_page = 0, no_clock = 0, asked = 0, without_pause = 0, bad = 0, reads;

    a.time_page = (uint32_t)t->time_page;
    a.structures = (uint32_t)address_of(clock_structures);
    /* This thread is not moved, so GS's current target is valid throughout. */
    a.vcpu_now = (uint32_t)t->vcpu_now;
    a.guard = (uint32_t)address_of(&clock_guard);
    a.clock = GETTIME_MONOTONIC;
    for (reads = 0; by_page < READS && reads < (by_page ? MOST : READS); reads++) {
        struct pvclock_timespec before, after;
        uint32_t last = version(t);
        (void)clock_gettime(&g, GETTIME_MONOTONIC, &before);
        uint32_t path = compat_call(&a, (uint32_t)address_of(stack + sizeof(stack)));
        (void)clock_gettime(&g, GETTIME_MONOTONIC, &after);
        uint64_t here = (uint64_t)a.sec * 1000000000 + (uint64_t)a.nsec;
        if (path == GETTIME_PATH_SYSTEM_CALL) {
            asked++;
            without_pause += version(t) == last;
            continue;
        }
        by_page += path == GETTIME_PATH_STABLE || path == GETTIME_PATH_OWN_VCPU;
        no_clock += path != GETTIME_PATH_STABLE && path != GETTIME_PATH_OWN_VCPU;
        bad += here < timespec_ns(before) || here > timespec_ns(after);
    }
    if (asked == reads)
        verdict(VERDICT_SKIP, "ring3.compat32",
                "here the kernel has to be asked, which 32-bit code does by 64-bit code");
    else
        verdict(pass_if(by_page == READS && without_pause <= FEW && !no_clock && !bad),
                "ring3.compat32", "%lu readings by 32-bit code, %lu not between two by 64-bit code",
                by_page, bad);
}
