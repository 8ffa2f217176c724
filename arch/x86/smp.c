/* SPDX-License-Identifier: 0BSD */
/*
 * Starts vCPUs: copies the trampoline of ap.S into place, sends INIT and start-up, waits, and
 * numbers the vCPUs that came up.
 */
#include "arch/x86/smp.h"
#include "arch/x86/apic.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/cr.h"
#include "arch/x86/frames.h"
#include "arch/x86/ipi.h"
#include "arch/x86/paging.h"
#include "arch/x86/trap.h"
#include "arch/x86/wait.h"
#include <stddef.h>

_Static_assert(sizeof(struct cpu) <= PAGE_SIZE, "a vCPU's structure fits the frame it is given");

extern const char ap_trampoline[], ap_trampoline_end[], ap_trampoline_cr3[];
/* Whether CPUID leaf 0xb has the identity; the trampoline reads it. */
bool apic_id_is_wide;

/* Number of vCPUs that have come up, including the boot vCPU. */
static uint32_t arrivals = 1;

struct cpu *smp_prepare(uint32_t index, uint32_t apic_id)
{
    if (index >= MAX_CPUS || apic_id >= MAX_APIC_ID)
        return NULL;
    uint64_t frame = frame_alloc_zeroed();
    if (!frame)
        return NULL;
    struct cpu *cpu = phys_to_virt(frame);
    cpu->index = cpu->area = index;
    cpu->apic_id = apic_id;
    if (!cpu_map_stacks(cpu))
        return NULL;
    cpu_table[index] = cpu;
    cpu_of_apic_id[apic_id] = cpu;
    return cpu;
}

/* Called by the trampoline on the vCPU's own stack. */
_Noreturn void ap_main(struct cpu *cpu);

_Noreturn void ap_main(struct cpu *cpu)
{
    trap_load();
    cpu_load(cpu);
    apic_enable();
    smp_ask_begin(cpu);
    __atomic_store_n(&cpu->arrived, rdtsc_ordered(), __ATOMIC_RELEASE);
    (void)__atomic_add_fetch(&arrivals, 1, __ATOMIC_RELEASE);
    ipi_wake_boot_cpu();
    ipi_idle(cpu);
}

static bool place_trampoline(void)
{
    /* The page is mapped read-only and executable; write through a separate mapping. */
    uint64_t va = DEVICE_BASE + LARGE_PAGE;

    if (!page_lookup(kernel_root(), va) &&
        !page_map(kernel_root(), va, TRAMPOLINE_PHYS, PAGE_WRITE | PAGE_NX))
        return false;
    char *page = (char *)va;
    for (long i = 0; i < ap_trampoline_end - ap_trampoline; i++)
        page[i] = ap_trampoline[i];
    *(uint32_t *)(page + (ap_trampoline_cr3 - ap_trampoline)) = (uint32_t)kernel_root();
    apic_id_is_wide = cpuid_has_leaf(0xb) && cpuid(0xb, 0).ebx != 0;
    return true;
}

static bool has_arrived(const struct cpu *cpu)
{
    /* Pairs with the store in ap_main(). */
    return __atomic_load_n(&cpu->arrived, __ATOMIC_ACQUIRE) != 0;
}

static void send_startup_to_missing(uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < count; i++) {
        if (!has_arrived(cpu_table[i]))
            apic_send_startup(cpu_table[i]->apic_id, TRAMPOLINE_PHYS);
    }
}

static void put_at(uint32_t index, struct cpu *cpu)
{
    cpu->index = index;
    cpu_table[index] = cpu;
}

/*
 * Gives the vCPUs that came up consecutive numbers.  They sleep, and know themselves only by
 * their structures; a vCPU that comes up just now finds its structure by its APIC identity.
 */
static void number_those_that_came(uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < count; i++) {
        struct cpu *cpu = cpu_table[i];
        if (!has_arrived(cpu))
            continue;
        for (uint32_t j = i; j > online_count; j--)
            put_at(j, cpu_table[j - 1]);
        put_at(online_count++, cpu);
        __atomic_store_n(&cpu->online, 1, __ATOMIC_RELEASE);
    }
}

uint32_t smp_start(uint32_t first, uint32_t count, uint64_t patience)
{
    __atomic_store_n(&cpu_table[0]->online, 1, __ATOMIC_RELEASE);
    if (count <= first || !place_trampoline())
        return online_count;

    /*
     * The SDM's 10 ms between INIT and start-up are for chips with an external APIC; since the P6
     * both are latched.  A vCPU that missed its start-up gets the second one below.
     */
    for (uint32_t i = first; i < count; i++) {
        if (!has_arrived(cpu_table[i]))
            apic_send_init(cpu_table[i]->apic_id);
    }
    send_startup_to_missing(first, count);

    uint32_t arrived = 0;
    bool asked_again = false;
    struct wait wait = wait_begin(patience);
    while (arrived < count) {
        uint32_t now_arrived = __atomic_load_n(&arrivals, __ATOMIC_ACQUIRE);
        if (now_arrived > arrived) {
            arrived = now_arrived;
            wait_again(&wait);
            continue; /* that may have been the last one, whose wake-up is already past */
        }
        if (wait_is_over(&wait))
            break;
        if (wait.waited > patience / 8 && !asked_again) {
            send_startup_to_missing(first, count);
            asked_again = true;
        }
        interrupts_on_and_halt();
        interrupts_off();
    }
    number_those_that_came(first, count);
    return online_count;
}
