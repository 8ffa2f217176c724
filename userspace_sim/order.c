/* SPDX-License-Identifier: 0BSD */
/*
 * Tests whether time only goes forward, on this vCPU and between vCPUs.  A thread that reads the
 * clock after it saw another one's time must not get less.
 */
#include "userspace_sim/clock.h"
#include "userspace_sim/ring3.h"
#include "userspace_sim/step.h"

/* Compare between vCPUs only now and then: the shared line costs more than the read under test. */
enum { COMPARE_EVERY = 8 };

struct pvclock_guard clock_guard __attribute__((aligned(64)));

static struct told told;

static struct {
    uint64_t arrived __attribute__((aligned(64)));
} gate;

/*
 * Starts all threads together, or one alone after `patience`: they must overlap for the test to
 * mean something.
 */
static void wait_for_all(const struct thread_page *t)
{
    uint64_t begin = clock_tsc();

    __atomic_add_fetch(&gate.arrived, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&gate.arrived, __ATOMIC_ACQUIRE) < t->start + t->count &&
           clock_tsc() - begin < t->patience)
        __asm__ volatile("pause");
}

void order(struct thread_page *t)
{
    const struct clock_source clock = t->clock;
    struct ordered o = {0};
    uint64_t last = 0;

    (void)system_call(SYS_COUNT, 1);
    wait_for_all(t);
    while (o.reads < t->reads) {
        bool compare = o.reads % COMPARE_EVERY == 0;
        uint64_t seen = compare ? told_load(&told) : 0;
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
            told_raise(&told, ns);
        }
    }
    (void)system_call(SYS_COUNT, 0);
    t->ordered = o;
}
