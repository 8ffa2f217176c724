/* SPDX-License-Identifier: 0BSD */
/* Tests ring 3's clock_gettime() and the system calls behind it. */
#ifndef KERNEL_SELFTEST_GETTIME_H
#define KERNEL_SELFTEST_GETTIME_H

#include "kernel/selftest/reads.h"
#include <stdbool.h>
#include <timepage/time_page.h>

/* enum gettime_path of lib/timepage/gettime.h, which the kernel may not include. */
enum { BY_STABLE, BY_OWN_VCPU, BY_FAST, BY_SYSTEM_CALL, WAYS };

/* What trials.c gives these tests, to change what decides and to restore it. */
struct ring3_clock_hooks {
    bool kvmclock;  /* there is one */
    bool rdtscp;    /* CPUID has RDTSCP */
    bool may_unset; /* the STABLE flag may be cleared and set in the structures */
    bool tsc_synchronised;
    /*
     * Selects the counter by name, sets both settings, and publishes; NULL: as the user has them.
     * False while readings pass the guard of a switch of counters: ring 3 then asks the kernel.
     */
    bool (*decide)(const char *counter, bool enable_without_rdtscp, bool force_unstable);
    /*
     * Clears or sets the STABLE flag of all structures; starts (vcpus) or ends (0) toggling it
     * every few ticks.
     */
    void (*set_stable)(bool stable);
    void (*toggle_stable)(uint32_t vcpus);
};

/* The program maps /dev/pvclock; makes the check "ring3.device". */
void ring3_attach(const struct ring3_plan *plan, const struct ring3_clock_hooks *hooks);

/*
 * Tries each combination of what decides, and checks the way that ring 3 took:
 * "ring3.gettime.paths" and "ring3.gettime.clocks".
 */
void ring3_paths(const struct ring3_plan *plan, const struct ring3_clock_hooks *hooks);

/* Move threads between vCPUs, and once more while STABLE comes and goes; run 32-bit code. */
void ring3_moved(const struct ring3_plan *plan, const struct ring3_clock_hooks *hooks);
void ring3_compat(const struct ring3_plan *plan, const struct ring3_clock_hooks *hooks);

/* Test the rules of /dev/pvclock and of the system calls; make `calls` random ones from `seed`. */
void ring3_rules(const struct ring3_plan *plan, const struct ring3_clock_hooks *hooks);
void ring3_fuzz(const struct ring3_plan *plan, uint64_t calls, uint64_t seed);

#endif
