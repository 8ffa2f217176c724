/* SPDX-License-Identifier: 0BSD */
/*
 * arch/x86/trap.c and vcpu->c: what they load into the CPU, that a way that ring 3 could use is
 * noticed, and where each entry leads.
 */
#include "arch/x86/apic.h"
#include "arch/x86/cr.h"
#include "arch/x86/features.h"
#include "arch/x86/ipi.h"
#include "arch/x86/msr.h"
#include "arch/x86/paging.h"
#include "arch/x86/trap.h"
#include "arch/x86/user.h"
#include "tests/check.h"
#include <string.h>
#include <sys/mman.h>

/* ---- What assembly has ------------------------------------------------- */

/* Any addresses will do, if they are different in all of their parts. */
__asm__(".globl trap_stubs, trap_stub_timer, trap_stub_ipi, trap_stub_spurious\n"
        ".globl syscall_entry, syscall32_entry\n"
        ".set trap_stubs, 0x8765432112345670\n"
        ".set trap_stub_timer, 0x9876543223456781\n"
        ".set trap_stub_ipi, 0xa987654334567892\n"
        ".set trap_stub_spurious, 0xba987654456789a3\n"
        ".set syscall_entry, 0x56789ab4\n"
        ".set syscall32_entry, 0x6789abc5\n"
        ".globl extable_start, extable_end\n"
        ".set extable_start, table_of_faults\n"
        ".set extable_end, table_of_faults + 3 * 16\n");
#define STUBS 0x8765432112345670
enum { ENTRY = 0x56789ab4, ENTRY32 = 0x80000000 + 0xbc5 };

const uint64_t table_of_faults[4][2] = {{100, 1000}, {200, 2000}, {300, 3000}, {400, 4000}};

/* ---- The CPU ----------------------------------------------------------- */

/* A gate [Intel SDM vol. 3A, 6.14.1]. */
struct gate {
    uint16_t offset_low, selector;
    uint8_t ist, type;
    uint16_t offset_mid;
    uint32_t offset_high, reserved;
};

static struct {
    struct table_pointer idtr, gdtr;
    uint16_t code, data, task, ldtr;
    uint64_t dr7, cr2, cr4;
    struct {
        uint32_t number;
        uint64_t value;
    } msr[16];
    unsigned msrs;
    bool no_sysenter, features;
} machine;

/* Where all parts of its address are different. */
static struct cpu *const vcpu = (struct cpu *)0x512387654000;
static char trace[100];

#define TRACE(...) (void)snprintf(trace + strlen(trace), sizeof(trace) - strlen(trace), __VA_ARGS__)

struct cpu *this_cpu(void)
{
    return vcpu;
}

void write_idtr(struct table_pointer pointer)
{
    machine.idtr = pointer;
}

void write_gdtr(struct table_pointer pointer, uint16_t code, uint16_t data, uint16_t task)
{
    machine.gdtr = pointer;
    machine.code = code;
    machine.data = data;
    machine.task = task;
}

uint64_t read_dr7(void)
{
    return machine.dr7;
}

void write_dr7(uint64_t value)
{
    machine.dr7 = value;
}

uint16_t read_ldtr(void)
{
    return machine.ldtr;
}

void write_ldtr(uint16_t value)
{
    machine.ldtr = value;
}

uint16_t read_tr(void)
{
    return machine.task;
}

uint64_t read_cr2(void)
{
    return machine.cr2;
}

uint64_t read_cr4(void)
{
    return machine.cr4;
}

static bool is_sysenter(uint32_t msr)
{
    return msr >= 0x174 && msr <= 0x176;
}

static uint64_t *msr_of(uint32_t number)
{
    unsigned i = 0;

    while (i < machine.msrs && machine.msr[i].number != number)
        i++;
    if (i == machine.msrs) {
        machine.msr[machine.msrs].number = number;
        machine.msr[machine.msrs++].value = 0x5a5a; /* as the firmware left it */
    }
    return &machine.msr[i].value;
}

