/* SPDX-License-Identifier: 0BSD */
/*
 * A host that the guest plays itself, for tests without KVM or of what KVM cannot be made to do:
 * to the driver it is another struct pvclock_ops.  It answers CPUID as KVM does, and writes the
 * structure or the date where a WRMSR points.
 */
#ifndef KERNEL_CLOCK_PLAYED_HOST_H
#define KERNEL_CLOCK_PLAYED_HOST_H

#include "arch/x86/layout.h"
#include <pvclock/host.h>

struct played_host {
    struct pvclock_snapshot page; /* vCPU 0's structure, with its flags; mul 0: refuse all MSRs */
    int64_t skew_ns;              /* vCPU n's time is this * n ahead of vCPU 0's */
    uint64_t epoch;               /* the date at system time 0, in ns since 1970; 0: it has none */
    uint32_t features;            /* KVM's, in CPUID */
    uint64_t msr[MAX_CPUS];       /* what each vCPU's MSR holds */
};

/* The `cpuid` and `wrmsr` of struct pvclock_ops; the context is the host. */
void played_host_cpuid(void *context, uint32_t leaf, struct pvclock_cpuid *out);
bool played_host_wrmsr(void *context, uint32_t msr, uint64_t value);

/* Writes a vCPU's structure, if its MSR is on. */
void played_host_write(const struct played_host *host, uint32_t index, uint8_t flags);

/*
 * Ends a pause of the guest that began at the TSC value `begin` and ends now, at `end`, while the
 * running vCPU alone runs: the host's time has stood still, its date has not, and GUEST_STOPPED is
 * set on each structure.  Returns the length of the pause in ns.
 */
uint64_t played_host_pause(struct played_host *host, uint64_t begin, uint64_t end);

/* Sets or clears the STABLE flag of a structure as its host would, whoever that is. */
void played_host_set_stable(struct pvclock_vcpu_time_info *info, bool stable);

/* ---- played.c: the one host that the kernel plays, if debug.kvmclock.scripted asks for it */

/* Attaches the driver to it, if it is wanted; nothing is registered before its time starts. */
void attach_played_host(void);
/*
 * Starts its time, if it is wanted, with debug.kvmclock.system_time at the TSC `begin`, and
 * registers vCPU 0; call once the TSC's frequency is known.
 */
void start_played_host(uint64_t begin);

#endif
