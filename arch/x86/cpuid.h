/* SPDX-License-Identifier: 0BSD */
/* CPUID, and the feature bits that this kernel checks [1: Intel SDM vol. 2A, CPUID]. */
#ifndef ARCH_X86_CPUID_H
#define ARCH_X86_CPUID_H

#include <stdbool.h>
#include <stdint.h>

struct cpuid {
    uint32_t eax, ebx, ecx, edx;
};

static inline struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r;
    __asm__ volatile("cpuid"
                     : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
                     : "a"(leaf), "c"(subleaf));
    return r;
}

#define CPUID_1_ECX_X2APIC     (1u << 21)
#define CPUID_1_ECX_HYPERVISOR (1u << 31)
#define CPUID_1_EDX_MCE        (1u << 7)
#define CPUID_1_EDX_APIC       (1u << 9)
#define CPUID_1_EDX_MCA        (1u << 14)
#define CPUID_7_EBX_SMEP       (1u << 7)
#define CPUID_7_EBX_SMAP       (1u << 20)
#define CPUID_7_ECX_UMIP       (1u << 2)
#define CPUID_EXT_EDX_NX       (1u << 20)
#define CPUID_EXT_EDX_RDTSCP   (1u << 27)
#define CPUID_APM_EDX_INVTSC   (1u << 8)
#define CPUID_7_ECX_RDPID      (1u << 22)

/* Whether `leaf` is within its range's maximum (standard, or 0x80000000 extended). */
static inline bool cpuid_has_leaf(uint32_t leaf)
{
    uint32_t max = cpuid(leaf & 0x80000000, 0).eax;
    return max >= leaf && (max & 0x80000000) == (leaf & 0x80000000);
}

#endif
