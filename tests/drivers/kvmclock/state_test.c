/* SPDX-License-Identifier: 0BSD */
/*
 * What drivers/kvmclock tells: of the machine that it found, of what the host has done since the
 * last look, in its settings and in the report.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/frames.h"
#include "arch/x86/msr.h"
#include "arch/x86/tsc.h"
#include "base/console.h"
#include "base/sysctl.h"
#include "drivers/kvmclock/kvmclock.h"
#include "kernel/clock/played_host.h"
#include "tests/check.h"
#include "tests/serial.h"
#include <clockpage/report.h>
#include <pvclock/port/mock.h>
#include <string.h>

struct pvclock_mock pvclock_mock;

enum { OLD = 1, NEW = 1 << 3, STABLE_BIT = 1 << 24, VCPUS = 4 };

/* ---- The machine ------------------------------------------------------- */

static struct {
    const char *hypervisor; /* 12 letters; NULL: none */
    uint32_t features;
    bool refuses_msrs;
    unsigned writes;
    uint32_t msr;
    uint64_t value;
} machine;

static struct played_host host; /* behind the MSRs */
static struct cpu running;
static struct kvmclock *const kc = &kvmclock; /* the one that the settings are of */

uint32_t cpu_count = VCPUS;

struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r = {0};

    assert_int_equal(subleaf, 0);
    if (leaf == 1)
        r.ecx = machine.hypervisor ? CPUID_1_ECX_HYPERVISOR : 0;
    if (leaf == 0x40000000 && machine.hypervisor) {
        r.eax = leaf + 1;
        memcpy(&r.ebx, machine.hypervisor, 4);
        memcpy(&r.ecx, machine.hypervisor + 4, 4);
        memcpy(&r.edx, machine.hypervisor + 8, 4);
    }
    if (leaf == 0x40000001)
        r.eax = machine.features;
    return r;
}

bool wrmsr_safe(uint32_t msr, uint64_t value)
{
    machine.writes++;
    machine.msr = msr;
    machine.value = value;
    return !machine.refuses_msrs && played_host_wrmsr(&host, msr, value);
}

uint64_t rdtsc_ordered(void)
{
    return pvclock_mock.tsc;
}

struct cpu *this_cpu(void)
{
    return &running;
}

static int start_report(void **state)
{
    (void)state;
    (void)console_init();
    report_init();
    sysctl_register_set();
    return 0;
}

static void attach(const char *hypervisor, uint32_t features, const char *played)
{
    memset(kc, 0, sizeof(*kc));
    memset(clock_slots, 0, sizeof(clock_slots));
    memset(&machine, 0, sizeof(machine));
    memset(&pvclock_mock, 0, sizeof(pvclock_mock));
    kc->slots = clock_slots;
    memset(kc->hypervisor, 'x', sizeof(kc->hypervisor)); /* of an earlier one */
    kc->stable = true;
    machine.hypervisor = hypervisor;
    machine.features = features;
    host = (struct played_host){
        .page = {.system_time = 5000,
                 .mul = 1u << 31,
                 .shift = 1,
                 .flags = 1}, /* a cycle is 1 ns */
        .epoch = UINT64_C(1700000000000000042),
    };
    kvmclock_attach(kc, &kvmclock_machine, played);
}

static void start(uint32_t features)
{
    attach("KVMKVMKVM\0\0\0", features, NULL);
    for (running.index = 0; running.index < VCPUS; running.index++)
        kvmclock_enable(kc, running.index);
    running.index = 0;
    kvmclock_check(kc, VCPUS);
}

/* ---- What it found ----------------------------------------------------- */

static void says_why_there_is_none(void **state)
{
    (void)state;
    attach(NULL, NEW, NULL);
    assert_false(kc->stable);
    assert_string_equal(kvmclock_why_none(kc), "no hypervisor shows itself in CPUID");
    assert_string_equal(kc->hypervisor, "");
    attach("Microsoft Hv", NEW, NULL);
    assert_string_equal(kvmclock_why_none(kc), "the hypervisor is not KVM");
    assert_string_equal(kc->hypervisor, "Microsoft Hv");
    attach("KVMKVMKVM\0\0\0", 2, NULL);
    assert_string_equal(kvmclock_why_none(kc), "KVM offers none (CPUID features)");
    kc->disabled = true;
    assert_string_equal(kvmclock_why_none(kc), "hint.kvmclock.0.disabled is set");
}

