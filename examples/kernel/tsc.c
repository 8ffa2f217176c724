/* SPDX-License-Identifier: 0BSD */
/*
 * All that a kernel adds to lib/tsc for the TSC's frequency and the date where there is no
 * kvmclock. docs/porting.md goes through it.
 */
#include <tsc/rtc.h>
#include <tsc/tsc.h>

enum { PM_TIMER_PORT = 0x608 }; /* QEMU's; the FADT says where it is, and whether it has 32 bits */

static void out8(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
    uint8_t value;

    __asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
    return value;
}

static void cpuid(void *context, uint32_t leaf, struct tsc_cpuid *out)
{
    (void)context;
    __asm__ volatile("cpuid"
                     : "=a"(out->eax), "=b"(out->ebx), "=c"(out->ecx), "=d"(out->edx)
                     : "a"(leaf), "c"(0));
}

/* Channel 2 of the i8254, whose gate and speaker port 0x61 has: mode 2, 65536 counts a round. */
static void start_pit(void)
{
    out8(0x61, (uint8_t)((in8(0x61) & ~2) | 1));
    out8(0x43, 0xb4);
    out8(0x42, 0);
    out8(0x42, 0);
}

/* Latches the count and reads it, low byte first; it counts down. */
static bool read_pit(void *context, uint64_t *count)
{
    unsigned low;

    (void)context;
    out8(0x43, 0x80);
    low = in8(0x42);
    *count = -(uint64_t)(low | (unsigned)in8(0x42) << 8);
    return true;
}

static bool read_pm_timer(void *context, uint64_t *count)
{
    uint32_t value;

    (void)context;
    __asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"((uint16_t)PM_TIMER_PORT));
    *count = value;
    return true;
}

static uint8_t read_rtc(void *context, uint8_t index)
{
    (void)context;
    out8(0x70, index);
    return in8(0x71);
}

static const struct tsc_ops ops = {cpuid, 0};
static const struct tsc_timer pit = {
    .read = read_pit, .mask = 0xffff, .hz = TSC_PIT_HZ, .error_ppm = 100};
static const struct tsc_timer pm_timer = {
    .read = read_pm_timer, .mask = 0xffffff, .hz = TSC_PM_TIMER_HZ, .error_ppm = 100};
static const struct tsc_rtc rtc = {read_rtc, 0};

/* Takes 20 ms, with interrupts off.  *name is that of the chosen source. */
enum tsc_status tsc_find(struct tsc_choice *choice, const char **name)
{
    struct tsc_source sources[] = {{.name = "the hypervisor's leaf"},
                                   {.name = "CPUID 0x15"},
                                   {.name = "ACPI PM timer"},
                                   {.name = "i8254"},
                                   {.name = "CPUID 0x16"}};
    enum tsc_status status;

    (void)tsc_cpuid_hypervisor(&ops, &sources[0]);
    (void)tsc_cpuid_crystal(&ops, &sources[1]);
    (void)tsc_measure(&pm_timer, TSC_PM_TIMER_HZ / 100, &sources[2]);
    start_pit();
    (void)tsc_measure(&pit, TSC_PIT_HZ / 100, &sources[3]);
    (void)tsc_cpuid_base(&ops, &sources[4]);
    status = tsc_vote(sources, sizeof(sources) / sizeof(sources[0]), choice);
    *name = sources[choice->index].name;
    return status;
}

/* The date at boot; the FADT's century register is 0x32 on QEMU. */
enum tsc_status date_find(uint64_t *seconds)
{
    return tsc_rtc_seconds(&rtc, 0x32, seconds);
}
