/* SPDX-License-Identifier: 0BSD */
/*
 * A machine whose time a test makes: counters that all show one time, each at its own cost, and a
 * host that may take the vCPU away at any read of any of them.  Beside it, a report that keeps the
 * last verdict and the last number of each name.
 */
#ifndef TESTS_KERNEL_CLOCK_MACHINE_H
#define TESTS_KERNEL_CLOCK_MACHINE_H

#include <stdbool.h>
#include <stdint.h>
#include <timecounter/timecounter.h>

enum { KVMCLOCK, TSC, HPET, ACPI_FAST, I8254, COUNTERS };

struct machine_counter {
    struct timecounter counter;
    uint64_t cost_ns; /* of a read, half of it before the count is taken */
    double rate;      /* 1: right */
};

extern struct machine_counter machine[COUNTERS];
extern uint64_t machine_ns;    /* the time */
extern uint64_t machine_reads; /* of any counter, so far */

/* The host pauses the guest: all counters go on but kvmclock. */
void machine_pause(uint64_t ns);

/*
 * At read number `read` time goes on by `ns` more: before the count is taken, or after.  At none:
 * UINT64_MAX.  And so it does `again` reads later, unless that is 0.
 */
extern struct machine_stall {
    uint64_t read, ns, again;
    bool after;
} machine_stall;

/* Counters 0 to COUNTERS - 1 offered, kvmclock the reference, this one chosen; at `hz` ticks. */
void machine_start(const char *chosen, uint64_t hz);

/* The report. */
extern char last_check[600]; /* "PASS name: figures" */
uint64_t recorded(const char *name);

/* Whether a case holds, in a process of its own, as the clock is one a process. */
bool holds(bool (*of)(const void *argument), const void *argument);

#endif
