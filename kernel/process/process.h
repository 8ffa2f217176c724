/* SPDX-License-Identifier: 0BSD */
/*
 * The ring-3 process: one program in an address space of its own, one thread for each vCPU.
 */
#ifndef KERNEL_PROCESS_PROCESS_H
#define KERNEL_PROCESS_PROCESS_H

#include "arch/x86/cpu.h"
#include "arch/x86/paging.h"
#include "arch/x86/trap.h"
#include <clockpage/abi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One more than vCPUs: the one that waits while the kernel moves threads. */
enum { MAX_THREADS = MAX_CPUS + 1 };

/* What the kernel notes about a thread, where the thread cannot write. */
struct thread {
    struct thread_page *page;             /* shared with the thread */
    uint64_t entries[ENTRY_KINDS];        /* of all its jobs, added up */
    uint64_t reader_entries[ENTRY_KINDS]; /* of the measured and the order job alone */
    struct fault_probe probes[PROBES];
    unsigned probe_count;
    bool crashed; /* a fault that it had not announced ended it */
};

/*
 * Load the program and make the address space: its segments, `clock_pages` pages at physical
 * `clock_physical` read-only and not executable, the page at `time_physical` and the vCPUs' numbers
 * likewise, a stack and a page for each of `threads` threads and one more.  NULL, or why it failed.
 */
const char *process_create(uint64_t clock_physical, unsigned clock_pages, uint64_t time_physical,
                           unsigned threads);

/* The same for more threads, `threads` in all, while others run.  False: no memory for them. */
bool process_add_threads(unsigned threads);

struct thread *process_thread(uint32_t index);

/*
 * Where a vCPU's number stands for ring 3.  The vCPU's GS base in ring 3 is this address, so that a
 * thread knows at any time where it runs by a load, without RDTSCP.
 */
uint64_t process_vcpu_address(uint32_t index);

/* How many pages ring 3 can reach, and as what. */
void process_census(struct page_census *census);
/* How many it must be able to reach, by what process_create() was asked for. */
void process_expected(struct page_census *census);

/* Physical address of the process's top page table. */
uint64_t process_root(void);

/* The registers with which thread `index` starts its job: for a thread that is not started by
 * process_run(). */
struct trap_frame process_start_frame(uint32_t index);

/*
 * Run the job that the page of the thread with the vCPU's number asks for, on the running vCPU; an
 * smp_call function.
 */
void process_run(struct cpu *cpu, void *arg);

/* For trap_hooks. */
uint64_t process_system_call(struct cpu *cpu, uint64_t number, const uint64_t *arguments);
_Noreturn void process_fault(struct cpu *cpu, const struct trap_frame *frame);

/* What SYS_CLOCK answers. */
extern uint64_t (*process_clock)(void);
/* Before any clock is read for ring 3, on the vCPU that asks. */
extern void (*process_before_clock)(struct cpu *cpu);
/* Whether SYS_REST may be used; else it is EPERM. */
extern bool process_may_rest;

#endif
