/* SPDX-License-Identifier: 0BSD */
/*
 * The readers' fixed-point arithmetic, exact and without compiler run-time helpers: neither
 * __udivdi3 on i386 nor __multi3.
 */
#ifndef PVCLOCK_SCALE_H
#define PVCLOCK_SCALE_H

#include "types.h"

/* Attributes with underscores: some kernels define macros of the names without. */
#ifdef __GNUC__
#define PVCLOCK_INLINE      static inline __attribute__((__always_inline__, __unused__))
#define PVCLOCK_COLD        __attribute__((__noinline__))
#define PVCLOCK_COLD_STATIC static __attribute__((__noinline__, __unused__)) /* in a header */
#define PVCLOCK_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define PVCLOCK_LIKELY(x)   __builtin_expect(!!(x), 1)
/* Keeps the compiler from transforming x or reordering the sum that x is part of. */
#define PVCLOCK_KEEP(x) __asm__("" : "+r"(x))
#else
#define PVCLOCK_KEEP(x) (void)(x)
#define PVCLOCK_INLINE  static inline
#define PVCLOCK_COLD
#define PVCLOCK_COLD_STATIC static inline
#define PVCLOCK_UNLIKELY(x) (x)
#define PVCLOCK_LIKELY(x)   (x)
#endif

#define PVCLOCK_NSEC_PER_SEC UINT32_C(1000000000)

struct pvclock_u128 {
    uint64_t high, low;
};

/* a * b, all 128 bits. */
PVCLOCK_INLINE struct pvclock_u128 pvclock_multiply(uint64_t a, uint64_t b)
{
    struct pvclock_u128 r;
#ifdef __SIZEOF_INT128__
    __extension__ typedef unsigned __int128 pvclock_product;
    pvclock_product product = (pvclock_product)a * b;

    r.high = (uint64_t)(product >> 64);
    r.low = (uint64_t)product;
#else
    uint32_t a0 = (uint32_t)a, a1 = (uint32_t)(a >> 32);
    uint32_t b0 = (uint32_t)b, b1 = (uint32_t)(b >> 32);
    uint64_t low = (uint64_t)a0 * b0;
    /* Each sum is at most (2^32 - 1)^2 + 2 * (2^32 - 1) = 2^64 - 1. */
    uint64_t mid = (uint64_t)a1 * b0 + (low >> 32);
    uint64_t mid2 = (uint64_t)a0 * b1 + (uint32_t)mid;

    r.high = (uint64_t)a1 * b1 + (mid >> 32) + (mid2 >> 32);
    r.low = mid2 << 32 | (uint32_t)low;
#endif
    return r;
}

/* a * b / 2^64, rounded down. */
PVCLOCK_INLINE uint64_t pvclock_multiply_high(uint64_t a, uint64_t b)
{
    return pvclock_multiply(a, b).high;
}

/*
 * x / 10^9 for every x.  10^9 = 2^9 * d with d = 1953125, so it is n / d with n = x >> 9 < 2^55.
 * m = (2^75 + e) / d with e = 399807 gives n * m / 2^75 = n / d + n * e / (d * 2^75).  The second
 * term is below 2^-20 * e / d < 2.0e-7, and n / d is at least 1 / d = 5.1e-7 below the next integer
 * (or is an integer): rounding down gives the same.
 */
PVCLOCK_INLINE uint64_t pvclock_div_1e9(uint64_t x)
{
    return pvclock_multiply_high(x >> 9, UINT64_C(0x44B82FA09B5A53)) >> 11;
}

#endif /* PVCLOCK_SCALE_H */
