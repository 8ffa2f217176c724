/* SPDX-License-Identifier: 0BSD */
/* Shared by the threads of the ring-3 program: the mapped structures, and their clock_gettime(). */
#ifndef USERSPACE_SIM_PROCESS_H
#define USERSPACE_SIM_PROCESS_H

#include "userspace_sim/ring3.h"
#include <timepage/gettime.h>

/* The clock structures mapped from /dev/pvclock; NULL: none. */
extern const struct pvclock_vcpu_time_info *clock_structures;

static inline const struct time_page *time_page_of(const struct thread_page *t)
{
    return (const struct time_page *)(uintptr_t)t->time_page;
}

/* The structure of a vCPU, if clock_structures is not NULL. */
static inline const struct pvclock_vcpu_time_info *structure_of(const struct time_page *time,
                                                                uint32_t vcpu)
{
    return (const struct pvclock_vcpu_time_info *)((uintptr_t)clock_structures +
                                                   (uintptr_t)vcpu * time->stride);
}

/* The bytes of all structures, those of vCPUs that may come later included. */
static inline uint64_t structures_length(const struct time_page *time)
{
    return (uint64_t)time->possible * time->stride;
}

/* Returns a reader for this thread. */
struct gettime thread_gettime(const struct thread_page *t);

/* clock_gettime(): makes the system call if the reader needs it; returns the path that it took. */
static inline enum gettime_path clock_gettime(struct gettime *g, uint32_t clock,
                                              struct pvclock_timespec *out)
{
    enum gettime_path path = gettime_read(g, clock, out);

    if (PVCLOCK_UNLIKELY(path == GETTIME_PATH_SYSTEM_CALL))
        (void)call(SYS_CLOCK_GETTIME, clock, address_of(out), 0, 0);
    return path;
}

static inline uint64_t timespec_ns(struct pvclock_timespec t)
{
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

#endif
