/* SPDX-License-Identifier: 0BSD */
/* In place of arch/x86/tsc.h: the TSC that the reader under test sees too. */
#ifndef ARCH_X86_TSC_H
#define ARCH_X86_TSC_H

#include <stdint.h>

uint64_t rdtsc_ordered(void);

#endif