void wrmsr(uint32_t msr, uint64_t value)
{
    assert_false(is_sysenter(msr)); /* it may not be there */
    *msr_of(msr) = value;
}

bool wrmsr_safe(uint32_t msr, uint64_t value)
{
    if (machine.no_sysenter)
        return false;
    *msr_of(msr) = value;
    return true;
}

uint64_t rdmsr(uint32_t msr)
{
    assert_false(is_sysenter(msr));
    return *msr_of(msr);
}

bool rdmsr_safe(uint32_t msr, uint64_t *value)
{
    *value = machine.no_sysenter ? 99 : *msr_of(msr);
    return !machine.no_sysenter;
}

void features_enable(void)
{
    /* They may be refused by a fault, so all else is loaded before. */
    machine.features = machine.gdtr.base && *msr_of(MSR_GS_BASE) == (uintptr_t)vcpu;
}

/* ---- The stacks -------------------------------------------------------- */

enum { AREAS = 4 };

static uint8_t is_mapped[AREAS * CPU_AREA_STRIDE / PAGE_SIZE];
static unsigned stacks_mapped, stack_fails_at = 100;

uint64_t kernel_root(void)
{
    return 0x7000;
}

static uint64_t page_number(uint64_t va)
{
    return (va - CPU_AREA_BASE) / PAGE_SIZE;
}

bool page_map_new(uint64_t root, uint64_t va, unsigned pages, uint64_t flags, bool zeroed)
{
    assert_int_equal(root, 0x7000);
    assert_int_equal(flags, PAGE_WRITE | PAGE_NX);
    (void)zeroed;
    if (stacks_mapped++ == stack_fails_at)
        return false;
    for (unsigned i = 0; i < pages; i++) {
        assert_true(page_number(va) + i < sizeof(is_mapped));
        assert_int_equal(is_mapped[page_number(va) + i], 0);
        is_mapped[page_number(va) + i] = 1;
    }
    return true;
}

uint64_t page_lookup(uint64_t root, uint64_t va)
{
    assert_int_equal(root, 0x7000);
    return page_number(va) < sizeof(is_mapped) && is_mapped[page_number(va)];
}

/* ---- The kernel above -------------------------------------------------- */

static jmp_buf away;

void apic_end_of_interrupt(void)
{
    TRACE("eoi ");
}

void smp_answer_flush(void)
{
    TRACE("flush ");
}

void smp_answer_ask(void)
{
    TRACE("ask ");
}

static void timer(struct cpu *running, struct trap_frame *frame)
{
    assert_ptr_equal(running, vcpu);
    TRACE("timer(%s) ", frame ? "ring 3" : "kernel");
}

static void ipi(struct cpu *running)
{
    assert_ptr_equal(running, vcpu);
    TRACE("ipi ");
}

static void user_fault(struct cpu *running, const struct trap_frame *frame)
{
    (void)frame;
    assert_ptr_equal(running, vcpu);
    TRACE("fault ");
}

static void fatal(const struct trap_frame *frame)
{
    TRACE("fatal(%llu) ", (unsigned long long)frame->vector);
    longjmp(away, 1);
}

static uint64_t system_call(struct cpu *running, uint64_t number, const uint64_t *a)
{
    assert_ptr_equal(running, vcpu);
    TRACE("call %llu(%llu,%llu,%llu,%llu) ", (unsigned long long)number, (unsigned long long)a[0],
          (unsigned long long)a[1], (unsigned long long)a[2], (unsigned long long)a[3]);
    return 4321;
}

void trap_dispatch(struct trap_frame *frame);
void trap_dispatch_fatal(struct trap_frame *frame);
uint64_t syscall_dispatch(struct cpu *running, uint64_t number, uint64_t a, uint64_t b, uint64_t c,
                          uint64_t d);

static const struct trap_hooks hooks = {timer, ipi, user_fault, fatal, system_call};

