/* SPDX-License-Identifier: 0BSD */
/*
 * The kernel's clock on a machine whose time a test makes (machine.h): uptime is the machine's
 * time, whatever wraps, and wherever the host takes the vCPU away.
 */
#include "kernel/clock/clock.h"
#include "kernel/clock/events.h"
#include "kernel/selftest/continuity.h"
#include "kernel/selftest/deviation.h"
#include "tests/clock/machine.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { HZ = 100 };

/* Nobody sets a counter by sysctl here. */
void events_add(enum event_kind kind, int64_t step_ns, const char *text)
{
    (void)kind, (void)step_ns, (void)text;
}

static int failed;

static void verdict(bool good, const char *name, const char *figures)
{
    printf("%s clock-%s: %s\n", good ? "PASS" : "FAIL", name, figures);
    failed |= !good;
}

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
    clock_report();
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
static void stalls(bool changing, uint64_t reads, const char *name)
{
    static const uint64_t per_cent[] = {30, 60, 90, 100, 140, 200, 730};
    unsigned cases = 0, bad = 0;
    char figures[120];

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
    snprintf(figures, sizeof(figures),
             "%u of %u stalls of 0.3 to 7.3 wraps lost time or stepped back", bad, cases);
    verdict(bad == 0 && cases > 100, name, figures);
}

/* The second time, as the first is being put right. */
static void stalls_again(void)
{
    unsigned cases = 0, bad = 0;
    char figures[100];

    for (uint64_t read = 0; read < 20 && bad <= 5; read++) {
        for (uint64_t again = 1; again < 60 && bad <= 5; again++) {
            struct stalled s = {I8254, I8254, 75000000, read, again, true, false};
            cases++;
            bad += !holds(keeps_time, &s);
        }
    }
    snprintf(figures, sizeof(figures), "%u of %u pairs of stalls lost time or stepped back", bad,
             cases);
    verdict(bad == 0, "stalled-again", figures);
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
    clock_report();
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
    clock_report();
    return recorded("late") == 0 && clock_uptime() > 1900000000;
}

static bool refused(const void *argument)
{
    const uint64_t *hz = argument;

    machine_start("i8254", *hz);
    return strcmp(last_check, "FAIL timecounter.choice: i8254: the counter wraps too soon for the "
                              "windup interval: it takes kern.hz=73 or more") == 0 &&
           tc_current(clock_counters()) == &machine[KVMCLOCK].counter;
}

static bool accepted(const void *argument)
{
    const uint64_t *hz = argument;

    machine_start("i8254", *hz);
    return tc_current(clock_counters()) == &machine[I8254].counter;
}

static bool every_pair(const void *argument)
{
    const char *const *first = argument;

    machine_start(*first, HZ);
    tick(10);
    continuity_measure();
    return strncmp(last_check, "PASS timecounter.switch: 20 pairs, 0 failed", 43) == 0 &&
           strcmp(tc_current(clock_counters())->name, *first) == 0;
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

static void deviations(void)
{
    static const char *const chosen[] = {"kvmclock", "TSC", "HPET", "ACPI-fast", "i8254"};
    static const unsigned ticks[] = {60, 600, 6000};
    unsigned cases = 0, bad = 0;
    char figures[100];

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
    snprintf(figures, sizeof(figures), "%u of %u: 6 %% off not found, or 4 %% off not let pass",
             bad, cases);
    verdict(bad == 0, "deviation", figures);
}

int main(void)
{
    static const unsigned narrow[] = {HPET, ACPI_FAST, I8254};
    static const char *const all[] = {"kvmclock", "TSC", "HPET", "ACPI-fast", "i8254", "dummy"};
    static const uint64_t few = 72, enough = 73;
    bool good = true;

    stalls(false, 40, "stalled-tick");
    stalls(true, 60, "stalled-change");
    stalls_again();
    for (unsigned i = 0; i < 3; i++)
        good = holds(readings_stand, &narrow[i]) && good;
    verdict(good, "readings-stand", "no step back in three wraps without a windup");
    good = true;
    for (unsigned i = 0; i < 3; i++)
        good = holds(no_false_alarm, &narrow[i]) && good;
    verdict(good, "no-false-alarm", "30 s at 3,000 ppm from the reference, nothing brought back");
    verdict(holds(reference_may_go_back, NULL), "reference-goes-back", "nothing brought back");
    verdict(holds(refused, &few) && holds(accepted, &enough), "wraps-too-soon",
            "i8254 refused at 72 ticks a second, which says 73; accepted at 73");
    good = true;
    for (unsigned i = 0; i < 6; i++)
        good = holds(every_pair, &all[i]) && good;
    verdict(good, "every-pair", "20 pairs, from each counter in use");
    deviations();
    return failed;
}
