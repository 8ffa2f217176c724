/* SPDX-License-Identifier: 0BSD */
/*
 * Tests ring 3 at the end of the flow: sets up what each job of the program tests, and adds to its
 * verdict what ring 3 cannot see.
 */
#include "arch/x86/features.h"
#include "arch/x86/trap.h"
#include "base/format.h"
#include "base/panic.h"
#include "base/pause.h"
#include "base/tunables.h"
#include "drivers/kvmclock/kvmclock.h"
#include "drivers/tsc/tsc.h"
#include "kernel/clock/host.h"
#include "kernel/clock/start.h"
#include "kernel/clock/tick.h"
#include "kernel/clock/time_page.h"
#include "kernel/process/device.h"
#include "kernel/process/jobs.h"
#include "kernel/process/process.h"
#include "kernel/selftest/selftest.h"
#include <clockpage/report.h>

/* More vCPUs than this would wait for the host's CPUs rather than for each other. */
enum { FEW_CPUS = 8 };

static uint32_t few_cpus(void)
{
    return cpu_count < FEW_CPUS ? cpu_count : FEW_CPUS;
}

/* ---- Which path -------------------------------------------------------- */

/*
 * Runs JOB_PATHS, if need be again: a pause makes a reading ask the kernel, and the host writes
 * whole structures, with STABLE, also where a test has cleared that.
 */
static bool try_paths(uint32_t facts)
{
    enum { TRIES = 20 };
    const struct path_result *r = &process_thread(0)->page->path;
    struct job_order order = {.job = JOB_PATHS, .count = few_cpus(), .facts = facts};
    bool ended = true, cleared = facts & FACT_BY_KVMCLOCK && !(facts & FACT_STABLE);

    for (unsigned tries = 0; ended && tries < TRIES; tries++) {
        uint64_t disturbances = host_disturbances();
        bool gave_back = cleared && kvmclock.stable && stable_is_back();
        if (gave_back)
            play_unstable(cpu_count, false);
        /* Where STABLE makes a difference. */
        if (cleared && facts & FACT_WITHOUT_RDTSCP && !(facts & FACT_FORCE_UNSTABLE))
            pause_at(PAUSE_PATHS);
        ended = job_run(&order);
        gave_back = cleared && kvmclock.stable && stable_is_back();
        if (r->taken || (!gave_back && host_disturbances() == disturbances))
            break;
        order.facts |= FACT_AGAIN;
    }
    return ended;
}

/* False if a thread did not come to its end. */
static bool try_combination(uint32_t facts)
{
    /* enum gettime_path of lib/timepage/gettime.h */
    static const char *const names[] = {"one page", "own vCPU's page", "last tick", "system call"};
    const char *counter = facts & FACT_BY_KVMCLOCK ? "kvmclock" : "TSC";

    if (decide(counter, facts & FACT_WITHOUT_RDTSCP, facts & FACT_FORCE_UNSTABLE))
        facts |= FACT_FAST;
    /*
     * Each clock is read between two system calls on one vCPU with the others at rest: the kernel
     * and the program have a guard each, and where structures disagree another vCPU could push one
     * of them ahead.
     */
    bool ended = job_run(&(struct job_order){.job = JOB_CLOCKS, .count = 1});
    ended = try_paths(facts) && ended;
    const struct path_result *r = &process_thread(0)->page->path;
    REPORT("path", NULL, TEXT("counter", counter), BOOL("rdtscp", features_has_rdtscp()),
           BOOL("stable", facts & FACT_STABLE),
           BOOL("vdso_enable_without_rdtscp", facts & FACT_WITHOUT_RDTSCP),
           BOOL("vdso_force_unstable", facts & FACT_FORCE_UNSTABLE),
           TEXT("expected", names[r->expected % (sizeof(names) / sizeof(names[0]))]),
           BOOL("taken", ended && r->taken), U64("clocks_that_disagree", r->disagree));
    return ended;
}

