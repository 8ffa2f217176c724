/* SPDX-License-Identifier: 0BSD */
/*
 * The wiring: the one place that knows every part.  Data flows one way, and the last function reads
 * in its order: host page, driver, timecounter, clock, ring 3, report.
 */
#include "arch/x86/apic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/cr.h"
#include "arch/x86/frames.h"
#include "arch/x86/msr.h"
#include "arch/x86/paging.h"
#include "arch/x86/pit.h"
#include "arch/x86/rtc.h"
#include "arch/x86/smp.h"
#include "arch/x86/tsc.h"
#include "drivers/kvmclock/kvmclock.h"
#include "drivers/tsc/tsc.h"
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/events.h"
#include "kernel/fault.h"
#include "kernel/machine.h"
#include "kernel/panic.h"
#include "kernel/process.h"
#include "kernel/pvclock_device.h"
#include "kernel/ring3.h"
#include "kernel/ring3_clock.h"
#include "kernel/settings.h"
#include "kernel/shell.h"
#include "kernel/shutdown.h"
#include "kernel/sysctl_clock.h"
#include "kernel/sysctl_machine.h"
#include "kernel/threads.h"
#include "kernel/time_page.h"
#include "kernel/vcpus.h"
#include <clockpage/bootinfo.h>
#include <clockpage/report.h>
#include <clockpage/sysctl.h>
#include <clockpage/version.h>
#include <pvclock/read.h>

enum { CALIBRATION_MS = 12, MOVES_HZ = 300, TEARDOWN_MS = 10, PATIENCE_S = 3 };

/* Under KVM reads are native and ten million of them take half a second; under TCG they are not. */
enum {
    READS_KVM = 10500000,
    READS_ELSE = 1000000,
    READS_MOVED_KVM = 1000000,
    READS_MOVED_ELSE = 200000
};

/* System calls are the other way round where KVM emulates ring 0. */
enum { FUZZ_KVM = 1000, FUZZ_ELSE = 20000 };

extern char image_end_phys[];

static struct kvmclock_slot slots[MAX_CPUS] __attribute__((section(".clock_pages"), aligned(4096)));
static struct bootinfo boot;
static struct firmware_facts firmware;
static struct kvmclock kvmclock;
static struct tsc tsc;
static uint32_t cpu_count; /* online */
static struct ring3_plan plan;
static bool measured;            /* what reads cost in ring 3 */
static const char *user_counter; /* the one in use, tests apart */

/* TSC offsets to vCPU 0, and how well they are known. */
static int64_t offsets[MAX_CPUS];
static uint64_t offset_errors[MAX_CPUS];

/* ---- From the host's page to the driver ------------------------------------------------------ */

/* ---- From the clock to ring 3: the time page --------------------------------------------------
 */

/* Settings of kvmclock as they are in force: the user's, or a test's for a while. */
static bool enable_without_rdtscp, force_unstable;
static bool has_rdtscp, toggling;

static bool chosen(const char *name)
{
    const char *now = clock_in_use();

    while (*now && *now == *name)
        now++, name++;
    return *now == *name;
}

/* On vCPU 0, with interrupts off: at each tick and after each change. */
static void publish_time_page(void)
{
    struct time_page_state s = {
        .facts = {.kvmclock_chosen = chosen("kvmclock"),
                  .tsc_chosen = chosen("TSC") && tsc.counter.quality >= 0,
                  .rdtscp = has_rdtscp,
                  .stable_feature =
                      kvmclock.host.features & PVCLOCK_FEATURE_TSC_STABLE && kvmclock.floor == 0,
                  .enable_without_rdtscp = enable_without_rdtscp,
                  .force_unstable = force_unstable,
                  .fast_gettime = settings.fast_gettime},
        .vcpus = cpu_count,
        .stride = sizeof(struct kvmclock_slot),
        /* Own structures are only right above what was told by the common one. */
        .floor = kvmclock.floor ? kvmclock.floor : force_unstable,
    };

    time_page_update(&s);
}

static void set_stable(bool stable)
{
    for (uint32_t i = 0; i < cpu_count; i++)
        kvmclock_set_flag(&kvmclock, i, stable);
}

static void toggle_stable(bool on)
{
    toggling = on;
    if (!on)
        set_stable(true);
}

