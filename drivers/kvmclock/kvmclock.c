/* SPDX-License-Identifier: 0BSD */
#include "drivers/kvmclock/kvmclock.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/frames.h"
#include "arch/x86/msr.h"
#include <pvclock/read.h>

static void ops_cpuid(void *context, uint32_t leaf, struct pvclock_cpuid *out)
{
    struct cpuid r = cpuid(leaf, 0);

    (void)context;
    *out = (struct pvclock_cpuid){r.eax, r.ebx, r.ecx, r.edx};
}

static bool ops_wrmsr(void *context, uint32_t msr, uint64_t value)
{
    (void)context;
    return wrmsr_safe(msr, value);
}

static const struct pvclock_ops ops = {ops_cpuid, ops_wrmsr, NULL};

static char signature[13];
static uint32_t (*this_index)(void);

/* The first hypervisor leaf names the hypervisor, which may show KVM's leaves at another base. */
static void read_signature(void)
{
    struct cpuid r;
    uint32_t words[3];

    if (!(cpuid(1, 0).ecx & CPUID_1_ECX_HYPERVISOR))
        return;
    r = cpuid(PVCLOCK_CPUID_BASE_FIRST, 0);
    words[0] = r.ebx, words[1] = r.ecx, words[2] = r.edx;
    for (unsigned i = 0; i < 12; i++)
        signature[i] = (char)(words[i / 4] >> i % 4 * 8);
}

void kvmclock_attach(struct kvmclock *kc, struct kvmclock_slot *slots, uint64_t physical,
                     bool disabled)
{
    kc->slots = slots;
    kc->slots_physical = physical;
    kc->stable = false;
    kc->disabled = disabled;
    read_signature();
    kc->hypervisor = signature;
    kc->host = (struct pvclock_host){0};
    kc->present = signature[0] && pvclock_host_find(&ops, &kc->host) == PVCLOCK_OK && !disabled;
}

const char *kvmclock_feature_name(unsigned bit)
{
    /* [Linux, Documentation/virt/kvm/x86/cpuid.rst] */
    static const char *const names[32] = {
        [0] = "clocksource",
        [1] = "nop-io-delay",
        [2] = "mmu-op",
        [3] = "clocksource2",
        [4] = "async-pf",
        [5] = "steal-time",
        [6] = "pv-eoi",
        [7] = "pv-unhalt",
        [9] = "pv-tlb-flush",
        [10] = "async-pf-vmexit",
        [11] = "pv-send-ipi",
        [12] = "poll-control",
        [13] = "pv-sched-yield",
        [14] = "async-pf-int",
        [15] = "msi-ext-dest-id",
        [16] = "hc-map-gpa-range",
        [17] = "migration-control",
        [24] = "clocksource-stable-bit",
    };
    return bit < 32 ? names[bit] : NULL;
}

bool kvmclock_uses_new_msrs(const struct kvmclock *kc)
{
    return kc->host.msr_system_time == PVCLOCK_MSR_SYSTEM_TIME;
}

void kvmclock_enable(struct kvmclock *kc, uint32_t index)
{
    struct kvmclock_vcpu *vcpu = &kc->vcpus[index];

    if (kc->present)
        vcpu->status =
            pvclock_host_enable(&ops, &kc->host, &kc->slots[index].info,
                                kc->slots_physical + index * sizeof(*kc->slots), &vcpu->registered);
}

void kvmclock_disable(struct kvmclock *kc, uint32_t index)
{
    if (kc->present)
        kc->vcpus[index].status =
            pvclock_host_disable(&ops, &kc->host, &kc->vcpus[index].registered);
}

static uint64_t read_stable(void *context)
{
    const struct kvmclock *kc = context;
    uint64_t ns;

    (void)pvclock_ns(&kc->slots[0].info, PVCLOCK_LFENCE, &ns);
    return ns;
}

/* The vCPU's own page: kernel code is not moved between vCPUs, so one look at the index will do. */
static uint64_t read_own(void *context)
{
    const struct kvmclock *kc = context;
    uint64_t ns;

    (void)pvclock_ns(&kc->slots[this_index()].info, PVCLOCK_LFENCE, &ns);
    return ns;
}

void kvmclock_check(struct kvmclock *kc, uint32_t count, uint32_t (*index_of_this_cpu)(void))
{
    bool stable = kc->present;

    for (uint32_t i = 0; i < count; i++) {
        struct pvclock_snapshot s;
        if (kc->vcpus[i].registered)
            stable = pvclock_snapshot(&kc->slots[i].info, &s) == PVCLOCK_OK &&
                     pvclock_is_stable(kc->host.features, s.flags) && stable;
    }
    this_index = index_of_this_cpu;
    kc->stable = stable;
    kc->counter = (struct timecounter){
        .name = "kvmclock",
        .read = stable ? read_stable : read_own,
        .context = kc,
        .mask = UINT64_MAX,
        .frequency = 1000000000, /* the page's clock counts ns */
        .quality = TC_QUALITY_KVMCLOCK,
        .reason = TC_REASON_KVMCLOCK,
        .flags = stable ? 0 : TC_GUARDED,
    };
}

void kvmclock_poll(struct kvmclock *kc, uint32_t index)
{
    if (kc->vcpus[index].registered && pvclock_take_stopped(&kc->slots[index].info))
        kc->vcpus[index].paused++;
}

enum pvclock_status kvmclock_wall(struct kvmclock *kc, uint64_t *epoch_ns)
{
    /* The host writes it only while the MSR is written, so it may stand anywhere in the kernel. */
    static struct pvclock_wall_clock wall __attribute__((aligned(16)));

    return pvclock_host_wall(&ops, &kc->host, &wall, virt_to_phys(&wall), epoch_ns);
}
