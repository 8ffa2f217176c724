/* SPDX-License-Identifier: 0BSD */
/*
 * drivers/kvmclock on as many vCPUs as there can be, each with an MSR of its own, and a host that
 * writes where they point and nowhere else: registered, late, stopped, and never there.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/frames.h"
#include "arch/x86/msr.h"
#include "arch/x86/tsc.h"
#include "drivers/kvmclock/kvmclock.h"
#include "kernel/clock/played_host.h"
#include "tests/check.h"
#include <pvclock/port/mock.h>
#include <string.h>

struct pvclock_mock pvclock_mock;

/* ---- The host ---------------------------------------------------------- */

enum { OLD = 1, NEW = 1 << 3, STABLE_BIT = 1 << 24 };

static struct kvmclock kc;
static struct kvmclock_slot slots[MAX_CPUS] __attribute__((aligned(4096)));
static struct cpu running;

static struct {
    struct played_host played;
    bool tdx;     /* writing an MSR that was not enabled is fatal */
    uint32_t msr; /* the last one written */
    unsigned writes, lost, fatal;
} host;

struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid r = {0};

    assert_int_equal(subleaf, 0);
    if (leaf == 1)
        r.ecx = CPUID_1_ECX_HYPERVISOR;
    if (leaf == 0x40000000)
        r = (struct cpuid){leaf + 1, 0x4b4d564b, 0x564b4d56, 0x4d};
    if (leaf == 0x40000001)
        r.eax = host.played.features;
    return r;
}

uint64_t rdtsc_ordered(void)
{
    return pvclock_mock.tsc;
}

/* One cycle is one ns; what is written there tells its vCPU from the others by `mark`. */
static void update(uint32_t vcpu, uint64_t mark)
{
    host.played.page.tsc_timestamp = pvclock_mock.tsc;
    host.played.page.system_time = pvclock_mock.tsc + mark;
    played_host_write(&host.played, vcpu, PVCLOCK_FLAG_TSC_STABLE);
}

bool wrmsr_safe(uint32_t msr, uint64_t value)
{
    uint64_t at = (value & ~UINT64_C(1)) - virt_to_phys(slots);

    host.writes++;
    host.msr = msr;
    if (host.tdx && !host.played.msr[running.index] && !(value & 1))
        host.fatal++;
    /* Outside the memory that the guest gave, or over the end of a page, KVM writes nothing. */
    if (value & 1 &&
        (at >= sizeof(slots) || at % 4096 + sizeof(struct pvclock_vcpu_time_info) > 4096)) {
        host.lost++;
        return true;
    }
    host.played.page.tsc_timestamp = host.played.page.system_time = pvclock_mock.tsc;
    return played_host_wrmsr(&host.played, msr, value);
}

/* ---- The guest --------------------------------------------------------- */

uint32_t cpu_count;

struct cpu *this_cpu(void)
{
    return &running;
}

static void boot(uint32_t features)
{
    memset(&kc, 0, sizeof(kc));
    memset(slots, 0, sizeof(slots));
    memset(&host, 0, sizeof(host));
    memset(&pvclock_mock, 0, sizeof(pvclock_mock));
    pvclock_mock.tsc = 1000000;
    host.played.page =
        (struct pvclock_snapshot){.mul = 1u << 31, .shift = 1, .flags = PVCLOCK_FLAG_TSC_STABLE};
    host.played.features = features;
    kc.slots = slots;
    kvmclock_attach(&kc, &kvmclock_machine, NULL);
    assert_true(kc.present);
}

static void enable_on(uint32_t vcpu)
{
    running.index = vcpu;
    kvmclock_enable(&kc, vcpu);
}

static void disable_on(uint32_t vcpu)
{
    running.index = vcpu;
    kvmclock_disable(&kc, vcpu);
}

static uint64_t read_on(uint32_t vcpu)
{
    running.index = vcpu;
    return kc.counter.read(kc.counter.context);
}

static void start(uint32_t vcpus)
{
    boot(NEW | STABLE_BIT);
    for (uint32_t i = 0; i < vcpus; i++)
        enable_on(i);
    kvmclock_check(&kc, vcpus);
}

