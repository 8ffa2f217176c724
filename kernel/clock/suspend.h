/* SPDX-License-Identifier: 0BSD */
/* Suspends and resumes the driver while all vCPUs run, selects the pair of MSRs, and tears down. */
#ifndef KERNEL_CLOCK_SUSPEND_H
#define KERNEL_CLOCK_SUSPEND_H

#include <stdbool.h>

/* Shell commands; each returns its status. */
int suspend_clock(void);
int resume_clock(void);
/* Whether debug.kvmclock.msr_pair asks for the old pair. */
bool old_msr_pair_wanted(void);
/* Stops the driver for good; makes the check "kvmclock.teardown". */
void tear_down(void);

#endif
