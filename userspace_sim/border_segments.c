/* SPDX-License-Identifier: 0BSD */
/* Tries each selector in each way that ring 3 has to use one, in 64-bit and in 32-bit code. */
#include "userspace_sim/attempt.h"

/* ---- Segments ---------------------------------------------------------- */

enum { IRET_LENGTH = 8 };

enum transfer { LOAD, LOAD_SS, RETURN, RETURN_SS, JUMP };

static bool is_ours(uint64_t selector)
{
    selector |= 3;
    return selector == CODE32 || selector == DATA || selector == CODE64;
}

/* The rules of the CPU for the descriptors of this kernel [Intel SDM vol. 3A, 5.6 to 5.8]. */
static bool may(enum transfer how, uint64_t selector)
{
    uint64_t with_rpl_3 = selector | 3;
    bool code = with_rpl_3 == CODE32 || with_rpl_3 == CODE64;

    switch (how) {
    case LOAD:
        return selector <= 3 || code || with_rpl_3 == DATA;
    case LOAD_SS:
    case RETURN_SS:
        return selector == DATA;
    case RETURN:
        return code && selector == with_rpl_3;
    default:
        return code;
    }
}

/* RAX is the selector, RSI the target, RDX points at both. */
struct use {
    const char *name;
    enum transfer how;
    unsigned length, at; /* at which instruction it faults */
    const char *code;
};

static const struct use in_64_bits[] = {
    {"DS", LOAD, 2, 0, "\x8e\xd8"},
    {"ES", LOAD, 2, 0, "\x8e\xc0"},
    {"FS", LOAD, 2, 0, "\x8e\xe0"},
    {"GS", LOAD, 2, 0, "\x8e\xe8"},
    {"SS", LOAD_SS, 2, 0, "\x8e\xd0"},
    /* push %rax; push %rsi; lretq */
    {"far return", RETURN, 4, 2, "\x50\x56\x48\xcb"},
    /* push $DATA; push %rsp; pushf; push %rax; push %rsi; iretq */
    {"IRET", RETURN, IRET_LENGTH, 6, "\x6a\x2b\x54\x9c\x50\x56\x48\xcf"},
    /* push %rax; push %rsp; pushf; push $CODE64; push %rsi; iretq */
    {"IRET, SS", RETURN_SS, IRET_LENGTH, 6, "\x50\x54\x9c\x6a\x33\x56\x48\xcf"},
    {"far jump", JUMP, 2, 0, "\xff\x2a"},
    {"far call", JUMP, 2, 0, "\xff\x1a"},
};

static const struct use in_32_bits[] = {
    {"DS", LOAD, 2, 0, "\x8e\xd8"},
    {"GS", LOAD, 2, 0, "\x8e\xe8"},
    {"SS", LOAD_SS, 2, 0, "\x8e\xd0"},
    {"POP ES", LOAD, 2, 1, "\x50\x07"},
    {"POP SS", LOAD_SS, 2, 1, "\x50\x17"},
    {"LES", LOAD, 2, 0, "\xc4\x02"},
    /* push %eax; push %esi; lret */
    {"far return", RETURN, 3, 2, "\x50\x56\xcb"},
    /* pushf; push %eax; push %esi; iret */
    {"IRET", RETURN, 4, 3, "\x9c\x50\x56\xcf"},
    {"far jump", JUMP, 2, 0, "\xff\x2a"},
    {"far call", JUMP, 2, 0, "\xff\x1a"},
};

/* Writes 32 bits of address and the selector, and returns where. */
static uint64_t far_pointer(const struct attempt *a, uint64_t address, uint64_t selector)
{
    uint8_t *far = stack_of(a->thread);

    for (unsigned byte = 0; byte < 4; byte++)
        far[byte] = (uint8_t)(address >> (8 * byte));
    far[4] = (uint8_t)selector;
    far[5] = (uint8_t)(selector >> 8);
    far[6] = far[7] = 0;
    return address_of(far);
}

/* Such a host takes any segment of ring 3 for any other, and no null selector in 32-bit code. */
static bool is_emulated_otherwise(const struct attempt *a, const struct use *use, uint64_t selector)
{
    if (a->rbx == a->rip)
        return is_emulated(a) && use->length == IRET_LENGTH && is_ours(selector) &&
               (selector & 3) == 3;
    return is_emulated(a) && (is_ours(selector) || selector <= 3);
}

