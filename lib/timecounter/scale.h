/* SPDX-License-Identifier: 0BSD */
/*
 * Exact scaling: cycles at a frequency to seconds, with a remainder instead of a rounding error.
 *
 * A counter that has made n cycles at f Hz has run for exactly n / f seconds. The usual way is to
 * multiply by scale = floor(2^64 / f); that is short by up to n * (2^64 mod f) / f units of 2^-64
 * s: at 3 GHz up to n * 2^-64 s, or one second in 195 years, and a different error after every
 * windup.
 *
 * This library does the division itself, by multiplication with a reciprocal that is computed
 * once (tc_make_divisor). It yields the quotient and remainder of a 128-bit number divided by f,
 * both exact:
 *
 *     n * 2^64 + r  =  q * f + r'        0 <= r, r' < f
 *
 * so that "frac += q; r = r'" adds n / f seconds to a 64.64 time with no error at all: the time
 * is frac / 2^64 + r / (f * 2^64), as a pair. The time shown is the pair without r: it is low by
 * less than 2^-64 s (5.4e-20 s), and that error does not accumulate, since the next step starts
 * from r and not from zero. The cost is two multiplications, the same as with a 64-bit scale, and
 * no division.
 *
 * [1] N. Moeller, T. Granlund: "Improved division by invariant integers", IEEE Trans. Computers
 *     60 (2011), algorithm 4.
 *
 * Nothing here needs a compiler's run-time helper (__udivdi3, __udivti3 ...) on i386 or amd64.
 */
#ifndef TIMECOUNTER_SCALE_H
#define TIMECOUNTER_SCALE_H

#include "timecounter/types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct tc_u128 {
    uint64_t high;
    uint64_t low;
};

/* A divisor d > 0, ready for tc_divide(). Made by tc_make_divisor(). */
struct tc_divisor {
    uint64_t normal;  /* d << shift: its top bit is set */
    uint64_t inverse; /* floor((2^128 - 1) / normal) - 2^64 */
    uint64_t shift;   /* 0..63 */
};

/* Nanoseconds in a second; and 10^9 as a divisor (the unit test recomputes it). */
/* clang-format off */
#define TC_NSEC         1000000000u
#define TC_NSEC_DIVISOR {UINT64_C(0xee6b280000000000), UINT64_C(0x12e0be826d694b2e), 34}
/* clang-format on */

/* a * b, all 128 bits of it. */
static inline struct tc_u128 tc_multiply(uint64_t a, uint64_t b)
{
    struct tc_u128 product;
#if defined(__SIZEOF_INT128__) && !defined(TIMECOUNTER_NO_INT128)
    __extension__ typedef unsigned __int128 tc_product;
    tc_product p = (tc_product)a * b;

    product.high = (uint64_t)(p >> 64);
    product.low = (uint64_t)p;
#else
    uint64_t al = (uint32_t)a, ah = a >> 32;
    uint64_t bl = (uint32_t)b, bh = b >> 32;
    uint64_t low = al * bl;
    /* At most (2^32 - 1)^2 + 2 * (2^32 - 1) = 2^64 - 1: neither sum overflows. */
    uint64_t middle = ah * bl + (low >> 32);
    uint64_t other = al * bh + (uint32_t)middle;

    product.high = ah * bh + (middle >> 32) + (other >> 32);
    product.low = (other << 32) | (uint32_t)low;
#endif
    return product;
}

/*
 * Returns (hi * 2^64 + lo) / d and, in *remainder, the remainder. hi < d, so that the quotient
 * fits. `shift` moves the low bits of the 128-bit number up; (x >> 1) >> (63 - shift) is x >> (64
 * - shift) without the undefined shift by 64.
 */
static inline uint64_t tc_divide(const struct tc_divisor *d, uint64_t high, uint64_t low,
                                 uint64_t *remainder)
{
    uint64_t u1 = (high << d->shift) | ((low >> 1) >> (63 - d->shift));
    uint64_t u0 = low << d->shift;
    struct tc_u128 q = tc_multiply(d->inverse, u1);
    uint64_t rest;

    q.low += u0;
    q.high += u1 + (q.low < u0) + 1;
    rest = u0 - q.high * d->normal;
    if (rest > q.low) {
        q.high--;
        rest += d->normal;
    }
    if (rest >= d->normal) {
        q.high++;
        rest -= d->normal;
    }
    *remainder = rest >> d->shift;
    return q.high;
}

/*
 * Returns the same quotient by shifting and subtracting, in 64 steps, for use before there is a
 * reciprocal. hi < d.
 */
static inline uint64_t tc_divide_slowly(uint64_t d, uint64_t high, uint64_t low)
{
    int bit;

    for (bit = 0; bit < 64; bit++) {
        uint64_t carry = high >> 63;

        high = (high << 1) | (low >> 63);
        low <<= 1;
        if (carry != 0 || high >= d) {
            high -= d;
            low |= 1;
        }
    }
    return low;
}

/* Makes `made` the divisor d > 0. */
static inline void tc_make_divisor(struct tc_divisor *made, uint64_t d)
{
    made->normal = d;
    made->shift = 0;
    while ((made->normal >> 63) == 0) {
        made->normal <<= 1;
        made->shift++;
    }
    /* (2^128 - 1) / normal - 2^64 = ((2^64 - 1 - normal) * 2^64 + 2^64 - 1) / normal. */
    made->inverse = tc_divide_slowly(made->normal, ~made->normal, ~UINT64_C(0));
}

#ifdef __cplusplus
}
#endif

#endif
