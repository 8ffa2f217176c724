/* SPDX-License-Identifier: 0BSD */
/*
 * lib/timepage/gettime.c where the kernel keeps a word for each vCPU: not STABLE, without RDTSCP,
 * the thread is moved at any step, away or away and back, and each reading is of one vCPU.
 */
#include "tests/check.h"
#include <limits.h>
#include <pvclock/port/mock.h>
#include <string.h>
#include <timepage/gettime.h>

struct pvclock_mock pvclock_mock;

enum { VCPUS = 3, TSC = 1 << 20, NS = 1000000 };

static struct pvclock_vcpu_time_info structures[VCPUS];
static struct time_page page;
static struct pvclock_guard guard;

/* vCPU n's TSC is n * 2^24 ahead, and its structure says so: the time is NS + 100 on each. */
static uint64_t tsc_of(uint32_t vcpu)
{
    return TSC + ((uint64_t)vcpu << 24);
}

static void run_on(uint32_t vcpu)
{
    pvclock_mock.word = (pvclock_mock.word & ~(uint64_t)UINT32_MAX) + (UINT64_C(1) << 32) + vcpu;
    pvclock_mock.tsc = tsc_of(vcpu) + 200;
}

static unsigned steps(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < PVCLOCK_MOCK_STEPS; i++)
        n += pvclock_mock.count[i];
    return n;
}

static unsigned away_at, back_at;
static uint32_t back_to;

static void move(enum pvclock_mock_step step, const volatile void *address)
{
    (void)step;
    (void)address;
    if (steps() == away_at)
        run_on(1);
    if (steps() == back_at)
        run_on(back_to);
}

static void start(void)
{
    memset(&pvclock_mock, 0, sizeof(pvclock_mock));
    guard.last = 0;
    for (uint32_t i = 0; i < VCPUS; i++)
        structures[i] = (struct pvclock_vcpu_time_info){.version = 2,
                                                        .tsc_timestamp = tsc_of(i),
                                                        .system_time = NS,
                                                        .tsc_to_system_mul = 1u << 31};
    page = (struct time_page){TIME_PAGE_IDENTITY, .sequence = 2,  .algorithm = TIME_PVCLOCK,
                              .has_vcpu_word = 1, .vcpus = VCPUS, .stride = sizeof(structures[0]),
                              .floor = 1};
    run_on(0);
}

static void word_each_reading_is_of_one_vcpu(void **state)
{
    enum { STEPS = 24 };
    unsigned readings = 0;

    (void)state;
    for (back_to = 0; back_to < VCPUS; back_to++) {
        for (away_at = 1; away_at < STEPS; away_at++) {
            for (back_at = away_at + 1; back_at < STEPS; back_at++) {
                struct pvclock_timespec t = {-1, -1};
                start();
                struct gettime g = {
                    .time = &page, .structures = structures, .guard = &guard, .sequence = 1};
                pvclock_mock.script = move;
                assert_int_equal(gettime_read(&g, GETTIME_UPTIME, &t), GETTIME_PATH_OWN_VCPU);
                assert_true(t.tv_sec == 0 && t.tv_nsec == NS + 100);
                assert_int_equal(pvclock_mock.count[PVCLOCK_MOCK_TSC_RDTSCP], 0);
                readings++;
            }
        }
    }
    figures("%u readings", readings);
}

/* A pause that the kernel does not know yet is looked for in the structure that was read. */
static void word_a_pause_is_looked_for(void **state)
{
    (void)state;
    for (uint32_t vcpu = 0; vcpu < VCPUS; vcpu++) {
        for (uint32_t stopped = 0; stopped < VCPUS; stopped++) {
            struct pvclock_timespec t;
            start();
            struct gettime g = {
                .time = &page, .structures = structures, .guard = &guard, .sequence = 1};
            run_on(vcpu);
            structures[stopped].flags = PVCLOCK_FLAG_GUEST_STOPPED;
            assert_int_equal(gettime_read(&g, GETTIME_UPTIME, &t),
                             vcpu == stopped ? GETTIME_PATH_SYSTEM_CALL : GETTIME_PATH_OWN_VCPU);
        }
    }
    /* The thread is moved to vCPU 1, whose time is from before the pause: that is never told. */
    back_at = UINT_MAX;
    for (away_at = 1; away_at < 24; away_at++) {
        struct pvclock_timespec t = {-1, -1};
        start();
        struct gettime g = {
            .time = &page, .structures = structures, .guard = &guard, .sequence = 1};
        structures[1].flags = PVCLOCK_FLAG_GUEST_STOPPED;
        structures[1].system_time += 7000;
        pvclock_mock.script = move;
        if (gettime_read(&g, GETTIME_UPTIME, &t) == GETTIME_PATH_OWN_VCPU)
            assert_true(t.tv_sec == 0 && t.tv_nsec == NS + 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(word_each_reading_is_of_one_vcpu),
        cmocka_unit_test(word_a_pause_is_looked_for),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
