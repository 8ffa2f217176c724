/* SPDX-License-Identifier: 0BSD */
/* From the firmware's list to vCPUs that run: at the start, and later. */
#ifndef KERNEL_VCPUS_H
#define KERNEL_VCPUS_H

#include "arch/x86/acpi.h"
#include "arch/x86/cpu.h"
#include <stdint.h>

/*
 * Put the running vCPU first in the list, for it is number 0; add what debug.smp.missing asks for;
 * and count what debug.smp.late holds back as possible, not as there.  The local APIC must be on.
 */
void vcpus_order(struct firmware_facts *facts);

/* How vCPUs came: those of numbers [first, end), in us of the TSC at `tsc_hz`. */
struct vcpus_bring_up {
    uint32_t first, end;
    uint32_t asked;         /* started, whether they came or not */
    uint64_t began;         /* the TSC before the first INIT */
    uint64_t prepare_us;    /* their structures and stacks, one after another */
    uint64_t start_us;      /* from the first INIT until the last had come; all at once */
    uint64_t first_came_us; /* of it, until the first had come */
    uint64_t register_us;   /* their clock pages, on themselves; all at once */
};

/*
 * Start all that are there but the running one, at once; `enable` then runs on each that came.
 * Makes the check "vcpus.online", and the record "bring_up".
 */
void vcpus_start(const struct firmware_facts *facts, uint64_t tsc_hz,
                 void (*enable)(struct cpu *cpu, void *arg), struct vcpus_bring_up *how);

/*
 * Start all that the list has and that do not run yet, likewise; the others go on with what they
 * do.  Who is not there is not waited for longer than LATE_PATIENCE_MS.  Makes no check.
 */
enum { LATE_PATIENCE_MS = 1000 };
void vcpus_start_late(const struct firmware_facts *facts, uint64_t tsc_hz,
                      void (*enable)(struct cpu *cpu, void *arg), struct vcpus_bring_up *how);

/* On each vCPU as it starts: its number for ring 3, and its structure of kvmclock. */
void vcpu_enable(struct cpu *cpu, void *arg);

#endif
