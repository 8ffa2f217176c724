/* SPDX-License-Identifier: 0BSD */
/* The kernel's clock: the set of timecounters, the one in use, the date. */
#ifndef KERNEL_CLOCK_H
#define KERNEL_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <timecounter/timecounter.h>

/* No counters yet. */
void clock_init(void);
/* Add one; refusal is told and fails a check. */
void clock_register(struct timecounter *counter);
/* The set, for who lists counters or changes the one in use: on the boot vCPU. */
struct timecounters *clock_counters(void);
/* Use the best, or the one of this name (NULL: the best); makes the check "timecounter.choice". */
void clock_choose(const char *name);
/* Use the one of this name, without a check; readings pass no guard when this returns. */
bool clock_use(const char *name);
/* The name of the counter in use. */
const char *clock_in_use(void);
/* Change to every other counter that may be chosen and back; makes "timecounter.switch". */
void clock_try_switching(void);
/* The table of timecounters, in both forms. */
void clock_report(void);

/* ns since the first choice; UINT64_MAX while there is no clock. */
uint64_t clock_uptime(void);
/*
 * A clock by FreeBSD's number, or its resolution, as seconds and nanoseconds; false: there is no
 * such clock. Any vCPU.
 */
bool clock_get(uint64_t clock, bool resolution, int64_t value[2]);
/* What a time page is made of; false while there is no clock.  On the boot vCPU. */
bool clock_hands(struct tc_hands *hands);
/* Once a tick, on the boot vCPU. */
void clock_tick(void);

/* Set the date to `ns` since 1970, now. */
void clock_set_date(uint64_t ns);
/*
 * Compare the date, which `source` has set (NULL: nobody has), with the RTC (NULL: there is none,
 * else seconds since 1970); sets it by the RTC where nobody has.  Makes the check "clock.date".
 */
void clock_check_date(const char *source, const uint64_t *rtc_seconds);

#endif
