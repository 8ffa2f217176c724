/* SPDX-License-Identifier: 0BSD */
/*
 * Measures and judges plain reads of the clock page in ring 3: TSC offsets, cost, order,
 * protection.
 */
#include "kernel/selftest/reads.h"
#include "arch/x86/ipi.h"
#include "arch/x86/trap.h"
#include "base/format.h"
#include "kernel/process/process.h"
#include <clockpage/report.h>

/* How long a thread waits for another one; how long the kernel waits for all to end. */
enum { THREAD_PATIENCE_MS = 500, JOB_PATIENCE_S = 20 };

/* All offsets together may take this long where the host cannot run two vCPUs at the same time. */
enum { OFFSETS_MS = 2000, OFFSET_MAX_MS = 60 };

enum { BATCH = 2000, FEW_CPUS = 8, ROUNDS = 41, ROUNDS_OF_MANY = 31 };

void ring3_check_map(void)
{
    struct page_census found, expected;

    process_census(&found);
    process_expected(&expected);
    check(pass_if(found.read_only == expected.read_only &&
                  found.executable == expected.executable && found.writable == expected.writable &&
                  found.writable_executable == 0),
          "ring3.map", "%lu pages r-x, %lu r--, %lu rw-, %lu rwx; given: %lu, %lu, %lu, 0",
          found.executable, found.read_only, found.writable, found.writable_executable,
          expected.executable, expected.read_only, expected.writable);
}

static struct thread_page *prepare(const struct ring3_plan *plan, uint32_t index, enum job job)
{
    struct thread_page *t = process_thread(index)->page;

    t->job = job;
    t->count = plan->cpus;
    t->clock = plan->source(index);
    t->patience = plan->tsc_hz / 1000 * THREAD_PATIENCE_MS;
    return t;
}

static bool run_everywhere(const struct ring3_plan *plan)
{
    return smp_call_all(process_run, NULL, plan->tsc_hz * JOB_PATIENCE_S);
}

bool ring3_offset(const struct ring3_plan *plan, uint32_t index, int64_t *offset, uint64_t *error)
{
    static uint64_t start;
    uint32_t ms = OFFSETS_MS / plan->cpus < OFFSET_MAX_MS ? OFFSETS_MS / plan->cpus : OFFSET_MAX_MS;
    struct thread_page *zero = prepare(plan, 0, JOB_OFFSET);
    struct thread_page *other = prepare(plan, index, JOB_OFFSET);

    start += 1000;
    zero->start = other->start = start;
    other->budget = plan->tsc_hz / 1000 * ms;
    smp_call(cpu_table[index], process_run, NULL);
    process_run(cpu_table[0], NULL);
    bool ended = smp_wait_some(index, index + 1, plan->tsc_hz * JOB_PATIENCE_S);
    *offset = other->offset.cycles;
    *error = ended && other->offset.exchanges ? other->offset.error : UINT64_MAX;
    uint64_t distance = (uint64_t)(*offset < 0 ? -*offset : *offset);
    /*
     * The error is the time a message takes one way.  A difference below that cannot be seen as a
     * step back, since what was read on the other vCPU arrives later than that.
     */
    return *error != UINT64_MAX && distance / 2 <= *error;
}

bool ring3_offsets(const struct ring3_plan *plan, int64_t *offsets, uint64_t *errors)
{
    uint64_t worst = 0;
    unsigned unknown = 0;
    bool agree = true;

    offsets[0] = 0;
    errors[0] = 0;
    for (uint32_t i = 1; i < plan->cpus; i++) {
        agree = ring3_offset(plan, i, &offsets[i], &errors[i]) && agree;
        uint64_t distance = (uint64_t)(offsets[i] < 0 ? -offsets[i] : offsets[i]);
        if (errors[i] == UINT64_MAX)
            unknown++;
        else if (distance > worst)
            worst = distance;
    }
    if (plan->cpus == 1)
        check(SKIP, "tsc.offset", "there is one vCPU only");
    else
        check(pass_if(unknown == 0), "tsc.offset",
              "%u vCPUs against vCPU 0: at most %lu cycles, %s; %u not measured%s", plan->cpus - 1,
              worst,
              agree ? "too little to be seen by each other" : "which could be seen as a step back",
              unknown, plan->caveat);
    return agree;
}

