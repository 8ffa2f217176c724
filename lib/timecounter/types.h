/* SPDX-License-Identifier: 0BSD */
/*
 * The types and numbers that the library uses.  A kernel without these three headers names one of
 * its own with -DTIMECOUNTER_TYPES_HEADER='"my_types.h"', which declares
 *
 *   bool, size_t, uintptr_t, int32_t, uint32_t, int64_t, uint64_t
 *   NULL, INT64_C(), UINT64_C(), INT64_MIN, INT64_MAX, UINT64_MAX, UINTPTR_MAX
 */
#ifndef TIMECOUNTER_TYPES_H
#define TIMECOUNTER_TYPES_H

#if defined(__cplusplus) ? __cplusplus < 201103L                                                   \
                         : !defined(__STDC_VERSION__) || __STDC_VERSION__ < 199901L
#error "timecounter needs -std=gnu99 or later, or C++11 or later"
#endif

#ifdef TIMECOUNTER_TYPES_HEADER
#include TIMECOUNTER_TYPES_HEADER
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

#ifndef INT64_C
#error "the timecounter types header does not define INT64_C(number)"
#endif
#ifndef UINT64_C
#error "the timecounter types header does not define UINT64_C(number)"
#endif
#if !defined(INT64_MIN) || !defined(INT64_MAX) || !defined(UINT64_MAX) || !defined(UINTPTR_MAX)
#error "the timecounter types header lacks one of INT64_MIN, INT64_MAX, UINT64_MAX, UINTPTR_MAX"
#endif
#ifndef NULL
#error "the timecounter types header does not define NULL"
#endif

#endif
