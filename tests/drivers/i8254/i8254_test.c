/* SPDX-License-Identifier: 0BSD */
/*
 * The i8254's driver on a chip that a test makes: one that notices when two readers' accesses mix.
 */
#include "arch/x86/pit.h"
#include "drivers/i8254/i8254.h"
#include "tests/check.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

enum { THREADS = 4, READS = 2000 };

static bool answers = true;
static uint16_t step = 1;
static _Atomic int inside, mixed;
static _Atomic uint16_t counts;
static struct i8254 timer;

bool pit_run_freely(void)
{
    return answers;
}

uint16_t pit_count(void)
{
    if (atomic_fetch_add(&inside, 1) != 0)
        mixed++;
    sched_yield();
    uint16_t count = atomic_fetch_add(&counts, step);
    atomic_fetch_sub(&inside, 1);
    return count;
}

static void *read_many(void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < READS; i++)
        (void)timer.counter.read(timer.counter.context);
    return NULL;
}

static void absent_and_stopped_are_told_apart(void **state)
{
    (void)state;
    answers = false;
    assert_string_equal(i8254_attach(&timer), "no i8254 answers");
    answers = true;
    step = 0;
    assert_string_equal(i8254_attach(&timer), "it does not count");
    step = 1;
    assert_null(i8254_attach(&timer));
    assert_int_equal(timer.counter.mask, 0xffff);
}

static void readers_do_not_meet(void **state)
{
    pthread_t threads[THREADS];

    (void)state;
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_many, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    figures("%d of %d reads by %d threads met another one", mixed, THREADS * READS, THREADS);
    assert_int_equal(mixed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_and_stopped_are_told_apart),
        cmocka_unit_test(readers_do_not_meet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
