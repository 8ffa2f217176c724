/* SPDX-License-Identifier: 0BSD */
/* Attacks the kernel from ring 3, on all vCPUs at once: random system calls and instructions. */
#ifndef KERNEL_SELFTEST_ATTACK_H
#define KERNEL_SELFTEST_ATTACK_H

#include <stdbool.h>
#include <stdint.h>

/* What jobs that make random system calls may use up: compare before and after. */
struct attack_used {
    uint64_t frames, pages;
};

/* Closes and unmaps all but the first `keep` mappings, then counts. */
struct attack_used attack_used(unsigned keep);
bool attack_leaked(const struct attack_used *before, unsigned keep);

/* Attacks for debug.attack.seconds from debug.fuzz.seed, and makes the check "ring3.attack". */
void attack_run(void);

#endif
