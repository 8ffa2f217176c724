/* SPDX-License-Identifier: 0BSD */
/*
 * Each vCPU's word: its number in 32 bits, and how many threads it was given in the 32 above.  The
 * vCPU's GS base in ring 3 points at it, so that a thread can find out with one load where it runs,
 * and with another one whether it has left since, without RDTSCP: PVCLOCK_VCPU_WORD() of
 * lib/pvclock/port.h.
 */
#ifndef KERNEL_PROCESS_WORDS_H
#define KERNEL_PROCESS_WORDS_H

#include "arch/x86/cpu.h"

/* Makes the words, on a page of their own that ring 3 may read; 0: there is no memory. */
uint64_t words_create(void);

/* Returns the ring-3 address of a vCPU's word, with the page at USER_VCPU_BASE. */
uint64_t words_address(uint32_t index);

/* Call on a vCPU that is given a thread, before that runs. */
void words_dispatched(const struct cpu *cpu);

#endif
