/* SPDX-License-Identifier: 0BSD */
/* How a thread reads the clock page that the kernel gave it: lib/pvclock, inlined. */
#ifndef USERSPACE_SIM_CLOCK_H
#define USERSPACE_SIM_CLOCK_H

#include <clockpage/abi.h>
#include <pvclock/guard.h>
#include <pvclock/read.h>

/* The latest time returned to any thread; used only if the vCPUs' pages disagree. */
extern struct pvclock_guard clock_guard;

static inline const struct pvclock_vcpu_time_info *clock_page(const struct clock_source *clock)
{
    return (const struct pvclock_vcpu_time_info *)(uintptr_t)clock->page;
}

/* Reads the TSC after all earlier loads. */
static inline uint64_t clock_tsc(void)
{
    return pvclock_tsc(PVCLOCK_LFENCE);
}

static inline enum pvclock_status clock_read(const struct clock_source *clock, uint64_t *ns)
{
    enum pvclock_status status = clock->order == PVCLOCK_RDTSCP
                                     ? pvclock_ns(clock_page(clock), PVCLOCK_RDTSCP, ns)
                                     : pvclock_ns(clock_page(clock), PVCLOCK_LFENCE, ns);

    if (clock->guarded && pvclock_has_time(status))
        *ns = pvclock_guard_cas(&clock_guard, *ns);
    return status;
}

#endif