static void each_feature_has_its_name(void **state)
{
    static const char *const names[] = {
        "clocksource",
        "nop-io-delay",
        "mmu-op",
        "clocksource2",
        "async-pf",
        "steal-time",
        "pv-eoi",
        "pv-unhalt",
        NULL,
        "pv-tlb-flush",
        "async-pf-vmexit",
        "pv-send-ipi",
        "poll-control",
        "pv-sched-yield",
        "async-pf-int",
        "msi-ext-dest-id",
        "hc-map-gpa-range",
        "migration-control",
        NULL,
        NULL,
        NULL,
        NULL,
        NULL,
        NULL,
        "clocksource-stable-bit",
    };

    (void)state;
    for (unsigned bit = 0; bit < 40; bit++) {
        const char *name = kvmclock_feature_name(bit);
        const char *want = bit < sizeof(names) / sizeof(names[0]) ? names[bit] : NULL;
        assert_int_equal(name != NULL, want != NULL);
        if (name)
            assert_string_equal(name, want);
    }
}

/* ---- The pair of MSRs -------------------------------------------------- */

static void a_pair_that_is_offered_can_be_chosen(void **state)
{
    (void)state;
    for (unsigned offered = 0; offered < 4; offered++) {
        uint32_t features = (offered & 1 ? OLD : 0u) | (offered & 2 ? NEW : 0u);
        attach("KVMKVMKVM\0\0\0", features, NULL);
        for (unsigned old = 0; old < 2; old++) {
            bool can = features & (old ? OLD : NEW);
            assert_int_equal(kvmclock_choose_pair(kc, old), can);
            if (!can)
                continue;
            assert_int_equal(kc->host.msr_wall_clock, old ? 0x11 : 0x4b564d00);
            assert_int_equal(kc->host.msr_system_time, old ? 0x12 : 0x4b564d01);
            assert_int_equal(kvmclock_uses_new_msrs(kc), !old);
        }
    }
    kc->present = false;
    assert_false(kvmclock_choose_pair(kc, false));
}

/* Where it was registered before, with what is on its structure, and nobody else. */
static void a_renewed_vcpu_is_registered_at_once(void **state)
{
    (void)state;
    start(OLD | NEW | STABLE_BIT);
    machine.writes = 0;
    assert_true(kvmclock_choose_pair(kc, true));
    kvmclock_renew(kc, 1);
    assert_int_equal(machine.writes, 1);
    assert_int_equal(machine.msr, 0x12);
    assert_int_equal(machine.value, virt_to_phys(&clock_slots[1].info) | 1);
    assert_int_equal(kc->vcpus[1].status, PVCLOCK_OK);
    assert_true(kc->vcpus[1].registered);
    kvmclock_renew(kc, VCPUS); /* it was not */
    assert_int_equal(machine.writes, 1);
    machine.refuses_msrs = true;
    kvmclock_renew(kc, 1);
    assert_int_equal(kc->vcpus[1].status, PVCLOCK_NOT_READY);
    assert_int_equal(kc->vcpus[0].status, PVCLOCK_OK);
}

static void a_suspended_driver_asks_for_no_date(void **state)
{
    uint64_t epoch = 0;

    (void)state;
    start(NEW);
    machine.writes = 0;
    kc->suspended = true;
    assert_int_equal(kvmclock_wall(kc, &epoch), PVCLOCK_NOT_READY);
    assert_int_equal(machine.writes, 0);
    kc->suspended = false;
    assert_int_equal(kvmclock_wall(kc, &epoch), PVCLOCK_OK);
    assert_int_equal(epoch, UINT64_C(1700000000000000042));
    assert_int_equal(machine.msr, 0x4b564d00);
}

/* ---- What the host did ------------------------------------------------- */

/* The host writes vCPU n's structure. */
static void write(uint32_t n, uint32_t mul, int8_t shift, uint8_t flags)
{
    const struct pvclock_snapshot s = {.tsc_timestamp = pvclock_mock.tsc,
                                       .system_time = 5000 + pvclock_mock.tsc,
                                       .mul = mul,
                                       .shift = shift,
                                       .flags = flags};
    pvclock_publish(&clock_slots[n].info, &s);
}

