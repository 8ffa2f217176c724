/* SPDX-License-Identifier: 0BSD */
/*
 * One writer and two readers of lib/timecounter on real CPUs. The counter is a word that each
 * reading of it increments, so it is the same everywhere and never stands; the test knows what any
 * count means to the nanosecond, and so recognises hands that were put together from two sets.
 * Built with race_port.h, which now and then gives up the CPU between two words.
 */
#include "tests/check.h"
#include "tests/lib/timecounter/mock.h"
#include "tests/patience.h"
#include <pthread.h>
#include <stdatomic.h>

#define READERS         2
#define READINGS_WANTED 1000
#define HZ              2299998765u

static struct timecounters set;
static struct timecounter exact, coarse, skewed;

static _Atomic uint64_t count;
static _Thread_local uint64_t last_count; /* what this thread read last */
static _Thread_local uint64_t lag;        /* how far this thread's CPU is behind, cycles */

static uint64_t read_exact(void *context)
{
    (void)context;
    last_count = atomic_fetch_add(&count, 1000) + 1000;
    return last_count;
}

static uint64_t read_coarse(void *context)
{
    (void)context;
    return (atomic_fetch_add(&count, 1000) + 1000) / 500;
}

static uint64_t read_skewed(void *context)
{
    (void)context;
    return atomic_fetch_add(&count, 1000) + 1000 - lag;
}

enum part { WINDUPS, SWITCHES, SKEW };

static enum part part;
static uint64_t readings;
static time_t began;
static _Atomic uint64_t done;
static uint64_t origin; /* count at uptime 0 */
static _Atomic int64_t seen;
static _Atomic bool stop;
static _Atomic uint64_t torn, back, failed, written;

static int64_t ns_at(uint64_t at)
{
    uint64_t cycles = at - origin;

    return (int64_t)(cycles / HZ * 1000000000 + cycles % HZ * 1000000000 / HZ);
}

static void *reader(void *argument)
{
    lag = part == SKEW ? (uint64_t)(uintptr_t)argument * 5000 : 0;
    uint64_t i;

    for (i = 0; i < readings && (i % 64 != 0 || !is_too_late(began)); i++) {
        int64_t before = atomic_load(&seen), ns;
        enum tc_status status = tc_getns(&set, TC_CLOCK_UPTIME, &ns);
        if (status != TC_OK) {
            atomic_fetch_add(&failed, 1);
            continue;
        }
        if (part == WINDUPS && ns != ns_at(last_count))
            atomic_fetch_add(&torn, 1);
        if (ns < before)
            atomic_fetch_add(&back, 1);
        while (before < ns && !atomic_compare_exchange_weak(&seen, &before, ns))
            continue;
    }
    atomic_fetch_add(&done, i);
    return NULL;
}

static void *writer(void *argument)
{
    uint64_t n = 0;

    (void)argument;
    while (!atomic_load(&stop)) {
        if (part == SWITCHES && n % 64 == 0)
            (void)tc_select(&set, n % 128 == 0 ? "coarse" : "exact", NULL);
        else
            (void)tc_windup(&set);
        n++;
    }
    atomic_store(&written, n);
    return NULL;
}

static struct timecounter counter(const char *name, uint64_t (*read)(void *), uint64_t hz)
{
    uint64_t none = 0;
    struct timecounter made = mock_counter(name, &none, UINT64_MAX, hz, 0);

    made.read = read;
    made.context = NULL;
    return made;
}

static void run(enum part which, const char *first, uint32_t flags)
{
    pthread_t thread[READERS + 1];

    part = which;
    readings = test_count() / READERS;
    began = time(NULL);
    done = 0;
    torn = back = failed = 0;
    seen = 0;
    stop = false;
    count = 0;
    exact = counter("exact", read_exact, HZ);
    coarse = counter("coarse", read_coarse, HZ / 500);
    skewed = counter("skewed", read_skewed, HZ);
    skewed.flags = flags;
    assert_int_equal(timecounters_init(&set, 0), TC_OK);
    assert_int_equal(tc_register(&set, &exact), TC_OK);
    assert_int_equal(tc_register(&set, &coarse), TC_OK);
    assert_int_equal(tc_register(&set, &skewed), TC_OK);
    assert_int_equal(tc_select(&set, first, NULL), TC_OK);
    origin = last_count;
    for (uintptr_t i = 0; i <= READERS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, i < READERS ? reader : writer, (void *)i),
                         0);
    for (int i = 0; i < READERS; i++)
        (void)pthread_join(thread[i], NULL);
    atomic_store(&stop, true);
    (void)pthread_join(thread[READERS], NULL);
    figures("%llu readings, %llu writes, %llu torn, %llu steps back, %llu gave up",
            (unsigned long long)done, (unsigned long long)written, (unsigned long long)torn,
            (unsigned long long)back, (unsigned long long)failed);
    assert_int_equal(torn + back + failed, 0);
    /* Each gives up the CPU now and then, and a busy machine gives it back late. */
    if (done < READINGS_WANTED && done < READERS * readings)
        spoilt("%llu readings only in 40 s", (unsigned long long)done);
}

static void windups_tear_no_reading(void **unused)
{
    (void)unused;
    run(WINDUPS, "exact", 0);
}

static void switches_make_no_reader_step_back(void **unused)
{
    (void)unused;
    run(SWITCHES, "exact", 0);
}

static void the_guard_hides_skew(void **unused)
{
    (void)unused;
    run(SKEW, "skewed", TC_GUARDED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windups_tear_no_reading),
        cmocka_unit_test(switches_make_no_reader_step_back),
        cmocka_unit_test(the_guard_hides_skew),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
