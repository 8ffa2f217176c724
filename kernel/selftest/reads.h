/* SPDX-License-Identifier: 0BSD */
/* The jobs of the ring-3 program, run on the vCPUs and judged. */
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
    const char *caveat;   /* of what vCPUs do at once, for the checks of it; "" */
    uint64_t moved_ms;    /* threads are moved for so long at least, whatever that makes */
    uint64_t moved_reads; /* while threads are moved, over all of them, where ring 3 need not ask */
    uint32_t moving_timer_count; /* of the local APIC's timer, for the ticks that move threads */
    bool gettime_by_page;        /* clock_gettime() need not ask, with vdso_enable_without_rdtscp */
    bool stable;                 /* one page serves all vCPUs */
    /* How vCPU `index` reads the clock. */
    struct clock_source (*source)(uint32_t index);
};

/* How many rounds the cost measurement makes. */
uint64_t ring3_rounds(const struct ring3_plan *plan);

/* What ring 3 can reach is what it was given; checks "ring3.map". */
void ring3_check_map(void);

/*
 * The TSC of each vCPU against vCPU 0's; fills offsets (cycles) and errors, `cpus` of each.  True
 * when no difference is large enough to be seen as a step back.
 */
bool ring3_offsets(const struct ring3_plan *plan, int64_t *offsets, uint64_t *errors);
/* The same of vCPU `index`, which is not 0, without a check.  *error UINT64_MAX: not measured. */
bool ring3_offset(const struct ring3_plan *plan, uint32_t index, int64_t *offset, uint64_t *error);

/* Cost and order on all vCPUs at once, and the checks. */
void ring3_readers(const struct ring3_plan *plan);
/* What came of it, a row for each vCPU, in both forms. */
void ring3_report(const struct ring3_plan *plan);

/* The protections, broken on purpose; a check for each. */
void ring3_probes(const struct ring3_plan *plan);

#endif
