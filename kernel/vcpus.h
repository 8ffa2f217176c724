/* SPDX-License-Identifier: 0BSD */
/* From the firmware's list to vCPUs that run. */
#ifndef KERNEL_VCPUS_H
#define KERNEL_VCPUS_H

#include "arch/x86/acpi.h"
#include "arch/x86/cpu.h"
#include <stdint.h>

/*
 * Put the running vCPU first in the list, for it is number 0, and add what debug.smp.missing asks
 * for.  The local APIC must be on.
 */
void vcpus_order(struct firmware_facts *facts);

/*
 * Start all but the running one, at once; `on_start` runs on each.  Makes the check "vcpus.online".
 * Returns how many, from number 0 on without a gap, are online.
 */
uint32_t vcpus_start(const struct firmware_facts *facts, uint64_t tsc_hz,
                     void (*on_start)(struct cpu *cpu));

#endif
