/* SPDX-License-Identifier: 0BSD */
/*
 * The host that writes the page: discovery by CPUID, registration by MSR.
 *
 * The library reaches CPUID and MSRs through the caller's functions, so that a kernel under
 * SEV-ES or TDX, a ring-3 program and a unit test can supply their own.  References: abi.h.
 *
 * Call pvclock_host_find() once, then pvclock_host_enable() on each vCPU before its page is read,
 * and pvclock_host_disable() on each before the memory is reused.
 */
#ifndef PVCLOCK_HOST_H
#define PVCLOCK_HOST_H

#include "pvclock.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pvclock_cpuid {
    uint32_t eax, ebx, ecx, edx;
};

struct pvclock_ops {
    /* Executes CPUID with sub-leaf 0. */
    void (*cpuid)(void *context, uint32_t leaf, struct pvclock_cpuid *out);
    /* Executes WRMSR on the running vCPU; returns false if it faulted. */
    bool (*wrmsr)(void *context, uint32_t msr, uint64_t value);
    void *context;
};

struct pvclock_host {
    uint32_t base;            /* hypervisor leaf that holds KVM's signature; 0: no KVM */
    uint32_t features;        /* EAX of base + 1 */
    uint32_t tsc_khz;         /* EAX of base + 0x10; 0: no such leaf */
    uint32_t msr_system_time; /* of the pair in use, the new one if offered; 0: no clock */
    uint32_t msr_wall_clock;
};

/* Finds KVM and its clock.  NOT_READY: no KVM (`base` is 0), or KVM offers no clock. */
enum pvclock_status pvclock_host_find(const struct pvclock_ops *ops, struct pvclock_host *out);

/*
 * Registers the running vCPU's structure, at address `page` here and `physical` for the host, and
 * verifies that the host writes it.  BAD_VALUE: bad placement.  NOT_READY: there is no clock, the
 * write faulted, or the host did not write the page; in the last case the MSR is switched off
 * again.  `registered` is the vCPU's state; it tells pvclock_host_disable() whether there is
 * anything to undo.
 */
enum pvclock_status pvclock_host_enable(const struct pvclock_ops *ops,
                                        const struct pvclock_host *host,
                                        volatile struct pvclock_vcpu_time_info *clock_page,
                                        uint64_t physical, bool *registered);

/*
 * Stops the updates on the running vCPU; its page keeps its last contents.  On a vCPU that is not
 * registered, no MSR is written.  Call it on every vCPU before the memory is reused.  NOT_READY:
 * the write faulted, and the vCPU stays registered.
 */
enum pvclock_status pvclock_host_disable(const struct pvclock_ops *ops,
                                         const struct pvclock_host *host, bool *registered);

/*
 * Asks the host for the date: it fills `wall`, and *epoch_ns gets the date at system time 0 (see
 * pvclock_wall()).  This is a VM exit, so limit the rate.  Call it again after a pause, a restore
 * or a step of the host's clock.
 */
enum pvclock_status pvclock_host_wall(const struct pvclock_ops *ops,
                                      const struct pvclock_host *host,
                                      volatile struct pvclock_wall_clock *wall, uint64_t physical,
                                      uint64_t *epoch_ns);

/*
 * Chooses the ordered TSC read for this CPU; call it once at start.  It is LFENCE; RDTSC where
 * CPUID says that LFENCE always serializes (0x80000021 EAX bit 2) and on Intel's CPUs: there it
 * costs about as much as RDTSCP, or less (on AMD's Zen 5 an eighth of a whole read).  Otherwise it
 * is RDTSCP, whose order both vendors' manuals define [5][6]; without that LFENCE; RDTSC, which on
 * an AMD processor from before 2019 needs a kernel that makes LFENCE serializing (MSR 0xc0011029
 * bit 1).  A program that has 1 ms for it can measure instead: pvclock_tsc_measure() of read.h.
 */
void pvclock_host_tsc_choice(const struct pvclock_ops *ops, struct pvclock_tsc_choice *out);

static inline enum pvclock_order pvclock_host_tsc_order(const struct pvclock_ops *ops)
{
    struct pvclock_tsc_choice choice;

    pvclock_host_tsc_choice(ops, &choice);
    return choice.order;
}

#ifdef __cplusplus
}
#endif

#endif /* PVCLOCK_HOST_H */
