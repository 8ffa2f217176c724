/* SPDX-License-Identifier: 0BSD */
/*
 * Tries each way from ring 3 to ring 0 (docs/border.md): what is shut must fault, at the
 * instruction and in the program, and what is open must let through only what it should.
 */
#include "arch/x86/wait.h"
#include "userspace_sim/attempt.h"
#include "userspace_sim/probe.h"
#include "userspace_sim/process.h"

/* With UMIP. */
static const struct instruction telling[] = {
    CODE("SGDT", "\x0f\x01\x00"), CODE("SIDT", "\x0f\x01\x08"), CODE("SLDT", "\x0f\x00\xc0"),
    CODE("STR", "\x0f\x00\xc8"),  CODE("SMSW", "\x0f\x01\xe0"),
};

/* push $CODE32; push %rbx; lretq: goes on behind it, where RBX points, as 32-bit code. */
#define IN_32_BITS "\x6a\x23\x53\x48\xcb"

/* ---- Entries ----------------------------------------------------------- */

/*
 * #GP, with the gate as the error code; QEMU 7.2's TCG counts in gates of 16 bytes.  A host that
 * emulates ring 0 raises #UD, has #BP and #OF come as exceptions, or goes on as if nothing were
 * there.
 */
static bool interrupt_refused(const struct attempt *a, const struct fault *f, uint64_t n,
                              uint64_t length)
{
    bool in_gates_of_16 = a->thread->facts & FACT_IN_TURN && f->error == n * 16 + 2;

    if (is_emulated(a) && (refused(f, length) || ((n == 3 || n == 4) && is(f, n, length))))
        return true;
    return is(f, INVALID_OPCODE, 0)
               ? is_emulated(a)
               : is(f, GENERAL_PROTECTION, 0) && (f->error == n * 8 + 2 || in_gates_of_16);
}

static void try_interrupts(struct attempt *a, struct tally *seen)
{
    for (uint64_t n = 0; n < 256; n++) {
        const char code[] = {(char)0xcd, (char)n};
        const struct fault *f = execute(a, code, sizeof(code));
        note(seen, interrupt_refused(a, f, n, 2), "INT", n, f);
    }
    const struct fault *f = EXECUTE(a, "\xcc");
    note(seen, interrupt_refused(a, f, 3, 1), "INT3", 0, f);
    /* INT1 asks no gate's DPL [Intel SDM vol. 2, INT]. */
    f = EXECUTE(a, "\xf1");
    note(seen, is(f, 1, 1) || refused(f, 0) || (is_emulated(a) && is(f, 1, 0)), "INT1", 0, f);
}

static void entries(struct thread_page *t)
{
    static const uint64_t not_ours[] = {USER_END, NON_CANONICAL, UINT64_MAX};
    struct tally seen = {0};
    const struct fault *f;
    struct attempt a;

    attempt_begin(&a, t);
    try_interrupts(&a, &seen);
    f = EXECUTE(&a, "\x0f\x34");
    note(&seen, refused(f, 0), "SYSENTER", 64, f);
    a.rbx = code_address(t) + 5;
    a.flags = IF_AND_1 | OF;
    f = EXECUTE(&a, IN_32_BITS "\x0f\x05");
    note(&seen, is(f, INVALID_OPCODE, 5) && f->cs == CODE32, "SYSCALL", 32, f);
    f = EXECUTE(&a, IN_32_BITS "\x0f\x34");
    note(&seen, refused(f, 5) && f->cs == CODE32, "SYSENTER", 32, f);
    f = EXECUTE(&a, IN_32_BITS "\xcd\x80");
    note(&seen, refused(f, 5) && f->cs == CODE32, "INT in 32-bit code", 0x80, f);
    f = EXECUTE(&a, IN_32_BITS "\xce");
    note(&seen, refused(f, 5) && f->cs == CODE32, "INTO", 32, f);
    /* A jump to the entry is no system call, unless ring 3 could have come back from it. */
    for (unsigned i = 0; i < sizeof(not_ours) / sizeof(not_ours[0]); i++) {
        a.r8 = t->kernel_address;
        a.rcx = not_ours[i];
        f = EXECUTE(&a, "\x41\xff\xe0");
        note(&seen, f->vector == PAGE_FAULT && f->address == t->kernel_address,
             "jump to the entry, RCX", a.rcx, f);
    }
    judge(&seen, "ring3.border.entries", "ways in");
}

/* ---- Addresses --------------------------------------------------------- */

