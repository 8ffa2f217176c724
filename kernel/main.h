/* SPDX-License-Identifier: 0BSD */
/*
 * The steps that main.c calls besides the subsystems themselves: the report (overview.c and
 * verdict.c), and the tests and the shell (trials.c and late.c), which core.c replaces in a kernel
 * without selftests and shell.
 */
#ifndef KERNEL_MAIN_H
#define KERNEL_MAIN_H

#include "kernel/vcpus.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* overview.c */
void report_start(void);
/* How the vCPUs that are present at boot came up; NULL: as the last call had it. */
void report_bring_up(const struct vcpus_bring_up *how);
/* The vCPUs, the sources of the TSC's frequency, the timecounters, the ticks. */
void report_clock(void);
/* Describes a vCPU's TSC offset to vCPU 0's, in ns, and its error. */
void describe_offset(uint32_t index, char *to, size_t size);

/* verdict.c: ends the report with the verdict on the clock; returns whether no check failed. */
bool verdict_end(void);

/* trials.c or core.c, in calling order. */
/* Call at each tick of vCPU 0. */
void trials_tick(void);
/* Runs the tests, prints the report, and serves the shell. */
void trials_run(void);

/*
 * late.c: starts all possible vCPUs that do not run yet, and reports the result: a line each, the
 * events, the check "vcpus.late".  Returns 0, or 1 if a check failed or the driver is suspended.
 */
int bring_late(void);

#endif
