/* SPDX-License-Identifier: 0BSD */
/*
 * Prepares the boot vCPU before any clock exists (traps, page tables, local APIC, its own stack),
 * and checks the machine layer.
 */
#include "kernel/machine.h"
#include "arch/x86/apic.h"
#include "arch/x86/frames.h"
#include "arch/x86/msr.h"
#include "arch/x86/paging.h"
#include "arch/x86/smp.h"
#include "base/panic.h"
#include <clockpage/report.h>
#include <stddef.h>

static struct cpu early_cpu;
static uint8_t early_stacks[IST_COUNT][2048] __attribute__((aligned(16)));

void machine_start_traps(const struct trap_hooks *hooks)
{
    early_cpu.stack_top = (uint64_t)__builtin_frame_address(0) & ~15ull;
    for (unsigned i = 0; i < IST_COUNT; i++)
        early_cpu.tss.ist[i] = (uint64_t)early_stacks[i] + sizeof(early_stacks[i]);
    trap_init(hooks);
    cpu_load(&early_cpu);
    cpu_table[0] = &early_cpu;
}

const void *machine_low_memory(uint64_t pa, uint64_t length)
{
    /*
     * Refuse NULL and what follows it; from 0x400 on is the BIOS data that leads to the firmware's
     * tables.
     */
    if (pa < 0x400 || length > 1u << 24 || pa > 0xffffffff - length)
        return NULL;
    return (const void *)(uintptr_t)pa;
}

void machine_start_paging(const struct bootinfo *info, uint64_t image_end)
{
    uint64_t end = 0;

    for (unsigned i = 0; i < info->range_count; i++) {
        const struct memory_range *r = &info->ranges[i];
        if (r->start <= KERNEL_PHYS && KERNEL_PHYS < r->start + r->length)
            end = r->start + r->length;
    }
    if (end < image_end)
        panic("the image is not in memory that the map calls usable");
    frames_init(image_end, end);
    if (!paging_init())
        panic("no memory for the page tables; give the guest 16 MiB or more");
}

void machine_start_apic(void)
{
    if (!apic_init())
        panic("this CPU has no local APIC");
    apic_enable();
}

_Noreturn void machine_enter_own_stack(uint32_t apic_id, void (*next)(void))
{
    struct cpu *cpu = smp_prepare(0, apic_id);

    if (!cpu)
        panic("no memory for the boot vCPU, or APIC identity %u is too large", apic_id);
    cpu_load(cpu);
    __asm__ volatile("mov %0, %%rsp\n"
                     "xor %%ebp, %%ebp\n"
                     "call *%1"
                     :
                     : "r"(cpu->stack_top), "r"(next)
                     : "memory");
    __builtin_unreachable();
}

void machine_check_firmware(const struct firmware_facts *facts)
{
    if (facts->bad_reason)
        check(FAIL, "firmware.tables", "%s refused: %s; vCPUs by: %s", facts->bad_table,
              facts->bad_reason, facts->source);
    else
        check(PASS, "firmware.tables", "vCPUs by: %s", facts->source);
    if (facts->cpus_left_out)
        check(FAIL, "firmware.vcpus", "%u vCPUs more than the %u that this kernel takes",
              facts->cpus_left_out, MAX_CPUS);
}

void machine_check_map(void)
{
    struct page_census c;
    unsigned stacks = 0, guarded = 0;

    page_census(kernel_root(), false, &c);
    check(pass_if(c.writable_executable == 0 && c.executable > 0), "kernel.map",
          "%lu pages r-x, %lu r--, %lu rw-, %lu rwx", c.executable, c.read_only, c.writable,
          c.writable_executable);
    for (uint32_t i = 0; i < cpu_count; i++)
        guarded += cpu_count_guarded_stacks(cpu_table[i], &stacks);
    check(pass_if(stacks == cpu_count * (1 + IST_COUNT) && guarded == stacks), "kernel.stacks",
          "%u stacks, %u with a guard page below", stacks, guarded);
}

void machine_check_msr(void)
{
    enum { NO_SUCH_MSR = 0x4b564dff };
    uint64_t value;
    bool absent = !rdmsr_safe(NO_SUCH_MSR, &value), present = rdmsr_safe(MSR_EFER, &value);

    /* TCG returns 0 for any MSR, so none is absent there. */
    if (present && !absent)
        check(SKIP, "machine.msr", "this machine has no MSR that faults");
    else
        check(pass_if(present && absent), "machine.msr", "an MSR that does not exist: survived");
}
