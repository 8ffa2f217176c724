/* SPDX-License-Identifier: 0BSD */
/* The clock in the sysctl tree: kern.timecounter.*, kern.boottime, kern.hz. */
#ifndef KERNEL_CLOCK_SYSCTL_H
#define KERNEL_CLOCK_SYSCTL_H

#include <stdbool.h>

/* Before the command line is read. */
void sysctl_clock_register(void);

/* Hang kern.timecounter.tc.NAME.* into the tree for each counter that is registered by now. */
void sysctl_clock_counters(void);

#endif
