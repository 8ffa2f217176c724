/* SPDX-License-Identifier: 0BSD */
/*
 * The types and numbers that the library uses.  A kernel without these three headers names one of
 * its own with -DPVCLOCK_TYPES_HEADER='"my_types.h"', which declares
 *
 *   bool, size_t, uintptr_t, int8_t, uint8_t, uint32_t, int64_t, uint64_t
 *   UINT32_C(), UINT64_C(), UINT64_MAX
 */
#ifndef PVCLOCK_TYPES_H
#define PVCLOCK_TYPES_H

#if defined(__cplusplus) ? __cplusplus < 201103L                                                   \
                         : !defined(__STDC_VERSION__) || __STDC_VERSION__ < 199901L
#error "pvclock needs -std=gnu99 or later, or C++11 or later"
#endif

#ifdef PVCLOCK_TYPES_HEADER
#include PVCLOCK_TYPES_HEADER
#else
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

#ifndef UINT32_C
#error "the pvclock types header does not define UINT32_C(number)"
#endif
#ifndef UINT64_C
#error "the pvclock types header does not define UINT64_C(number)"
#endif
#ifndef UINT64_MAX
#error "the pvclock types header does not define UINT64_MAX"
#endif

#endif /* PVCLOCK_TYPES_H */
