/* SPDX-License-Identifier: 0BSD */
/*
 * drivers/tsc on CPUs from 0.1 to 20 GHz: what each source of the frequency comes to, which of them
 * is believed, what timecounter that makes, and what the report says of it.
 */
#include "arch/x86/acpi.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/io.h"
#include "arch/x86/pit.h"
#include "arch/x86/tsc.h"
#include "base/console.h"
#include "base/sysctl.h"
#include "drivers/tsc/tsc.h"
#include "tests/check.h"
#include "tests/serial.h"
#include <clockpage/report.h>
#include <string.h>

/* ---- The machine ------------------------------------------------------- */

static struct {
    uint64_t hz;           /* of the TSC */
    uint64_t ns;           /* the time, which a read of the TSC takes 1 us of, or */
    const uint32_t *takes; /* these ns, one read after another */
    unsigned tsc_reads;
    uint64_t pit_begin; /* when the i8254 was started */
    bool no_pit;
    uint32_t crystal_hz, ratio, divisor, mhz;
    uint32_t high_bits; /* of the PM timer, which may be garbage where it has 24 */
    bool is_guest, has_invariant, no_extended;
    uint32_t last_leaf; /* 0: 0x16 */
} machine;

static uint64_t count_of(uint64_t hz, uint64_t ns)
{
    return (uint64_t)((unsigned __int128)hz * ns / 1000000000);
}

uint64_t rdtsc_ordered(void)
{
    machine.ns += machine.takes ? machine.takes[machine.tsc_reads] : 1000;
    machine.tsc_reads++;
    return count_of(machine.hz, machine.ns);
}

struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    assert_int_equal(subleaf, 0);
    switch (leaf) {
    case 0:
        return (struct cpuid){.eax = machine.last_leaf ? machine.last_leaf : 0x16};
    case 1:
        return (struct cpuid){.ecx = machine.is_guest ? CPUID_1_ECX_HYPERVISOR : 0};
    case 0x80000000:
        return (struct cpuid){.eax = machine.no_extended ? 0x80000006 : 0x80000007};
    case 0x80000007:
        return (struct cpuid){.edx = machine.has_invariant ? CPUID_APM_EDX_INVTSC : 0};
    case 0x15:
        return (struct cpuid){machine.divisor, machine.ratio, machine.crystal_hz, 0};
    case 0x16:
        return (struct cpuid){.eax = machine.mhz};
    default:
        return (struct cpuid){0};
    }
}

uint32_t inl(uint16_t port)
{
    assert_int_equal(port, 0x608);
    return (uint32_t)count_of(PM_TIMER_HZ, machine.ns) | machine.high_bits;
}

void pit_start(void)
{
    machine.pit_begin = machine.ns;
}

bool pit_elapsed(uint16_t *counts)
{
    uint64_t n = count_of(PIT_HZ, machine.ns - machine.pit_begin);

    *counts = (uint16_t)n;
    return !machine.no_pit && n < 0xffff;
}

uint32_t cpu_count = 1;

static int start_report(void **state)
{
    (void)state;
    (void)console_init();
    report_init();
    sysctl_register_set();
    return 0;
}

static struct tsc t;

/* All sources that are measured, over 12 ms. */
static void measure(uint64_t hz, uint64_t boot_ns)
{
    memset(&t, 0, sizeof(t));
    machine.hz = hz;
    machine.ns = boot_ns;
    tsc_begin(&t);
    tsc_begin_pm_timer(&t, 0x608, false);
    machine.ns += 12000000;
    (void)tsc_end_pit(&t);
    tsc_end_pm_timer(&t);
}

static uint64_t ppm_off(enum tsc_source_id id, uint64_t hz)
{
    uint64_t found = t.sources[id].hz;

    return (uint64_t)((unsigned __int128)(found > hz ? found - hz : hz - found) * 1000000 / hz);
}

/* ---- The tests --------------------------------------------------------- */

