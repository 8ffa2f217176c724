/* SPDX-License-Identifier: 0BSD */
/*
 * userspace_sim/offset.c on two vCPUs that take turns, at each look at a TSC that the test scripts:
 * the host pauses the guest while one waits for the other.
 */
#include "pvclock/port/mock.h"
#include "tests/check.h"
#include "userspace_sim/ring3.h"
#include <ucontext.h>

enum { VCPUS = 2, KHZ = 100000, MS = KHZ, LOOK = 40, FEW = 64, SMALL_ERROR = 1000 };

static const uint64_t PAUSE = UINT64_C(22000) * MS;

struct pvclock_mock pvclock_mock;

static struct thread_page pages[VCPUS];
static ucontext_t vcpus[VCPUS], test;
static char vcpu_stacks[VCPUS][1 << 16];
static bool runs[VCPUS];
static unsigned running;
static uint64_t looks, pause_at, random_state;

static void switch_to(unsigned vcpu)
{
    unsigned from = running;

    running = vcpu;
    assert_int_equal(swapcontext(&vcpus[from], &vcpus[vcpu]), 0);
}

/* However the TSC is read: it takes time, and in one of the looks the host pauses the guest. */
static void look(void)
{
    pvclock_mock.tsc += LOOK;
    if (++looks == pause_at)
        pvclock_mock.tsc += PAUSE;
    if (runs[!running] && next_random(&random_state) % 2)
        switch_to(!running);
}

uint64_t rdtsc_ordered(void)
{
    look();
    return pvclock_mock.tsc;
}

static void script(enum pvclock_mock_step step, const volatile void *address)
{
    (void)address;
    if (step == PVCLOCK_MOCK_TSC_LFENCE)
        look();
}

static void run_vcpu(void)
{
    for (;;) {
        offset(&pages[running]);
        runs[running] = false;
        if (runs[!running])
            switch_to(!running);
        else
            (void)swapcontext(&vcpus[running], &test);
    }
}

static void start_vcpu(unsigned index, uint32_t run)
{
    pages[index] = (struct thread_page){
        .index = index, .run = run, .amount = 60, .tsc_hz = KHZ * UINT64_C(1000)};
    runs[index] = true;
    (void)getcontext(&vcpus[index]);
    vcpus[index].uc_stack.ss_sp = vcpu_stacks[index];
    vcpus[index].uc_stack.ss_size = sizeof(vcpu_stacks[index]);
    makecontext(&vcpus[index], run_vcpu, 0);
}

/* Measures on vCPUs [first, end), with a pause in that look. */
static void measure_offset(unsigned first, unsigned end, uint64_t at)
{
    static uint32_t run;

    looks = 0;
    pause_at = at;
    random_state = at;
    run++;
    pvclock_mock = (struct pvclock_mock){.tsc = 123456789, .script = script};
    for (unsigned i = first; i < end; i++)
        start_vcpu(i, run);
    running = first;
    assert_int_equal(swapcontext(&test, &vcpus[first]), 0);
}

static void a_pause_ends_no_measurement(void **state)
{
    (void)state;
    for (uint64_t at = 1; at < 1000; at++) {
        measure_offset(0, VCPUS, at);
        assert_that(pages[1].offset.exchanges >= FEW, "%u exchanges, with a pause in look %u",
                    (unsigned)pages[1].offset.exchanges, (unsigned)at);
        assert_in_range(pages[1].offset.error, 1, SMALL_ERROR);
    }
    figures("22 s in each of 999 looks: %u exchanges or more, small errors", FEW);
}

/* Who asks or answers in vain ends; a pause in it does not matter. */
static void a_wait_for_nobody_ends(void **state)
{
    (void)state;
    for (unsigned vcpu = 0; vcpu < VCPUS; vcpu++) {
        measure_offset(vcpu, vcpu + 1, 100);
        assert_int_equal(pages[vcpu].offset.exchanges, 0);
        uint64_t took = pvclock_mock.tsc - 123456789 - PAUSE;
        assert_in_range(took, 400 * MS, 600 * MS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pause_ends_no_measurement),
        cmocka_unit_test(a_wait_for_nobody_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
