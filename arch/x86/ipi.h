/* SPDX-License-Identifier: 0BSD */
/*
 * Inter-processor calls: what one vCPU asks of others by interrupt.
 *
 * Kernel code runs with interrupts off; they are on in ring 3 and while a vCPU sleeps.  So a
 * function called here is never interrupted, and ring-3 code that it enters always can be.
 */
#ifndef ARCH_X86_IPI_H
#define ARCH_X86_IPI_H

#include "arch/x86/cpu.h"
#include <stdbool.h>
#include <stdint.h>

/* The main loop of a vCPU that has come up: it sleeps, and runs what smp_call() asks for. */
_Noreturn void ipi_idle(struct cpu *cpu);
void ipi_wake_boot_cpu(void);

/* Has one online vCPU other than the running one run fn(cpu, arg); it must have no call pending. */
void smp_call(struct cpu *cpu, void (*fn)(struct cpu *cpu, void *arg), void *arg);

/* Does the same for all online vCPUs in [first, end); the running one must not be among them. */
void smp_call_some(uint32_t first, uint32_t end, void (*fn)(struct cpu *cpu, void *arg), void *arg);

/*
 * Has all online vCPUs run fn(cpu, arg) at once, this one included, and waits.  False if a vCPU
 * did not finish within `patience` TSC cycles of the last one that did; such a vCPU is excluded
 * from then on.
 */
bool smp_call_all(void (*fn)(struct cpu *cpu, void *arg), void *arg, uint64_t patience);

/*
 * Flushes TLBs after a ring-3 mapping was removed: no vCPU has it in its TLB when this returns
 * true.  Interrupts are off, so a vCPU that waits for something else must keep calling
 * smp_answer_flush().  False if a vCPU did not answer within `patience` TSC cycles.
 */
bool smp_flush_tlbs(uint64_t patience);
void smp_answer_flush(void);
/* The running vCPU enters (CR3 is loaded after this) or has left the process's address space. */
void smp_use_process(bool use);

/*
 * On the boot vCPU: has all online vCPUs run fn(cpu, arg) at once in an interrupt, runs it here
 * too, and waits.  The others resume afterwards, whether in ring 3 or asleep.  fn is short and
 * waits for nothing.  False if a vCPU did not answer within `patience` TSC cycles; it will still
 * run fn later.
 */
bool smp_ask_all(void (*fn)(struct cpu *cpu, void *arg), void *arg, uint64_t patience);
/*
 * smp_answer_ask() runs in the interrupt.  smp_ask_begin() runs on a vCPU that starts, so that it
 * ignores earlier questions.
 */
void smp_answer_ask(void);
void smp_ask_begin(struct cpu *cpu);

/* Waits for all calls; returns as smp_call_all(). */
bool smp_wait(uint64_t patience);
/* Waits only for the calls of vCPUs [first, end), whatever the others do. */
bool smp_wait_some(uint32_t first, uint32_t end, uint64_t patience);

#endif
