/* SPDX-License-Identifier: 0BSD */
/*
 * Tries what ring 3 can put on its stack for IRET of each size: flags, RIP, RSP; and with whose
 * rights IRET, far returns and far calls reach the stack.
 */
#include "userspace_sim/attempt.h"

enum { VM = 0x20000, NT = 0x4000 };

/* On the stack, from the lowest address on. */
struct frame {
    uint64_t rip, cs, flags, rsp, ss;
};

static const struct {
    const char *name;
    unsigned bytes; /* of each word on the stack */
    unsigned length;
    const char *code;
} irets[] = {
    {"IRETQ", 8, 2, "\x48\xcf"},
    {"IRETD", 4, 1, "\xcf"},
    {"IRETW", 2, 2, "\x66\xcf"},
};

enum { IRETQ, IRETD, IRETW, IRETS };

/* An IRET to the UD2 behind it; for each word the caller can take another one. */
static struct frame to_behind(const struct attempt *a, unsigned how)
{
    return (struct frame){.rip = a->rip + irets[how].length,
                          .cs = CODE64,
                          .flags = IF_AND_1,
                          .rsp = address_of(stack_of(a->thread)) + STACK_TOP,
                          .ss = DATA};
}

static const struct fault *iret(struct attempt *a, unsigned how, const struct frame *frame)
{
    const uint64_t words[] = {frame->rip, frame->cs, frame->flags, frame->rsp, frame->ss};
    uint8_t *to = stack_of(a->thread);

    a->rsp = address_of(to);
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        for (unsigned byte = 0; byte < irets[how].bytes; byte++)
            *to++ = (uint8_t)(words[i] >> (8 * byte));
    }
    return execute(a, irets[how].code, irets[how].length);
}

/* Whether an IRET went where it should; one of 16 bits leads to where nothing is. */
static bool went(const struct attempt *a, unsigned how, const struct fault *f)
{
    uint64_t behind = a->rip + irets[how].length;

    return f->cs == CODE64 &&
           (how == IRETW ? f->vector == PAGE_FAULT && f->address == (uint16_t)behind
                         : is(f, INVALID_OPCODE, irets[how].length));
}

static void try_flags(struct attempt *a, struct tally *seen)
{
    enum { FLAGS = 22 };

    for (unsigned how = 0; how < IRETS; how++) {
        for (unsigned bit = 0; bit < FLAGS; bit++) {
            struct frame frame = to_behind(a, how);
            frame.flags = 1u << bit;
            if (how == IRETD && frame.flags == VM)
                continue; /* virtual_8086() */
            const struct fault *f = iret(a, how, &frame);
            note(seen, went(a, how, f) && came_back(f->flags, frame.flags & FLAGS_OF_RING_3),
                 irets[how].name, frame.flags, f);
        }
        struct frame frame = to_behind(a, how);
        a->flags |= NT;
        const struct fault *f = iret(a, how, &frame);
        a->flags &= ~(uint64_t)NT;
        note(seen, refused(f, 0), "a nested task", how, f);
    }
}

static void try_places(struct attempt *a, struct tally *seen)
{
    const uint64_t places[] = {0,
                               USER_END,
                               HIDDEN_ENTRY,
                               NON_CANONICAL - 1,
                               NON_CANONICAL,
                               a->thread->kernel_address,
                               UINT64_MAX};

    for (unsigned i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        struct frame frame = to_behind(a, IRETQ);
        frame.rsp = places[i];
        const struct fault *f = iret(a, IRETQ, &frame);
        note(seen, went(a, IRETQ, f), "IRETQ to RSP", frame.rsp, f);
        frame = to_behind(a, IRETQ);
        frame.rip = places[i];
        a->rcx = NON_CANONICAL; /* so that it is no system call */
        f = iret(a, IRETQ, &frame);
        note(seen, f->cs == CODE64 && (f->vector == PAGE_FAULT || f->vector == GENERAL_PROTECTION),
             "IRETQ to RIP", frame.rip, f);
    }
}

void returns(struct thread_page *t)
{
    struct tally seen = {0};
    struct attempt a;

    attempt_begin(&a, t);
    try_flags(&a, &seen);
    try_places(&a, &seen);
    judge(&seen, "ring3.border.returns", "returns by IRET");
}

/* Numbers that are the CS of virtual-8086 mode, and selectors everywhere else. */
static const uint64_t segments_of_8086[] = {0, 0x08, 0x10, 0x11, 0x12, CODE32, CODE64, 0x1230};

void virtual_8086(struct thread_page *t)
{
    enum { IOPL = 0x3000 };
    const unsigned count = sizeof(segments_of_8086) / sizeof(segments_of_8086[0]);
    struct tally seen = {0};
    unsigned entered = 0;
    struct attempt a;

    attempt_begin(&a, t);
    for (unsigned i = 0; i < count; i++) {
        struct frame frame = to_behind(&a, IRETD);
        frame.cs = segments_of_8086[i];
        frame.flags |= VM | IOPL;
        const struct fault *f = iret(&a, IRETD, &frame);
        entered += (f->flags & VM) != 0;
        bool ours = frame.cs == CODE64 || frame.cs == CODE32;
        bool ok = ours ? is(f, INVALID_OPCODE, 1) && f->cs == frame.cs : refused(f, 0);
        ok = ok || (frame.cs == CODE32 && is_emulated(&a) && refused(f, 0));
        note(&seen, ok && came_back(f->flags, 0), "IRETD with VM to CS", frame.cs, f);
    }
    /* It has come back from there each time: the kernel took it for ring 3. */
    if (entered == count && t->facts & FACT_IN_TURN)
        verdict(VERDICT_SKIP, "ring3.border.virtual-8086",
                "this QEMU enters it from long mode, by an IRET of 32 bits of ring 3");
    else
        judge(&seen, "ring3.border.virtual-8086", "ways in");
}

