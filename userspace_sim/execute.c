/* SPDX-License-Identifier: 0BSD */
/* Executes single instructions and system calls, and says what they may leave. */
#include "userspace_sim/attempt.h"
#include "userspace_sim/probe.h"

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
    CODE("CLGI", "\x0f\x01\xdd"),
    CODE("VMLOAD", "\x0f\x01\xda"),
    CODE("VMSAVE", "\x0f\x01\xdb"),
    CODE("INVLPGA", "\x0f\x01\xdf"),
    CODE("MONITOR", "\x0f\x01\xc8"),
    CODE("MWAIT", "\x0f\x01\xc9"),
    CODE("LOCK CMPXCHG8B of a register", "\xf0\x0f\xc7\xc8"),
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

static bool once(struct attempt *a)
{
    return a->fault.vector == NO_FAULT;
}

const struct fault *execute(struct attempt *a, const char *code, unsigned length)
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

void note(struct tally *seen, bool ok, const char *what, uint64_t which, const struct fault *f)
{
    tally(seen, ok, "%s 0x%lx: vector %lu (0x%lx) at +%ld in 0x%lx, flags 0x%lx", what, which,
          f->vector, f->error, (long)f->rip, f->cs, f->flags);
}

void judge(const struct tally *seen, const char *name, const char *what)
{
    verdict(pass_if(!seen->broken), name, "%u %s, %u not as they should be%s", seen->tried, what,
            seen->broken, seen->text);
}

extern const char call_and_keep_returns[];

bool register_is_harmless(unsigned i, uint64_t after, uint64_t before)
{
    bool kept = i == RBX || i == RBP || i >= R12;

    if (i == RAX)
        return after < NON_CANONICAL || after > (uint64_t)-200;
    if (after == before || (after == 0 && !kept))
        return true;
    return (i == RCX && after == address_of(call_and_keep_returns)) ||
           (i == R11 && after <= (FLAGS_OF_RING_3 | IF_AND_1));
}

bool call_leaves_nothing(uint64_t registers[REGISTERS])
{
    uint64_t before[REGISTERS];
    bool nothing = true;

    for (unsigned i = 0; i < REGISTERS; i++)
        before[i] = registers[i];
    call_and_keep(registers);
    for (unsigned i = 0; i < REGISTERS; i++)
        nothing = nothing && register_is_harmless(i, registers[i], before[i]);
    return nothing;
}
