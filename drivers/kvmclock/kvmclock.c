/* SPDX-License-Identifier: 0BSD */
/*
 * The kvmclock driver: finds KVM, registers each vCPU's clock page with the host, and turns the
 * pages into a timecounter by lib/pvclock.  It also tells the kernel's clock what the host did:
 * pauses, a lost STABLE flag, a new TSC frequency.
 */
#include "drivers/kvmclock/kvmclock.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/frames.h"
#include "arch/x86/msr.h"
#include "arch/x86/tsc.h"
#include "base/calendar.h"
#include <clockpage/sysctl.h>
#include <pvclock/read.h>

struct kvmclock kvmclock = {.slots = clock_slots};
struct kvmclock_slot clock_slots[MAX_CPUS] __attribute__((section(".clock_pages"), aligned(4096)));

/* ---- Find KVM, register vCPUs ------------------------------------------ */

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

const struct pvclock_ops kvmclock_machine = {ops_cpuid, ops_wrmsr, NULL};

/*
 * Reads the first hypervisor leaf, which names the hypervisor; it may offer KVM's leaves at
 * another base.
 */
static void read_signature(char signature[13])
{
    struct cpuid r;
    uint32_t words[3];

    signature[0] = 0;
    if (!(cpuid(1, 0).ecx & CPUID_1_ECX_HYPERVISOR))
        return;
    r = cpuid(PVCLOCK_CPUID_BASE_FIRST, 0);
    words[0] = r.ebx, words[1] = r.ecx, words[2] = r.edx;
    for (unsigned i = 0; i < 12; i++)
        signature[i] = (char)(words[i / 4] >> i % 4 * 8);
    signature[12] = 0;
}

void kvmclock_attach(struct kvmclock *kc, const struct pvclock_ops *ops, const char *played)
{
    kc->ops = ops;
    kc->played = played;
    kc->stable = false;
    read_signature(kc->hypervisor);
    kc->present = pvclock_host_find(ops, &kc->host) == PVCLOCK_OK && !kc->disabled;
}

const char *kvmclock_why_none(const struct kvmclock *kc)
{
    if (kc->disabled)
        return "hint.kvmclock.0.disabled is set";
    if (!kc->hypervisor[0])
        return "no hypervisor shows itself in CPUID";
    if (!kc->host.base)
        return "the hypervisor is not KVM";
    return "KVM offers none (CPUID features)";
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
    struct pvclock_vcpu_time_info *info = &kc->slots[index].info;

    vcpu->asked_version = 0;
    if (kc->present)
        vcpu->status =
            pvclock_host_enable(kc->ops, &kc->host, info, virt_to_phys(info), &vcpu->registered);
}

void kvmclock_disable(struct kvmclock *kc, uint32_t index)
{
    struct kvmclock_vcpu *vcpu = &kc->vcpus[index];

    if (kc->present)
        vcpu->status = pvclock_host_disable(kc->ops, &kc->host, &vcpu->registered);
}

bool kvmclock_choose_pair(struct kvmclock *kc, bool old)
{
    uint32_t needed = old ? PVCLOCK_FEATURE_CLOCK_OLD : PVCLOCK_FEATURE_CLOCK;

    if (!kc->present || !(kc->host.features & needed))
        return false;
    kc->host.msr_wall_clock = old ? PVCLOCK_MSR_WALL_CLOCK_OLD : PVCLOCK_MSR_WALL_CLOCK;
    kc->host.msr_system_time = old ? PVCLOCK_MSR_SYSTEM_TIME_OLD : PVCLOCK_MSR_SYSTEM_TIME;
    return true;
}

void kvmclock_renew(struct kvmclock *kc, uint32_t index)
{
    uint64_t value = virt_to_phys(&kc->slots[index].info) | PVCLOCK_MSR_ENABLE;

    if (kc->vcpus[index].registered &&
        !kc->ops->wrmsr(kc->ops->context, kc->host.msr_system_time, value))
        kc->vcpus[index].status = PVCLOCK_NOT_READY;
}

void kvmclock_restart(struct kvmclock *kc)
{
    kc->kept[0].mul = kc->kept[1].mul = 0;
    (void)pvclock_take_snapshot(&kc->slots[0].info, &kc->seen);
}

/* ---- The timecounter --------------------------------------------------- */

/*
 * Sets the floor after the running vCPU, `index`, has found STABLE gone.  Every time returned so
 * far came from a structure that agreed with vCPU 0's, at a TSC before now, so vCPU 0's last
 * stable contents give an upper bound now.  But if the guest was paused in between, the TSC went
 * on, or is another machine's; then the host's new time starts where the times returned so far
 * ended, and is the bound.
 */
