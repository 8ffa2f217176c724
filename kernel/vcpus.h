/* SPDX-License-Identifier: 0BSD */
/* Starts the vCPUs on the firmware's list, at boot and late. */
#ifndef KERNEL_VCPUS_H
#define KERNEL_VCPUS_H

#include "arch/x86/cpu.h"
#include <stdint.h>

/*
 * Moves the running vCPU to the front of the firmware's list, as it is number 0; adds the vCPU that
 * debug.smp.missing asks for; and counts those that debug.smp.late holds back as possible but not
 * present.  The local APIC must be on.
 */
void vcpus_order(void);

/* How vCPUs [first, end) came up; durations in us. */
struct vcpus_bring_up {
    uint32_t first, end;
    uint32_t asked;         /* number of vCPUs started, whether they came up or not */
    uint64_t began;         /* the TSC before the first INIT */
    uint64_t prepare_us;    /* to make their structures and stacks, one vCPU after another */
    uint64_t start_us;      /* from the first INIT to the last arrival; all at once */
    uint64_t first_came_us; /* part of start_us, up to the first arrival */
    uint64_t register_us;   /* to register their clock pages, each on its own vCPU; all at once */
};

/*
 * Starts the vCPUs up to number `count` of the list that do not run yet, at once, while the others
 * carry on; vcpu_enable() then runs on each that came up.  Stops waiting `patience_ms` after the
 * last arrival.
 */
void vcpus_start(uint32_t count, uint32_t patience_ms, struct vcpus_bring_up *how);

/* Likewise starts all that are present at boot, and makes the check "vcpus.online". */
void vcpus_start_present(struct vcpus_bring_up *how);

/*
 * Runs on each vCPU as it starts: sets its number for ring 3 and registers its kvmclock structure.
 */
void vcpu_enable(struct cpu *cpu, void *arg);

#endif
