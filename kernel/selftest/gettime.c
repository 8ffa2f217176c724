/* SPDX-License-Identifier: 0BSD */
/*
 * Tests ring 3 at the end of the flow: which way clock_gettime() takes, moved threads, 32-bit
 * code, and the system calls.
 */
#include "kernel/selftest/gettime.h"
#include "arch/x86/frames.h"
#include "arch/x86/ipi.h"
#include "kernel/clock/tick.h"
#include "kernel/process/device.h"
#include "kernel/process/process.h"
#include "kernel/process/threads.h"
#include <clockpage/report.h>
#include <stddef.h>

static const char *const way_names[WAYS] = {"one page", "own vCPU's page", "last tick",
                                            "system call"};

enum { MOVED_TRIES = 20, MOVES_WANTED = 10 };

enum { FEW_CPUS = 8, READINGS = 64, CLOCK_IDS = 10, JOB_PATIENCE_S = 20 };

static struct thread_page *prepare(const struct ring3_plan *plan, uint32_t index, enum job job)
{
    struct thread_page *t = process_thread(index)->page;

    t->job = job;
    t->count = plan->cpus;
    t->clock = plan->source(index);
    t->time_page = USER_TIME_BASE;
    t->kernel_address = (uint64_t)&ring3_attach;
    return t;
}

static void clear_entries(const struct ring3_plan *plan)
{
    for (uint32_t i = 0; i < plan->cpus; i++) {
        for (unsigned k = 0; k < ENTRY_KINDS; k++)
            process_thread(i)->entries[k] = 0;
    }
}

/* Runs one job on vCPU 0. */
static bool run_alone(const struct ring3_plan *plan)
{
    (void)plan;
    process_run(cpu_table[0], NULL);
    return !process_thread(0)->crashed;
}

/* Runs the jobs on vCPUs 0 to plan->cpus - 1, at once. */
static bool run_everywhere(const struct ring3_plan *plan)
{
    for (uint32_t i = 1; i < plan->cpus; i++)
        smp_call(cpu_table[i], process_run, NULL);
    process_run(cpu_table[0], NULL);
    bool ended = smp_wait(plan->tsc_hz * JOB_PATIENCE_S);

    for (uint32_t i = 0; i < plan->cpus; i++)
        ended = ended && !process_thread(i)->crashed;
    return ended;
}

void ring3_attach(const struct ring3_plan *plan, const struct ring3_clock_hooks *hooks)
{
    struct thread_page *t = prepare(plan, 0, JOB_ATTACH);
    bool ended = run_alone(plan);

    if (!hooks->kvmclock)
        check(pass_if(ended && t->rules[0] == -ERROR_NXIO), "ring3.device",
              "/dev/pvclock without a kvmclock: error %ld", (long)-t->rules[0]);
    else
        check(pass_if(ended && t->rules[0] >= USER_MAP_BASE), "ring3.device",
              "/dev/pvclock mapped at 0x%lx", (unsigned long)t->rules[0]);
}

/* ---- Which way --------------------------------------------------------- */

struct combination {
    const char *counter;
    bool enable_without_rdtscp, force_unstable, stable;
};

/* Returns the way that docs/decision.md asks for. */
static unsigned expected_way(const struct ring3_clock_hooks *hooks, const struct combination *c)
{
    struct time_facts facts = {
        .kvmclock_chosen = c->counter[0] == 'k',
        .tsc_chosen = c->counter[0] == 'T' && hooks->tsc_synchronised,
        .rdtscp = hooks->rdtscp,
        .stable_feature = true,
        .enable_without_rdtscp = c->enable_without_rdtscp,
        .force_unstable = c->force_unstable,
        .fast_gettime = true,
    };
    uint32_t mask;

    switch (time_decide(&facts, &mask)) {
    case TIME_TSC:
        return BY_STABLE;
    case TIME_PVCLOCK:
        if (mask && c->stable)
            return BY_STABLE;
        return hooks->rdtscp ? BY_OWN_VCPU : BY_SYSTEM_CALL;
    default:
        return BY_SYSTEM_CALL;
    }
}

struct paths_seen {
    unsigned tried, wrong;
    uint32_t disagree, clocks;
};