/* Uses a selector, in the code that the prefix leads to: its segment is `cs`. */
static void try_use(struct attempt *a, const char *prefix, unsigned skip, uint64_t cs,
                    const struct use *use, uint64_t selector, struct tally *seen)
{
    unsigned end = skip + use->length, at = skip + use->at;
    char code[16];

    for (unsigned i = 0; i < end; i++)
        code[i] = i < skip ? prefix[i] : use->code[i - skip];
    a->rax = selector;
    a->rbx = a->rip + skip;
    a->rsi = a->rip + end;
    a->rdx = far_pointer(a, a->rsi, selector);
    const struct fault *f = execute(a, code, end);
    bool changes_cs = use->how == RETURN || use->how == JUMP;
    bool done = is(f, INVALID_OPCODE, end) && f->cs == (changes_cs ? selector | 3 : cs);
    bool stays =
        f->cs == cs && (refused(f, at) || is(f, NOT_PRESENT, at) || is(f, STACK_SEGMENT, at));
    bool ok = may(use->how, selector) ? done : stays;
    if (is_emulated_otherwise(a, use, selector))
        ok = done || stays;
    note(seen, ok, use->name, selector, f);
}

static void try_selector(struct attempt *a, uint64_t selector, struct tally *seen)
{
    for (unsigned i = 0; i < sizeof(in_64_bits) / sizeof(in_64_bits[0]); i++)
        try_use(a, "", 0, CODE64, &in_64_bits[i], selector, seen);
}

/* What ring 3 may know of a descriptor: of its own, not of the kernel's or the TSS. */
static void try_questions(struct attempt *a, uint64_t selector, struct tally *seen)
{
    enum { ZF = 0x40 };
    static const struct instruction questions[] = {
        CODE("LAR", "\x0f\x02\xc8"),
        CODE("LSL", "\x0f\x03\xc8"),
        CODE("VERR", "\x0f\x00\xe0"),
        CODE("VERW", "\x0f\x00\xe8"),
    };

    /* Where ring 0 is emulated they read the host's table. */
    if (is_emulated(a))
        return;
    for (unsigned i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        bool writes = i == 3;
        a->rax = selector;
        const struct fault *f = execute(a, questions[i].bytes, questions[i].length);
        bool told = writes ? (selector | 3) == DATA : is_ours(selector);
        note(seen, is(f, INVALID_OPCODE, 3) && !(f->flags & ZF) == !told, questions[i].name,
             selector, f);
    }
}

void segments(struct thread_page *t)
{
    static const uint64_t beyond[] = {0x60, 0x63, 0x77, 0x7ff8, 0x7fff, 0xfff8, 0xffff};
    struct tally seen = {0};
    struct attempt a;

    attempt_begin(&a, t);
    for (uint64_t selector = 0; selector < 0x58; selector++) {
        try_selector(&a, selector, &seen);
        try_questions(&a, selector, &seen);
    }
    for (unsigned i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++) {
        try_selector(&a, beyond[i], &seen);
        try_questions(&a, beyond[i], &seen);
    }
    judge(&seen, "ring3.border.segments", "uses of selectors");
}

void segments_in_32_bits(struct thread_page *t)
{
    enum { PREFIX = sizeof(IN_32_BITS) - 1, BOUND_EXCEEDED = 5 };
    struct tally seen = {0};
    struct attempt a;

    attempt_begin(&a, t);
    /* Each index with RPL 0 and 3. */
    for (uint64_t selector = 0; selector < 0x58; selector += selector & 3 ? 5 : 3) {
        for (unsigned i = 0; i < sizeof(in_32_bits) / sizeof(in_32_bits[0]); i++)
            try_use(&a, IN_32_BITS, PREFIX, CODE32, &in_32_bits[i], selector, &seen);
    }
    /* 0 and 0 are the bounds. */
    a.rax = 5;
    a.rdx = far_pointer(&a, 0, 0);
    const struct fault *f = EXECUTE(&a, IN_32_BITS "\x62\x02");
    note(&seen, is(f, BOUND_EXCEEDED, PREFIX) || refused(f, PREFIX), "BOUND", 5, f);
    judge(&seen, "ring3.border.code32", "uses of selectors by 32-bit code");
}
