/* SPDX-License-Identifier: 0BSD */
/*
 * Where PVCLOCK_FLAG_TSC_STABLE does not count: each vCPU reads its own page, and a guard keeps the
 * time from stepping back when a thread moves, or between threads.  Two parts, used apart or
 * together.
 */
#ifndef PVCLOCK_GUARD_H
#define PVCLOCK_GUARD_H

#include "read.h"

/* ---- The page of the vCPU that runs this ---------------------------------------------------- */

/* Where the number of the running vCPU comes from, before the TSC; RDTSCP confirms it. */
enum pvclock_cpu_source {
    PVCLOCK_CPU_RDPID,  /* CPUID 7.0 ECX bit 22 */
    PVCLOCK_CPU_RDTSCP, /* CPUID 0x80000001 EDX bit 27: about twice the cost */
};

struct pvclock_vcpus {
    const void *pages; /* the structure of vCPU 0; that of vCPU n is n * stride bytes on */
    uint32_t stride;
    uint32_t count;    /* of vCPUs */
    uint32_t aux_mask; /* vCPU number = IA32_TSC_AUX & aux_mask; Linux: 0xfff */
};

/*
 * ns of the running vCPU's page.  The thread may be moved between any two instructions: RDTSCP
 * gives the TSC and its vCPU at once, and where that is another one the read is done again.
 * BAD_VALUE: a vCPU number of count or more.
 */
PVCLOCK_INLINE enum pvclock_status pvclock_vcpu_ns(const struct pvclock_vcpus *vcpus,
                                                   enum pvclock_cpu_source source, uint64_t *ns)
{
    *ns = PVCLOCK_NO_TIME;
    for (unsigned tries = 0; tries < PVCLOCK_TRIES; tries++) {
        const struct pvclock_vcpu_time_info *page;
        struct pvclock_ready ready;
        uint32_t before, after, version, again;
        uint64_t tsc, delta, scaled;
        bool good;

        if (source == PVCLOCK_CPU_RDPID)
            before = PVCLOCK_RDPID();
        else
            (void)PVCLOCK_TSC_RDTSCP(&before);
        before &= vcpus->aux_mask;
        if (PVCLOCK_UNLIKELY(before >= vcpus->count))
            return PVCLOCK_BAD_VALUE;
        page =
            (const struct pvclock_vcpu_time_info *)(const void *)((const char *)vcpus->pages +
                                                                  (size_t)before * vcpus->stride);
        version = PVCLOCK_LOAD_ACQUIRE(&page->version);
        tsc = PVCLOCK_TSC_RDTSCP(&after);
        good = pvclock_make_ready(page, &ready) && (version & 1) == 0;
        delta = tsc - ready.timestamp;
        scaled = pvclock_multiply_high(delta & ready.mask, ready.multiplier);
        again = PVCLOCK_LOAD_AFTER(&page->version, tsc);
        if (PVCLOCK_LIKELY(good && again == version && (after & vcpus->aux_mask) == before &&
                           delta <= PVCLOCK_DELTA_MAX &&
                           scaled <= UINT64_MAX - ready.system_time)) {
            *ns = ready.system_time + scaled;
            return PVCLOCK_OK;
        }
        if ((after & vcpus->aux_mask) == before && version == again && (version & 1) == 0) {
            struct pvclock_sample sample;
            enum pvclock_status status = pvclock_sample(page, tsc, &sample);

            if (status != PVCLOCK_BUSY && sample.version == version) {
                *ns = sample.ns;
                return status;
            }
        }
        PVCLOCK_PAUSE();
    }
    return PVCLOCK_BUSY;
}

/* ---- The guard by compare-and-swap ---------------------------------------------------------- */

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

/* ---- The guard by slots --------------------------------------------------------------------- */

/* One per reader thread, on a cache line of its own, 0 at first. */
struct pvclock_slot {
    uint64_t last;
    uint64_t pad[7];
};

#ifdef PVCLOCK_STORE64
/*
 * The same without LOCK: each reader writes its own slot alone and looks at all.  A time that a
 * thread passes on was stored in its slot before, and x86 keeps stores in order and loads in order,
 * so whoever got the message sees the slot.  Slot `own` belongs to one thread; a signal handler
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
