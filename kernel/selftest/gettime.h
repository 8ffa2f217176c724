/* SPDX-License-Identifier: 0BSD */
/* Tests ring 3's clock_gettime() and the system calls behind it. */
#ifndef KERNEL_SELFTEST_GETTIME_H
#define KERNEL_SELFTEST_GETTIME_H

/*
 * Has the jobs of the ring-3 program make the checks "ring3.*" but "ring3.map", "ring3.device" and
 * those of ring3_read().  On vCPU 0, while no reader runs.
 */
void ring3_test(void);

#endif