/* `stable`: the structures have the STABLE flag, and it counts. */
static void test_paths(bool stable)
{
    const uint32_t tried = FACT_WITHOUT_RDTSCP | FACT_FORCE_UNSTABLE | FACT_STABLE;
    bool ended = true;

    for (uint32_t facts = 0; kvmclock.present && facts <= tried; facts++) {
        if (facts & ~tried)
            continue;
        /* A test may clear the flag, but not set it where the host does not. */
        if (facts & FACT_STABLE && !stable)
            continue;
        if (stable && !(facts & FACT_STABLE))
            play_unstable(cpu_count, false);
        ended = try_combination(facts | FACT_BY_KVMCLOCK) && ended;
        if (stable && !(facts & FACT_STABLE))
            play_unstable(0, false);
    }
    /* The settings are kvmclock's: with another counter one combination is enough. */
    ended = try_combination(FACT_STABLE | (tsc.counter.quality >= 0 ? FACT_BY_TSC : 0)) && ended;
    (void)decide(NULL, false, false);
    (void)job_run(&(struct job_order){.job = JOB_PATHS_JUDGED, .count = 1});
    job_settle(ended, "");
}

/* ---- Moved threads ----------------------------------------------------- */

static void move_threads(enum job job)
{
    enum { MOVES_HZ = 300 };
    uint32_t tick = tick_period;

    /* Threads move at ticks; where vCPUs share the host's CPUs, their ticks do too. */
    tick_period = tick_count(MOVES_HZ) * (few_cpus() / 2 + 1);
    /* Where vCPUs take turns, one may run for 0.1 s before the next does. */
    job_check(&(struct job_order){
        .job = job, .count = few_cpus(), .moving = true, .amount = runs_on_kvm() ? 100 : 250});
    tick_period = tick;
}

static void test_moved(bool stable)
{
    if (cpu_count == 1) {
        check(SKIP, "ring3.moved", "there is one vCPU only");
        check(SKIP, "ring3.moved.unstable", "there is one vCPU only");
        return;
    }
    (void)decide(NULL, true, false);
    move_threads(JOB_MOVED);
    if (stable) {
        play_unstable(few_cpus(), true);
        move_threads(JOB_MOVED_UNSTABLE);
        play_unstable(0, false);
    } else {
        check(SKIP, "ring3.moved.unstable", "there is no STABLE flag to take away");
    }
    (void)decide(NULL, false, false);
}

/* ---- The other jobs ---------------------------------------------------- */

static void test_compat(void)
{
    (void)decide(NULL, true, false);
    job_check(&(struct job_order){.job = JOB_COMPAT, .count = 1});
    (void)decide(NULL, false, false);
}

static void test_rules(void)
{
    char left[64];

    (void)job_run(&(struct job_order){.job = JOB_RULES, .count = 1});
    unsigned open = pvclock_device_open_count(), maps = pvclock_device_map_count();
    format(left, sizeof(left), "; %u descriptors and %u mappings left", open, maps);
    job_settle(open == 0 && maps == kvmclock.present, left);
}

static void test_fuzz(void)
{
    /* Where KVM emulates ring 0, system calls are slow, so make fewer of them. */
    enum { CALLS_KVM = 1000, CALLS_ELSE = 20000 };
    uint64_t calls = runs_on_kvm() ? CALLS_KVM : CALLS_ELSE;
    unsigned maps_before = pvclock_device_map_count();
    const struct attack_used before = attack_used(maps_before);

    (void)job_run(&(struct job_order){.job = JOB_FUZZ,
                                      .count = cpu_count,
                                      .amount = settings.fuzz_calls ? settings.fuzz_calls : calls,
                                      .seed = settings.fuzz_seed});
    /* The job may leave descriptors and mappings open; what they take has to come back. */
    bool leaked = attack_leaked(&before, maps_before);
    job_settle(!leaked, leaked ? "; memory leaked" : "; nothing leaked");
}

static void test_border(void)
{
    if (!process_map_code(cpu_count))
        panic("no memory for ring 3's code");
    /* On the last vCPU, so that another one shows that the kernel goes on. */
    job_check(&(struct job_order){.job = JOB_PROBES, .first = cpu_count - 1, .count = 1});
    job_check(&(struct job_order){.job = JOB_BORDER,
                                  .first = cpu_count - 1,
                                  .count = 1,
                                  .facts = trap_syscalls_half_done() ? FACT_EMULATED : 0});
    if (cpu_count == 1)
        check(SKIP, "ring3.border.unmapped", "there is one vCPU only");
    else
        job_check(&(struct job_order){.job = JOB_UNMAPPED, .count = few_cpus()});
}

void ring3_test(void)
{
    bool stable = kvmclock.present && kvmclock.stable;

    report_stage("ways to read");
    test_paths(stable);
    report_stage("moved threads");
    test_moved(stable);
    report_stage("32-bit code");
    test_compat();
    report_stage("system calls");
    test_rules();
    report_stage("random calls");
    test_fuzz();
    report_stage("protections");
    test_border();
}