/* Every 10 MHz from 0.1 to 20 GHz, and some Hz beside it: nothing overflows, Hz are kept. */
static void every_frequency(void **state)
{
    unsigned n = 0;
    uint64_t worst = 0;

    (void)state;
    memset(&machine, 0, sizeof(machine));
    for (uint64_t hz = 100000000; hz < UINT64_C(20000000000); hz += 10000000 + 12347) {
        /* As the leaves can say it: a multiple of the crystal, of 1 kHz, of 1 MHz. */
        machine.crystal_hz = 38400000;
        machine.divisor = 100000;
        machine.ratio = (uint32_t)(hz / 384);
        machine.mhz = hz < UINT64_C(65535000000) ? (uint32_t)(hz / 1000000) : 0;
        machine.high_bits = n % 2 ? 0xab000000 : 0;
        /* The PM timer wraps while it is read, every third time. */
        measure(hz, n % 3 ? 1000000 : UINT64_C(4686000000));
        tsc_set_kvmclock(&t, hz, 1);
        tsc_set_hypervisor_leaf(&t, (uint32_t)(hz / 1000));
        assert_int_equal(t.sources[TSC_KVMCLOCK].hz, hz);
        assert_int_equal(t.sources[TSC_HYPERVISOR_LEAF].hz, hz / 1000 * 1000);
        assert_int_equal(t.sources[TSC_CPUID_15].hz, hz / 384 * 384);
        assert_int_equal(t.sources[TSC_CPUID_16].hz, hz / 1000000 * 1000000);
        for (unsigned id = 0; id < TSC_SOURCES; id++) {
            uint64_t off = ppm_off((enum tsc_source_id)id, hz);
            assert_true(t.sources[id].refused == NULL);
            if (id == TSC_PM_TIMER || id == TSC_I8254) {
                assert_true(off <= t.sources[id].error_ppm);
                worst = off > worst ? off : worst;
            }
        }
        assert_true(tsc_choose(&t));
        assert_int_equal(t.hz, hz);
        assert_int_equal(t.chosen, TSC_KVMCLOCK);
        n++;
    }
    figures("%u frequencies from 0.1 to 20 GHz; the timers within %llu ppm in 12 ms", n,
            (unsigned long long)worst);
}

/* Nothing divides by a frequency that is 0, or keeps time by one that cannot be. */
static void what_cannot_be_is_refused(void **state)
{
    static const uint64_t wrong[] = {0, 1, 99999999, UINT64_C(20000000001), UINT64_MAX};

    (void)state;
    memset(&machine, 0, sizeof(machine));
    for (unsigned n = 0; n < sizeof(wrong) / sizeof(wrong[0]); n++) {
        measure(2300000000, 1000000);
        tsc_set_kvmclock(&t, wrong[n], wrong[n] ? 1 : 0);
        tsc_set_hypervisor_leaf(&t, 0);
        assert_true(tsc_choose(&t));
        assert_true(t.sources[TSC_KVMCLOCK].refused != NULL);
        assert_true(t.sources[TSC_HYPERVISOR_LEAF].refused != NULL);
        assert_true(t.sources[TSC_CPUID_15].refused != NULL);
        assert_true(t.sources[TSC_CPUID_16].refused != NULL);
        assert_int_equal(t.chosen, TSC_PM_TIMER);
        assert_true(ppm_off(TSC_PM_TIMER, 2300000000) < 200);
    }
    /* A source that is more than 1 % from a better one. */
    measure(2300000000, 1000000);
    tsc_set_kvmclock(&t, 2300000000, 1);
    tsc_set_hypervisor_leaf(&t, 2400000);
    assert_true(tsc_choose(&t));
    assert_int_equal(t.hz, 2300000000);
    assert_true(t.sources[TSC_HYPERVISOR_LEAF].refused != NULL);
    assert_true(t.sources[TSC_PM_TIMER].refused == NULL);
    /* No source at all. */
    memset(&t, 0, sizeof(t));
    machine.no_pit = true;
    tsc_begin(&t);
    (void)tsc_end_pit(&t);
    tsc_end_pm_timer(&t);
    assert_false(tsc_choose(&t));
    assert_int_equal(t.hz, 0);
}