static void try_combination(const struct ring3_plan *plan, const struct ring3_clock_hooks *hooks,
                            const struct combination *c, struct paths_seen *seen)
{
    bool unguarded = hooks->decide(c->counter, c->enable_without_rdtscp, c->force_unstable);
    unsigned expected = unguarded ? expected_way(hooks, c) : BY_SYSTEM_CALL;
    uint64_t taken = 0, entries = 0;
    uint32_t disagree = 0;

    /*
     * Read each clock between two system calls, on one vCPU with the others at rest: the kernel
     * and the program have a guard each, and where structures disagree another vCPU could push one
     * of them ahead.
     */
    struct thread_page *first = prepare(plan, 0, JOB_CLOCKS);
    first->rounds = CLOCK_IDS;
    first->calls = 0;
    bool ended = run_alone(plan);
    disagree = first->clocks.disagree;
    seen->clocks |= first->clocks.tried;
    clear_entries(plan);
    for (uint32_t i = 0; i < plan->cpus; i++) {
        struct thread_page *t = prepare(plan, i, JOB_CLOCKS);
        t->rounds = 0;
        t->calls = expected == BY_SYSTEM_CALL ? 2 : READINGS;
    }
    ended = run_everywhere(plan) && ended;
    for (uint32_t i = 0; i < plan->cpus; i++) {
        const struct clocks_result *r = &process_thread(i)->page->clocks;
        uint64_t calls = process_thread(i)->page->calls;
        taken += r->by_path[expected] == calls;
        /* The kernel's own count must agree. */
        entries +=
            process_thread(i)->entries[ENTRY_SYSCALL] == (expected == BY_SYSTEM_CALL ? calls : 0);
    }
    bool good = ended && taken == plan->cpus && entries == plan->cpus;
    seen->tried++;
    seen->wrong += !good;
    seen->disagree |= disagree;
    REPORT("path", NULL, TEXT("counter", c->counter), BOOL("rdtscp", hooks->rdtscp),
           BOOL("stable", c->stable), BOOL("vdso_enable_without_rdtscp", c->enable_without_rdtscp),
           BOOL("vdso_force_unstable", c->force_unstable), TEXT("expected", way_names[expected]),
           BOOL("taken", good), U64("clocks_that_disagree", disagree));
    if (!good || disagree)
        print(
            "gettime: %s, stable %d, enable_without_rdtscp %d, force_unstable %d: expected by %s; "
            "%lu of %u vCPUs took it, entries right on %lu, clocks that disagree 0x%x\n",
            c->counter, c->stable, c->enable_without_rdtscp, c->force_unstable, way_names[expected],
            taken, plan->cpus, entries, disagree);
}

void ring3_paths(const struct ring3_plan *all, const struct ring3_clock_hooks *hooks)
{
    struct paths_seen seen = {0};
    /* The way does not depend on a vCPU's number: a few represent all. */
    struct ring3_plan few = *all;
    const struct ring3_plan *plan = &few;

    if (few.cpus > FEW_CPUS)
        few.cpus = FEW_CPUS;

    for (unsigned bits = 0; bits < 16; bits++) {
        struct combination c = {
            .counter = bits & 8 ? "TSC" : "kvmclock",
            .stable = !(bits & 4),
            .enable_without_rdtscp = bits & 2,
            .force_unstable = bits & 1,
        };
        if (c.counter[0] == 'k' && !hooks->kvmclock)
            continue;
        /* The settings are kvmclock's: with another counter one combination is enough. */
        if (c.counter[0] == 'T' && bits != 8)
            continue;
        /* A test may clear the flag, but not set it where the host does not. */
        bool as_it_is = c.counter[0] == 'T' || c.stable == plan->stable;
        if (!as_it_is && !hooks->may_unset)
            continue;
        if (!as_it_is)
            hooks->set_stable(false);
        try_combination(plan, hooks, &c, &seen);
        if (!as_it_is)
            hooks->set_stable(true);
    }
    (void)hooks->decide(NULL, false, false);
    check(pass_if(seen.tried && !seen.wrong), "ring3.gettime.paths",
          "%u combinations of counter, STABLE and settings%s, %u took another way than the table "
          "says",
          seen.tried, hooks->rdtscp ? " with RDTSCP" : " without RDTSCP", seen.wrong);
    check(pass_if(seen.clocks && !seen.disagree), "ring3.gettime.clocks",
          "clocks 0x%x tried between two system calls, 0x%x disagree", seen.clocks, seen.disagree);
}

/* ---- Moved threads ----------------------------------------------------- */

struct moved_seen {
    uint64_t moves, reads, steps, worst, by[WAYS];
    bool good; /* every thread ran to its end */
};