static void write_all(uint32_t mul, int8_t shift, uint8_t flags)
{
    for (uint32_t i = 0; i < VCPUS; i++)
        write(i, mul, shift, flags);
}

static struct kvmclock_change look(bool changed)
{
    struct kvmclock_change c;

    pvclock_mock.tsc += 1000;
    assert_int_equal(kvmclock_look(kc, VCPUS, &c), changed);
    return c;
}

static void a_look_tells_what_is_new(void **state)
{
    struct kvmclock_change c;

    (void)state;
    start(NEW | STABLE_BIT);
    assert_true(kc->stable && kvmclock_all_stable(kc, VCPUS));
    uint32_t version = clock_slots[0].info.version;
    c = look(false);
    assert_true(!c.stopped && !c.asked && !c.stable_lost && !c.stable_back && c.hz_after == 0);
    assert_int_equal(c.before.version, version);
    assert_int_equal(c.after.version, version);
    /* An update that changes nothing. */
    write_all(1u << 31, 1, 1);
    c = look(false);
    assert_int_equal(c.before.version, version);
    assert_int_equal(c.after.version, version + 2);
    /* What a reader may be using is left alone, and the next is kept beside it. */
    assert_int_equal(kc->kept[kc->kept_index].version, version + 2);
    assert_int_equal(kc->kept[!kc->kept_index].version, version);
    /* STABLE goes, once, and comes again, once. */
    write_all(1u << 31, 1, 0);
    c = look(true);
    assert_true(c.stable_lost && !c.stable_back && !c.stopped && !c.asked);
    assert_true(kc->floor != 0 && !kc->seen_stable);
    c = look(false);
    assert_true(!c.stable_lost && !c.stable_back);
    pvclock_mock.tsc += 100000;
    write_all(1u << 31, 1, 1);
    c = look(true);
    assert_true(c.stable_back && !c.stable_lost);
    assert_true(kc->floor == 0 && kc->seen_stable);
    (void)look(false);
    /* One structure that is late keeps the others back. */
    write_all(1u << 31, 1, 0);
    (void)look(true);
    pvclock_mock.tsc += 100000;
    write_all(1u << 31, 1, 1);
    write(VCPUS - 1, 1u << 31, 1, 0);
    (void)look(false);
    assert_false(kvmclock_all_stable(kc, VCPUS));
    assert_true(kvmclock_all_stable(kc, VCPUS - 1));
    write(VCPUS - 1, 1u << 31, 1, 1);
    (void)look(true);
    /* A pause is reported until it is settled. */
    clock_slots[0].info.flags |= PVCLOCK_FLAG_GUEST_STOPPED;
    assert_true(kvmclock_is_stopped(kc, 0) && !kvmclock_is_stopped(kc, 1));
    assert_true(kvmclock_wants_look(kc));
    assert_true(look(true).stopped);
    c = look(true);
    assert_true(c.stopped && !c.asked);
    assert_true(kvmclock_settle(kc, &c));
    assert_false(kvmclock_wants_look(kc));
    (void)look(false);
    /* A question of another vCPU's. */
    clock_slots[1].info.flags |= PVCLOCK_FLAG_GUEST_STOPPED;
    clock_slots[1].info.system_time++;
    assert_false(kvmclock_poll(kc, 1));
    c = look(true);
    assert_true(c.asked && !c.stopped && c.question == 1);
    assert_false(kvmclock_settle(kc, &c));
    assert_false(look(false).asked);
}

static void nothing_is_told_before_it_runs(void **state)
{
    struct kvmclock_change c;

    (void)state;
    start(NEW | STABLE_BIT);
    write_all(1u << 31, 1, 2);
    for (unsigned without = 0; without < 3; without++) {
        struct kvmclock saved = *kc;
        if (without == 0)
            kc->present = false;
        else if (without == 1)
            kc->vcpus[0].registered = false;
        else
            kc->seen.version = 0;
        assert_false(kvmclock_look(kc, VCPUS, &c));
        assert_true(!c.stopped && c.after.version == 0);
        *kc = saved;
    }
    (void)look(true);
    /* Half way through an update there is nothing to be seen. */
    clock_slots[0].info.version |= 1;
    (void)look(false);
    kvmclock_watch(kc, VCPUS);
    clock_slots[0].info.version++;
    /* All that was seen of it is forgotten where it begins anew. */
    uint32_t version = clock_slots[0].info.version;
    assert_true(kc->kept[0].mul != 0 || kc->kept[1].mul != 0);
    kvmclock_restart(kc);
    assert_true(kc->kept[0].mul == 0 && kc->kept[1].mul == 0);
    assert_int_equal(kc->seen.version, version);
}

