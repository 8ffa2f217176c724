/* SPDX-License-Identifier: 0BSD */
/*
 * The clock of clock.h read by threads, each a vCPU with a structure of its own, while a host sets
 * its clock forward and back, pauses, and takes STABLE away and gives it back.
 */
#include "tests/race.h"
#include <pvclock/clock.h>

enum { SKEW = 20000 };

static struct pvclock_clock machine_clock;
static struct pvclock_clock_vcpu vcpus[VCPUS] __attribute__((aligned(64)));
static struct {
    struct pvclock_vcpu_time_info info;
} pages[VCPUS] __attribute__((aligned(64)));
static __thread uint32_t running;

static uint32_t this_vcpu(void *context)
{
    (void)context;
    return running;
}

/* As with a host, no vCPU runs at that time: none finds an old structure beside a new one. */
static void host_acts(uint64_t random)
{
    static uint64_t offset = UINT64_C(1) << 50;
    bool stable = (random & 3) != 0;
    uint64_t now;

    for (uint32_t i = 0; i < VCPUS; i++)
        __atomic_or_fetch(&pages[i].info.version, 1, __ATOMIC_SEQ_CST);
    now = pvclock_tsc_now(PVCLOCK_LFENCE);
    /* Forward somewhat more than back, or time would stand in the end. */
    offset += (random >> 8 & 0xffff) - 0x7000;
    for (uint32_t i = 0; i < VCPUS; i++) {
        int64_t skew = stable ? 0 : (int64_t)(random >> 16 * i & 0xffff) % (2 * SKEW) - SKEW;
        const struct pvclock_snapshot s = {
            .tsc_timestamp = now,
            .system_time = now + offset + (uint64_t)skew, /* 1 cycle is 1 ns */
            .mul = 1u << 31,
            .shift = random & 4 ? 1 : 0, /* or half of one */
            .flags = stable ? PVCLOCK_FLAG_TSC_STABLE : 0,
        };
        pvclock_publish(&pages[i].info, &s);
    }
}

static void change(unsigned long n, uint64_t random)
{
    (void)n;
    host_acts(random);
}

static uint64_t read_clock(uint32_t vcpu, uint64_t n, bool *guarded)
{
    struct pvclock_reading now;

    (void)n;
    running = vcpu;
    now = pvclock_clock_read(&machine_clock, PVCLOCK_BY_CALL);
    *guarded = (now.flags & PVCLOCK_READ_GUARDED) != 0;
    return now.ns;
}

static void no_reader_steps_back(void **state)
{
    (void)state;
    assert_int_equal(pvclock_clock_init(&machine_clock, vcpus, VCPUS, PVCLOCK_FEATURE_TSC_STABLE,
                                        PVCLOCK_LFENCE, 0, pvclock_tsc_now(PVCLOCK_LFENCE)),
                     PVCLOCK_OK);
    machine_clock.this_vcpu = this_vcpu;
    host_acts(1);
    for (uint32_t i = 0; i < VCPUS; i++)
        pvclock_clock_attach(&machine_clock, i, &pages[i].info);
    race.read = read_clock;
    race.change = change;
    race.reads = test_count();
    race.most_pauses = 16383;
    race_run("the host's clock");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_reader_steps_back)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
