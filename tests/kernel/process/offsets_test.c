/* SPDX-License-Identifier: 0BSD */
/*
 * kernel/process/offsets.c: two TSCs agree as long as no message between their vCPUs was seen to
 * arrive before it was sent.
 */
#include "kernel/process/jobs.h"
#include "kernel/process/process.h"
#include "tests/check.h"
#include <clockpage/report.h>
#include <stdio.h>

uint32_t cpu_count = 2;

/* What the measuring thread's counter is ahead by, and what its message takes there and back. */
static struct {
    int64_t ahead;
    uint64_t there, back;
    bool answered, hangs;
    unsigned jobs, silent_jobs; /* run so far; the first that nobody answers in */
} machine;

static struct thread_page page;
static struct thread thread = {.page = &page};
static enum result verdict;
static char told[200]; /* the verdict's figures */
static uint64_t ms;    /* that the last exchange was given */

struct thread *process_thread(uint32_t index)
{
    assert_int_equal(index, 1);
    return &thread;
}

void check(enum result result, const char *name, const char *figures, ...)
{
    assert_string_equal(name, "tsc.offset");
    va_list list;

    va_start(list, figures);
    (void)vsnprintf(told, sizeof(told), figures, list);
    va_end(list);
    verdict = result;
}

/* The narrowest exchange, as userspace_sim/offset.c takes it. */
bool job_run(const struct job_order *order)
{
    const uint64_t sent = 1000000000;
    uint64_t before = sent + (uint64_t)machine.ahead, there = sent + machine.there;
    uint64_t width = machine.there + machine.back;

    assert_int_equal(order->job, JOB_OFFSET);
    /* One thread beside that of vCPU 0. */
    assert_int_equal(order->first, 1);
    assert_int_equal(order->count, 1);
    assert_true(order->with_zero);
    ms = order->amount;
    page.offset = (struct offset_result){
        .cycles = (int64_t)(before + width / 2 - there),
        .error = width / 2 + 1,
        .exchanges = machine.answered && machine.jobs >= machine.silent_jobs,
    };
    machine.jobs++;
    return !machine.hangs;
}

/* Whether the counters agree, both ways round; a cycle is lost where the width is odd. */
static bool agree(int64_t ahead, uint64_t there, uint64_t back)
{
    machine.ahead = ahead;
    machine.there = there;
    machine.back = back;
    machine.answered = true;
    return offsets_measure(1, 2);
}

static void counters_agree_until_a_message_arrives_before_it_was_sent(void **state)
{
    (void)state;
    for (uint64_t there = 0; there < 2000; there += 111) {
        for (uint64_t back = 0; back < 2000; back += 97) {
            assert_true(agree((int64_t)there, there, back));
            assert_true(agree(-(int64_t)back, there, back));
            assert_true(agree(0, there, back));
            assert_false(agree((int64_t)there + 3, there, back));
            assert_false(agree(-(int64_t)back - 3, there, back));
        }
    }
    figures("378 pairs of latencies, and offsets up to 3 cycles beside the edge");
}

static void a_vcpu_that_does_not_answer_is_not_measured(void **state)
{
    int64_t cycles;
    uint64_t error;

    (void)state;
    assert_true(agree(0, 100, 100));
    offsets_judge(true, "");
    assert_int_equal(verdict, PASS);
    assert_string_equal(told, "1 vCPUs against vCPU 0: at most 0 cycles, too little to be seen by "
                              "each other; 0 not measured");
    assert_true(offset_get(1, &cycles, &error));
    assert_int_equal(cycles, 0);
    assert_int_equal(error, 101);
    (void)agree(-70, 100, 100);
    assert_true(offset_get(1, &cycles, &error));
    assert_int_equal(cycles, -70);
    offsets_judge(true, ", and more");
    assert_string_equal(told, "1 vCPUs against vCPU 0: at most 70 cycles, too little to be seen by "
                              "each other; 0 not measured, and more");
    machine.answered = false;
    assert_false(offsets_measure(1, 2));
    offsets_judge(false, "");
    assert_int_equal(verdict, SKIP);
    assert_string_equal(told, "1 of 1 vCPUs not measured: the host never ran them and vCPU 0 at "
                              "the same time");
    assert_false(offset_get(1, &cycles, &error));
    assert_true(offset_get(0, &cycles, &error));
    machine.hangs = true;
    assert_false(offsets_measure(1, 2));
    offsets_judge(false, "");
    assert_int_equal(verdict, FAIL);
    machine.hangs = false;
    /* One that is forgotten was not measured. */
    assert_true(agree(0, 100, 100));
    offsets_forget(1, 2);
    assert_false(offset_get(1, &cycles, &error));
    cpu_count = 1;
    offsets_judge(true, "");
    assert_int_equal(verdict, SKIP);
    cpu_count = 2;
}

/* The host was busy, or paused the guest, the first two times. */
static void a_silent_vcpu_is_asked_again(void **state)
{
    (void)state;
    for (unsigned silent = 0; silent < 5; silent++) {
        machine.jobs = 0;
        machine.silent_jobs = silent;
        assert_int_equal(agree(0, 100, 100), silent < 3);
    }
    machine.silent_jobs = 0;
}

static void many_vcpus_share_two_seconds(void **state)
{
    const struct {
        uint32_t vcpus;
        uint64_t ms;
    } cases[] = {{2, 60}, {33, 60}, {34, 58}, {40, 50}, {69, 28}, {200, 10}};

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        cpu_count = cases[i].vcpus;
        (void)agree(0, 100, 100);
        assert_int_equal(ms, cases[i].ms);
    }
    cpu_count = 2;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counters_agree_until_a_message_arrives_before_it_was_sent),
        cmocka_unit_test(a_vcpu_that_does_not_answer_is_not_measured),
        cmocka_unit_test(a_silent_vcpu_is_asked_again),
        cmocka_unit_test(many_vcpus_share_two_seconds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
