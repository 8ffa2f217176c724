/* SPDX-License-Identifier: 0BSD */
/*
 * Writes the clock pages as KVM would, at the head of the flow: see played_host.h.
 */
#include "kernel/clock/played_host.h"
#include "arch/x86/cpu.h"
#include "arch/x86/frames.h"
#include "base/calendar.h"
#include "drivers/kvmclock/kvmclock.h"
#include <pvclock/seq.h>

void played_host_cpuid(void *context, uint32_t leaf, struct pvclock_cpuid *out)
{
    const struct played_host *h = context;

    kvmclock_machine.cpuid(kvmclock_machine.context, leaf, out);
    if (leaf == 1) {
        out->ecx |= UINT32_C(1) << 31; /* there is a hypervisor */
    } else if (leaf == PVCLOCK_CPUID_BASE_FIRST) {
        out->ebx = PVCLOCK_CPUID_SIGNATURE_EBX;
        out->ecx = PVCLOCK_CPUID_SIGNATURE_ECX;
        out->edx = PVCLOCK_CPUID_SIGNATURE_EDX;
    } else if (leaf == PVCLOCK_CPUID_BASE_FIRST + PVCLOCK_CPUID_FEATURES) {
        out->eax = h->features;
    }
}

static struct pvclock_vcpu_time_info *structure_of(const struct played_host *h, uint32_t index)
{
    return phys_to_virt(h->msr[index] & ~(uint64_t)PVCLOCK_MSR_ENABLE);
}

void played_host_write(const struct played_host *h, uint32_t index, uint8_t flags)
{
    struct pvclock_snapshot s = h->page;

    if (!(h->msr[index] & PVCLOCK_MSR_ENABLE))
        return;
    s.system_time += (uint64_t)(h->skew_ns * (int64_t)index);
    s.flags = flags;
    pvclock_publish(structure_of(h, index), &s);
}

bool played_host_wrmsr(void *context, uint32_t msr, uint64_t value)
{
    struct played_host *h = context;
    uint32_t index = this_cpu()->index;

    if (h->page.mul == 0)
        return false;
    if (msr == PVCLOCK_MSR_WALL_CLOCK || msr == PVCLOCK_MSR_WALL_CLOCK_OLD) {
        /* As from KVM, limited to what the structure has room for. */
        *(struct pvclock_wall_clock *)phys_to_virt(value) =
            (struct pvclock_wall_clock){.version = h->epoch ? 2 : 0,
                                        .sec = (uint32_t)(h->epoch / NS_PER_SECOND),
                                        .nsec = (uint32_t)(h->epoch % NS_PER_SECOND)};
        return true;
    }
    h->msr[index] = value;
    played_host_write(h, index, h->page.flags);
    return true;
}

uint64_t played_host_pause(struct played_host *h, uint64_t begin, uint64_t end)
{
    uint64_t stood = 0, went_on = 0;

    (void)pvclock_extrapolate(&h->page, begin, &stood);
    (void)pvclock_extrapolate(&h->page, end, &went_on);
    h->page.system_time = stood;
    h->page.tsc_timestamp = end;
    if (h->epoch)
        h->epoch += went_on - stood;
    for (uint32_t i = 0; i < MAX_CPUS; i++) {
        /* Keep STABLE as a test may have set it, and a pause that nobody has seen yet. */
        if (h->msr[i] & PVCLOCK_MSR_ENABLE)
            played_host_write(h, i, structure_of(h, i)->flags | PVCLOCK_FLAG_GUEST_STOPPED);
    }
    return went_on - stood;
}

void played_host_set_stable(struct pvclock_vcpu_time_info *info, bool stable)
{
    struct pvclock_snapshot s;

    if (pvclock_take_snapshot(info, &s) != PVCLOCK_OK)
        return;
    /* Its vCPU may clear GUEST_STOPPED at any time, so the flags are never copied. */
    pvclock_seq_write_begin(&info->version);
    if (stable)
        (void)__atomic_or_fetch(&info->flags, PVCLOCK_FLAG_TSC_STABLE, __ATOMIC_RELAXED);
    else
        (void)__atomic_and_fetch(&info->flags, (uint8_t)~PVCLOCK_FLAG_TSC_STABLE, __ATOMIC_RELAXED);
    pvclock_seq_write_end(&info->version);
}
