/* SPDX-License-Identifier: 0BSD */
/*
 * The local APIC: inter-processor interrupts for smp.c and ipi.c, and the timer behind the
 * kernel's ticks.
 */
#include "arch/x86/apic.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/cr.h"
#include "arch/x86/layout.h"
#include "arch/x86/msr.h"
#include "arch/x86/paging.h"
#include "arch/x86/trap.h"

/* Register offsets in memory; an x2APIC has them at MSR 0x800 + offset / 16. */
enum apic_register {
    APIC_ID = 0x20,
    APIC_TPR = 0x80,
    APIC_EOI = 0xb0,
    APIC_SVR = 0xf0,
    APIC_ICR = 0x300,
    APIC_ICR_HIGH = 0x310,
    APIC_LVT_TIMER = 0x320,
    APIC_LVT_LINT0 = 0x350,
    APIC_TIMER_INITIAL = 0x380,
    APIC_TIMER_CURRENT = 0x390,
    APIC_TIMER_DIVIDE = 0x3e0,
};

#define APIC_BASE_X2APIC (1u << 10)
#define APIC_BASE_ENABLE (1u << 11)
#define SVR_ENABLE       (1u << 8)
#define LVT_MASKED       (1u << 16)
#define ICR_PENDING      (1u << 12)
#define ICR_FIXED        0x04000u
#define ICR_NMI          0x04400u
#define ICR_INIT         0x04500u
#define ICR_STARTUP      0x04600u
#define ICR_ALL_OTHERS   0xc0000u
#define DIVIDE_BY_16     3u

static bool x2apic;

static volatile uint32_t *registers(void)
{
    return (volatile uint32_t *)DEVICE_BASE;
}

static uint32_t read(enum apic_register r)
{
    return x2apic ? (uint32_t)rdmsr(MSR_X2APIC_BASE + r / 16) : registers()[r / 4];
}

static void write(enum apic_register r, uint32_t value)
{
    if (x2apic)
        wrmsr(MSR_X2APIC_BASE + r / 16, value);
    else
        registers()[r / 4] = value;
}

bool apic_init(void)
{
    struct cpuid features = cpuid(1, 0);

    if (!(features.edx & CPUID_1_EDX_APIC))
        return false;
    uint64_t base = rdmsr(MSR_APIC_BASE);
    if (!(base & APIC_BASE_ENABLE))
        return false;
    /* A CPU that announces an x2APIC and refuses it has an xAPIC. */
    x2apic =
        features.ecx & CPUID_1_ECX_X2APIC && wrmsr_safe(MSR_APIC_BASE, base | APIC_BASE_X2APIC);
    return x2apic || page_map(kernel_root(), DEVICE_BASE, base & PAGE_ADDRESS, PAGE_DEVICE);
}

bool apic_is_x2apic(void)
{
    return x2apic;
}

void apic_enable(void)
{
    if (x2apic)
        wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_ENABLE | APIC_BASE_X2APIC);
    write(APIC_TPR, 0);
    /* The 8259 is masked, but its spurious interrupts arrive through LINT0. */
    write(APIC_LVT_LINT0, LVT_MASKED);
    write(APIC_LVT_TIMER, LVT_MASKED);
    write(APIC_TIMER_DIVIDE, DIVIDE_BY_16);
    write(APIC_SVR, SVR_ENABLE | VECTOR_SPURIOUS);
}

uint32_t apic_id(void)
{
    return x2apic ? read(APIC_ID) : read(APIC_ID) >> 24;
}

void apic_end_of_interrupt(void)
{
    write(APIC_EOI, 0);
}

/*
 * WRMSR to an x2APIC serialises nothing: without the fences a CPU that virtualises interrupts may
 * deliver this one before the stores that it announces [Intel SDM vol. 3A, 10.12.3].  A store to an
 * xAPIC stays behind them by itself, but only where the compiler leaves it.
 */
static void send(uint32_t destination, uint32_t command)
{
    __asm__ volatile("mfence; lfence" : : : "memory");
    if (x2apic) {
        wrmsr(MSR_X2APIC_BASE + APIC_ICR / 16, (uint64_t)destination << 32 | command);
        return;
    }
    registers()[APIC_ICR_HIGH / 4] = destination << 24;
    registers()[APIC_ICR / 4] = command;
    for (unsigned i = 0; i < 100000 && registers()[APIC_ICR / 4] & ICR_PENDING; i++)
        cpu_pause();
}

void apic_send_init(uint32_t apic_id)
{
    send(apic_id, ICR_INIT);
}

void apic_send_startup(uint32_t apic_id, uint32_t physical_page)
{
    send(apic_id, ICR_STARTUP | physical_page / PAGE_SIZE);
}

void apic_send(uint32_t apic_id, uint8_t vector)
{
    send(apic_id, ICR_FIXED | vector);
}

void apic_send_all_others(uint8_t vector)
{
    send(0, ICR_ALL_OTHERS | ICR_FIXED | vector);
}

void apic_send_nmi_all_others(void)
{
    send(0, ICR_ALL_OTHERS | ICR_NMI);
}

void apic_timer_once(uint32_t initial)
{
    write(APIC_LVT_TIMER, VECTOR_TIMER);
    write(APIC_TIMER_INITIAL, initial);
}

void apic_timer_stop(void)
{
    write(APIC_LVT_TIMER, LVT_MASKED);
    write(APIC_TIMER_INITIAL, 0);
}

void apic_timer_free_run(void)
{
    write(APIC_LVT_TIMER, LVT_MASKED);
    write(APIC_TIMER_INITIAL, 0xffffffff);
}

uint32_t apic_timer_elapsed(void)
{
    return 0xffffffff - read(APIC_TIMER_CURRENT);
}
