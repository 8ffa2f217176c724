/* SPDX-License-Identifier: 0BSD */
/* Compares the timecounter in use with each of the others, over the run. */
#ifndef KERNEL_SELFTEST_DEVIATION_H
#define KERNEL_SELFTEST_DEVIATION_H

#include <stdint.h>

/* Starts the comparisons, once a counter is chosen; the timer ticks this many times a second. */
void deviation_begin(unsigned long ticks_per_second);

/* Call once a tick: ends a comparison before its counter could wrap unseen. */
void deviation_tick(void);

/*
 * Ends the comparisons: prints a warning for each counter that certainly differs by more than
 * kern.timecounter.alloweddeviation, and makes the check "timecounter.deviation".
 */
void deviation_end(void);

/*
 * Returns how many counters were compared, and within how many ppb the rates of all of them
 * certainly are of the one in use.
 */
unsigned deviation_within(uint64_t *ppb);

/* Reports the results, as text and as records. */
void deviation_report(void);

#endif
