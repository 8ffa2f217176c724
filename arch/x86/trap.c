/* SPDX-License-Identifier: 0BSD */
/*
 * Dispatches everything that enters the kernel: counts entries, handles probes and fix-ups, and
 * calls the hooks that kernel/ registers.
 */
#include "arch/x86/trap.h"
#include "arch/x86/apic.h"
#include "arch/x86/cr.h"
#include "arch/x86/ipi.h"
#include "arch/x86/msr.h"
#include "arch/x86/user.h"
#include <stddef.h>

/* A 64-bit interrupt gate [Intel SDM vol. 3A, 6.14.1]. */
struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_mid;
    uint32_t offset_high, reserved;
};

_Static_assert(sizeof(struct gate) == 16, "a 64-bit gate has 16 bytes");

/* GATE_INTERRUPT: present, DPL 0, interrupts off: no INT instruction of ring 3 gets through it. */
enum { EXCEPTIONS = 32, STUB_SIZE = 16, GATE_INTERRUPT = 0x8e };

/*
 * Of RFLAGS, off in the kernel after SYSCALL: all that ring 3 can set and that means something
 * there, CF, PF, AF, ZF, SF, TF, IF, DF, OF, IOPL, NT, RF, AC, ID.
 */
enum { SYSCALL_FLAGS_OFF = 0x257fd5 };

enum { DR7_NOTHING = 0x400 };

extern const char trap_stubs[], trap_stub_timer[], trap_stub_ipi[], trap_stub_spurious[];
extern const char syscall32_entry[];
extern const struct {
    uint64_t fault, fixup;
} extable_start[], extable_end[];

static struct gate idt[256];
static struct trap_hooks hooks;
static bool half_done_syscalls;
static uint64_t virtual_8086_count;

static void set_gate(unsigned vector, const char *entry, enum ist ist)
{
    uint64_t offset = (uint64_t)entry;

    idt[vector] = (struct gate){
        .offset_low = (uint16_t)offset,
        .selector = SEL_KERNEL_CODE,
        .ist = (uint8_t)ist,
        .type = GATE_INTERRUPT,
        .offset_mid = (uint16_t)(offset >> 16),
        .offset_high = (uint32_t)(offset >> 32),
    };
}

void trap_init(const struct trap_hooks *h)
{
    hooks = *h;
    for (unsigned v = 0; v < EXCEPTIONS; v++)
        set_gate(v, trap_stubs + v * STUB_SIZE, 0);
    set_gate(VECTOR_NMI, trap_stubs + VECTOR_NMI * STUB_SIZE, IST_NMI);
    set_gate(VECTOR_DOUBLE_FAULT, trap_stubs + VECTOR_DOUBLE_FAULT * STUB_SIZE, IST_DOUBLE_FAULT);
    set_gate(VECTOR_MACHINE_CHECK, trap_stubs + VECTOR_MACHINE_CHECK * STUB_SIZE,
             IST_MACHINE_CHECK);
    set_gate(VECTOR_TIMER, trap_stub_timer, 0);
    set_gate(VECTOR_IPI, trap_stub_ipi, 0);
    set_gate(VECTOR_SPURIOUS, trap_stub_spurious, 0);
}

/* Where address_space_create() maps the entry once more. */
static uint64_t syscall32_address(void)
{
    return SYSCALL32_BASE + (uint64_t)syscall32_entry % PAGE_SIZE;
}

void trap_load(void)
{
    write_idtr((struct table_pointer){sizeof(idt) - 1, (uint64_t)idt});
    /* SYSRET's half of STAR is never used, but must not be 0. */
    wrmsr(MSR_STAR, (uint64_t)SEL_KERNEL_CODE << 32 | (uint64_t)SEL_USER_CODE32 << 48);
    wrmsr(MSR_LSTAR, (uint64_t)syscall_entry);
    wrmsr(MSR_CSTAR, syscall32_address());
    wrmsr(MSR_SFMASK, SYSCALL_FLAGS_OFF);
    /* A null selector has SYSENTER raise #GP; a CPU that refuses the write has no SYSENTER. */
    (void)wrmsr_safe(MSR_SYSENTER_CS, 0);
    (void)wrmsr_safe(MSR_SYSENTER_ESP, 0);
    (void)wrmsr_safe(MSR_SYSENTER_EIP, 0);
    /* The loader's breakpoints, if any: one in an entry's first instructions would run on GS of
       ring 3, and MOV SS before SYSCALL delays it until there. */
    write_dr7(DR7_NOTHING);
}

