/* SPDX-License-Identifier: 0BSD */
/* arch/x86/cpu.h, but the vCPU that runs is the one that a test says. */
#ifndef HOSTED_ARCH_X86_CPU_H
#define HOSTED_ARCH_X86_CPU_H

#define this_cpu this_cpu_by_gs
#include "../../../../arch/x86/cpu.h"
#undef this_cpu

struct cpu *this_cpu(void);

#endif
