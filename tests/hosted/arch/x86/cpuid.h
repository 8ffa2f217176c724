/* SPDX-License-Identifier: 0BSD */
/* In place of arch/x86/cpuid.h: the CPU that a test describes. */
#ifndef ARCH_X86_CPUID_H
#define ARCH_X86_CPUID_H

#include <stdbool.h>
#include <stdint.h>

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

struct cpuid cpuid(uint32_t leaf, uint32_t subleaf);

#define CPUID_1_ECX_HYPERVISOR (1u << 31)
#define CPUID_APM_EDX_INVTSC   (1u << 8)

static inline bool cpuid_has_leaf(uint32_t leaf)
{
    uint32_t max = cpuid(leaf & 0x80000000, 0).eax;

    return max >= leaf && (max & 0x80000000) == (leaf & 0x80000000);
}

#endif
