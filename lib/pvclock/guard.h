/* SPDX-License-Identifier: 0BSD */
/*
 * Readers for threads that move between vCPUs: each vCPU reads its own page, and a guard keeps time
 * from stepping back when a thread moves, or between threads.  The first is needed with STABLE too
 * (see abi.h), the guard where STABLE is not valid, and where a page of another vCPU is read.  The
 * two parts can be used separately or together.
 */
#ifndef PVCLOCK_GUARD_H
#define PVCLOCK_GUARD_H

#include "read.h"

/* ---- The page of the vCPU that runs this ------------------------------- */

/*
 * Reads the running vCPU's page and returns its time in *ns.  *hint is the vCPU that this thread
 * last ran on; any initial value will do.  RDTSCP returns the TSC and the vCPU number at once; if
 * the vCPU is another one, the function corrects the hint and reads again.  So no instruction is
 * spent on asking for the number first, and RDPID is not needed (CPUID must announce RDTSCP).
 * The thread may be moved between any two instructions.
 *
 * Returns the statuses of pvclock_vcpu_read(); BAD_VALUE means a vCPU number of count or more.
 */
PVCLOCK_INLINE enum pvclock_status pvclock_vcpu_ns(const struct pvclock_vcpus *vcpus,
                                                   uint32_t *hint, uint64_t *ns)
{
    uint32_t cpu = *hint;

    if (PVCLOCK_LIKELY(cpu < vcpus->count)) {
        const volatile struct pvclock_vcpu_time_info *clock_page = pvclock_page_of(vcpus, cpu);
        uint32_t version = PVCLOCK_LOAD_ACQUIRE(pvclock_version_of(clock_page));
        uint32_t aux;
        struct pvclock_tsc tsc = PVCLOCK_TSC_RDTSCP(&aux);

        if (PVCLOCK_LIKELY((aux & vcpus->aux_mask) == cpu) &&
            PVCLOCK_LIKELY(pvclock_fast_ns(clock_page, version, tsc, ns)))
            return PVCLOCK_OK;
    }
    return pvclock_vcpu_read(vcpus, hint, ns);
}

#ifdef PVCLOCK_VCPU_WORD
/*
 * Does the same by the vCPU's word of port.h in place of RDTSCP, and returns the vCPU in *vcpu.
 * The word is read before and after the TSC: if it is the same, this thread ran on that vCPU all
 * the time, as one that went to another vCPU and came back finds another word.  The second load of
 * it comes after that of the version, which waits for the TSC.
 *
 * It sees the kernel's own moves, so a kernel that changes the word is needed, not RDTSCP.
 */
PVCLOCK_INLINE bool pvclock_word_fast(const struct pvclock_vcpus *vcpus, enum pvclock_order order,
                                      uint32_t *vcpu, uint64_t *ns)
{
    uint64_t word = PVCLOCK_VCPU_WORD();

    *vcpu = (uint32_t)word;
    if (PVCLOCK_LIKELY(*vcpu < vcpus->count)) {
        const volatile struct pvclock_vcpu_time_info *clock_page = pvclock_page_of(vcpus, *vcpu);
        uint32_t version = PVCLOCK_LOAD_ACQUIRE(pvclock_version_of(clock_page));
        struct pvclock_tsc tsc = pvclock_tsc_halves(order);

        return PVCLOCK_LIKELY(pvclock_fast_ns(clock_page, version, tsc, ns)) &&
               PVCLOCK_LIKELY(PVCLOCK_VCPU_WORD() == word);
    }
    return 0;
}

/* Out of line: a busy page is as rare as a move, and then waits for PVCLOCK_TRIES looks. */
PVCLOCK_COLD_STATIC enum pvclock_status pvclock_word_read(const struct pvclock_vcpus *vcpus,
                                                          enum pvclock_order order, uint32_t *vcpu,
                                                          uint64_t *ns)
{
    enum { PVCLOCK_MOVES = 16 };
    struct pvclock_sample sample;
    unsigned moves;

    *ns = PVCLOCK_NO_TIME;
    for (moves = 0; moves < PVCLOCK_MOVES; moves++) {
        uint64_t word = PVCLOCK_VCPU_WORD();
        enum pvclock_status status;

        *vcpu = (uint32_t)word;
        if (*vcpu >= vcpus->count)
            return PVCLOCK_BAD_VALUE;
        status = pvclock_read(pvclock_page_of(vcpus, *vcpu), order, &sample);
        if (PVCLOCK_VCPU_WORD() == word) {
            *ns = sample.ns;
            return status;
        }
    }
    return PVCLOCK_BUSY;
}

PVCLOCK_INLINE enum pvclock_status pvclock_word_ns(const struct pvclock_vcpus *vcpus,
                                                   enum pvclock_order order, uint32_t *vcpu,
                                                   uint64_t *ns)
{
    return PVCLOCK_LIKELY(pvclock_word_fast(vcpus, order, vcpu, ns))
               ? PVCLOCK_OK
               : pvclock_word_read(vcpus, order, vcpu, ns);
}
#endif

/* ---- The guard by compare-and-swap ------------------------------------- */

/* The latest time returned to any thread.  Put it on its own cache line, and initialise it to 0. */
struct pvclock_guard {
    uint64_t last;
};

#ifdef PVCLOCK_CAS64
/*
 * Returns ns, or the latest time returned to any thread if that is later.  Any number of threads.
 */
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

/*
 * One per reader thread, initially 0, in an array at the start of a cache line.  Side by side they
 * cost less than a line each: a read fetches the line of all once, and its store finds it there.
 * (Two threads at once on Zen 4: 145 to 175 cycles a read; a line each 230 to 270, the CAS 220.)
 */
struct pvclock_slot {
    uint64_t last;
};

#ifdef PVCLOCK_STORE64
/*
 * Does the same as pvclock_guard_cas() without LOCK: each reader writes only its own slot and
 * reads all of them.  A thread stores a time in its slot before it passes it on, and x86 keeps
 * stores in order and loads in order, so the receiver of the message sees the slot.  Slot `own`
 * belongs to one thread; a signal handler needs another one.
 */
PVCLOCK_INLINE uint64_t pvclock_guard_slots(struct pvclock_slot *slots, unsigned count,
                                            unsigned own, uint64_t ns)
{
    unsigned i;

    for (i = 0; i < count; i++) {
        uint64_t last = PVCLOCK_LOAD64(&slots[i].last);

        ns = last > ns ? last : ns;
    }
    PVCLOCK_STORE64(&slots[own].last, ns);
    return ns;
}
#endif

#endif /* PVCLOCK_GUARD_H */
