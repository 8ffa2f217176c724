/* SPDX-License-Identifier: 0BSD */
/*
 * Runs the jobs of the ring-3 program.  A job judges itself: its verdicts come by SYS_CHECK, from
 * a program that is not trusted, and become checks when all its threads have ended.
 *
 *     jobs_init(facts, tsc_hz);
 *     job_check(&(struct job_order){.job = JOB_RULES, .count = 1});
 *
 * All functions but job_verdict() are for the boot vCPU.
 */
#ifndef KERNEL_PROCESS_JOBS_H
#define KERNEL_PROCESS_JOBS_H

#include <clockpage/abi.h>
#include <stdbool.h>
#include <stdint.h>

struct job_order {
    enum job job;
    uint32_t first, count; /* on vCPUs [first, first + count) at once */
    bool with_zero;        /* and on vCPU 0 */
    uint32_t of;           /* threads that the job is about; 0: those that do it */
    bool moving;           /* with one more thread, which waits; first is 0: see threads.h */
    uint32_t facts;        /* enum fact, besides those of jobs_init() */
    uint64_t amount, seed; /* see struct thread_page */
};

/* `facts`: enum fact, what holds for all jobs; call it before any other function. */
void jobs_init(uint32_t facts, uint64_t tsc_hz);

/* Writes the thread's page for a job that the caller runs by process_run(). */
void job_prepare(const struct job_order *order, uint32_t index);

/*
 * Runs a job.  False if a thread faulted or did not end in time.  If the job owes verdicts, call
 * job_settle() next.
 */
bool job_run(const struct job_order *order);

/*
 * Makes the checks that the last job_run() owes: the program's verdicts, with `note` behind their
 * figures; FAIL without `good`, if a thread did not end by itself, or for want of a verdict.
 */
void job_settle(bool good, const char *note);

/* Both. */
void job_check(const struct job_order *order);

/* The figures of the first check that the last job_run() owes. */
const char *job_figures(void);

/*
 * Measures the cost of reads of the clock page and tests their order, on all vCPUs at once, with
 * clock_gettime() allowed to read it without RDTSCP.
 */
void ring3_read(void);

/* What the last ring3_read() found; costs are those of the slowest vCPU, in thousandths. */
struct ring3_facts {
    uint64_t reads, steps_back;
    uint64_t read;                                         /* cycles; 0: not measured */
    uint64_t read_ratio, gettime_ratio, system_call_ratio; /* to an ordered read of the TSC */
};
struct ring3_facts ring3_facts(void);

/* SYS_CHECK. */
int64_t job_verdict(uint64_t verdict, uint64_t name, uint64_t figures);

/* ---- TSC offsets: offsets.c ---- */

/*
 * Measures the TSC of each vCPU of [first, end) against vCPU 0's.  True if no difference is large
 * enough to be seen as a step back.
 */
bool offsets_measure(uint32_t first, uint32_t end);
/* Makes the check "tsc.offset" of what offsets_measure(1, cpu_count) found: `agree`. */
void offsets_judge(bool agree, const char *note);
/* As if they had not been measured. */
void offsets_forget(uint32_t first, uint32_t end);
/* Returns a vCPU's TSC minus vCPU 0's, and the error, in cycles; false: it was not measured. */
bool offset_get(uint32_t index, int64_t *cycles, uint64_t *error);

#endif
