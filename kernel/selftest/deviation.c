/* SPDX-License-Identifier: 0BSD */
/*
 * Tests the timecounters: compares the rate of the one in use with each other one's over the run.
 */
#include "base/format.h"
#include "base/tunables.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/host.h"
#include "kernel/selftest/selftest.h"
#include <clockpage/report.h>
#include <stddef.h>

enum { MAX_COUNTERS = 8, TRIES = 4, PPM_PER_CENT = 10000 };

static struct comparison {
    struct timecounter *of;
    struct tc_crosscheck check;
    struct tc_deviation result;
    uint64_t longest_ns;   /* a comparison that takes longer may be off by a whole wrap */
    uint64_t ticks_left;   /* ticks until its end; 0: at the run's end */
    uint64_t disturbances; /* host_disturbances() at its begin; another number spoils it */
    bool done, deviates, disturbed;
} comparisons[MAX_COUNTERS];
static unsigned count;
static bool over;

/* Compared against the counter in use, or against uptime if that counter wraps. */
static struct timecounter uptime;
static const struct timecounter *chosen, *against;
static uint64_t tick_rate;

/*
 * Returns how long a comparison may take, in ns.  The other counter may wrap; the chosen one shows
 * how often, as long as the two differ by less than half a wrap.  So the comparison must end
 * before the deviation to be found reaches that.
 */
static uint64_t longest(const struct timecounter *c)
{
    uint64_t per_cent = settings.deviation ? (uint64_t)settings.deviation : 1,
             gap = tc_max_gap_ns(c);

    return gap > UINT64_MAX / 100 ? UINT64_MAX : gap * 100 / per_cent;
}

/* Begins a comparison, if need be again: uptime is right only if it was wound up in time. */
static void begin(struct comparison *c)
{
    c->disturbances = host_disturbances();
    for (unsigned i = 0; i < TRIES; i++) {
        clock_tick();
        (void)tc_crosscheck_begin(&c->check, c->of, against);
        if (clock_is_fresh())
            break;
    }
    /* Half of longest_ns: a tick can be late. */
    c->ticks_left =
        c->longest_ns / 2 > UINT64_MAX / tick_rate ? 0 : c->longest_ns / 2 * tick_rate / 1000000000;
}

static void end(struct comparison *c)
{
    enum tc_status status = TC_TOO_SHORT;

    for (unsigned i = 0; i < TRIES; i++) {
        clock_tick();
        status = tc_crosscheck_end(&c->check, &c->result);
        if (clock_is_fresh())
            break;
    }
    /* After the reading: some counters go on while the host pauses the guest, others do not. */
    c->disturbed = host_disturbances() != c->disturbances;
    c->done = status == TC_OK && c->result.elapsed_ns <= c->longest_ns && !c->disturbed;
}

void deviation_begin(unsigned long ticks_per_second)
{
    tick_rate = ticks_per_second;
    chosen = against = tc_current(&clock_counters);
    if (!chosen)
        return;
    if (chosen->mask != UINT64_MAX) {
        tc_uptime_counter(&uptime, &clock_counters);
        against = &uptime;
    }
    for (struct timecounter *c = tc_next(&clock_counters, NULL); c && count < MAX_COUNTERS;
         c = tc_next(&clock_counters, c)) {
        if (c == chosen || c->quality == TC_QUALITY_DUMMY)
            continue;
        comparisons[count] = (struct comparison){.of = c, .longest_ns = longest(c)};
        begin(&comparisons[count++]);
    }
}

void deviation_tick(void)
{
    for (struct comparison *c = comparisons; c < comparisons + count; c++) {
        if (c->done)
            continue;
        if (host_disturbances() != c->disturbances) {
            begin(c);
            continue;
        }
        if (!c->ticks_left || --c->ticks_left)
            continue;
        end(c);
        if (!c->done)
            begin(c);
    }
}

/* Returns how much of a deviation is certain; negative: none. */
static int64_t certain_ppb(const struct tc_deviation *d)
{
    return (int64_t)(magnitude(d->ppb) - d->uncertainty_ppb);
}

