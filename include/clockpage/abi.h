/* SPDX-License-Identifier: 0BSD */
/*
 * Between the kernel and its ring-3 program: system calls, and the page that each thread shares
 * with the kernel.
 *
 * One thread runs on each vCPU, bound to it.  The kernel starts it at the program's entry with RDI
 * = its struct thread_page, does one job with it, and takes it back at SYS_EXIT.
 */
#ifndef CLOCKPAGE_ABI_H
#define CLOCKPAGE_ABI_H

#include <stdint.h>

/*
 * System calls: number in RAX, arguments in RDI and RSI, result in RAX; RCX, RDX, RSI, RDI and R8
 * to R11 are lost.  An unknown number returns SYS_ERROR.
 */
enum system_call {
    SYS_EXIT,  /* the job is done; does not return */
    SYS_COUNT, /* RDI 1: count what enters the kernel on this vCPU from now on; 0: stop counting */
    SYS_CLOCK, /* uptime in ns, by the kernel's timecounter */
    SYS_PROBE, /* a fault is coming, once; ring 3 goes on at RDI */
    SYS_CALLS,
};

#define SYS_ERROR UINT64_MAX

/* What a thread is asked to do. */
enum job {
    JOB_MEASURE, /* what a read costs, beside the floor and the system call */
    JOB_ORDER,   /* many reads, in order on this vCPU and between vCPUs */
    JOB_OFFSET,  /* the TSC of this vCPU against that of vCPU 0, which answers */
    JOB_PROBES,  /* break each protection in turn */
};

enum { MAX_ROUNDS = 99 };

/* How this thread reads the clock; the kernel decides. */
struct clock_source {
    uint64_t page;    /* address of the pvclock_vcpu_time_info to read */
    uint32_t order;   /* enum pvclock_order */
    uint32_t guarded; /* pages disagree: pass every time through the shared maximum */
};

struct measured {
    uint64_t rounds;
    uint64_t batch; /* reads in a round */
    /* Medians over the rounds, in thousandths of a cycle, and of the rounds' own ratios to the
     * floor. */
    uint64_t floor, read, timespec, system_call;
    uint64_t read_ratio, timespec_ratio, system_call_ratio;
};

struct ordered {
    uint64_t reads;         /* of the clock */
    uint64_t compared;      /* of them, also with the other vCPUs */
    uint64_t errors;        /* reads without a value */
    uint64_t back_own;      /* steps back against this thread's own last time */
    uint64_t back_own_ns;   /* the worst */
    uint64_t back_cross;    /* steps back against a time that some vCPU had told */
    uint64_t back_cross_ns; /* the worst */
};

struct offset_result {
    int64_t cycles;     /* this vCPU's TSC less that of vCPU 0 */
    uint64_t error;     /* +- this many cycles */
    uint64_t exchanges; /* 0: vCPU 0 did not answer */
};

/* What the program tries in JOB_PROBES, in this order. */
enum probe {
    PROBE_WRITE_CLOCK_PAGE,
    PROBE_EXECUTE_CLOCK_PAGE,
    PROBE_WRITE_TEXT,
    PROBE_EXECUTE_STACK,
    PROBE_READ_KERNEL,
    PROBE_HALT,
    PROBES,
};

struct probe_result {
    uint64_t
        came_back; /* 1: at the resume address, as it should; 2: the instruction went through */
};

struct thread_page {
    /* By the kernel, before the job. */
    uint32_t index; /* of the vCPU */
    uint32_t count; /* of vCPUs that run this job */
    uint32_t job;
    uint32_t partner; /* JOB_OFFSET: vCPU 0 is told whom to answer */
    struct clock_source clock;
    uint64_t rounds, batch, system_calls; /* JOB_MEASURE */
    uint64_t reads;                       /* JOB_ORDER, of this thread */
    uint64_t patience;                    /* TSC cycles that a thread waits for another one */
    uint64_t budget;   /* JOB_OFFSET: TSC cycles that all exchanges may take */
    uint64_t kernel_address;              /* something of the kernel, not to be reachable */
    uint64_t start;                       /* a number that differs from run to run of a job */

    /* By the thread. */
    struct measured measured;
    struct ordered ordered;
    struct offset_result offset;
    struct probe_result probes[PROBES];
    /* Cycles of each round, a column a kind: floor, read, timespec, system call. */
    uint64_t cycles[4][MAX_ROUNDS];
};

_Static_assert(sizeof(struct thread_page) <= 4096, "it is a page");

#endif
