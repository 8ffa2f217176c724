/* SPDX-License-Identifier: 0BSD */
/*
 * Finds steps back: against a thread's own last time, and against the latest time that any thread
 * has published.
 */
#ifndef USERSPACE_SIM_STEP_H
#define USERSPACE_SIM_STEP_H

#include <clockpage/abi.h>
#include <stdbool.h>

/* The latest time that any thread has read from one clock; alone on its cache line. */
struct told {
    uint64_t latest __attribute__((aligned(64)));
};

/* Call it before reading the clock.  Pairs with the compare-and-swap in told_raise(). */
static inline uint64_t told_load(const struct told *told)
{
    return __atomic_load_n(&told->latest, __ATOMIC_ACQUIRE);
}

/* Call it after reading the clock. */
static inline void told_raise(struct told *told, uint64_t ns)
{
    uint64_t latest = __atomic_load_n(&told->latest, __ATOMIC_RELAXED);

    while (latest < ns && !__atomic_compare_exchange_n(&told->latest, &latest, ns, false,
                                                       __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
        ;
}

static inline void step_back(uint64_t from, uint64_t to, uint64_t *count, uint64_t *worst)
{
    if (to >= from)
        return;
    ++*count;
    if (from - to > *worst)
        *worst = from - to;
}

static inline uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Adds one thread's to the sum over all. */
static inline void ordered_add(struct ordered *all, const struct ordered *one)
{
    all->reads += one->reads;
    all->compared += one->compared;
    all->errors += one->errors;
    all->back_own += one->back_own;
    all->back_cross += one->back_cross;
    all->back_own_ns = larger(all->back_own_ns, one->back_own_ns);
    all->back_cross_ns = larger(all->back_cross_ns, one->back_cross_ns);
}

#endif
