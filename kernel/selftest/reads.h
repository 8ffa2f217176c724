/* SPDX-License-Identifier: 0BSD */
/* Reports what reads in ring 3 cost; ring3_read() of kernel/process/jobs.h makes them. */
#ifndef KERNEL_SELFTEST_READS_H
#define KERNEL_SELFTEST_READS_H

/* Checks that ring 3 reaches exactly what it was given: "ring3.map". */
void ring3_check_map(void);

/* Reports the last measurement, a row for each vCPU, as text and as records; none: no-op. */
void ring3_report(void);

#endif
