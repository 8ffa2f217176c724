/* SPDX-License-Identifier: 0BSD */
/*
 * Threads, each a vCPU, that read one clock while another one plays its host.  The program sets the
 * first four members of `race` and calls race_run().
 */
#ifndef RACE_H
#define RACE_H

#include "tests/check.h"
#include "tests/patience.h"
#include "userspace_sim/step.h"
#include <pthread.h>

enum { VCPUS = 3, CHANGES_WANTED = 1000 };

static struct {
    /* Reads the clock on a vCPU for the n-th time; *guarded: it went through the guard. */
    uint64_t (*read)(uint32_t vcpu, uint64_t n, bool *guarded);
    /* The host changes its clock for the n-th time. */
    void (*change)(unsigned long n, uint64_t random);
    uint64_t reads;       /* at least, of each thread */
    unsigned most_pauses; /* of the host between two changes; a power of 2, less 1 */

    struct told told;
    unsigned long changes;
    uint32_t stop;
} race;

static void *race_host(void *unused)
{
    uint64_t random = test_seed + 5;

    (void)unused;
    while (!__atomic_load_n(&race.stop, __ATOMIC_RELAXED)) {
        uint64_t r = next_random(&random);

        race.change(race.changes, r);
        __atomic_store_n(&race.changes, race.changes + 1, __ATOMIC_RELAXED);
        for (uint64_t i = r >> 50 & race.most_pauses; i > 0; i--)
            __asm__ volatile("pause");
    }
    return NULL;
}

struct tally {
    uint32_t vcpu;
    time_t began;
    uint64_t reads, own, cross, worst, guarded;
};

/* The host may get its turn seldom. */
static bool race_saw_enough(const struct tally *n)
{
    return (__atomic_load_n(&race.changes, __ATOMIC_RELAXED) > CHANGES_WANTED && n->guarded > 0 &&
            n->guarded < n->reads) ||
           is_too_late(n->began);
}

static void *race_reader(void *argument)
{
    struct tally *n = argument;
    uint64_t last = 0;

    for (n->reads = 0; n->reads < race.reads || !race_saw_enough(n); n->reads++) {
        uint64_t seen = told_load(&race.told), ns;
        bool guarded = false;

        ns = race.read(n->vcpu, n->reads, &guarded);
        n->guarded += guarded;
        step_back(last, ns, &n->own, &n->worst);
        step_back(seen, ns, &n->cross, &n->worst);
        told_raise(&race.told, ns);
        last = ns;
    }
    return NULL;
}

/* Asserts that no thread sees a step back, its own or from what another one has read. */
static void race_run(const char *what)
{
    struct tally tallies[VCPUS], all = {0};
    pthread_t host, threads[VCPUS];

    assert_int_equal(pthread_create(&host, NULL, race_host, NULL), 0);
    for (uint32_t i = 0; i < VCPUS; i++) {
        tallies[i] = (struct tally){.vcpu = i, .began = time(NULL)};
        assert_int_equal(pthread_create(&threads[i], NULL, race_reader, &tallies[i]), 0);
    }
    for (uint32_t i = 0; i < VCPUS; i++) {
        (void)pthread_join(threads[i], NULL);
        all.reads += tallies[i].reads;
        all.own += tallies[i].own;
        all.cross += tallies[i].cross;
        all.guarded += tallies[i].guarded;
        all.worst = larger(all.worst, tallies[i].worst);
    }
    __atomic_store_n(&race.stop, 1, __ATOMIC_RELAXED);
    (void)pthread_join(host, NULL);
    figures("%llu readings on %u vCPUs, %llu of them guarded, while %s changed %lu times: %llu "
            "steps back, worst %llu ns",
            (unsigned long long)all.reads, VCPUS, (unsigned long long)all.guarded, what,
            race.changes, (unsigned long long)(all.own + all.cross), (unsigned long long)all.worst);
    assert_int_equal(all.own + all.cross, 0);
    if (race.changes <= CHANGES_WANTED)
        spoilt("%s changed %lu times only, as the thread that changes it hardly ran", what,
               race.changes);
    assert_true(all.guarded > 0 && all.guarded < all.reads);
}

#endif /* RACE_H */
