/* SPDX-License-Identifier: 0BSD */
/*
 * The driver's state in the sysctl tree, below dev.kvmclock.0, read from the clock pages.  The
 * settings of the same branch are in base/tunables.c.
 */
#include "drivers/kvmclock/kvmclock.h"
#include <clockpage/sysctl.h>
#include <pvclock/pvclock.h>

static void get_description(void *context, uint32_t index, struct sysctl_text *to)
{
    const struct kvmclock *kc = context;

    (void)index;
    if (kc->present)
        sysctl_put(to, "KVM paravirtual clock");
    else
        sysctl_put(to, "no KVM paravirtual clock: %s", kvmclock_why_none(kc));
}

static void get_features(void *context, uint32_t index, struct sysctl_text *to)
{
    const struct kvmclock *kc = context;

    (void)index;
    for (unsigned bit = 0; bit < 32; bit++) {
        const char *name = kvmclock_feature_name(bit);
        if (!(kc->host.features >> bit & 1))
            continue;
        sysctl_put(to, "%s", to->length ? " " : "");
        if (name)
            sysctl_put(to, "%s", name);
        else
            sysctl_put(to, "bit%u", bit);
    }
}

static void get_msrs(void *context, uint32_t index, struct sysctl_text *to)
{
    const struct kvmclock *kc = context;

    (void)index;
    sysctl_put(to, "{ system_time = 0x%x, wall_clock = 0x%x }",
               kc->present ? kc->host.msr_system_time : 0,
               kc->present ? kc->host.msr_wall_clock : 0);
}

static void get_stable(void *context, uint32_t index, struct sysctl_text *to)
{
    const struct kvmclock *kc = context;

    (void)index;
    sysctl_put(to, "%d", kc->present && kc->seen_stable);
}

/* A pause stops all vCPUs, and shows on every page. */
static void get_paused(void *context, uint32_t index, struct sysctl_text *to)
{
    const struct kvmclock *kc = context;
    uint64_t most = 0;

    (void)index;
    for (uint32_t i = 0; i < MAX_CPUS; i++)
        most = kc->vcpus[i].paused > most ? kc->vcpus[i].paused : most;
    sysctl_put(to, "%lu", most);
}

static void get_vcpu(void *context, uint32_t index, struct sysctl_text *to)
{
    const struct kvmclock *kc = context;
    struct pvclock_snapshot s = {0};

    if (!kc->vcpus[index].registered ||
        pvclock_snapshot(&kc->slots[index].info, &s) != PVCLOCK_OK) {
        sysctl_put(to, "{ registered = %d, status = %s }", kc->vcpus[index].registered,
                   pvclock_status_name(kc->vcpus[index].status));
        return;
    }
    sysctl_put(to,
               "{ registered = 1, version = %u, tsc_timestamp = %lu, system_time = %lu, "
               "mul = %u, shift = %d, flags = 0x%x, paused = %lu }",
               s.version, s.tsc_timestamp, s.system_time, s.mul, s.shift, s.flags,
               kc->vcpus[index].paused);
}

static char driver_name[] = "kvmclock";

static const struct sysctl device_nodes[] = {
    SYSCTL_SHOWN("%desc", SYSCTL_STRING, get_description, "what the device is"),
    SYSCTL_VALUE("%driver", SYSCTL_STRING, SYSCTL_RD, driver_name, 0, 0, NULL, "its driver"),
    SYSCTL_SHOWN("features", SYSCTL_STRING, get_features, "what KVM offers, by CPUID"),
    SYSCTL_SHOWN("msrs", SYSCTL_OPAQUE, get_msrs, "the pair of MSRs in use; 0: none"),
    SYSCTL_SHOWN("paused", SYSCTL_U64, get_paused,
                 "times that the host said that it had paused the guest"),
    SYSCTL_SHOWN("stable", SYSCTL_BOOL, get_stable,
                 "1: one page serves all vCPUs, by CPUID and by every page"),
};

static const struct sysctl vcpu_nodes[] = {
    SYSCTL_SHOWN("", SYSCTL_OPAQUE, get_vcpu,
                 "what the host wrote on this vCPU's page, and the pauses seen there"),
};

static struct sysctl_branch device = SYSCTL_BRANCH("dev.kvmclock.0", device_nodes);
static struct sysctl_branch vcpus = SYSCTL_BRANCH("dev.kvmclock.0.vcpu", vcpu_nodes);

void kvmclock_sysctl_register(struct kvmclock *kc, uint32_t count)
{
    vcpus.numbers = count;
    if (device.context)
        return;
    device.context = vcpus.context = kc;
    sysctl_register(&device);
    sysctl_register(&vcpus);
}
