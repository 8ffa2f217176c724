/* SPDX-License-Identifier: 0BSD */
/*
 * Arms each vCPU's next timer interrupt at the end of the last one, so that none starves
 * ring 3.  The boot vCPU's ticks wind up the clock and publish the time page (main.c).
 */
#include "kernel/clock/tick.h"
#include "arch/x86/acpi.h"
#include "arch/x86/apic.h"
#include "arch/x86/cr.h"
#include "arch/x86/trap.h"
#include "arch/x86/tsc.h"
#include "drivers/tsc/tsc.h"
#include <clockpage/report.h>
#include <clockpage/sysctl.h>

enum {
    /*
     * Weight of the interrupt's entry and exit, which no handler sees, in the rest left to ring 3.
     */
    EMPTY_FACTOR = 4,
    EMPTY_TRIES = 4,
    EMPTY_PATIENCE_US = 1000,
    /* The rest is at most 1/20 s, even if the host stopped the vCPU during a tick. */
    LONGEST_REST = 20,
};

uint32_t tick_period;

static uint64_t counts_per_s;
static uint64_t empty; /* what an empty tick costs, in counts of the timer */

/* Of the boot vCPU, which alone writes it. */
static struct {
    uint64_t ticks, stretched; /* `stretched`: left ring 3 less than their cost of the period */
    uint64_t cost, worst_cost; /* timer counts of the stretched ones: total; worst */
    uint64_t gaps;             /* timer counts, in all, from each stretched tick to the next one */
} boot_ticks;

static uint64_t hz_asked; /* kern.hz; 0: it depends on the number of vCPUs */

uint64_t tick_rate(void)
{
    if (hz_asked)
        return hz_asked;
    /*
     * A tick can cost 0.2 ms on a host that emulates ring 0, and there may be many vCPUs per CPU
     * of the host: keep all ticks together below a tenth of one such CPU.
     */
    if (firmware.possible_count <= 4)
        return 100;
    return firmware.possible_count < 40 ? 400 / firmware.possible_count : 10;
}

static uint64_t counts_of(uint64_t cycles)
{
    /* Below 2^64 for up to a second of a TSC of 20 GHz. */
    return (cycles > tsc.hz ? tsc.hz : cycles) * (counts_per_s / 1000) / (tsc.hz / 1000);
}

static uint64_t us_of(uint64_t counts)
{
    return counts * 1000000 / counts_per_s;
}

/* Measures an interrupt that this vCPU sends itself, from request to return, in cycles. */
static uint64_t empty_tick(void)
{
    uint64_t begin = rdtsc_ordered(), ticks = this_cpu()->ticks, cycles;

    apic_send(this_cpu()->apic_id, VECTOR_TIMER);
    do {
        interrupts_on();
        cpu_pause(); /* STI admits none before the next instruction has ended */
        interrupts_off();
        cycles = rdtsc_ordered() - begin;
    } while (this_cpu()->ticks == ticks && cycles < tsc.hz / 1000000 * EMPTY_PATIENCE_US);
    return cycles;
}

void tick_init(uint64_t apic_timer_hz)
{
    uint64_t least = UINT64_MAX;

    counts_per_s = apic_timer_hz;
    for (unsigned i = 0; i < EMPTY_TRIES; i++) {
        uint64_t cycles = empty_tick();
        least = cycles < least ? cycles : least;
    }
    empty = counts_of(least) + 1;
}

uint32_t tick_count(uint64_t hz)
{
    return (uint32_t)(counts_per_s / hz);
}

static uint64_t cycles_of(uint64_t counts)
{
    return counts * (tsc.hz / 1000) / (counts_per_s / 1000);
}

void tick_start(struct cpu *cpu, uint32_t count)
{
    cpu->timer_initial = count;
    cpu->timer_due = rdtsc_ordered() + cycles_of(count);
    apic_timer_once(count);
}

void tick_stop(struct cpu *cpu)
{
    cpu->timer_initial = 0;
    apic_timer_stop();
}

void tick_end(struct cpu *cpu, uint64_t began)
{
    uint64_t count = cpu->timer_initial;

    /* The timer was stopped while this interrupt was on its way, or was never started. */
    if (!count)
        return;
    uint64_t now = rdtsc_ordered(), cost = counts_of(now - began);
    uint64_t least = cost + EMPTY_FACTOR * empty;
    if (least > counts_per_s / LONGEST_REST)
        least = counts_per_s / LONGEST_REST;
    bool stretched = cost + least > count;
    /* Count from when this tick was due, so that a late one does not delay all others. */
    cpu->timer_due += cycles_of(count);
    if (cpu->timer_due < now + cycles_of(least))
        cpu->timer_due = now + cycles_of(least);
    uint64_t rest = counts_of(cpu->timer_due - now);
    apic_timer_once((uint32_t)(rest ? rest : 1));
    if (cpu->index != 0)
        return;
    boot_ticks.ticks++;
    if (!stretched)
        return;
    boot_ticks.stretched++;
    boot_ticks.cost += cost;
    boot_ticks.worst_cost = cost > boot_ticks.worst_cost ? cost : boot_ticks.worst_cost;
    boot_ticks.gaps += cost + rest;
}

uint64_t tick_total(void)
{
    return cpu_table[0]->ticks;
}

void tick_report(void)
{
    uint64_t hz = tick_rate(), n = boot_ticks.stretched, average = n ? boot_ticks.cost / n : 0;

    /* A busy host stretches some of them; only a rate that is too high stretches most. */
    if (n > boot_ticks.ticks / 2)
        print("ticks: kern.hz=%lu is more than vCPU 0 can do: a tick takes %lu us here, so that "
              "%lu a "
              "second leave\n       ring 3 half of the time; %lu of %lu ticks came later for it\n",
              hz, us_of(average), counts_per_s * n / boot_ticks.gaps, n, boot_ticks.ticks);
    REPORT("ticks", NULL, U64("hz", hz), U64("count", boot_ticks.ticks), U64("stretched", n),
           U64("empty_us", us_of(empty)), U64("average_us", us_of(average)),
           U64("worst_us", us_of(boot_ticks.worst_cost)));
}

/* ---- Settings ---------------------------------------------------------- */

static void get_hz(void *context, uint32_t index, struct sysctl_text *to)
{
    (void)context, (void)index;
    sysctl_put(to, "%lu", tick_rate());
}

static void get_clockrate(void *context, uint32_t index, struct sysctl_text *to)
{
    (void)context, (void)index;
    sysctl_put(to, "{ hz = %lu, tick = %lu }", tick_rate(), 1000000 / tick_rate());
}

static const struct sysctl nodes[] = {
    SYSCTL_SHOWN("clockrate", SYSCTL_OPAQUE, get_clockrate,
                 "timer interrupts a second, and us between two"),
    SYSCTL_PROC("hz", SYSCTL_U64, SYSCTL_RDTUN, &hz_asked, get_hz, NULL, 1, 10000, NULL,
                "100, less with many vCPUs", "timer interrupts a second on each vCPU"),
};

SYSCTL_TABLE("kern", nodes);
