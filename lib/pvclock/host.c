/* SPDX-License-Identifier: 0BSD */
/*
 * Finds KVM's clock by CPUID and registers each vCPU's clock page with the host by MSR: where the
 * host page enters the flow, before lib/pvclock/pvclock.c reads it.
 */
#include "host.h"

#include "scale.h"

/* Returns EAX of a leaf. */
PVCLOCK_COLD static uint32_t pvclock_eax_of(const struct pvclock_ops *ops, uint32_t leaf)
{
    struct pvclock_cpuid out;

    (ops->cpuid)(ops->context, leaf, &out);
    return out.eax;
}

enum pvclock_status pvclock_host_find(const struct pvclock_ops *ops, struct pvclock_host *out)
{
    struct pvclock_cpuid leaf;
    uint32_t base;

    out->base = out->features = out->tsc_khz = out->msr_system_time = out->msr_wall_clock = 0;

    /* Without the hypervisor bit, leaves above 0x40000000 can repeat the last standard one. */
    (ops->cpuid)(ops->context, 1, &leaf);
    if ((leaf.ecx >> 31) == 0)
        return PVCLOCK_NOT_READY;

    base = PVCLOCK_CPUID_BASE_FIRST;
    for (;; base += PVCLOCK_CPUID_BASE_STEP) {
        if (base > PVCLOCK_CPUID_BASE_LAST)
            return PVCLOCK_NOT_READY;
        (ops->cpuid)(ops->context, base, &leaf);
        if (leaf.ebx == PVCLOCK_CPUID_SIGNATURE_EBX && leaf.ecx == PVCLOCK_CPUID_SIGNATURE_ECX &&
            leaf.edx == PVCLOCK_CPUID_SIGNATURE_EDX)
            break;
    }
    out->base = base;
    out->features =
        pvclock_eax_of(ops, base + PVCLOCK_CPUID_FEATURES); /* KVM always has this leaf [2] */
    if (leaf.eax >= base + PVCLOCK_CPUID_TIMING)
        out->tsc_khz = pvclock_eax_of(ops, base + PVCLOCK_CPUID_TIMING);

    if ((out->features & PVCLOCK_FEATURE_CLOCK) != 0)
        out->msr_wall_clock = PVCLOCK_MSR_WALL_CLOCK;
    else if ((out->features & PVCLOCK_FEATURE_CLOCK_OLD) != 0)
        out->msr_wall_clock = PVCLOCK_MSR_WALL_CLOCK_OLD;
    else
        return PVCLOCK_NOT_READY;
    out->msr_system_time = out->msr_wall_clock + 1;
    return PVCLOCK_OK;
}

PVCLOCK_STATIC_ASSERT(PVCLOCK_MSR_SYSTEM_TIME == PVCLOCK_MSR_WALL_CLOCK + 1 &&
                          PVCLOCK_MSR_SYSTEM_TIME_OLD == PVCLOCK_MSR_WALL_CLOCK_OLD + 1,
                      "of each pair, system time comes after the wall clock");

/* Writes an address to an MSR, if there is a clock and the host would accept the address. */
PVCLOCK_COLD static enum pvclock_status pvclock_give(const struct pvclock_ops *ops, uint32_t msr,
                                                     uint64_t physical, size_t size,
                                                     unsigned enable)
{
    if (msr == 0)
        return PVCLOCK_NOT_READY;
    if (pvclock_placement(physical, size) != PVCLOCK_OK)
        return PVCLOCK_BAD_VALUE;
    return (ops->wrmsr)(ops->context, msr, physical | enable) ? PVCLOCK_OK : PVCLOCK_NOT_READY;
}

enum pvclock_status pvclock_host_enable(const struct pvclock_ops *ops,
                                        const struct pvclock_host *host,
                                        volatile struct pvclock_vcpu_time_info *clock_page,
                                        uint64_t physical, bool *registered)
{
    enum pvclock_status status;

    pvclock_prepare(clock_page);
    status =
        pvclock_give(ops, host->msr_system_time, physical, sizeof(*clock_page), PVCLOCK_MSR_ENABLE);
    *registered = status == PVCLOCK_OK;
    if (status == PVCLOCK_OK && !pvclock_is_alive(clock_page)) {
        (void)pvclock_host_disable(ops, host, registered);
        status = PVCLOCK_NOT_READY;
    }
    return status;
}

enum pvclock_status pvclock_host_disable(const struct pvclock_ops *ops,
                                         const struct pvclock_host *host, bool *registered)
{
    if (*registered) {
        if (!(ops->wrmsr)(ops->context, host->msr_system_time, 0))
            return PVCLOCK_NOT_READY;
        *registered = 0;
    }
    return PVCLOCK_OK;
}

enum pvclock_status pvclock_host_wall(const struct pvclock_ops *ops,
                                      const struct pvclock_host *host,
                                      volatile struct pvclock_wall_clock *wall, uint64_t physical,
                                      uint64_t *epoch_ns)
{
    enum pvclock_status status =
        pvclock_give(ops, host->msr_wall_clock, physical, sizeof(*wall), 0);

    *epoch_ns = PVCLOCK_NO_TIME;
    return status == PVCLOCK_OK ? pvclock_wall(wall, epoch_ns) : status;
}

/* Executes CPUID with an extended leaf; all 0 without it. */
PVCLOCK_COLD static struct pvclock_cpuid pvclock_extended(const struct pvclock_ops *ops,
                                                          uint32_t leaf)
{
    struct pvclock_cpuid out;

    out.eax = out.ebx = out.ecx = out.edx = 0;
    /* A CPU without extended leaves returns the data of a standard one. */
    if (pvclock_eax_of(ops, 0x80000000) - leaf < 0x10000)
        (ops->cpuid)(ops->context, leaf, &out);
    return out;
}

void pvclock_host_tsc_choice(const struct pvclock_ops *ops, struct pvclock_tsc_choice *out)
{
    bool has_rdtscp = (pvclock_extended(ops, 0x80000001).edx & 1 << 27) != 0;
    struct pvclock_cpuid vendor;

    out->order = PVCLOCK_LFENCE;
    out->either = has_rdtscp;
    out->why = "LFENCE always serializes";
    if ((pvclock_extended(ops, 0x80000021).eax & 1 << 2) != 0)
        return;
    (ops->cpuid)(ops->context, 0, &vendor);
    out->why = "it is Intel's";
    if (vendor.ecx == 0x6c65746e) /* the last of "GenuineIntel" */
        return;
    out->either = 0;
    out->why = "it has no RDTSCP";
    if (!has_rdtscp)
        return;
    out->order = PVCLOCK_RDTSCP;
    out->why = "LFENCE may not serialize";
}
