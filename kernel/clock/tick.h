/* SPDX-License-Identifier: 0BSD */
/*
 * Timer interrupts on each vCPU, at a rate that leaves time for what they interrupt.
 *
 * A tick may cost more than its period: on a host that emulates ring 0, with many vCPUs, or where
 * somebody asks for kern.hz=10000. A periodic timer would then have the next interrupt pending
 * before the first one returns, and ring 3 would never run another instruction. So each tick arms
 * the next one when it ends: for the rest of the period, or, where that is too little, for as long
 * as the tick itself took.
 *
 * Call tick_init() once, on the boot vCPU; then tick_start() on each vCPU, and tick_end() at the
 * end of its timer interrupt's handler.
 */
#ifndef KERNEL_CLOCK_TICK_H
#define KERNEL_CLOCK_TICK_H

#include "arch/x86/cpu.h"
#include <stdint.h>

/*
 * `counts_per_s`: the rate of the local APICs' timers; `tsc_hz`: that of the TSC. Measures what a
 * timer interrupt costs in which nothing is done.
 */
void tick_init(uint64_t counts_per_s, uint64_t tsc_hz);

/* `count` of a local APIC's timer for `hz` interrupts a second; 0: it cannot be so fast. */
uint32_t tick_count(uint64_t hz);

/* The count of a tick while ring 3 runs; 0: no ticks. */
extern uint32_t tick_period;

/* On the running vCPU: an interrupt each `count` of its timer from now on; and none any more. */
void tick_start(struct cpu *cpu, uint32_t count);
void tick_stop(struct cpu *cpu);

/* The end of a timer interrupt whose handler began at the TSC `began`: arm the next one. */
void tick_end(struct cpu *cpu, uint64_t began);

/* The boot vCPU's timer interrupts so far. */
uint64_t tick_total(void);
/* The boot vCPU's ticks, in both forms of the report. `hz`: what was asked for. */
void tick_report(uint64_t hz);

#endif
