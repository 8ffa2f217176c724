/* SPDX-License-Identifier: 0BSD */
/* All that a kernel adds to lib/pvclock for a time of day.  docs/porting.md goes through it. */
#include <pvclock/host.h>
#include <pvclock/read.h>

static struct {
    struct pvclock_vcpu_time_info time; /* one per vCPU in a larger kernel */
    struct pvclock_wall_clock wall;
} page __attribute__((aligned(PVCLOCK_PAGE_SIZE)));
static struct pvclock_host host;
static bool registered;
static uint64_t epoch_ns;

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

enum pvclock_status clock_start(uint64_t (*physical)(const void *))
{
    enum pvclock_status status = pvclock_host_find(&ops, &host);

    if (status == PVCLOCK_OK)
        status = pvclock_host_enable(&ops, &host, &page.time, physical(&page.time), &registered);
    if (status == PVCLOCK_OK)
        status = pvclock_host_wall(&ops, &host, &page.wall, physical(&page.wall), &epoch_ns);
    return status;
}

struct pvclock_time clock_now(void)
{
    return pvclock_time_now(&page.time, PVCLOCK_LFENCE, epoch_ns);
}
void clock_stop(void)
{
    (void)pvclock_host_disable(&ops, &host, &registered);
}