static void report_reader(const struct ring3_plan *plan, uint32_t index)
{
    const struct thread *thread = process_thread(index);
    const struct measured *m = &thread->page->measured;
    const struct ordered *o = &thread->page->ordered;
    const uint64_t *entries = thread->reader_entries;
    uint64_t worst = o->back_own_ns > o->back_cross_ns ? o->back_own_ns : o->back_cross_ns;

    REPORT("reader",
           "{vcpu:4}{reads:10}{floor_cycles:8}{cycles_per_read:8}{ratio:7}{timespec_ratio:9}"
           "{gettime_ratio:8}{_syscall:8}{syscalls:7}{_ticks:6}{steps_back:5}\n",
           U64("vcpu", index), U64("reads", o->reads), U64("compared", o->compared),
           MILLIS("cycles_per_read", m->read), MILLIS("floor_cycles", m->floor),
           MILLIS("ratio", m->read_ratio), MILLIS("timespec_ratio", m->timespec_ratio),
           MILLIS("gettime_ratio", m->gettime_ratio), MILLIS("syscall_ratio", m->system_call_ratio),
           MILLIS("ns_per_read", plan->tsc_hz ? m->read * 1000 / (plan->tsc_hz / 1000000) : 0),
           U64("syscalls", entries[ENTRY_SYSCALL]),
           U64("interrupts", entries[ENTRY_TIMER] + entries[ENTRY_IPI]),
           U64("faults", entries[ENTRY_FAULT]), U64("steps_back", o->back_own + o->back_cross),
           U64("worst_step_ns", worst), U64("errors", o->errors),
           U64("_syscall", m->system_call_ratio / 1000), U64("_ticks", entries[ENTRY_TIMER]));
}

uint64_t ring3_rounds(const struct ring3_plan *plan)
{
    if (plan->rounds)
        return plan->rounds;
    return plan->cpus <= FEW_CPUS ? ROUNDS : ROUNDS_OF_MANY;
}

struct totals {
    uint64_t reads, compared, errors, entries[ENTRY_KINDS];
    uint64_t own, own_worst, cross, cross_worst;
    unsigned crashed, missing;
    uint64_t best_ratio, worst_ratio;
};

static void add(struct totals *all, const struct thread *thread)
{
    const struct ordered *o = &thread->page->ordered;
    uint64_t ratio = thread->page->measured.read_ratio;

    all->reads += o->reads;
    all->compared += o->compared;
    all->errors += o->errors;
    all->own += o->back_own;
    all->cross += o->back_cross;
    if (o->back_own_ns > all->own_worst)
        all->own_worst = o->back_own_ns;
    if (o->back_cross_ns > all->cross_worst)
        all->cross_worst = o->back_cross_ns;
    for (unsigned k = 0; k < ENTRY_KINDS; k++)
        all->entries[k] += thread->entries[k];
    all->crashed += thread->crashed;
    all->missing += o->reads == 0;
    if (ratio < all->best_ratio || !all->best_ratio)
        all->best_ratio = ratio;
    if (ratio > all->worst_ratio)
        all->worst_ratio = ratio;
}

static void judge(const struct ring3_plan *plan, const struct totals *all, bool ended)
{
    check(pass_if(ended && !all->crashed && !all->missing), "ring3.threads",
          "%u vCPUs at once, %u crashed, %u without a read%s", plan->cpus, all->crashed,
          all->missing, ended ? "" : ", some did not end");
    check(pass_if(all->reads >= plan->reads && all->errors == 0), "ring3.reads",
          "%lu reads, %lu without a value", all->reads, all->errors);
    check(pass_if(all->reads && all->entries[ENTRY_SYSCALL] == 0 && all->entries[ENTRY_FAULT] == 0),
          "ring3.entries", "%lu system calls, %lu faults, %lu timer and %lu other interrupts",
          all->entries[ENTRY_SYSCALL], all->entries[ENTRY_FAULT], all->entries[ENTRY_TIMER],
          all->entries[ENTRY_IPI]);
    check(pass_if(all->reads && all->own == 0), "ring3.order.own",
          "%lu steps back in %lu reads, worst %lu ns", all->own, all->reads, all->own_worst);
    if (plan->cpus == 1)
        check(SKIP, "ring3.order.cross", "there is one vCPU only");
    else
        check(pass_if(all->compared && all->cross == 0), "ring3.order.cross",
              "%lu steps back in %lu comparisons, worst %lu ns%s", all->cross, all->compared,
              all->cross_worst, plan->caveat);
}

void ring3_readers(const struct ring3_plan *plan)
{
    struct totals all = {0};
    static uint64_t arrivals;

    for (uint32_t i = 0; i < plan->cpus; i++) {
        struct thread_page *t = prepare(plan, i, JOB_MEASURE);
        t->rounds = ring3_rounds(plan);
        t->batch = BATCH;
        /* A call can cost half a millisecond on a host that emulates ring 0. */
        t->system_calls = plan->cpus <= FEW_CPUS ? 2 : 1;
        t->gettime_batch = plan->gettime_by_page ? BATCH : 0;
        t->time_page = USER_TIME_BASE;
        for (unsigned k = 0; k < ENTRY_KINDS; k++)
            process_thread(i)->entries[k] = 0;
    }
    bool ended = run_everywhere(plan);
    for (uint32_t i = 0; i < plan->cpus; i++) {
        struct thread_page *t = prepare(plan, i, JOB_ORDER);
        t->reads = (plan->reads + plan->cpus - 1) / plan->cpus;
        t->start = arrivals;
    }
    arrivals += plan->cpus;
    ended = run_everywhere(plan) && ended;

    for (uint32_t i = 0; i < plan->cpus; i++) {
        struct thread *thread = process_thread(i);
        for (unsigned k = 0; k < ENTRY_KINDS; k++)
            thread->reader_entries[k] = thread->entries[k];
        add(&all, thread);
    }
    judge(plan, &all, ended);
}