/* A structure that begins anew has the versions of an earlier one: none of them was seen before. */
static void versions_begin_anew_with_a_registration(void **state)
{
    (void)state;
    start(NEW | STABLE_BIT);
    uint32_t version = clock_slots[0].info.version;
    kc->kept[0].mul = kc->kept[1].mul = 7;
    kvmclock_restart(kc);
    assert_true(kc->kept[0].mul == 0 && kc->kept[1].mul == 0);
    kvmclock_watch(kc, VCPUS);
    assert_int_equal(kc->kept[kc->kept_index].version, version);
    assert_int_equal(kc->kept[kc->kept_index].mul, 1u << 31);

    /* What another vCPU may be comparing with is left alone. */
    struct kvmclock_change c;
    for (uint64_t pause = 1; pause <= 3; pause++) {
        uint32_t compared = kc->settled_index;
        uint64_t at = kc->settled[compared].tsc_timestamp;
        pvclock_mock.tsc += 7;
        write(0, 1u << 31, 1, 1 | PVCLOCK_FLAG_GUEST_STOPPED);
        c = look(true);
        assert_true(kvmclock_settle(kc, &c));
        assert_int_equal(kc->settled[compared].tsc_timestamp, at);
        assert_int_equal(kc->settled[kc->settled_index].tsc_timestamp,
                         clock_slots[0].info.tsc_timestamp);
    }
    for (uint64_t question = 1; question <= 2; question++) {
        write(1, 1u << 31, 1, 1 | PVCLOCK_FLAG_GUEST_STOPPED);
        assert_int_equal(clock_slots[1].info.version, version + 2);
        assert_false(kvmclock_poll(kc, 1)); /* it asks */
        assert_int_equal(kc->asked, question);
        c = look(true);
        assert_false(kvmclock_settle(kc, &c));
        assert_true(kvmclock_poll(kc, 1));
        running.index = 1;
        kvmclock_disable(kc, 1);
        kvmclock_enable(kc, 1);
        running.index = 0;
    }
}

/* As far as its precision goes; and what is no frequency is not compared. */
static void another_frequency_is_told(void **state)
{
    static const struct {
        uint32_t mul;
        int8_t shift;
        bool told;
        uint64_t hz;
    } cases[] = {
        {1u << 31, 1, false, 0},               /* 1 GHz, as before */
        {(1u << 31) + 1, 1, false, 0},         /* less apart than rounding the scale is */
        {(1u << 31) - 6, 1, false, 0},         /* 3 Hz, just what both may be off by */
        {(1u << 31) - 8, 1, true, 1000000004}, /* 3.7 Hz above */
        {(1u << 31) + 64, 1, true, 999999970},
        {1u << 31, 0, true, 2000000000},
        {1u << 30, 2, false, 0}, /* 1 GHz in other words */
        {1u << 31, 32, false, 0},
        {0, 1, false, 0},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start(NEW | STABLE_BIT);
        write_all(cases[i].mul, cases[i].shift, 1);
        struct kvmclock_change c = look(cases[i].told);
        assert_int_equal(c.hz_before, cases[i].told ? 1000000000 : 0);
        assert_int_equal(c.hz_after, cases[i].hz);
        if (cases[i].told) /* and back */
            assert_true((write_all(1u << 31, 1, 1), look(true).hz_after) == 1000000000);
    }
}

/* ---- Its settings ------------------------------------------------------ */

static void assert_setting(const char *name, const char *value)
{
    char is[SYSCTL_VALUE_SIZE];
    struct sysctl_at at;

    assert_true(sysctl_find(name, &at));
    sysctl_get(&at, is);
    assert_string_equal(is, value);
}

