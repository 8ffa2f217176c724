/* SPDX-License-Identifier: 0BSD */
/*
 * Ring-3 readers that run all the time, one on each vCPU, whatever the host does: no time may step
 * back, none may be missing, and none may give a date from before a pause.
 *
 * All functions are for the boot vCPU, whose own reader runs while the kernel has nothing else to
 * do.
 */
#ifndef KERNEL_SELFTEST_READERS_H
#define KERNEL_SELFTEST_READERS_H

#include <stdbool.h>
#include <stdint.h>

/* Starts them on all vCPUs, and returns how many; 0: they run already. */
unsigned readers_start(void);
/*
 * Adds a reader on a vCPU that came late; `index` must be the next number.  No-op if they do not
 * run.
 */
void readers_add(uint32_t index);
/*
 * Stops them, prints their totals and makes the checks "readers.threads", "readers.values",
 * "readers.order" and "readers.date"; no-op if they do not run.
 */
void readers_stop(void);
bool readers_run(void);

/* Runs vCPU 0's reader, or sleeps, until there is input or, if `briefly`, until a tick. */
void readers_idle(bool briefly);
/* Admits ticks, which commands in quick succession, as from a pipe, would keep out. */
void readers_let_tick(void);
/* Call at vCPU 0's tick. */
void readers_tick(void);

/* Prints their totals, in one line. */
void readers_print(void);

#endif
