/* SPDX-License-Identifier: 0BSD */
/*
 * Tries each way from ring 3 to ring 0 (docs/border.md): what is shut must fault, at the
 * instruction and in the program, and what is open must let through only what it should.
 */
#include "arch/x86/wait.h"
#include "userspace_sim/attempt.h"
#include "userspace_sim/process.h"

/* With UMIP. */
static const struct instruction telling[] = {
    CODE("SGDT", "\x0f\x01\x00"), CODE("SIDT", "\x0f\x01\x08"), CODE("SLDT", "\x0f\x00\xc0"),
    CODE("STR", "\x0f\x00\xc8"),  CODE("SMSW", "\x0f\x01\xe0"),
};

/* ---- Entries ----------------------------------------------------------- */

/*
 * #GP, with the gate as the error code; QEMU 7.2's TCG counts in gates of 16 bytes.  A host that
 * emulates ring 0 raises #UD, or #GP without an error code, has #BP and #OF come as exceptions, or
 * goes on as if nothing were there.
 */
static bool interrupt_refused(const struct attempt *a, const struct fault *f, uint64_t n,
                              uint64_t at, uint64_t length)
{
    bool in_gates_of_16 = a->thread->facts & FACT_IN_TURN && f->error == n * 16 + 2;

    if (is_emulated(a) && (refused(f, at) || refused(f, at + length) ||
                           ((n == 3 || n == 4) && is(f, n, at + length))))
        return true;
    return is(f, GENERAL_PROTECTION, at) && (f->error == n * 8 + 2 || in_gates_of_16);
}

static void try_interrupts(struct attempt *a, struct tally *seen)
{
    enum { AT_32 = sizeof(IN_32_BITS) - 1 };

    a->rbx = a->rip + AT_32;
    for (uint64_t n = 0; n < 256; n++) {
        char code[] = {IN_32_BITS "\xcd?"};
        code[AT_32 + 1] = (char)n;
        const struct fault *f = execute(a, code + AT_32, 2);
        note(seen, interrupt_refused(a, f, n, 0, 2), "INT", n, f);
        f = execute(a, code, AT_32 + 2);
        note(seen, interrupt_refused(a, f, n, AT_32, 2) && f->cs == CODE32, "INT in 32-bit code", n,
             f);
    }
    const struct fault *f = EXECUTE(a, "\xcc");
    note(seen, interrupt_refused(a, f, 3, 0, 1), "INT3", 0, f);
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
    a.flags = IF_AND_1 | OF;
    f = EXECUTE(&a, IN_32_BITS "\x0f\x05");
    note(&seen, is(f, INVALID_OPCODE, 5) && f->cs == CODE32, "SYSCALL", 32, f);
    f = EXECUTE(&a, IN_32_BITS "\x0f\x34");
    note(&seen, refused(f, 5) && f->cs == CODE32, "SYSENTER", 32, f);
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

/* Of MXCSR and of XRSTOR's header, all of them: #UD, and #GP where a host has SSE on. */
static void try_reserved_bits(struct attempt *a, struct tally *seen)
{
    enum { AREA = 576 }; /* what XRSTOR always reads [Intel SDM vol. 1, 13.4] */
    struct attempt with = *a;

    for (unsigned i = 0; i < AREA; i++)
        stack_of(a->thread)[i] = 0xff;
    with.rsi = address_of(stack_of(a->thread));
    with.rax = with.rdx = UINT64_MAX;
    const struct fault *f = EXECUTE(&with, "\x0f\xae\x16");
    note(seen, refused(f, 0), "LDMXCSR with reserved bits", 0, f);
    f = EXECUTE(&with, "\x0f\xae\x2e");
    note(seen, refused(f, 0), "XRSTOR with reserved bits", 0, f);
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
    try_reserved_bits(&a, &seen);
    try_ports(&a, &seen);
    try_bases(&a, &seen);
    judge(&seen, "ring3.border.privileged",
          umip ? "privileged instructions and ports"
               : "privileged instructions and ports, no UMIP");
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
