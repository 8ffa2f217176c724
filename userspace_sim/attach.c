/* SPDX-License-Identifier: 0BSD */
/*
 * Maps /dev/pvclock, so that gettime() can read the clock structures: the flow enters ring 3
 * here.
 */
#include "userspace_sim/clock.h"
#include "userspace_sim/process.h"

const struct pvclock_vcpu_time_info *clock_structures;

/* Maps all structures, as a libc would at its first clock_gettime(). */
void attach(struct thread_page *t)
{
    const struct time_page *time = (const struct time_page *)(uintptr_t)t->time_page;
    static const char name[] = "/dev/pvclock";
    int64_t fd = call(SYS_OPEN, (uint64_t)(uintptr_t)name, OPEN_READ_ONLY, 0, 0);

    t->rules[0] = fd;
    if (fd < 0)
        return;
    /* Including those of vCPUs that may come later. */
    uint64_t length = (uint64_t)time->possible * time->stride;
    int64_t at = call(SYS_MMAP, (uint64_t)fd, length, PROTECTION_READ, 0);
    t->rules[0] = at;
    if (at > 0)
        clock_structures = (const struct pvclock_vcpu_time_info *)(uintptr_t)at;
    (void)call(SYS_CLOSE, (uint64_t)fd, 0, 0, 0);
}

struct gettime thread_gettime(const struct thread_page *t)
{
    return (struct gettime){
        .time = (const struct time_page *)(uintptr_t)t->time_page,
        .structures = clock_structures,
        .guard = &clock_guard,
        .order = (enum pvclock_order)t->clock.order,
        .sequence = 1,
    };
}
