/* SPDX-License-Identifier: 0BSD */
/* The timecounter in use against each of the others, over the run. */
#ifndef KERNEL_SELFTEST_DEVIATION_H
#define KERNEL_SELFTEST_DEVIATION_H

/* Begin to compare, once a counter has been chosen, with a timer that ticks so often a second. */
void deviation_begin(unsigned long ticks_per_second);

/* Once a tick: a comparison ends before its counter could wrap unseen. */
void deviation_tick(void);

/*
 * End: one line of warning for each counter that differs by more than
 * kern.timecounter.alloweddeviation, for certain; makes the check "timecounter.deviation".
 */
void deviation_end(void);

/* What came of it, in both forms of the report. */
void deviation_report(void);

#endif