/* A timer that runs at another rate than the machine's, for measure(). */
static void measured(uint64_t hz, uint64_t pm_hz, uint64_t pit_hz)
{
    measure(hz, 1000000);
    t.sources[TSC_PM_TIMER].hz = pm_hz;
    t.sources[TSC_I8254].hz = pit_hz;
    if (!pit_hz)
        t.sources[TSC_I8254].refused = "there is none";
}

/* What others confirm counts for more than what is alone, and trust decides where that is even. */
static void the_confirmed_source_wins(void **state)
{
    const uint64_t hz = 2596000000;

    (void)state;
    memset(&machine, 0, sizeof(machine));
    /* Two timers against a leaf that is 8 % off, and one that is 0.5 % off. */
    for (uint64_t ratio = 280; ratio != 0; ratio = ratio == 280 ? 261 : 0) {
        machine.crystal_hz = 1000000;
        machine.divisor = 100;
        machine.ratio = (uint32_t)ratio * 1000;
        measure(hz, 1000000);
        assert_true(tsc_choose(&t));
        assert_int_equal(t.chosen, TSC_PM_TIMER);
        assert_true(t.sources[TSC_PM_TIMER].confirms && t.sources[TSC_I8254].confirms);
        assert_false(t.sources[TSC_CPUID_15].confirms);
        assert_int_equal(t.sources[TSC_CPUID_15].refused != NULL, ratio == 280);
    }
    /* Two claims that agree against two timers that agree: trust decides. */
    machine.crystal_hz = 0;
    measure(hz, 1000000);
    tsc_set_kvmclock(&t, 2600000000, 1);
    tsc_set_hypervisor_leaf(&t, 2600000);
    assert_true(tsc_choose(&t));
    assert_int_equal(t.chosen, TSC_KVMCLOCK);
    assert_false(t.sources[TSC_PM_TIMER].confirms);
    /* A third source settles it. */
    measure(hz, 1000000);
    tsc_set_kvmclock(&t, hz, 1);
    tsc_set_hypervisor_leaf(&t, 2600000);
    assert_true(tsc_choose(&t));
    assert_int_equal(t.chosen, TSC_KVMCLOCK);
    assert_false(t.sources[TSC_HYPERVISOR_LEAF].confirms);
    /* One against one: trust decides, and the other is shown to differ. */
    measured(hz, hz - hz / 400, 0);
    tsc_set_kvmclock(&t, hz, 1);
    assert_true(tsc_choose(&t));
    assert_int_equal(t.chosen, TSC_KVMCLOCK);
    assert_true(t.sources[TSC_PM_TIMER].refused == NULL && !t.sources[TSC_PM_TIMER].confirms);
    /* A host that slews its clock by 500 ppm is no contradiction. */
    measured(hz, hz - hz / 2000, hz - hz / 2000);
    tsc_set_kvmclock(&t, hz, 1);
    assert_true(tsc_choose(&t));
    assert_int_equal(t.chosen, TSC_KVMCLOCK);
    assert_true(t.sources[TSC_PM_TIMER].confirms && t.sources[TSC_I8254].confirms);
}

/* What was far from a wrong choice may be chosen the next time. */
static void a_refusal_is_not_for_good(void **state)
{
    const uint64_t hz = 2596000000;

    (void)state;
    memset(&machine, 0, sizeof(machine));
    measured(hz, hz / 2, hz / 2);
    tsc_set_hypervisor_leaf(&t, (uint32_t)(hz / 1000));
    assert_true(tsc_choose(&t));
    assert_int_equal(t.chosen, TSC_PM_TIMER);
    assert_true(t.sources[TSC_HYPERVISOR_LEAF].refused != NULL);
    tsc_begin_again(&t);
    machine.ns += 12000000;
    assert_true(tsc_end_pit(&t));
    tsc_end_pm_timer(&t);
    assert_true(tsc_choose(&t));
    assert_int_equal(t.chosen, TSC_HYPERVISOR_LEAF);
    assert_int_equal(t.hz, hz);
}