/* The end of a page behind which there is none: RCX of a SYSCALL there points at nothing. */
static void try_the_end_of_a_page(struct attempt *a, struct tally *seen)
{
    uint8_t *end = code_of(a->thread) + PAGE;

    end[-2] = 0x0f;
    end[-1] = 0x05;
    a->rax = SYS_CALLS;
    a->rbx = a->rip + PAGE - 2;
    const struct fault *f = EXECUTE(a, "\xff\xe3");
    note(seen, is(f, PAGE_FAULT, PAGE) && f->address == a->rip + PAGE, "SYSCALL ends the page", 0,
         f);
    end[-1] = 0x0f;
    a->rbx = a->rip + PAGE - 1;
    f = EXECUTE(a, "\xff\xe3");
    note(seen, is(f, PAGE_FAULT, PAGE - 1) && f->address == a->rip + PAGE,
         "an instruction ends behind the page", 0, f);
}

static void addresses(struct thread_page *t)
{
    enum { USER = 4 }; /* in the error code */
    const uint64_t not_ours[] = {
        0,
        0x8000,     /* where the other vCPUs start */
        0xb8000,    /* the screen */
        0xfee00000, /* the local APIC */
        USER_END,
        HIDDEN_ENTRY,
        NON_CANONICAL - 8,
        NON_CANONICAL,
        UINT64_C(0xffff800000000000),
        UINT64_C(0xffffffff80000000), /* the kernel's memory */
        t->kernel_address,
        UINT64_C(0xffffffffc0000000), /* its stacks */
        UINT64_C(0xffffffffe0000000), /* its devices */
        UINT64_C(0xffffffffff600000), /* where Linux has vsyscalls */
        UINT64_MAX - 7,
    };
    static const struct instruction how[] = {
        CODE("read", "\x48\x8b\x01"),
        CODE("write", "\x48\x89\x01"),
        CODE("jump", "\xff\xe1"),
    };
    struct tally seen = {0};
    struct attempt a;

    attempt_begin(&a, t);
    for (unsigned i = 0; i < sizeof(not_ours) / sizeof(not_ours[0]); i++) {
        for (unsigned k = 0; k < sizeof(how) / sizeof(how[0]); k++) {
            bool canonical = not_ours[i] + NON_CANONICAL < 2 * NON_CANONICAL;
            a.rcx = not_ours[i];
            const struct fault *f = execute(&a, how[k].bytes, how[k].length);
            bool stopped = f->vector == PAGE_FAULT && f->error & USER && f->address == not_ours[i];
            note(&seen, stopped || (!canonical && f->vector == GENERAL_PROTECTION), how[k].name,
                 not_ours[i], f);
        }
    }
    try_the_end_of_a_page(&a, &seen);
    judge(&seen, "ring3.border.addresses", "uses of addresses");
}

/* ---- Flags ------------------------------------------------------------- */

static void flags(struct thread_page *t)
{
    static const uint64_t sets[] = {0,       1,        4,        0x10,     0x40,           0x80,
                                    TF,      0x400,    OF,       0x3000,   0x4000,         RF,
                                    0x40000, 0x200000, 0x247cd5, 0x3f7ed5, FLAGS_OF_RING_3};
    struct tally seen = {0};
    struct attempt a;

    attempt_begin(&a, t);
    for (unsigned i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        a.r8 = sets[i] | IF_AND_1;
        a.rax = SYS_CALLS;
        /* push %r8; popf; syscall; nop */
        const struct fault *f = EXECUTE(&a, "\x41\x50\x9d\x0f\x05\x90");
        bool stepped = sets[i] & TF && f->vector == 1 && f->rip > 3 && f->rip <= 6;
        note(&seen,
             (is(f, INVALID_OPCODE, 6) || stepped) &&
                 came_back(f->flags & ~(uint64_t)TF, sets[i] & FLAGS_OF_RING_3 & ~(uint64_t)TF),
             "SYSCALL with flags", sets[i], f);
    }
    /* A system call by a jump: the kernel cannot tell it from one that the host left half done. */
    a.r8 = t->kernel_address;
    a.r11 = UINT64_MAX;
    a.rcx = code_address(t) + 3;
    const struct fault *f = EXECUTE(&a, "\x41\xff\xe0\x90");
    note(&seen, is(f, INVALID_OPCODE, 4) && came_back(f->flags, FLAGS_KEPT), "R11 with all flags",
         a.r11, f);
    /* popf with all flags, and no system call: IF and IOPL stay. */
    a.r8 = 0x3f7ed5 & ~(uint64_t)TF;
    f = EXECUTE(&a, "\x41\x50\x9d");
    note(&seen, is(f, INVALID_OPCODE, 3) && (f->flags & 0x3200) == 0x200, "POPF", a.r8, f);
    judge(&seen, "ring3.border.flags", "sets of flags");
}

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

