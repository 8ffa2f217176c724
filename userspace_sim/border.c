/* SPDX-License-Identifier: 0BSD */
/*
 * Tries each way from ring 3 to ring 0 (docs/border.md): what is shut must fault, at the
 * instruction and in the program, and what is open must let through only what it should.
 */
#include "userspace_sim/attempt.h"
#include "userspace_sim/probe.h"
#include "userspace_sim/process.h"

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

const struct instruction privileged[] = {
    CODE("HLT", "\xf4"),
    CODE("CLI", "\xfa"),
    CODE("STI", "\xfb"),
    CODE("LGDT", "\x0f\x01\x10"),
    CODE("LIDT", "\x0f\x01\x18"),
    CODE("LLDT", "\x0f\x00\xd0"),
    CODE("LTR", "\x0f\x00\xd8"),
    CODE("LMSW", "\x0f\x01\xf0"),
    CODE("CLTS", "\x0f\x06"),
    CODE("INVD", "\x0f\x08"),
    CODE("WBINVD", "\x0f\x09"),
    CODE("INVLPG", "\x0f\x01\x38"),
    CODE("INVPCID", "\x66\x0f\x38\x82\x00"),
    CODE("MOV from CR0", "\x0f\x20\xc0"),
    CODE("MOV from CR2", "\x0f\x20\xd0"),
    CODE("MOV from CR3", "\x0f\x20\xd8"),
    CODE("MOV from CR4", "\x0f\x20\xe0"),
    CODE("MOV from CR8", "\x44\x0f\x20\xc0"),
    CODE("MOV to CR0", "\x0f\x22\xc0"),
    CODE("MOV to CR3", "\x0f\x22\xd8"),
    CODE("MOV to CR4", "\x0f\x22\xe0"),
    CODE("MOV to CR8", "\x44\x0f\x22\xc0"),
    CODE("MOV from DR7", "\x0f\x21\xf8"),
    CODE("MOV to DR0", "\x0f\x23\xc0"),
    CODE("MOV to DR7", "\x0f\x23\xf8"),
    CODE("RDMSR", "\x0f\x32"),
    CODE("WRMSR", "\x0f\x30"),
    CODE("RDPMC", "\x0f\x33"),
    CODE("SWAPGS", "\x0f\x01\xf8"),
    CODE("SYSRET", "\x48\x0f\x07"),
    CODE("SYSRET to 32-bit code", "\x0f\x07"),
    CODE("SYSEXIT", "\x0f\x35"),
    CODE("XSETBV", "\x0f\x01\xd1"),
    CODE("RSM", "\x0f\xaa"),
    CODE("CLAC", "\x0f\x01\xca"),
    CODE("STAC", "\x0f\x01\xcb"),
    CODE("VMRUN", "\x0f\x01\xd8"),
    CODE("STGI", "\x0f\x01\xdc"),
    CODE("VMXON", "\xf3\x0f\xc7\x30"),
    CODE("IN of 8 bits", "\xec"),
    CODE("IN of 32 bits", "\xed"),
    CODE("OUT of 8 bits", "\xee"),
    CODE("OUT of 16 bits", "\x66\xef"),
    CODE("OUT of 32 bits", "\xef"),
    CODE("INS", "\x6c"),
    CODE("OUTS", "\x6e"),
    CODE("IN of port 0x71", "\xe4\x71"),
    CODE("OUT to port 0x80", "\xe6\x80"),
};
const unsigned privileged_count = sizeof(privileged) / sizeof(privileged[0]);

/* With UMIP. */
static const struct instruction telling[] = {
    CODE("SGDT", "\x0f\x01\x00"), CODE("SIDT", "\x0f\x01\x08"), CODE("SLDT", "\x0f\x00\xc0"),
    CODE("STR", "\x0f\x00\xc8"),  CODE("SMSW", "\x0f\x01\xe0"),
};

/* ---- One attempt ------------------------------------------------------- */

static bool once(struct attempt *a)
{
    return a->fault.vector == NO_FAULT;
}

/*
 * Executes the code with the registers of `a`, and UD2 behind it: where that raises #UD, all before
 * it came to its end.
 */
static const struct fault *execute(struct attempt *a, const char *code, unsigned length)
{
    enum { TRIES = 100 }; /* each may be ended by a tick */
    uint8_t *to = code_of(a->thread);

    for (unsigned i = 0; i < length; i++)
        to[i] = (uint8_t)code[i];
    to[length] = 0x0f;
    to[length + 1] = 0x0b;
    a->fault.vector = PROBE_TICK;
    for (unsigned i = 0; i < TRIES && a->fault.vector == PROBE_TICK; i++)
        attempts(a, once);
    a->fault.rip -= a->rip;
    return &a->fault;
}

