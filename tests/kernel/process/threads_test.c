/* SPDX-License-Identifier: 0BSD */
/*
 * kernel/process/threads.c: a waiting thread changes places with the one at each tick, and none is
 * lost or runs twice.
 */
#include "arch/x86/ipi.h"
#include "arch/x86/user.h"
#include "kernel/process/threads.h"
#include "tests/check.h"
#include <pthread.h>
#include <sched.h>
#include <string.h>

enum { CPUS = 3 };

static struct cpu cpus[CPUS];
static struct trap_frame frames[CPUS]; /* what each vCPU is to go on with */
static struct trap_frame resumed;
static jmp_buf away;

static uint64_t dispatched[CPUS]; /* how often a vCPU was said to be given a thread */

void words_dispatched(const struct cpu *cpu)
{
    dispatched[cpu->index]++;
}

void smp_answer_flush(void)
{
    sched_yield();
}

_Noreturn void user_resume(struct trap_frame *frame)
{
    resumed = *frame;
    longjmp(away, 1);
}

/* Registers by which a thread can be told, all of them different. */
static struct trap_frame frame_of(uint32_t thread, uint32_t times)
{
    struct trap_frame f;
    uint64_t *word = (uint64_t *)&f;

    for (unsigned i = 0; i < sizeof(f) / sizeof(*word); i++)
        word[i] = (uint64_t)thread << 32 | times << 8 | i;
    return f;
}

static bool is(const struct trap_frame *f, uint32_t thread, uint32_t times)
{
    struct trap_frame want = frame_of(thread, times);

    return memcmp(f, &want, sizeof(want)) == 0;
}

static void begin(uint32_t waiting)
{
    struct trap_frame f = frame_of(waiting, 0);

    for (uint32_t i = 0; i < CPUS; i++) {
        cpus[i] = (struct cpu){.index = i, .thread = i};
        frames[i] = frame_of(i, 0);
    }
    memset(dispatched, 0, sizeof(dispatched));
    threads_move_begin(waiting, &f);
    memset(&f, 0, sizeof(f));
}

/* Whether another thread of this vCPU was resumed as one ended. */
static bool end_on(uint32_t cpu)
{
    memset(&resumed, 0, sizeof(resumed));
    if (setjmp(away))
        return true;
    threads_ended(&cpus[cpu]);
    return false;
}

static void at_a_tick_the_waiting_thread_takes_the_vcpu(void **state)
{
    (void)state;
    begin(3);
    threads_tick(&cpus[1], &frames[1]);
    assert_int_equal(cpus[1].thread, 3);
    assert_true(is(&frames[1], 3, 0));
    threads_tick(&cpus[0], &frames[0]);
    assert_int_equal(cpus[0].thread, 1);
    assert_true(is(&frames[0], 1, 0));
    /* It went on meanwhile. */
    frames[1] = frame_of(3, 7);
    threads_tick(&cpus[1], &frames[1]);
    assert_int_equal(cpus[1].thread, 0);
    assert_true(is(&frames[1], 0, 0));
    threads_tick(&cpus[2], &frames[2]);
    assert_int_equal(cpus[2].thread, 3);
    assert_true(is(&frames[2], 3, 7));
    assert_true(end_on(0));
    /* Whoever keeps a vCPU's word must know of each. */
    assert_int_equal(dispatched[0], 2);
    assert_int_equal(dispatched[1], 2);
    assert_int_equal(dispatched[2], 1);
}

static void the_last_one_ends_where_another_has_ended(void **state)
{
    (void)state;
    begin(3);
    threads_tick(&cpus[2], &frames[2]);
    assert_true(end_on(1));
    assert_int_equal(cpus[1].thread, 2);
    assert_true(is(&resumed, 2, 0));
    /* None waits any more: ticks change nothing, and the others end for good. */
    threads_tick(&cpus[0], &frames[0]);
    assert_int_equal(cpus[0].thread, 0);
    assert_true(is(&frames[0], 0, 0));
    assert_int_equal(dispatched[0], 0);
    for (uint32_t i = 0; i < CPUS; i++)
        assert_false(end_on(i));
    assert_int_equal(dispatched[1], 1);
    /* The next job begins with its own. */
    begin(2);
    assert_true(end_on(0));
    assert_true(is(&resumed, 2, 0));
    assert_false(end_on(0));
}

/* ---- Two vCPUs at once ------------------------------------------------- */

enum { ROUNDS = 20000 };

static struct cpu busy[CPUS];

/* A thread that is told by two words, one at each end of its registers. */
static void *tick_and_tick(void *cpu)
{
    struct cpu *own = cpu;
    struct trap_frame f = frame_of(own->thread, 0);
    uint64_t torn = 0;

    for (unsigned i = 0; i < ROUNDS; i++) {
        threads_tick(own, &f);
        torn += !is(&f, own->thread, 0);
    }
    frames[own->index] = f;
    return (void *)(uintptr_t)torn;
}

static void registers_stay_with_their_thread_on_two_vcpus_at_once(void **state)
{
    pthread_t threads[CPUS];
    uint32_t seen = 0;
    struct trap_frame f = frame_of(CPUS, 0);
    void *torn;

    (void)state;
    threads_move_begin(CPUS, &f);
    for (uint32_t i = 0; i < CPUS; i++) {
        busy[i] = (struct cpu){.index = i, .thread = i};
        assert_int_equal(pthread_create(&threads[i], NULL, tick_and_tick, &busy[i]), 0);
    }
    for (uint32_t i = 0; i < CPUS; i++) {
        assert_int_equal(pthread_join(threads[i], &torn), 0);
        assert_null(torn);
    }
    for (uint32_t i = 0; i < CPUS; i++)
        seen |= 1u << busy[i].thread;
    assert_true(end_on(0));
    seen |= 1u << cpus[0].thread;
    assert_int_equal(seen, (1u << (CPUS + 1)) - 1);
    figures("%u ticks on %u vCPUs", ROUNDS * CPUS, CPUS);
}

static bool stop;

static void *tick_until_stopped(void *cpu)
{
    struct cpu *own = cpu;
    struct trap_frame f = frame_of(own->thread, 0);
    uint64_t torn = 0;

    while (!__atomic_load_n(&stop, __ATOMIC_ACQUIRE)) {
        threads_tick(own, &f);
        torn += !is(&f, own->thread, 0);
    }
    return (void *)(uintptr_t)torn;
}

static void a_thread_that_begins_to_wait_is_whole_at_once(void **state)
{
    struct trap_frame f;
    pthread_t thread;
    void *torn;

    (void)state;
    busy[0] = (struct cpu){.thread = 7};
    assert_int_equal(pthread_create(&thread, NULL, tick_until_stopped, &busy[0]), 0);
    for (unsigned i = 0; i < 10 * ROUNDS; i++) {
        f = frame_of(i % 64, 0);
        threads_move_begin(i % 64, &f);
        if (i % ROUNDS == 0)
            sched_yield();
    }
    __atomic_store_n(&stop, true, __ATOMIC_RELEASE);
    assert_int_equal(pthread_join(thread, &torn), 0);
    assert_null(torn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_a_tick_the_waiting_thread_takes_the_vcpu),
        cmocka_unit_test(the_last_one_ends_where_another_has_ended),
        cmocka_unit_test(registers_stay_with_their_thread_on_two_vcpus_at_once),
        cmocka_unit_test(a_thread_that_begins_to_wait_is_whole_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
