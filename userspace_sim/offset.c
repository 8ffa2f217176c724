/* SPDX-License-Identifier: 0BSD */
/*
 * Measures the TSC of one vCPU against that of vCPU 0, for the report: one asks, vCPU 0 answers,
 * and the answer lies between the asker's two readings.  The narrowest of many exchanges gives
 * the offset and its error.
 */
#include "arch/x86/wait.h"
#include "userspace_sim/clock.h"
#include "userspace_sim/ring3.h"

/*
 * At least FEW exchanges, then more until the error is small.  A vCPU that the host has
 * descheduled answers late: when the budget is spent, the best so far is used, since there may be
 * many vCPUs.
 */
enum { FEW = 64, MANY = 990, END = 999, SMALL_ERROR = 1000 };

/* A question and its answer carry the same number: start_of() + the exchange, END to stop. */
static struct {
    uint64_t question __attribute__((aligned(64)));
    uint64_t answer __attribute__((aligned(64)));
    uint64_t tsc;
} mail;

static uint64_t start_of(const struct thread_page *t)
{
    return (uint64_t)t->run * 1000;
}

static bool wait_until(const uint64_t *word, uint64_t value, uint64_t patience)
{
    struct wait wait = wait_begin(patience);

    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) != value) {
        if (wait_is_over(&wait))
            return false;
    }
    return true;
}

static void answer(const struct thread_page *t)
{
    struct wait wait = wait_begin(t->tsc_hz / 2);
    uint64_t answered = start_of(t);

    while (!wait_is_over(&wait)) {
        uint64_t question = __atomic_load_n(&mail.question, __ATOMIC_ACQUIRE);
        if (question <= answered)
            continue;
        if (question == start_of(t) + END)
            return;
        mail.tsc = clock_tsc();
        answered = question;
        __atomic_store_n(&mail.answer, question, __ATOMIC_RELEASE);
    }
}

static void ask(struct thread_page *t)
{
    struct wait budget = wait_begin(t->tsc_hz / 1000 * t->amount);
    uint64_t best = UINT64_MAX;

    for (uint64_t i = 1; i <= MANY; i++) {
        uint64_t before = clock_tsc();
        __atomic_store_n(&mail.question, start_of(t) + i, __ATOMIC_RELEASE);
        if (!wait_until(&mail.answer, start_of(t) + i, t->tsc_hz / 2))
            break;
        uint64_t there = mail.tsc, after = clock_tsc();
        t->offset.exchanges++;
        if (after - before < best) {
            best = after - before;
            t->offset.error = best / 2 + 1;
            t->offset.cycles = (int64_t)(before + best / 2 - there);
        }
        if (wait_is_over(&budget) || (i >= FEW && t->offset.error <= SMALL_ERROR))
            break;
    }
    __atomic_store_n(&mail.question, start_of(t) + END, __ATOMIC_RELEASE);
}

void offset(struct thread_page *t)
{
    t->offset = (struct offset_result){0};
    if (t->index == 0)
        answer(t);
    else
        ask(t);
}
