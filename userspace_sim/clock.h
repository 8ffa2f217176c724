/* SPDX-License-Identifier: 0BSD */
/* How a thread reads a clock page, as the time page says it: lib/pvclock, inlined. */
#ifndef USERSPACE_SIM_CLOCK_H
#define USERSPACE_SIM_CLOCK_H

#include <clockpage/abi.h>
#include <pvclock/guard.h>
#include <pvclock/read.h>

/* The latest time of the clock structures that was returned to any thread, if they disagree. */
extern struct pvclock_guard clock_guard;

struct clock_source {
    const struct pvclock_vcpu_time_info *page;
    struct pvclock_guard *guard; /* pages disagree: pass every time through it; NULL: they agree */
    enum pvclock_order order;
    bool is_tsc;
};

/*
 * Returns the page for a thread that stays on its vCPU: its own of /dev/pvclock, or the TSC's.
 * Where the time page says to ask the kernel, the TSC's serves for its format alone.
 */
struct clock_source clock_source(const struct thread_page *t);

/* Reads the TSC after all earlier loads. */
static inline uint64_t clock_tsc(void)
{
    return pvclock_tsc_now(PVCLOCK_LFENCE);
}

static inline enum pvclock_status clock_read(const struct clock_source *clock, uint64_t *ns)
{
    enum pvclock_status status = pvclock_ns(clock->page, clock->order, ns);

    if (clock->guard && pvclock_has_time(status))
        *ns = pvclock_guard_cas(clock->guard, *ns);
    return status;
}

#endif
