/* SPDX-License-Identifier: 0BSD */
/*
 * cmocka, with what it needs to be included before it, and what the test programs share.
 */
#ifndef CHECK_H
#define CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* What a test found, in one line; tests/program.sh shows it behind the test's verdict. */
#define figures(...)                                                                               \
    do {                                                                                           \
        printf("# figures: ");                                                                     \
        printf(__VA_ARGS__);                                                                       \
        printf("\n");                                                                              \
    } while (0)

/* assert_true() that says as well what there was instead. */
#define assert_that(condition, ...)                                                                \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg(#condition ": " __VA_ARGS__);                                                 \
    } while (0)

/*
 * Ends a test as SKIP: this machine was too busy for it to show anything.  tests/program.sh shows
 * the reason.
 */
#define spoilt(...)                                                                                \
    do {                                                                                           \
        printf("# spoilt: ");                                                                      \
        printf(__VA_ARGS__);                                                                       \
        printf("\n");                                                                              \
        skip();                                                                                    \
    } while (0)

/* How many random cases: TEST_COUNT of the environment, 10^6 otherwise. */
static inline unsigned long long test_count(void)
{
    const char *text = getenv("TEST_COUNT");

    return text != NULL ? strtoull(text, NULL, 10) : 1000000;
}

/* TEST_SEED of the environment; read before there are threads. */
static uint64_t test_seed;

static __attribute__((constructor)) void read_test_seed(void)
{
    const char *text = getenv("TEST_SEED");

    test_seed = text != NULL ? strtoull(text, NULL, 10) * UINT64_C(0xd1342543de82ef95) : 0;
}

/* SplitMix64: the same stream on every machine, but another with each TEST_SEED. */
static inline uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15)) + test_seed;

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* All lengths alike, since faults sit at the ends: 0 to 2^63. */
static inline uint64_t random_length(uint64_t *state)
{
    uint64_t r = next_random(state);

    return next_random(state) >> 1 >> (r & 63);
}

#endif /* CHECK_H */
