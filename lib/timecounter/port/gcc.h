/* SPDX-License-Identifier: 0BSD */
/* The timecounter port for GCC and Clang: see ../port.h for what each hook promises. */
#ifndef TIMECOUNTER_PORT_GCC_H
#define TIMECOUNTER_PORT_GCC_H

#include "timecounter/types.h"

#define TIMECOUNTER_LOAD(p)             __atomic_load_n((p), __ATOMIC_RELAXED)
#define TIMECOUNTER_LOAD_ACQUIRE(p)     __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define TIMECOUNTER_STORE(p, v)         __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define TIMECOUNTER_STORE_RELEASE(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define TIMECOUNTER_FENCE_WRITE()       __atomic_thread_fence(__ATOMIC_RELEASE)

#if (defined(__x86_64__) || defined(__i386__)) && !defined(TIMECOUNTER_NO_LFENCE)
#define TIMECOUNTER_FENCE_READ() __asm__ volatile("lfence" ::: "memory")
#define TIMECOUNTER_FENCE_FULL() __asm__ volatile("mfence; lfence" ::: "memory")
#else
/*
 * Elsewhere, and on CPUs before LFENCE, the read function must order the counter against loads on
 * both sides.
 */
#define TIMECOUNTER_FENCE_READ() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define TIMECOUNTER_FENCE_FULL() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#endif

#if defined(__i386__)
/* In assembly: Clang does not assume the alignment here and would call a library function. */
static inline _Bool timecounter_port_cas64(uint64_t *p, uint64_t *expected, uint64_t v)
{
    unsigned char same;

    __asm__ volatile("lock cmpxchg8b %1\n\tsete %0"
                     : "=q"(same), "+m"(*p), "+A"(*expected)
                     : "b"((uint32_t)v), "c"((uint32_t)(v >> 32))
                     : "memory", "cc");
    return same != 0;
}
#define TIMECOUNTER_CAS64(p, expected, v) timecounter_port_cas64((p), (expected), (v))
#else
#define TIMECOUNTER_CAS64(p, expected, v)                                                          \
    __atomic_compare_exchange_n((p), (expected), (v), 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#endif

#endif
