/* SPDX-License-Identifier: 0BSD */
/*
 * cmocka, or where there is none for the target (-m32, no multiarch) the part of it that is used.
 * Both speak TAP (CMOCKA_MESSAGE_OUTPUT=TAP); figures go out as `# figures NAME: text`.
 */
#ifndef CHECK_H
#define CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#ifndef CHECK_WITHOUT_CMOCKA
#include <cmocka.h>
#else

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
};

static jmp_buf check_failed;

static inline void check(int good, const char *file, int line, const char *what)
{
    if (!good) {
        printf("# %s:%d: %s\n", file, line, what);
        longjmp(check_failed, 1);
    }
}

#define assert_true(x)  check(!!(x), __FILE__, __LINE__, #x)
#define assert_false(x) check(!(x), __FILE__, __LINE__, "not: " #x)
#define assert_int_equal(a, b)                                                                     \
    check((unsigned long long)(a) == (unsigned long long)(b), __FILE__, __LINE__, #a " == " #b)
#define assert_string_equal(a, b) check(!strcmp(a, b), __FILE__, __LINE__, #a " == " #b)
/* clang-format off */
#define cmocka_unit_test(f) {#f, f}
/* clang-format on */

static inline int check_run(const struct CMUnitTest *tests, int count)
{
    volatile int failed = 0;

    printf("1..%d\n", count);
    for (volatile int i = 0; i < count; i++) {
        void *state = NULL;

        if (setjmp(check_failed) == 0) {
            tests[i].run(&state);
            printf("ok %d - %s\n", i + 1, tests[i].name);
        } else {
            printf("not ok %d - %s\n", i + 1, tests[i].name);
            failed++;
        }
    }
    return failed;
}

#define cmocka_run_group_tests(tests, setup, teardown)                                             \
    check_run(tests, (int)(sizeof(tests) / sizeof((tests)[0])))
#endif

#define figures(...)                                                                               \
    do {                                                                                           \
        printf("# figures %s: ", __func__);                                                        \
        printf(__VA_ARGS__);                                                                       \
        printf("\n");                                                                              \
    } while (0)

/* How many random cases: TEST_COUNT of the environment, 10^6 otherwise. */
static inline unsigned long long test_count(void)
{
    const char *text = getenv("TEST_COUNT");

    return text != NULL ? strtoull(text, NULL, 10) : 1000000;
}

/* SplitMix64: the same stream on every machine. */
static inline uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

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