static void lose_stable(struct kvmclock *kc, uint32_t index)
{
    /* Pairs with the store in kvmclock_watch(). */
    uint32_t kept = __atomic_load_n(&kc->kept_index, __ATOMIC_ACQUIRE);
    uint64_t bound = 1, none = 0;
    struct pvclock_snapshot s;

    if (pvclock_take_snapshot(&kc->slots[index].info, &s) == PVCLOCK_OK &&
        s.flags & PVCLOCK_FLAG_GUEST_STOPPED)
        bound = s.system_time ? s.system_time : 1;
    else if (kc->kept[kept].mul != 0)
        (void)pvclock_extrapolate(&kc->kept[kept], rdtsc_ordered(), &bound);
    (void)pvclock_guard_cas(&kc->guard, bound);
    (void)__atomic_compare_exchange_n(&kc->floor, &none, bound, false, __ATOMIC_SEQ_CST,
                                      __ATOMIC_SEQ_CST);
}

/*
 * Returns the time from the running vCPU's structure; kernel code is not moved between vCPUs, so
 * reading the index once is enough.  If structures may disagree, no vCPU gets less than any other
 * was given.
 */
static uint64_t read_counter(void *context)
{
    struct kvmclock *kc = context;
    struct pvclock_sample s;
    uint32_t index = this_cpu()->index;
    enum pvclock_status status = pvclock_read(&kc->slots[index].info, PVCLOCK_LFENCE, &s);
    /* Pairs with the stores in lose_stable() and kvmclock_watch(). */
    uint64_t floor = __atomic_load_n(&kc->floor, __ATOMIC_ACQUIRE);

    if (status == PVCLOCK_OK && !floor && pvclock_is_stable(kc->host.features, s.flags)) {
        /*
         * A reading that began while they disagreed may have raised the guard after the floor was
         * cleared.
         */
        uint64_t told = __atomic_load_n(&kc->guard.last, __ATOMIC_ACQUIRE);
        return s.ns < told ? told : s.ns;
    }
    if (!floor)
        lose_stable(kc, index);
    return pvclock_guard_cas(&kc->guard, pvclock_has_time(status) ? s.ns : 0);
}

/* Keeps vCPU 0's stable contents, which give the bound when STABLE is lost. */
static void keep(struct kvmclock *kc, const struct pvclock_snapshot *s)
{
    uint32_t other = !kc->kept_index;

    kc->kept[other] = *s;
    /* Pairs with the load in lose_stable(). */
    __atomic_store_n(&kc->kept_index, other, __ATOMIC_RELEASE);
}

void kvmclock_watch(struct kvmclock *kc, uint32_t count)
{
    struct pvclock_snapshot s;
    uint64_t now;

    if (!kc->present || pvclock_take_snapshot(&kc->slots[0].info, &s) != PVCLOCK_OK)
        return;
    bool stable = pvclock_is_stable(kc->host.features, s.flags);
    if (!kc->floor) {
        const struct pvclock_snapshot *kept = &kc->kept[kc->kept_index];
        if (!stable)
            lose_stable(kc, 0);
        else if (kept->version != s.version || kept->mul == 0)
            keep(kc, &s);
        return;
    }
    for (uint32_t i = 0; stable && i < count; i++)
        stable = pvclock_is_stable(kc->host.features, kc->slots[i].info.flags);
    /* They agree again.  Once their time is past all that was returned, the guard is not needed. */
    if (stable && pvclock_extrapolate(&s, rdtsc_ordered(), &now) == PVCLOCK_OK &&
        now > kc->guard.last) {
        /* Before any vCPU reads without the guard: STABLE may be lost again at once. */
        keep(kc, &s);
        __atomic_store_n(&kc->floor, 0, __ATOMIC_RELEASE);
    }
}

bool kvmclock_all_stable(const struct kvmclock *kc, uint32_t count)
{
    bool stable = kc->present;

    for (uint32_t i = 0; i < count; i++) {
        struct pvclock_snapshot s;
        if (kc->vcpus[i].registered)
            stable = pvclock_take_snapshot(&kc->slots[i].info, &s) == PVCLOCK_OK &&
                     pvclock_is_stable(kc->host.features, s.flags) && stable;
    }
    return stable;
}

