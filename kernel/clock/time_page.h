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

/* Physical address of the page. */
uint64_t time_page_physical(void);

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
 * page.  NULL, false, false: as the user has them.  False if the counter is refused, or while
 * readings pass the guard of a switch of counters; one that is always guarded (clock_use()) does
 * not matter here, as ring 3 asks the kernel for it.
 */
bool decide(const char *counter, bool without_rdtscp, bool unstable);
/* Records the counter in use as the user's choice. */
void keep_choice(void);
const struct timecounter *user_choice(void);

/*
 * Raises the number of vCPUs to `count`; the new ones are registered.  False if the structures no
 * longer give one time.
 */
bool grow_clock(uint32_t count);
/* Demotes the TSC, because a vCPU's TSC was found to differ from vCPU 0's. */
void lose_tsc(void);
/* Stops using the TSC, because the host reports that its rate is now `hz`. */
void lose_tsc_rate(uint64_t hz);

/* The setting kern.timecounter.fast_gettime: whether ring 3 may read the page at all. */
bool fast_gettime_allowed(void);

/* The page itself, for the kernel's own reports. */
const struct time_page *time_page_get(void);

#endif