static void its_settings_show_its_state(void **state)
{
    (void)state;
    attach(NULL, NEW, NULL);
    assert_setting("dev.kvmclock.0.%desc",
                   "no KVM paravirtual clock: no hypervisor shows itself in CPUID");
    assert_setting("dev.kvmclock.0.msrs", "{ system_time = 0x0, wall_clock = 0x0 }");
    assert_setting("dev.kvmclock.0.features", "");
    assert_setting("dev.kvmclock.0.stable", "0");
    kc->disabled = true;
    attach("KVMKVMKVM\0\0\0", NEW, NULL);
    start(OLD | NEW | STABLE_BIT | 1 << 8 | 1u << 31);
    assert_setting("dev.kvmclock.0.%desc", "KVM paravirtual clock");
    assert_setting("dev.kvmclock.0.%driver", "kvmclock");
    assert_setting("dev.kvmclock.0.msrs", "{ system_time = 0x4b564d01, wall_clock = 0x4b564d00 }");
    assert_setting("dev.kvmclock.0.features",
                   "clocksource clocksource2 bit8 clocksource-stable-bit bit31");
    assert_setting("dev.kvmclock.0.stable", "1");
    assert_setting("dev.kvmclock.0.paused", "0");
    assert_setting("hint.kvmclock.0.disabled", "0");
    kc->vcpus[0].paused = 2;
    kc->vcpus[1].paused = 3;
    kc->vcpus[2].paused = 1;
    assert_setting("dev.kvmclock.0.paused", "3");
    kc->vcpus[MAX_CPUS - 1].paused = 4;
    assert_setting("dev.kvmclock.0.paused", "4");
    kc->vcpus[0].paused = 5;
    assert_setting("dev.kvmclock.0.paused", "5");
    assert_setting("dev.kvmclock.0.vcpu.1",
                   "{ registered = 1, version = 2, tsc_timestamp = 0, system_time = 5000, "
                   "mul = 2147483648, shift = 1, flags = 0x1, paused = 3 }");
    clock_slots[1].info.version++;
    assert_setting("dev.kvmclock.0.vcpu.1", "{ registered = 1, status = ok }");
    machine.refuses_msrs = true;
    kc->vcpus[2].registered = false;
    kvmclock_enable(kc, 2);
    assert_setting("dev.kvmclock.0.vcpu.2", "{ registered = 0, status = not ready }");
    kc->seen_stable = false;
    assert_setting("dev.kvmclock.0.stable", "0");
    kc->present = false;
    kc->seen_stable = true;
    assert_setting("dev.kvmclock.0.stable", "0");
}

/* ---- Its report -------------------------------------------------------- */

/* Of the text, and of the records. */
static void assert_told(const char *text, const char *json)
{
    if (!strstr(people, text))
        fail_msg("no '%s' in '%s'", text, people);
    if (!strstr(programs, json))
        fail_msg("no '%s' in '%s'", json, programs);
    serial_forget();
}

static void its_report_says_what_there_is(void **state)
{
    (void)state;
    start(NEW | STABLE_BIT | 1 << 8 | 1u << 31);
    kvmclock_report(kc);
    assert_told("kvmclock    MSR 0x4b564d01, the new pair; STABLE: the vCPUs' pages agree\n",
                "{\"record\":\"hypervisor\",\"signature\":\"KVMKVMKVM\",\"base\":1073741824,"
                "\"features\":2164261128,\"feature_names\":[\"clocksource2\",\"unknown\","
                "\"clocksource-stable-bit\",\"unknown\"],\"kvmclock\":true,"
                "\"msr_system_time\":1263947009,\"msr_wall_clock\":1263947008,\"stable\":true,"
                "\"missing_because\":\"\"}\n");
    start(UINT32_MAX);
    kvmclock_report(kc);
    assert_told("KVMKVMKVM", "\"clocksource-stable-bit\",\"unknown\",\"unknown\",\"unknown\","
                             "\"unknown\",\"unknown\",\"unknown\",\"unknown\"]");
    start(OLD);
    kvmclock_report(kc);
    assert_told("hypervisor  KVMKVMKVM\n",
                "\"msr_system_time\":18,\"msr_wall_clock\":17,\"stable\":false,");
    kvmclock_report(kc);
    assert_told("MSR 0x12, the old pair; not STABLE: the vCPUs' pages may differ\n",
                "\"feature_names\":[\"clocksource\"],");
    attach("KVMKVMKVM\0\0\0", NEW, "as asked");
    kvmclock_report(kc);
    assert_told("kvmclock    scripted: the kernel plays the host; not STABLE, as asked\n",
                "\"kvmclock\":true");
    kc->stable = true;
    kvmclock_report(kc);
    assert_told("the host; STABLE, as asked\n", "\"stable\":true");
    attach(NULL, NEW, NULL);
    kc->stable = true;
    kvmclock_report(kc);
    assert_told("hypervisor  none\n",
                "\"feature_names\":[],\"kvmclock\":false,\"msr_system_time\":0,"
                "\"msr_wall_clock\":0,\"stable\":false,"
                "\"missing_because\":\"no hypervisor shows itself in CPUID\"}\n");
    kvmclock_report(kc);
    assert_told("kvmclock    none: no hypervisor shows itself in CPUID; the TSC alone keeps time,\n"
                "            and nothing corrects it when this guest is paused or moved\n",
                "");
}

