/* SPDX-License-Identifier: 0BSD */
/* Ring-3 threads moved between vCPUs: at each tick a vCPU swaps its thread for the one that waited
 * longest. */
#ifndef KERNEL_PROCESS_THREADS_H
#define KERNEL_PROCESS_THREADS_H

#include "arch/x86/cpu.h"
#include "arch/x86/trap.h"
#include <stdbool.h>
#include <stdint.h>

/* Begin with one thread that waits, number `thread`, with these registers. */
void threads_move_begin(uint32_t thread, const struct trap_frame *frame);
/* How often a thread went on on another vCPU than before; moving has ended by itself. */
uint64_t threads_move_count(void);

/* At a tick that came from ring 3: perhaps another thread's registers. */
void threads_tick(struct cpu *cpu, struct trap_frame *frame);
/* The thread on this vCPU has ended: go on with another one, or return where there is none. */
void threads_ended(struct cpu *cpu);

#endif
