/* SPDX-License-Identifier: 0BSD */
/*
 * drivers/tsc on CPUs from 0.1 to 20 GHz: what each source of the frequency comes to, and which of
 * them is believed.
 */
#include "arch/x86/acpi.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/io.h"
#include "arch/x86/pit.h"
#include "arch/x86/tsc.h"
#include "base/sysctl.h"
#include "drivers/tsc/tsc.h"
#include "tests/check.h"
#include <string.h>
#include <tsc/port/mock.h>

/* ---- The machine ------------------------------------------------------- */

static struct {
    uint64_t hz;        /* of the TSC */
    uint64_t ns;        /* the time, which a read of the TSC takes 1 us of */
    uint64_t away;      /* ns that the host paused the guest for: the TSC alone goes on */
    uint64_t pit_begin; /* when the i8254 was started */
    bool no_pit;
    uint32_t crystal_hz, ratio, divisor, mhz;
    uint32_t leaf_1_ecx, power_edx;
    uint32_t high_bits; /* of the PM timer, which may be garbage where it has 24 */
} machine;

static uint64_t count_of(uint64_t hz, uint64_t ns)
{
    return (uint64_t)((unsigned __int128)hz * ns / 1000000000);
}

uint64_t tsc_mock_read(void)
{
    machine.ns += 1000;
    return count_of(machine.hz, machine.ns + machine.away);
}

void tsc_mock_pause(void)
{
}

uint64_t rdtsc_ordered(void)
{
    return tsc_mock_read();
}