/* The host stops the vCPU for 9 s within the window: it is measured once more, by both timers. */
static void a_stall_voids_the_window(void **state)
{
    const uint64_t hz = 2596000000;

    (void)state;
    memset(&machine, 0, sizeof(machine));
    machine.hz = hz;
    memset(&t, 0, sizeof(t));
    tsc_begin(&t);
    tsc_begin_pm_timer(&t, 0x608, false);
    machine.ns += UINT64_C(9000000000);
    assert_false(tsc_end_pit(&t));
    tsc_end_pm_timer(&t);
    tsc_begin_again(&t);
    machine.ns += 12000000;
    assert_true(tsc_end_pit(&t));
    tsc_end_pm_timer(&t);
    assert_true(tsc_choose(&t));
    assert_true(ppm_off(TSC_PM_TIMER, hz) < 200 && ppm_off(TSC_I8254, hz) < 1000);
}

/* A timer is read between two reads of the TSC: half of that may be off, and a count. */
static void each_source_knows_its_error(void **state)
{
    (void)state;
    memset(&machine, 0, sizeof(machine));
    machine.mhz = 1000;
    machine.crystal_hz = 25000000;
    machine.ratio = 80;
    machine.divisor = 2;
    measure(1000000000, 1000000);
    /* 12,020,000 cycles, of which either end is known to 501: 14342 and 43027 counts. */
    assert_int_equal(t.sources[TSC_I8254].hz, 1000003321);
    assert_int_equal(t.sources[TSC_I8254].error_ppm, 83 + 69 + 1);
    assert_int_equal(t.sources[TSC_PM_TIMER].hz, 999979801);
    assert_int_equal(t.sources[TSC_PM_TIMER].error_ppm, 83 + 23 + 1);
    assert_int_equal(t.pit_start.tsc, 1001501);
    assert_int_equal(t.pit_start.error, 501);
    assert_int_equal(t.sources[TSC_CPUID_15].hz, 1000000000);
    assert_int_equal(t.sources[TSC_CPUID_15].error_ppm, 1);
    assert_int_equal(t.sources[TSC_CPUID_16].error_ppm, 1000 + 1);
    tsc_set_kvmclock(&t, 1000000000, 2500);
    assert_int_equal(t.sources[TSC_KVMCLOCK].error_ppm, 2 + 1);
    tsc_set_hypervisor_leaf(&t, 300000);
    assert_int_equal(t.sources[TSC_HYPERVISOR_LEAF].hz, 300000000);
    assert_int_equal(t.sources[TSC_HYPERVISOR_LEAF].error_ppm, 3 + 1);
}

/* Of the five pairs of readings the narrowest counts, whichever that is. */
static void the_narrowest_reading_counts(void **state)
{
    (void)state;
    memset(&machine, 0, sizeof(machine));
    machine.hz = 1000000000;
    for (unsigned best = 0; best < 5; best++) {
        uint32_t takes[10];
        for (unsigned i = 0; i < 10; i++)
            takes[i] = i % 2 ? 5000 : 70;
        takes[2 * best + 1] = 600;
        machine.takes = takes;
        machine.tsc_reads = 0;
        machine.ns = 10000000;
        memset(&t, 0, sizeof(t));
        tsc_begin_pm_timer(&t, 0x608, true);
        assert_int_equal(machine.tsc_reads, 10);
        uint64_t before = 10000000 + best * 5070 + 70;
        assert_true(t.pm_start.valid);
        assert_int_equal(t.pm_start.error, 301);
        assert_int_equal(t.pm_start.tsc, before + 301);
        assert_int_equal(t.pm_start.count, count_of(PM_TIMER_HZ, before));
    }
    machine.takes = NULL;
    /* All 32 bits, or 24 of them. */
    machine.high_bits = 0xab000000;
    tsc_begin_pm_timer(&t, 0x608, true);
    assert_int_equal(t.pm_start.count >> 24, 0xab);
    tsc_begin_pm_timer(&t, 0x608, false);
    assert_int_equal(t.pm_start.count >> 24, 0);
    /* A timer that there is not is not read. */
    memset(&t, 0, sizeof(t));
    tsc_begin_pm_timer(&t, 0, false);
    tsc_end_pm_timer(&t);
    assert_false(t.pm_start.valid);
}