void kvmclock_check(struct kvmclock *kc, uint32_t count)
{
    kc->stable = kc->seen_stable = kvmclock_all_stable(kc, count);
    kvmclock_watch(kc, count);
    (void)pvclock_take_snapshot(&kc->slots[0].info, &kc->seen);
    kc->counter = (struct timecounter){
        .name = "kvmclock",
        .read = read_counter,
        .context = kc,
        .mask = UINT64_MAX,
        .frequency = NS_PER_SECOND, /* the page's clock is in ns */
        .quality = TC_QUALITY_KVMCLOCK,
        .reason = TC_REASON_KVMCLOCK,
    };
}

/* ---- What the host did ------------------------------------------------- */

bool kvmclock_is_stopped(const struct kvmclock *kc, uint32_t index)
{
    const volatile uint8_t *flags = &kc->slots[index].info.flags;

    return kc->vcpus[index].registered && *flags & PVCLOCK_FLAG_GUEST_STOPPED;
}

bool kvmclock_wants_look(const struct kvmclock *kc)
{
    return kvmclock_is_stopped(kc, 0) || __atomic_load_n(&kc->asked, __ATOMIC_ACQUIRE) !=
                                             __atomic_load_n(&kc->answered, __ATOMIC_ACQUIRE);
}

/*
 * Clears the flag that belongs to this version of the structure; false: it belongs to another
 * pause by now.
 */
static bool take_stopped(struct kvmclock *kc, uint32_t index, uint32_t version)
{
    struct pvclock_vcpu_time_info *info = &kc->slots[index].info;
    const volatile uint32_t *now = &info->version;

    if (!pvclock_take_stopped(info))
        return false;
    /* The host writes while its vCPU does not run: before the flag was taken, or not at all. */
    if (*now != version) {
        (void)__atomic_or_fetch(&info->flags, PVCLOCK_FLAG_GUEST_STOPPED, __ATOMIC_SEQ_CST);
        return false;
    }
    __atomic_store_n(&kc->vcpus[index].paused, kc->vcpus[index].paused + 1, __ATOMIC_RELEASE);
    return true;
}

/* Whether vCPU 0 has handled this structure's pause, or has answered since this vCPU asked. */
static bool is_settled(struct kvmclock *kc, struct kvmclock_vcpu *vcpu,
                       const struct pvclock_snapshot *s)
{
    /* Pairs with the store in kvmclock_settle(). */
    uint64_t answered = __atomic_load_n(&kc->answered, __ATOMIC_ACQUIRE);
    uint32_t i = __atomic_load_n(&kc->settled_index, __ATOMIC_ACQUIRE);

    /* If vCPU 0 settles two more just now, a mix of the two matches no pause. */
    if (kc->settled[i].tsc_timestamp == s->tsc_timestamp &&
        kc->settled[i].system_time == s->system_time)
        return true;
    if (vcpu->asked_version != s->version) {
        vcpu->asked_version = s->version;
        vcpu->asked = __atomic_add_fetch(&kc->asked, 1, __ATOMIC_SEQ_CST);
        return false;
    }
    return answered >= vcpu->asked;
}

bool kvmclock_poll(struct kvmclock *kc, uint32_t index)
{
    struct pvclock_snapshot s;

    return kvmclock_is_stopped(kc, index) &&
           pvclock_take_snapshot(&kc->slots[index].info, &s) == PVCLOCK_OK &&
           is_settled(kc, &kc->vcpus[index], &s) && take_stopped(kc, index, s.version);
}

bool kvmclock_settle(struct kvmclock *kc, const struct kvmclock_change *c)
{
    uint32_t other = !kc->settled_index;

    /* Both pair with the loads in is_settled(). */
    __atomic_store_n(&kc->answered, c->question, __ATOMIC_RELEASE);
    if (!c->stopped)
        return false;
    kc->settled[other].tsc_timestamp = c->after.tsc_timestamp;
    kc->settled[other].system_time = c->after.system_time;
    __atomic_store_n(&kc->settled_index, other, __ATOMIC_RELEASE);
    return take_stopped(kc, 0, c->after.version);
}

void kvmclock_count_last(struct kvmclock *kc, uint32_t index)
{
    if (kc->vcpus[index].registered)
        (void)take_stopped(kc, index, kc->slots[index].info.version);
}

/*
 * Sets hz_before and hz_after; both stay 0 if the scales give the same frequency, within their
 * precision.
 */
static void compare_scales(struct kvmclock_change *c)
{
    struct pvclock_frequency before, after;

    if ((c->before.mul == c->after.mul && c->before.shift == c->after.shift) ||
        pvclock_frequency_of(c->before.mul, c->before.shift, &before) != PVCLOCK_OK ||
        pvclock_frequency_of(c->after.mul, c->after.shift, &after) != PVCLOCK_OK)
        return;
    uint64_t apart = before.hz > after.hz ? before.hz - after.hz : after.hz - before.hz;
    if (apart <= before.error_hz + after.error_hz)
        return;
    c->hz_before = before.hz;
    c->hz_after = after.hz;
}

