/* SPDX-License-Identifier: 0BSD */
/*
 * Runs the jobs of the ring-3 program on the vCPUs, and takes its verdicts: what a job owes and
 * does not give fails, whether it crashed, hung or forgot.
 */
#include "kernel/process/jobs.h"
#include "arch/x86/ipi.h"
#include "arch/x86/spinlock.h"
#include "base/format.h"
#include "base/text.h"
#include "base/tunables.h"
#include "kernel/clock/time_page.h"
#include "kernel/process/device.h"
#include "kernel/process/process.h"
#include "kernel/process/threads.h"
#include "kernel/process/words.h"
#include <clockpage/report.h>

/*
 * How long a job may take, until process_tick() ends its threads: long enough to tell a hung thread
 * from a slow host, which makes at least this many reads or calls a second.  And for how many times
 * as long the kernel waits, for a vCPU whose ticks do not come: less would give up a thread that
 * is slow because the host is busy, which process_tick() bears with.
 */
enum { LONGEST_S = 60, SLOWEST_PER_S = 20000, AFTER_ATTACK_S = 10, TIMES_AS_LONG = 4 };

enum { MAX_OWED = 11 };

_Static_assert(VERDICT_PASS == (int)PASS && VERDICT_FAIL == (int)FAIL && VERDICT_SKIP == (int)SKIP,
               "a verdict is a result");

/* The checks of each job, by name: nothing else is taken from ring 3. */
static const char *const owed_by[JOBS][MAX_OWED] = {
    [JOB_ATTACH] = {"ring3.device"},
    [JOB_ORDER] = {"ring3.threads", "ring3.reads", "ring3.entries", "ring3.order.own",
                   "ring3.order.cross"},
    [JOB_PATHS_JUDGED] = {"ring3.gettime.paths", "ring3.gettime.clocks"},
    [JOB_MOVED] = {"ring3.moved"},
    [JOB_MOVED_UNSTABLE] = {"ring3.moved.unstable"},
    [JOB_COMPAT] = {"ring3.compat32"},
    [JOB_RULES] = {"ring3.rules"},
    [JOB_FUZZ] = {"ring3.fuzz"},
    [JOB_PROBES] = {"ring3.clock.read-only", "ring3.clock.no-execute", "ring3.text.read-only",
                    "ring3.stack.no-execute", "ring3.kernel.hidden", "ring3.hlt.refused"},
    [JOB_BORDER] = {"ring3.border.entries", "ring3.border.addresses", "ring3.border.flags",
                    "ring3.border.returns", "ring3.border.virtual-8086", "ring3.border.stacks",
                    "ring3.border.segments", "ring3.border.code32", "ring3.border.privileged",
                    "ring3.border.pointers", "ring3.border.registers"},
    [JOB_UNMAPPED] = {"ring3.border.unmapped"},
    [JOB_WATCHED] = {"readers"},
    [JOB_WATCH_JUDGED] = {"readers.threads", "readers.values", "readers.order", "readers.date"},
};

static uint32_t facts, run;
static uint64_t tsc_hz;

/* The verdicts on the running job's checks. */
static struct {
    struct spinlock lock;
    const char *const *names;
    bool ended;
    struct {
        bool given;
        enum result result;
        char figures[FIGURES_SIZE];
    } of[MAX_OWED];
} verdicts = {.names = owed_by[JOB_MEASURE]};

void jobs_init(uint32_t facts_of_all, uint64_t hz)
{
    facts = facts_of_all;
    tsc_hz = hz;
}

/* Whether the setting debug.fault asks for a page that is not there. */
static bool fault_wanted(uint32_t index)
{
    return settings.fault && text_same(settings.fault, "user") && index == cpu_count - 1;
}

void job_prepare(const struct job_order *order, uint32_t index)
{
    struct thread_page *t = process_thread(index)->page;

    t->count = order->of ? order->of : order->count + order->moving;
    t->job = order->job;
    t->run = run;
    t->facts = facts | order->facts;
    t->stop = 0;
    t->amount = order->amount;
    t->seed = order->seed;
    t->tsc_hz = tsc_hz;
    t->kernel_address = (uint64_t)syscall_entry;
    t->time_page = fault_wanted(index) ? USER_END - PAGE_SIZE : USER_TIME_BASE;
    t->vcpu_now = words_address(index);
    process_thread(index)->crashed = false;
}

static uint64_t longest_cycles(const struct job_order *order)
{
    bool many = order->job == JOB_ORDER || order->job == JOB_FUZZ;

    /* A thread of it that random code hit goes on for ever: end it while the kernel still waits. */
    if (order->job == JOB_ATTACK)
        return tsc_hz / 1000 * order->amount + tsc_hz * AFTER_ATTACK_S;
    return tsc_hz * (LONGEST_S + (many ? order->amount / SLOWEST_PER_S : 0));
}

