/* SPDX-License-Identifier: 0BSD */
/*
 * Tests the running clock, from ring 3 on all vCPUs and by comparing counters, and serves the
 * shell.
 */
#include "arch/x86/cr.h"
#include "arch/x86/features.h"
#include "arch/x86/tsc.h"
#include "base/text.h"
#include "base/tunables.h"
#include "drivers/kvmclock/kvmclock.h"
#include "drivers/tsc/tsc.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/host.h"
#include "kernel/clock/start.h"
#include "kernel/clock/suspend.h"
#include "kernel/clock/tick.h"
#include "kernel/clock/time_page.h"
#include "kernel/machine.h"
#include "kernel/main.h"
#include "kernel/selftest/continuity.h"
#include "kernel/selftest/deviation.h"
#include "kernel/selftest/fault.h"
#include "kernel/selftest/gettime.h"
#include "kernel/selftest/readers.h"
#include "kernel/shell/shell.h"
#include <clockpage/bootinfo.h>
#include <clockpage/report.h>
#include <clockpage/sysctl.h>
#include <pvclock/read.h>

enum { MOVES_HZ = 300 };

/* Under KVM reads are native and ten million of them take half a second; under TCG they are not. */
enum {
    READS_KVM = 10500000,
    READS_ELSE = 1000000,
    READS_MOVED_KVM = 1000000,
    READS_MOVED_ELSE = 200000,
};

/* Where KVM emulates ring 0, system calls are slow, so make fewer of them. */
enum { FUZZ_KVM = 1000, FUZZ_ELSE = 20000 };

struct ring3_plan plan;
static bool measured; /* the cost of reads in ring 3 */

/* TSC offsets to vCPU 0 and their errors; error UINT64_MAX: not measured. */
static int64_t offsets[MAX_CPUS];
static uint64_t offset_errors[MAX_CPUS];

/* ---- The plan ---------------------------------------------------------- */

static struct clock_source source_of(uint32_t index)
{
    struct clock_source s = {.page = USER_TIME_BASE + offsetof(struct time_page, tsc),
                             .order = PVCLOCK_LFENCE};

    if (kvmclock.present) {
        s.page = USER_CLOCK_BASE + (kvmclock.stable ? 0 : index) * sizeof(struct kvmclock_slot);
        s.guarded = !kvmclock.stable;
    } else {
        s.guarded = tsc.counter.quality < 0;
    }
    if (fault_wanted_in_ring3() && index == cpu_count - 1)
        s.page = USER_END - PAGE_SIZE;
    return s;
}

bool trials_offset(uint32_t index, int64_t *offset, uint64_t *error)
{
    *offset = offsets[index];
    *error = offset_errors[index];
    return *error != UINT64_MAX;
}

void trials_begin(void)
{
    plan = (struct ring3_plan){
        .moving_timer_count = tick_count(MOVES_HZ),
        .cpus = cpu_count,
        .tsc_hz = tsc.hz,
        .rounds = settings.rounds,
        .reads = settings.reads  ? settings.reads
                 : runs_on_kvm() ? READS_KVM
                                 : READS_ELSE,
        /* TCG's vCPUs may share one thread, as in run-qemu.sh. */
        .caveat =
            text_same(kvmclock.hypervisor, "TCGTCGTCGTCG") ? "; TCG may run vCPUs in turn" : "",
        /* Where vCPUs take turns, one may run for 0.1 s before the next does. */
        .moved_ms = runs_on_kvm() ? 100 : 250,
        .moved_reads = runs_on_kvm() ? READS_MOVED_KVM : READS_MOVED_ELSE,
        .source = source_of,
    };
    /* From here on the settings show what is in force, not what was asked for. */
    settings.reads = plan.reads;
    settings.rounds = ring3_rounds(&plan);
    start_clock(ring3_offsets(&plan, offsets, offset_errors));
    deviation_begin(tick_rate());
    plan.stable = kvmclock.present && kvmclock.stable;
}

bool measure_offsets(uint32_t first, uint32_t end)
{
    bool agree = true;

    for (uint32_t i = first; i < end; i++)
        agree = ring3_offset(&plan, i, &offsets[i], &offset_errors[i]) && agree;
    return agree;
}

void forget_offsets(uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++)
        offset_errors[i] = UINT64_MAX;
}

/* ---- Ring 3 put to the test -------------------------------------------- */

static struct ring3_clock_hooks ring3_hooks(void)
{
    return (struct ring3_clock_hooks){
        .kvmclock = kvmclock.present,
        .rdtscp = features_has_rdtscp(),
        .may_unset = kvmclock.present && kvmclock.stable,
        .tsc_synchronised = tsc.counter.quality >= 0,
        .decide = decide,
        .set_stable = set_stable,
        .toggle_stable = toggle_stable,
    };
}

static void attach_ring3(void)
{
    const struct ring3_clock_hooks hooks = ring3_hooks();

    ring3_attach(&plan, &hooks);
}

static void measure_reads(void)
{
    (void)decide(NULL, true, false);
    /* If ring 3 cannot read the counter, or cannot know its vCPU, it asks the kernel. */
    uint32_t algorithm = time_page_get()->algorithm;
    plan.gettime_by_page = algorithm == TIME_TSC ||
                           (algorithm == TIME_PVCLOCK && (plan.stable || features_has_rdtscp()));
    report_stage("reads");
    ring3_readers(&plan);
    (void)decide(NULL, false, false);
    measured = true;
}

