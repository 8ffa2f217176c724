/* SPDX-License-Identifier: 0BSD */
/* Runs the jobs of the ring-3 program on the vCPUs and judges the results. */
#ifndef KERNEL_SELFTEST_READS_H
#define KERNEL_SELFTEST_READS_H

#include <clockpage/abi.h>
#include <stdbool.h>
#include <stdint.h>

struct ring3_plan {
    uint32_t cpus; /* vCPUs 0 to cpus-1 are online */
    uint64_t tsc_hz;
    uint64_t rounds;      /* of the cost measurement; 0: by the number of vCPUs */
    uint64_t reads;       /* of the order test, over all vCPUs */
    const char *caveat;   /* suffix for the checks of what vCPUs do at once; "" */
    uint64_t moved_ms;    /* move threads for at least this long, whatever the number of moves */
    uint64_t moved_reads; /* by all threads while they are moved, if ring 3 need not ask */
    uint32_t moving_timer_count; /* of the local APIC's timer, for the ticks that move threads */
    bool gettime_by_page;        /* clock_gettime() need not ask, with vdso_enable_without_rdtscp */
    bool stable;                 /* one page serves all vCPUs */
    /* How vCPU `index` reads the clock. */
    struct clock_source (*source)(uint32_t index);
};

/* How many rounds the cost measurement makes. */
uint64_t ring3_rounds(const struct ring3_plan *plan);

/* Checks that ring 3 reaches exactly what it was given: "ring3.map". */
void ring3_check_map(void);

/*
 * Measures the TSC of each vCPU against vCPU 0's: fills offsets (cycles) and errors, `cpus` of
 * each, and makes the check "tsc.offset".  True if no difference is large enough to be seen as a
 * step back.
 */
bool ring3_offsets(const struct ring3_plan *plan, int64_t *offsets, uint64_t *errors);
/* Measures vCPU `index`, not 0, without a check.  *error UINT64_MAX: it was not measured. */
bool ring3_offset(const struct ring3_plan *plan, uint32_t index, int64_t *offset, uint64_t *error);

/* Measures cost and order on all vCPUs at once, and makes the checks. */
void ring3_readers(const struct ring3_plan *plan);
/* Reports the results, a row for each vCPU, as text and as records. */
void ring3_report(const struct ring3_plan *plan);

/* Returns the reads of all vCPUs, their steps back, and the slowest vCPU's measured cost. */
struct ring3_facts {
    uint64_t reads, steps_back;
    uint64_t floor, read; /* in thousandths of a cycle; 0: not measured */
    uint64_t read_ratio, timespec_ratio, gettime_ratio, system_call_ratio; /* in thousandths */
};
struct ring3_facts ring3_facts(const struct ring3_plan *plan);

/* Violates each protection on purpose, and makes a check for each. */
void ring3_probes(const struct ring3_plan *plan);

#endif
