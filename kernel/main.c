/* SPDX-License-Identifier: 0BSD */
/*
 * Runs everything in order, from the loader to the verdict.  Data flows one way, and
 * main_on_own_stack() reads in its order: host page, driver, timecounter, clock, time page,
 * ring 3, report.
 */
#include "kernel/main.h"
#include "arch/x86/acpi.h"
#include "arch/x86/apic.h"
#include "arch/x86/features.h"
#include "arch/x86/frames.h"
#include "arch/x86/pit.h"
#include "arch/x86/trap.h"
#include "arch/x86/tsc.h"
#include "base/console.h"
#include "base/panic.h"
#include "base/pause.h"
#include "base/shutdown.h"
#include "base/text.h"
#include "base/tunables.h"
#include "drivers/kvmclock/kvmclock.h"
#include "drivers/tsc/tsc.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/events.h"
#include "kernel/clock/host.h"
#include "kernel/clock/played_host.h"
#include "kernel/clock/start.h"
#include "kernel/clock/suspend.h"
#include "kernel/clock/tick.h"
#include "kernel/clock/time_page.h"
#include "kernel/machine.h"
#include "kernel/process/device.h"
#include "kernel/process/jobs.h"
#include "kernel/process/process.h"
#include "kernel/process/threads.h"
#include "kernel/selftest/selftest.h"
#include <clockpage/bootinfo.h>
#include <clockpage/report.h>
#include <clockpage/sysctl.h>
#include <clockpage/version.h>

enum { PATIENCE_S = 3 };

extern char image_end_phys[];

/* ---- In order ---------------------------------------------------------- */

static _Noreturn void main_on_own_stack(void);

static void on_timer(struct cpu *cpu, struct trap_frame *frame)
{
    uint64_t began = rdtsc_ordered();

    if (cpu->index != 0) {
        see_own(cpu);
    } else if (cpu_count) {
        toggle_tick();
        clock_tick();
        /*
         * Before see_host() publishes the time page: a comparison that ends here winds up as well.
         */
        trials_tick();
        see_host();
    }
    if (frame)
        threads_tick(cpu, frame);
    tick_end(cpu, began);
    if (frame)
        process_tick(cpu);
    /* Ring 3 on this vCPU finds the pause, as no tick has handled it. */
    if (cpu->index == 0)
        pause_at(PAUSE_TICK);
}

/* Makes the process, and starts the clock by what it finds about the TSCs. */
static void start_ring3(void)
{
    /* TCG's vCPUs may share one thread, as in run-qemu.sh. */
    bool in_turn = text_same(kvmclock.hypervisor, "TCGTCGTCGTCG");
    const char *wrong = process_create(virt_to_phys(time_page_get()), cpu_count);

    if (wrong)
        panic("%s", wrong);
    (void)choose_tsc_read();
    if (!pvclock_device_init(process_root(), virt_to_phys(clock_slots),
                             kvmclock.present ? firmware.possible_count * sizeof(*clock_slots) : 0,
                             tsc.hz * PATIENCE_S))
        panic("no memory for /dev/pvclock");
    jobs_init((kvmclock.present ? FACT_KVMCLOCK : 0) | (features_has_rdtscp() ? FACT_RDTSCP : 0) |
                  (in_turn ? FACT_IN_TURN : 0),
              tsc.hz);
    bool agree = offsets_measure(1, cpu_count);
    offsets_judge(agree, in_turn ? "; TCG may run vCPUs in turn" : "");
    start_clock(agree);
}

/* From here on the settings show what is in force, not what was asked for. */
static void fill_in_settings(void)
{
    /* Under KVM reads are native and ten million take half a second; under TCG they are not. */
    enum { READS_KVM = 10500000, READS_ELSE = 1000000 };
    enum { FEW_CPUS = 8, ROUNDS = 41, ROUNDS_OF_MANY = 31 };

    if (!settings.reads)
        settings.reads = runs_on_kvm() ? READS_KVM : READS_ELSE;
    if (!settings.rounds)
        settings.rounds = firmware.possible_count <= FEW_CPUS ? ROUNDS : ROUNDS_OF_MANY;
}

/* Does what needs the boot page tables, which map the loader's and the firmware's own memory. */
_Noreturn void kernel_entry(uint32_t loader_data, uint32_t protocol);

_Noreturn void kernel_entry(uint32_t loader_data, uint32_t protocol)
{
    static const struct trap_hooks hooks = {on_timer, host_ipi, process_fault, panic_fault,
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
    sysctl_register_set();
    settings_read(boot.command_line, boot.command_line_cut);
    if (settings.help) {
        settings_help();
        shutdown(report_end(NULL, NULL) ? EXIT_PASS : EXIT_FAIL);
    }
    fault_damage_table(machine_low_memory, boot.rsdp);
    firmware_read(machine_low_memory, boot.rsdp, &firmware);
    machine_start_paging((uint64_t)image_end_phys);
    shutdown_init(&firmware);
    machine_start_apic();
    vcpus_order();
    machine_enter_own_stack(firmware.apic_ids[0], main_on_own_stack);
}

static _Noreturn void main_on_own_stack(void)
{
    struct vcpus_bring_up bring_up;
    uint64_t begin = rdtsc_ordered();

    apic_timer_free_run();
    tsc_begin(&tsc);
    tsc_begin_pm_timer(&tsc, firmware.pm_timer_port, firmware.pm_timer_32);
    attach_kvmclock();
    vcpu_enable(this_cpu(), NULL);
    end_calibration(begin);
    start_played_host(begin);
    report_start();
    machine_check_firmware();
    vcpus_start_present(&bring_up);
    report_bring_up(&bring_up);
    cpu_count = bring_up.end;

    start_ring3();
    machine_report_protection(process_root(), USER_VCPU_BASE);
    fill_in_settings();
    (void)keep_choice();
    kvmclock_report(&kvmclock);
    kvmclock_judge(&kvmclock, cpu_count);
    set_date();
    machine_check_map();
    machine_check_msr();
    machine_check_border(tsc.hz * PATIENCE_S);
    trials_run();
    /* What no tick has seen, as where interrupts were off. */
    see_host();
    (void)events_report(true);
    tear_down();
    shutdown(verdict_end() ? EXIT_PASS : EXIT_FAIL);
}
