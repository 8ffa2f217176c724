/* SPDX-License-Identifier: 0BSD */
/* clock_gettime() of ring 3 and the system calls behind it, put to the test. */
#ifndef KERNEL_SELFTEST_GETTIME_H
#define KERNEL_SELFTEST_GETTIME_H

#include "kernel/selftest/reads.h"
#include <stdbool.h>
#include <timepage/time_page.h>

/* enum gettime_path of lib/timepage/gettime.h, which the kernel may not include. */
enum { BY_STABLE, BY_OWN_VCPU, BY_FAST, BY_SYSTEM_CALL, WAYS };

/* What the wiring lends to these tests: to change what decides, and to put it back. */
struct ring3_clock_hooks {
    bool kvmclock;  /* there is one */
    bool rdtscp;    /* CPUID has RDTSCP */
    bool may_unset; /* the STABLE flag may be cleared and set in the structures */
    bool tsc_synchronised;
    /*
     * Choose the counter by name, set both settings, and publish; NULL: as the user has them. False
     * while readings pass the guard of a change of counters: then ring 3 asks the kernel.
     */
    bool (*decide)(const char *counter, bool enable_without_rdtscp, bool force_unstable);
    /*
     * Clear or set the STABLE flag of all structures; at every few ticks, from now on or no more.
     */
    void (*set_stable)(bool stable);
    void (*toggle_stable)(uint32_t vcpus);
};

/* The program maps /dev/pvclock; check "ring3.attach". */
void ring3_attach(const struct ring3_plan *plan, const struct ring3_clock_hooks *hooks);

/*
 * Each combination of what decides, and the way that ring 3 took; "ring3.gettime.paths", ".clocks".
 */
void ring3_paths(const struct ring3_plan *plan, const struct ring3_clock_hooks *hooks);

/* Threads moved between vCPUs; the same while STABLE comes and goes; 32-bit code. */
void ring3_moved(const struct ring3_plan *plan, const struct ring3_clock_hooks *hooks);
void ring3_compat(const struct ring3_plan *plan, const struct ring3_clock_hooks *hooks);

/* The rules of /dev/pvclock and the system calls; random ones, `calls` of them from `seed`. */
void ring3_rules(const struct ring3_plan *plan, const struct ring3_clock_hooks *hooks);
void ring3_fuzz(const struct ring3_plan *plan, uint64_t calls, uint64_t seed);

#endif
