/* SPDX-License-Identifier: 0BSD */
/*
 * Ring-3 readers that run all the time, one on each vCPU, while the host does what it does: no time
 * may step back, none may be missing, and none may give the date of before a pause.
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

/* Start on vCPUs 0 to plan->cpus - 1.  False: they run already. */
bool readers_start(const struct ring3_plan *plan);
/* One more vCPU has come; the next number.  Nothing if they do not run. */
void readers_add(uint32_t index);
/*
 * Stop them, and make the checks "readers.threads", "readers.values", "readers.order" and
 * "readers.date"; nothing if they do not run.  `resumed_at`: what the host's structures said when
 * the guest last went on after a pause that changed the date; 0: there was none.
 */
void readers_stop(uint64_t resumed_at);
bool readers_run(void);

/*
 * Nothing to do: run vCPU 0's reader, or sleep, until there is input, or `briefly`, until a tick.
 */
void readers_idle(bool briefly);
/* At vCPU 0's tick. */
void readers_tick(void);

/* One line for people. */
void readers_print(void);

#endif