bool job_run(const struct job_order *order)
{
    uint32_t first = order->first ? order->first : 1, end = order->first + order->count;
    bool zero = order->with_zero || order->first == 0;

    run++;
    verdicts.names = owed_by[order->job];
    for (unsigned i = 0; i < MAX_OWED; i++)
        verdicts.of[i].given = false;
    if (zero)
        job_prepare(order, 0);
    for (uint32_t i = first; i < end + order->moving; i++)
        job_prepare(order, i);
    if (order->moving) {
        struct trap_frame waiting = process_start_frame(end);
        threads_move_begin(end, &waiting);
    }
    __atomic_store_n(&process_longest, longest_cycles(order), __ATOMIC_RELAXED);
    if (end == first + 1)
        smp_call(cpu_table[first], process_run, NULL);
    else if (end > first)
        smp_call_some(first, end, process_run, NULL);
    if (zero)
        process_run(cpu_table[0], NULL);
    verdicts.ended = smp_wait_some(first, end, TIMES_AS_LONG * longest_cycles(order));
    __atomic_store_n(&process_longest, 0, __ATOMIC_RELAXED);
    verdicts.ended = verdicts.ended && !(zero && process_thread(0)->crashed);
    for (uint32_t i = first; i < end + order->moving; i++)
        verdicts.ended = verdicts.ended && !process_thread(i)->crashed;
    return verdicts.ended;
}

void job_settle(bool good, const char *note)
{
    for (unsigned i = 0; i < MAX_OWED && verdicts.names[i]; i++) {
        if (!verdicts.of[i].given)
            check(FAIL, verdicts.names[i], "ring 3 gave no verdict%s%s",
                  verdicts.ended ? "" : ": a thread faulted or did not end", note);
        else
            check(good && verdicts.ended ? verdicts.of[i].result : FAIL, verdicts.names[i],
                  "%s%s%s", verdicts.of[i].figures,
                  verdicts.ended ? "" : "; a thread faulted or did not end", note);
    }
}

void job_check(const struct job_order *order)
{
    (void)job_run(order);
    job_settle(true, "");
}

const char *job_figures(void)
{
    return verdicts.of[0].given ? verdicts.of[0].figures : "ring 3 gave no figures";
}

struct ring3_facts ring3_facts(void)
{
    struct ring3_facts f = {0};

    for (uint32_t i = 0; i < cpu_count; i++) {
        const struct measured *m = &process_thread(i)->page->measured;
        const struct ordered *o = &process_thread(i)->page->ordered;
        f.reads += o->reads;
        f.steps_back += o->back_own + o->back_cross;
        if (m->read_ratio < f.read_ratio)
            continue;
        f.read = m->read;
        f.read_ratio = m->read_ratio;
        f.gettime_ratio = m->gettime_ratio;
        f.system_call_ratio = m->system_call_ratio;
    }
    return f;
}

void ring3_read(void)
{
    (void)decide(NULL, true, false);
    bool measured = job_run(
        &(struct job_order){.job = JOB_MEASURE, .count = cpu_count, .amount = settings.rounds});
    (void)job_run(
        &(struct job_order){.job = JOB_ORDER, .count = cpu_count, .amount = settings.reads});
    job_settle(measured, "");
    (void)decide(NULL, false, false);
}

/* ---- From ring 3 ------------------------------------------------------- */

static bool is_printable(const char *text)
{
    while (*text >= ' ' && *text <= '~')
        text++;
    return !*text;
}

int64_t job_verdict(uint64_t verdict, uint64_t name_at, uint64_t figures_at)
{
    char name[CHECK_NAME_SIZE], figures[FIGURES_SIZE];
    int64_t result = -ERROR_PERM;
    uint64_t length;

    if (verdict >= VERDICTS)
        return -ERROR_INVAL;
    if (!process_text_in(name, sizeof(name), name_at, &length) ||
        !process_text_in(figures, sizeof(figures), figures_at, &length))
        return -ERROR_FAULT;
    if (length == sizeof(figures) - 1)
        return -ERROR_NAMETOOLONG;
    if (!is_printable(figures))
        return -ERROR_INVAL;
    spin_lock(&verdicts.lock);
    for (unsigned i = 0; i < MAX_OWED && verdicts.names[i]; i++) {
        if (verdicts.of[i].given || !text_same(name, verdicts.names[i]))
            continue;
        verdicts.of[i].given = true;
        verdicts.of[i].result = (enum result)verdict;
        format(verdicts.of[i].figures, FIGURES_SIZE, "%s", figures);
        result = 0;
        break;
    }
    spin_unlock(&verdicts.lock);
    return result;
}
