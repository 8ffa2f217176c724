/* SPDX-License-Identifier: 0BSD */
/* The clock's sysctl nodes: kern.timecounter.*, kern.boottime, kern.clockrate, kern.hz. */
#ifndef KERNEL_CLOCK_SYSCTL_H
#define KERNEL_CLOCK_SYSCTL_H

#include <stdbool.h>

/* Call before the command line is read. */
void sysctl_clock_register(void);

/* Adds kern.timecounter.tc.NAME.* for each counter registered so far. */
void sysctl_clock_counters(void);

#endif
