/* SPDX-License-Identifier: 0BSD */
/* The hooks of ../port.h for GCC and Clang on x86, 32 and 64 bits. */
#ifndef TSC_PORT_GCC_X86_H
#define TSC_PORT_GCC_X86_H

#include "../types.h"

/*
 * The fence before orders earlier loads [1, RDTSC]; the fence after keeps a later read of a timer
 * in memory (the HPET) from starting first. CPUs without SSE2 lack LFENCE: redefine the hook.
 */
static inline uint64_t tsc_port_read(void)
{
    uint32_t low, high;

    __asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

#define TSC_PORT_READ()  tsc_port_read()
#define TSC_PORT_PAUSE() __asm__ volatile("pause" : : : "memory")

#endif
