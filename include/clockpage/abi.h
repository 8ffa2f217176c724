/* SPDX-License-Identifier: 0BSD */
/*
 * The interface between the kernel and its ring-3 program: system calls, and the page that each
 * thread shares with the kernel.
 *
 * One thread runs on each vCPU, bound to it.  The kernel starts it at the program's entry with
 * RDI = its struct thread_page; it does one job and returns to the kernel with SYS_EXIT.
 */
#ifndef CLOCKPAGE_ABI_H
#define CLOCKPAGE_ABI_H

#include <stdint.h>

/*
 * System calls: number in RAX, arguments in RDI, RSI, RDX and R10, result in RAX; RCX, RDX, RSI,
 * RDI and R8 to R11 are lost.  A failure is the negative of an error number below; an unknown
 * number is ENOSYS.  Every pointer is checked: anything but the program's own memory is EFAULT.
 */
enum system_call {
    SYS_EXIT, /* the job is done; does not return */
    /*
     * count(on, uint64_t counts[COUNTS]).  1: from now on count what enters the kernel on this
     * vCPU; 0: stop, and write the counts, without this call, if `counts` is not 0.
     */
    SYS_COUNT,
    SYS_CLOCK, /* uptime in ns, from the kernel's timecounter */
    /*
     * probe(address, stack, stays) announces one fault.  Ring 3 goes on at `address`, in 64-bit
     * code with RSP = `stack`, the vector in RAX, the error code in RDX and, after a page fault,
     * the address in RSI; RDI, R8 and R9 are RIP, RFLAGS and CS as they were.  EINVAL.
     *
     * With `stays` every fault from now on is one, and a timer tick too (PROBE_TICK), until
     * probe(0, stack, 0) with the same stack.  Meanwhile EPERM: other probes, and SYS_EXIT.
     */
    SYS_PROBE,

    /*
     * FreeBSD's rules for /dev/pvclock.  open(path, flags): ENOENT; ENXIO, there is no kvmclock;
     * EPERM, not read-only; EMFILE; ENAMETOOLONG; EFAULT.  Returns the lowest free descriptor.
     */
    SYS_OPEN,
    SYS_CLOSE, /* close(fd): EBADF.  Mappings stay. */
    /*
     * mmap(fd, length, prot, offset), always shared, at an address that the kernel chooses:
     * EBADF; EACCES, anything but PROT_READ; EINVAL, an unaligned offset, length 0, or past the
     * structure of the last possible vCPU; ENOMEM.
     */
    SYS_MMAP,
    /*
     * munmap(address, length), exactly one mapping as it was made: EINVAL; EAGAIN, a vCPU did not
     * flush its TLB in time: the mapping is gone, but its place is not free until another try.
     */
    SYS_MUNMAP,

    /* clock_gettime(clock, struct timespec *), clock_getres(): 64-bit members.  EINVAL, EFAULT. */
    SYS_CLOCK_GETTIME,
    SYS_CLOCK_GETRES,

    SYS_REST, /* sleep until an interrupt, at the latest the next tick; EPERM except in JOB_WATCH */

    /*
     * check(enum verdict, name, figures): the verdict on a check that the running job owes.
     * EINVAL, no such verdict, or figures that are not printable ASCII; ENAMETOOLONG, more than
     * FIGURES_SIZE - 1 of them; EPERM, the job does not owe this name, or has given it already.
     * The kernel fails what a job has not given by its end.
     */
    SYS_CHECK,
    SYS_CALLS,
};

/* FreeBSD's numbers [intro(2)]. */
enum error_number {
    ERROR_PERM = 1,
    ERROR_NOENT = 2,
    ERROR_NXIO = 6,
    ERROR_BADF = 9,
    ERROR_NOMEM = 12,
    ERROR_ACCES = 13,
    ERROR_FAULT = 14,
    ERROR_INVAL = 22,
    ERROR_MFILE = 24,
    ERROR_AGAIN = 35,
    ERROR_NAMETOOLONG = 63,
    ERROR_NOSYS = 78,
};

enum { PROBE_TICK = 0x40 };

enum { OPEN_READ_ONLY = 0, OPEN_WRITE_ONLY = 1, OPEN_READ_WRITE = 2, PROTECTION_READ = 1 };

/* The largest number of descriptors and of mappings of the process. */
enum { MAX_DESCRIPTORS = 8, MAX_MAPPINGS = 16 };

/* What enters the kernel from ring 3. */
enum count { COUNT_SYSTEM_CALL, COUNT_TIMER, COUNT_IPI, COUNT_FAULT, COUNTS };

enum verdict { VERDICT_PASS, VERDICT_FAIL, VERDICT_SKIP, VERDICTS };

enum { CHECK_NAME_SIZE = 32, FIGURES_SIZE = 400 };

/* The jobs of a thread. */
enum job {
    JOB_ATTACH,  /* open /dev/pvclock and map the clock pages, for all threads */
    JOB_OFFSET,  /* compare this vCPU's TSC with that of vCPU 0, which answers */
    JOB_MEASURE, /* the cost of a read, compared with the floor and the system call */
    JOB_ORDER,   /* many reads, checked for order on this vCPU and between vCPUs */
    JOB_CLOCKS,  /* each clock of clock_gettime(), compared with the system call */
    JOB_PATHS,   /* which path clock_gettime() takes */
    JOB_PATHS_JUDGED,
    JOB_MOVED, /* clock_gettime() stays in order while the kernel moves threads between vCPUs */
    JOB_MOVED_UNSTABLE, /* likewise, while STABLE comes and goes */
    JOB_COMPAT,         /* the same clock read by 32-bit code */
    JOB_RULES,          /* break each rule of the system calls in turn */
    JOB_FUZZ,           /* random system calls with random arguments */
    JOB_PROBES,         /* break each protection in turn */
    JOB_BORDER,         /* try each way from ring 3 to ring 0: docs/border.md */
    JOB_UNMAPPED,       /* what one thread unmaps is gone for all */
    JOB_ATTACK,         /* random system calls and random instructions */
    JOB_WATCH,          /* clock_gettime() over and over, until `stop` */
    JOB_WATCHED,        /* what the threads of JOB_WATCH have found so far, in words */
    JOB_WATCH_JUDGED,
    JOBS,
};

