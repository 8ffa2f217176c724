/* SPDX-License-Identifier: 0BSD */
/* What the parts of the benchmark share: the loops around a reader. */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <pvclock/read.h>

/* The value has to be made, and nothing else. */
#define USE(x)        __asm__ volatile("" : : "r"(x))
#define USE_MEMORY(p) __asm__ volatile("" : : "r"(p) : "memory")

/* Reads `page` this many times as thread `own`. */
typedef void loop(const struct pvclock_vcpu_time_info *page, unsigned long reads, unsigned own);

/* Each loop is a function, aligned alike, so that its address gives none an advantage. */
#define LOOP(name, ...)                                                                            \
    __attribute__((noinline, aligned(64))) void name(const struct pvclock_vcpu_time_info *page,    \
                                                     unsigned long reads, unsigned own)            \
    {                                                                                              \
        (void)page;                                                                                \
        (void)own;                                                                                 \
        for (unsigned long i = 0; i < reads; i++) {                                                \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }

/* The whole clock_gettime() of lib/timepage, inline and called: whole.c. */
void whole_start(const struct pvclock_vcpu_time_info *page, enum pvclock_order order);
extern loop whole_inline_loop, whole_call_loop;

#endif
