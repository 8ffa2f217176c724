/* SPDX-License-Identifier: 0BSD */
/*
 * What decides how ring 3 tells the time, and the time page that says so; on vCPU 0, the one
 * writer.
 */
#ifndef KERNEL_CLOCK_TIME_PAGE_H
#define KERNEL_CLOCK_TIME_PAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <timepage/time_page.h>

/* Physical address of the page. */
uint64_t time_page_physical(void);

/*
 * On vCPU 0, with interrupts off, at each tick and after each change: publish what differs from
 * what the page says.  Nothing is written, and no reader disturbed, when nothing does.
 */
void publish_time_page(void);

/*
 * Choose the counter by name and both settings of kvmclock, and publish the time page; NULL, false,
 * false: as the user has them.  False while readings pass the guard of a change of counters.
 */
bool decide(const char *counter, bool without_rdtscp, bool unstable);
/* Records the counter in use as the user's choice. */
void keep_choice(void);

/*
 * There are `count` vCPUs from now on, the new ones registered.  False where the structures have
 * ceased to give one time.
 */
bool grow_clock(uint32_t count);
/* A TSC was found to be apart from vCPU 0's. */
void lose_tsc(void);
/* The host says that the TSC has another rate. */
void lose_tsc_rate(uint64_t hz);

/* The page itself, for the kernel's own reports. */
const struct time_page *time_page_get(void);

#endif