static int set_up(void **state)
{
    (void)state;
    memset(&machine, 0, sizeof(machine));
    machine.dr7 = 0x403;
    machine.ldtr = 0x48;
    memset(vcpu, 0, sizeof(*vcpu));
    trace[0] = 0;
    trap_init(&hooks);
    cpu_load(vcpu);
    trap_load();
    return 0;
}

/* ---- What is loaded ---------------------------------------------------- */

static struct gate *gate(unsigned vector)
{
    return (struct gate *)machine.idtr.base + vector;
}

static void each_gate_leads_to_its_stub(void **state)
{
    unsigned gates = 0;

    (void)state;
    assert_int_equal(machine.idtr.limit, 256 * 16 - 1);
    for (unsigned v = 0; v < 256; v++) {
        const struct gate *g = gate(v);
        uint64_t want = v < 32      ? STUBS + 16 * v
                        : v == 0x40 ? 0x9876543223456781
                        : v == 0x41 ? 0xa987654334567892
                        : v == 0xff ? 0xba987654456789a3
                                    : 0;
        uint64_t offset =
            (uint64_t)g->offset_high << 32 | (uint64_t)g->offset_mid << 16 | g->offset_low;
        assert_int_equal(offset, want);
        /* An interrupt gate of DPL 0, or none. */
        assert_int_equal(g->type, want ? 0x8e : 0);
        assert_int_equal(g->selector, want ? 0x10 : 0);
        assert_int_equal(g->ist, v == 8 ? 1 : v == 2 ? 2 : v == 18 ? 3 : 0);
        assert_int_equal(g->reserved, 0);
        gates += want != 0;
    }
    figures("%u gates", gates);
}

static void system_calls_enter_with_their_flags_off(void **state)
{
    (void)state;
    /* Of SYSCALL kernel code 0x10 with data behind it; of SYSRET ring 3's 32-bit code. */
    assert_int_equal(rdmsr(0xc0000081), 0x0023001000000000);
    assert_int_equal(rdmsr(0xc0000082), ENTRY);
    assert_int_equal(rdmsr(0xc0000083), ENTRY32);
    assert_int_equal(rdmsr(0xc0000084), 0x257fd5);
    for (uint32_t msr = 0x174; msr <= 0x176; msr++)
        assert_int_equal(*msr_of(msr), 0);
    assert_int_equal(machine.dr7, 0x400);
}

static void descriptors_are_those_of_a_flat_kernel_and_ring_3(void **state)
{
    const uint64_t tss = (uintptr_t)&vcpu->tss;
    const uint64_t *gdt = (const uint64_t *)machine.gdtr.base;

    (void)state;
    assert_ptr_equal(gdt, vcpu->gdt);
    assert_int_equal(machine.gdtr.limit, sizeof(vcpu->gdt) - 1);
    assert_int_equal(sizeof(vcpu->gdt), 10 * 8);
    const uint64_t want[8] = {0,
                              0,
                              0x00af9b000000ffff,
                              0x00cf93000000ffff,
                              0x00cffb000000ffff,
                              0x00cff3000000ffff,
                              0x00affb000000ffff,
                              0};
    assert_memory_equal(gdt, want, sizeof(want));
    assert_int_equal(gdt[8],
                     103 | (tss & 0xffffff) << 16 | 0x89ull << 40 | (tss >> 24 & 0xff) << 56);
    assert_int_equal(gdt[9], tss >> 32);
    assert_int_equal(machine.code, 0x10);
    assert_int_equal(machine.data, 0x18);
    assert_int_equal(machine.task, 0x40);
    assert_int_equal(machine.ldtr, 0);
    assert_true(machine.features);
}

