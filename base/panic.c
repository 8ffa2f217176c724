/* SPDX-License-Identifier: 0BSD */
/*
 * Fatal errors: prints registers, the decoded error and a backtrace with names, and ends the run
 * with a failed check.
 */
#include "base/panic.h"
#include "arch/x86/cr.h"
#include "arch/x86/machine_check.h"
#include "arch/x86/paging.h"
#include "base/format.h"
#include "base/ksyms.h"
#include "base/shutdown.h"
#include <clockpage/report.h>

/* The first vCPU to get here prints; the others halt. */
static void take_the_floor(void)
{
    static uint32_t taken;

    interrupts_off();
    if (__atomic_exchange_n(&taken, 1, __ATOMIC_ACQ_REL)) {
        for (;;)
            halt();
    }
}

static _Noreturn void end_run(const char *what)
{
    check(FAIL, "kernel.alive", "%s", what);
    (void)report_end(NULL, NULL);
    shutdown(EXIT_FAIL);
}

/* Prints the banks that have something to tell: what failed, and where. */
static void describe_machine_check(void)
{
    struct machine_check mc;

    print("  machine check: global status 0x%lx\n", machine_check_global_status());
    for (unsigned i = 0; i < machine_check_banks(); i++) {
        if (machine_check_read(i, &mc))
            print("  bank %u: status 0x%016lx  address 0x%lx  misc 0x%lx\n", i, mc.status,
                  mc.address, mc.misc);
    }
}

static void describe_error(const struct trap_frame *f)
{
    uint32_t index;

    if (f->vector == VECTOR_PAGE_FAULT) {
        uint64_t cr2 = read_cr2();
        print("  %s at 0x%016lx: %s, by ring %d%s\n",
              f->error & PF_FETCH   ? "fetch"
              : f->error & PF_WRITE ? "write"
                                    : "read",
              cr2, f->error & PF_PRESENT ? "the page forbids it" : "no page there",
              f->error & PF_USER ? 3 : 0, f->error & 8 ? ", reserved bit set" : "");
    } else if (f->vector == VECTOR_GP && f->error) {
        print("  selector 0x%lx of the %s%s\n", f->error & 0xfff8,
              f->error & 2   ? "IDT"
              : f->error & 4 ? "LDT"
                             : "GDT",
              f->error & 1 ? ", external event" : "");
    }
    if (f->vector == VECTOR_MACHINE_CHECK)
        describe_machine_check();
    if ((f->vector == VECTOR_PAGE_FAULT || f->vector == VECTOR_DOUBLE_FAULT) &&
        cpu_guard_page_at(f->vector == VECTOR_PAGE_FAULT ? read_cr2() : f->rsp - 8, &index))
        print("  a guard page of vCPU %u: a kernel stack overflowed\n", index);
}

static void print_place(uint64_t address)
{
    uint64_t offset;
    const char *name = ksyms_lookup(address, &offset);

    if (name)
        print("    0x%016lx %s+0x%lx\n", address, name, offset);
    else
        print("    0x%016lx ?\n", address);
}

/* Until the kernel has its own map, the boot page tables map its first GiB. */
static bool is_mapped(uint64_t va)
{
    return va >= KERNEL_OFFSET &&
           (kernel_root() ? page_lookup(kernel_root(), va) != 0 : va < KERNEL_OFFSET + (1 << 30));
}

/* Follows frame pointers only while they are on mapped kernel pages and increase. */
static void backtrace(uint64_t rip, uint64_t rbp)
{
    print("  backtrace\n");
    print_place(rip);
    for (unsigned depth = 0; depth < 24; depth++) {
        if (rbp % 8 || !is_mapped(rbp) || !is_mapped(rbp + 15))
            return;
        const uint64_t *frame = (const uint64_t *)rbp;
        if (frame[1] < KERNEL_OFFSET)
            return;
        print_place(frame[1]);
        if (frame[0] <= rbp)
            return;
        rbp = frame[0];
    }
}

void dump_frame(const struct trap_frame *f)
{
    print("  vCPU %u: %s (vector %lu), error code 0x%lx, in ring %lu\n", this_cpu()->index,
          trap_vector_name(f->vector), f->vector, f->error, f->cs & 3);
    describe_error(f);
    print("  rip 0x%016lx  rsp 0x%016lx  rflags 0x%lx  cs 0x%lx  ss 0x%lx\n", f->rip, f->rsp,
          f->rflags, f->cs, f->ss);
    print("  rax 0x%016lx  rbx 0x%016lx  rcx 0x%016lx\n", f->rax, f->rbx, f->rcx);
    print("  rdx 0x%016lx  rsi 0x%016lx  rdi 0x%016lx\n", f->rdx, f->rsi, f->rdi);
    print("  rbp 0x%016lx  r8  0x%016lx  r9  0x%016lx\n", f->rbp, f->r8, f->r9);
    print("  r10 0x%016lx  r11 0x%016lx  r12 0x%016lx\n", f->r10, f->r11, f->r12);
    print("  r13 0x%016lx  r14 0x%016lx  r15 0x%016lx\n", f->r13, f->r14, f->r15);
    print("  cr0 0x%lx  cr2 0x%016lx  cr3 0x%lx  cr4 0x%lx\n", read_cr0(), read_cr2(), read_cr3(),
          read_cr4());
    if (!trap_from_user(f))
        backtrace(f->rip, f->rbp);
}

_Noreturn void panic_fault(const struct trap_frame *frame)
{
    char what[80];

    take_the_floor();
    print("\nclockpage: the kernel faulted\n");
    dump_frame(frame);
    print("\n");
    format(what, sizeof(what), "%s on vCPU %u at 0x%lx", trap_vector_name(frame->vector),
           this_cpu()->index, frame->rip);
    end_run(what);
}

_Noreturn void panic(const char *f, ...)
{
    char what[200];
    va_list args;

    take_the_floor();
    va_start(args, f);
    format_va(what, sizeof(what), f, args);
    va_end(args);
    print("\nclockpage: %s\n", what);
    backtrace((uint64_t)__builtin_return_address(0), (uint64_t)__builtin_frame_address(0));
    print("\n");
    end_run(what);
}