static void on_timer(struct cpu *cpu, struct trap_frame *frame)
{
    static unsigned ticks;

    uint64_t paused = kvmclock.vcpus[cpu->index].paused;

    kvmclock_poll(&kvmclock, cpu->index);
    if (kvmclock.vcpus[cpu->index].paused != paused)
        events_add(EVENT_PAUSED, cpu->index, NULL);
    if (cpu->index == 0 && cpu_count) {
        if (toggling)
            set_stable(ticks++ & 4);
        clock_tick();
        kvmclock_watch(&kvmclock, cpu_count);
        publish_time_page();
    }
    if (frame)
        threads_tick(cpu, frame);
}

/* For the tests of what ring 3 does. */
static void decide(const char *counter, bool without_rdtscp, bool unstable)
{
    enable_without_rdtscp =
        counter || without_rdtscp ? without_rdtscp : settings.enable_without_rdtscp;
    force_unstable = counter || unstable ? unstable : settings.force_unstable;
    (void)clock_use(counter ? counter : user_counter);
    kvmclock_watch(&kvmclock, cpu_count);
    publish_time_page();
}

/* On each vCPU as it starts. */
static void enable_clock(struct cpu *cpu)
{
    /* Ring 3 finds its vCPU there, by RDTSCP or RDPID. */
    if (has_rdtscp)
        (void)wrmsr_safe(MSR_TSC_AUX, cpu->index);
    kvmclock_enable(&kvmclock, cpu->index);
}

static void disable_clock(struct cpu *cpu, void *arg)
{
    (void)arg;
    kvmclock_poll(&kvmclock, cpu->index);
    kvmclock_disable(&kvmclock, cpu->index);
}

static uint32_t this_index(void)
{
    return this_cpu()->index;
}

static void attach_kvmclock(void)
{
    struct pvclock_frequency f;
    struct pvclock_snapshot s;

    has_rdtscp = cpuid_has_leaf(0x80000001) && cpuid(0x80000001, 0).edx & CPUID_EXT_EDX_RDTSCP;
    kvmclock_attach(&kvmclock, slots, virt_to_phys(slots),
                    settings.kvmclock_disabled || settings.scripted);
    enable_clock(this_cpu());
    if (kvmclock.vcpus[0].registered && pvclock_snapshot(&slots[0].info, &s) == PVCLOCK_OK &&
        pvclock_frequency(s.mul, s.shift, &f) == PVCLOCK_OK)
        tsc_set_kvmclock(&tsc, f.hz, f.error_hz);
    tsc_set_hypervisor_leaf(&tsc, kvmclock.host.tsc_khz);
}

/* ---- The TSC's frequency, and the local APIC timer's from it ----------------------------------
 */

/* Timer interrupts a second on each vCPU. */
static uint64_t tick_rate(void)
{
    if (settings.hz)
        return settings.hz;
    /*
     * A tick can cost 0.2 ms on a host that emulates ring 0, and vCPUs may be many times the host's
     * CPUs: keep all ticks together below a tenth of one of them.
     */
    if (firmware.cpu_count <= 4)
        return 100;
    return firmware.cpu_count < 40 ? 400 / firmware.cpu_count : 10;
}

/* `begin`: the TSC when the local APIC's timer began to run. */
static void end_calibration(uint64_t begin)
{
    uint16_t counts;

    while (pit_elapsed(&counts) && counts < PIT_HZ / 1000 * CALIBRATION_MS)
        cpu_pause();
    tsc_end_pit(&tsc);
    tsc_end_pm_timer(&tsc);
    if (!tsc_choose(&tsc))
        panic("no source tells the frequency of the TSC");
    /* Without an i8254 the loop above did not wait. */
    while (rdtsc_ordered() - begin < tsc.hz / 1000 * CALIBRATION_MS)
        cpu_pause();
    uint64_t timer = apic_timer_elapsed(), us = (rdtsc_ordered() - begin) / (tsc.hz / 1000000);
    settings.hz = tick_rate();
    process_timer_count = (uint32_t)(timer * 1000000 / us / settings.hz);
    plan.moving_timer_count = (uint32_t)(timer * 1000000 / us / MOVES_HZ);
    if (!process_timer_count)
        panic("the local APIC's timer does not run");
    apic_timer_periodic(process_timer_count);
}

