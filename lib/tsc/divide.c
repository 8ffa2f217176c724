/* SPDX-License-Identifier: 0BSD */
/* Exact products and quotients of 64 bits by shifting and subtracting. */
#include "divide.h"

uint64_t tsc_scale_rest(uint64_t a, uint64_t b, uint64_t d, uint64_t *rest)
{
    uint64_t al = (uint32_t)a, ah = a >> 32;
    uint64_t bl = (uint32_t)b, bh = b >> 32;
    uint64_t product = al * bl;
    /* At most (2^32 - 1)^2 + 2 * (2^32 - 1) = 2^64 - 1: neither sum overflows. */
    uint64_t middle = ah * bl + (product >> 32);
    uint64_t other = al * bh + (uint32_t)middle;
    uint64_t high = ah * bh + (middle >> 32) + (other >> 32);
    uint64_t low = other << 32 | (uint32_t)product;

    *rest = 0;
    if (high >= d)
        return UINT64_MAX;
    for (unsigned bit = 0; bit < 64; bit++) {
        uint64_t carry = high >> 63;

        high = high << 1 | low >> 63;
        low <<= 1;
        if (carry != 0 || high >= d) {
            high -= d;
            low |= 1;
        }
    }
    *rest = high;
    return low;
}

uint64_t tsc_scale(uint64_t a, uint64_t b, uint64_t d)
{
    uint64_t rest;

    return tsc_scale_rest(a, b, d, &rest);
}

uint64_t tsc_scale_up(uint64_t a, uint64_t b, uint64_t d)
{
    uint64_t rest, quotient = tsc_scale_rest(a, b, d, &rest);

    return quotient + (rest != 0);
}
