/* SPDX-License-Identifier: 0BSD */
/* Tries what ring 3 can put on its stack for IRET of each size: flags, RIP, RSP. */
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
                          .rsp = address_of(code_of(a->thread)) + CODE_STACK,
                          .ss = DATA};
}

static const struct fault *iret(struct attempt *a, unsigned how, const struct frame *frame)
{
    const uint64_t words[] = {frame->rip, frame->cs, frame->flags, frame->rsp, frame->ss};
    uint8_t *to = code_of(a->thread) + CODE_SIZE;

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

void virtual_8086(struct thread_page *t)
{
    struct tally seen = {0};
    struct attempt a;

    attempt_begin(&a, t);
    /* With CS as it is, so that the kernel knows ring 3 even in virtual-8086 mode. */
    struct frame frame = to_behind(&a, IRETD);
    frame.flags |= VM;
    const struct fault *f = iret(&a, IRETD, &frame);
    if (f->flags & VM && t->facts & FACT_IN_TURN) {
        verdict(VERDICT_SKIP, "ring3.border.virtual-8086",
                "this QEMU enters it from long mode, by an IRET of 32 bits of ring 3");
        return;
    }
    note(&seen, went(&a, IRETD, f) && came_back(f->flags, 0), irets[IRETD].name, frame.flags, f);
    judge(&seen, "ring3.border.virtual-8086", "way in");
}
