/* SPDX-License-Identifier: 0BSD */
/*
 * The kernel's clock on a machine whose time a test makes (machine.h): uptime is the machine's
 * time, whatever wraps, and wherever the host takes the vCPU away.
 */
#include "kernel/clock/clock.h"
#include "kernel/selftest/selftest.h"
#include "tests/check.h"
#include "tests/kernel/clock/machine.h"
#include <inttypes.h>
#include <string.h>

enum { HZ = 100 };

/* The machine's time at uptime 0, within `error`. */
static struct {
    uint64_t epoch, error, highest;
} truth;

static void learn_truth(void)
{
    uint64_t before = machine_ns, uptime = clock_uptime();

    truth.error = (machine_ns - before) / 2 + 1000;
    truth.epoch = before + (machine_ns - before) / 2 - uptime;
    truth.highest = uptime;
}

/* Uptime does not go back, and is what it should be, but for what changes of counter cost. */
static bool uptime_is_right(uint64_t uncertainty)
{
    uint64_t before = machine_ns - truth.epoch, uptime = clock_uptime();
    uint64_t after = machine_ns - truth.epoch, error = truth.error + uncertainty;

    if (uptime < truth.highest) {
        printf("  uptime went back by %" PRIu64 " ns\n", truth.highest - uptime);
        return false;
    }
    truth.highest = uptime;
    if (uptime + error < before || uptime > after + error) {
        printf("  uptime is %" PRIu64 ", the time %" PRIu64 " to %" PRIu64 " +- %" PRIu64 " ns\n",
               uptime, before, after, error);
        return false;
    }
    return true;
}

static uint64_t spent_on_late_windups(void)
{
    clock_report_windups();
    return recorded("uncertainty_ns");
}

static void tick(unsigned times)
{
    for (unsigned i = 0; i < times; i++) {
        machine_ns += 1000000000 / HZ;
        clock_tick();
    }
}

/* ---- A vCPU that is taken away at any read ----------------------------- */

struct stalled {
    unsigned from, to;        /* counters; the same: no change between them, a tick */
    uint64_t ns, read, again; /* read: after the first of what is tried */
    bool after;
    bool mild; /* no wrap is lost, so none is to be brought back */
};

static bool keeps_time(const void *argument)
{
    const struct stalled *s = argument;
    uint64_t uncertainty = 0;

    machine_start(machine[s->from].counter.name, HZ);
    learn_truth();
    tick(3);
    machine_stall = (struct machine_stall){machine_reads + s->read, s->ns, s->again, s->after};
    if (s->from == s->to) {
        tick(1);
    } else {
        struct clock_switch change;
        if (clock_select(machine[s->to].counter.name, &change) != TC_OK)
            return false;
        uncertainty = change.by_library.uncertainty_ns;
    }
    tick(4);
    machine_stall.read = UINT64_MAX; /* what is late is so until the next tick at most */
    tick(1);
    bool right = uptime_is_right(uncertainty + spent_on_late_windups());
    tick(200);
    right = uptime_is_right(uncertainty + spent_on_late_windups()) && right;
    if (s->mild && recorded("late") != 0)
        right = false;
    if (!right)
        printf("  %s to %s, %" PRIu64 " ns %s read %" PRIu64 "\n", machine[s->from].counter.name,
               machine[s->to].counter.name, s->ns, s->after ? "after" : "before", s->read);
    return right;
}

/* One of the counters wraps, and the vCPU is away for parts and multiples of that. */
static void stalls(bool changing, uint64_t reads)
{
    static const uint64_t per_cent[] = {30, 60, 90, 100, 140, 200, 730};
    unsigned cases = 0, bad = 0;

    for (unsigned from = 0; from < COUNTERS; from++) {
        for (unsigned to = 0; to < COUNTERS; to++) {
            uint64_t gap = tc_max_gap_ns(&machine[from].counter);
            uint64_t gap_to = tc_max_gap_ns(&machine[to].counter);
            gap = gap_to < gap ? gap_to : gap;
            if ((from != to) != changing || gap == UINT64_MAX || gap > UINT64_MAX / 1000)
                continue;
            for (unsigned p = 0; p < sizeof(per_cent) / sizeof(per_cent[0]); p++) {
                for (uint64_t read = 0; read < 2 * reads; read++) {
                    struct stalled s = {from,     to,    gap / 50 * per_cent[p], read / 2, 0,
                                        read & 1, p == 0};
                    cases++;
                    bad += !holds(keeps_time, &s);
                    if (bad > 5)
                        goto enough;
                }
            }
        }
    }
enough:
    figures("%u of %u stalls of 0.3 to 7.3 wraps lost time or stepped back", bad, cases);
    assert_true(bad == 0 && cases > 100);
}

static void a_stalled_tick_loses_no_time(void **state)
{
    (void)state;
    stalls(false, 40);
}

static void a_stalled_change_loses_no_time(void **state)
{
    (void)state;
    stalls(true, 60);
}

