/* SPDX-License-Identifier: 0BSD */
/*
 * Settings: the tunables of the sysctl tree (include/clockpage/sysctl.h), set by `name=value`
 * words on the kernel command line, with FreeBSD's names where it has one.
 *
 * Integers are decimal, or hexadecimal after 0x.  A word that is not a setting, an unknown name,
 * and a value of the wrong type or out of range are each logged and fail the check "settings";
 * the setting keeps its default.
 */
#ifndef BASE_TUNABLES_H
#define BASE_TUNABLES_H

#include <stdbool.h>
#include <stdint.h>

/*
 * The settings of what tests the kernel, which have several readers.  Every other one is declared
 * beside what it sets.
 */
struct settings {
    bool help;
    uint64_t reads;        /* reader.reads: over all vCPUs; 0: depends on the machine */
    uint64_t rounds;       /* reader.rounds; 0: depends on the number of vCPUs */
    int deviation;         /* kern.timecounter.alloweddeviation, in per cent */
    uint64_t fuzz_calls;   /* debug.fuzz.calls; 0: depends on the machine */
    uint64_t fuzz_seed;    /* debug.fuzz.seed */
    uint64_t attack_s;     /* debug.attack.seconds: attack from ring 3 instead of testing */
    const char *fault;     /* debug.fault: what to break on purpose */
    const char *bad_table; /* debug.acpi: the table to damage before it is read */
    uint64_t stall_ms;     /* debug.windup.stall: keep interrupts off for this long */
    uint64_t missing_cpu;  /* debug.smp.missing: an APIC identity that no CPU has; it is listed */
    bool one_by_one;       /* debug.smp.one_by_one: start vCPUs one after another */
    uint64_t late_cpus;    /* debug.smp.late: vCPUs, counted from the last, not started at boot */
};

extern struct settings settings;

/*
 * Reads the command line; it modifies it and keeps pointers to the values in it.  Prints what is
 * wrong and makes the check "settings".  `cut`: the line did not fit.
 */
void settings_read(char *command_line, bool cut);

/* Prints every setting, its default and its range. */
void settings_help(void);

#endif
