/* SPDX-License-Identifier: 0BSD */
/*
 * Reports what the driver found, as text and JSON, and makes its checks: the kvmclock part of the
 * report at the end of a run.
 */
#include "drivers/kvmclock/kvmclock.h"
#include <clockpage/report.h>

static const char *pair_name(const struct kvmclock *kc)
{
    return kvmclock_uses_new_msrs(kc) ? "new" : "old";
}

void kvmclock_report(const struct kvmclock *kc)
{
    enum { BITS = 32 };
    const char *names[BITS + 1];
    unsigned n = 0;

    for (unsigned bit = 0; bit < BITS; bit++) {
        const char *name = kvmclock_feature_name(bit);
        if (kc->host.features >> bit & 1)
            names[n++] = name ? name : "unknown";
    }
    names[n] = NULL;
    REPORT("hypervisor",
           !kc->hypervisor[0]         ? "hypervisor  none\n"
           : n && report_is_verbose() ? "hypervisor  {signature}\n            {feature_names}\n"
                                      : "hypervisor  {signature}\n",
           TEXT("signature", kc->hypervisor), U64("base", kc->host.base),
           U64("features", kc->host.features), LIST("feature_names", names),
           BOOL("kvmclock", kc->present),
           U64("msr_system_time", kc->present ? kc->host.msr_system_time : 0),
           U64("msr_wall_clock", kc->present ? kc->host.msr_wall_clock : 0),
           BOOL("stable", kc->present && kc->stable),
           TEXT("missing_because", kc->present ? "" : kvmclock_why_none(kc)));
    if (kc->played)
        print("kvmclock    scripted: the kernel plays the host; %s, %s\n",
              kc->stable ? "STABLE" : "not STABLE", kc->played);
    else if (kc->present)
        print("kvmclock    MSR 0x%x, the %s pair; %s\n", kc->host.msr_system_time, pair_name(kc),
              kc->stable ? "STABLE: the vCPUs' pages agree"
                         : "not STABLE: the vCPUs' pages may differ");
    else
        print("kvmclock    none: %s; the TSC alone keeps time,\n            and nothing corrects "
              "it when "
              "this guest is paused or moved\n",
              kvmclock_why_none(kc));
}

void kvmclock_judge(const struct kvmclock *kc, uint32_t count)
{
    unsigned alive = 0, first_bad = 0;

    if (!kc->present) {
        check(SKIP, "kvmclock.msrs", "%s", kvmclock_why_none(kc));
        check(SKIP, "kvmclock.alive", "%s", kvmclock_why_none(kc));
        check(SKIP, "kvmclock.stable", "%s", kvmclock_why_none(kc));
        return;
    }
    if (kc->played)
        check(SKIP, "kvmclock.msrs", "the kernel plays the host");
    else
        check(pass_if(kvmclock_uses_new_msrs(kc) || !(kc->host.features & PVCLOCK_FEATURE_CLOCK)),
              "kvmclock.msrs", "0x%x and 0x%x, the %s pair", kc->host.msr_system_time,
              kc->host.msr_wall_clock, pair_name(kc));
    for (uint32_t i = count; i-- > 0;) {
        if (kc->vcpus[i].registered)
            alive++;
        else
            first_bad = i;
    }
    if (alive == count)
        check(PASS, "kvmclock.alive", "%u of %u pages written by the host", alive, count);
    else
        check(FAIL, "kvmclock.alive", "%u of %u pages written by the host; vCPU %u: %s", alive,
              count, first_bad, pvclock_status_name(kc->vcpus[first_bad].status));
    /* The only error is to trust it without both; not trusting it is always right. */
    bool feature = kc->host.features & PVCLOCK_FEATURE_TSC_STABLE;
    bool flag = kc->slots[0].info.flags & PVCLOCK_FLAG_TSC_STABLE;
    check(pass_if(!kc->stable || (feature && flag)), "kvmclock.stable",
          "%s: CPUID says %s, the page of vCPU 0 %s", kc->stable ? "trusted" : "not trusted",
          feature ? "yes" : "no", flag ? "yes" : "no");
}
