/* SPDX-License-Identifier: 0BSD */
/*
 * The scripted host: the kernel itself writes the clock pages that lib/pvclock reads, for tests
 * without KVM.
 */
#include "drivers/kvmclock/kvmclock.h"

#define NS_PER_SECOND UINT64_C(1000000000)

void kvmclock_script(struct kvmclock *kc, uint64_t hz, uint64_t tsc, uint64_t system_time,
                     int64_t skew_ns, bool stable)
{
    kc->scripted = pvclock_scale_from_hz(hz, &kc->script.mul, &kc->script.shift) == PVCLOCK_OK;
    kc->present = kc->scripted;
    kc->host.features = PVCLOCK_FEATURE_CLOCK | PVCLOCK_FEATURE_TSC_STABLE;
    kc->script.tsc_timestamp = tsc;
    kc->script.system_time = system_time;
    kc->script.flags = stable ? PVCLOCK_FLAG_TSC_STABLE : 0;
    kc->skew_ns = skew_ns;
}

/*
 * Changes flags under the version protocol.  GUEST_STOPPED may be cleared by its vCPU at any
 * time, so it is only ever set here, and never copied.
 */
static void change_flags(struct pvclock_vcpu_time_info *info, uint8_t clear, uint8_t set)
{
    volatile uint32_t *version = &info->version;

    *version |= 1;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    (void)__atomic_and_fetch(&info->flags, (uint8_t)~clear, __ATOMIC_RELAXED);
    (void)__atomic_or_fetch(&info->flags, set, __ATOMIC_RELAXED);
    __atomic_store_n(version, *version + 1, __ATOMIC_RELEASE);
}

static struct pvclock_snapshot structure_of(const struct kvmclock *kc, uint32_t index)
{
    struct pvclock_snapshot s = kc->script;

    s.system_time += (uint64_t)(kc->skew_ns * (int64_t)index);
    return s;
}

void kvmclock_script_enable(struct kvmclock *kc, uint32_t index)
{
    const struct pvclock_snapshot s = structure_of(kc, index);

    pvclock_publish(&kc->slots[index].info, &s);
    kc->vcpus[index].registered = true;
    kc->vcpus[index].status = PVCLOCK_OK;
}

enum pvclock_status kvmclock_script_wall(const struct kvmclock *kc, uint64_t *epoch_ns)
{
    /* As from KVM, limited to what the structure has room for. */
    const struct pvclock_wall_clock wall = {.version = kc->script_epoch ? 2 : 0,
                                            .sec = (uint32_t)(kc->script_epoch / NS_PER_SECOND),
                                            .nsec = (uint32_t)(kc->script_epoch % NS_PER_SECOND)};

    return pvclock_wall(&wall, epoch_ns);
}

uint64_t kvmclock_script_pause(struct kvmclock *kc, uint32_t count, uint64_t begin, uint64_t end)
{
    uint64_t stood = 0, went_on = 0;

    (void)pvclock_extrapolate(&kc->script, begin, &stood);
    (void)pvclock_extrapolate(&kc->script, end, &went_on);
    kc->script.system_time = stood;
    kc->script.tsc_timestamp = end;
    if (kc->script_epoch)
        kc->script_epoch += went_on - stood;
    for (uint32_t i = 0; i < count; i++) {
        struct pvclock_snapshot s = structure_of(kc, i);
        if (!kc->vcpus[i].registered)
            continue;
        /* Keep STABLE as a test may have set it, and a pause that nobody has seen yet. */
        s.flags = kc->slots[i].info.flags | PVCLOCK_FLAG_GUEST_STOPPED;
        pvclock_publish(&kc->slots[i].info, &s);
    }
    return went_on - stood;
}

void kvmclock_set_flag(struct kvmclock *kc, uint32_t index, bool stable)
{
    struct pvclock_snapshot s;

    if (pvclock_snapshot(&kc->slots[index].info, &s) == PVCLOCK_OK)
        change_flags(&kc->slots[index].info, stable ? 0 : PVCLOCK_FLAG_TSC_STABLE,
                     stable ? PVCLOCK_FLAG_TSC_STABLE : 0);
}