struct cpuid cpuid(uint32_t leaf, uint32_t subleaf)
{
    assert_int_equal(subleaf, 0);
    switch (leaf) {
    case 0:
        return (struct cpuid){.eax = 0x16};
    case 1:
        return (struct cpuid){.ecx = machine.leaf_1_ecx};
    case 0x80000000:
        return (struct cpuid){.eax = 0x80000007};
    case 0x80000007:
        return (struct cpuid){.edx = machine.power_edx};
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
            assert_true(t.sources[id].status == TSC_OK);
            if (id == TSC_PM_TIMER || id == TSC_I8254) {
                assert_true(off <= t.sources[id].error_ppm);
                assert_true(t.sources[id].error_ppm < 500);
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
        assert_true(t.sources[TSC_KVMCLOCK].status != TSC_OK);
        assert_true(t.sources[TSC_HYPERVISOR_LEAF].status != TSC_OK);
        assert_true(t.sources[TSC_CPUID_15].status != TSC_OK);
        assert_true(t.sources[TSC_CPUID_16].status != TSC_OK);
        assert_int_equal(t.chosen, TSC_PM_TIMER);
        assert_true(ppm_off(TSC_PM_TIMER, 2300000000) < 200);
    }
    /* A source that is more than 1 % from a better one. */
    measure(2300000000, 1000000);
    tsc_set_kvmclock(&t, 2300000000, 1);
    tsc_set_hypervisor_leaf(&t, 2400000);
    assert_true(tsc_choose(&t));
    assert_int_equal(t.hz, 2300000000);
    assert_true(t.sources[TSC_HYPERVISOR_LEAF].status != TSC_OK);
    assert_true(t.sources[TSC_PM_TIMER].status == TSC_OK);
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
        t.sources[TSC_I8254].status = TSC_NONE;
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
        assert_int_equal(t.sources[TSC_CPUID_15].status != TSC_OK, ratio == 280);
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
    assert_true(t.sources[TSC_PM_TIMER].status == TSC_OK && !t.sources[TSC_PM_TIMER].confirms);
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
    assert_true(t.sources[TSC_HYPERVISOR_LEAF].status != TSC_OK);
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

/* As the kernel does it: one more window, in which the host pauses the guest or does not. */
static bool next_window(uint64_t pause_ns)
{
    tsc_begin_again(&t);
    machine.ns += 6000000;
    machine.away += pause_ns;
    machine.ns += 6000000;
    assert_true(tsc_end_pit(&t));
    tsc_end_pm_timer(&t);
    return tsc_choose(&t) && tsc_is_sound(&t);
}

static bool is_right(uint64_t hz)
{
    return ppm_off(TSC_PM_TIMER, hz) < 1000 && ppm_off(TSC_I8254, hz) < 1000 &&
           (t.hz > hz ? t.hz - hz : hz - t.hz) < hz / 1000;
}

/* In a pause both timers stand still: they agree, and what they say is wrong. */
static void a_pause_voids_the_window(void **state)
{
    const uint64_t hz = 2596000000;
    unsigned cases = 0;

    (void)state;
    memset(&machine, 0, sizeof(machine));
    machine.hz = hz;
    for (uint64_t ms = 1; ms < 100000; ms = ms * 3 + 1) {
        for (unsigned claimed = 0; claimed < 2; claimed++, cases++) {
            memset(&t, 0, sizeof(t));
            tsc_begin(&t);
            tsc_begin_pm_timer(&t, 0x608, false);
            tsc_set_kvmclock(&t, claimed ? hz : 0, 1);
            assert_false(next_window(ms * 1000000));
            /* Two pauses of different lengths do not bear out each other. */
            assert_false(next_window(ms * 2000000));
            /* What is claimed bears out the next; without a claim it takes two that agree. */
            assert_int_equal(next_window(0), claimed);
            assert_true(next_window(0));
            assert_true(is_right(hz));
            assert_int_equal(t.chosen, claimed ? TSC_KVMCLOCK : TSC_PM_TIMER);
        }
    }
    figures("%u windows with pauses of 1 ms to 88 s, with a claim and without", cases);
}

/* The host takes the vCPU away as one timer is read, which shows in its figure alone. */
static void one_timer_does_not_speak_for_the_other(void **state)
{
    static const enum tsc_source_id timers[] = {TSC_PM_TIMER, TSC_I8254};
    const uint64_t hz = 2596000000;

    (void)state;
    memset(&machine, 0, sizeof(machine));
    for (unsigned i = 0; i < 2; i++) {
        measure(hz, 1000000);
        tsc_set_kvmclock(&t, hz, 1);
        t.sources[timers[i]].hz += hz / 100;
        assert_true(tsc_choose(&t));
        assert_false(tsc_is_sound(&t));
    }
}

/* A claim that is wrong is no reason to measure for good. */
static void a_false_claim_ends_no_measurement(void **state)
{
    const uint64_t hz = 2596000000;

    (void)state;
    memset(&machine, 0, sizeof(machine));
    machine.hz = hz;
    memset(&t, 0, sizeof(t));
    tsc_begin(&t);
    tsc_begin_pm_timer(&t, 0x608, false);
    tsc_set_kvmclock(&t, hz / 2, 1);
    assert_false(next_window(0));
    assert_true(next_window(0));
    assert_true(is_right(hz));
}

/* One of 32 bits may come round within them: each counts. */
static void a_timer_of_32_bits_is_read_whole(void **state)
{
    const uint64_t hz = 2596000000, round_ns = (UINT64_C(1) << 32) * 1000000000 / PM_TIMER_HZ;

    (void)state;
    memset(&machine, 0, sizeof(machine));
    memset(&t, 0, sizeof(t));
    machine.hz = hz;
    machine.ns = round_ns - 4000000;
    tsc_begin(&t);
    tsc_begin_pm_timer(&t, 0x608, true);
    machine.ns += 12000000;
    tsc_end_pm_timer(&t);
    assert_true(t.sources[TSC_PM_TIMER].status == TSC_OK && ppm_off(TSC_PM_TIMER, hz) < 500);
    /* More than a round of one of 24 bits. */
    tsc_begin_again(&t);
    machine.ns += UINT64_C(6000000000);
    tsc_end_pm_timer(&t);
    assert_true(t.sources[TSC_PM_TIMER].status == TSC_OK && ppm_off(TSC_PM_TIMER, hz) < 2);
}

static void all_sources_have_names_and_no_value_at_first(void **state)
{
    (void)state;
    memset(&machine, 0, sizeof(machine));
    memset(&t, 0xa5, sizeof(t));
    tsc_begin(&t);
    for (unsigned id = 0; id < TSC_SOURCES; id++) {
        assert_non_null(t.sources[id].name);
        assert_true(t.sources[id].hz == 0 && (id == TSC_I8254 || t.sources[id].status != TSC_OK));
        for (unsigned other = 0; other < id; other++)
            assert_string_not_equal(t.sources[id].name, t.sources[other].name);
    }
}

static void set(const char *name, const char *value)
{
    struct sysctl_at at;
    const char *why;

    assert_true(sysctl_find(name, &at));
    assert_int_equal(sysctl_set(&at, value, &why), SYSCTL_OK);
}

static const char *get(const char *name)
{
    static char is[SYSCTL_VALUE_SIZE];
    struct sysctl_at at;

    assert_true(sysctl_find(name, &at));
    sysctl_get(&at, is);
    return is;
}

enum { HYPERVISOR = 1, INVARIANT = 2, APART = 4, KVMCLOCK = 8 };

/* The machine's counter, on a CPU and with a kvmclock as `facts` say. */
static const struct timecounter *make(unsigned facts)
{
    memset(&machine, 0, sizeof(machine));
    memset(&tsc, 0, sizeof(tsc));
    machine.hz = 2596000000;
    machine.leaf_1_ecx = facts & HYPERVISOR ? 1u << 31 : 0;
    machine.power_edx = facts & INVARIANT ? 1u << 8 : 0;
    tsc_begin(&tsc);
    tsc_set_hypervisor_leaf(&tsc, 2596000);
    assert_true(tsc_choose(&tsc));
    tsc_make_counter(&tsc, !(facts & APART), facts & KVMCLOCK);
    return &tsc.counter;
}

/* What is known of the TSC decides how far it is trusted, and says so. */
static void quality_follows_from_what_is_known(void **state)
{
    static const struct {
        unsigned facts;
        int quality;
    } cases[] = {
        {0, TC_QUALITY_TSC},
        {KVMCLOCK, TC_QUALITY_TSC},
        {INVARIANT, TC_QUALITY_TSC_INVARIANT},
        {HYPERVISOR, TC_QUALITY_TSC_INVARIANT},
        {HYPERVISOR | INVARIANT, TC_QUALITY_TSC_INVARIANT},
        {HYPERVISOR | KVMCLOCK, TC_QUALITY_TSC},
        {HYPERVISOR | INVARIANT | KVMCLOCK, TC_QUALITY_TSC},
        {APART, TC_QUALITY_TSC_UNSYNCHRONISED},
        {HYPERVISOR | INVARIANT | APART, TC_QUALITY_TSC_UNSYNCHRONISED},
        {HYPERVISOR | INVARIANT | APART | KVMCLOCK, TC_QUALITY_TSC_UNSYNCHRONISED},
    };
    const char *in_a_guest, *below;

    (void)state;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct timecounter *c = make(cases[i].facts);

        assert_that(c->quality == cases[i].quality, "case %u: %d", i, c->quality);
        assert_non_null(c->reason);
        assert_int_equal((c->flags & TC_GUARDED) != 0, (cases[i].facts & APART) != 0);
        assert_string_equal(c->name, "TSC");
        assert_true(c->mask == UINT64_MAX && c->frequency == 2596000000);
        uint64_t before = machine.ns;
        assert_int_equal(c->read(c->context), count_of(machine.hz, before + 1000));
    }
    assert_string_equal(make(0)->reason, TC_REASON_TSC);
    assert_string_equal(make(INVARIANT)->reason, TC_REASON_TSC_INVARIANT);
    assert_string_equal(make(INVARIANT | HYPERVISOR)->reason, TC_REASON_TSC_INVARIANT);
    assert_string_equal(make(APART)->reason, TC_REASON_TSC_UNSYNCHRONISED);
    in_a_guest = make(HYPERVISOR)->reason;
    below = make(HYPERVISOR | KVMCLOCK)->reason;
    assert_string_not_equal(in_a_guest, below);
    assert_string_not_equal(in_a_guest, TC_REASON_TSC_INVARIANT);
}

/* vCPUs that came later disagree, or the guest was moved: the counter is used no more. */
static void what_is_lost_lowers_the_quality(void **state)
{
    (void)state;
    (void)make(INVARIANT);
    tsc_lose_rate(&tsc, 3000000000);
    assert_true(tsc.hz == 3000000000 && tsc.counter.frequency == 2596000000);
    assert_int_equal(tsc.counter.quality, TC_QUALITY_TSC_UNSYNCHRONISED);
    assert_string_not_equal(tsc.counter.reason, TC_REASON_TSC_INVARIANT);
    (void)make(INVARIANT);
    tsc.counter.flags = ~(uint32_t)TC_GUARDED;
    tsc_lose_synchrony(&tsc);
    assert_int_equal(tsc.counter.quality, TC_QUALITY_TSC_UNSYNCHRONISED);
    assert_string_equal(tsc.counter.reason, TC_REASON_TSC_UNSYNCHRONISED);
    assert_true(tsc.counter.flags == UINT32_MAX);
}

/* The last test: what the user has set stays. */
static void settings_come_before_what_is_known(void **state)
{
    (void)state;
    sysctl_register_set();
    (void)make(0);
    assert_string_equal(get("kern.timecounter.invariant_tsc"), "0");
    assert_string_equal(get("kern.timecounter.tsc_first"), "0");
    assert_string_equal(get("machdep.tsc_freq"), "2596000000");
    assert_int_equal(tsc_ns(2596000000), 1000000000);
    tsc.hz = 2599999999; /* whole MHz */
    assert_int_equal(tsc_ns(2599), 1000);
    assert_string_equal(get("machdep.tsc_freq_source"), "hypervisor leaf 0x10");
    (void)make(INVARIANT);
    assert_string_equal(get("kern.timecounter.invariant_tsc"), "1");
    (void)make(HYPERVISOR);
    assert_string_equal(get("kern.timecounter.invariant_tsc"), "1");

    set("kern.timecounter.tsc_first", "1");
    assert_int_equal(make(INVARIANT | KVMCLOCK)->quality, TC_QUALITY_TSC_INVARIANT);
    assert_int_equal(make(HYPERVISOR | KVMCLOCK)->quality, TC_QUALITY_TSC_INVARIANT);
    assert_int_equal(make(KVMCLOCK)->quality, TC_QUALITY_TSC);
    set("kern.timecounter.invariant_tsc", "1");
    assert_int_equal(make(KVMCLOCK)->quality, TC_QUALITY_TSC_INVARIANT);
    struct sysctl_at at;
    const char *why;
    assert_true(sysctl_find("kern.timecounter.invariant_tsc", &at));
    assert_int_equal(sysctl_set(&at, "2", &why), SYSCTL_OUT_OF_RANGE);
    assert_int_equal(sysctl_set(&at, "-1", &why), SYSCTL_OUT_OF_RANGE);
    set("kern.timecounter.invariant_tsc", "0");
    assert_int_equal(make(HYPERVISOR | INVARIANT)->quality, TC_QUALITY_TSC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_frequency),
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(the_confirmed_source_wins),
        cmocka_unit_test(a_refusal_is_not_for_good),
        cmocka_unit_test(a_stall_voids_the_window),
        cmocka_unit_test(a_pause_voids_the_window),
        cmocka_unit_test(one_timer_does_not_speak_for_the_other),
        cmocka_unit_test(a_false_claim_ends_no_measurement),
        cmocka_unit_test(a_timer_of_32_bits_is_read_whole),
        cmocka_unit_test(all_sources_have_names_and_no_value_at_first),
        cmocka_unit_test(quality_follows_from_what_is_known),
        cmocka_unit_test(what_is_lost_lowers_the_quality),
        cmocka_unit_test(settings_come_before_what_is_known),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
