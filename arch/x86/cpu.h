/* SPDX-License-Identifier: 0BSD */
/*
 * One vCPU as the hardware sees it: descriptor tables, stacks, and counts of kernel entries.
 *
 * Only the vCPU itself writes its structure, except for the `call` fields (see ipi.h).  GS points
 * to it while the kernel runs [Intel SDM vol. 3A, 3.4.4: SWAPGS].
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

/* Interrupt stack table: entries for faults that must not use the stack they occurred on. */
enum ist { IST_DOUBLE_FAULT = 1, IST_NMI, IST_MACHINE_CHECK, IST_COUNT = IST_MACHINE_CHECK };

/* What can enter the kernel from ring 3. */
enum entry_kind { ENTRY_SYSCALL, ENTRY_TIMER, ENTRY_IPI, ENTRY_FAULT, ENTRY_KINDS };

struct cpu {
    struct cpu *self;
    uint64_t kernel_rsp; /* stack for SYSCALL */
    uint64_t user_rsp;   /* ring 3's stack while a system call runs */
    uint64_t resume_rsp; /* the kernel's context while ring 3 runs */
    uint64_t stack_top;
    uint64_t user_gs; /* ring 3's GS base, set at each way there */

    /*
     * 0 is the boot vCPU; the others follow in the order of the firmware's table, late ones last.
     */
    uint32_t index;
    /* At an offset of 4 modulo 8, so that the TSS's 64-bit fields are aligned. */
    struct tss tss;
    uint32_t apic_id; /* as the local APIC knows it */
    uint32_t area;    /* selects the place of its stacks: the index it was prepared with */
    uint32_t online;  /* it takes part in calls; see cpu_is_online() */
    uint64_t arrived; /* the TSC when it came up, 0 before; set last, with release */

    bool counting;                 /* entries are counted in `entries` */
    uint64_t entries[ENTRY_KINDS]; /* from ring 3, while counting */
    uint64_t ticks;                /* all timer interrupts */
    uint64_t timer_initial;        /* timer count per period; 0: no ticks; kernel/clock/tick.h */
    uint64_t timer_due;            /* the TSC when the next one is due */
    /* Where ring 3 goes on after the fault that it announced, 0: none; for all that follow? */
    uint64_t probe_resume, probe_stack;
    bool probe_stays;

    uint32_t thread; /* the ring-3 thread that runs here */
    /* How long its job has taken so far, in TSC cycles, and the TSC when that was added up. */
    uint64_t job_ran, job_seen;
    /* Whether user mappings may be in this vCPU's TLB, and the number of its last flush. */
    uint32_t in_process;
    uint64_t flushed;

    /* A function that another vCPU asks this one to run; see ipi.h. */
    void (*call)(struct cpu *cpu, void *arg);
    void *call_arg;
    uint32_t call_pending;
    uint64_t answered; /* the number of the last question answered; see smp_ask_all() */

    uint64_t gdt[SEL_TSS / 8 + 2];
} __attribute__((aligned(64)));

extern struct cpu *cpu_table[MAX_CPUS];
/*
 * Number of vCPUs that have come up, numbered from 0; those from cpu_count on are not in use yet.
 */
extern uint32_t online_count;
/* Whether the vCPU answers; one that once failed to is excluded from then on. */
bool cpu_is_online(const struct cpu *cpu);
/* Number of vCPUs in use, numbered from 0; 0: not yet known.  Only the boot vCPU sets it. */
extern uint32_t cpu_count;
/* Maps an APIC identity to the vCPU's structure, for the trampoline; NULL: not one of ours. */
extern struct cpu *cpu_of_apic_id[MAX_APIC_ID];

static inline struct cpu *this_cpu(void)
{
    struct cpu *cpu;
    __asm__ volatile("mov %%gs:0, %0" : "=r"(cpu));
    return cpu;
}

/* Makes [.., top) the stack of an interrupt stack table's entry. */
void cpu_set_ist(struct cpu *cpu, unsigned i, uint64_t top);

/*
 * Makes `cpu` the running vCPU's structure, loads its descriptor tables and GS base, and switches
 * on the features that protect the kernel.  `stack_top` and the tss.ist[] stacks must have been
 * set, and the interrupt descriptor table loaded (trap.h): a feature may be refused by a fault.
 */
void cpu_load(struct cpu *cpu);

/* Whether `va` is in a guard page of the stack area, and of which vCPU. */
bool cpu_guard_page_at(uint64_t va, uint32_t *index);

/*
 * Returns how many of this vCPU's stacks have an unmapped page below them; adds the number of
 * stacks to *stacks.
 */
unsigned cpu_count_guarded_stacks(const struct cpu *cpu, unsigned *stacks);

/*
 * Maps a vCPU's stacks between guard pages and sets stack_top and tss.ist[].  `cpu->area` must be
 * set.  False if there is no memory.
 */
bool cpu_map_stacks(struct cpu *cpu);

#endif
