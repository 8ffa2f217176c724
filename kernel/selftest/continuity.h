/* SPDX-License-Identifier: 0BSD */
/* Tests that uptime goes on when another timecounter takes over. */
#ifndef KERNEL_SELFTEST_CONTINUITY_H
#define KERNEL_SELFTEST_CONTINUITY_H

/*
 * Switches from each counter that keeps time to each other one, once, and ends with the one in use
 * before.  Measures what each switch did to uptime against the reference (clock.h).  Makes the
 * check "timecounter.switch".  On the boot vCPU.
 */
void continuity_measure(void);

/* Reports the results, as text and as records. */
void continuity_report(void);

#endif
