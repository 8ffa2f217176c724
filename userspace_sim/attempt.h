/* SPDX-License-Identifier: 0BSD */
/*
 * Executes instructions that were written at run time, with any registers, until they fault.
 */
#ifndef USERSPACE_SIM_ATTEMPT_H
#define USERSPACE_SIM_ATTEMPT_H

#include "userspace_sim/ring3.h"
#include <stddef.h>

/* Vectors [Intel SDM vol. 3A, 6.3]. */
enum {
    INVALID_OPCODE = 6,
    NOT_PRESENT = 11,
    STACK_SEGMENT = 12,
    GENERAL_PROTECTION = 13,
    PAGE_FAULT = 14
};

/* What the kernel says of a fault; NO_FAULT as the vector: none yet. */
struct fault {
    uint64_t vector, error, address, rip, flags, cs;
};

struct attempt {
    /* What it begins with; R15 is this structure. */
    uint64_t rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8, r9, r10, r11, r12, r13, r14, flags, rip;
    struct fault fault; /* what ended the last one */
    struct thread_page *thread;
};

_Static_assert(offsetof(struct attempt, flags) == 0x78, "assembly reads it there");
_Static_assert(offsetof(struct attempt, rip) == 0x80, "assembly reads it there");
_Static_assert(offsetof(struct attempt, fault) == 0x88, "assembly writes it there");

/*
 * Calls next(), executes what it prepared until that faults or a tick comes, and so on until next()
 * returns false.  A tick may also come in next(), which then begins anew.
 */
void attempts(struct attempt *a, bool (*next)(struct attempt *a));

/* Those that ring 3 may not execute, which a few lines later are parts of random code too. */
extern const struct instruction {
    const char *name;
    unsigned length;
    const char *bytes;
} privileged[];
extern const unsigned privileged_count;

#define CODE(name, bytes)                                                                          \
    {                                                                                              \
        name, sizeof(bytes) - 1, bytes                                                             \
    }

/* In the order in which call_leaves_nothing() takes them. */
enum { RAX, RCX, RDX, RBX, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, REGISTERS };

/*
 * Makes a system call with these registers, and gives back what they are after it.  Returns whether
 * each is as ring 3 had it, or as the ABI says: nothing of the kernel's.
 */
bool call_leaves_nothing(uint64_t registers[REGISTERS]);

/* The thread's page for code, and where it is executed. */
static inline uint8_t *code_of(const struct thread_page *t)
{
    return (uint8_t *)((uintptr_t)t + CODE_WRITTEN);
}

static inline uint64_t code_address(const struct thread_page *t)
{
    return address_of(t) + CODE_EXECUTED;
}

/* The upper half of the page is a stack. */
enum { CODE_SIZE = 2048, CODE_STACK = 4096 - 256 };

static inline void attempt_begin(struct attempt *a, struct thread_page *t)
{
    *a = (struct attempt){.rsp = address_of(code_of(t)) + CODE_STACK,
                          .flags = 0x202,
                          .rip = code_address(t),
                          .thread = t};
}

#endif
