/* SPDX-License-Identifier: 0BSD */
/*
 * What one vCPU asks of others by an inter-processor interrupt.
 *
 * Kernel code runs with interrupts off; they are on in ring 3 and while a vCPU sleeps.  So a
 * function that is called here is never interrupted, and ring-3 code that it enters always is.
 */
#ifndef ARCH_X86_IPI_H
#define ARCH_X86_IPI_H

#include "arch/x86/cpu.h"
#include <stdbool.h>
#include <stdint.h>

/* A vCPU that has come: sleep, and run what smp_call() asks. */
_Noreturn void ipi_idle(struct cpu *cpu);
void ipi_wake_boot_cpu(void);

/* Ask fn(cpu, arg) of one online vCPU other than the running one; it must have no call pending. */
void smp_call(struct cpu *cpu, void (*fn)(struct cpu *cpu, void *arg), void *arg);

/* The same of vCPUs [first, end), all online, none the running one. */
void smp_call_some(uint32_t first, uint32_t end, void (*fn)(struct cpu *cpu, void *arg), void *arg);

/*
 * Ask it of all online vCPUs at once, run it here too, and wait.  False when a vCPU did not finish
 * within `patience` TSC cycles of the last one that did; it is then left out from now on.
 */
bool smp_call_all(void (*fn)(struct cpu *cpu, void *arg), void *arg, uint64_t patience);

/*
 * After a mapping of ring 3 was taken away: no vCPU has it in its TLB when this returns. Interrupts
 * are off, so a vCPU that waits for something else has to keep calling smp_answer_flush(). False:
 * a vCPU did not answer within `patience` TSC cycles.
 */
bool smp_flush_tlbs(uint64_t patience);
void smp_answer_flush(void);
/* The running vCPU enters (CR3 is loaded after this) or has left the process's address space. */
void smp_use_process(bool use);

/*
 * Have fn(cpu, arg) run on all online vCPUs at once, here too, in an interrupt: whatever the others
 * do, in ring 3 or asleep, they go on with it afterwards.  fn is short and waits for nothing. False
 * when a vCPU did not answer within `patience` TSC cycles; it will still run fn when it does.
 * On the boot vCPU.
 */
bool smp_ask_all(void (*fn)(struct cpu *cpu, void *arg), void *arg, uint64_t patience);
/*
 * At the interrupt; and on a vCPU that starts, which has nothing to do with what was asked before.
 */
void smp_answer_ask(void);
void smp_ask_begin(struct cpu *cpu);

/* Wait for all calls; as smp_call_all. */
bool smp_wait(uint64_t patience);
/* Wait for those of vCPUs [first, end) alone, whatever the others do. */
bool smp_wait_some(uint32_t first, uint32_t end, uint64_t patience);

#endif