#define EXECUTE(a, code) execute((a), (code), sizeof(code) - 1)

static bool is(const struct fault *f, uint64_t vector, uint64_t offset)
{
    return f->vector == vector && f->rip == offset;
}

/* #GP, or #UD where a CPU lacks the instruction or a host emulates it so. */
static bool refused(const struct fault *f, uint64_t offset)
{
    return is(f, GENERAL_PROTECTION, offset) || is(f, INVALID_OPCODE, offset);
}

static void note(struct tally *seen, bool ok, const char *what, uint64_t which,
                 const struct fault *f)
{
    tally(seen, ok, "%s 0x%lx: vector %lu (0x%lx) at +%ld in 0x%lx, flags 0x%lx", what, which,
          f->vector, f->error, (long)f->rip, f->cs, f->flags);
}

static void judge(const struct tally *seen, const char *name, const char *what)
{
    verdict(pass_if(!seen->broken), name, "%u %s, %u not as they should be%s", seen->tried, what,
            seen->broken, seen->text);
}

/* ---- Entries ----------------------------------------------------------- */

/* A host without hardware virtualisation emulates ring 0, and some of ring 3, in its own way. */
static bool is_emulated(const struct attempt *a)
{
    return a->thread->facts & FACT_EMULATED;
}

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
    /* push $CODE32; push %rbx; lretq: goes on behind it as 32-bit code. */
#define IN_32_BITS "\x6a\x23\x53\x48\xcb"
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

/* ---- Flags ------------------------------------------------------------- */

/* Whether ring 3 has the flags that it had, and none that it cannot have. */
static bool came_back(uint64_t flags, uint64_t set)
{
    return !((flags ^ set) & FLAGS_KEPT) && !(flags & ~(uint64_t)RF & ~(uint64_t)IF_AND_1 & ~set) &&
           (flags & IF_AND_1) == IF_AND_1;
}

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

static const struct {
    const char *name;
    enum transfer how;
    unsigned length, at; /* at which instruction it faults */
    const char *code;
} transfers[] = {
    {"DS", LOAD, 2, 0, "\x8e\xd8"},
    {"ES", LOAD, 2, 0, "\x8e\xc0"},
    {"FS", LOAD, 2, 0, "\x8e\xe0"},
    {"GS", LOAD, 2, 0, "\x8e\xe8"},
    {"SS", LOAD_SS, 2, 0, "\x8e\xd0"},
    /* push %rax; push %rbx; lretq */
    {"far return", RETURN, 4, 2, "\x50\x53\x48\xcb"},
    /* push $DATA; push %rsp; pushf; push %rax; push %rbx; iretq */
    {"IRET", RETURN, IRET_LENGTH, 6, "\x6a\x2b\x54\x9c\x50\x53\x48\xcf"},
    /* push %rax; push %rsp; pushf; push $CODE64; push %rbx; iretq */
    {"IRET, SS", RETURN_SS, IRET_LENGTH, 6, "\x50\x54\x9c\x6a\x33\x53\x48\xcf"},
    {"far jump", JUMP, 2, 0, "\xff\x2a"},
    {"far call", JUMP, 2, 0, "\xff\x1a"},
};

static void try_selector(struct attempt *a, uint64_t selector, struct tally *seen)
{
    uint8_t *far = code_of(a->thread) + CODE_SIZE; /* 32 bits of address, then the selector */

    for (unsigned i = 0; i < sizeof(transfers) / sizeof(transfers[0]); i++) {
        unsigned length = transfers[i].length;
        a->rax = selector;
        a->rbx = a->rip + length;
        a->rdx = address_of(far);
        for (unsigned byte = 0; byte < 4; byte++)
            far[byte] = (uint8_t)(a->rbx >> (8 * byte));
        far[4] = (uint8_t)selector;
        far[5] = (uint8_t)(selector >> 8);
        const struct fault *f = execute(a, transfers[i].code, length);
        bool changes_cs = transfers[i].how == RETURN || transfers[i].how == JUMP;
        bool done = is(f, INVALID_OPCODE, length) && f->cs == (changes_cs ? selector | 3 : CODE64);
        bool stays = f->cs == CODE64 &&
                     (refused(f, transfers[i].at) || is(f, NOT_PRESENT, transfers[i].at) ||
                      is(f, STACK_SEGMENT, transfers[i].at));
        bool ok = may(transfers[i].how, selector) ? done : stays;
        /* Where IRET is emulated, any segment of ring 3 may be taken for any other. */
        if (is_emulated(a) && length == IRET_LENGTH &&
            (selector == CODE32 || selector == DATA || selector == CODE64))
            ok = done || stays;
        note(seen, ok, transfers[i].name, selector, f);
    }
}

