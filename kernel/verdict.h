/* SPDX-License-Identifier: 0BSD */
/* Says in one sentence whether this guest's clock is good: the end of the report. */
#ifndef KERNEL_VERDICT_H
#define KERNEL_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

/* What the tests found; 0 where they did not look. */
struct clock_facts {
    uint64_t reads, steps_back; /* in ring 3, on all vCPUs */
    unsigned compared;          /* counters that the one in use was compared with */
    uint64_t within_ppb;        /* its rate is certainly within this of all of theirs */
    uint64_t ratio;             /* of a read to an ordered read of the TSC, in thousandths */
    uint64_t read_ps;           /* what a read takes, in ps */
};

/* Ends the report with the verdict; returns whether no check failed. */
bool verdict_end(const struct clock_facts *facts);

#endif
