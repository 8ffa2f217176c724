/* SPDX-License-Identifier: 0BSD */
/*
 * The clock's way at the start, in this order: the host's page to the driver, the TSC's frequency, the
 * timecounters, the date; and what decides, then and later, how ring 3 tells the time.
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

/*
 * There are `count` vCPUs from now on, the new ones registered.  False where the structures have
 * ceased to give one time.
 */
bool grow_clock(uint32_t count);
/* A TSC was found to be apart from vCPU 0's. */
void lose_tsc(void);
/* The host says that the TSC has another rate. */
void lose_tsc_rate(uint64_t hz);

/* On vCPU 0, with interrupts off: at each tick and after each change. */
void publish_time_page(void);
/*
 * Choose the counter by name and both settings of kvmclock, and publish the time page; NULL, false,
 * false: as the user has them.  False while readings pass the guard of a change of counters.
 */
bool decide(const char *counter, bool without_rdtscp, bool unstable);
/* Records the counter in use as the user's choice. */
void keep_choice(void);

/*
 * The STABLE flag, for tests: of all structures, now; or of those of vCPUs [0, vcpus), to and fro at
 * every few ticks, until 0 gives it back to all.  A flag costs up to 0.1 ms, so few are toggled.
 */
void set_stable(bool stable);
void toggle_stable(uint32_t vcpus);
/* At vCPU 0's tick: the next of those changes. */
void toggle_tick(void);

#endif
