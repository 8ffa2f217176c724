/* SPDX-License-Identifier: 0BSD */
/*
 * Brings the clock up, from the host's page through the driver to the timecounters.
 */
#include "kernel/clock/start.h"
#include "arch/x86/acpi.h"
#include "arch/x86/apic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cr.h"
#include "arch/x86/ipi.h"
#include "arch/x86/pit.h"
#include "arch/x86/tsc.h"
#include "base/calendar.h"
#include "base/panic.h"
#include "base/pause.h"
#include "base/text.h"
#include "drivers/acpi_timer/acpi_timer.h"
#include "drivers/hpet/hpet.h"
#include "drivers/i8254/i8254.h"
#include "drivers/kvmclock/kvmclock.h"
#include "drivers/tsc/tsc.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/host.h"
#include "kernel/clock/played_host.h"
#include "kernel/clock/tick.h"
#include <clockpage/sysctl.h>
#include <pvclock/read.h>

enum { CALIBRATION_MS = 12, PAIR_PATIENCE_S = 3 };

static struct hpet hpet;
static struct acpi_timer acpi_timer;
static struct i8254 i8254;

/* ---- The pair of MSRs -------------------------------------------------- */

static const char *const pairs[] = {"new", "old", NULL};
static const char *pair = "new";

static void use_pair(struct cpu *cpu, void *arg)
{
    (void)arg;
    kvmclock_renew(&kvmclock, cpu->index);
}

/* A value from the command line is kept until the driver attaches. */
static const char *set_pair(void *context, uint32_t index, const union sysctl_value *value)
{
    (void)context, (void)index;
    if (cpu_count && !kvmclock_choose_pair(&kvmclock, text_same(value->string, "old")))
        return "there is no KVM that offers that pair";
    pair = value->string;
    if (cpu_count)
        (void)smp_ask_all(use_pair, NULL, tsc.hz * PAIR_PATIENCE_S);
    return NULL;
}

static const struct sysctl nodes[] = {
    SYSCTL_PROC("msr_pair", SYSCTL_STRING, SYSCTL_RWTUN, &pair, NULL, set_pair, 0, 0, pairs, "new",
                "the MSRs to register by; on the old pair KVM takes STABLE away"),
};

SYSCTL_TABLE("debug.kvmclock", nodes);

/* ---- The driver -------------------------------------------------------- */

static bool by_kvm;

bool runs_on_kvm(void)
{
    return by_kvm;
}

void attach_kvmclock(void)
{
    kvmclock_attach(&kvmclock, &kvmclock_machine, NULL);
    by_kvm = kvmclock.host.base != 0;
    attach_played_host();
    if (text_same(pair, "old"))
        (void)kvmclock_choose_pair(&kvmclock, true);
}

/* Tells the TSC's driver the frequencies that the page and the hypervisor report. */
static void ask_hypervisor(void)
{
    struct pvclock_frequency f;
    struct pvclock_snapshot s;

    if (kvmclock.vcpus[0].registered &&
        pvclock_take_snapshot(&clock_slots[0].info, &s) == PVCLOCK_OK &&
        pvclock_frequency_of(s.mul, s.shift, &f) == PVCLOCK_OK)
        tsc_set_kvmclock(&tsc, f.hz, f.error_hz);
    tsc_set_hypervisor_leaf(&tsc, kvmclock.host.tsc_khz);
}

/* ---- The TSC's frequency, and the local APIC timer's from it ----------- */

/*
 * Returns the local APIC timer's counts a second; it runs since the TSC was `begin`.  The TSC goes
 * on while the host pauses the guest, and the timer does not, which makes it look slow: what took
 * longer than it should is measured anew, and the highest rate counts.
 */
static uint64_t measure_apic_timer(uint64_t begin)
{
    enum { TRIES = 4 };
    uint64_t highest = 0;

    for (unsigned tries = 1;; tries++) {
        pause_at(PAUSE_TIMER);
        while (rdtsc_ordered() - begin < tsc.hz / 1000 * CALIBRATION_MS)
            cpu_pause();
        uint64_t counts = apic_timer_elapsed();
        uint64_t us = (rdtsc_ordered() - begin) / (tsc.hz / 1000000);
        uint64_t rate = counts * 1000000 / us;
        highest = rate > highest ? rate : highest;
        if (us < CALIBRATION_MS * 1000 * 5 / 4 || tries == TRIES)
            return highest;
        apic_timer_free_run();
        begin = rdtsc_ordered();
    }
}

void end_calibration(uint64_t begin)
{
    enum { TRIES = 5 };
    uint16_t counts;

    ask_hypervisor();
    for (unsigned tries = 1;; tries++) {
        pause_at(PAUSE_CALIBRATION);
        while (pit_elapsed(&counts) && counts < PIT_HZ / 1000 * CALIBRATION_MS)
            cpu_pause();
        bool in_time = tsc_end_pit(&tsc);
        /* Before other vCPUs start: multi-threaded TCG distorts a TSC that several of them read. */
        tsc_end_pm_timer(&tsc);
        bool known = tsc_choose(&tsc);
        if (known && ((in_time && tsc_is_sound(&tsc)) || tries == TRIES))
            break;
        if (tries == TRIES)
            panic("no source tells the frequency of the TSC");
        tsc_begin_again(&tsc);
    }
    uint64_t counts_per_s = measure_apic_timer(begin);
    if (counts_per_s < tick_rate())
        panic("the local APIC's timer does not run");
    tick_init(counts_per_s);
    tick_period = tick_count(tick_rate());
    tick_start(this_cpu(), tick_period);
}

/* ---- The timecounters -------------------------------------------------- */

void start_clock(bool synchronised)
{
    kvmclock_check(&kvmclock, cpu_count);
    tsc_make_counter(&tsc, synchronised, kvmclock.present);
    clock_init(tick_rate());
    clock_offer(&kvmclock.counter, kvmclock.present ? NULL : kvmclock_why_none(&kvmclock));
    clock_offer(&tsc.counter, NULL);
    clock_offer(&hpet.counter, hpet_attach(&hpet, firmware.hpet));
    clock_offer(&acpi_timer.counter,
                acpi_timer_attach(&acpi_timer, firmware.pm_timer_port, firmware.pm_timer_32));
    clock_offer(&i8254.counter, i8254_attach(&i8254));
    clock_set_reference(kvmclock.present ? &kvmclock.counter : &tsc.counter);
    clock_choose(NULL);
}
