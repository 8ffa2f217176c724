/* SPDX-License-Identifier: 0BSD */
/*
 * The TSC of one vCPU against that of vCPU 0: ask, answer, and the answer lies between the two
 * readings of who asked.  The narrowest of many exchanges gives the offset and its error.
 */
#include "userspace_sim/clock.h"
#include "userspace_sim/ring3.h"

enum { EXCHANGES = 64 };

/* A question and its answer carry the same number: the run's start + the exchange. */
static struct {
    uint64_t question __attribute__((aligned(64)));
    uint64_t answer __attribute__((aligned(64)));
    uint64_t tsc;
} mail;

static bool wait_until(const uint64_t *word, uint64_t value, uint64_t patience)
{
    uint64_t begin = clock_tsc();

    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value) {
        if (clock_tsc() - begin > patience)
            return false;
    }
    return true;
}

static void answer(const struct thread_page *t)
{
    for (uint64_t i = 1; i <= EXCHANGES; i++) {
        if (!wait_until(&mail.question, t->start + i, t->patience))
            return;
        mail.tsc = clock_tsc();
        __atomic_store_n(&mail.answer, t->start + i, __ATOMIC_RELEASE);
    }
}

static void ask(struct thread_page *t)
{
    uint64_t best = UINT64_MAX;

    for (uint64_t i = 1; i <= EXCHANGES; i++) {
        uint64_t before = clock_tsc();
        __atomic_store_n(&mail.question, t->start + i, __ATOMIC_RELEASE);
        if (!wait_until(&mail.answer, t->start + i, t->patience))
            return;
        uint64_t there = mail.tsc, after = clock_tsc();
        t->offset.exchanges++;
        if (after - before >= best)
            continue;
        best = after - before;
        t->offset.error = best / 2 + 1;
        t->offset.cycles = (int64_t)(before + best / 2 - there);
    }
}

void offset(struct thread_page *t)
{
    t->offset = (struct offset_result){0};
    if (t->index == 0)
        answer(t);
    else
        ask(t);
}