static void a_vcpu_finds_itself_and_its_stack(void **state)
{
    (void)state;
    vcpu->stack_top = 0x123456789abcd000;
    cpu_load(vcpu);
    assert_ptr_equal(vcpu->self, vcpu);
    assert_int_equal(vcpu->kernel_rsp, vcpu->stack_top);
    assert_int_equal(vcpu->tss.rsp[0], vcpu->stack_top);
    assert_int_equal(vcpu->tss.io_map_base, 104);
    assert_int_equal(rdmsr(MSR_GS_BASE), (uintptr_t)vcpu);
    assert_int_equal(rdmsr(MSR_KERNEL_GS_BASE), 0);
    assert_false(cpu_is_online(vcpu));
    vcpu->online = 1;
    assert_true(cpu_is_online(vcpu));
}

static bool found(const char *what)
{
    const char *open = trap_find_open_entry();

    return open && strncmp(open, what, strlen(what)) == 0;
}

static void a_way_that_ring_3_could_use_is_noticed(void **state)
{
    const struct {
        uint32_t msr;
        const char *name;
    } msrs[] = {
        {0xc0000082, "LSTAR"}, {0xc0000083, "CSTAR"}, {0xc0000084, "SFMASK"}, {0x174, "SYSENTER"}};

    (void)state;
    assert_null(trap_find_open_entry());
    for (unsigned i = 0; i < sizeof(msrs) / sizeof(msrs[0]); i++) {
        for (unsigned bit = 0; bit < 32; bit++) {
            *msr_of(msrs[i].msr) ^= 1u << bit;
            assert_true(found(msrs[i].name));
            *msr_of(msrs[i].msr) ^= 1u << bit;
        }
    }
    *msr_of(0x174) = 8;
    machine.no_sysenter = true;
    assert_null(trap_find_open_entry());
    machine.no_sysenter = false;
    *msr_of(0x174) = 0;
    machine.dr7 = 0x401;
    assert_true(found("DR7"));
    machine.dr7 = 0x400;
    machine.ldtr = 0x48;
    assert_true(found("LDTR"));
    machine.ldtr = 0;
    machine.task = 0x48;
    assert_true(found("the task"));
    machine.task = 0x40;
    vcpu->tss.io_map_base = 103;
    assert_true(found("the task"));
    vcpu->tss.io_map_base = 105;
    assert_null(trap_find_open_entry());
    machine.cr4 = 1u << 16;
    assert_true(found("CR4.FSGSBASE"));
    machine.cr4 = ~(uint64_t)(1u << 16);
    assert_null(trap_find_open_entry());
}

static void a_gate_that_is_not_its_kernel_s_is_noticed(void **state)
{
    unsigned wrong = 0;

    (void)state;
    for (unsigned v = 0; v < 256; v++) {
        struct gate good = *gate(v);
        bool there = good.type != 0, own = v == 2 || v == 8 || v == 18;
        gate(v)->type = there ? 0xee : 0x8f;
        assert_true(found("a gate that ring 3 may call"));
        *gate(v) = good;
        gate(v)->selector = 0x33;
        assert_int_equal(trap_find_open_entry() != NULL, there);
        *gate(v) = good;
        gate(v)->ist = !own;
        assert_int_equal(found("a gate on another stack"), there);
        *gate(v) = good;
        wrong += 3;
    }
    assert_null(trap_find_open_entry());
    figures("%u gates changed", wrong);
}

/* ---- Where entries lead ------------------------------------------------ */

/* Registers of ring 3 or of the kernel, all of them different. */
static struct trap_frame frame_of(bool user, uint64_t vector)
{
    struct trap_frame f;
    uint64_t *word = (uint64_t *)&f;

    for (unsigned i = 0; i < sizeof(f) / sizeof(*word); i++)
        word[i] = 0x1000 + i;
    f.vector = vector;
    f.cs = user ? 0x33 : 0x10;
    return f;
}

static const char *dispatched(struct trap_frame *frame)
{
    trace[0] = 0;
    if (!setjmp(away))
        trap_dispatch(frame);
    return trace;
}

