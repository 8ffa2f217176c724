/* SPDX-License-Identifier: 0BSD */
/*
 * lib/timepage/gettime.c on the real machine's loads and stores, while another thread plays host
 * and kernel: structure, uptime_base and realtime_base change together under the time page's
 * sequence, and each reading has to be of one state.
 */
#include "lib/timepage/gettime.h"
#include "tests/check.h"
#include "tests/patience.h"
#include <pthread.h>
#include <pvclock/pvclock.h>

enum { NS_PER_S = 1000000000, READERS = 2, STATES_WANTED = 1000 };

/* Ten readings for each random case of the other tests. */
static unsigned long long wanted(void)
{
    return test_count() * 10 / READERS;
}

static uint32_t vcpu_now;
static struct pvclock_vcpu_time_info structure __attribute__((aligned(64)));
static struct time_page page __attribute__((aligned(4096))) = {TIME_PAGE_IDENTITY};
static struct pvclock_guard guard;
static uint32_t stop;
static unsigned long states;
static time_t began;

/* A mixture of two states is off by less than 0.3 s, and so in the same second. */
static const uint64_t UPTIME = UINT64_C(5000) * NS_PER_S + 500000007;
static const uint64_t DATE = UINT64_C(1700000000) * NS_PER_S + 523456789;

/* The scale is nearly 0, so the structure shows `system_time`, and the sums are always the same. */
static void publish(uint64_t system_time)
{
    const struct pvclock_snapshot s = {
        .system_time = system_time, .mul = 1, .shift = -31, .flags = PVCLOCK_FLAG_TSC_STABLE};

    __atomic_store_n(&page.sequence, page.sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    page.uptime_base = UPTIME - system_time;
    pvclock_publish(&structure, &s);
    page.realtime_base = DATE - system_time;
    __atomic_store_n(&page.sequence, page.sequence + 1, __ATOMIC_RELEASE);
}

/* The last tick's time; a 32-bit reader takes a half of it at a time, and they are the same. */
static void publish_tick(uint64_t random)
{
    const uint64_t tick = (random & 0x3fffffff) * UINT64_C(0x100000001);

    __atomic_store_n(&page.fast_sequence, page.fast_sequence + 1, __ATOMIC_RELAXED);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    page.fast_uptime = tick;
    page.fast_realtime = tick + (random >> 32 & 0xff) * UINT64_C(0x100000001);
    __atomic_store_n(&page.fast_sequence, page.fast_sequence + 1, __ATOMIC_RELEASE);
}

static void *write_states(void *unused)
{
    uint64_t random = 8;

    (void)unused;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        uint64_t r = next_random(&random);
        publish(r >> 8 & 0xfffffff);
        __atomic_store_n(&states, states + 1, __ATOMIC_RELAXED);
        /* Readers have to get a word in: nothing up to some microseconds. */
        for (unsigned i = r & 255; i > 0; i--) {
            publish_tick(r * i);
            for (unsigned pause = 0; pause < 8; pause++)
                PVCLOCK_PAUSE();
        }
    }
    return NULL;
}

struct tally {
    unsigned long long by_page, asked, bad_uptime, bad_date, fast, bad_fast;
};

static void *read_states(void *argument)
{
    struct tally *tally = argument, n = {0};
    struct gettime g = {.time = &page,
                        .structures = &structure,
                        .vcpu_now = &vcpu_now,
                        .guard = &guard,
                        .sequence = 1};
    struct pvclock_timespec t;

    /* The writer may get its turn seldom. */
    while (n.by_page < wanted() ||
           (__atomic_load_n(&states, __ATOMIC_RELAXED) <= STATES_WANTED && !is_too_late(began))) {
        bool date = n.by_page & 1;
        if (gettime_read(&g, date ? GETTIME_REALTIME : GETTIME_UPTIME, &t) != GETTIME_PATH_STABLE) {
            n.asked++;
            continue;
        }
        uint64_t ns = (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
        n.by_page++;
        n.bad_uptime += !date && ns != UPTIME;
        n.bad_date += date && ns != DATE;
        if (n.by_page % 4 == 0 &&
            gettime_read(&g, date ? GETTIME_REALTIME_FAST : GETTIME_UPTIME_FAST, &t) ==
                GETTIME_PATH_FAST) {
            ns = (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
            n.fast++;
            n.bad_fast += ns >> 32 != (uint32_t)ns;
        }
    }
    *tally = n;
    return NULL;
}

static void every_reading_is_of_one_state(void **state)
{
    struct tally tallies[READERS], all = {0};
    pthread_t writer, readers[READERS];

    (void)state;
    page.algorithm = TIME_PVCLOCK;
    page.stable_mask = PVCLOCK_FLAG_TSC_STABLE;
    page.vcpus = 1;
    page.stride = sizeof(structure);
    publish(1);
    began = time(NULL);
    assert_int_equal(pthread_create(&writer, NULL, write_states, NULL), 0);
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, read_states, &tallies[i]), 0);
    for (unsigned i = 0; i < READERS; i++) {
        (void)pthread_join(readers[i], NULL);
        all.by_page += tallies[i].by_page;
        all.asked += tallies[i].asked;
        all.bad_uptime += tallies[i].bad_uptime;
        all.bad_date += tallies[i].bad_date;
        all.fast += tallies[i].fast;
        all.bad_fast += tallies[i].bad_fast;
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    (void)pthread_join(writer, NULL);
    figures(
        "%llu readings of %lu states by %u threads: %llu uptimes and %llu dates of no state; %llu "
        "asked the kernel; %llu of the last tick, %llu torn",
        all.by_page, states, READERS, all.bad_uptime, all.bad_date, all.asked, all.fast,
        all.bad_fast);
    assert_int_equal(all.bad_uptime + all.bad_date + all.bad_fast, 0);
    if (states <= STATES_WANTED)
        spoilt("%lu states only, as the thread that writes them hardly ran", states);
    assert_true(all.fast > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_reading_is_of_one_state)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