bool kvmclock_look(struct kvmclock *kc, uint32_t count, struct kvmclock_change *c)
{
    *c = (struct kvmclock_change){.before = kc->seen};
    c->question = __atomic_load_n(&kc->asked, __ATOMIC_SEQ_CST);
    c->asked = c->question != kc->answered;
    if (!kc->present || !kc->vcpus[0].registered || kc->seen.version == 0)
        return false;
    kvmclock_watch(kc, count);
    if (pvclock_take_snapshot(&kc->slots[0].info, &c->after) != PVCLOCK_OK)
        return false;
    kc->seen = c->after;
    bool stable = kc->floor == 0 && pvclock_is_stable(kc->host.features, c->after.flags);
    c->stopped = c->after.flags & PVCLOCK_FLAG_GUEST_STOPPED;
    c->stable_lost = kc->seen_stable && !stable;
    c->stable_back = !kc->seen_stable && stable;
    kc->seen_stable = stable;
    compare_scales(c);
    return c->stopped || c->asked || c->stable_lost || c->stable_back || c->hz_after;
}

enum pvclock_status kvmclock_wall(struct kvmclock *kc, uint64_t *epoch_ns)
{
    /* The host writes it only during the write of the MSR, so it may be anywhere in the kernel. */
    static struct pvclock_wall_clock wall __attribute__((aligned(16)));

    if (kc->suspended)
        return PVCLOCK_NOT_READY;
    return pvclock_host_wall(kc->ops, &kc->host, &wall, virt_to_phys(&wall), epoch_ns);
}

/* ---- Settings and state: dev.kvmclock.0, hint.kvmclock.0 ---------------- */

static void get_description(void *context, uint32_t index, struct sysctl_text *to)
{
    const struct kvmclock *kc = &kvmclock;

    (void)context, (void)index;
    if (kc->present)
        sysctl_put(to, "KVM paravirtual clock");
    else
        sysctl_put(to, "no KVM paravirtual clock: %s", kvmclock_why_none(kc));
}

static void get_features(void *context, uint32_t index, struct sysctl_text *to)
{
    const struct kvmclock *kc = &kvmclock;

    (void)context, (void)index;
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
    const struct kvmclock *kc = &kvmclock;

    (void)context, (void)index;
    sysctl_put(to, "{ system_time = 0x%x, wall_clock = 0x%x }",
               kc->present ? kc->host.msr_system_time : 0,
               kc->present ? kc->host.msr_wall_clock : 0);
}

static void get_stable(void *context, uint32_t index, struct sysctl_text *to)
{
    const struct kvmclock *kc = &kvmclock;

    (void)context, (void)index;
    sysctl_put(to, "%d", kc->present && kc->seen_stable);
}

/* A pause stops all vCPUs, and shows on every page. */
static void get_paused(void *context, uint32_t index, struct sysctl_text *to)
{
    const struct kvmclock *kc = &kvmclock;
    uint64_t most = 0;

    (void)context, (void)index;
    for (uint32_t i = 0; i < MAX_CPUS; i++)
        most = kc->vcpus[i].paused > most ? kc->vcpus[i].paused : most;
    sysctl_put(to, "%lu", most);
}

static void get_vcpu(void *context, uint32_t index, struct sysctl_text *to)
{
    const struct kvmclock *kc = &kvmclock;
    struct pvclock_snapshot s = {0};

    (void)context;
    if (!kc->vcpus[index].registered ||
        pvclock_take_snapshot(&kc->slots[index].info, &s) != PVCLOCK_OK) {
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
                 "1: all vCPUs' pages follow one clock, by CPUID and by every page"),
};

static const struct sysctl vcpu_nodes[] = {
    SYSCTL_SHOWN("", SYSCTL_OPAQUE, get_vcpu,
                 "what the host wrote on this vCPU's page, and the pauses seen there"),
};

static const struct sysctl hint_nodes[] = {
    SYSCTL_VALUE("disabled", SYSCTL_BOOL, SYSCTL_RDTUN, &kvmclock.disabled, 0, 0, "0",
                 "1: leave kvmclock alone"),
};

SYSCTL_TABLE("hint.kvmclock.0", hint_nodes);
SYSCTL_TABLE("dev.kvmclock.0", device_nodes);
SYSCTL_TABLE("dev.kvmclock.0.vcpu", vcpu_nodes, .numbers = &cpu_count);
