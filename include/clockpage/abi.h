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
    SYS_EXIT,  /* the job is done; does not return */
    SYS_COUNT, /* RDI 1: count entries to the kernel on this vCPU from now on; 0: stop counting */
    SYS_CLOCK, /* uptime in ns, from the kernel's timecounter */
    SYS_PROBE, /* announces one fault; ring 3 goes on at RDI.  EINVAL */

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

enum { OPEN_READ_ONLY = 0, OPEN_WRITE_ONLY = 1, OPEN_READ_WRITE = 2, PROTECTION_READ = 1 };

/* The largest number of descriptors and of mappings of the process. */
enum { MAX_DESCRIPTORS = 8, MAX_MAPPINGS = 16 };

/* The jobs of a thread. */
enum job {
    JOB_MEASURE, /* the cost of a read, compared with the floor and the system call */
    JOB_ORDER,   /* many reads, checked for order on this vCPU and between vCPUs */
    JOB_OFFSET,  /* compare this vCPU's TSC with that of vCPU 0, which answers */
    JOB_PROBES,  /* break each protection in turn */
    JOB_ATTACH,  /* open /dev/pvclock and map the clock pages, for all threads */
    JOB_RULES,   /* break each rule of the system calls in turn */
    JOB_FUZZ,    /* random system calls with random arguments */
    JOB_CLOCKS,  /* clock_gettime(): which path it takes, and compared with the system call */
    JOB_MOVED,   /* clock_gettime() stays in order while the kernel moves threads between vCPUs */
    JOB_COMPAT,  /* the same clock read by 32-bit code */
    JOB_WATCH,   /* clock_gettime() over and over, until `stop` */
};

enum { MAX_ROUNDS = 61 };

/* How this thread reads the clock; set by the kernel. */
struct clock_source {
    uint64_t page;    /* address of the pvclock_vcpu_time_info to read */
    uint32_t order;   /* enum pvclock_order */
    uint32_t guarded; /* pages disagree: pass every time through the shared maximum */
};

struct measured {
    uint64_t rounds;
    uint64_t batch; /* reads in a round */
    /*
     * Medians over the rounds, in thousandths of a cycle; then medians of each round's ratio to
     * the floor, in thousandths.
     */
    uint64_t floor, read, timespec, gettime, system_call;
    uint64_t read_ratio, timespec_ratio, gettime_ratio, system_call_ratio;
    uint64_t gettime_asked; /* clock_gettime() readings that had to ask the kernel */
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

/* What JOB_PROBES tries, in this order. */
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

/* The rules that JOB_RULES tries, in this order; the kernel's table says what each must return. */
enum rule {
    RULE_OPEN_WRITE,
    RULE_OPEN_READ_WRITE,
    RULE_OPEN_NO_SUCH,
    RULE_OPEN_BAD_POINTER,
    RULE_OPEN_ENDLESS_NAME,
    RULE_MAP_WRITE,
    RULE_MAP_EXECUTE,
    RULE_MAP_NONE,
    RULE_MAP_PAST_END,
    RULE_MAP_UNALIGNED,
    RULE_MAP_NOTHING,
    RULE_MAP_TOO_LONG,
    RULE_MAP_BAD_FD,
    RULE_UNMAP_OTHER,
    RULE_GETTIME_BAD_CLOCK,
    RULE_GETTIME_BAD_POINTER,
    RULE_GETTIME_CLOCK_PAGE,
    RULE_GETRES_BAD_CLOCK,
    RULE_CLOSE_TWICE,
    RULE_NO_SUCH_CALL,
    RULE_OPEN_ALL,      /* open until it fails */
    RULE_MAP_ALL,       /* map until it fails */
    RULE_DIRTY_BYTES,   /* bytes of the mapping that are not structures and not 0 */
    RULE_UNMAPPED_READ, /* 1: reading a mapping after munmap() faulted */
    RULES,
};

/* Result of JOB_CLOCKS, JOB_MOVED and JOB_COMPAT. */
struct clocks_result {
    uint64_t by_path[8]; /* readings of CLOCK_MONOTONIC, by enum gettime_path */
    uint32_t
        disagree;   /* bit n: clock n was not between two system calls, or its resolution differs */
    uint32_t tried; /* bit n: clock n was tried */
    uint64_t moves_seen; /* JOB_MOVED: RDTSCP's vCPU changed; 0 without RDTSCP */
    uint64_t compat_bad; /* JOB_COMPAT: readings of 32-bit code that were out of order */
    uint64_t compat_reads;
};

/* JOB_WATCH continues these counts, so a thread may be stopped and started again. */
struct watched {
    struct ordered ordered; /* of CLOCK_MONOTONIC; every reading is compared with the other vCPUs */
    uint64_t by_path[5];    /* readings of CLOCK_MONOTONIC, by enum gettime_path */
    uint64_t last_ns;       /* this thread's latest reading */
    uint64_t longest_ns;    /* longest time between two of this thread, by the clock itself */
    /*
     * CLOCK_REALTIME minus CLOCK_MONOTONIC is within [date_low, date_high] as long as the date is
     * not set.  Then: how often it was set; and the structures' time, 0 if not known, just before
     * the last reading of this date, and of the previous one.
     */
    uint64_t date_low, date_high;
    uint64_t date_changes;
    uint64_t date_seen_at, old_date_seen_at;
};

struct thread_page {
    /* Set by the kernel before the job. */
    uint32_t index; /* of the vCPU */
    uint32_t count; /* of vCPUs that run this job */
    uint32_t job;
    uint32_t has_rdtscp;
    struct clock_source clock;
    /*
     * JOB_MEASURE: rounds, and the readings of each kind in a round; gettime_batch is 0 if
     * clock_gettime() asks the kernel.
     */
    uint64_t rounds, batch, gettime_batch, system_calls;
    uint64_t reads;          /* JOB_ORDER: reads of this thread */
    uint64_t patience;       /* TSC cycles that a thread waits for another */
    uint64_t budget;         /* TSC cycles: JOB_OFFSET, at most; JOB_MOVED, at least */
    uint64_t kernel_address; /* a kernel address, which must not be reachable */
    uint64_t time_page;      /* address of the struct time_page */
    uint64_t vcpu_now;       /* JOB_COMPAT: address of the running vCPU's number */
    uint64_t seed;           /* JOB_FUZZ */
    uint64_t calls;          /* JOB_FUZZ, JOB_CLOCKS, JOB_COMPAT: number of calls */
    uint64_t start;          /* differs from run to run of a job */
    uint32_t rest_after; /* JOB_WATCH: sleep for up to a tick after this many readings; 0: never */
    uint32_t stop;       /* JOB_WATCH: 1: end; the kernel sets it while the job runs */

    /* Set by the thread. */
    struct measured measured;
    struct ordered ordered;
    struct ordered moved; /* JOB_MOVED */
    struct offset_result offset;
    struct probe_result probes[PROBES];
    int64_t rules[RULES];
    struct clocks_result clocks;
    struct watched watched;
    uint64_t fuzz_calls, fuzz_failed; /* system calls made, and those that returned an error */
    /*
     * Thousandths of a cycle per read in each round, one column per kind: floor, read, timespec,
     * gettime, system call.
     */
    uint64_t cycles[5][MAX_ROUNDS];
};

_Static_assert(sizeof(struct thread_page) <= 4096, "it is a page");

#endif