static void a_timer_that_hardly_moved_is_refused(void **state)
{
    (void)state;
    memset(&machine, 0, sizeof(machine));
    for (uint32_t counts = 999; counts <= 1000; counts++) {
        measure(1000000000, 1000000);
        t.pm_start.count = (uint32_t)count_of(PM_TIMER_HZ, machine.ns + 1000) - counts;
        tsc_end_pm_timer(&t);
        assert_int_equal(t.sources[TSC_PM_TIMER].refused != NULL, counts == 999);
    }
    assert_string_equal(t.sources[TSC_HYPERVISOR_LEAF].refused, "there is none");
    t.pm_start.tsc = machine.ns + 1000 + 501; /* the TSC stands */
    tsc_end_pm_timer(&t);
    assert_string_equal(t.sources[TSC_PM_TIMER].refused, "it hardly moved");
    /* The i8254 did not begin, and so has not run out. */
    t.pit_start.valid = false;
    machine.no_pit = true;
    t.sources[TSC_I8254].refused = NULL;
    assert_true(tsc_end_pit(&t));
    assert_null(t.sources[TSC_I8254].refused);
    t.pit_start.valid = true;
    assert_false(tsc_end_pit(&t));
    assert_string_equal(t.sources[TSC_I8254].refused, "it ran out before it was read");
}

/* A leaf that there is not, or that is empty, in whole or in part. */
static void a_leaf_says_why_it_gives_nothing(void **state)
{
    (void)state;
    for (unsigned given = 0; given < 8; given++) {
        memset(&machine, 0, sizeof(machine));
        machine.divisor = given & 1 ? 2 : 0;
        machine.ratio = given & 2 ? 100 : 0;
        machine.crystal_hz = given & 4 ? 20000000 : 0;
        machine.mhz = given == 7 ? 0x10000 + 2000 : 0x10000; /* 16 bits count */
        for (machine.last_leaf = 0x14; machine.last_leaf <= 0x16; machine.last_leaf++) {
            memset(&t, 0, sizeof(t));
            tsc_begin(&t);
            const struct tsc_source *crystal = &t.sources[TSC_CPUID_15];
            const struct tsc_source *base = &t.sources[TSC_CPUID_16];
            if (machine.last_leaf < 0x15)
                assert_string_equal(crystal->refused, "there is none");
            else if (given != 7)
                assert_string_equal(crystal->refused, "the leaf has no crystal frequency");
            else
                assert_true(!crystal->refused && crystal->hz == 1000000000);
            if (machine.last_leaf < 0x16)
                assert_string_equal(base->refused, "there is none");
            else if (given != 7)
                assert_string_equal(base->refused, "the leaf is empty");
            else
                assert_true(!base->refused && base->hz == 2000000000);
        }
    }
}

/* Two sources only, of which each is known to 1 ppm. */
static void two_sources(uint64_t hz, uint32_t khz)
{
    memset(&machine, 0, sizeof(machine));
    memset(&t, 0, sizeof(t));
    machine.no_pit = true;
    tsc_begin(&t);
    tsc_set_kvmclock(&t, hz, 0);
    tsc_set_hypervisor_leaf(&t, khz);
}

static void the_limits_themselves_are_allowed(void **state)
{
    (void)state;
    two_sources(100000000, 0);
    assert_true(tsc_choose(&t));
    assert_null(t.counter.name); /* what lies behind the sources */
    two_sources(99999999, 0);
    assert_false(tsc_choose(&t));
    two_sources(UINT64_C(20000000001), 0);
    assert_false(tsc_choose(&t));
    two_sources(UINT64_C(20000000000), 0);
    assert_true(tsc_choose(&t));
    assert_int_equal(t.hz, UINT64_C(20000000000));
    /* Both errors and what a host may slew by: 1 + 1 + 500 ppm. */
    for (uint32_t ppm = 502; ppm <= 503; ppm++) {
        two_sources(1000000000, 1000001);
        t.sources[TSC_HYPERVISOR_LEAF].hz = 1000000300 + ppm * 1000; /* of either */
        assert_true(tsc_choose(&t));
        assert_int_equal(t.sources[TSC_HYPERVISOR_LEAF].confirms, ppm == 502);
        assert_true(t.sources[TSC_KVMCLOCK].confirms);
    }
    /* 1 %, and both errors. */
    for (uint32_t ppm = 10002; ppm <= 10003; ppm++) {
        two_sources(1000000000, 1000000 + ppm);
        t.sources[TSC_HYPERVISOR_LEAF].error_ppm = 1;
        assert_true(tsc_choose(&t));
        assert_int_equal(t.sources[TSC_HYPERVISOR_LEAF].refused != NULL, ppm == 10003);
        assert_null(t.sources[TSC_KVMCLOCK].refused);
    }
}