static const char *find_open_gate(void)
{
    for (unsigned v = 0; v < sizeof(idt) / sizeof(idt[0]); v++) {
        const struct gate *g = &idt[v];
        bool own_stack = v == VECTOR_NMI || v == VECTOR_DOUBLE_FAULT || v == VECTOR_MACHINE_CHECK;
        if (!g->type)
            continue;
        if (g->type != GATE_INTERRUPT || g->selector != SEL_KERNEL_CODE)
            return "a gate that ring 3 may call, or that leaves interrupts on";
        if ((g->ist != 0) != own_stack)
            return "a gate on another stack than its own";
    }
    return NULL;
}

const char *trap_find_open_entry(void)
{
    const struct cpu *cpu = this_cpu();
    uint64_t sysenter_cs;

    if (rdmsr(MSR_LSTAR) != (uint64_t)syscall_entry)
        return "LSTAR, SYSCALL's entry";
    if (rdmsr(MSR_CSTAR) != syscall32_address())
        return "CSTAR, SYSCALL's entry from 32-bit code";
    if (rdmsr(MSR_SFMASK) != SYSCALL_FLAGS_OFF)
        return "SFMASK, the flags that ring 3 brings along";
    if (rdmsr_safe(MSR_SYSENTER_CS, &sysenter_cs) && sysenter_cs)
        return "SYSENTER";
    if (read_dr7() != DR7_NOTHING)
        return "DR7, breakpoints";
    if (read_ldtr())
        return "LDTR, a table of descriptors";
    if (read_tr() != SEL_TSS || cpu->tss.io_map_base < sizeof(cpu->tss))
        return "the task's I/O permissions";
    if (read_cr4() & CR4_FSGSBASE)
        return "CR4.FSGSBASE";
    return find_open_gate();
}

static void count(struct cpu *cpu, enum entry_kind kind)
{
    if (cpu->counting)
        cpu->entries[kind]++;
}

static bool fix_up(struct trap_frame *frame)
{
    for (size_t i = 0; &extable_start[i] < extable_end; i++) {
        if (frame->rip == extable_start[i].fault) {
            frame->rip = extable_start[i].fixup;
            return true;
        }
    }
    return false;
}

/*
 * Has ring 3 go on after a fault that it announced, with the fault in its registers; `flags` are
 * those that the CPU pushed.
 */
static bool probe_hit(struct cpu *cpu, struct trap_frame *frame, uint64_t flags)
{
    if (!cpu->probe_resume)
        return false;
    frame->rax = frame->vector;
    frame->rdx = frame->error;
    frame->rsi = frame->vector == VECTOR_PAGE_FAULT ? read_cr2() : 0;
    frame->rdi = frame->rip;
    frame->r8 = flags;
    frame->r9 = frame->cs;
    frame->rip = cpu->probe_resume;
    frame->cs = SEL_USER_CODE;
    frame->rflags = RFLAGS_IF | 2;
    frame->rsp = cpu->probe_stack;
    frame->ss = SEL_USER_DATA;
    if (!cpu->probe_stays)
        cpu->probe_resume = 0;
    return true;
}

/* Called by trap.S. */
void trap_dispatch(struct trap_frame *frame);
void trap_dispatch_fatal(struct trap_frame *frame);
uint64_t syscall_dispatch(struct cpu *cpu, uint64_t number, uint64_t a, uint64_t b, uint64_t c,
                          uint64_t d);

/*
 * Whether a fault is a half-done SYSCALL.  Some KVM hosts without hardware virtualisation execute
 * a SYSCALL only half: RIP, RCX, RFLAGS and R11 are right, but the vCPU stays in ring 3, and the
 * first fetch of the entry faults.  All that the call needs is there, so the kernel completes it
 * from the fault.  (Ring 3 can cause the same fault by a jump; it then gets a system call, which
 * it could have had anyway.)
 */
