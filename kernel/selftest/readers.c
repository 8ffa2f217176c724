/* SPDX-License-Identifier: 0BSD */
/*
 * Runs the ring-3 readers that read the clock all the time, while the host pauses the
 * guest or changes its clock.
 */
#include "kernel/selftest/readers.h"
#include "arch/x86/cr.h"
#include "arch/x86/ipi.h"
#include "base/console.h"
#include "drivers/tsc/tsc.h"
#include "kernel/clock/host.h"
#include "kernel/process/jobs.h"
#include "kernel/process/process.h"
#include <clockpage/report.h>

enum { PATIENCE_S = 20 };

/*
 * More vCPUs than this share few CPUs of the host: each reads in bursts, one a tick, so that all
 * get to read, and vCPU 0 to its other work.
 */
enum { FEW_CPUS = 8, BURST = 4000 };

static uint32_t count; /* of readers; 0: they do not run */
static uint64_t series;
static bool idle_briefly;
static bool first_crashed; /* vCPU 0's reader, in one of its runs */

/* Each store of `stop` pairs with the load in watch() of userspace_sim/watch.c. */
static void set_stop(uint32_t index)
{
    __atomic_store_n(&process_thread(index)->page->stop, 1, __ATOMIC_RELEASE);
}

static void prepare(uint32_t index)
{
    job_prepare(&(struct job_order){.job = JOB_WATCH,
                                    .count = count,
                                    .amount = count > FEW_CPUS ? BURST : 0,
                                    .seed = series},
                index);
}

unsigned readers_start(void)
{
    if (count)
        return 0;
    count = cpu_count;
    series++;
    first_crashed = false;
    process_may_rest = true;
    for (uint32_t i = 1; i < count; i++)
        prepare(i);
    if (count > 1)
        smp_call_some(1, count, process_run, NULL);
    return count;
}

void readers_add(uint32_t index)
{
    if (!count || index != count)
        return;
    count++;
    prepare(index);
    smp_call(cpu_table[index], process_run, NULL);
}

bool readers_run(void)
{
    return count != 0;
}

static void run_first(bool once)
{
    prepare(0);
    if (once)
        set_stop(0);
    process_run(cpu_table[0], NULL);
    first_crashed = first_crashed || process_thread(0)->crashed;
}

void readers_idle(bool briefly)
{
    if (!count) {
        interrupts_on_and_halt();
        interrupts_off();
        return;
    }
    idle_briefly = briefly;
    run_first(false);
}

void readers_tick(void)
{
    if (count && (idle_briefly || console_peek() >= 0))
        set_stop(0);
}

static void print_sums(const char *state)
{
    (void)job_run(&(struct job_order){.job = JOB_WATCHED, .count = 1, .of = count, .seed = series});
    print("readers: %s, %s\n", state, job_figures());
}

void readers_print(void)
{
    if (count)
        print_sums("on");
    else
        print("readers: off\n");
}

void readers_stop(void)
{
    unsigned crashed = 0;

    if (!count)
        return;
    for (uint32_t i = 1; i < count; i++)
        set_stop(i);
    run_first(true);
    bool ended = smp_wait(tsc.hz * PATIENCE_S);
    process_may_rest = false;
    crashed += first_crashed;
    for (uint32_t i = 1; i < count; i++)
        crashed += process_thread(i)->crashed;
    print_sums("off");
    (void)job_run(&(struct job_order){.job = JOB_WATCH_JUDGED,
                                      .count = 1,
                                      .of = count,
                                      .amount = host_resumed_at(),
                                      .seed = series});
    job_settle(ended && !crashed, !ended ? "; some did not end" : crashed ? "; some crashed" : "");
    count = 0;
}

void readers_let_tick(void)
{
    interrupts_on();
    cpu_pause(); /* STI admits none before the next instruction has ended */
    interrupts_off();
}
