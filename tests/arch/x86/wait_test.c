/* SPDX-License-Identifier: 0BSD */
/* arch/x86/wait.h on a TSC that the test scripts: the host pauses the guest while it waits. */
#include "arch/x86/wait.h"
#include "tests/check.h"

enum { MS = 2000000, SECOND = 1000 * MS };

static uint64_t tsc;

uint64_t rdtsc_ordered(void)
{
    return tsc;
}

/* Looks until the wait is over, at most `most` times: the number of looks. */
static unsigned look(struct wait *w, uint64_t step, unsigned most)
{
    for (unsigned looks = 1; looks <= most; looks++) {
        tsc += step;
        if (wait_is_over(w))
            return looks;
    }
    return most + 1;
}

static void wait_ends_with_its_patience(void **state)
{
    static const uint64_t starts[] = {0, 1, UINT64_MAX / 2};

    (void)state;
    for (unsigned i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
        tsc = starts[i];
        struct wait w = wait_begin(3ull * SECOND);
        assert_int_equal(look(&w, MS, 10000), 3001);
    }
    /* No patience at all is not endless. */
    struct wait none = wait_begin(0);
    assert_true(look(&none, 1, 10) <= 2);
}

static void wait_does_not_count_a_pause(void **state)
{
    (void)state;
    for (uint64_t seconds = 4; seconds < 4000000; seconds *= 10) {
        tsc = 12345;
        struct wait w = wait_begin(3ull * SECOND);
        assert_int_equal(look(&w, MS, 10), 11);
        tsc += seconds * SECOND;
        assert_false(wait_is_over(&w));
        /* Most of the patience is left. */
        assert_int_equal(look(&w, MS, 2700), 2701);
        assert_true(look(&w, MS, 200) <= 200);
    }
    /* Ten of them in one wait. */
    struct wait w = wait_begin(3ull * SECOND);
    for (unsigned i = 0; i < 10; i++) {
        tsc += 4ull * SECOND;
        assert_false(wait_is_over(&w));
        assert_int_equal(look(&w, MS, 10), 11);
    }
}

static void wait_that_sleeps_between_looks_ends(void **state)
{
    (void)state;
    tsc = 0;
    struct wait w = wait_begin(3ull * SECOND);
    /* With a tick a second: late, but not without end. */
    assert_true(look(&w, SECOND, 100) <= WAIT_LOOKS + 1);
}

static void wait_outlasts_a_tsc_that_was_set_back(void **state)
{
    (void)state;
    tsc = 100ull * SECOND;
    struct wait w = wait_begin(3ull * SECOND);
    assert_int_equal(look(&w, MS, 10), 11);
    tsc = 5;
    assert_false(wait_is_over(&w));
    assert_int_equal(look(&w, MS, 10000), 2991);
}

static void wait_again_has_all_of_its_patience(void **state)
{
    (void)state;
    struct wait w = wait_begin(3ull * SECOND);
    assert_int_equal(look(&w, MS, 2999), 3000);
    wait_again(&w);
    assert_int_equal(look(&w, MS, 10000), 3001);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wait_ends_with_its_patience),
        cmocka_unit_test(wait_does_not_count_a_pause),
        cmocka_unit_test(wait_that_sleeps_between_looks_ends),
        cmocka_unit_test(wait_outlasts_a_tsc_that_was_set_back),
        cmocka_unit_test(wait_again_has_all_of_its_patience),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
