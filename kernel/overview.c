/* SPDX-License-Identifier: 0BSD */
/*
 * Prints the report, the end of the flow: how the machine was booted, how its vCPUs came up, and
 * what the clock is made of.
 */
#include "arch/x86/acpi.h"
#include "arch/x86/apic.h"
#include "arch/x86/frames.h"
#include "base/format.h"
#include "drivers/kvmclock/kvmclock.h"
#include "drivers/tsc/tsc.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/tick.h"
#include "kernel/clock/time_page.h"
#include "kernel/main.h"
#include "kernel/process/jobs.h"
#include <clockpage/bootinfo.h>
#include <clockpage/report.h>
#include <clockpage/version.h>
#include <pvclock/read.h>

/*
 * A message between two vCPUs that run takes less than this; a larger error only says that the
 * host did not run both at the same time.
 */
enum { COARSE_NS = 20000 };

void report_start(void)
{
    char more[80] = "";

    if (firmware.possible_left_out)
        format(more, sizeof(more), "; %u listed that there is no room for",
               firmware.possible_left_out);
    REPORT("start",
           "booted by   {protocol}{_comma}{loader}; {_mib} MiB for the kernel\n"
           "vCPUs       {vcpus}, by: {vcpus_from}; {_apic}",
           TEXT("version", CLOCKPAGE_VERSION), TEXT("protocol", boot.protocol),
           TEXT("loader", boot.loader), U64("vcpus", firmware.cpu_count),
           U64("vcpus_possible", firmware.possible_count), TEXT("vcpus_from", firmware.source),
           BOOL("x2apic", apic_is_x2apic()), TEXT("_comma", boot.loader[0] ? ", " : ""),
           U64("_mib", (frames_end() - KERNEL_PHYS) >> 20),
           TEXT("_apic", apic_is_x2apic() ? "x2APIC" : "xAPIC"));
    if (firmware.possible_count > firmware.cpu_count)
        print("; %u more may come", firmware.possible_count - firmware.cpu_count);
    print("%s\n", more);
}

#define BRING_UP "bring-up    {us/1000.3} ms for {vcpus} more"
#define BRING_UP_DETAIL                                                                            \
    BRING_UP ":\n            made in {prepare_us} us, started in {start_us} us (the first in "     \
             "{first_came_us} us), registered in {register_us} us"
#define ALL_THERE ",\n            all there {system_time_us/1000000.3} s after the machine began\n"

void report_bring_up(const struct vcpus_bring_up *how)
{
    static struct vcpus_bring_up last;
    static uint64_t ns; /* the page's time when all were there; 0: unknown */

    if (how) {
        last = *how;
        /* System time began with the virtual machine, so it includes the firmware's time. */
        if (kvmclock.present && !kvmclock.played)
            (void)pvclock_ns(&clock_slots[0].info, PVCLOCK_LFENCE, &ns);
    }
    uint64_t us = last.prepare_us + last.start_us + last.register_us;
    uint32_t others = last.end - last.first;
    REPORT("bring_up",
           !others                ? NULL
           : !report_is_verbose() ? BRING_UP "\n"
           : !ns                  ? BRING_UP_DETAIL "\n"
                                  : BRING_UP_DETAIL ALL_THERE,
           U64("vcpus", others), U64("us", us), U64("us_each", others ? us / others : 0),
           U64("prepare_us", last.prepare_us), U64("start_us", last.start_us),
           U64("first_came_us", last.first_came_us), U64("register_us", last.register_us),
           U64("system_time_us", ns / 1000));
}

void describe_offset(uint32_t index, char *to, size_t size)
{
    int64_t cycles;
    uint64_t error;

    if (!offset_get(index, &cycles, &error)) {
        format(to, size, "not measured");
        return;
    }
    int64_t ns =
        cycles < 0 ? -(int64_t)tsc_ns(-(uint64_t)cycles) : (int64_t)tsc_ns((uint64_t)cycles);
    error = tsc_ns(error);
    if (error > COARSE_NS)
        format(to, size, "too coarse to judge");
    else
        format(to, size, "%+ld +- %lu", ns, error);
}

static void report_vcpu(uint32_t i)
{
    struct pvclock_snapshot s;
    struct pvclock_frequency f = {0};
    const struct pvclock_vcpu_time_info *info =
        kvmclock.present ? &clock_slots[i].info : &time_page_get()->tsc;
    int64_t offset;
    uint64_t error;
    bool known = offset_get(i, &offset, &error);
    char offset_text[40];

    if (pvclock_take_snapshot(info, &s) == PVCLOCK_OK)
        (void)pvclock_frequency_of(s.mul, s.shift, &f);
    describe_offset(i, offset_text, sizeof(offset_text));
    REPORT("vcpu",
           "{id:4} {apic_id:4} {version:7} {mul:10} {shift:5} {_flags:6} {paused:6} {tsc_hz:10}  "
           "{_offset}\n",
           U64("id", i), U64("apic_id", cpu_table[i]->apic_id), U64("version", s.version),
           U64("mul", s.mul), I64("shift", s.shift), U64("flags", s.flags), U64("tsc_hz", f.hz),
           U64("paused", kvmclock.vcpus[i].paused), BOOL("offset_known", known),
           I64("offset_cycles", known ? offset : 0), U64("offset_error", known ? error : 0),
           TEXT("_flags", s.flags & PVCLOCK_FLAG_TSC_STABLE ? "stable" : "-"),
           TEXT("_offset", offset_text));
}

/* Within how many ns of vCPU 0's TSC all others' are; false: of some that is not known. */
static bool tsc_within(uint64_t *ns)
{
    bool known = true;

    *ns = 0;
    for (uint32_t i = 1; i < cpu_count; i++) {
        int64_t cycles;
        uint64_t error;
        known = offset_get(i, &cycles, &error) && known;
        if (!known)
            break;
        uint64_t within = magnitude(cycles) + error;
        within = tsc_ns(within);
        *ns = within > *ns ? within : *ns;
    }
    return known;
}

static void summarise_tsc(void)
{
    unsigned confirming = 0;
    uint64_t ns;

    for (unsigned i = 0; i < TSC_SOURCES; i++)
        confirming += i != tsc.chosen && tsc.sources[i].hz && tsc.sources[i].confirms;
    print("TSC         %lu Hz by %s, %u other source%s", tsc.hz, tsc.sources[tsc.chosen].name,
          confirming, confirming == 1 ? " agrees" : "s agree");
    if (cpu_count > 1 && tsc_within(&ns) && ns <= COARSE_NS)
        print("\n            vCPUs: all within %lu ns of vCPU 0's", ns);
    else if (cpu_count > 1)
        print("\n            vCPUs: too coarse to judge whether theirs agree");
    print("\n");
}

void report_clock(void)
{
    report_detail(true);
    print("\nvCPU APIC version        mul shift  flags paused     TSC Hz  TSC to vCPU 0's, ns\n");
    for (uint32_t i = 0; i < cpu_count; i++)
        report_vcpu(i);
    tsc_report(&tsc);
    report_detail(false);
    if (!report_is_verbose())
        summarise_tsc();
    clock_report_counters();
    clock_report_windups();
    tick_report();
}
