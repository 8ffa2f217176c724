/* SPDX-License-Identifier: 0BSD */
/*
 * Decides how ring 3 reads the clock, and publishes that in the time page; on vCPU 0, the one
 * writer.
 */
#ifndef KERNEL_CLOCK_TIME_PAGE_H
#define KERNEL_CLOCK_TIME_PAGE_H

#include <pvclock/pvclock.h>
#include <stdbool.h>
#include <stdint.h>
#include <timepage/time_page.h>

/* Chooses how ring 3 reads the TSC in order; call it before ring 3 runs. */
struct pvclock_tsc_choice choose_tsc_read(void);

/*
 * Publishes what differs from the page.  If only the `fast` part differs, the main sequence does
 * not change and readers of the rest do not retry.  On vCPU 0, with interrupts off, at each tick
 * and after each change.
 */
void publish_time_page(void);

/*
 * Selects the counter that a test names, applies both settings of kvmclock, and publishes the time
 * page.  NULL, false, false: as the user has them.  False if the counter is refused, ring 3 may not
 * read the page at all (kern.timecounter.fast_gettime), or readings still pass the guard of a
 * switch of counters; one that is always guarded (clock_use()) does not matter here, as ring 3 asks
 * the kernel for it.
 */
bool decide(const char *counter, bool without_rdtscp, bool unstable);
/*
 * Records the counter in use as the user's choice, and decides as the user has it.  True if it is
 * another counter than before.
 */
bool keep_choice(void);

/* Raises the number of vCPUs to `count`; the new ones are registered. */
void grow_clock(uint32_t count);
/* Demotes the TSC, because a vCPU's TSC was found to differ from vCPU 0's. */
void lose_tsc(void);
/* Stops using the TSC, because the host reports that its rate is now `hz`. */
void lose_tsc_rate(uint64_t hz);

/* The page itself; nothing else is on it. */
const struct time_page *time_page_get(void);

#endif
