/* SPDX-License-Identifier: 0BSD */
/*
 * The types and numbers that the library uses.  A kernel without these two headers names one of
 * its own with -DTSC_TYPES_HEADER='"my_types.h"', which declares
 *
 *   bool, uint8_t, uint32_t, int64_t, uint64_t
 *   UINT32_C(), INT64_C(), UINT64_C(), UINT64_MAX
 */
#ifndef TSC_TYPES_H
#define TSC_TYPES_H

#if defined(__cplusplus) ? __cplusplus < 201103L                                                   \
                         : !defined(__STDC_VERSION__) || __STDC_VERSION__ < 199901L
#error "tsc needs -std=gnu99 or later, or C++11 or later"
#endif

#ifdef TSC_TYPES_HEADER
#include TSC_TYPES_HEADER
#else
#include <stdbool.h>
#include <stdint.h>
#endif

#ifndef UINT32_C
#error "the tsc types header does not define UINT32_C(number)"
#endif
#if !defined(INT64_C) || !defined(UINT64_C)
#error "the tsc types header lacks one of INT64_C(number), UINT64_C(number)"
#endif
#ifndef UINT64_MAX
#error "the tsc types header does not define UINT64_MAX"
#endif

#endif