/* ---- The tests --------------------------------------------------------- */

/* Each has a structure that the host writes, within a page, that nobody else has. */
static void every_vcpu_has_a_structure(void **state)
{
    (void)state;
    start(MAX_CPUS);
    for (uint32_t i = 0; i < MAX_CPUS; i++) {
        assert_true(kc.vcpus[i].registered && kc.vcpus[i].status == PVCLOCK_OK);
        update(i, i * 1000);
    }
    assert_int_equal(host.lost, 0);
    for (uint32_t i = 0; i < MAX_CPUS; i++) {
        assert_int_equal(slots[i].info.system_time, pvclock_mock.tsc + i * 1000);
        assert_int_equal(slots[i].info.version, 4);
    }
    assert_true(kc.stable);
    figures("%u structures, %u a page", MAX_CPUS, PAGE_SIZE / CLOCK_SLOT_SIZE);
}

/* Before it registered a vCPU has no time of its own: it is told the latest one, never 0. */
static void no_vcpu_reads_zero(void **state)
{
    uint64_t told;

    (void)state;
    start(2);
    for (uint32_t late = 2; late < MAX_CPUS; late++) {
        pvclock_mock.tsc += 1000;
        told = read_on(1);
        assert_int_equal(told, pvclock_mock.tsc);
        assert_true(read_on(late) >= told);
        enable_on(late);
        pvclock_mock.tsc += 1000;
        assert_int_equal(read_on(late), pvclock_mock.tsc);
        pvclock_mock.tsc++;
        running.index = 0;
        kvmclock_watch(&kc, late + 1);
        assert_int_equal(kc.floor, 0);
    }
}

/* Once all have stopped, no update changes a byte of what the memory serves for now. */
static void stopped_is_stopped(void **state)
{
    (void)state;
    start(MAX_CPUS);
    for (uint32_t i = 0; i < MAX_CPUS; i++)
        disable_on(i);
    memset(slots, 0xa5, sizeof(slots));
    for (unsigned n = 0; n < 1000; n++) {
        pvclock_mock.tsc += 1000000;
        for (uint32_t i = 0; i < MAX_CPUS; i++) {
            update(i, 0);
            running.index = i;
            kvmclock_poll(&kc, i);
        }
    }
    for (unsigned i = 0; i < sizeof(slots); i++)
        assert_int_equal(((const uint8_t *)slots)[i], 0xa5);
    assert_int_equal(host.msr, PVCLOCK_MSR_SYSTEM_TIME);
}

/* Nothing is written for what was never enabled, or is off already; and a start can be repeated. */
static void stop_only_what_runs(void **state)
{
    (void)state;
    boot(NEW);
    host.tdx = true;
    for (uint32_t i = 0; i < MAX_CPUS; i++)
        disable_on(i);
    assert_int_equal(host.writes, 0);
    /* A suspend that is given up half way: what stopped starts again, all vCPUs are alike. */
    for (uint32_t i = 0; i < 8; i++)
        enable_on(i);
    for (uint32_t i = 0; i < 4; i++)
        disable_on(i);
    for (uint32_t i = 0; i < 4; i++)
        enable_on(i);
    kvmclock_check(&kc, 8);
    for (uint32_t i = 0; i < 8; i++) {
        assert_true(kc.vcpus[i].registered);
        assert_int_equal(host.played.msr[i], virt_to_phys(&slots[i].info) | 1);
        pvclock_mock.tsc += 10;
        assert_int_equal(read_on(i), pvclock_mock.tsc);
    }
    for (unsigned twice = 0; twice < 2; twice++) {
        for (uint32_t i = 0; i < 16; i++)
            disable_on(i);
    }
    assert_int_equal(host.writes, 8 + 4 + 4 + 8);
    assert_int_equal(host.fatal, 0);
}

