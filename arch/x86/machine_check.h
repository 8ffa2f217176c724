/* SPDX-License-Identifier: 0BSD */
/* The registers in which the CPU describes a machine check [Intel SDM vol. 3B, chapter 15]. */
#ifndef ARCH_X86_MACHINE_CHECK_H
#define ARCH_X86_MACHINE_CHECK_H

#include <stdbool.h>
#include <stdint.h>

struct machine_check {
    uint64_t status, address, misc; /* 0 where `status` does not say that they are valid */
};

/* Has every bank of the running vCPU report, and forgets what it reported before. */
void machine_check_start_banks(void);

/* Number of the running vCPU's banks. */
unsigned machine_check_banks(void);
/* Reads a bank; false: it reports nothing. */
bool machine_check_read(unsigned bank, struct machine_check *mc);
/* What the running vCPU says of the check itself: whether the interrupted program can go on. */
uint64_t machine_check_global_status(void);

#endif