/* What lies behind the sources in memory is none of them, even where it looks like one. */
static void no_source_is_made_up(void **state)
{
    (void)state;
    two_sources(1000000000, 0);
    t.sources[TSC_KVMCLOCK].refused = "as asked";
    t.hz = 1000000000;
    assert_false(tsc_choose(&t));
    two_sources(1000000000, 1200000);
    t.hz = 1200000000;
    assert_true(tsc_choose(&t));
    assert_int_equal(t.chosen, TSC_KVMCLOCK);
    assert_null(t.counter.reason);
    assert_null(t.counter.name);
    /* Three that agree count for more than two. */
    memset(&machine, 0, sizeof(machine));
    machine.crystal_hz = 25000000;
    machine.ratio = 100;
    machine.divisor = 1;
    measure(2500000000, 1000000);
    tsc_set_kvmclock(&t, 2600000000, 1);
    tsc_set_hypervisor_leaf(&t, 2600000);
    assert_true(tsc_choose(&t));
    assert_int_equal(t.chosen, TSC_CPUID_15);
}

/* The i8254's count, which is odd here, has 16 bits. */
static void every_bit_of_a_count_counts(void **state)
{
    (void)state;
    memset(&machine, 0, sizeof(machine));
    measure(1000000000, 1000000);
    t.pit_start.tsc = machine.ns + 1000 + 501 - 1193182;
    t.pit_start.count = (uint32_t)count_of(PIT_HZ, machine.ns + 1000 - machine.pit_begin) - 1001;
    assert_true(tsc_end_pit(&t));
    assert_int_equal(t.sources[TSC_I8254].hz, UINT64_C(1193182) * 1193182 / 1001);
}

static void a_deviation_has_its_sign(void **state)
{
    static const struct {
        uint64_t hz;
        int64_t ppm;
    } cases[] = {{1000000000, 0},       {1000000999, 0},       {1000001000, 1},
                 {999998000, -2},       {1999999999, 999999},  {2000000000, 1000000},
                 {2000000001, 1000000}, {UINT64_MAX, 1000000}, {0, -1000000}};

    (void)state;
    t.hz = 1000000000;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct tsc_source s = {.hz = cases[i].hz};
        assert_int_equal(tsc_deviation_ppm(&t, &s), cases[i].ppm);
    }
    tsc.hz = 1999999999; /* by the MHz, rounded down */
    assert_int_equal(tsc_ns(1999000), 1000000);
    assert_int_equal(tsc_ns(1), 0);
    assert_int_equal(tsc_ns(4), 2);
}

static void setting(const char *name, const char *value)
{
    const char *why;
    struct sysctl_at at;

    assert_true(sysctl_find(name, &at));
    assert_int_equal(sysctl_set(&at, value, &why), SYSCTL_OK);
}

static void assert_setting(const char *name, const char *value)
{
    char is[SYSCTL_VALUE_SIZE];
    struct sysctl_at at;

    assert_true(sysctl_find(name, &at));
    sysctl_get(&at, is);
    assert_string_equal(is, value);
}

static void make(bool synchronised, bool there_is_kvmclock)
{
    memset(&tsc, 0, sizeof(tsc));
    tsc_begin(&tsc);
    tsc_set_kvmclock(&tsc, 2500000000, 0);
    assert_true(tsc_choose(&tsc));
    tsc_make_counter(&tsc, synchronised, there_is_kvmclock);
}

