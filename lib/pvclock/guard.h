/* SPDX-License-Identifier: 0BSD */
/*
 * Where PVCLOCK_FLAG_TSC_STABLE does not count: each vCPU reads its own page, and a guard keeps the
 * time from stepping back when a thread moves, or between threads.  Two parts, used apart or
 * together.
 */
#ifndef PVCLOCK_GUARD_H
#define PVCLOCK_GUARD_H

#include "read.h"

/* ---- The page of the vCPU that runs this ------------------------------- */

/*
 * ns of the running vCPU's page.  *hint is where this thread ran last, any value at first: RDTSCP
 * gives the TSC and the vCPU at once, and where that is another one the hint is corrected and the
 * read done again.  So no instruction is spent on asking for the number first, and RDPID is not
 * needed (CPUID must announce RDTSCP).  The thread may be moved between any two instructions.
 *
 * BAD_VALUE: a vCPU number of count or more.
 */
PVCLOCK_INLINE enum pvclock_status pvclock_vcpu_ns(const struct pvclock_vcpus *vcpus,
                                                   uint32_t *hint, uint64_t *ns)
{
    uint32_t cpu = *hint;

    if (PVCLOCK_LIKELY(cpu < vcpus->count)) {
        const struct pvclock_vcpu_time_info *page = pvclock_page_of(vcpus, cpu);
        uint32_t version = PVCLOCK_LOAD_ACQUIRE(&page->version);
        uint32_t aux;
        struct pvclock_tsc tsc = PVCLOCK_TSC_RDTSCP(&aux);

        if (PVCLOCK_LIKELY((aux & vcpus->aux_mask) == cpu) &&
            PVCLOCK_LIKELY(pvclock_fast_ns(page, version, tsc, ns)))
            return PVCLOCK_OK;
    }
    return pvclock_vcpu_read(vcpus, hint, ns);
}

/* ---- The guard by compare-and-swap ------------------------------------- */

/*
 * The latest time that anyone was given.  On a cache line of its own it costs least; start it
 * with 0.
 */
struct pvclock_guard {
    uint64_t last;
};

#ifdef PVCLOCK_CAS64
/* ns, or what another thread was given already if that is later.  Any number of threads. */
PVCLOCK_INLINE uint64_t pvclock_guard_cas(struct pvclock_guard *guard, uint64_t ns)
{
    uint64_t last = PVCLOCK_LOAD64(&guard->last);

    while (last < ns) {
        if (PVCLOCK_CAS64(&guard->last, &last, ns))
            return ns;
    }
    return last;
}
#endif

/* ---- The guard by slots ------------------------------------------------ */

/* One per reader thread, on a cache line of its own, 0 at first. */
struct pvclock_slot {
    uint64_t last;
    uint64_t pad[7];
};

#ifdef PVCLOCK_STORE64
/*
 * The same without LOCK: each reader writes its own slot alone and looks at all.  A time that a
 * thread passes on was stored in its slot before, and x86 keeps stores in order and loads in order,
 * so the receiver of the message sees the slot.  Slot `own` belongs to one thread; a signal handler
 * needs another one.
 */
PVCLOCK_INLINE uint64_t pvclock_guard_slots(struct pvclock_slot *slots, unsigned count,
                                            unsigned own, uint64_t ns)
{
    for (unsigned i = 0; i < count; i++) {
        uint64_t last = PVCLOCK_LOAD64(&slots[i].last);

        ns = last > ns ? last : ns;
    }
    PVCLOCK_STORE64(&slots[own].last, ns);
    return ns;
}
#endif

#endif /* PVCLOCK_GUARD_H */
