/* SPDX-License-Identifier: 0BSD */
/*
 * Exact division for set-up code, for calendar.c and the other sources. Nothing here needs a
 * compiler's run-time helper (__udivdi3, __udivti3 ...) on i386 or amd64. A division takes some
 * hundred cycles.
 */
#ifndef TSC_DIVIDE_H
#define TSC_DIVIDE_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Returns a * b / d, rounded down, from the whole product of 128 bits, and the remainder in *rest;
 * UINT64_MAX and 0 if the quotient does not fit in 64 bits, or d is 0.
 */
uint64_t tsc_scale_rest(uint64_t a, uint64_t b, uint64_t d, uint64_t *rest);

/* The same without the remainder. */
uint64_t tsc_scale(uint64_t a, uint64_t b, uint64_t d);

/* The same, rounded up. */
uint64_t tsc_scale_up(uint64_t a, uint64_t b, uint64_t d);

/* Returns a + b, at most UINT64_MAX. */
static inline uint64_t tsc_add(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

#ifdef __cplusplus
}
#endif

#endif
