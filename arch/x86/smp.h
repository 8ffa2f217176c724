/* SPDX-License-Identifier: 0BSD */
/*
 * The other vCPUs: all started together, now or later, then asleep until ipi.h's calls.
 *
 * Kernel code runs with interrupts off; they are on in ring 3 and while a vCPU sleeps.  So a
 * function that is called here is never interrupted, and ring-3 code that it enters always is.
 */
#ifndef ARCH_X86_SMP_H
#define ARCH_X86_SMP_H

#include "arch/x86/cpu.h"
#include <stdbool.h>
#include <stdint.h>

/*
 * Make the structure and the stacks of vCPU `index` (0 is the running one) with this local APIC
 * identity.  NULL: no memory, or an identity that cannot be looked up.  Call before smp_start(), in
 * the order of `index`.
 */
struct cpu *smp_prepare(uint32_t index, uint32_t apic_id);

/*
 * Start the prepared vCPUs [first, count), all at once: INIT to each, start-up to each, then wait
 * until all have come, or none came for `patience` TSC cycles.  Those below `first` are online and
 * are left alone.
 *
 * Who came is online from then on and has the lowest numbers, in the order of preparation; who did
 * not has the numbers behind them, and may be started again.  Returns how many are online.
 */
uint32_t smp_start(uint32_t first, uint32_t count, uint64_t patience);

#endif
