/* SPDX-License-Identifier: 0BSD */
/*
 * Model-specific registers: plain access, which faults if the register does not exist, and safe
 * access.
 */
#ifndef ARCH_X86_MSR_H
#define ARCH_X86_MSR_H

#include <stdbool.h>
#include <stdint.h>

#define MSR_APIC_BASE      0x0000001b
#define MSR_SYSENTER_CS    0x00000174
#define MSR_SYSENTER_ESP   0x00000175
#define MSR_SYSENTER_EIP   0x00000176
#define MSR_X2APIC_BASE    0x00000800
#define MSR_EFER           0xc0000080
#define MSR_STAR           0xc0000081
#define MSR_LSTAR          0xc0000082
#define MSR_CSTAR          0xc0000083
#define MSR_SFMASK         0xc0000084
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX        0xc0000103

#define EFER_SCE (1u << 0)
#define EFER_LME (1u << 8)
#define EFER_NXE (1u << 11)

static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t lo, hi;
    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return (uint64_t)hi << 32 | lo;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr"
                     :
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
}

/*
 * Safe access: if the register does not exist or refuses the value (#GP), returns false, and
 * *value is 0.  The trap handler finds the fix-up address in the exception table.
 */
static inline bool rdmsr_safe(uint32_t msr, uint64_t *value)
{
    uint32_t lo = 0, hi = 0;
    uint8_t ok = 0;
    __asm__ volatile("1: rdmsr\n"
                     "movb $1, %2\n"
                     "2:\n"
                     ".pushsection .extable, \"a\"\n"
                     ".quad 1b, 2b\n"
                     ".popsection"
                     : "+a"(lo), "+d"(hi), "+r"(ok)
                     : "c"(msr));
    *value = ok ? (uint64_t)hi << 32 | lo : 0;
    return ok;
}

static inline bool wrmsr_safe(uint32_t msr, uint64_t value)
{
    uint8_t ok = 0;
    __asm__ volatile("1: wrmsr\n"
                     "movb $1, %0\n"
                     "2:\n"
                     ".pushsection .extable, \"a\"\n"
                     ".quad 1b, 2b\n"
                     ".popsection"
                     : "+r"(ok)
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
    return ok;
}

#endif