/* ---- Whose rights ------------------------------------------------------ */

enum { IS_PRESENT = 1, IS_WRITE = 2, IS_USER = 4 }; /* in the error code of a page fault */

/* RCX is the stack, RDX points at a target for far calls, RBX at the sixth byte. */
static const struct {
    const char *name;
    bool writes;
    unsigned length, at; /* at which instruction it faults */
    const char *code;
} stack_uses[] = {
    {"far call of 64 bits", true, 6, 3, "\x48\x89\xcc\x48\xff\x1a"},
    {"far call of 32 bits", true, 5, 3, "\x48\x89\xcc\xff\x1a"},
    {"far return of 64 bits", false, 5, 3, "\x48\x89\xcc\x48\xcb"},
    {"far return of 32 bits", false, 4, 3, "\x48\x89\xcc\xcb"},
    {"IRET of 64 bits", false, 5, 3, "\x48\x89\xcc\x48\xcf"},
    {"IRET of 32 bits", false, 4, 3, "\x48\x89\xcc\xcf"},
    /* By CS, as DS may be null. */
    {"far call in 32-bit code", true, 10, 7, IN_32_BITS "\x89\xcc\x2e\xff\x1a"},
    {"far return in 32-bit code", false, 8, 7, IN_32_BITS "\x89\xcc\xcb"},
    {"IRET in 32-bit code", false, 8, 7, IN_32_BITS "\x89\xcc\xcf"},
};

/* An address where nothing is; its lower half is one too. */
#define NOTHING_THERE UINT64_C(0xfffffffff0000800)

enum { FAR_CALL_OF_64_BITS = 0 }; /* in this table */
enum { STACK_USES = sizeof(stack_uses) / sizeof(stack_uses[0]) };

static bool is_as_ring_0(const struct fault *f)
{
    return f->vector == PAGE_FAULT && !(f->error & IS_USER);
}

/* Has an instruction use a stack that ring 3 may not reach. */
static const struct fault *use_stack(struct attempt *a, unsigned which, uint64_t stack)
{
    /* The offset of m16:64, in which that of m16:32 is with its selector: AMD's CPUs take that. */
    const uint64_t target[] = {a->rip | (uint64_t)CODE64 << 32, CODE64};
    volatile uint64_t *to = (volatile uint64_t *)(uintptr_t)stack_of(a->thread);

    to[0] = target[0];
    to[1] = target[1];
    a->rcx = stack;
    a->rdx = address_of(stack_of(a->thread));
    a->rbx = a->rip + 5;
    return execute(a, stack_uses[which].code, stack_uses[which].length);
}

bool far_call_is_ring_0_s(struct attempt *a)
{
    return is_as_ring_0(use_stack(a, FAR_CALL_OF_64_BITS, NOTHING_THERE));
}

void stacks(struct thread_page *t)
{
    unsigned as_ring_0 = 0;
    struct tally seen = {0};
    struct attempt a;

    attempt_begin(&a, t);
    /* The page fault says whose rights were asked: nothing is written even if it was ring 0's. */
    for (unsigned i = 0; i < STACK_USES; i++) {
        bool only_32_bits = stack_uses[i].code[0] == 0x6a;
        const uint64_t stack = only_32_bits ? (uint32_t)NOTHING_THERE : NOTHING_THERE;
        const struct fault *f = use_stack(&a, i, stack);
        uint64_t error = IS_USER | (stack_uses[i].writes ? IS_WRITE : 0);
        bool ok = is(f, PAGE_FAULT, stack_uses[i].at) && f->error == error &&
                  f->address - (stack - 32) < 64;
        /* Such a host executes some itself, and looks at other things first. */
        ok = ok || (is_emulated(&a) && is(f, GENERAL_PROTECTION, stack_uses[i].at));
        note(&seen, ok, stack_uses[i].name, stack, f);
        as_ring_0 += is_as_ring_0(f);
    }
    /* What is there is the kernel's, and read-only. */
    const struct fault *f = use_stack(&a, FAR_CALL_OF_64_BITS, t->kernel_address);
    note(&seen,
         is(f, PAGE_FAULT, stack_uses[FAR_CALL_OF_64_BITS].at) &&
             f->error == (IS_PRESENT | IS_WRITE | IS_USER),
         "far call with the kernel's text as its stack", t->kernel_address, f);
    as_ring_0 += is_as_ring_0(f);
    if (as_ring_0 && as_ring_0 == seen.broken && t->facts & FACT_IN_TURN)
        verdict(VERDICT_SKIP, "ring3.border.stacks",
                "this QEMU's far calls, far returns and IRETs use the stack with the rights of "
                "ring 0: %u of %u",
                as_ring_0, seen.tried);
    else
        judge(&seen, "ring3.border.stacks", "uses of a stack that ring 3 may not reach");
}