static void test_ring3(void)
{
    const struct ring3_clock_hooks hooks = ring3_hooks();
    bool kvm = runs_on_kvm();

    measure_reads();
    report_stage("ways to read");
    ring3_paths(&plan, &hooks);
    report_stage("moved threads");
    ring3_moved(&plan, &hooks);
    report_stage("32-bit code");
    ring3_compat(&plan, &hooks);
    report_stage("system calls");
    ring3_rules(&plan, &hooks);
    report_stage("random calls");
    ring3_fuzz(&plan,
               settings.fuzz_calls ? settings.fuzz_calls
               : kvm               ? FUZZ_KVM
                                   : FUZZ_ELSE,
               settings.fuzz_seed);
    report_stage("protections");
    ring3_probes(&plan);
}

/* ---- The shell --------------------------------------------------------- */

/* Prints all that is known after the tests. */
static void report_all(void)
{
    report_clock();
    deviation_report();
    continuity_report();
    if (measured)
        ring3_report(&plan);
}

static void repeat_report(void)
{
    report_repeat(true);
    report_start();
    kvmclock_report(&kvmclock);
    report_all();
    report_all_verdicts();
    report_repeat(false);
}

/* Measures the reads again; the settings may have changed since the run began. */
static int bench(void)
{
    if (readers_run()) {
        print("bench: the readers run, and it needs the vCPUs to itself: readers off\n");
        return 1;
    }
    plan.rounds = settings.rounds;
    plan.reads = settings.reads;
    measure_reads();
    ring3_report(&plan);
    print("\n");
    return report_new_verdicts(true) ? 0 : 1;
}

/* Admits ticks, which commands in quick succession, as from a pipe, would keep out. */
static void look(void)
{
    interrupts_on();
    cpu_pause(); /* STI admits none before the next instruction has ended */
    interrupts_off();
    see_host();
}

static void print_clocks(void)
{
    static const struct {
        const char *name;
        enum tc_clock clock;
    } clocks[] = {{"uptime", TC_CLOCK_UPTIME},
                  {"monotonic", TC_CLOCK_MONOTONIC},
                  {"realtime", TC_CLOCK_REALTIME}};

    before_clock_call(this_cpu());
    print("clocks:");
    for (unsigned i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        int64_t value[2] = {0, 0};
        (void)clock_get(clocks[i].clock, false, value);
        print(" %s %ld.%09ld", clocks[i].name, value[0], value[1]);
    }
    print(" tsc %lu\n", rdtsc_ordered());
}

static int switch_readers(bool on)
{
    if (!on) {
        readers_stop(host_resumed_at());
        return report_new_verdicts(true) ? 0 : 1;
    }
    (void)decide(NULL, false, false);
    if (!readers_start(&plan)) {
        print("readers: they run already\n");
        return 1;
    }
    print("readers: on, %u vCPUs\n", plan.cpus);
    return 0;
}

static int print_readers(void)
{
    readers_print();
    return 0;
}

/* Publishes a changed setting to ring 3 at once. */
static void on_setting(void)
{
    keep_choice();
    (void)decide(NULL, false, false);
}

static void run_shell(void)
{
    static const char *const names[] = {
        "dev.kvmclock.0.vdso_enable_without_rdtscp", "dev.kvmclock.0.vdso_force_unstable",
        "kern.boottime", "kern.timecounter.fast_gettime", "kern.timecounter.hardware"};
    static const struct shell_hooks hooks = {.look = look,
                                             .report = repeat_report,
                                             .bench = bench,
                                             .online = bring_late,
                                             .clocks = print_clocks,
                                             .readers = switch_readers,
                                             .readers_state = print_readers,
                                             .suspend = suspend_clock,
                                             .resume = resume_clock,
                                             .idle = readers_idle};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)sysctl_on_change(names[i], on_setting);
    (void)report_new_verdicts(false);
    shell_run(&hooks);
    readers_stop(host_resumed_at());
}

/* ---- In order ---------------------------------------------------------- */

void trials_register(void)
{
    shell_register();
}

void trials_before_firmware(void)
{
    fault_damage_table(machine_low_memory, boot.rsdp);
}

void trials_tick(void)
{
    if (!kvmclock.suspended)
        deviation_tick();
    readers_tick();
}

/* Keeps interrupts off, so that windups come late. */
static void stall_ms(uint64_t ms)
{
    uint64_t begin = rdtsc_ordered();

    while (rdtsc_ordered() - begin < tsc.hz / 1000 * ms)
        cpu_pause();
}

void trials_run(void)
{
    ring3_check_map();
    fault_provoke(settings.fault);
    attach_ring3();
    if (!shell_wanted_now()) {
        stall_ms(settings.stall_ms);
        if (settings.late_cpus)
            (void)bring_late();
        test_ring3();
        deviation_end();
        report_stage("switches of counters");
        continuity_measure();
        tsc_judge(&tsc);
        report_all();
    }
    if (shell_wanted())
        run_shell();
}

void trials_facts(struct clock_facts *facts)
{
    struct ring3_facts r = ring3_facts(&plan);

    if (!measured)
        return;
    facts->reads = r.reads;
    facts->steps_back = r.steps_back;
    facts->ratio = r.read_ratio;
    facts->read_ps = r.read * 1000 / (tsc.hz / 1000000);
    facts->compared = deviation_within(&facts->within_ppb);
}