static bool is_half_done_syscall(const struct trap_frame *frame)
{
    return frame->vector == VECTOR_PAGE_FAULT && frame->rip == (uint64_t)syscall_entry &&
           frame->error == (PF_PRESENT | PF_USER | PF_FETCH) && frame->rcx < USER_END;
}

static void finish_syscall(struct cpu *cpu, struct trap_frame *frame)
{
    const uint64_t flags_of_user = 0xcd5; /* CF, PF, AF, ZF, SF, DF, OF */

    frame->rip = frame->rcx;
    frame->rflags = (frame->r11 & flags_of_user) | RFLAGS_IF | 2;
    half_done_syscalls |= cpu->counting; /* JOB_BORDER jumps there */
    frame->rax = syscall_dispatch(cpu, frame->rax, frame->rdi, frame->rsi, frame->rdx, frame->r10);
}

/*
 * In long mode no CPU pushes RFLAGS with VM.  QEMU's TCG does after an IRET of 32 bits of ring 3
 * (docs/border.md), and CS and SS are then numbers from ring 3's stack: RPL 0 would make the
 * kernel's of what is ring 3's.  So make it 64-bit code of ring 3 at the same RIP, which is below
 * 64 KiB, where ring 3 has nothing.
 */
static void leave_virtual_8086(struct trap_frame *frame)
{
    (void)__atomic_add_fetch(&virtual_8086_count, 1, __ATOMIC_RELAXED);
    frame->cs = SEL_USER_CODE;
    frame->ss = SEL_USER_DATA;
    frame->rflags = RFLAGS_IF | 2;
}

void trap_dispatch(struct trap_frame *frame)
{
    struct cpu *cpu = this_cpu();
    uint64_t flags = frame->rflags;

    if (flags & RFLAGS_VM)
        leave_virtual_8086(frame);
    bool user = trap_from_user(frame);

    switch (frame->vector) {
    case VECTOR_TIMER:
        if (user)
            count(cpu, ENTRY_TIMER);
        cpu->ticks++;
        apic_end_of_interrupt();
        hooks.timer(cpu, user ? frame : NULL);
        if (user && cpu->probe_stays)
            (void)probe_hit(cpu, frame, flags);
        return;
    case VECTOR_IPI:
        if (user)
            count(cpu, ENTRY_IPI);
        apic_end_of_interrupt();
        smp_answer_flush();
        smp_answer_ask();
        hooks.ipi(cpu);
        return;
    default:
        break;
    }
    if (user && is_half_done_syscall(frame)) {
        finish_syscall(cpu, frame);
        return;
    }
    if (user) {
        count(cpu, ENTRY_FAULT);
        if (!probe_hit(cpu, frame, flags))
            hooks.user_fault(cpu, frame);
        return;
    }
    if ((frame->vector == VECTOR_GP || frame->vector == VECTOR_PAGE_FAULT) && fix_up(frame))
        return;
    hooks.fatal(frame);
}

void trap_dispatch_fatal(struct trap_frame *frame)
{
    hooks.fatal(frame);
}

uint64_t syscall_dispatch(struct cpu *cpu, uint64_t number, uint64_t a, uint64_t b, uint64_t c,
                          uint64_t d)
{
    count(cpu, ENTRY_SYSCALL);
    return hooks.syscall(cpu, number, (const uint64_t[]){a, b, c, d});
}

uint64_t trap_virtual_8086_count(void)
{
    return __atomic_load_n(&virtual_8086_count, __ATOMIC_RELAXED);
}

bool trap_syscalls_half_done(void)
{
    return half_done_syscalls;
}

const char *trap_vector_name(uint64_t vector)
{
    static const char *const names[] = {
        "divide error",
        "debug exception",
        "non-maskable interrupt",
        "breakpoint",
        "overflow",
        "bound range exceeded",
        "invalid opcode",
        "device not available",
        "double fault",
        "coprocessor segment overrun",
        "invalid TSS",
        "segment not present",
        "stack-segment fault",
        "general protection",
        "page fault",
        "reserved vector 15",
        "x87 floating-point error",
        "alignment check",
        "machine check",
        "SIMD floating-point exception",
        "virtualization exception",
        "control protection",
    };
    return vector < sizeof(names) / sizeof(names[0]) ? names[vector] : "unknown vector";
}
