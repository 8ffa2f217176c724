/* SPDX-License-Identifier: 0BSD */
/* The port for GCC and Clang, hook by hook: what each returns and stores. */
#include "tests/check.h"
#include <timecounter/port.h>

static const uint64_t values[] = {
    0, 1, 2, UINT32_MAX, UINT64_C(0x100000000), UINT64_C(0x123456789abcdef0), UINT64_MAX,
};

enum { VALUES = sizeof(values) / sizeof(values[0]) };

static void a_swap_succeeds_only_where_the_word_is_as_expected(void **state)
{
    (void)state;
    for (unsigned i = 0; i < VALUES; i++) {
        for (unsigned j = 0; j < VALUES; j++) {
            _Alignas(8) uint64_t word = values[i];
            uint64_t expected = values[j];

            assert_int_equal(TIMECOUNTER_CAS64(&word, &expected, ~values[j]), i == j);
            assert_true(expected == values[i]);
            assert_true(word == (i == j ? ~values[j] : values[i]));
        }
    }
}

static void words_are_loaded_and_stored(void **state)
{
    uintptr_t word = 7;

    (void)state;
    for (uintptr_t i = 0; i < 100; i++) {
        TIMECOUNTER_STORE(&word, i * 0x9e3779b1u);
        TIMECOUNTER_FENCE_WRITE();
        assert_int_equal(TIMECOUNTER_LOAD(&word), i * 0x9e3779b1u);
        TIMECOUNTER_STORE_RELEASE(&word, ~i);
        TIMECOUNTER_FENCE_FULL();
        assert_int_equal(TIMECOUNTER_LOAD_ACQUIRE(&word), ~i);
        TIMECOUNTER_FENCE_READ();
        assert_int_equal(word, ~i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_swap_succeeds_only_where_the_word_is_as_expected),
        cmocka_unit_test(words_are_loaded_and_stored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
