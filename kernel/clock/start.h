/* SPDX-License-Identifier: 0BSD */
/*
 * The clock's way at the start, in this order: the host's page to the driver, the TSC's
 * frequency, the timecounters, the date.
 */
#ifndef KERNEL_CLOCK_START_H
#define KERNEL_CLOCK_START_H

#include "arch/x86/cpu.h"
#include <stdbool.h>
#include <stdint.h>

/* Find kvmclock.  Each vCPU is then registered by kvmclock_enable(), number 0 first. */
void attach_kvmclock(void);
/*
 * vCPU 0 is registered: end the TSC's measurement, and begin the ticks.  `begin`: the TSC when the
 * local APIC's timer began to run freely.
 */
void end_calibration(uint64_t begin);
/* Offer all counters and choose; `synchronised`: the vCPUs' TSCs agree. */
void start_clock(bool synchronised);
void set_date(void);

#endif
