/* SPDX-License-Identifier: 0BSD */
/* In place of arch/x86/cpu.h: the vCPU that a test lets run. */
#ifndef ARCH_X86_CPU_H
#define ARCH_X86_CPU_H

#include <stdint.h>

struct cpu {
    uint32_t index;
};

struct cpu *this_cpu(void);

extern uint32_t cpu_count;

#endif
