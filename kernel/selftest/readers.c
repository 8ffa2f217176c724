/* SPDX-License-Identifier: 0BSD */
/*
 * Runs and judges the ring-3 readers that read the clock all the time, while the host pauses the
 * guest or changes its clock.
 */
#include "kernel/selftest/readers.h"
#include "arch/x86/cr.h"
#include "arch/x86/ipi.h"
#include "base/console.h"
#include "kernel/process/process.h"
#include "kernel/selftest/gettime.h"
#include <clockpage/report.h>

enum { PATIENCE_S = 20 };

/*
 * More vCPUs than this share few CPUs of the host: each reads in bursts, one a tick, so that all
 * get to read, and vCPU 0 to its other work.
 */
enum { FEW_CPUS = 8, BURST = 4000 };

static const struct ring3_plan *plan;
static uint32_t count; /* of readers; 0: they do not run */
static bool idle_briefly;

static struct thread_page *page_of(uint32_t index)
{
    return process_thread(index)->page;
}

static void prepare(uint32_t index)
{
    struct thread_page *t = page_of(index);

    t->job = JOB_WATCH;
    t->clock = plan->source(index);
    t->time_page = USER_TIME_BASE;
    t->stop = 0;
    t->rest_after = plan->cpus > FEW_CPUS ? BURST : 0;
    t->watched = (struct watched){0};
}

bool readers_start(const struct ring3_plan *p)
{
    if (count)
        return false;
    plan = p;
    for (count = 0; count < plan->cpus; count++)
        prepare(count);
    process_may_rest = true;
    for (uint32_t i = 1; i < count; i++)
        smp_call(cpu_table[i], process_run, NULL);
    return true;
}

void readers_add(uint32_t index)
{
    if (!count || index != count)
        return;
    prepare(count++);
    smp_call(cpu_table[index], process_run, NULL);
}

bool readers_run(void)
{
    return count != 0;
}

void readers_idle(bool briefly)
{
    if (!count) {
        interrupts_on_and_halt();
        interrupts_off();
        return;
    }
    idle_briefly = briefly;
    /* Each store of `stop` pairs with the load in watch() of userspace_sim/watch.c. */
    __atomic_store_n(&page_of(0)->stop, 0, __ATOMIC_RELEASE);
    process_run(cpu_table[0], NULL);
}

void readers_tick(void)
{
    if (count && (idle_briefly || console_peek() >= 0))
        __atomic_store_n(&page_of(0)->stop, 1, __ATOMIC_RELEASE);
}

struct sums {
    uint64_t readings, least, errors, back, worst_ns, longest_ns, by_path[5], date_changes;
    unsigned crashed, stale;
};

static struct sums add_up(uint64_t resumed_at)
{
    struct sums all = {.least = UINT64_MAX};

    for (uint32_t i = 0; i < count; i++) {
        const struct watched *w = &page_of(i)->watched;
        const struct ordered *o = &w->ordered;
        uint64_t worst = o->back_own_ns > o->back_cross_ns ? o->back_own_ns : o->back_cross_ns;

        all.readings += o->reads;
        all.least = o->reads < all.least ? o->reads : all.least;
        all.errors += o->errors;
        all.back += o->back_own + o->back_cross;
        all.worst_ns = worst > all.worst_ns ? worst : all.worst_ns;
        all.longest_ns = w->longest_ns > all.longest_ns ? w->longest_ns : all.longest_ns;
        for (unsigned k = 0; k < 5; k++)
            all.by_path[k] += w->by_path[k];
        all.date_changes = w->date_changes > all.date_changes ? w->date_changes : all.date_changes;
        all.stale += resumed_at && w->date_changes && w->old_date_seen_at > resumed_at;
        all.crashed += process_thread(i)->crashed;
    }
    return all;
}

static void print_sums(const char *state, const struct sums *s)
{
    print("readers: %s, %u vCPUs; %lu readings, %lu steps back, worst %lu ns; %lu without a value; "
          "%lu by one page, %lu by own vCPU's, %lu by system call; longest gap %lu ns; least "
          "reading vCPU: %lu readings; %lu dates\n",
          state, count, s->readings, s->back, s->worst_ns, s->errors, s->by_path[BY_STABLE],
          s->by_path[BY_OWN_VCPU], s->by_path[BY_SYSTEM_CALL], s->longest_ns, s->least,
          s->date_changes);
}

void readers_print(void)
{
    if (!count) {
        print("readers: off\n");
        return;
    }
    struct sums s = add_up(0);
    print_sums("on", &s);
}

/* Waits for a reading from each: a reader that is stopped at once has shown nothing. */
static void wait_for_first_readings(void)
{
    enum { TICKS = 100 };

    for (unsigned i = 0; i < TICKS && add_up(0).least == 0; i++)
        readers_idle(true);
}

void readers_stop(uint64_t resumed_at)
{
    if (!count)
        return;
    wait_for_first_readings();
    for (uint32_t i = 0; i < count; i++)
        __atomic_store_n(&page_of(i)->stop, 1, __ATOMIC_RELEASE);
    bool ended = smp_wait(plan->tsc_hz * PATIENCE_S);
    process_may_rest = false;
    struct sums s = add_up(resumed_at);
    print_sums("off", &s);
    check(pass_if(ended && !s.crashed && s.least > 0), "readers.threads",
          "%u vCPUs, %u crashed, the least reading one %lu times%s", count, s.crashed, s.least,
          ended ? "" : "; some did not end");
    check(pass_if(s.readings && s.errors == 0), "readers.values",
          "%lu readings, %lu without a value, longest gap %lu ns", s.readings, s.errors,
          s.longest_ns);
    check(pass_if(s.readings && s.back == 0), "readers.order",
          "%lu steps back on or between vCPUs in %lu readings, worst %lu ns", s.back, s.readings,
          s.worst_ns);
    if (resumed_at)
        check(pass_if(s.stale == 0), "readers.date",
              "the date was set %lu times; after the last pause %u vCPUs were told the old one",
              s.date_changes, s.stale);
    else
        check(SKIP, "readers.date", "no pause changed the date");
    count = 0;
}
