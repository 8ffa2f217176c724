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

enum { TSC_BY_CPUID = 2 };

struct settings {
    bool help;
    uint64_t reads;         /* reader.reads: over all vCPUs; 0: depends on the machine */
    uint64_t rounds;        /* reader.rounds; 0: depends on the number of vCPUs */
    uint64_t hz;            /* kern.hz; 0: depends on the number of vCPUs */
    const char *hardware;   /* kern.timecounter.hardware; NULL: the best one */
    int deviation;          /* kern.timecounter.alloweddeviation, in per cent */
    int invariant_tsc;      /* kern.timecounter.invariant_tsc; TSC_BY_CPUID: nobody has set it */
    bool step_warnings;     /* kern.timecounter.stepwarnings */
    bool tsc_first;         /* kern.timecounter.tsc_first */
    bool kvmclock_disabled; /* hint.kvmclock.0.disabled */
    bool enable_without_rdtscp; /* dev.kvmclock.0.vdso_enable_without_rdtscp */
    bool force_unstable;        /* dev.kvmclock.0.vdso_force_unstable */
    bool fast_gettime;          /* kern.timecounter.fast_gettime */
    bool scripted;              /* debug.kvmclock.scripted: the kernel plays the host */
    bool scripted_unstable;     /* debug.kvmclock.unstable: it does not set STABLE */
    uint64_t skew;              /* debug.kvmclock.skew: vCPU n is this many ns * n ahead */
    uint64_t fuzz_calls;        /* debug.fuzz.calls; 0: depends on the machine */
    uint64_t fuzz_seed;         /* debug.fuzz.seed */
    const char *fault;          /* debug.fault: what to break on purpose */
    const char *bad_table;      /* debug.acpi: the table to damage before it is read */
    uint64_t stall_ms;          /* debug.windup.stall: keep interrupts off for this long */
    uint64_t
        missing_cpu;    /* debug.smp.missing: an APIC identity that no CPU has, added to the list */
    bool one_by_one;    /* debug.smp.one_by_one: start vCPUs one after another */
    uint64_t late_cpus; /* debug.smp.late: vCPUs, counted from the last, not started at boot */
};

extern struct settings settings;

/* Adds the settings that belong to no other part to the tree. */
void settings_register(void);

/*
 * Reads the command line; it modifies it and keeps pointers to the values in it.  Prints what is
 * wrong and makes the check "settings".  `cut`: the line did not fit.
 */
void settings_read(char *command_line, bool cut);

/* Prints every setting, its default and its range. */
void settings_help(void);

#endif
