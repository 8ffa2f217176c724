/* SPDX-License-Identifier: 0BSD */
/*
 * Sets up a vCPU: its stacks between guard pages, its descriptor tables, GS base and SYSCALL
 * entry.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/cr.h"
#include "arch/x86/features.h"
#include "arch/x86/frames.h"
#include "arch/x86/msr.h"
#include "arch/x86/paging.h"
#include <stddef.h>

_Static_assert(offsetof(struct cpu, self) == CPU_SELF, "assembly reads it there");
_Static_assert(offsetof(struct cpu, kernel_rsp) == CPU_KERNEL_RSP, "assembly reads it there");
_Static_assert(offsetof(struct cpu, user_rsp) == CPU_USER_RSP, "assembly reads it there");
_Static_assert(offsetof(struct cpu, resume_rsp) == CPU_RESUME_RSP, "assembly reads it there");
_Static_assert(offsetof(struct cpu, stack_top) == CPU_STACK_TOP, "assembly reads it there");
_Static_assert(offsetof(struct cpu, user_gs) == CPU_USER_GS, "assembly reads it there");
_Static_assert(offsetof(struct cpu, tss.rsp) == CPU_TSS_RSP0, "assembly writes it there");

struct cpu *cpu_table[MAX_CPUS];
uint32_t cpu_count;
uint32_t online_count = 1;
struct cpu *cpu_of_apic_id[MAX_APIC_ID];

/* A vCPU's area: guard page, kernel stack, and a guard page below each IST stack. */
enum {
    KERNEL_STACK_PAGES = 4,
    IST_STACK_PAGES = 2,
    AREA_PAGES = 1 + KERNEL_STACK_PAGES + IST_COUNT * (1 + IST_STACK_PAGES),
};

_Static_assert((AREA_PAGES + 1) * PAGE_SIZE <= CPU_AREA_STRIDE, "a vCPU's area must fit its slot");

static uint64_t map_stack(uint64_t *va, unsigned pages)
{
    *va += PAGE_SIZE; /* the guard: left unmapped */
    if (!page_map_new(kernel_root(), *va, pages, PAGE_WRITE | PAGE_NX, false))
        return 0;
    *va += (uint64_t)pages * PAGE_SIZE;
    return *va;
}

/*
 * The words above the stack lead from it to `cpu`: an entry on it can trust neither GS, which may
 * still be ring 3's, nor the code segment, which is the kernel's before SWAPGS as well.
 */
void cpu_set_ist(struct cpu *cpu, unsigned i, uint64_t top)
{
    cpu->tss.ist[i] = top - 16;
    *(struct cpu **)(top - 16) = cpu;
}

bool cpu_map_stacks(struct cpu *cpu)
{
    uint64_t va = CPU_AREA_BASE + (uint64_t)cpu->area * CPU_AREA_STRIDE;

    cpu->stack_top = map_stack(&va, KERNEL_STACK_PAGES);
    if (!cpu->stack_top)
        return false;
    for (unsigned i = 0; i < IST_COUNT; i++) {
        uint64_t top = map_stack(&va, IST_STACK_PAGES);
        if (!top)
            return false;
        cpu_set_ist(cpu, i, top);
    }
    return true;
}

bool cpu_guard_page_at(uint64_t va, uint32_t *index)
{
    if (va < CPU_AREA_BASE || va >= CPU_AREA_BASE + (uint64_t)MAX_CPUS * CPU_AREA_STRIDE)
        return false;
    uint32_t area = (uint32_t)((va - CPU_AREA_BASE) / CPU_AREA_STRIDE);
    for (*index = 0; *index < MAX_CPUS && cpu_table[*index]; ++*index) {
        if (cpu_table[*index]->area == area)
            return !page_lookup(kernel_root(), va);
    }
    return false;
}

static bool is_guarded(uint64_t top, unsigned pages)
{
    return page_lookup(kernel_root(), top - 1) &&
           !page_lookup(kernel_root(), top - pages * PAGE_SIZE - 1);
}

unsigned cpu_count_guarded_stacks(const struct cpu *cpu, unsigned *stacks)
{
    unsigned guarded = is_guarded(cpu->stack_top, KERNEL_STACK_PAGES);

    for (unsigned i = 0; i < IST_COUNT; i++)
        guarded += is_guarded(cpu->tss.ist[i], IST_STACK_PAGES);
    *stacks += 1 + IST_COUNT;
    return guarded;
}

static void load_gdt(struct cpu *cpu)
{
    uint64_t tss = (uint64_t)&cpu->tss;

    cpu->gdt[SEL_KERNEL_CODE / 8] = 0x00af9b000000ffff;
    cpu->gdt[SEL_KERNEL_DATA / 8] = 0x00cf93000000ffff;
    cpu->gdt[SEL_USER_CODE32 / 8] = 0x00cffb000000ffff;
    cpu->gdt[SEL_USER_DATA / 8] = 0x00cff3000000ffff;
    cpu->gdt[SEL_USER_CODE / 8] = 0x00affb000000ffff;
    /* An available 64-bit TSS: limit, base and type 9, encoded as in the SDM (vol. 3A, 8.2.3). */
    cpu->gdt[SEL_TSS / 8] = (sizeof(struct tss) - 1) | (tss & 0xffffff) << 16 | 0x89ull << 40 |
                            (tss >> 24 & 0xff) << 56;
    cpu->gdt[SEL_TSS / 8 + 1] = tss >> 32;

    write_gdtr((struct table_pointer){sizeof(cpu->gdt) - 1, (uint64_t)cpu->gdt}, SEL_KERNEL_CODE,
               SEL_KERNEL_DATA, SEL_TSS);
    write_ldtr(0);
}

void cpu_load(struct cpu *cpu)
{
    cpu->self = cpu;
    cpu->kernel_rsp = cpu->stack_top;
    cpu->tss.rsp[0] = cpu->stack_top;
    cpu->tss.io_map_base = sizeof(struct tss);
    load_gdt(cpu);
    wrmsr(MSR_GS_BASE, (uint64_t)cpu);
    wrmsr(MSR_KERNEL_GS_BASE, 0);
    features_enable();
}

bool cpu_is_online(const struct cpu *cpu)
{
    return __atomic_load_n(&cpu->online, __ATOMIC_ACQUIRE);
}
