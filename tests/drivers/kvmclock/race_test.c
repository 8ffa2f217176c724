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
#include "tests/check.h"
#include "tests/patience.h"
#include "userspace_sim/step.h"
#include <pthread.h>
#include <pvclock/read.h>

enum { VCPUS = 3, SKEW = 20000, WATCH_EVERY = 50, LOSSES_WANTED = 1000 };

static struct kvmclock kc;
static struct kvmclock_slot slots[MAX_CPUS] __attribute__((aligned(4096)));
static __thread struct cpu running;
static uint32_t stop;
static struct told told;
static unsigned long losses;

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

static void *play_host(void *unused)
{
    uint64_t random = 5;

    (void)unused;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        uint64_t r = next_random(&random);
        host_writes(losses & 1, r);
        __atomic_store_n(&losses, losses + 1, __ATOMIC_RELAXED);
        for (unsigned i = r >> 52 & 4095; i > 0; i--)
            PVCLOCK_PAUSE();
    }
    return NULL;
}

struct tally {
    uint32_t vcpu;
    time_t began;
    uint64_t reads, own, cross, worst, guarded;
};

/* The host may get its turn seldom. */
static bool saw_enough(const struct tally *n)
{
    return (__atomic_load_n(&losses, __ATOMIC_RELAXED) > LOSSES_WANTED && n->guarded > 0 &&
            n->guarded < n->reads) ||
           is_too_late(n->began);
}

static void *read_counter(void *argument)
{
    struct tally *n = argument;
    uint64_t last = 0;

    running.index = n->vcpu;
    for (n->reads = 0; n->reads < test_count() * 2 || !saw_enough(n); n->reads++) {
        uint64_t seen = told_load(&told), ns = kc.counter.read(&kc);

        n->guarded += __atomic_load_n(&kc.floor, __ATOMIC_RELAXED) != 0;
        step_back(last, ns, &n->own, &n->worst);
        step_back(seen, ns, &n->cross, &n->worst);
        told_raise(&told, ns);
        last = ns;
        /* vCPU 0's tick. */
        if (n->vcpu == 0 && n->reads % WATCH_EVERY == 0)
            kvmclock_watch(&kc, VCPUS);
    }
    return NULL;
}

static void no_reader_steps_back(void **state)
{
    struct tally tallies[VCPUS], all = {0};
    pthread_t host, threads[VCPUS];

    (void)state;
    kc.slots = slots;
    kc.present = true;
    kc.host.features = PVCLOCK_FEATURE_TSC_STABLE;
    for (uint32_t i = 0; i < VCPUS; i++)
        kc.vcpus[i].registered = true;
    host_writes(true, 0);
    kvmclock_check(&kc, VCPUS);
    assert_true(kc.stable);
    assert_int_equal(pthread_create(&host, NULL, play_host, NULL), 0);
    for (uint32_t i = 0; i < VCPUS; i++) {
        tallies[i] = (struct tally){.vcpu = i, .began = time(NULL)};
        assert_int_equal(pthread_create(&threads[i], NULL, read_counter, &tallies[i]), 0);
    }
    for (uint32_t i = 0; i < VCPUS; i++) {
        (void)pthread_join(threads[i], NULL);
        all.reads += tallies[i].reads;
        all.own += tallies[i].own;
        all.cross += tallies[i].cross;
        all.guarded += tallies[i].guarded;
        all.worst = tallies[i].worst > all.worst ? tallies[i].worst : all.worst;
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    (void)pthread_join(host, NULL);
    figures("%llu readings on %u vCPUs, %llu of them guarded, while STABLE changed %lu times: %llu "
            "steps back, worst %llu ns",
            (unsigned long long)all.reads, VCPUS, (unsigned long long)all.guarded, losses,
            (unsigned long long)(all.own + all.cross), (unsigned long long)all.worst);
    assert_int_equal(all.own + all.cross, 0);
    if (losses <= LOSSES_WANTED)
        spoilt("STABLE changed %lu times only, as the thread that changes it hardly ran", losses);
    assert_true(all.guarded > 0 && all.guarded < all.reads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_reader_steps_back)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
