/* SPDX-License-Identifier: 0BSD */
/*
 * Moves ring-3 threads between vCPUs: at each tick a vCPU swaps its thread for the one that waits.
 */
#ifndef KERNEL_PROCESS_THREADS_H
#define KERNEL_PROCESS_THREADS_H

#include "arch/x86/cpu.h"
#include "arch/x86/trap.h"
#include <stdbool.h>
#include <stdint.h>

/* Begins with one waiting thread, number `thread`, with these registers. */
void threads_move_begin(uint32_t thread, const struct trap_frame *frame);

/* Swaps in the waiting thread's registers, if one waits; at a tick that came from ring 3. */
void threads_tick(struct cpu *cpu, struct trap_frame *frame);
/* Resumes the waiting thread after the one on this vCPU has ended; returns if none waits. */
void threads_ended(struct cpu *cpu);

#endif
