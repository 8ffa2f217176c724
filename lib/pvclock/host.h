/* SPDX-License-Identifier: 0BSD */
/*
 * The host behind the page: discovery by CPUID, registration by MSR.
 *
 * CPUID and MSRs are reached through the caller's functions, so a kernel under SEV-ES or TDX, a
 * ring-3 program and a unit test bring their own.  References: abi.h.
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
    /* CPUID, sub-leaf 0. */
    void (*cpuid)(void *context, uint32_t leaf, struct pvclock_cpuid *out);
    /* WRMSR on the running vCPU: false if it faulted. */
    bool (*wrmsr)(void *context, uint32_t msr, uint64_t value);
    void *context;
};

struct pvclock_host {
    uint32_t base;            /* hypervisor leaf that holds KVM's signature; 0: no KVM */
    uint32_t features;        /* EAX of base + 1 */
    uint32_t tsc_khz;         /* EAX of base + 0x10, or 0 where there is no such leaf */
    uint32_t msr_system_time; /* of the pair to use, the new one preferred; 0: no clock */
    uint32_t msr_wall_clock;
};

/* OK, or NOT_READY where there is no KVM or it offers no clock (`base` tells which). */
enum pvclock_status pvclock_host_find(const struct pvclock_ops *ops, struct pvclock_host *out);

/*
 * Registers the running vCPU's structure, at `page` here and at `physical` for the host, and proves
 * that the host writes it.  BAD_VALUE: placement; NOT_READY: no clock, the write faulted, or the
 * page stayed dead, and the MSR is off again then.  `registered` of the vCPU says for
 * pvclock_host_disable() whether there is something to undo.
 */
enum pvclock_status pvclock_host_enable(const struct pvclock_ops *ops,
                                        const struct pvclock_host *host,
                                        struct pvclock_vcpu_time_info *page, uint64_t physical,
                                        bool *registered);

/*
 * Stops the updates on the running vCPU; its page keeps its last contents.  On a vCPU that was not
 * registered no MSR is touched.  Do it on every vCPU before the memory is used for anything else.
 */
enum pvclock_status pvclock_host_disable(const struct pvclock_ops *ops,
                                         const struct pvclock_host *host, bool *registered);

/*
 * Asks the host for the date, into `wall`.  An exit: limit the rate.  Needed again after a pause, a
 * restore, or a step of the host's clock.
 */
enum pvclock_status pvclock_host_wall(const struct pvclock_ops *ops,
                                      const struct pvclock_host *host,
                                      struct pvclock_wall_clock *wall, uint64_t physical,
                                      uint64_t *epoch_ns);

/*
 * The ordered TSC read for this CPU, once at start: RDTSCP where CPUID has it, for it is ordered by
 * the manuals of both makers [5][6] and costs no more; else LFENCE; RDTSC, which on an AMD
 * processor from before 2019 needs a kernel that makes LFENCE serializing (MSR 0xc0011029 bit 1).
 */
enum pvclock_order pvclock_host_tsc_order(const struct pvclock_ops *ops);

#ifdef __cplusplus
}
#endif

#endif /* PVCLOCK_HOST_H */