/* The verdict of kvmclock_judge() on `name`, with what it says. */
static void assert_judged(const char *name, const char *result, const char *says)
{
    char want[256], group[256];

    serial_forget();
    kvmclock_judge(kc, VCPUS);
    snprintf(want, sizeof(want), "\"name\":\"%s\",\"result\":\"%s\"", name, result);
    snprintf(group, sizeof(group), "%s", says);
    for (char *line = strtok(programs, "\n"); line; line = strtok(NULL, "\n")) {
        if (strstr(line, want) && strstr(line, group))
            return;
    }
    fail_msg("no %s: %s", want, says);
}

static void its_checks_find_what_is_wrong(void **state)
{
    (void)state;
    start(OLD | NEW | STABLE_BIT);
    assert_judged("kvmclock.msrs", "PASS", "0x4b564d01 and 0x4b564d00, the new pair");
    assert_judged("kvmclock.alive", "PASS", "4 of 4 pages written by the host");
    assert_judged("kvmclock.stable", "PASS", "trusted: CPUID says yes, the page of vCPU 0 yes");
    assert_true(kvmclock_choose_pair(kc, true));
    assert_judged("kvmclock.msrs", "FAIL", "0x12 and 0x11, the old pair");
    kc->host.features = OLD;
    assert_judged("kvmclock.msrs", "PASS", "the old pair");
    assert_judged("kvmclock.stable", "FAIL", "trusted: CPUID says no, the page of vCPU 0 yes");
    kc->host.features = STABLE_BIT;
    clock_slots[0].info.flags = 2;
    assert_judged("kvmclock.stable", "FAIL", "trusted: CPUID says yes, the page of vCPU 0 no");
    kc->stable = false;
    assert_judged("kvmclock.stable", "PASS", "not trusted: CPUID says yes");
    kc->vcpus[1].registered = kc->vcpus[2].registered = false;
    kc->vcpus[1].status = PVCLOCK_NOT_READY;
    kc->vcpus[2].status = PVCLOCK_BAD_VALUE;
    assert_judged("kvmclock.alive", "FAIL", "2 of 4 pages written by the host; vCPU 1: not ready");
    kc->vcpus[0].registered = false;
    assert_judged("kvmclock.alive", "FAIL", "1 of 4 pages written by the host; vCPU 0: ok");
    kc->played = "as asked";
    assert_judged("kvmclock.msrs", "SKIP", "the kernel plays the host");
    attach(NULL, 0, NULL);
    assert_judged("kvmclock.msrs", "SKIP", "no hypervisor");
    assert_judged("kvmclock.alive", "SKIP", "no hypervisor");
    assert_judged("kvmclock.stable", "SKIP", "no hypervisor");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_why_there_is_none),
        cmocka_unit_test(each_feature_has_its_name),
        cmocka_unit_test(a_pair_that_is_offered_can_be_chosen),
        cmocka_unit_test(a_renewed_vcpu_is_registered_at_once),
        cmocka_unit_test(a_suspended_driver_asks_for_no_date),
        cmocka_unit_test(a_look_tells_what_is_new),
        cmocka_unit_test(nothing_is_told_before_it_runs),
        cmocka_unit_test(versions_begin_anew_with_a_registration),
        cmocka_unit_test(another_frequency_is_told),
        cmocka_unit_test(its_settings_show_its_state),
        cmocka_unit_test(its_report_says_what_there_is),
        cmocka_unit_test(its_checks_find_what_is_wrong),
    };

    return cmocka_run_group_tests(tests, start_report, NULL);
}
