/* SPDX-License-Identifier: 0BSD */
/*
 * Timer interrupts on each vCPU, at a rate that leaves time for what they interrupt.
 *
 * A tick may cost more than its period: on a host that emulates ring 0, with many vCPUs, or with
 * kern.hz=10000.  A periodic timer would then have the next interrupt pending before the first one
 * returns, and ring 3 would never run another instruction.  So each tick arms the next one when it
 * ends: for the rest of the period, but no sooner than the tick itself took.
 *
 * Call tick_init() once, on the boot vCPU; then tick_start() on each vCPU, and tick_end() at the
 * end of its timer interrupt's handler.
 */
#ifndef KERNEL_CLOCK_TICK_H
#define KERNEL_CLOCK_TICK_H

#include "arch/x86/cpu.h"
#include <stdint.h>

/* Returns the timer interrupts a second on each vCPU, once the firmware's tables are read. */
uint64_t tick_rate(void);

/*
 * `counts_per_s`: the rate of the local APICs' timers.  Measures the cost of an empty timer
 * interrupt.
 */
void tick_init(uint64_t counts_per_s);

/* Returns a local APIC timer's count for `hz` interrupts a second; 0: it cannot be so fast. */
uint32_t tick_count(uint64_t hz);

/* Timer counts per tick while ring 3 runs; 0: no ticks. */
extern uint32_t tick_period;

/* Start an interrupt every `count` of the running vCPU's timer, and stop it. */
void tick_start(struct cpu *cpu, uint32_t count);
void tick_stop(struct cpu *cpu);

/* Arms the next timer interrupt, at the end of a handler that began at the TSC `began`. */
void tick_end(struct cpu *cpu, uint64_t began);

/* Returns the number of the boot vCPU's timer interrupts so far. */
uint64_t tick_total(void);
/* Reports the boot vCPU's ticks, as text and as a record. */
void tick_report(void);

#endif
