/* SPDX-License-Identifier: 0BSD */
#include "userspace_sim/clock.h"
#include "userspace_sim/process.h"

const struct pvclock_vcpu_time_info *clock_structures;

/* Map all the structures, as a libc would at its first clock_gettime(). */
void attach(struct thread_page *t)
{
    const struct time_page *time = (const struct time_page *)(uintptr_t)t->time_page;
    static const char name[] = "/dev/pvclock";
    int64_t fd = call(SYS_OPEN, (uint64_t)(uintptr_t)name, OPEN_READ_ONLY, 0, 0);

    t->rules[0] = fd;
    if (fd < 0)
        return;
    /* Those of vCPUs that may come later too. */
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
