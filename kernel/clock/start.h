/* SPDX-License-Identifier: 0BSD */
/*
 * Clock bring-up, in calling order: from the host's page to the driver, the TSC's frequency and the
 * timecounters.
 */
#ifndef KERNEL_CLOCK_START_H
#define KERNEL_CLOCK_START_H

#include "arch/x86/cpu.h"
#include <stdbool.h>
#include <stdint.h>

/*
 * Whether KVM runs this guest, and so its code at the CPU's speed; also where the kernel plays the
 * host.  After attach_kvmclock().
 */
bool runs_on_kvm(void);
/* Finds kvmclock. kvmclock_enable() then registers each vCPU, number 0 first. */
void attach_kvmclock(void);
/*
 * Ends the TSC's calibration and starts the ticks, once vCPU 0 is registered.  `begin`: the TSC
 * when the local APIC's timer began to run freely.
 */
void end_calibration(uint64_t begin);
/* Registers all counters and chooses one; `synchronised`: the vCPUs' TSCs agree. */
void start_clock(bool synchronised);

#endif
