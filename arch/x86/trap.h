/* SPDX-License-Identifier: 0BSD */
/*
 * Everything that enters the kernel: exceptions, the local APIC's interrupts, SYSCALL.
 *
 * The arch layer saves the registers, counts entries, and handles what it can by itself (the
 * exception table, an announced ring-3 fault); for the rest it calls the functions that
 * kernel/ registers.
 */
#ifndef ARCH_X86_TRAP_H
#define ARCH_X86_TRAP_H

#include "arch/x86/cpu.h"
#include <stdint.h>

#define VECTOR_NMI           2
#define VECTOR_UD            6
#define VECTOR_DOUBLE_FAULT  8
#define VECTOR_GP            13
#define VECTOR_PAGE_FAULT    14
#define VECTOR_MACHINE_CHECK 18
#define VECTOR_TIMER         0x40
#define VECTOR_IPI           0x41
#define VECTOR_SPURIOUS      0xff

/* Page-fault error code [Intel SDM vol. 3A, 4.7]. */
#define PF_PRESENT 1u
#define PF_WRITE   2u
#define PF_USER    4u
#define PF_FETCH   16u

struct trap_frame {
    uint64_t r15, r14, r13, r12, r11, r10, r9, r8, rdi, rsi, rbp, rbx, rdx, rcx, rax;
    uint64_t vector, error;
    uint64_t rip, cs, rflags, rsp, ss;
};

/* SYSCALL's entry, from 64-bit code. */
extern const char syscall_entry[];

struct trap_hooks {
    /*
     * A timer interrupt on this vCPU; `frame` is ring 3's, which the function may change, or
     * NULL.
     */
    void (*timer)(struct cpu *cpu, struct trap_frame *frame);
    /* Another vCPU wants this one to check for work. */
    void (*ipi)(struct cpu *cpu);
    /* A ring-3 fault that was not announced.  Does not return (user_leave). */
    void (*user_fault)(struct cpu *cpu, const struct trap_frame *frame);
    /* A fault in the kernel.  Does not return. */
    void (*fatal)(const struct trap_frame *frame);
    /* A system call: RAX number, RDI, RSI, RDX, R10 arguments; the return value goes to RAX. */
    uint64_t (*syscall)(struct cpu *cpu, uint64_t number, const uint64_t *arguments);
};

/* Fills the interrupt descriptor table, once, before the first trap_load(). */
void trap_init(const struct trap_hooks *hooks);

/* Loads the table on the running vCPU, sets SYSCALL's entries and shuts SYSENTER's. */
void trap_load(void);

/*
 * Reads back every way from ring 3 into ring 0 on the running vCPU: SYSCALL, SYSENTER, the gates,
 * the task, the debug registers (docs/border.md).  Returns NULL if each leads where trap_load()
 * and cpu_load() had it lead, or else nowhere; otherwise the name of one that does not.
 */
const char *trap_find_open_entry(void);

static inline bool trap_from_user(const struct trap_frame *frame)
{
    return (frame->cs & 3) == 3;
}

/*
 * Whether the host left a SYSCALL in ring 3, which was then completed from the fault; see trap.c.
 */
bool trap_syscalls_half_done(void);

/*
 * How often ring 3 was in virtual-8086 mode, which no CPU enters from long mode, but QEMU's TCG
 * does; see trap.c.
 */
uint64_t trap_virtual_8086_count(void);

/* Returns "page fault", ...; "unknown vector" beyond the exceptions. */
const char *trap_vector_name(uint64_t vector);

#endif
