/* SPDX-License-Identifier: 0BSD */
/* Starts the vCPUs on the firmware's list, at boot and late. */
#ifndef KERNEL_VCPUS_H
#define KERNEL_VCPUS_H

#include "arch/x86/acpi.h"
#include "arch/x86/cpu.h"
#include <stdint.h>

/*
 * Moves the running vCPU to the front of the list, as it is number 0; adds the vCPU that
 * debug.smp.missing asks for; and counts those that debug.smp.late holds back as possible but not
 * present.  The local APIC must be on.
 */
void vcpus_order(struct firmware_facts *facts);

/* How vCPUs [first, end) came up; durations in us, by the TSC at `tsc_hz`. */
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
 * Starts all present vCPUs but the running one, at once; vcpu_enable() then runs on each that came
 * up.  Fills *how and makes the check "vcpus.online".
 */
void vcpus_start(const struct firmware_facts *facts, uint64_t tsc_hz, struct vcpus_bring_up *how);

/*
 * Likewise starts all listed vCPUs that do not run yet, while the others carry on.  Stops waiting
 * LATE_PATIENCE_MS after the last arrival.  Makes no check.
 */
enum { LATE_PATIENCE_MS = 1000 };
void vcpus_start_late(const struct firmware_facts *facts, uint64_t tsc_hz,
                      struct vcpus_bring_up *how);

/*
 * Runs on each vCPU as it starts: sets its number for ring 3 and registers its kvmclock structure.
 */
void vcpu_enable(struct cpu *cpu, void *arg);

#endif