/* The pair with numbers of its own where there is one, and one pair for all vCPUs. */
static void the_new_pair_is_preferred(void **state)
{
    static const struct {
        uint32_t features, msr;
        bool new;
    } cases[] = {
        {OLD, PVCLOCK_MSR_SYSTEM_TIME_OLD, false},
        {NEW, PVCLOCK_MSR_SYSTEM_TIME, true},
        {OLD | NEW, PVCLOCK_MSR_SYSTEM_TIME, true},
    };

    (void)state;
    for (unsigned n = 0; n < 3; n++) {
        boot(cases[n].features);
        for (uint32_t i = 0; i < 4; i++) {
            enable_on(i);
            assert_int_equal(host.msr, cases[n].msr);
        }
        assert_int_equal(kvmclock_uses_new_msrs(&kc), cases[n].new);
        disable_on(3);
        assert_int_equal(host.msr, cases[n].msr);
    }
}

/* As a timecounter: after a gap of any length uptime has moved by all of it. */
static void a_gap_loses_nothing(void **state)
{
    static const uint64_t gaps[] = {10, 3600, UINT64_C(400) * 86400};
    struct timecounters set;

    (void)state;
    start(2);
    assert_int_equal(timecounters_init(&set, 1000000000), TC_OK);
    assert_int_equal(tc_register(&set, &kc.counter), TC_OK);
    assert_int_equal(tc_select(&set, "kvmclock", NULL), TC_OK);
    for (unsigned n = 0; n < 3; n++) {
        int64_t before, after;
        uint64_t gap = gaps[n] * 1000000000 + n;

        assert_int_equal(tc_getns(&set, TC_CLOCK_UPTIME, &before), TC_OK);
        pvclock_mock.tsc += gap;
        assert_int_equal(tc_getns(&set, TC_CLOCK_UPTIME, &after), TC_OK);
        assert_int_equal(after - before, gap);
        assert_int_equal(tc_windup(&set), TC_OK);
        /* And with a windup or an update of the host's at its end. */
        pvclock_mock.tsc += gap;
        update(0, 0);
        assert_int_equal(tc_windup(&set), TC_OK);
        assert_int_equal(tc_getns(&set, TC_CLOCK_UPTIME, &after), TC_OK);
        assert_int_equal(after - before, 2 * gap);
    }
    figures("+10 s, +1 h, +400 days: 0 ns lost");
}

/*
 * A restore: the host has written all structures before a vCPU runs again.  The first reading on
 * each, before any tick, is by what was written; and what one told, no other one is behind.
 */
static void a_restore_is_seen_at_once(void **state)
{
    const uint64_t gap = UINT64_C(20000000000);

    (void)state;
    for (uint32_t first = 0; first < 4; first++) {
        start(4);
        for (unsigned n = 1; n <= 3; n++) {
            (void)read_on(first);
            /* Saved, and restored 20 s later. */
            uint64_t system_time = pvclock_mock.tsc + (n - 1) * gap;
            for (uint32_t i = 0; i < 4; i++)
                update(i, n * gap);
            for (uint32_t i = 0; i < 4; i++) {
                uint64_t now = read_on((first + i) % 4);
                assert_int_equal(now, system_time + gap);
            }
            running.index = 0;
            kvmclock_watch(&kc, 4);
            pvclock_mock.tsc += 1000;
        }
        assert_int_equal(kc.floor, 0);
    }
}

/* The host's clock does not begin at 0, nor does the TSC; neither shows. */
static void a_host_that_runs_for_a_day(void **state)
{
    (void)state;
    boot(NEW | STABLE_BIT);
    pvclock_mock.tsc = UINT64_C(86400000000000);
    enable_on(0);
    kvmclock_check(&kc, 1);
    assert_int_equal(read_on(0), UINT64_C(86400000000000));
    pvclock_mock.tsc += 2000000000;
    assert_int_equal(read_on(0), UINT64_C(86402000000000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_vcpu_has_a_structure), cmocka_unit_test(no_vcpu_reads_zero),
        cmocka_unit_test(stopped_is_stopped),         cmocka_unit_test(stop_only_what_runs),
        cmocka_unit_test(the_new_pair_is_preferred),  cmocka_unit_test(a_gap_loses_nothing),
        cmocka_unit_test(a_host_that_runs_for_a_day), cmocka_unit_test(a_restore_is_seen_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
