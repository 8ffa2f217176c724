/* SPDX-License-Identifier: 0BSD */
#include "host.h"

enum pvclock_status pvclock_host_find(const struct pvclock_ops *ops, struct pvclock_host *out)
{
    struct pvclock_cpuid leaf;

    out->base = out->features = out->tsc_khz = out->msr_system_time = out->msr_wall_clock = 0;

    /* Without the hypervisor bit, leaves above 0x40000000 can repeat the last ordinary one. */
    ops->cpuid(ops->context, 1, &leaf);
    if ((leaf.ecx >> 31) == 0)
        return PVCLOCK_NOT_READY;

    for (uint32_t base = PVCLOCK_CPUID_BASE_FIRST; base <= PVCLOCK_CPUID_BASE_LAST;
         base += PVCLOCK_CPUID_BASE_STEP) {
        uint32_t last;

        ops->cpuid(ops->context, base, &leaf);
        if (leaf.ebx != PVCLOCK_CPUID_SIGNATURE_EBX || leaf.ecx != PVCLOCK_CPUID_SIGNATURE_ECX ||
            leaf.edx != PVCLOCK_CPUID_SIGNATURE_EDX)
            continue;
        last = leaf.eax != 0 ? leaf.eax : base + PVCLOCK_CPUID_FEATURES;
        out->base = base;
        if (last >= base + PVCLOCK_CPUID_FEATURES) {
            ops->cpuid(ops->context, base + PVCLOCK_CPUID_FEATURES, &leaf);
            out->features = leaf.eax;
        }
        if (last >= base + PVCLOCK_CPUID_TIMING) {
            ops->cpuid(ops->context, base + PVCLOCK_CPUID_TIMING, &leaf);
            out->tsc_khz = leaf.eax;
        }
        break;
    }

    if ((out->features & PVCLOCK_FEATURE_CLOCK) != 0) {
        out->msr_system_time = PVCLOCK_MSR_SYSTEM_TIME;
        out->msr_wall_clock = PVCLOCK_MSR_WALL_CLOCK;
    } else if ((out->features & PVCLOCK_FEATURE_CLOCK_OLD) != 0) {
        out->msr_system_time = PVCLOCK_MSR_SYSTEM_TIME_OLD;
        out->msr_wall_clock = PVCLOCK_MSR_WALL_CLOCK_OLD;
    } else {
        return PVCLOCK_NOT_READY;
    }
    return PVCLOCK_OK;
}

enum pvclock_status pvclock_host_enable(const struct pvclock_ops *ops,
                                        const struct pvclock_host *host,
                                        struct pvclock_vcpu_time_info *page, uint64_t physical,
                                        bool *registered)
{
    *registered = false;
    if (host->msr_system_time == 0)
        return PVCLOCK_NOT_READY;
    if (pvclock_placement(physical, sizeof(*page)) != PVCLOCK_OK)
        return PVCLOCK_BAD_VALUE;
    pvclock_prepare(page);
    if (!ops->wrmsr(ops->context, host->msr_system_time, physical | PVCLOCK_MSR_ENABLE))
        return PVCLOCK_NOT_READY;
    *registered = true;
    if (pvclock_is_alive(page))
        return PVCLOCK_OK;
    (void)pvclock_host_disable(ops, host, registered);
    return PVCLOCK_NOT_READY;
}

enum pvclock_status pvclock_host_disable(const struct pvclock_ops *ops,
                                         const struct pvclock_host *host, bool *registered)
{
    if (!*registered)
        return PVCLOCK_OK;
    if (!ops->wrmsr(ops->context, host->msr_system_time, 0))
        return PVCLOCK_NOT_READY;
    *registered = false;
    return PVCLOCK_OK;
}

enum pvclock_status pvclock_host_wall(const struct pvclock_ops *ops,
                                      const struct pvclock_host *host,
                                      struct pvclock_wall_clock *wall, uint64_t physical,
                                      uint64_t *epoch_ns)
{
    *epoch_ns = PVCLOCK_NO_TIME;
    if (host->msr_wall_clock == 0)
        return PVCLOCK_NOT_READY;
    if (pvclock_placement(physical, sizeof(*wall)) != PVCLOCK_OK)
        return PVCLOCK_BAD_VALUE;
    if (!ops->wrmsr(ops->context, host->msr_wall_clock, physical))
        return PVCLOCK_NOT_READY;
    return pvclock_wall(wall, epoch_ns);
}

enum pvclock_order pvclock_host_tsc_order(const struct pvclock_ops *ops)
{
    struct pvclock_cpuid leaf;

    ops->cpuid(ops->context, 0x80000000, &leaf);
    if (leaf.eax >= 0x80000001 && leaf.eax < 0x80010000) {
        ops->cpuid(ops->context, 0x80000001, &leaf);
        if ((leaf.edx & 1 << 27) != 0)
            return PVCLOCK_RDTSCP;
    }
    return PVCLOCK_LFENCE;
}