static uint64_t counted(enum entry_kind kind)
{
    uint64_t n = vcpu->entries[kind], sum = 0;

    for (unsigned i = 0; i < ENTRY_KINDS; i++)
        sum += vcpu->entries[i];
    assert_int_equal(n, sum);
    memset(vcpu->entries, 0, sizeof(vcpu->entries));
    return n;
}

static void interrupts_are_counted_and_acknowledged(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 4; how++) {
        bool user = how & 1;
        vcpu->counting = how & 2;
        struct trap_frame f = frame_of(user, 0x40), before = f;
        vcpu->ticks = 5;
        assert_string_equal(dispatched(&f), user ? "eoi timer(ring 3) " : "eoi timer(kernel) ");
        assert_int_equal(vcpu->ticks, 6);
        assert_int_equal(counted(ENTRY_TIMER), how == 3);
        f.vector = before.vector = 0x41;
        assert_string_equal(dispatched(&f), "eoi flush ask ipi ");
        assert_int_equal(counted(ENTRY_IPI), how == 3);
        assert_memory_equal(&f, &before, sizeof(f));
        assert_int_equal(vcpu->ticks, 6);
    }
}

static void a_fault_of_ring_3_ends_it_unless_announced(void **state)
{
    (void)state;
    for (uint64_t vector = 0; vector < 32; vector++) {
        vcpu->counting = vector & 1;
        struct trap_frame f = frame_of(true, vector), before = f;
        f.rip = before.rip = 100; /* as if it were the kernel's, with a fix-up */
        assert_string_equal(dispatched(&f), "fault ");
        assert_memory_equal(&f, &before, sizeof(f));
        assert_int_equal(counted(ENTRY_FAULT), vcpu->counting);
    }
}

static void expect_probe(const struct trap_frame *f, const struct trap_frame *was, uint64_t address)
{
    assert_int_equal(f->rax, was->vector);
    assert_int_equal(f->rdx, was->error);
    assert_int_equal(f->rsi, address);
    assert_int_equal(f->rdi, was->rip);
    assert_int_equal(f->r8, was->rflags);
    assert_int_equal(f->r9, was->cs);
    assert_int_equal(f->rip, 0x7654);
    assert_int_equal(f->cs, 0x33);
    assert_int_equal(f->rflags, 0x202);
    assert_int_equal(f->rsp, 0x8765);
    assert_int_equal(f->ss, 0x2b);
    assert_int_equal(f->rbx, was->rbx);
    assert_int_equal(f->r15, was->r15);
}

static void an_announced_fault_goes_on_where_it_was_announced(void **state)
{
    (void)state;
    machine.cr2 = 0x9999;
    for (unsigned stays = 0; stays < 2; stays++) {
        for (uint64_t vector = 0; vector < 32; vector++) {
            struct trap_frame f = frame_of(true, vector), was = f;
            f.cs = was.cs = 0x23;
            vcpu->probe_resume = 0x7654;
            vcpu->probe_stack = 0x8765;
            vcpu->probe_stays = stays;
            assert_string_equal(dispatched(&f), "");
            expect_probe(&f, &was, vector == 14 ? 0x9999 : 0);
            assert_int_equal(vcpu->probe_resume, stays ? 0x7654 : 0);
        }
    }
    /* With `stays`, a tick too; otherwise it is none, and neither is one in the kernel. */
    for (unsigned how = 0; how < 4; how++) {
        struct trap_frame f = frame_of(how & 1, 0x40), was = f;
        vcpu->probe_resume = 0x7654;
        vcpu->probe_stays = how & 2;
        (void)dispatched(&f);
        if (how == 3)
            expect_probe(&f, &was, 0);
        else
            assert_memory_equal(&f, &was, sizeof(f));
        assert_int_equal(vcpu->probe_resume, 0x7654);
    }
}

