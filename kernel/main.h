/* SPDX-License-Identifier: 0BSD */
/*
 * What main.c has in order, beside the parts themselves: the report of overview.c, and what is
 * tried and typed, by trials.c and late.c, or by core.c in a kernel that has neither selftests
 * nor shell.
 */
#ifndef KERNEL_MAIN_H
#define KERNEL_MAIN_H

#include "kernel/vcpus.h"
#include <stdbool.h>
#include <stdint.h>

/* overview.c */
void report_start(void);
/* How the vCPUs came that are there at the start. */
void report_bring_up(const struct vcpus_bring_up *how);
/* The vCPUs, the sources of the TSC's frequency, the timecounters, the ticks. */
void report_clock(void);

/* trials.c or core.c, in the order of the calls. */
/* Their settings, into the sysctl tree; before the command line is read. */
void trials_register(void);
/* While the firmware's tables can still be damaged, where the settings ask for that. */
void trials_before_firmware(void);
/* All vCPUs run: find out whether their TSCs agree, and start the clock by that. */
void trials_begin(void);
/* At each tick of vCPU 0. */
void trials_tick(void);
/* Try, report, and serve the shell. */
void trials_run(void);
/* A vCPU's TSC against vCPU 0's, in cycles; false: it was not measured. */
bool trials_offset(uint32_t index, int64_t *offset, uint64_t *error);

/* trials.c for late.c */
extern struct ring3_plan plan;
/* The TSCs of vCPUs [first, end) against vCPU 0's; false: apart, or not measured. */
bool measure_offsets(uint32_t first, uint32_t end);
void forget_offsets(uint32_t first, uint32_t end); /* not measured */
void print_offset(uint32_t index);                 /* and the end of the line */

/*
 * late.c: start all possible vCPUs that do not run yet, and report what came of it: a line each,
 * the events, the check "vcpus.late".  0, or 1 when the check failed.
 */
int bring_late(void);

#endif