struct ring3_facts ring3_facts(const struct ring3_plan *plan)
{
    struct ring3_facts f = {0};

    for (uint32_t i = 0; i < plan->cpus; i++) {
        const struct measured *m = &process_thread(i)->page->measured;
        const struct ordered *o = &process_thread(i)->page->ordered;
        f.reads += o->reads;
        f.steps_back += o->back_own + o->back_cross;
        if (m->read_ratio < f.read_ratio)
            continue;
        f.floor = m->floor;
        f.read = m->read;
        f.read_ratio = m->read_ratio;
        f.timespec_ratio = m->timespec_ratio;
        f.gettime_ratio = m->gettime_ratio;
        f.system_call_ratio = m->system_call_ratio;
    }
    return f;
}

static void summarise(const struct ring3_plan *plan)
{
    struct ring3_facts f = ring3_facts(plan);

    REPORT(
        NULL,
        "\nring 3      {reads} reads on {vcpus} vCPUs, {back} steps back; a read takes {cycles} "
        "cycles ({ps/1000.1} ns), {ratio} times lfence; rdtsc; clock_gettime() {gettime} times; a "
        "system call {call} times\n",
        U64("reads", f.reads), U64("vcpus", plan->cpus), U64("back", f.steps_back),
        MILLIS("cycles", f.read), U64("ps", f.read * 1000 / (plan->tsc_hz / 1000000)),
        MILLIS("ratio", f.read_ratio), MILLIS("gettime", f.gettime_ratio),
        U64("call", f.system_call_ratio / 1000));
}

void ring3_report(const struct ring3_plan *plan)
{
    report_detail(true);
    print("\nRing 3, medians of %lu rounds; the floor is lfence; rdtsc, times are of the floor\n"
          "vCPU     reads   floor    read   read timespec gettime  system system timer step\n"
          "                cycles  cycles  times    times   times    call  calls ticks back\n",
          ring3_rounds(plan));
    for (uint32_t i = 0; i < plan->cpus; i++)
        report_reader(plan, i);
    report_detail(false);
    if (!report_is_verbose())
        summarise(plan);
    if (trap_syscalls_half_done())
        print("This host leaves SYSCALL half done; the kernel takes it up from the fault.\n");
}

static const struct {
    const char *name;
    uint64_t vector, error;
} wanted[PROBES] = {
    [PROBE_WRITE_CLOCK_PAGE] = {"ring3.clock.read-only", VECTOR_PAGE_FAULT,
                                PF_PRESENT | PF_WRITE | PF_USER},
    [PROBE_EXECUTE_CLOCK_PAGE] = {"ring3.clock.no-execute", VECTOR_PAGE_FAULT,
                                  PF_PRESENT | PF_USER | PF_FETCH},
    [PROBE_WRITE_TEXT] = {"ring3.text.read-only", VECTOR_PAGE_FAULT,
                          PF_PRESENT | PF_WRITE | PF_USER},
    [PROBE_EXECUTE_STACK] = {"ring3.stack.no-execute", VECTOR_PAGE_FAULT,
                             PF_PRESENT | PF_USER | PF_FETCH},
    [PROBE_READ_KERNEL] = {"ring3.kernel.hidden", VECTOR_PAGE_FAULT, PF_PRESENT | PF_USER},
    [PROBE_HALT] = {"ring3.hlt.refused", VECTOR_GP, 0},
};

void ring3_probes(const struct ring3_plan *plan)
{
    /* On the last vCPU, so that another one shows that the kernel goes on. */
    uint32_t index = plan->cpus - 1;
    struct thread *thread = process_thread(index);
    struct thread_page *t = prepare(plan, index, JOB_PROBES);

    t->kernel_address = (uint64_t)&ring3_probes;
    thread->probe_count = 0;
    if (index == 0)
        process_run(cpu_table[0], NULL);
    else
        smp_call(cpu_table[index], process_run, NULL);
    bool ended = smp_wait(plan->tsc_hz * JOB_PATIENCE_S);

    for (unsigned i = 0; i < PROBES; i++) {
        const struct fault_probe *p = &thread->probes[i];
        bool noted = ended && i < thread->probe_count && p->hit;
        check(pass_if(noted && p->vector == wanted[i].vector && p->error == wanted[i].error &&
                      t->probes[i].came_back == 1),
              wanted[i].name, "%s, error code %lu, at 0x%lx, on vCPU %u; %s",
              noted ? trap_vector_name(p->vector) : "no fault", p->error, p->address, index,
              t->probes[i].came_back == 1 ? "the program went on" : "the program did not go on");
    }
}
