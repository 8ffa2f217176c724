/* SPDX-License-Identifier: 0BSD */
/*
 * Shared by the threads of the ring-3 program: the mapped structures, and system calls with
 * arguments.
 */
#ifndef USERSPACE_SIM_PROCESS_H
#define USERSPACE_SIM_PROCESS_H

#include "userspace_sim/ring3.h"
#include <timepage/gettime.h>

/* The clock structures mapped from /dev/pvclock; NULL: none. */
extern const struct pvclock_vcpu_time_info *clock_structures;

static inline int64_t call(enum system_call number, uint64_t a, uint64_t b, uint64_t c, uint64_t d)
{
    uint64_t result = number;
    register uint64_t r10 __asm__("r10") = d;

    __asm__ volatile("syscall"
                     : "+a"(result), "+D"(a), "+S"(b), "+d"(c), "+r"(r10)
                     :
                     : "rcx", "r8", "r9", "r11", "memory");
    return (int64_t)result;
}

/* Returns a reader for this thread. */
struct gettime thread_gettime(const struct thread_page *t);

/* clock_gettime(): makes the system call if the reader needs it; returns the path that it took. */
static inline enum gettime_path clock_gettime(struct gettime *g, uint32_t clock,
                                              struct pvclock_timespec *out)
{
    enum gettime_path path = gettime(g, clock, out);

    if (PVCLOCK_UNLIKELY(path == PATH_SYSTEM_CALL))
        (void)call(SYS_CLOCK_GETTIME, clock, (uint64_t)(uintptr_t)out, 0, 0);
    return path;
}

static inline uint64_t timespec_ns(struct pvclock_timespec t)
{
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

#endif
