/* SPDX-License-Identifier: 0BSD */
/*
 * Prepares the boot vCPU before any clock exists (traps, page tables, local APIC, its own stack),
 * and checks the machine layer.
 */
#include "kernel/machine.h"
#include "arch/x86/apic.h"
#include "arch/x86/cr.h"
#include "arch/x86/features.h"
#include "arch/x86/frames.h"
#include "arch/x86/ipi.h"
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
        cpu_set_ist(&early_cpu, i, (uint64_t)early_stacks[i] + sizeof(early_stacks[i]));
    trap_init(hooks);
    trap_load();
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

void machine_start_paging(uint64_t image_end)
{
    uint64_t end = 0;

    for (unsigned i = 0; i < boot.range_count; i++) {
        const struct memory_range *r = &boot.ranges[i];
        if (r->start <= KERNEL_PHYS && KERNEL_PHYS < r->start + r->length)
            end = r->start + r->length;
    }
    if (end < image_end)
        panic("the image is not in memory that the map calls usable");
    if (firmware.possible_count > 1 && !bootinfo_is_usable(&boot, TRAMPOLINE_PHYS, PAGE_SIZE))
        panic("the memory map has no usable page at 0x%x, where the other vCPUs start",
              TRAMPOLINE_PHYS);
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

void machine_check_firmware(void)
{
    if (firmware.bad_reason)
        check(FAIL, "firmware.tables", "%s refused: %s; vCPUs by: %s", firmware.bad_table,
              firmware.bad_reason, firmware.source);
    else
        check(PASS, "firmware.tables", "vCPUs by: %s", firmware.source);
    if (firmware.cpus_left_out)
        check(FAIL, "firmware.vcpus", "%u vCPUs more than the %u that this kernel takes",
              firmware.cpus_left_out, MAX_CPUS);
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

/* ---- The border between ring 3 and ring 0 ------------------------------ */

/* A way into ring 0 that is not as it was set up, and the vCPU's number; NULL: none was found. */
static const char *open_entry;
static uint32_t open_on;

static void find_open_entry(struct cpu *cpu, void *arg)
{
    const char *found = trap_find_open_entry();

    (void)arg;
    if (!found)
        return;
    __atomic_store_n(&open_on, cpu->index, __ATOMIC_RELAXED);
    __atomic_store_n(&open_entry, found, __ATOMIC_RELEASE);
}

/* The names of the protections in each state, up to NULL. */
typedef const char *protection_lists[FEATURE_IGNORED + 1][FEATURE_PROTECTIONS + 1];

static void list_protections(protection_lists lists)
{
    unsigned counts[FEATURE_IGNORED + 1] = {0};

    for (enum feature f = 0; f < FEATURE_PROTECTIONS; f++) {
        enum feature_state s = features_state(f);
        lists[s][counts[s]++] = features_name(f);
    }
    for (unsigned s = 0; s <= FEATURE_IGNORED; s++)
        lists[s][counts[s]] = NULL;
}

void machine_check_border(uint64_t patience)
{
    protection_lists lists;
    bool answered = smp_ask_all(find_open_entry, NULL, patience);
    const char *found = __atomic_load_n(&open_entry, __ATOMIC_ACQUIRE);

    if (found)
        check(FAIL, "machine.entries", "on vCPU %u: %s", open_on, found);
    else
        check(pass_if(answered), "machine.entries",
              "every way from ring 3 into ring 0 is set or shut%s",
              answered ? "" : "; a vCPU did not answer");
    list_protections(lists);
    if (lists[FEATURE_UNKNOWN][0])
        check(FAIL, "machine.protection", "%s was not tried", lists[FEATURE_UNKNOWN][0]);
    else if (lists[FEATURE_REFUSED][0])
        check(FAIL, "machine.protection", "CPUID has %s, and the CPU refuses it",
              lists[FEATURE_REFUSED][0]);
    else if (lists[FEATURE_IGNORED][0])
        check(FAIL, "machine.protection", "%s is on, and does not protect",
              lists[FEATURE_IGNORED][0]);
    else
        check(PASS, "machine.protection", "all that CPUID has is on%s",
              features_state(FEATURE_SMAP) == FEATURE_LEFT_OFF
                  ? ", but SMAP, with which this host breaks far returns in ring 3"
                  : "");
}

void machine_report_protection(uint64_t root, uint64_t user_va)
{
    protection_lists lists;

    write_cr3(root);
    if (features_state(FEATURE_SMAP) == FEATURE_ON && read_byte_safe(user_va))
        features_note(FEATURE_SMAP, FEATURE_IGNORED);
    write_cr3(kernel_root());
    list_protections(lists);
    report_detail(true);
    REPORT("protection",
           "protection  "
           "{on}{_absent}{absent}{_left_off}{left_off}{_refused}{refused}{_ignored}{ignored}\n",
           LIST("on", lists[FEATURE_ON]), LIST("absent", lists[FEATURE_ABSENT]),
           LIST("left_off", lists[FEATURE_LEFT_OFF]), LIST("refused", lists[FEATURE_REFUSED]),
           LIST("ignored", lists[FEATURE_IGNORED]),
           TEXT("_absent", lists[FEATURE_ABSENT][0] ? "; not in CPUID: " : ""),
           TEXT("_left_off",
                lists[FEATURE_LEFT_OFF][0] ? "; left off, this host breaks ring 3 with it: " : ""),
           TEXT("_refused", lists[FEATURE_REFUSED][0] ? "; refused: " : ""),
           TEXT("_ignored", lists[FEATURE_IGNORED][0] ? "; without effect: " : ""));
    report_detail(false);
}
