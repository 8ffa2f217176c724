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
    DEBUG = 1,
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

/* The kernel's selectors (arch/x86/layout.h): index and RPL 3. */
enum { CODE32 = 0x23, DATA = 0x2b, CODE64 = 0x33 };

enum { PAGE = 4096, USER_END = 0x40000000, HIDDEN_ENTRY = 0x80000000 };

#define NON_CANONICAL (UINT64_C(1) << 47)

enum {
    TF = 0x100,
    OF = 0x800,
    RF = 0x10000,
    IF_AND_1 = 0x202,
    /* CF PF AF ZF SF DF OF, which always come back; with TF NT AC ID, all that ring 3 can set. */
    FLAGS_KEPT = 0xcd5,
    FLAGS_OF_RING_3 = FLAGS_KEPT | TF | 0x244000,
};

/*
 * Executes the code with the registers of `a`, and UD2 behind it: where that raises #UD, all before
 * it came to its end.  The fault's RIP is from the code's begin on.
 */
const struct fault *execute(struct attempt *a, const char *code, unsigned length);

/* push $CODE32; push %rbx; lretq: goes on behind it, where RBX points, as 32-bit code. */
#define IN_32_BITS "\x6a\x23\x53\x48\xcb"

#define EXECUTE(a, code) execute((a), (code), sizeof(code) - 1)

static inline bool is(const struct fault *f, uint64_t vector, uint64_t offset)
{
    return f->vector == vector && f->rip == offset;
}

/* #GP, or #UD where a CPU lacks the instruction or a host emulates it so. */
static inline bool refused(const struct fault *f, uint64_t offset)
{
    return is(f, GENERAL_PROTECTION, offset) || is(f, INVALID_OPCODE, offset);
}

/* A host without hardware virtualisation emulates ring 0, and some of ring 3, in its own way. */
static inline bool is_emulated(const struct attempt *a)
{
    return a->thread->facts & FACT_EMULATED;
}

/* Whether ring 3 has the flags that it had, and none that it cannot have. */
static inline bool came_back(uint64_t flags, uint64_t set)
{
    return !((flags ^ set) & FLAGS_KEPT) && !(flags & ~(uint64_t)RF & ~(uint64_t)IF_AND_1 & ~set) &&
           (flags & IF_AND_1) == IF_AND_1;
}

void note(struct tally *seen, bool ok, const char *what, uint64_t which, const struct fault *f);
void judge(const struct tally *seen, const char *name, const char *what);

/* In the order in which call_leaves_nothing() takes them. */
enum { RAX, RCX, RDX, RBX, RBP, RSI, RDI, R8, R9, R10, R11, R12, R13, R14, R15, REGISTERS };

/* Makes a system call with these registers, and writes back what they are after it. */
void call_and_keep(uint64_t registers[REGISTERS]);

/*
 * What a system call may leave in a register: the result in RAX, a number, an address of ring 3 or
 * an error; else ring 3's own, nothing, or what the ABI says.
 */
bool register_is_harmless(unsigned i, uint64_t after, uint64_t before);

/*
 * Makes a system call with these registers, and gives back what they are after it.  Returns whether
 * all are harmless.
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

/* The page for its stack. */
static inline uint8_t *stack_of(const struct thread_page *t)
{
    return (uint8_t *)((uintptr_t)t + CODE_STACK);
}

enum { STACK_TOP = PAGE - 256 };

/*
 * Whether a far call pushes with the rights of ring 0: then ring 3 can write to the kernel's
 * memory, and no kernel can help it.  QEMU's TCG does (docs/border.md).
 */
bool far_call_is_ring_0_s(struct attempt *a);

static inline void attempt_begin(struct attempt *a, struct thread_page *t)
{
    *a = (struct attempt){.rsp = address_of(stack_of(t)) + STACK_TOP,
                          .flags = 0x202,
                          .rip = code_address(t),
                          .thread = t};
}

#endif
