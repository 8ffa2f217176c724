/* SPDX-License-Identifier: 0BSD */
/* What the host does while the guest runs, and what the kernel does about it. */
#ifndef KERNEL_CLOCK_HOST_H
#define KERNEL_CLOCK_HOST_H

#include "arch/x86/cpu.h"
#include <stdbool.h>
#include <stdint.h>

/* On vCPU 0, at each tick and when a vCPU has seen that the guest was paused. */
void see_host(void);
/* On any other vCPU, likewise. */
void see_own(struct cpu *cpu);
/* At an inter-processor interrupt. */
void host_ipi(struct cpu *cpu);
/*
 * Called before a system call reads the clock; handles a pause that is pending, and waits for
 * vCPU 0 to do so, at most 3 s.
 */
void before_clock_call(struct cpu *cpu);
/* Between host_events_quiet(true) and (false) tests play the host, and nothing is an event. */
void host_events_quiet(bool on);
/*
 * The STABLE flag, for tests: of all structures, now; or of those of vCPUs [0, vcpus), to and fro
 * at every few ticks, until 0 gives it back to all.  A flag costs up to 0.1 ms, so few are
 * toggled.
 */
void set_stable(bool stable);
void toggle_stable(uint32_t vcpus);
/* At vCPU 0's tick: the next of those changes. */
void toggle_tick(void);
/* What the structures said when the guest last went on after a pause that changed the date; 0. */
uint64_t host_resumed_at(void);

#endif