/* The second time, as the first is being put right. */
static void a_second_stall_loses_no_time(void **state)
{
    unsigned cases = 0, bad = 0;

    (void)state;
    for (uint64_t read = 0; read < 20 && bad <= 5; read++) {
        for (uint64_t again = 1; again < 60 && bad <= 5; again++) {
            struct stalled s = {I8254, I8254, 75000000, read, again, true, false};
            cases++;
            bad += !holds(keeps_time, &s);
        }
    }
    figures("%u of %u pairs of stalls lost time or stepped back", bad, cases);
    assert_int_equal(bad, 0);
}

/* ---- Other promises ---------------------------------------------------- */

/* Without any windup, for three wraps: readings stand now and then, but do not go back. */
static bool readings_stand(const void *argument)
{
    const unsigned *of = argument;
    uint64_t step = tc_max_gap_ns(&machine[*of].counter) / 50, highest = 0, stood = 0;

    machine_start(machine[*of].counter.name, HZ);
    learn_truth();
    tick(1);
    for (unsigned i = 0; i < 300; i++) {
        uint64_t uptime = clock_uptime();
        if (uptime < highest)
            return false;
        stood += uptime == highest;
        highest = uptime;
        machine_ns += step;
    }
    tick(1);
    return stood > 100 && uptime_is_right(spent_on_late_windups());
}

/* A reference at another rate is not taken for wraps. */
static bool no_false_alarm(const void *argument)
{
    const unsigned *of = argument;

    machine[*of].rate = 1.003;
    machine_start(machine[*of].counter.name, HZ);
    tick(3000);
    clock_report_windups();
    return recorded("late") == 0 && recorded("recovered_ns") == 0;
}

/* A reference that goes back, as by a restored snapshot, does no harm. */
static bool reference_may_go_back(const void *argument)
{
    (void)argument;
    machine_start("i8254", HZ);
    tick(100);
    machine[KVMCLOCK].rate = 0.5;
    tick(100);
    clock_report_windups();
    return recorded("late") == 0 && clock_uptime() > 1900000000;
}

static bool refused(const void *argument)
{
    const uint64_t *hz = argument;

    machine_start("i8254", *hz);
    return strcmp(last_check, "FAIL timecounter.choice: i8254: the counter wraps too soon for the "
                              "windup interval: it takes kern.hz=73 or more") == 0 &&
           tc_current(&clock_counters) == &machine[KVMCLOCK].counter;
}

static bool accepted(const void *argument)
{
    const uint64_t *hz = argument;

    machine_start("i8254", *hz);
    return tc_current(&clock_counters) == &machine[I8254].counter;
}

static bool every_pair(const void *argument)
{
    const char *const *first = argument;

    machine_start(*first, HZ);
    tick(10);
    continuity_measure();
    return strncmp(last_check, "PASS timecounter.switch: 20 pairs, 0 failed", 43) == 0 &&
           strcmp(tc_current(&clock_counters)->name, *first) == 0;
}

/* ---- Deviation --------------------------------------------------------- */

struct deviant {
    const char *chosen;
    unsigned of;
    double rate;
    unsigned ticks;
    bool found;
};

static bool deviates(const void *argument)
{
    const struct deviant *d = argument;

    machine[d->of].rate = d->rate;
    machine_start(d->chosen, HZ);
    deviation_begin(HZ);
    for (unsigned i = 0; i < d->ticks; i++) {
        tick(1);
        deviation_tick();
    }
    deviation_end();
    bool found = strncmp(last_check, "FAIL", 4) == 0;
    if (found != d->found)
        printf("  %s at %.3f against %s: %s\n", machine[d->of].counter.name, d->rate, d->chosen,
               last_check);
    return found == d->found;
}

static void deviation_is_found_at_5_per_cent(void **state)
{
    static const char *const chosen[] = {"kvmclock", "TSC", "HPET", "ACPI-fast", "i8254"};
    static const unsigned ticks[] = {60, 600, 6000};
    unsigned cases = 0, bad = 0;

    (void)state;
    for (unsigned c = 0; c < 5; c++) {
        for (unsigned of = 0; of < COUNTERS; of++) {
            for (unsigned t = 0; t < 3; t++) {
                static const double rates[] = {0.94, 0.96, 1.04, 1.06};
                for (unsigned r = 0; r < 4; r++) {
                    struct deviant d = {chosen[c], of, rates[r], ticks[t], r == 0 || r == 3};
                    /*
                     * The reference, 6 % slow, is what carries a narrow counter: nobody can tell.
                     */
                    cases++;
                    bad += !holds(deviates, &d);
                }
            }
        }
    }
    figures("%u of %u: 6 %% off not found, or 4 %% off not let pass", bad, cases);
    assert_int_equal(bad, 0);
}

/* ---- One case in a process of its own each ------------------------------ */

static const unsigned narrow[] = {HPET, ACPI_FAST, I8254};

static void readings_stand_without_a_windup(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        assert_true(holds(readings_stand, &narrow[i]));
    figures("no step back in three wraps without a windup");
}

static void another_rate_is_no_wrap(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 3; i++)
        assert_true(holds(no_false_alarm, &narrow[i]));
    figures("30 s at 3,000 ppm from the reference, nothing brought back");
}