static void segments(struct thread_page *t)
{
    static const uint64_t beyond[] = {0x60, 0x63, 0x77, 0x7ff8, 0x7fff, 0xfff8, 0xffff};
    struct tally seen = {0};
    struct attempt a;

    attempt_begin(&a, t);
    for (uint64_t selector = 0; selector < 0x58; selector++)
        try_selector(&a, selector, &seen);
    for (unsigned i = 0; i < sizeof(beyond) / sizeof(beyond[0]); i++)
        try_selector(&a, beyond[i], &seen);
    judge(&seen, "ring3.border.segments", "loads of selectors");
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
    a.rax = a.rsi = a.rdi = address_of(code_of(t)) + CODE_SIZE;
    for (unsigned i = 0; i < privileged_count; i++) {
        const struct fault *f = execute(&a, privileged[i].bytes, privileged[i].length);
        note(&seen, refused(f, 0), privileged[i].name, 0, f);
    }
    for (unsigned i = 0; i < sizeof(telling) / sizeof(telling[0]); i++) {
        const struct fault *f = execute(&a, telling[i].bytes, telling[i].length);
        note(&seen, umip ? refused(f, 0) : is(f, INVALID_OPCODE, telling[i].length),
             telling[i].name, 0, f);
    }
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

void call_and_keep(uint64_t registers[REGISTERS]);
extern const char call_and_keep_returns[];

/* What a system call may leave in a register that is not the result: ring 3's own, or nothing. */
static bool harmless(unsigned i, uint64_t value, uint64_t before)
{
    bool kept = i == RBX || i == RBP || i >= R12;

    if (value == before || (value == 0 && !kept))
        return true;
    return (i == RCX && value == address_of(call_and_keep_returns)) ||
           (i == R11 && value <= (FLAGS_OF_RING_3 | IF_AND_1));
}

/* A small number, an address of ring 3, or an error. */
static bool is_result(uint64_t rax)
{
    return rax < NON_CANONICAL || rax > (uint64_t)-200;
}

bool call_leaves_nothing(uint64_t registers[REGISTERS])
{
    uint64_t before[REGISTERS];
    bool nothing = true;

    for (unsigned i = 0; i < REGISTERS; i++)
        before[i] = registers[i];
    call_and_keep(registers);
    for (unsigned i = 1; i < REGISTERS; i++)
        nothing = nothing && harmless(i, registers[i], before[i]);
    return nothing && is_result(registers[RAX]);
}

static void registers(struct thread_page *t)
{
    const uint64_t stacks[] = {
        0, USER_END, NON_CANONICAL - 8, NON_CANONICAL, t->kernel_address, UINT64_MAX, HIDDEN_ENTRY};
    struct tally seen = {0};
    struct attempt a;

    for (uint64_t number = SYS_COUNT; number <= SYS_CALLS + 1; number++) {
        uint64_t before[REGISTERS], after[REGISTERS];
        for (unsigned i = 0; i < REGISTERS; i++)
            after[i] = before[i] = UINT64_C(0x5a5a00005a5a0000) + i;
        after[RAX] = number;
        call_and_keep(after);
        tally(&seen, is_result(after[RAX]), "call %lu: RAX is 0x%lx", number, after[RAX]);
        for (unsigned i = 1; i < REGISTERS; i++)
            tally(&seen, harmless(i, after[i], before[i]), "call %lu: register %u is 0x%lx", number,
                  i, after[i]);
    }
    (void)call(SYS_COUNT, 0, 0, 0, 0);
    attempt_begin(&a, t);
    for (unsigned i = 0; i < sizeof(stacks) / sizeof(stacks[0]); i++) {
        a.rsp = a.rcx = stacks[i];
        a.rax = SYS_CLOCK;
        const struct fault *f = EXECUTE(&a, "\x0f\x05");
        note(&seen, is(f, INVALID_OPCODE, 2), "SYSCALL with RSP", stacks[i], f);
    }
    judge(&seen, "ring3.border.registers", "registers after system calls");
}

void border(struct thread_page *t)
{
    entries(t);
    flags(t);
    segments(t);
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