/* ---- From the driver to the clock -------------------------------------------------------------
 */

static void start_clock(bool synchronised)
{
    kvmclock_check(&kvmclock, cpu_count, this_index);
    tsc_make_counter(&tsc, synchronised, kvmclock.present);
    clock_init();
    if (kvmclock.present)
        clock_register(&kvmclock.counter);
    clock_register(&tsc.counter);
    clock_choose(settings.hardware);
    sysctl_clock_counters();
    kvmclock_sysctl_register(&kvmclock, cpu_count);
}

/* The date by the host, told with the check "kvmclock.wall"; false: it says none. */
static bool set_date_by_kvmclock(void)
{
    uint64_t epoch = 0, ns;

    if (!kvmclock.present) {
        check(SKIP, "kvmclock.wall", "%s", kvmclock_why_none(&kvmclock));
        return false;
    }
    if (kvmclock.scripted) {
        check(SKIP, "kvmclock.wall", "the kernel plays the host");
        return false;
    }
    enum pvclock_status status = kvmclock_wall(&kvmclock, &epoch);
    bool good =
        status == PVCLOCK_OK && pvclock_ns(&slots[0].info, PVCLOCK_LFENCE, &ns) == PVCLOCK_OK;
    if (good)
        clock_set_date(epoch + ns);
    check(pass_if(good), "kvmclock.wall", "system time 0 was %lu.%09lu s after 1970 (%s)",
          epoch / 1000000000, epoch % 1000000000, pvclock_status_name(status));
    record_begin("wall");
    record_u64("epoch_ns", epoch);
    record_end();
    return good;
}

static void set_date(void)
{
    uint64_t seconds;
    bool by_host = set_date_by_kvmclock(), by_rtc = rtc_read(&seconds);

    clock_check_date(by_host ? "kvmclock" : NULL, by_rtc ? &seconds : NULL);
}

/* ---- From the clock to ring 3 ------------------------------------------------------------------
 */

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

/* ---- The report
 * ---------------------------------------------------------------------------------- */

static void report_start(void)
{
    print("booted by   %s%s%s; %lu MiB for the kernel\n", boot.protocol, boot.loader[0] ? ", " : "",
          boot.loader, (frames_end() - KERNEL_PHYS) >> 20);
    print("vCPUs       %u, by: %s; %s\n", firmware.cpu_count, firmware.source,
          apic_is_x2apic() ? "x2APIC" : "xAPIC");
    record_begin("start");
    record_text("version", CLOCKPAGE_VERSION);
    record_text("protocol", boot.protocol);
    record_text("loader", boot.loader);
    record_u64("vcpus", firmware.cpu_count);
    record_text("vcpus_from", firmware.source);
    record_bool("x2apic", apic_is_x2apic());
    record_end();
}

static void report_vcpu(uint32_t i)
{
    struct pvclock_snapshot s;
    struct pvclock_frequency f = {0};
    const struct pvclock_vcpu_time_info *info =
        kvmclock.present ? &slots[i].info : &time_page_get()->tsc;
    bool known = offset_errors[i] != UINT64_MAX;

    if (pvclock_snapshot(info, &s) == PVCLOCK_OK)
        (void)pvclock_frequency(s.mul, s.shift, &f);
    print("%4u  %4u  %7u  %10u  %5d  %s  %6lu  %10lu  ", i, cpu_table[i]->apic_id, s.version, s.mul,
          s.shift, s.flags & PVCLOCK_FLAG_TSC_STABLE ? "stable" : "     -",
          kvmclock.vcpus[i].paused, f.hz);
    if (known)
        print("%ld +- %lu cycles\n", offsets[i], offset_errors[i]);
    else
        print("not measured\n");
    record_begin("vcpu");
    record_u64("id", i);
    record_u64("apic_id", cpu_table[i]->apic_id);
    record_u64("version", s.version);
    record_u64("mul", s.mul);
    record_i64("shift", s.shift);
    record_u64("flags", s.flags);
    record_u64("tsc_hz", f.hz);
    record_u64("paused", kvmclock.vcpus[i].paused);
    record_bool("offset_known", known);
    record_i64("offset_cycles", known ? offsets[i] : 0);
    record_u64("offset_error", known ? offset_errors[i] : 0);
    record_end();
}