/* Threads: one for each vCPU, and one that waits while the kernel moves threads. */
enum { MAX_THREADS = 257, MAX_ROUNDS = 61 };

/* From one thread's page to the next one's; every thread may read and write them all. */
enum { THREAD_STRIDE = 0x10000 };

/*
 * From a thread's page to its page for code, which is mapped twice, to be written and to be
 * executed, and to a stack for that code; only for JOB_BORDER and JOB_ATTACK.  What is on both
 * sides of each is not mapped.
 */
enum { CODE_WRITTEN = 0x3000, CODE_EXECUTED = 0x5000, CODE_STACK = 0x7000 };

/* What the kernel knows; the last seven are inputs of docs/decision.md, for JOB_PATHS. */
enum fact {
    FACT_KVMCLOCK = 1,   /* there is one */
    FACT_IN_TURN = 2,    /* vCPUs may run in turn, so that what they do at once shows little */
    FACT_EMULATED = 512, /* JOB_BORDER: the host leaves system calls half done */
    FACT_RDTSCP = 4,
    FACT_BY_KVMCLOCK = 8,
    FACT_BY_TSC = 16, /* and the vCPUs' counters agree */
    FACT_WITHOUT_RDTSCP = 32,
    FACT_FORCE_UNSTABLE = 64,
    FACT_STABLE = 128,
    FACT_AGAIN = 1024, /* JOB_PATHS: the last result does not count, as the host disturbed it */
    FACT_FAST = 256,   /* kern.timecounter.fast_gettime, and the kernel's readings pass no guard */
};

struct measured {
    /*
     * Medians over the rounds, in thousandths of a cycle; then medians of each round's ratio to
     * the floor, in thousandths.
     */
    uint64_t floor, read, timespec, gettime, system_call;
    uint64_t read_ratio, timespec_ratio, gettime_ratio, system_call_ratio;
    uint64_t floor_spread; /* p90/p10 of the floor over the rounds, in thousandths */
};

struct ordered {
    uint64_t reads;         /* of the clock */
    uint64_t compared;      /* of these, compared with the other vCPUs too */
    uint64_t errors;        /* reads without a value */
    uint64_t back_own;      /* steps back against this thread's own last time */
    uint64_t back_own_ns;   /* the worst */
    uint64_t back_cross;    /* steps back against a time that another vCPU had read */
    uint64_t back_cross_ns; /* the worst */
};

struct offset_result {
    int64_t cycles;     /* this vCPU's TSC minus that of vCPU 0 */
    uint64_t error;     /* +- this many cycles */
    uint64_t exchanges; /* 0: vCPU 0 did not answer */
};

/* Thread 0's, of the last JOB_PATHS: for the kernel's record. */
struct path_result {
    uint32_t expected; /* enum gettime_path */
    uint32_t taken;    /* 1: by all, as the kernel's counts confirm */
    uint32_t
        disagree; /* bit n: clock n was not between two system calls, or its resolution differs */
};

struct thread_page {
    /* Set by the kernel before the job. */
    uint32_t index; /* of the thread, and of the vCPU that it starts on */
    uint32_t count; /* of threads that do this job at once, from 0 on */
    uint32_t job;
    uint32_t run;   /* differs from job to job */
    uint32_t facts; /* enum fact */
    uint32_t stop;  /* JOB_WATCH: 1: end; the kernel sets it while the job runs */
    /*
     * JOB_OFFSET: ms, at most; JOB_MEASURE: rounds; JOB_ORDER: reads of all threads; JOB_MOVED: ms,
     * at least; JOB_ATTACK: ms; JOB_FUZZ: system calls of all threads; JOB_WATCH: sleep for up to a
     * tick after this many readings, 0: never; JOB_WATCH_JUDGED: the structures' time when the last
     * pause that changed the date ended, 0: there was none.
     */
    uint64_t amount;
    uint64_t seed; /* JOB_FUZZ, JOB_ATTACK; JOB_WATCH: differs each time the readers are started */
    uint64_t tsc_hz;
    uint64_t kernel_address; /* SYSCALL's entry, which must not be reachable */
    uint64_t time_page;      /* address of the struct time_page */
    uint64_t vcpu_now;       /* address of the number of vCPU `index` */

    /* Set by the thread. */
    struct measured measured;
    struct ordered ordered;  /* JOB_ORDER */
    uint64_t counts[COUNTS]; /* of JOB_MEASURE and JOB_ORDER */
    /* JOB_ATTACK; `leaks`: calls that left something in a register; all 0: its state was hit. */
    uint64_t calls, leaks, streams;
    struct offset_result offset;
    struct path_result path;
    /*
     * Thousandths of a cycle per read in each round, one column per kind: floor, read, timespec,
     * gettime, system call.
     */
    uint64_t cycles[5][MAX_ROUNDS];
};

_Static_assert(sizeof(struct thread_page) <= 4096, "it is a page");

#endif
