/* SPDX-License-Identifier: 0BSD */
/* In place of arch/x86/cpuid.h: the CPU that a test describes. */
#ifndef ARCH_X86_CPUID_H
#define ARCH_X86_CPUID_H

#include <stdint.h>

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

struct cpuid cpuid(uint32_t leaf, uint32_t subleaf);

#define CPUID_1_ECX_HYPERVISOR (1u << 31)

#endif