static void report(void)
{
    print(
        "\nvCPU  APIC  version         mul  shift   flags  paused      TSC Hz  TSC, to vCPU 0's\n");
    for (uint32_t i = 0; i < cpu_count; i++)
        report_vcpu(i);
    tsc_report(&tsc);
    clock_report();
    if (measured)
        ring3_report(&plan);
}

/* ---- Ring 3 put to the test
 * --------------------------------------------------------------------- */

static struct ring3_clock_hooks ring3_hooks(void)
{
    return (struct ring3_clock_hooks){
        .kvmclock = kvmclock.present,
        .rdtscp = has_rdtscp,
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
    decide(NULL, true, false);
    ring3_readers(&plan);
    decide(NULL, false, false);
    measured = true;
}

static void test_ring3(void)
{
    const struct ring3_clock_hooks hooks = ring3_hooks();
    bool kvm = kvmclock.host.base;

    measure_reads();
    ring3_paths(&plan, &hooks);
    ring3_moved(&plan, &hooks);
    ring3_compat(&plan, &hooks);
    ring3_rules(&plan, &hooks);
    ring3_fuzz(&plan,
               settings.fuzz_calls ? settings.fuzz_calls
               : kvm               ? FUZZ_KVM
                                   : FUZZ_ELSE,
               settings.fuzz_seed);
    ring3_probes(&plan);
}

/* ---- The shell
 * ---------------------------------------------------------------------------------- */

static void repeat_report(void)
{
    report_repeat(true);
    report_start();
    kvmclock_report(&kvmclock);
    report();
    report_all_verdicts();
    report_repeat(false);
}

/* The settings may have changed since the run began. */
static int bench(void)
{
    plan.rounds = settings.rounds;
    plan.reads = settings.reads;
    plan.gettime_by_page = time_page_get()->algorithm != TIME_SYSTEM_CALL;
    measure_reads();
    ring3_report(&plan);
    print("\n");
    return report_new_verdicts() ? 0 : 1;
}

/* Ring 3 is told at once what has been set. */
static void on_setting(void)
{
    user_counter = clock_in_use();
    decide(NULL, false, false);
}

static void run_shell(void)
{
    static const char *const names[] = {
        "dev.kvmclock.0.vdso_enable_without_rdtscp", "dev.kvmclock.0.vdso_force_unstable",
        "kern.boottime", "kern.timecounter.fast_gettime", "kern.timecounter.hardware"};
    static const struct shell_hooks hooks = {repeat_report, bench};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        (void)sysctl_on_change(names[i], on_setting);
    (void)report_new_verdicts();
    shell_run(&hooks);
}

/* ---- The end
 * -------------------------------------------------------------------------------------- */

static void wait_ms(uint64_t ms)
{
    uint64_t begin = rdtsc_ordered();

    while (rdtsc_ordered() - begin < tsc.hz / 1000 * ms) {
        interrupts_on_and_halt();
        interrupts_off();
    }
}

/* After this the host may not write the pages again: fill them and look. */
static void tear_down(void)
{
    uint64_t changed = 0;

    if (!kvmclock.present) {
        check(SKIP, "kvmclock.teardown", "%s", kvmclock_why_none(&kvmclock));
        return;
    }
    bool ended = smp_call_all(disable_clock, NULL, tsc.hz * PATIENCE_S);
    volatile uint32_t *words = (volatile uint32_t *)slots;
    uint64_t count = cpu_count * sizeof(*slots) / sizeof(*words);
    for (uint64_t i = 0; i < count; i++)
        words[i] = 0xa5a5a5a5;
    wait_ms(TEARDOWN_MS);
    for (uint64_t i = 0; i < count; i++)
        changed += words[i] != 0xa5a5a5a5;
    check(pass_if(ended && changed == 0), "kvmclock.teardown",
          "stopped on %u vCPUs%s; %lu words changed in %u ms", cpu_count,
          ended ? "" : ", not on all", changed, TEARDOWN_MS);
}

static _Noreturn void end_run(void)
{
    shutdown(report_end() ? EXIT_PASS : EXIT_FAIL);
}

/* ---- In order
 * --------------------------------------------------------------------------------------- */

static _Noreturn void main_on_own_stack(void);

/* What needs the boot page tables: the loader's and the firmware's own memory. */
_Noreturn void kernel_entry(uint32_t loader_data, uint32_t protocol);

_Noreturn void kernel_entry(uint32_t loader_data, uint32_t protocol)
{
    static const struct trap_hooks hooks = {on_timer, process_fault, panic_fault,
                                            process_system_call};

    machine_start_traps(&hooks);
    if (!console_init())
        shutdown(EXIT_NO_CONSOLE);
    report_init();
    pic_disable();
    print("\nclockpage " CLOCKPAGE_VERSION ": time for small kernels on KVM\n\n");
    bootinfo_read(protocol, loader_data, &boot);
    if (boot.error)
        panic("%s", boot.error);
    settings_register();
    shell_register();
    sysctl_clock_register();
    sysctl_machine_register();
    tsc_sysctl_register(&tsc);
    settings_read(boot.command_line, boot.command_line_cut);
    if (settings.help) {
        settings_help();
        end_run();
    }
    fault_damage_table(machine_low_memory, boot.rsdp);
    firmware_read(machine_low_memory, boot.rsdp, &firmware);
    machine_start_paging(&boot, (uint64_t)image_end_phys);
    shutdown_init(&firmware);
    machine_start_apic();
    vcpus_order(&firmware);
    machine_enter_own_stack(firmware.apic_ids[0], main_on_own_stack);
}

static _Noreturn void main_on_own_stack(void)
{
    uint64_t begin = rdtsc_ordered();
    apic_timer_free_run();
    tsc_begin(&tsc);
    tsc_begin_pm_timer(&tsc, firmware.pm_timer_port, firmware.pm_timer_32);
    attach_kvmclock();
    end_calibration(begin);
    if (settings.scripted) {
        kvmclock_script(&kvmclock, tsc.hz, begin, (int64_t)settings.skew,
                        !settings.scripted_unstable);
        enable_clock(this_cpu());
    }
    report_start();
    machine_check_firmware(&firmware);
    cpu_count = vcpus_start(&firmware, tsc.hz, enable_clock);

    process_clock = clock_uptime;
    const char *wrong =
        process_create(virt_to_phys(slots), CLOCK_PAGES, time_page_physical(), cpu_count);
    if (wrong)
        panic("%s", wrong);
    if (!pvclock_device_init(process_root(), virt_to_phys(slots),
                             kvmclock.present ? cpu_count * sizeof(*slots) : 0,
                             tsc.hz * PATIENCE_S))
        panic("no memory for /dev/pvclock");
    plan = (struct ring3_plan){
        .moving_timer_count = plan.moving_timer_count,
        .cpus = cpu_count,
        .tsc_hz = tsc.hz,
        .rounds = settings.rounds,
        .reads = settings.reads       ? settings.reads
                 : kvmclock.host.base ? READS_KVM
                                      : READS_ELSE,
        .moved_reads = kvmclock.host.base ? READS_MOVED_KVM : READS_MOVED_ELSE,
        .source = source_of,
    };
    /* From here on the settings tell what is, not what was asked for. */
    settings.reads = plan.reads;
    settings.rounds = ring3_rounds(&plan);
    start_clock(ring3_offsets(&plan, offsets, offset_errors));
    plan.stable = kvmclock.present && kvmclock.stable;
    plan.gettime_by_page = kvmclock.present ? plan.stable || has_rdtscp : tsc.counter.quality >= 0;
    user_counter = clock_in_use();
    decide(NULL, false, false);
    kvmclock_report(&kvmclock);
    kvmclock_judge(&kvmclock, cpu_count);
    set_date();
    machine_check_map(cpu_count);
    machine_check_msr();
    ring3_check_map();

    fault_provoke(settings.fault);
    attach_ring3();
    if (!shell_wanted_now()) {
        test_ring3();
        clock_try_switching();
        /* Over the whole run, its readings' own width counts for less. */
        tsc_end_pm_timer(&tsc);
        (void)tsc_choose(&tsc);
        tsc_judge(&tsc);
        report();
    }
    if (shell_wanted())
        run_shell();
    tear_down();
    end_run();
}
