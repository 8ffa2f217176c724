/* SPDX-License-Identifier: 0BSD */
/* Notices what the host does while the guest runs, and reacts to it. */
#ifndef KERNEL_CLOCK_HOST_H
#define KERNEL_CLOCK_HOST_H

#include "arch/x86/cpu.h"
#include <stdbool.h>
#include <stdint.h>

/* Handles what the host has done.  On vCPU 0, at each tick and when a vCPU notices a pause. */
void see_host(void);
/* Clears GUEST_STOPPED once vCPU 0 has handled the pause.  On any other vCPU, likewise. */
void see_own(struct cpu *cpu);
/* Calls one of these two, at an inter-processor interrupt. */
void host_ipi(struct cpu *cpu);
/*
 * Called before a system call reads the clock; handles a pause that is pending, and waits for
 * vCPU 0 to do so, at most 3 s.
 */
void before_clock_call(struct cpu *cpu);
/*
 * For tests: clears the STABLE flag in the structures of vCPUs [0, vcpus), and if `back_and_forth`
 * sets and clears it every few ticks; 0 sets it in all again.  Until then no event but a pause is
 * recorded.  Writing a flag costs up to 0.1 ms, so toggle only a few.
 */
void play_unstable(uint32_t vcpus, bool back_and_forth);
/* Whether the host has given STABLE back to a vCPU's structure since then. */
bool stable_is_back(void);
/* Makes the next of these changes; at vCPU 0's tick. */
void toggle_tick(void);
/*
 * Returns the structures' time when the guest last resumed after a pause that changed the date; 0:
 * there was none, or the date has been set since.
 */
uint64_t host_resumed_at(void);
/*
 * Returns a number that changes when the host paused or restored the guest, or changed the TSC's
 * frequency, at the moment when the guest resumes: what was measured between two different numbers
 * says nothing about a counter.
 */
uint64_t host_disturbances(void);

#endif