static void segments(struct thread_page *t)
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

static void segments_in_32_bits(struct thread_page *t)
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

/* ---- Privileged instructions ------------------------------------------- */

static bool has_umip(void)
{
    uint32_t a = 0, b, c = 0, d;

    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    if (a < 7)
        return false;
    a = 7;
    c = 0;
    __asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    return c & 4;
}

/* The vCPU's number, by GS. */
static uint32_t number_by_gs(void)
{
    uint32_t number;

    __asm__ volatile("mov %%gs:0, %0" : "=r"(number));
    return number;
}

static void try_ports(struct attempt *a, struct tally *seen)
{
    static const uint16_t ports[] = {0,     0x20,  0x60,  0x64,  0x70,  0x80,  0x2f8,
                                     0x3f8, 0x501, 0xcf8, 0xcfc, 0x7ff, 0xffff};

    for (unsigned i = 0; i < sizeof(ports) / sizeof(ports[0]); i++) {
        a->rdx = ports[i];
        const struct fault *f = EXECUTE(a, "\xec");
        note(seen, is(f, GENERAL_PROTECTION, 0), "IN", ports[i], f);
        f = EXECUTE(a, "\xee");
        note(seen, is(f, GENERAL_PROTECTION, 0), "OUT", ports[i], f);
    }
}

/* CR4.FSGSBASE is off; a host that lets ring 3 write them all the same gains it nothing. */
static void try_bases(struct attempt *a, struct tally *seen)
{
    const uint64_t bases[] = {0, a->thread->kernel_address, NON_CANONICAL, UINT64_MAX};

    for (unsigned i = 0; i < sizeof(bases) / sizeof(bases[0]); i++) {
        a->rax = bases[i];
        const struct fault *f = EXECUTE(a, "\xf3\x48\x0f\xae\xd0");
        note(seen, refused(f, 0) || is(f, INVALID_OPCODE, 5), "WRFSBASE", bases[i], f);
        f = EXECUTE(a, "\xf3\x48\x0f\xae\xd8");
        note(seen,
             (refused(f, 0) || is(f, INVALID_OPCODE, 5)) && number_by_gs() == a->thread->index,
             "WRGSBASE", bases[i], f);
        /* The MSR of GS's base. */
        a->rcx = 0xc0000101;
        a->rdx = bases[i] >> 32;
        f = EXECUTE(a, "\x0f\x30");
        note(seen, is(f, GENERAL_PROTECTION, 0), "WRMSR of GS", bases[i], f);
    }
}

static void privileged_instructions(struct thread_page *t)
{
    bool umip = has_umip();
    struct tally seen = {0};
    struct attempt a;

    attempt_begin(&a, t);
    a.rdx = 0x70;
    a.rax = a.rsi = a.rdi = address_of(stack_of(t));
    for (unsigned i = 0; i < privileged_count; i++) {
        const struct fault *f = execute(&a, privileged[i].bytes, privileged[i].length);
        note(&seen, refused(f, 0), privileged[i].name, 0, f);
    }
    for (unsigned i = 0; i < sizeof(telling) / sizeof(telling[0]); i++) {
        const struct fault *f = execute(&a, telling[i].bytes, telling[i].length);
        note(&seen, umip ? refused(f, 0) : is(f, INVALID_OPCODE, telling[i].length),
             telling[i].name, 0, f);
    }
    /* SSE is off: its registers would be all threads' own at once. */
    const struct fault *f = EXECUTE(&a, "\x0f\x57\xc0");
    note(&seen, is(f, INVALID_OPCODE, is_emulated(&a) ? 3 : 0), "XORPS", 0, f);
    try_ports(&a, &seen);
    try_bases(&a, &seen);
    judge(&seen, "ring3.border.privileged",
          umip ? "privileged instructions and ports"
               : "privileged instructions and ports, no UMIP");
}

/* ---- Pointers ---------------------------------------------------------- */

