/* SPDX-License-Identifier: 0BSD */
/*
 * What main.c has in order: overview.c, which tells and tries, and late.c, which brings vCPUs that
 * come when all else runs.
 */
#ifndef KERNEL_MAIN_H
#define KERNEL_MAIN_H

#include "kernel/selftest/reads.h"
#include "kernel/vcpus.h"
#include <stdbool.h>
#include <stdint.h>

/* overview.c: the report, the tests of ring 3, the shell. */
extern struct ring3_plan plan;
void make_plan(void);
void report_start(void);
/* How the vCPUs came that are there at the start. */
void report_bring_up(const struct vcpus_bring_up *how);
void report(void);
/*
 * The TSCs of vCPUs [first, end) against vCPU 0's, for the report; false: apart, or not measured.
 */
bool measure_offsets(uint32_t first, uint32_t end);
void forget_offsets(uint32_t first, uint32_t end); /* not measured */
void print_offset(uint32_t index);                 /* and the end of the line */
void attach_ring3(void);
void test_ring3(void);
void run_shell(void);

/* late.c: */
/*
 * Start all possible vCPUs that do not run yet, and report what came of it: a line each, the
 * events, the check "vcpus.late".  0, or 1 when the check failed.
 */
int bring_late(void);

#endif
