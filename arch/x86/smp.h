/* SPDX-License-Identifier: 0BSD */
/*
 * Starts the other vCPUs, all together, at boot or later; they then sleep until ipi.h's calls.
 *
 * Kernel code runs with interrupts off; they are on in ring 3 and while a vCPU sleeps.  So a
 * function called here is never interrupted, and ring-3 code that it enters always can be.
 */
#ifndef ARCH_X86_SMP_H
#define ARCH_X86_SMP_H

#include "arch/x86/cpu.h"
#include <stdbool.h>
#include <stdint.h>

/*
 * Makes the structure and the stacks of vCPU `index` (0 is the running one) with this local APIC
 * identity.  NULL: no memory, or an identity that cannot be looked up.  Call it before
 * smp_start(), in the order of `index`.
 */
struct cpu *smp_prepare(uint32_t index, uint32_t apic_id);

/*
 * Starts the prepared vCPUs [first, count), all at once: sends INIT to each, start-up to each,
 * then waits until all have come up, or none has for `patience` TSC cycles.  Those below `first`
 * are online and are left alone.
 *
 * vCPUs that came up are online from then on and have the lowest numbers, in the order of
 * preparation; those that did not have the numbers after them, and may be started again.  Returns
 * how many are online.
 */
uint32_t smp_start(uint32_t first, uint32_t count, uint64_t patience);

#endif
