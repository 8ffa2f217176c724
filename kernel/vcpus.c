/* SPDX-License-Identifier: 0BSD */
#include "kernel/vcpus.h"
#include "arch/x86/apic.h"
#include "arch/x86/smp.h"
#include "arch/x86/tsc.h"
#include "kernel/panic.h"
#include "kernel/settings.h"
#include <clockpage/report.h>

/* A vCPU that has not come this long after the last one that did is not waited for. */
enum { PATIENCE_S = 3 };

void vcpus_order(struct firmware_facts *facts)
{
    uint32_t own = apic_id();

    if (settings.missing_cpu && facts->cpu_count < MAX_CPUS)
        facts->apic_ids[facts->cpu_count++] = (uint32_t)settings.missing_cpu;
    if (facts->cpu_count == 0)
        facts->apic_ids[facts->cpu_count++] = own;
    for (uint32_t i = 0; i < facts->cpu_count; i++) {
        if (facts->apic_ids[i] != own)
            continue;
        for (; i > 0; i--)
            facts->apic_ids[i] = facts->apic_ids[i - 1];
        facts->apic_ids[0] = own;
        return;
    }
    panic("the firmware's table has no entry for the boot vCPU (APIC %u)", own);
}

uint32_t vcpus_start(const struct firmware_facts *facts, uint64_t tsc_hz,
                     void (*on_start)(struct cpu *cpu))
{
    uint32_t prepared = 1;

    while (prepared < facts->cpu_count && smp_prepare(prepared, facts->apic_ids[prepared]))
        prepared++;
    uint64_t begin = rdtsc_ordered();
    uint32_t online = smp_start(prepared, tsc_hz * PATIENCE_S, on_start);
    uint64_t ms = (rdtsc_ordered() - begin) / (tsc_hz / 1000);

    uint32_t missing = 0;
    for (uint32_t i = prepared; i-- > 0;)
        missing = cpu_is_online(cpu_table[i]) ? missing : facts->apic_ids[i];
    if (online == facts->cpu_count)
        check(PASS, "vcpus.online", "%u of %u, the others in %lu ms", online, facts->cpu_count, ms);
    else
        check(FAIL, "vcpus.online", "%u of %u after %lu ms; no answer from APIC %u first%s", online,
              facts->cpu_count, ms, missing,
              prepared < facts->cpu_count ? "; no memory for all" : "");
    /* What follows runs on vCPUs 0 to n-1: a gap ends the list. */
    uint32_t usable = 1;
    while (usable < prepared && cpu_is_online(cpu_table[usable]))
        usable++;
    return usable;
}