/* CS and SS are what ring 3 wrote, and only the flags say so. */
static void virtual_8086_mode_is_ring_3(void **state)
{
    enum { VM = 0x20000, ALL_FLAGS = 0x3f7fd5 };
    static const uint64_t vectors[] = {6, 13, 14, 0x40, 0x41};

    (void)state;
    for (unsigned i = 0; i < 4 * sizeof(vectors) / sizeof(vectors[0]); i++) {
        struct trap_frame f = frame_of(false, vectors[i / 4]), was = f;
        bool is_ipi = f.vector == 0x41, is_tick = f.vector == 0x40;
        uint64_t before = trap_virtual_8086_count();
        vcpu->probe_resume = i & 1 ? 0x7654 : 0;
        vcpu->probe_stack = 0x8765;
        vcpu->probe_stays = i & 1;
        vcpu->counting = false;
        f.cs = was.cs = i & 2 ? 0x10 : 0x1231;
        f.rflags = was.rflags = VM | ALL_FLAGS;
        f.rip = was.rip = 100; /* where the kernel would have a fix-up */
        const char *way = is_ipi    ? "eoi flush ask ipi "
                          : is_tick ? "eoi timer(ring 3) "
                          : i & 1   ? ""
                                    : "fault ";
        assert_string_equal(dispatched(&f), way);
        assert_int_equal(trap_virtual_8086_count(), before + 1);
        was.cs = 0x33;
        if (i & 1 && !is_ipi) {
            expect_probe(&f, &was, f.vector == 14 ? machine.cr2 : 0);
            continue;
        }
        was.ss = 0x2b;
        was.rflags = 0x202;
        assert_memory_equal(&f, &was, sizeof(f));
    }
    struct trap_frame f = frame_of(true, 6);
    uint64_t before = trap_virtual_8086_count();
    f.rflags = ALL_FLAGS & ~VM;
    (void)dispatched(&f);
    assert_int_equal(trap_virtual_8086_count(), before);
}

static void a_fault_of_the_kernel_is_fixed_up_or_fatal(void **state)
{
    (void)state;
    vcpu->probe_resume = 0x7654; /* ring 3's */
    vcpu->counting = true;
    for (uint64_t vector = 0; vector < 32; vector++) {
        for (unsigned i = 0; i < 5; i++) {
            struct trap_frame f = frame_of(false, vector), was = f;
            f.rip = was.rip = i < 4 ? table_of_faults[i][0] : 101;
            char want[30];
            /* The last of the four is behind the table's end. */
            bool fixed = (vector == 13 || vector == 14) && i < 3;
            (void)snprintf(want, sizeof(want), "fatal(%u) ", (unsigned)vector);
            assert_string_equal(dispatched(&f), fixed ? "" : want);
            was.rip = fixed ? table_of_faults[i][1] : was.rip;
            assert_memory_equal(&f, &was, sizeof(f));
        }
    }
    assert_int_equal(counted(ENTRY_FAULT), 0);
    struct trap_frame f = frame_of(true, 2);
    trace[0] = 0;
    if (!setjmp(away))
        trap_dispatch_fatal(&f);
    assert_string_equal(trace, "fatal(2) ");
}

static struct trap_frame half_done(void)
{
    struct trap_frame f = frame_of(true, 14);

    f.rip = ENTRY;
    f.error = 1 | 4 | 16;
    f.rcx = USER_END - 1;
    f.r11 = UINT64_MAX;
    f.rax = 7;
    f.rdi = 1;
    f.rsi = 2;
    f.rdx = 3;
    f.r10 = 4;
    return f;
}

