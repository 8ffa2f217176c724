/* SPDX-License-Identifier: 0BSD */
/* Suspends and resumes the driver while all vCPUs run, and tears it down. */
#ifndef KERNEL_CLOCK_SUSPEND_H
#define KERNEL_CLOCK_SUSPEND_H

/* Shell commands; each returns its status. */
int suspend_clock(void);
int resume_clock(void);
/* Stops the driver for good; makes the check "kvmclock.teardown". */
void tear_down(void);

#endif