/* By what CPUID says, whether it is a guest, and what else there is. */
static void the_counter_has_its_quality(void **state)
{
    (void)state;
    memset(&machine, 0, sizeof(machine));
    for (unsigned n = 0; n < 16; n++) {
        bool keeps_its_rate = n & 3, there_is_kvmclock = n & 4, first = n & 8;
        machine.is_guest = n & 1;
        machine.has_invariant = n & 2;
        setting("kern.timecounter.tsc_first", first ? "1" : "0");
        make(true, there_is_kvmclock);
        assert_int_equal(tsc.in_guest, machine.is_guest);
        assert_int_equal(tsc.invariant, machine.has_invariant);
        assert_int_equal(tsc.counter.quality,
                         keeps_its_rate && (first || !there_is_kvmclock) ? 1000 : 800);
        assert_int_equal(tsc.counter.flags, 0);
        assert_setting("kern.timecounter.invariant_tsc", keeps_its_rate ? "1" : "0");
        make(false, there_is_kvmclock);
        assert_int_equal(tsc.counter.quality, -100);
        assert_int_equal(tsc.counter.flags, TC_GUARDED);
        assert_string_equal(tsc.counter.reason, TC_REASON_TSC_UNSYNCHRONISED);
    }
    setting("kern.timecounter.tsc_first", "0");
    make(true, false);
    assert_string_equal(tsc.counter.reason, TC_REASON_TSC_INVARIANT);
    assert_string_equal(tsc.counter.name, "TSC");
    assert_true(tsc.counter.mask == UINT64_MAX);
    assert_int_equal(tsc.counter.frequency, 2500000000);
    machine.hz = 2500000000;
    machine.ns = 1000000;
    assert_int_equal(tsc.counter.read(NULL), 2502500);
    assert_setting("machdep.tsc_freq", "2500000000");
    assert_setting("machdep.tsc_freq_source", "kvmclock page");
    /* A leaf that CPUID does not have says nothing. */
    machine.no_extended = true;
    make(true, false);
    assert_false(tsc.invariant);
    assert_string_equal(strstr(tsc.counter.reason, "in a guest"), tsc.counter.reason);
    machine.is_guest = false;
    make(true, false);
    assert_string_equal(tsc.counter.reason, TC_REASON_TSC);
    const char *why;
    struct sysctl_at at;
    assert_true(sysctl_find("kern.timecounter.invariant_tsc", &at));
    assert_int_equal(sysctl_set(&at, "2", &why), SYSCTL_OUT_OF_RANGE);
    /* By hand, whatever CPUID says. */
    setting("kern.timecounter.invariant_tsc", "1");
    make(true, false);
    assert_int_equal(tsc.counter.quality, 1000);
    assert_string_equal(tsc.counter.reason, TC_REASON_TSC_INVARIANT);
    make(true, true);
    assert_non_null(strstr(tsc.counter.reason, "below kvmclock"));
    machine = (__typeof__(machine)){.is_guest = true, .has_invariant = true};
    setting("kern.timecounter.invariant_tsc", "0");
    make(true, false);
    assert_int_equal(tsc.counter.quality, 800);
    assert_setting("kern.timecounter.invariant_tsc", "0");
    tsc_lose_rate(&tsc, 2400000000);
    assert_int_equal(tsc.hz, 2400000000);
    assert_int_equal(tsc.counter.quality, -100);
    assert_non_null(strstr(tsc.counter.reason, "its rate changed"));
}

static void assert_told(const char *text, const char *json)
{
    if (!strstr(people, text))
        fail_msg("no '%s' in '%s'", text, people);
    if (!strstr(programs, json))
        fail_msg("no '%s' in '%s'", json, programs);
}

