/* SPDX-License-Identifier: 0BSD */
/*
 * One vCPU as the hardware sees it: descriptor tables, stacks, and what entered the kernel on it.
 *
 * A vCPU's structure is written by that vCPU alone, but for the `call` fields (see ipi.h).  GS
 * points at it while the kernel runs [Intel SDM vol. 3A, 3.4.4: SWAPGS].
 */
#ifndef ARCH_X86_CPU_H
#define ARCH_X86_CPU_H

#include "arch/x86/cpu_offsets.h"
#include "arch/x86/layout.h"
#include <stdbool.h>
#include <stdint.h>

/* Task-state segment, 64-bit [Intel SDM vol. 3A, 8.7]. */
struct tss {
    uint32_t reserved0;
    uint64_t rsp[3];
    uint64_t reserved1;
    uint64_t ist[7];
    uint64_t reserved2;
    uint16_t reserved3;
    uint16_t io_map_base;
} __attribute__((packed));

_Static_assert(sizeof(struct tss) == 104, "the 64-bit TSS has 104 bytes");

/* Interrupt stack tables: faults that must not trust the stack they came on. */
enum ist { IST_DOUBLE_FAULT = 1, IST_NMI, IST_MACHINE_CHECK, IST_COUNT = IST_MACHINE_CHECK };

/* What can enter the kernel from ring 3. */
enum entry_kind { ENTRY_SYSCALL, ENTRY_TIMER, ENTRY_IPI, ENTRY_FAULT, ENTRY_KINDS };

/* A fault that the ring-3 program announced, and what came of it. */
struct fault_probe {
    bool armed;
    bool hit;
    uint64_t resume; /* where ring 3 goes on */
    uint64_t vector, error, address;
};

struct cpu {
    struct cpu *self;
    uint64_t kernel_rsp; /* SYSCALL's stack */
    uint64_t user_rsp;   /* ring 3's stack while a system call runs */
    uint64_t resume_rsp; /* the kernel's own context while ring 3 runs */
    uint64_t stack_top;

    /* 0 is the boot vCPU; the rest in the order of the firmware's table, late ones behind. */
    uint32_t index;
    /* Its 64-bit fields stand 4 bytes off the hardware's structure: here they come out aligned. */
    struct tss tss;
    uint32_t apic_id; /* as the local APIC knows it */
    uint32_t area;    /* where its stacks are: the index it was prepared with */
    uint32_t online;  /* it is one of those that are counted; written by the boot vCPU */
    uint64_t arrived; /* the TSC when it had come, 0 before; set last, with release */

    bool counting;                 /* entries go to `entries` */
    uint64_t entries[ENTRY_KINDS]; /* from ring 3, while counting */
    uint64_t ticks;                /* timer interrupts, all */
    uint64_t timer_initial;        /* its count of a period; 0: no ticks; kernel/clock/tick.h */
    uint64_t timer_due;            /* the TSC when the next one is due */
    struct fault_probe probe;

    uint32_t thread; /* the ring-3 thread that runs here */
    /* Whether user mappings may be in this vCPU's TLB, and the last flush it has done. */
    uint32_t in_process;
    uint64_t flushed;

    /* A function that another vCPU asks this one to run; see ipi.h. */
    void (*call)(struct cpu *cpu, void *arg);
    void *call_arg;
    uint32_t call_pending;
    uint64_t answered; /* the last question to all; see smp_ask_all() */

    uint64_t gdt[SEL_TSS / 8 + 2];
} __attribute__((aligned(64)));

extern struct cpu *cpu_table[MAX_CPUS];
/* Numbers 0 to this less 1 have come; those that cpu_count does not have yet are not in use. */
extern uint32_t online_count;
/* Whether it answers; one that once did not is left out from then on. */
bool cpu_is_online(const struct cpu *cpu);
/* In use, from number 0 on without a gap; 0: not yet known. Set by the boot vCPU alone. */
extern uint32_t cpu_count;
/* By CPUID, and TSC_AUX has the vCPU's number. */
extern bool has_rdtscp;
/* The trampoline's way to a vCPU's structure, whatever number that has; NULL: none of ours. */
extern struct cpu *cpu_of_apic_id[MAX_APIC_ID];

static inline struct cpu *this_cpu(void)
{
    struct cpu *cpu;
    __asm__ volatile("mov %%gs:0, %0" : "=r"(cpu));
    return cpu;
}

/*
 * Give `cpu` its place and load its descriptor tables and GS base on the running vCPU.  `stack_top`
 * and the tss.ist[] stacks must have been set.
 */
void cpu_load(struct cpu *cpu);

/* Whether there is a guard page at a stack's address, and of which vCPU. */
bool cpu_guard_page_at(uint64_t va, uint32_t *index);

/* How many of this vCPU's stacks have an unmapped page below them; adds all of them to *stacks. */
unsigned cpu_count_guarded_stacks(const struct cpu *cpu, unsigned *stacks);

/*
 * Map a vCPU's stacks between guard pages and set stack_top and tss.ist[].  `cpu->area` must be
 * set.  Returns false when there is no memory.
 */
bool cpu_map_stacks(struct cpu *cpu);

#endif