static void move_once(const struct ring3_plan *plan, uint64_t reads_wanted, struct moved_seen *seen)
{
    uint32_t tick = tick_period;

    for (uint32_t i = 0; i <= plan->cpus; i++) {
        struct thread_page *t = prepare(plan, i, JOB_MOVED);
        t->reads = reads_wanted / (plan->cpus + 1) + 1;
        t->budget = plan->tsc_hz / 1000 * plan->moved_ms;
        process_thread(i)->crashed = false;
    }
    struct trap_frame waiting = process_start_frame(plan->cpus);
    threads_move_begin(plan->cpus, &waiting);
    /* Threads move at ticks; where vCPUs share the host's CPUs, their ticks do too. */
    tick_period = plan->moving_timer_count * (plan->cpus / 2 + 1);
    seen->good = run_everywhere(plan) && seen->good;
    tick_period = tick;
    seen->moves += threads_move_count();

    for (uint32_t i = 0; i <= plan->cpus; i++) {
        const struct thread *thread = process_thread(i);
        const struct ordered *o = &thread->page->moved;
        seen->good = seen->good && !thread->crashed && o->reads >= thread->page->reads;
        seen->reads += o->reads;
        seen->steps += o->back_own + o->back_cross;
        seen->worst = o->back_own_ns > seen->worst ? o->back_own_ns : seen->worst;
        seen->worst = o->back_cross_ns > seen->worst ? o->back_cross_ns : seen->worst;
        for (unsigned w = 0; w < WAYS; w++)
            seen->by[w] += thread->page->clocks.by_path[w];
    }
}

static void run_moved(const struct ring3_plan *plan, const char *name, uint64_t reads_wanted)
{
    struct moved_seen seen = {.good = true};

    /* On a busy host few ticks come, and several to the same vCPU. */
    for (unsigned i = 0; i < MOVED_TRIES && seen.moves < MOVES_WANTED && seen.good; i++)
        move_once(plan, reads_wanted, &seen);
    check(pass_if(seen.good && seen.moves > 0 && seen.steps == 0), name,
          "%u threads moved %lu times between %u vCPUs: %lu steps back in %lu readings, worst %lu "
          "ns; %lu by one page, %lu by own vCPU's, %lu by system call%s",
          plan->cpus + 1, seen.moves, plan->cpus, seen.steps, seen.reads, seen.worst,
          seen.by[BY_STABLE], seen.by[BY_OWN_VCPU], seen.by[BY_SYSTEM_CALL], plan->caveat);
}

void ring3_moved(const struct ring3_plan *all, const struct ring3_clock_hooks *hooks)
{
    struct ring3_plan few = *all;
    const struct ring3_plan *plan = &few;
    /* A reading by system call costs thousands of times as much. */
    const unsigned dear = 5000;

    /* More vCPUs than this would wait for the host's CPUs rather than for each other. */
    if (few.cpus > FEW_CPUS)
        few.cpus = FEW_CPUS;
    if (plan->cpus == 1) {
        check(SKIP, "ring3.moved", "there is one vCPU only");
        check(SKIP, "ring3.moved.unstable", "there is one vCPU only");
        return;
    }
    (void)hooks->decide(NULL, true, false);
    run_moved(plan, "ring3.moved",
              plan->gettime_by_page ? plan->moved_reads : plan->moved_reads / dear);
    if (hooks->may_unset) {
        hooks->toggle_stable(plan->cpus);
        run_moved(plan, "ring3.moved.unstable",
                  plan->gettime_by_page && hooks->rdtscp ? plan->moved_reads / 4
                                                         : plan->moved_reads / dear);
        hooks->toggle_stable(0);
    } else {
        check(SKIP, "ring3.moved.unstable", "there is no STABLE flag to take away");
    }
    (void)hooks->decide(NULL, false, false);
}

/* ---- 32-bit code ------------------------------------------------------- */

void ring3_compat(const struct ring3_plan *plan, const struct ring3_clock_hooks *hooks)
{
    (void)hooks->decide(NULL, true, false);
    struct thread_page *t = prepare(plan, 0, JOB_COMPAT);
    t->calls = 50;
    t->vcpu_now = process_vcpu_address(0);
    bool ended = run_alone(plan);
    (void)hooks->decide(NULL, false, false);
    const struct clocks_result *r = &t->clocks;
    uint64_t told = r->by_path[BY_STABLE] + r->by_path[BY_OWN_VCPU];
    if (ended && r->by_path[BY_SYSTEM_CALL] == r->compat_reads && r->compat_reads)
        check(SKIP, "ring3.compat32",
              "here the kernel has to be asked, which 32-bit code does by 64-bit code");
    else
        check(pass_if(ended && told == r->compat_reads && told > 0 && r->compat_bad == 0),
              "ring3.compat32", "%lu readings by 32-bit code, %lu not between two by 64-bit code",
              r->compat_reads, r->compat_bad);
}

/* ---- Rules ------------------------------------------------------------- */

