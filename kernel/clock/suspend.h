/* SPDX-License-Identifier: 0BSD */
/* The driver stopped and started while all vCPUs run; the pair of MSRs; the end. */
#ifndef KERNEL_CLOCK_SUSPEND_H
#define KERNEL_CLOCK_SUSPEND_H

#include <stdbool.h>

/* Commands of the shell; each returns its status. */
int suspend_clock(void);
int resume_clock(void);
/* Whether debug.kvmclock.msr_pair asks for the old one. */
bool old_msr_pair_wanted(void);
/* Its settings, into the sysctl tree; before the command line is read. */
void suspend_register(void);
/* For good, with the check "kvmclock.teardown". */
void tear_down(void);

#endif
