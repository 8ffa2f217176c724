/* SPDX-License-Identifier: 0BSD */
/*
 * Starts the vCPUs that the firmware lists, at boot and late, and registers each with the driver.
 */
#include "kernel/vcpus.h"
#include "arch/x86/acpi.h"
#include "arch/x86/apic.h"
#include "arch/x86/features.h"
#include "arch/x86/ipi.h"
#include "arch/x86/smp.h"
#include "arch/x86/tsc.h"
#include "base/panic.h"
#include "base/pause.h"
#include "base/tunables.h"
#include "drivers/kvmclock/kvmclock.h"
#include "drivers/tsc/tsc.h"
#include "kernel/process/process.h"
#include "kernel/process/words.h"
#include <clockpage/report.h>
#include <stddef.h>

/* Stop waiting for the others this long after the last arrival. */
enum { PATIENCE_MS = 3000 };

/* vCPUs that have a structure and stacks and are in cpu_table, whether they came up or not. */
static uint32_t prepared = 1;

static void insert(struct firmware_facts *facts, uint32_t at, uint32_t apic_id)
{
    if (facts->possible_count == MAX_CPUS)
        return;
    for (uint32_t i = facts->possible_count++; i > at; i--)
        facts->apic_ids[i] = facts->apic_ids[i - 1];
    facts->apic_ids[at] = apic_id;
    facts->cpu_count++;
}

void vcpus_order(void)
{
    struct firmware_facts *facts = &firmware;
    uint32_t own = apic_id();

    if (settings.missing_cpu)
        insert(facts, facts->cpu_count, (uint32_t)settings.missing_cpu);
    if (facts->cpu_count == 0)
        insert(facts, 0, own);
    uint32_t at = 0;
    while (at < facts->cpu_count && facts->apic_ids[at] != own)
        at++;
    if (at == facts->cpu_count)
        panic("the firmware's table has no entry for the boot vCPU (APIC %u)", own);
    for (; at > 0; at--)
        facts->apic_ids[at] = facts->apic_ids[at - 1];
    facts->apic_ids[0] = own;
    uint32_t others = facts->cpu_count - 1;
    facts->cpu_count -= settings.late_cpus < others ? (uint32_t)settings.late_cpus : others;
}

static uint64_t us_between(uint64_t from, uint64_t to)
{
    return to > from ? (to - from) / (tsc.hz / 1000000) : 0;
}

void vcpus_start(uint32_t count, uint32_t patience_ms, struct vcpus_bring_up *how)
{
    uint64_t patience = tsc.hz / 1000 * patience_ms, begin = rdtsc_ordered();

    *how = (struct vcpus_bring_up){.first = online_count};
    while (prepared < count && smp_prepare(prepared, firmware.apic_ids[prepared]))
        prepared++;
    uint64_t ready = rdtsc_ordered();
    how->asked = prepared - how->first;
    how->began = ready;
    uint32_t goal = how->end = how->first;
    do {
        pause_at(PAUSE_VCPUS);
        goal = settings.one_by_one && goal < prepared ? goal + 1 : prepared;
        how->end = smp_start(how->end, goal, patience);
    } while (how->end == goal && goal < prepared);

    uint64_t first = UINT64_MAX, last = ready;
    for (uint32_t i = how->first; i < how->end; i++) {
        uint64_t came = cpu_table[i]->arrived;
        first = came < first ? came : first;
        last = came > last ? came : last;
    }
    uint64_t started = rdtsc_ordered();
    if (how->end > how->first)
        smp_call_some(how->first, how->end, vcpu_enable, NULL);
    (void)smp_wait_some(how->first, how->end, patience);
    how->prepare_us = us_between(begin, ready);
    how->start_us = us_between(ready, last);
    how->first_came_us = how->end > how->first ? us_between(ready, first) : 0;
    how->register_us = us_between(started, rdtsc_ordered());
}

void vcpus_start_present(struct vcpus_bring_up *how)
{
    vcpus_start(firmware.cpu_count, PATIENCE_MS, how);

    uint64_t us = how->prepare_us + how->start_us + how->register_us;
    uint32_t others = how->end - how->first;
    if (how->end == firmware.cpu_count)
        check(PASS, "vcpus.online",
              "%u of %u, the others in %lu ms, %lu us each: %lu prepared, %lu started, %lu "
              "registered",
              how->end, firmware.cpu_count, us / 1000, others ? us / others : 0, how->prepare_us,
              how->start_us, how->register_us);
    else
        check(FAIL, "vcpus.online", "%u of %u after %u ms; no answer from APIC %u first%s",
              how->end, firmware.cpu_count, PATIENCE_MS,
              how->end < prepared ? cpu_table[how->end]->apic_id : firmware.apic_ids[prepared],
              prepared < firmware.cpu_count ? "; no memory for all" : "");
}

void vcpu_enable(struct cpu *cpu, void *arg)
{
    (void)arg;
    if (cpu->index != 0)
        pause_at(PAUSE_REGISTRATION);
    cpu->user_gs = words_address(cpu->index);
    features_number_vcpu(cpu->index);
    kvmclock_enable(&kvmclock, cpu->index);
}
