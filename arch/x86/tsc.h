/* SPDX-License-Identifier: 0BSD */
/* Reads the time-stamp counter after all earlier loads [Intel SDM vol. 2B, RDTSC; LFENCE]. */
#ifndef ARCH_X86_TSC_H
#define ARCH_X86_TSC_H

#include <stdint.h>

static inline uint64_t rdtsc_ordered(void)
{
    uint32_t lo, hi;
    __asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return (uint64_t)hi << 32 | lo;
}

#endif
