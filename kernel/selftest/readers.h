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

#include "arch/x86/trap.h"
#include "kernel/selftest/reads.h"
#include <stdbool.h>
#include <stdint.h>

/* Starts them on vCPUs 0 to plan->cpus - 1.  False: they run already. */
bool readers_start(const struct ring3_plan *plan);
/*
 * Adds a reader on a vCPU that came late; `index` must be the next number.  No-op if they do not
 * run.
 */
void readers_add(uint32_t index);
/*
 * Stops them and makes the checks "readers.threads", "readers.values", "readers.order" and
 * "readers.date"; no-op if they do not run.  `resumed_at`: the structures' time when the guest
 * last resumed after a pause that changed the date; 0: there was none.
 */
void readers_stop(uint64_t resumed_at);
bool readers_run(void);

/* Runs vCPU 0's reader, or sleeps, until there is input or, if `briefly`, until a tick. */
void readers_idle(bool briefly);
/* Call at vCPU 0's tick. */
void readers_tick(void);

/* Prints their totals, in one line. */
void readers_print(void);

#endif
