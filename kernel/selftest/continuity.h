/* SPDX-License-Identifier: 0BSD */
/* Whether uptime goes on when another timecounter takes over. */
#ifndef KERNEL_SELFTEST_CONTINUITY_H
#define KERNEL_SELFTEST_CONTINUITY_H

/*
 * Go from each counter that keeps time to each other one, once, and end with the one in use before.
 * What each change did to uptime is measured against the reference (clock.h).  Makes the check
 * "timecounter.switch".  On the boot vCPU.
 */
void continuity_measure(void);

/* What came of it, in both forms of the report. */
void continuity_report(void);

#endif