static void a_system_call_left_half_done_is_completed(void **state)
{
    (void)state;
    assert_false(trap_syscalls_half_done());
    vcpu->probe_resume = 0x7654;
    for (unsigned counting = 0; counting < 2; counting++) {
        vcpu->counting = counting;
        struct trap_frame f = half_done(), want = f;
        assert_string_equal(dispatched(&f), "call 7(1,2,3,4) ");
        want.rip = USER_END - 1;
        want.rax = 4321;
        want.rflags = 0xcd5 | 0x202;
        assert_memory_equal(&f, &want, sizeof(f));
        assert_int_equal(counted(ENTRY_SYSCALL), counting);
        /* Jumps of JOB_BORDER, which does not count, show nothing of the host. */
        assert_int_equal(trap_syscalls_half_done(), counting);
    }
    struct trap_frame f = half_done();
    f.r11 = 0;
    (void)dispatched(&f);
    assert_int_equal(f.rflags, 0x202);
    vcpu->counting = false;
    assert_true(trap_syscalls_half_done());
}

static void what_only_looks_half_done_is_a_fault(void **state)
{
    (void)state;
    for (unsigned how = 0; how < 8; how++) {
        struct trap_frame f = half_done();
        if (how == 0)
            f.vector = 13;
        else if (how == 1)
            f.rip++;
        else if (how < 7)
            f.error ^= 1u << (how - 2);
        else
            f.rcx = USER_END;
        assert_string_equal(dispatched(&f), "fault ");
    }
    struct trap_frame f = half_done();
    f.cs = 0x10;
    assert_string_equal(dispatched(&f), "fatal(14) ");
}

static void a_system_call_is_counted_and_leads_to_its_function(void **state)
{
    (void)state;
    for (unsigned counting = 0; counting < 2; counting++) {
        trace[0] = 0;
        vcpu->counting = counting;
        assert_int_equal(syscall_dispatch(vcpu, 9, 11, 12, 13, 14), 4321);
        assert_string_equal(trace, "call 9(11,12,13,14) ");
        assert_int_equal(counted(ENTRY_SYSCALL), counting);
    }
}

/* [Intel SDM vol. 3A, 4.7 and 6.3.1] */
static void vectors_and_error_bits_are_the_cpu_s(void **state)
{
    (void)state;
    assert_int_equal(PF_PRESENT, 1);
    assert_int_equal(PF_WRITE, 2);
    assert_int_equal(PF_USER, 4);
    assert_int_equal(PF_FETCH, 16);
    assert_string_equal(trap_vector_name(0), "divide error");
    assert_string_equal(trap_vector_name(2), "non-maskable interrupt");
    assert_string_equal(trap_vector_name(8), "double fault");
    assert_string_equal(trap_vector_name(14), "page fault");
    assert_string_equal(trap_vector_name(18), "machine check");
    assert_string_equal(trap_vector_name(21), "control protection");
    assert_string_equal(trap_vector_name(22), "unknown vector");
    assert_string_equal(trap_vector_name(UINT64_MAX), "unknown vector");
    for (uint64_t cs = 0; cs < 8; cs++)
        assert_int_equal(trap_from_user(&(struct trap_frame){.cs = cs}), cs % 4 == 3);
}

/* ---- Stacks ------------------------------------------------------------ */

/* Four pages of stack, and two for each of three interrupt stacks, each with a guard below it. */
static const char layout[] = ".####.##.##.##..";

static void no_stacks(void)
{
    memset(is_mapped, 0, sizeof(is_mapped));
    stacks_mapped = 0;
    stack_fails_at = 100;
    memset(cpu_table, 0, sizeof(cpu_table));
}

