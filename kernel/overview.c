/* SPDX-License-Identifier: 0BSD */
/*
 * Prints the report, the end of the flow: how the machine was booted, how its vCPUs came up, and
 * what the clock is made of.
 */
#include "arch/x86/acpi.h"
#include "arch/x86/apic.h"
#include "arch/x86/frames.h"
#include "base/tunables.h"
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

void report_start(void)
{
    print("booted by   %s%s%s; %lu MiB for the kernel\n", boot.protocol, boot.loader[0] ? ", " : "",
          boot.loader, (frames_end() - KERNEL_PHYS) >> 20);
    print("vCPUs       %u, by: %s; %s", firmware.cpu_count, firmware.source,
          apic_is_x2apic() ? "x2APIC" : "xAPIC");
    if (firmware.possible_count > firmware.cpu_count)
        print("; %u more may come", firmware.possible_count - firmware.cpu_count);
    if (firmware.possible_left_out)
        print("; %u listed that there is no room for", firmware.possible_left_out);
    print("\n");
    record_begin("start");
    record_text("version", CLOCKPAGE_VERSION);
    record_text("protocol", boot.protocol);
    record_text("loader", boot.loader);
    record_u64("vcpus", firmware.cpu_count);
    record_u64("vcpus_possible", firmware.possible_count);
    record_text("vcpus_from", firmware.source);
    record_bool("x2apic", apic_is_x2apic());
    record_end();
}

void report_bring_up(const struct vcpus_bring_up *how)
{
    uint64_t us = how->prepare_us + how->start_us + how->register_us, ns = 0;
    uint32_t others = how->end - how->first;

    /* System time began with the virtual machine, so it includes the firmware's time. */
    if (kvmclock.present && !kvmclock.scripted)
        (void)pvclock_ns(&clock_slots[0].info, PVCLOCK_LFENCE, &ns);
    if (others) {
        print("bring-up    %u vCPUs in %lu.%03lu ms, %lu us each: made in %lu us, started in %lu "
              "(the first in %lu),\n            registered in %lu",
              others, us / 1000, us % 1000, us / others, how->prepare_us, how->start_us,
              how->first_came_us, how->register_us);
        if (ns)
            print("; all there %lu.%03lu s after the machine began", ns / 1000000000,
                  ns / 1000000 % 1000);
        print("\n");
    }
    record_begin("bring_up");
    record_u64("vcpus", others);
    record_u64("us", us);
    record_u64("us_each", others ? us / others : 0);
    record_u64("prepare_us", how->prepare_us);
    record_u64("start_us", how->start_us);
    record_u64("first_came_us", how->first_came_us);
    record_u64("register_us", how->register_us);
    record_u64("system_time_us", ns / 1000);
    record_end();
}

void print_offset(uint32_t index)
{
    int64_t offset;
    uint64_t error;

    if (offset_get(index, &offset, &error))
        print("%ld +- %lu cycles\n", offset, error);
    else
        print("not measured\n");
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

    if (pvclock_snapshot(info, &s) == PVCLOCK_OK)
        (void)pvclock_frequency(s.mul, s.shift, &f);
    print("%4u  %4u  %7u  %10u  %5d  %s  %6lu  %10lu  ", i, cpu_table[i]->apic_id, s.version, s.mul,
          s.shift, s.flags & PVCLOCK_FLAG_TSC_STABLE ? "stable" : "     -",
          kvmclock.vcpus[i].paused, f.hz);
    print_offset(i);
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
    record_i64("offset_cycles", known ? offset : 0);
    record_u64("offset_error", known ? error : 0);
    record_end();
}

void report_clock(void)
{
    print(
        "\nvCPU  APIC  version         mul  shift   flags  paused      TSC Hz  TSC, to vCPU 0's\n");
    for (uint32_t i = 0; i < cpu_count; i++)
        report_vcpu(i);
    tsc_report(&tsc);
    clock_report();
    tick_report(settings.hz);
}