static void pointers(struct thread_page *t)
{
    static const char device[] = "/dev/pvclock";
    const uint64_t page = address_of(t) & ~UINT64_C(4095), fault = (uint64_t)-ERROR_FAULT;
    const uint64_t code = address_of(code_of(t)); /* nothing is mapped on either side */
    struct tally seen = {0};
    const struct {
        const char *what;
        uint64_t address, result;
    } out[] = {
        {"the last bytes of a page", code + PAGE - 16, 0},
        {"beyond a page's last byte", code + PAGE - 15, fault},
        {"beyond a page by half", code + PAGE - 8, fault},
        {"before a page", code - 8, fault},
        {"across two pages", page - PAGE - 8, 0},
        {"unaligned", code + 1, 0},
        {"nothing", 0, fault},
        {"the program's text", address_of((const void *)(uintptr_t)pointers), fault},
        {"the time page", t->time_page, fault},
        {"the code page, as it is executed", code_address(t), fault},
        {"the end of the user's addresses", USER_END - 8, fault},
        {"beyond them", USER_END, fault},
        {"the hidden entry", HIDDEN_ENTRY, fault},
        {"the end of canonical addresses", NON_CANONICAL - 8, fault},
        {"no canonical address", NON_CANONICAL, fault},
        {"the kernel", t->kernel_address, fault},
        {"the last address", UINT64_MAX - 15, fault},
        {"a wrap", UINT64_MAX - 7, fault},
    };

    for (unsigned i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
        int64_t result = call(SYS_CLOCK_GETTIME, 0, out[i].address, 0, 0);
        tally(&seen, result == (int64_t)out[i].result, "write to %s: %ld", out[i].what,
              (long)result);
        if (out[i].result == 0)
            continue;
        result = call(SYS_COUNT, 0, out[i].address, 0, 0);
        /* 0: no address, none is written. */
        tally(&seen, result == (int64_t)(out[i].address ? fault : 0), "counts to %s: %ld",
              out[i].what, (long)result);
    }
    /* A name that ends with the page, and one whose end is missing. */
    for (unsigned i = 0; i < 2; i++) {
        char *name = (char *)code_of(t) + PAGE - sizeof(device) + i;
        for (unsigned c = 0; c < sizeof(device) - i; c++)
            name[c] = device[c];
        int64_t result = call(SYS_OPEN, address_of(name), OPEN_WRITE_ONLY, 0, 0);
        tally(&seen, result == (i ? -ERROR_FAULT : -ERROR_PERM), "a name at a page's end: %ld",
              (long)result);
    }
    judge(&seen, "ring3.border.pointers", "pointers");
}

/* ---- Registers --------------------------------------------------------- */

void spin_and_keep(uint64_t registers[REGISTERS]);

static void set_each(uint64_t registers[REGISTERS])
{
    for (unsigned i = 0; i < REGISTERS; i++)
        registers[i] = UINT64_C(0x5a5a00005a5a0000) + i;
}

/* Whatever interrupts ring 3 leaves all registers as they were. */
static void try_ticks(const struct thread_page *t, struct tally *seen)
{
    /* Even at kern.hz=1. */
    enum { SPINS = 200000, TICKS = 3, PATIENCE_S = 10 };
    uint64_t before[REGISTERS], after[REGISTERS], counts[COUNTS] = {0};
    struct wait wait = wait_begin(t->tsc_hz * PATIENCE_S);

    set_each(before);
    before[RCX] = 0;
    while (counts[COUNT_TIMER] < TICKS && !wait_is_over(&wait)) {
        set_each(after);
        after[RCX] = SPINS;
        count_begin();
        spin_and_keep(after);
        count_end(counts);
        for (unsigned r = 0; r < REGISTERS; r++)
            if (after[r] != before[r])
                tally(seen, false, "interrupted: register %u is 0x%lx", r, after[r]);
    }
    tally(seen, counts[COUNT_TIMER] >= TICKS, "%lu ticks came", counts[COUNT_TIMER]);
}

static void registers(struct thread_page *t)
{
    const uint64_t stacks[] = {
        0, USER_END, NON_CANONICAL - 8, NON_CANONICAL, t->kernel_address, UINT64_MAX, HIDDEN_ENTRY};
    struct tally seen = {0};
    struct attempt a;

    for (uint64_t number = SYS_COUNT; number <= SYS_CALLS + 1; number++) {
        uint64_t before[REGISTERS], after[REGISTERS];
        set_each(before);
        set_each(after);
        after[RAX] = number;
        call_and_keep(after);
        for (unsigned i = 0; i < REGISTERS; i++)
            tally(&seen, register_is_harmless(i, after[i], before[i]),
                  "call %lu: register %u is 0x%lx", number, i, after[i]);
    }
    (void)call(SYS_COUNT, 0, 0, 0, 0);
    try_ticks(t, &seen);
    attempt_begin(&a, t);
    for (unsigned i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++) {
        a.rsp = a.rcx = stacks[i];
        a.rax = SYS_CLOCK;
        const struct fault *f = EXECUTE(&a, "\x0f\x05");
        note(&seen, is(f, INVALID_OPCODE, 2), "SYSCALL with RSP", stacks[i], f);
    }
    judge(&seen, "ring3.border.registers", "registers after system calls and ticks");
}

