/* SPDX-License-Identifier: 0BSD */
/* All that a kernel adds to lib/pvclock for the time.  docs/porting.md goes through it. */
#include <pvclock/clock.h>

enum { VCPUS = 1 }; /* this kernel has one; a larger one calls clock_start() on each */

static union {
    struct pvclock_vcpu_time_info time;
    uint8_t line[64];
} pages[VCPUS] __attribute__((aligned(PVCLOCK_PAGE_SIZE)));
static struct pvclock_wall_clock wall __attribute__((aligned(64)));
static struct pvclock_host host;
static bool registered[VCPUS];
static struct pvclock_clock_vcpu vcpus[VCPUS] __attribute__((aligned(64)));
static struct pvclock_clock clock __attribute__((aligned(64)));

/* Ask for the date every ten minutes, after a pause or a step, and at most once a second. */
static const struct pvclock_date_policy policy = {.interval_ns = UINT64_C(600000000000),
                                                  .gap_ns = UINT64_C(1000000000)};

static void op_cpuid(void *context, uint32_t leaf, struct pvclock_cpuid *out)
{
    (void)context;
    __asm__ volatile("cpuid"
                     : "=a"(out->eax), "=b"(out->ebx), "=c"(out->ecx), "=d"(out->edx)
                     : "a"(leaf), "c"(0));
}

static bool op_wrmsr(void *context, uint32_t msr, uint64_t value)
{
    (void)context;
    __asm__ volatile("wrmsr" : : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)));
    return true;
}

static const struct pvclock_ops ops = {op_cpuid, op_wrmsr, 0};

static uint32_t this_vcpu(void *context)
{
    (void)context;
    return 0;
}

enum pvclock_status clock_init(void)
{
    enum pvclock_status status = pvclock_host_find(&ops, &host);
    enum pvclock_order order = pvclock_host_tsc_order(&ops);

    (void)pvclock_clock_init(&clock, vcpus, VCPUS, host.features, order,
                             host.tsc_khz * UINT64_C(1000), pvclock_tsc_now(order));
    clock.this_vcpu = this_vcpu;
    return status;
}

enum pvclock_status clock_start(uint32_t cpu, uint64_t (*physical)(const void *))
{
    enum pvclock_status status = pvclock_host_enable(&ops, &host, &pages[cpu].time,
                                                     physical(&pages[cpu].time), &registered[cpu]);

    if (status == PVCLOCK_OK)
        pvclock_clock_attach(&clock, cpu, &pages[cpu].time);
    return status;
}

uint64_t clock_ns(void)
{
    return pvclock_clock_ns(&clock, PVCLOCK_BY_CALL);
}

void clock_tick(uint32_t cpu, uint64_t (*physical)(const void *))
{
    uint64_t now = clock_ns(), epoch_ns;

    (void)pvclock_clock_poll(&clock, &pages[cpu].time);
    if (cpu == 0 && pvclock_clock_date_is_due(&clock, &policy, now) &&
        pvclock_host_wall(&ops, &host, &wall, physical(&wall), &epoch_ns) == PVCLOCK_OK)
        pvclock_clock_take_date(&clock, &policy, now, epoch_ns);
}

struct pvclock_time clock_date(void)
{
    return pvclock_clock_time(&clock, PVCLOCK_BY_CALL, PVCLOCK_DATE);
}

void clock_stop(uint32_t cpu)
{
    (void)pvclock_host_disable(&ops, &host, &registered[cpu]);
}
