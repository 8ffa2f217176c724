/* SPDX-License-Identifier: 0BSD */
/*
 * The counter of drivers/kvmclock read by threads, each a vCPU with a structure of its own, while a
 * host takes STABLE away, lets the structures disagree, and makes them agree again.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/msr.h"
#include "arch/x86/tsc.h"
#include "drivers/kvmclock/kvmclock.h"
#include "tests/race.h"
#include <pvclock/read.h>

enum { SKEW = 20000, WATCH_EVERY = 50 };

static struct kvmclock kc;
static struct kvmclock_slot slots[MAX_CPUS] __attribute__((aligned(4096)));
static __thread struct cpu running;

/* The driver asks neither: it is told that it is present. */
struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    (void)leaf;
    (void)subleaf;
    return (struct cpuid){0};
}

bool wrmsr_safe(uint32_t msr, uint64_t value)
{
    (void)msr;
    (void)value;
    return false;
}

uint64_t rdtsc_ordered(void)
{
    return pvclock_tsc_now(PVCLOCK_LFENCE);
}

uint32_t cpu_count;

struct cpu *this_cpu(void)
{
    return &running;
}

/* As with a host, no vCPU runs at that time: none finds an old structure beside a new one. */
static void host_writes(bool stable, uint64_t random)
{
    uint64_t now;

    for (uint32_t i = 0; i < VCPUS; i++)
        __atomic_or_fetch(&slots[i].info.version, 1, __ATOMIC_SEQ_CST);
    now = rdtsc_ordered();
    for (uint32_t i = 0; i < VCPUS; i++) {
        int64_t skew = stable ? 0 : (int64_t)(random >> 16 * i & 0xffff) % (2 * SKEW) - SKEW;
        const struct pvclock_snapshot s = {
            .tsc_timestamp = now,
            .system_time = now + (uint64_t)skew, /* 1 cycle is 1 ns */
            .mul = 1u << 31,
            .shift = 1,
            .flags = stable ? PVCLOCK_FLAG_TSC_STABLE : 0,
        };
        pvclock_publish(&slots[i].info, &s);
    }
}

static void change(unsigned long n, uint64_t random)
{
    host_writes(n & 1, random);
}

static uint64_t read_clock(uint32_t vcpu, uint64_t n, bool *guarded)
{
    uint64_t ns;

    running.index = vcpu;
    /* vCPU 0's tick. */
    if (vcpu == 0 && n % WATCH_EVERY == WATCH_EVERY - 1)
        kvmclock_watch(&kc, VCPUS);
    ns = kc.counter.read(&kc);
    *guarded = __atomic_load_n(&kc.floor, __ATOMIC_RELAXED) != 0;
    return ns;
}

static void no_reader_steps_back(void **state)
{
    (void)state;
    kc.slots = slots;
    kc.present = true;
    kc.host.features = PVCLOCK_FEATURE_TSC_STABLE;
    for (uint32_t i = 0; i < VCPUS; i++)
        kc.vcpus[i].registered = true;
    host_writes(true, 0);
    kvmclock_check(&kc, VCPUS);
    assert_true(kc.stable);
    race.read = read_clock;
    race.change = change;
    race.reads = test_count() * 2;
    race.most_pauses = 4095;
    race_run("STABLE");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_reader_steps_back)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