void border(struct thread_page *t)
{
    entries(t);
    addresses(t);
    flags(t);
    returns(t);
    virtual_8086(t);
    stacks(t);
    segments(t);
    segments_in_32_bits(t);
    privileged_instructions(t);
    pointers(t);
    registers(t);
}

/* ---- What is unmapped -------------------------------------------------- */

/* Thread 0 maps and unmaps; the others read at the same time, and have the kernel read. */
static struct {
    uint64_t address;
    uint32_t mapped, gone; /* the round that this was done in */
    uint32_t ready, done;  /* threads, over all rounds */
    uint32_t still_there, wrong, calls;
} shared;

static void wait_for(const uint32_t *word, uint32_t least)
{
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) < least)
        __asm__ volatile("pause");
}

static void add(uint32_t *word, uint32_t n)
{
    (void)__atomic_add_fetch(word, n, __ATOMIC_ACQ_REL);
}

/* Opens what is at an address of the mapping; counts results that cannot be. */
static int64_t open_there(uint64_t address)
{
    int64_t result = call(SYS_OPEN, address, OPEN_READ_ONLY, 0, 0);

    add(&shared.calls, 1);
    add(&shared.wrong,
        result != -ERROR_FAULT && result != -ERROR_NOENT && result != -ERROR_NAMETOOLONG);
    return result;
}

static void expect_gone(uint64_t address)
{
    add(&shared.still_there, PROBE(address, "mov (%%rcx), %%rdx").vector != PAGE_FAULT);
    add(&shared.still_there, open_there(address) != -ERROR_FAULT);
}

static void read_what_goes(uint32_t round)
{
    wait_for(&shared.mapped, round);
    uint64_t address = __atomic_load_n(&shared.address, __ATOMIC_RELAXED);
    (void)*(const volatile uint8_t *)(uintptr_t)address;
    add(&shared.ready, 1);
    while (__atomic_load_n(&shared.gone, __ATOMIC_ACQUIRE) < round)
        (void)open_there(address);
    expect_gone(address);
    add(&shared.done, 1);
}

static void map_and_unmap(const struct thread_page *t, int64_t fd, uint32_t round)
{
    uint64_t length = structures_length(time_page_of(t));
    int64_t address = call(SYS_MMAP, (uint64_t)fd, length, PROTECTION_READ, 0);

    __atomic_store_n(&shared.address, (uint64_t)address, __ATOMIC_RELAXED);
    __atomic_store_n(&shared.mapped, round, __ATOMIC_RELEASE);
    wait_for(&shared.ready, round * (t->count - 1));
    int64_t result = call(SYS_MUNMAP, (uint64_t)address, length, 0, 0);
    add(&shared.wrong, result != 0);
    __atomic_store_n(&shared.gone, round, __ATOMIC_RELEASE);
    expect_gone((uint64_t)address);
    wait_for(&shared.done, round * (t->count - 1));
}

void unmapped(struct thread_page *t)
{
    enum { ROUNDS = 10 };
    bool device = t->facts & FACT_KVMCLOCK;
    int64_t fd = -1;

    if (device && t->index == 0)
        fd = call(SYS_OPEN, address_of("/dev/pvclock"), OPEN_READ_ONLY, 0, 0);
    for (uint32_t round = 1; device && round <= ROUNDS; round++) {
        if (t->index == 0)
            map_and_unmap(t, fd, round);
        else
            read_what_goes(round);
    }
    if (t->index == 0)
        (void)call(SYS_CLOSE, (uint64_t)fd, 0, 0, 0);
    if (!last_out(t))
        return;
    if (!device)
        verdict(VERDICT_SKIP, "ring3.border.unmapped", "there is no kvmclock to map");
    else
        verdict(pass_if(!shared.still_there && !shared.wrong), "ring3.border.unmapped",
                "%u pages unmapped while %u threads read them, %u calls of the kernel with their "
                "addresses: %u still there, %u wrong results",
                (unsigned)ROUNDS, t->count, shared.calls, shared.still_there, shared.wrong);
}