static void the_report_shows_the_sources_side_by_side(void **state)
{
    (void)state;
    two_sources(1000000000, 1000600); /* apart by more than both may be */
    t.sources[TSC_CPUID_15] = (struct tsc_source){"CPUID 0x15", 999900000, 7, NULL, false};
    t.sources[TSC_CPUID_16] = (struct tsc_source){"CPUID 0x16", 1200000000, 1001, NULL, false};
    assert_true(tsc_choose(&t));
    assert_int_equal(t.chosen, TSC_KVMCLOCK);
    t.sources[TSC_HYPERVISOR_LEAF].confirms = false;
    t.sources[TSC_PM_TIMER].confirms = true; /* that has no value */
    t.chosen = TSC_KVMCLOCK;
    t.invariant = true;
    serial_forget();
    tsc_report(&t);
    assert_told("TSC frequency by             Hz      ppm   +- ppm   (invariant)\n", "");
    assert_told("  kvmclock page        1000000000       +0        1   chosen\n",
                "\"name\":\"kvmclock page\",\"hz\":1000000000,\"ppm\":0,\"error_ppm\":1,"
                "\"chosen\":true,\"confirms\":true,\"refused\":\"\"");
    assert_told("  hypervisor leaf 0x10 1000600000     +600        1   disagrees\n",
                "\"hz\":1000600000,\"ppm\":600,\"error_ppm\":1,\"chosen\":false,"
                "\"confirms\":false,\"refused\":\"\"");
    assert_told("  CPUID 0x15            999900000     -100        7\n",
                "\"hz\":999900000,\"ppm\":-100,\"error_ppm\":7,\"chosen\":false,"
                "\"confirms\":true,\"refused\":\"\"");
    assert_told("  CPUID 0x16           1200000000  +200000     1001   refused: more than 1 %",
                "\"chosen\":false,\"confirms\":false,\"refused\":\"more than 1 % from the chosen");
    assert_told("  ACPI PM timer        none: there is none\n",
                "\"name\":\"ACPI PM timer\",\"hz\":0,\"ppm\":0,\"error_ppm\":0,\"chosen\":false,"
                "\"confirms\":false,\"refused\":\"there is none\"");
    /* The one that is chosen by name alone has no value. */
    t.chosen = TSC_PM_TIMER;
    t.invariant = false;
    serial_forget();
    tsc_report(&t);
    assert_told("(not invariant)\n", "\"name\":\"ACPI PM timer\",\"hz\":0,\"ppm\":0,"
                                     "\"error_ppm\":0,\"chosen\":false,");

    t.chosen = TSC_KVMCLOCK;
    serial_forget();
    tsc_judge(&t);
    assert_told("", "\"name\":\"tsc.frequency\",\"result\":\"PASS\"");
    assert_told("", "1000000000 Hz by kvmclock page; 3 sources, at most 600 ppm off, 1 by more");
    t.sources[TSC_HYPERVISOR_LEAF].hz = 999300000;
    serial_forget();
    tsc_judge(&t);
    assert_told("", "at most 700 ppm off");
    two_sources(1000000000, 0);
    assert_true(tsc_choose(&t));
    serial_forget();
    tsc_judge(&t);
    assert_told("", "1 sources, at most 0 ppm off, 0 by more");
    /* A frequency that no source stands for, and a source that is not used. */
    for (unsigned used = 0; used < 2; used++) {
        two_sources(1000000000, 0);
        assert_true(tsc_choose(&t));
        t.sources[TSC_KVMCLOCK].refused = used ? NULL : "as asked";
        t.hz = used ? 0 : 1000000000;
        serial_forget();
        tsc_judge(&t);
        assert_told("", "\"name\":\"tsc.frequency\",\"result\":\"FAIL\"");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frequency),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(the_confirmed_source_wins),
        cmocka_unit_test(a_refusal_is_not_for_good),
        cmocka_unit_test(a_stall_voids_the_window),
        cmocka_unit_test(each_source_knows_its_error),
        cmocka_unit_test(the_narrowest_reading_counts),
        cmocka_unit_test(a_timer_that_hardly_moved_is_refused),
        cmocka_unit_test(a_leaf_says_why_it_gives_nothing),
        cmocka_unit_test(the_limits_themselves_are_allowed),
        cmocka_unit_test(no_source_is_made_up),
        cmocka_unit_test(every_bit_of_a_count_counts),
        cmocka_unit_test(a_deviation_has_its_sign),
        cmocka_unit_test(the_counter_has_its_quality),
        cmocka_unit_test(the_report_shows_the_sources_side_by_side),
    };

    return cmocka_run_group_tests(tests, start_report, NULL);
}
