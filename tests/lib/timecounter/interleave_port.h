/* SPDX-License-Identifier: 0BSD */
/*
 * A timecounter port whose every access to shared memory first calls timecounter_test_step(), so
 * that a test can put anything, at any point, between two of them.
 */
#ifndef TIMECOUNTER_TEST_PORT_H
#define TIMECOUNTER_TEST_PORT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
void timecounter_test_step(void);
#ifdef __cplusplus
}
#endif

#include "timecounter/port/gcc.h"

#undef TIMECOUNTER_LOAD
#undef TIMECOUNTER_LOAD_ACQUIRE
#undef TIMECOUNTER_STORE
#undef TIMECOUNTER_STORE_RELEASE
#define TIMECOUNTER_LOAD(p) (timecounter_test_step(), __atomic_load_n((p), __ATOMIC_RELAXED))
#define TIMECOUNTER_LOAD_ACQUIRE(p)                                                                \
    (timecounter_test_step(), __atomic_load_n((p), __ATOMIC_ACQUIRE))
#define TIMECOUNTER_STORE(p, v)                                                                    \
    (timecounter_test_step(), __atomic_store_n((p), (v), __ATOMIC_RELAXED))
#define TIMECOUNTER_STORE_RELEASE(p, v)                                                            \
    (timecounter_test_step(), __atomic_store_n((p), (v), __ATOMIC_RELEASE))

static inline int timecounter_test_cas64(uint64_t *p, uint64_t *expected, uint64_t v)
{
    timecounter_test_step();
    return TIMECOUNTER_CAS64(p, expected, v);
}
#undef TIMECOUNTER_CAS64
#define TIMECOUNTER_CAS64(p, expected, v) timecounter_test_cas64((p), (expected), (v))

#endif