static const struct {
    const char *what;
    int64_t result, without_clock;
} rules[RULES] = {
    [RULE_OPEN_WRITE] = {"open for writing", -ERROR_PERM, -ERROR_PERM},
    [RULE_OPEN_READ_WRITE] = {"open for reading and writing", -ERROR_PERM, -ERROR_PERM},
    [RULE_OPEN_NO_SUCH] = {"open another device", -ERROR_NOENT, -ERROR_NOENT},
    [RULE_OPEN_BAD_POINTER] = {"open a name in the kernel", -ERROR_FAULT, -ERROR_FAULT},
    [RULE_OPEN_ENDLESS_NAME] = {"open an endless name", -ERROR_NAMETOOLONG, -ERROR_NAMETOOLONG},
    [RULE_MAP_WRITE] = {"map for writing", -ERROR_ACCES, -ERROR_BADF},
    [RULE_MAP_EXECUTE] = {"map for execution", -ERROR_ACCES, -ERROR_BADF},
    [RULE_MAP_NONE] = {"map for nothing", -ERROR_ACCES, -ERROR_BADF},
    [RULE_MAP_PAST_END] = {"map past the last structure", -ERROR_INVAL, -ERROR_BADF},
    [RULE_MAP_UNALIGNED] = {"map from within a page", -ERROR_INVAL, -ERROR_BADF},
    [RULE_MAP_NOTHING] = {"map nothing", -ERROR_INVAL, -ERROR_BADF},
    [RULE_MAP_TOO_LONG] = {"map a page more than there is", -ERROR_INVAL, -ERROR_BADF},
    [RULE_MAP_BAD_FD] = {"map by a descriptor that is not open", -ERROR_BADF, -ERROR_BADF},
    [RULE_UNMAP_OTHER] = {"unmap the program itself", -ERROR_INVAL, -ERROR_INVAL},
    [RULE_GETTIME_BAD_CLOCK] = {"clock_gettime of no clock", -ERROR_INVAL, -ERROR_INVAL},
    [RULE_GETTIME_BAD_POINTER] = {"clock_gettime into the kernel", -ERROR_FAULT, -ERROR_FAULT},
    [RULE_GETTIME_CLOCK_PAGE] = {"clock_gettime into the time page", -ERROR_FAULT, -ERROR_FAULT},
    [RULE_GETRES_BAD_CLOCK] = {"clock_getres of no clock", -ERROR_INVAL, -ERROR_INVAL},
    [RULE_CLOSE_TWICE] = {"close what is closed", -ERROR_BADF, -ERROR_BADF},
    [RULE_NO_SUCH_CALL] = {"a system call that does not exist", -ERROR_NOSYS, -ERROR_NOSYS},
    [RULE_OPEN_ALL] = {"open as often as possible", MAX_DESCRIPTORS, 0},
    [RULE_MAP_ALL] = {"map as often as possible", MAX_MAPPINGS, 0},
    [RULE_DIRTY_BYTES] = {"bytes on the pages beside the structures", 0, -1},
    [RULE_UNMAPPED_READ] = {"read what was unmapped", 1, -1},
};

void ring3_rules(const struct ring3_plan *plan, const struct ring3_clock_hooks *hooks)
{
    struct thread_page *t = prepare(plan, 0, JOB_RULES);
    unsigned broken = 0;
    bool ended = run_alone(plan);

    for (unsigned i = 0; i < RULES; i++) {
        int64_t expected = hooks->kvmclock ? rules[i].result : rules[i].without_clock;
        if (t->rules[i] == expected)
            continue;
        print("rules: %s: %ld, and not %ld\n", rules[i].what, (long)t->rules[i], (long)expected);
        broken++;
    }
    unsigned maps = pvclock_device_map_count(), wanted = hooks->kvmclock;
    check(pass_if(ended && broken == 0 && pvclock_device_open_count() == 0 && maps == wanted),
          "ring3.rules",
          "%u rules of the system calls, %u broken; %u descriptors and %u mappings left",
          (unsigned)RULES, broken, pvclock_device_open_count(), maps);
}

void ring3_fuzz(const struct ring3_plan *plan, uint64_t calls, uint64_t seed)
{
    uint64_t frames = frames_left(), made = 0, failed = 0;
    struct page_census before, after;

    process_census(&before);
    unsigned maps_before = pvclock_device_map_count();
    for (uint32_t i = 0; i < plan->cpus; i++) {
        struct thread_page *t = prepare(plan, i, JOB_FUZZ);
        t->calls = (calls + plan->cpus - 1) / plan->cpus;
        t->seed = seed * 0x9e3779b97f4a7c15 + i;
    }
    bool ended = run_everywhere(plan);
    for (uint32_t i = 0; i < plan->cpus; i++) {
        made += process_thread(i)->page->fuzz_calls;
        failed += process_thread(i)->page->fuzz_failed;
    }
    /* The job may leave descriptors and mappings open; what they take has to come back. */
    pvclock_device_release_all_but(maps_before);
    process_census(&after);
    bool leaked = frames != frames_left() || before.read_only != after.read_only ||
                  before.writable != after.writable || before.executable != after.executable;
    check(pass_if(ended && made >= calls && !leaked), "ring3.fuzz",
          "%lu random system calls on %u vCPUs (seed %lu), %lu refused; %s", made, plan->cpus, seed,
          failed, leaked ? "memory leaked" : "nothing leaked");
}