static void a_reference_that_goes_back_does_no_harm(void **state)
{
    (void)state;
    assert_true(holds(reference_may_go_back, NULL));
    figures("nothing brought back");
}

static void what_wraps_too_soon_is_refused(void **state)
{
    static const uint64_t few = 72, enough = 73;

    (void)state;
    assert_true(holds(refused, &few));
    assert_true(holds(accepted, &enough));
    figures("i8254 refused at 72 ticks a second, which says 73; accepted at 73");
}

static void every_pair_switches(void **state)
{
    static const char *const all[] = {"kvmclock", "TSC", "HPET", "ACPI-fast", "i8254", "dummy"};

    (void)state;
    for (unsigned i = 0; i < 6; i++)
        assert_true(holds(every_pair, &all[i]));
    figures("20 pairs, from each counter in use");
}

/* From a counter that takes 1 ms to read to a slow one, so that the guard lasts for a while. */
static void start_slowly(void)
{
    machine[I8254].cost_ns = 1000000;
    machine[TSC].rate = 0.5;
    machine_start("i8254", HZ);
    tick(3);
}

/* The host stops the vCPU for 22 s at a read after the switch: the guard ends all the same. */
static bool guard_ends(const void *argument)
{
    const uint64_t *read = argument;
    struct tc_hands h;

    start_slowly();
    uint64_t begin = machine_reads;
    (void)clock_select("TSC", NULL);
    uint64_t of_switch = machine_reads - begin;
    bool guarded = tc_get_hands(&clock_counters, &h) == TC_OK && h.flags & TC_HANDS_GUARDED;
    (void)clock_select("i8254", NULL);
    tick(1);
    /* The same once more, which takes as many reads. */
    machine_stall =
        (struct machine_stall){machine_reads + of_switch + *read, 22000000000, 0, false};
    return guarded && clock_use(&machine[TSC].counter) && machine_reads > machine_stall.read;
}

static void a_stall_does_not_spend_the_guards_patience(void **state)
{
    unsigned cases = 0, bad = 0;

    (void)state;
    for (uint64_t read = 0; read < 1000; read += 3, cases++)
        bad += !holds(guard_ends, &read);
    figures("%u of %u stalls of 22 s: the counter was said to be guarded still", bad, cases);
    assert_int_equal(bad, 0);
}

struct disturbed {
    const char *chosen;
    unsigned pause_at[2]; /* ticks */
    unsigned ticks;
};

/* A pause is in no comparison: kvmclock stands still in it, and the others do not. */
static bool pauses_are_left_out(const void *argument)
{
    const struct disturbed *d = argument;
    uint64_t within;

    machine_start(d->chosen, HZ);
    deviation_begin(HZ);
    for (unsigned i = 0; i < d->ticks; i++) {
        tick(1);
        if (i == d->pause_at[0] || i == d->pause_at[1])
            machine_pause(4000000000);
        deviation_tick();
    }
    deviation_end();
    bool good = strncmp(last_check, "PASS", 4) == 0 && deviation_within(&within) == COUNTERS - 1 &&
                within < 50000000;
    if (!good)
        printf("  against %s, pauses at ticks %u and %u: %s\n", d->chosen, d->pause_at[0],
               d->pause_at[1], last_check);
    return good;
}

/* A pause after the last tick leaves no figure, rather than a wrong one. */
static bool a_late_pause_is_no_figure(const void *argument)
{
    uint64_t within;

    machine_start(argument, HZ);
    deviation_begin(HZ);
    machine_pause(4000000000);
    deviation_end();
    return strncmp(last_check, "SKIP timecounter.deviation: the host paused", 43) == 0 &&
           deviation_within(&within) == 0;
}

static void deviation_leaves_pauses_out(void **state)
{
    static const char *const chosen[] = {"kvmclock", "TSC", "HPET"};
    unsigned cases = 0, bad = 0;

    (void)state;
    for (unsigned c = 0; c < 3; c++) {
        for (unsigned at = 0; at < 500; at += 97) {
            struct disturbed d = {chosen[c], {at, at + 61}, 1000};
            cases++;
            bad += !holds(pauses_are_left_out, &d);
        }
        cases++;
        bad += !holds(a_late_pause_is_no_figure, chosen[c]);
    }
    figures("%u of %u: a pause of 4 s is in a comparison", bad, cases);
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stalled_tick_loses_no_time),
        cmocka_unit_test(a_stalled_change_loses_no_time),
        cmocka_unit_test(a_second_stall_loses_no_time),
        cmocka_unit_test(readings_stand_without_a_windup),
        cmocka_unit_test(another_rate_is_no_wrap),
        cmocka_unit_test(a_reference_that_goes_back_does_no_harm),
        cmocka_unit_test(what_wraps_too_soon_is_refused),
        cmocka_unit_test(every_pair_switches),
        cmocka_unit_test(a_stall_does_not_spend_the_guards_patience),
        cmocka_unit_test(deviation_is_found_at_5_per_cent),
        cmocka_unit_test(deviation_leaves_pauses_out),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
