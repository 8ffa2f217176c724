/* SPDX-License-Identifier: 0BSD */
/*
 * Tests whether time only goes forward, on this vCPU and between vCPUs.  A thread that reads the
 * clock after it saw another one's time must not get less.
 */
#include "arch/x86/wait.h"
#include "userspace_sim/clock.h"
#include "userspace_sim/ring3.h"
#include "userspace_sim/step.h"

/* Compare between vCPUs only now and then: the shared line costs more than the read under test. */
enum { COMPARE_EVERY = 8 };

/* Of the structures' time, and of the TSC's. */
static struct told told_of[2];
static struct meeting gate;

/*
 * Starts all threads together, or one alone after half a second: they must overlap for the test to
 * mean something.
 */
static void wait_for_all(const struct thread_page *t)
{
    struct wait wait = wait_begin(t->tsc_hz / 2);

    (void)meeting_join(&gate, t);
    while (meeting_count(&gate, t) < t->count && !wait_is_over(&wait))
        __asm__ volatile("pause");
}

/* Also judges what JOB_MEASURE counted.  Had a thread crashed, none would get here. */
static __attribute__((noinline)) void judge(struct thread_page *t)
{
    struct ordered all = {0};
    uint64_t counts[COUNTS] = {0};
    uint32_t missing = 0;

    for (uint32_t i = 0; i < t->count; i++) {
        const struct thread_page *one = page_of(t, i);

        ordered_add(&all, &one->ordered);
        missing += one->ordered.reads == 0;
        for (unsigned k = 0; k < COUNTS; k++)
            counts[k] += one->counts[k];
    }
    verdict(pass_if(!missing), "ring3.threads", "%u vCPUs at once, 0 crashed, %u without a read",
            t->count, missing);
    verdict(pass_if(all.reads >= t->amount && all.errors == 0), "ring3.reads",
            "%lu reads, %lu without a value", all.reads, all.errors);
    verdict(pass_if(all.reads && !counts[COUNT_SYSTEM_CALL] && !counts[COUNT_FAULT]),
            "ring3.entries", "%lu system calls, %lu faults, %lu timer and %lu other interrupts",
            counts[COUNT_SYSTEM_CALL], counts[COUNT_FAULT], counts[COUNT_TIMER], counts[COUNT_IPI]);
    verdict(pass_if(all.reads && all.back_own == 0), "ring3.order.own",
            "%lu steps back in %lu reads, worst %lu ns", all.back_own, all.reads, all.back_own_ns);
    if (t->count == 1)
        verdict(VERDICT_SKIP, "ring3.order.cross", "there is one vCPU only");
    else
        verdict(pass_if(all.compared && all.back_cross == 0), "ring3.order.cross",
                "%lu steps back in %lu comparisons, worst %lu ns%s", all.back_cross, all.compared,
                all.back_cross_ns, caveat(t));
}

void order(struct thread_page *t)
{
    const struct clock_source clock = clock_source(t);
    const uint64_t reads = (t->amount + t->count - 1) / t->count;
    struct told *told = &told_of[clock.is_tsc];
    struct ordered o = {0};
    uint64_t last = 0;

    count_begin();
    wait_for_all(t);
    while (o.reads < reads) {
        bool compare = o.reads % COMPARE_EVERY == 0;
        uint64_t seen = compare ? told_load(told) : 0;
        uint64_t ns;

        o.reads++;
        if (clock_read(&clock, &ns) != PVCLOCK_OK) {
            o.errors++;
            continue;
        }
        step_back(last, ns, &o.back_own, &o.back_own_ns);
        last = ns;
        if (compare) {
            o.compared++;
            step_back(seen, ns, &o.back_cross, &o.back_cross_ns);
            told_raise(told, ns);
        }
    }
    count_end(t->counts);
    t->ordered = o;
    if (last_out(t))
        judge(t);
}
