/* SPDX-License-Identifier: 0BSD */
/* Causes the faults that the settings debug.acpi and debug.fault ask for; no part of the clock. */
#include "arch/x86/apic.h"
#include "arch/x86/cr.h"
#include "arch/x86/tsc.h"
#include "base/text.h"
#include "base/tunables.h"
#include "kernel/selftest/selftest.h"
#include <clockpage/report.h>
#include <stddef.h>

static uint32_t word_at(const uint8_t *p)
{
    return (uint32_t)(p[0] | p[1] << 8 | p[2] << 16) | (uint32_t)p[3] << 24;
}

void fault_damage_table(acpi_map map, uint64_t rsdp)
{
    if (!settings.bad_table || !rsdp)
        return;
    const uint8_t *p = map(rsdp, 36);
    uint8_t *root = p ? (uint8_t *)(uintptr_t)map(word_at(p + 16), 36) : NULL;
    if (root && text_same(settings.bad_table, "RSDT"))
        root[10] ^= 1; /* the OEM's name */
    for (uint32_t at = 36; root && at + 4 <= word_at(root + 4); at += 4) {
        uint8_t *t = (uint8_t *)(uintptr_t)map(word_at(root + at), 36);
        if (t && t[0] == (uint8_t)settings.bad_table[0] && t[1] == (uint8_t)settings.bad_table[1] &&
            t[2] == (uint8_t)settings.bad_table[2])
            t[10] ^= 1; /* the OEM's name */
    }
}

/*
 * Recurses without end; each level has a frame, so it meets the guard page before anything of
 * value.
 */
static __attribute__((noinline)) uint64_t overflow_the_stack(uint64_t depth)
{
    volatile uint64_t frame[64];

    frame[depth % 64] = depth;
    if (depth == UINT64_MAX)
        return 0;
    return overflow_the_stack(depth + 1) + frame[0];
}

/* Another vCPU reports it and ends the run; this one prints nothing more, or the two would mix. */
static void end_by_nmi(void)
{
    const uint64_t enough_cycles = 10000000000;

    apic_send_nmi_all_others();
    for (uint64_t begin = rdtsc_ordered(); rdtsc_ordered() - begin < enough_cycles;)
        cpu_pause();
}

void fault_provoke(const char *name)
{
    if (!name)
        return;
    print("debug.fault=%s\n", name);
    if (text_same(name, "ud"))
        __asm__ volatile("ud2");
    else if (text_same(name, "gp"))
        *(volatile uint64_t *)0x8000000000000000 = 1; /* not canonical */
    else if (text_same(name, "pf"))
        *(volatile uint64_t *)0xdead0000 = 1;
    else if (text_same(name, "text"))
        *(volatile uint8_t *)(uintptr_t)fault_provoke = 0;
    else if (text_same(name, "div"))
        __asm__ volatile("xor %%edx, %%edx; div %%ecx" : : "c"(0) : "rax", "rdx");
    else if (text_same(name, "stack"))
        (void)overflow_the_stack(0);
    else if (text_same(name, "nmi"))
        end_by_nmi();
}

void fault_stall(uint64_t tsc_hz)
{
    uint64_t begin = rdtsc_ordered();

    while (rdtsc_ordered() - begin < tsc_hz / 1000 * settings.stall_ms)
        cpu_pause();
}
