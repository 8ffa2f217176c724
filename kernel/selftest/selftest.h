/* SPDX-License-Identifier: 0BSD */
/*
 * What must hold, tried while it runs: the steps of kernel/trials.c, in their order.  All functions
 * are for the boot vCPU, while no reader (readers.h) runs.
 */
#ifndef KERNEL_SELFTEST_SELFTEST_H
#define KERNEL_SELFTEST_SELFTEST_H

#include "arch/x86/acpi.h"
#include <stdbool.h>
#include <stdint.h>

/* ---- fault.c: breaks things on purpose, so that tests see that failures are handled ---- */

/* Flips a bit of the table that debug.acpi names. */
void fault_damage_table(acpi_map map, uint64_t rsdp);
/* Causes the fault that debug.fault names; returns if that is NULL, or ring 3's: see jobs.c. */
void fault_provoke(const char *name);
/* Keeps interrupts off as long as debug.windup.stall asks, so that windups come late. */
void fault_stall(uint64_t tsc_hz);

/* ---- deviation.c: the rate of the counter in use against each other one's, over the run ---- */

/* Starts the comparisons, once a counter is chosen; the timer ticks this many times a second. */
void deviation_begin(unsigned long ticks_per_second);
/* Call once a tick: ends a comparison before its counter could wrap unseen. */
void deviation_tick(void);
/*
 * Ends the comparisons: prints a warning for each counter that certainly differs by more than
 * kern.timecounter.alloweddeviation, and makes the check "timecounter.deviation".
 */
void deviation_end(void);
/*
 * Returns how many counters were compared, and within how many ppb the rates of all of them
 * certainly are of the one in use.
 */
unsigned deviation_within(uint64_t *ppb);
/* Reports the results, as text and as records. */
void deviation_report(void);

/* ---- attack.c: random system calls and instructions of ring 3, on all vCPUs at once ---- */

/* Attacks for debug.attack.seconds from debug.fuzz.seed, and makes the check "ring3.attack". */
void attack_run(void);

/* What jobs that make random system calls may use up: compare before and after. */
struct attack_used {
    uint64_t frames, pages;
};

/* Closes and unmaps all but the first `keep` mappings, then counts. */
struct attack_used attack_used(unsigned keep);
bool attack_leaked(const struct attack_used *before, unsigned keep);

/* ---- reads.c and gettime.c: ring 3; ring3_read() of kernel/process/jobs.h measures ---- */

/* Checks that ring 3 reaches exactly what it was given: "ring3.map". */
void ring3_check_map(void);
/* Makes the checks "ring3.*" but those of ring3_read(), "ring3.map" and "ring3.device". */
void ring3_test(void);
/* Reports the last measurement, a row for each vCPU, as text and as records; none: no-op. */
void ring3_report(void);

/* ---- continuity.c: uptime goes on when another counter takes over ---- */

/*
 * Switches from each counter that keeps time to each other one, once, and ends with the one in use
 * before.  Measures what each switch did to uptime against the reference (clock.h).  Makes the
 * check "timecounter.switch".
 */
void continuity_measure(void);
/* Reports the results, as text and as records. */
void continuity_report(void);

#endif
