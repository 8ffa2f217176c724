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

/* The kernel's notes on a thread, where the thread cannot write. */
struct thread {
    struct thread_page *page; /* shared with the thread */
    bool crashed;             /* an unannounced fault ended it, or the kernel did */
};

/*
 * Loads the program and makes the address space: the program's segments; the page at
 * `time_physical` and the vCPUs' numbers, both read-only and not executable; a stack and a page for
 * each of `threads` threads and one more.  Returns NULL, or why it failed.
 */
const char *process_create(uint64_t time_physical, unsigned threads);

/* Adds threads up to `threads`, and one more, while others run.  False: no memory for them. */
bool process_add_threads(unsigned threads);

/*
 * Maps a page for code that ring 3 writes itself, and a stack for that, for each of `count`
 * threads, while none runs.  False: no memory for them.
 */
bool process_map_code(uint32_t count);

struct thread *process_thread(uint32_t index);

/* Counts the pages that ring 3 can reach, by access. */
void process_census(struct page_census *census);
/* Counts the pages that it should reach, by what process_create() was asked for. */
void process_expected(struct page_census *census);

/* Physical address of the process's top page table. */
uint64_t process_root(void);

/*
 * Returns the registers with which thread `index` starts its job, for a thread that process_run()
 * does not start.
 */
struct trap_frame process_start_frame(uint32_t index);

/*
 * Runs, on the running vCPU, the job in the page of the thread with the vCPU's number; an smp_call
 * function.
 */
void process_run(struct cpu *cpu, void *arg);

/* For trap_hooks. */
uint64_t process_system_call(struct cpu *cpu, uint64_t number, const uint64_t *arguments);
_Noreturn void process_fault(struct cpu *cpu, const struct trap_frame *frame);

/*
 * Ends the thread that runs on this vCPU if its job has taken longer than process_longest, in TSC
 * cycles (0: it may take any time).  Call it at the end of a tick that came from ring 3.
 */
void process_tick(struct cpu *cpu);
extern uint64_t process_longest;

/* Whether SYS_REST is allowed; otherwise it returns EPERM. */
extern bool process_may_rest;

#endif
