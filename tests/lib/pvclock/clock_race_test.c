/* SPDX-License-Identifier: 0BSD */
/*
 * The clock of clock.h read by threads, each a vCPU with a structure of its own, while a host sets
 * its clock forward and back, pauses, and takes STABLE away and gives it back.
 */
#include "tests/check.h"
#include "tests/patience.h"
#include "userspace_sim/step.h"
#include <pthread.h>
#include <pvclock/clock.h>

enum { VCPUS = 3, SKEW = 20000, ACTS_WANTED = 1000 };

static struct pvclock_clock machine_clock;
static struct pvclock_clock_vcpu vcpus[VCPUS] __attribute__((aligned(64)));
static struct {
    struct pvclock_vcpu_time_info info;
} pages[VCPUS] __attribute__((aligned(64)));
static __thread uint32_t running;
static uint32_t stop;
static struct told told;
static unsigned long acts;

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

static void *play_host(void *unused)
{
    uint64_t random = test_seed + 5;

    (void)unused;
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        uint64_t r = next_random(&random);

        host_acts(r);
        __atomic_store_n(&acts, acts + 1, __ATOMIC_RELAXED);
        for (unsigned i = r >> 50 & 16383; i > 0; i--)
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
    return (__atomic_load_n(&acts, __ATOMIC_RELAXED) > ACTS_WANTED && n->guarded > 0 &&
            n->guarded < n->reads) ||
           is_too_late(n->began);
}

static void *read_clock(void *argument)
{
    struct tally *n = argument;
    uint64_t last = 0;

    running = n->vcpu;
    for (n->reads = 0; n->reads < test_count() || !saw_enough(n); n->reads++) {
        uint64_t seen = told_load(&told);
        struct pvclock_reading now = pvclock_clock_read(&machine_clock, PVCLOCK_BY_CALL);

        n->guarded += (now.flags & PVCLOCK_READ_GUARDED) != 0;
        step_back(last, now.ns, &n->own, &n->worst);
        step_back(seen, now.ns, &n->cross, &n->worst);
        told_raise(&told, now.ns);
        last = now.ns;
    }
    return NULL;
}

static void no_reader_steps_back(void **state)
{
    struct tally tallies[VCPUS], all = {0};
    pthread_t host, threads[VCPUS];

    (void)state;
    assert_int_equal(pvclock_clock_init(&machine_clock, vcpus, VCPUS, PVCLOCK_FEATURE_TSC_STABLE,
                                        PVCLOCK_LFENCE, 0, pvclock_tsc_now(PVCLOCK_LFENCE)),
                     PVCLOCK_OK);
    machine_clock.this_vcpu = this_vcpu;
    host_acts(1);
    for (uint32_t i = 0; i < VCPUS; i++)
        pvclock_clock_attach(&machine_clock, i, &pages[i].info);
    assert_int_equal(pthread_create(&host, NULL, play_host, NULL), 0);
    for (uint32_t i = 0; i < VCPUS; i++) {
        tallies[i] = (struct tally){.vcpu = i, .began = time(NULL)};
        assert_int_equal(pthread_create(&threads[i], NULL, read_clock, &tallies[i]), 0);
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
    figures("%llu readings on %u vCPUs, %llu of them guarded, while the host's clock changed %lu "
            "times: %llu steps back, worst %llu ns",
            (unsigned long long)all.reads, VCPUS, (unsigned long long)all.guarded, acts,
            (unsigned long long)(all.own + all.cross), (unsigned long long)all.worst);
    assert_int_equal(all.own + all.cross, 0);
    if (acts <= ACTS_WANTED)
        spoilt("the host's clock changed %lu times only, as its thread hardly ran", acts);
    assert_true(all.guarded > 0 && all.guarded < all.reads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_reader_steps_back)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
