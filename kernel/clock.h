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
/* Use the best, or the one of this name (NULL: the best); makes the check "timecounter.choice". */
void clock_choose(const char *name);
/* Change to every other counter that may be chosen and back; makes "timecounter.switch". */
void clock_try_switching(void);
/* The table of timecounters, in both forms. */
void clock_report(void);

/* ns since the first choice; UINT64_MAX while there is no clock. */
uint64_t clock_uptime(void);
/* Once a tick, on the boot vCPU. */
void clock_tick(void);

/*
 * Set the date: the origin `epoch_ns` (since 1970) was when the counter named `counter` stood at 0 ns.
 * False when that counter is not in use.
 */
bool clock_set_from_epoch(const char *counter, uint64_t epoch_ns);
/* Set the date to whole seconds, now. */
void clock_set_seconds(uint64_t seconds);
/* The date in ns since 1970; 0 when nobody has set it. */
uint64_t clock_date(void);

/* "2026-11-22 18:15:01" from seconds since 1970; `to` has at least 20 bytes. */
void format_date(char *to, uint64_t seconds);

#endif