/* Formats ppb as ppm with three decimals and a sign. */
static void format_ppm(char *to, size_t size, int64_t ppb)
{
    uint64_t size_of = magnitude(ppb);

    format(to, size, "%c" MILLI_FORMAT, ppb < 0 ? '-' : '+', MILLI(size_of));
}

void deviation_end(void)
{
    over = true;
    const struct comparison *worst = NULL;
    unsigned done = 0, deviating = 0, disturbed = 0;
    char ppm[32] = "";

    for (struct comparison *c = comparisons; c < comparisons + count; c++) {
        if (!c->done)
            end(c);
        disturbed += !c->done && c->disturbed;
        if (!c->done)
            continue;
        done++;
        c->deviates = tc_deviates(&c->result, (uint32_t)settings.deviation * PPM_PER_CENT);
        deviating += c->deviates;
        if (!worst || certain_ppb(&c->result) > certain_ppb(&worst->result))
            worst = c;
        if (!c->deviates)
            continue;
        format_ppm(ppm, sizeof(ppm), c->result.ppb);
        print("\nWARNING: %s gains %s ppm on %s: more than kern.timecounter.alloweddeviation, %d "
              "%%\n",
              c->of->name, ppm, chosen->name, settings.deviation);
    }
    if (!worst && disturbed) {
        check(SKIP, "timecounter.deviation",
              "the host paused the guest, or changed its TSC, in each comparison");
        return;
    }
    if (!worst) {
        check(SKIP, "timecounter.deviation", "there is no other timecounter to compare with");
        return;
    }
    format_ppm(ppm, sizeof(ppm), worst->result.ppb);
    check(pass_if(deviating == 0), "timecounter.deviation",
          "%u counters against %s, %u more than %d %% off; %s gains %s +- " MILLI_FORMAT " ppm",
          done, chosen->name, deviating, settings.deviation, worst->of->name, ppm,
          MILLI(worst->result.uncertainty_ppb));
}

unsigned deviation_within(uint64_t *ppb)
{
    unsigned compared = 0;

    *ppb = 0;
    for (const struct comparison *c = comparisons; c < comparisons + count; c++) {
        uint64_t within = magnitude(c->result.ppb) + c->result.uncertainty_ppb;
        if (!c->done)
            continue;
        compared++;
        *ppb = within > *ppb ? within : *ppb;
    }
    return compared;
}

void deviation_report(void)
{
    if (!count)
        return;
    print("\nagainst %-9s  over ms     gains ppm    +- ppm\n", chosen->name);
    for (const struct comparison *c = comparisons; c < comparisons + count; c++) {
        const struct tc_deviation *d = &c->result;
        if (!c->done) {
            print("  %-10s %s\n", c->of->name,
                  !over          ? "is still being compared"
                  : c->disturbed ? "none: the host paused the guest, or changed its TSC"
                                 : "none: it wraps too soon for a run with this few ticks");
            continue;
        }
        REPORT("crosscheck",
               "  {name:-10} {_ms:8}  {ppb/1000.3:+12}  {uncertainty_ppb/1000.3:8}{_verdict}\n",
               TEXT("name", c->of->name), TEXT("against", chosen->name),
               U64("elapsed_ns", d->elapsed_ns), I64("difference_ns", d->difference_ns),
               U64("uncertainty_ns", d->uncertainty_ns), I64("ppb", d->ppb),
               U64("uncertainty_ppb", d->uncertainty_ppb), U64("wraps", d->wraps),
               U64("allowed_ppm", (uint64_t)settings.deviation * PPM_PER_CENT),
               BOOL("deviates", c->deviates), U64("_ms", d->elapsed_ns / 1000000),
               TEXT("_verdict", c->deviates                               ? "  too much"
                                : magnitude(d->ppb) <= d->uncertainty_ppb ? "  not told from 0"
                                                                          : ""));
    }
}