static void stacks_lie_between_pages_that_are_not_there(void **state)
{
    uint32_t index;
    unsigned guards = 0;

    (void)state;
    no_stacks();
    for (unsigned i = 0; i < 4; i++) {
        stacks_mapped = 0;
        stack_fails_at = i;
        assert_false(cpu_map_stacks(vcpu));
        no_stacks();
    }
    for (uint32_t area = 0; area < AREAS; area += 2) {
        static struct cpu of[AREAS];
        struct cpu *c = &of[area];
        unsigned stacks = 3;
        uint64_t base = CPU_AREA_BASE + area * CPU_AREA_STRIDE;
        c->area = area;
        assert_true(cpu_map_stacks(c));
        cpu_table[area / 2] = c;
        for (unsigned i = 0; i < 16; i++)
            assert_int_equal(is_mapped[area * 16 + i], layout[i] == '#');
        assert_int_equal(c->stack_top, base + 5 * 4096);
        for (unsigned i = 0; i < 3; i++) {
            assert_int_equal(c->tss.ist[i], base + (8 + 3 * i) * 4096 - 16);
            assert_ptr_equal(*(struct cpu **)(uintptr_t)c->tss.ist[i], c);
        }
        assert_int_equal(cpu_count_guarded_stacks(c, &stacks), 4);
        assert_int_equal(stacks, 7);
        /* The table has places for more, which are not counted. */
        c->tss.ist[3] = c->stack_top;
        assert_int_equal(cpu_count_guarded_stacks(c, &stacks), 4);
        /* A stack whose guard is there, or that is not there itself. */
        for (unsigned i = 0; i < 14; i++) {
            bool counts = layout[i] == '.' || layout[i + 1] == '.';
            is_mapped[area * 16 + i] ^= 1;
            assert_int_equal(cpu_count_guarded_stacks(c, &stacks), counts ? 3 : 4);
            is_mapped[area * 16 + i] ^= 1;
        }
    }
    for (uint64_t va = CPU_AREA_BASE - 4096; va < CPU_AREA_BASE + AREAS * 65536; va += 2048) {
        uint64_t page = page_number(va);
        bool ours = va >= CPU_AREA_BASE && page / 16 % 2 == 0;
        bool guard = ours && layout[page % 16] == '.';
        index = 77;
        assert_int_equal(cpu_guard_page_at(va, &index), guard);
        if (guard)
            assert_int_equal(index, page / 32);
        guards += guard;
    }
    /* The last area there can be, and what is behind it. */
    vcpu->area = MAX_CPUS - 1;
    cpu_table[2] = vcpu;
    assert_true(cpu_guard_page_at(CPU_AREA_BASE + MAX_CPUS * 65536ull - 1, &index));
    assert_int_equal(index, 2);
    vcpu->area = MAX_CPUS;
    assert_false(cpu_guard_page_at(CPU_AREA_BASE + MAX_CPUS * 65536ull, &index));
    /* A table that is full. */
    static struct cpu other = {.area = 9};
    for (unsigned i = 0; i < MAX_CPUS; i++)
        cpu_table[i] = &other;
    assert_false(cpu_guard_page_at(CPU_AREA_BASE, &index));
    assert_true(cpu_guard_page_at(CPU_AREA_BASE + 9 * 65536, &index));
    figures("%u half pages of guards", guards);
    no_stacks();
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_gate_leads_to_its_stub),
        TEST(system_calls_enter_with_their_flags_off),
        TEST(descriptors_are_those_of_a_flat_kernel_and_ring_3),
        TEST(a_vcpu_finds_itself_and_its_stack),
        TEST(a_way_that_ring_3_could_use_is_noticed),
        TEST(a_gate_that_is_not_its_kernel_s_is_noticed),
        TEST(interrupts_are_counted_and_acknowledged),
        TEST(a_fault_of_ring_3_ends_it_unless_announced),
        TEST(an_announced_fault_goes_on_where_it_was_announced),
        TEST(virtual_8086_mode_is_ring_3),
        TEST(a_fault_of_the_kernel_is_fixed_up_or_fatal),
        TEST(a_system_call_left_half_done_is_completed),
        TEST(what_only_looks_half_done_is_a_fault),
        TEST(a_system_call_is_counted_and_leads_to_its_function),
        TEST(vectors_and_error_bits_are_the_cpu_s),
        TEST(stacks_lie_between_pages_that_are_not_there),
    };

    if (mmap(vcpu, PAGE_SIZE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != vcpu)
        return 1;
    if (mmap((void *)CPU_AREA_BASE, AREAS * CPU_AREA_STRIDE, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != (void *)CPU_AREA_BASE)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
