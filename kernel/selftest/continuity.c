/* SPDX-License-Identifier: 0BSD */
/* Tests the clock: whether uptime goes on at each switch from one timecounter to another. */
#include "base/format.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/host.h"
#include "kernel/selftest/selftest.h"
#include <clockpage/report.h>
#include <stddef.h>

/*
 * Uptime may differ from the reference by no more than the errors that both state; and two good
 * counters do not differ by more than 1 % in rate during the switch.
 */
enum { MAX_COUNTERS = 8, TRIES = 5, RATE_PART = 100 };

static struct pair {
    struct clock_switch result;
    const char *wrong; /* NULL: nothing */
    bool unjudged;     /* the host took the vCPU away, or paused the guest, in each try */
} pairs[MAX_COUNTERS * (MAX_COUNTERS - 1)];
static unsigned pair_count;

static const char *judge(enum tc_status status, const struct clock_switch *s, bool back)
{
    uint64_t step = magnitude(s->step_ns);

    if (status != TC_OK)
        return tc_status_text(status);
    if (back)
        return "uptime stepped back";
    if (step > s->by_library.uncertainty_ns + s->step_error_ns + s->elapsed_ns / RATE_PART)
        return s->step_ns < 0 ? "time was lost" : "time was gained";
    return NULL;
}

static void measure(const struct timecounter *from, const struct timecounter *to)
{
    struct pair *pair = &pairs[pair_count++];
    uint64_t gap = tc_max_gap_ns(from), gap_to = tc_max_gap_ns(to);

    gap = gap_to < gap ? gap_to : gap;
    for (unsigned i = 0; i < TRIES; i++) {
        /* The host took the vCPU away during the last try; uptime has been corrected since. */
        if (i > 0)
            (void)clock_select(from->name, NULL);
        uint64_t disturbances = host_disturbances(), before = clock_uptime();
        enum tc_status status = clock_select(to->name, &pair->result);
        bool back = clock_uptime() < before;
        pair->wrong = judge(status, &pair->result, back);
        /* Only in that much time can a counter wrap unseen. */
        pair->unjudged = pair->result.late && !back && pair->result.elapsed_ns > gap / 4 * 3;
        /* The reference may have stood still, or gone on, while this counter did not. */
        pair->unjudged = pair->unjudged || (!back && host_disturbances() != disturbances);
        if (!pair->unjudged)
            return;
    }
    pair->wrong = NULL;
}

void continuity_measure(void)
{
    struct timecounter *counters[MAX_COUNTERS];
    const struct timecounter *first = tc_current(&clock_counters);
    unsigned n = 0, bad = 0, unjudged = 0;
    uint64_t uncertain = 0, held = 0;
    const struct clock_switch *worst = NULL;

    for (struct timecounter *c = tc_next(&clock_counters, NULL); c && n < MAX_COUNTERS;
         c = tc_next(&clock_counters, c)) {
        if (c->quality == TC_QUALITY_DUMMY || !clock_may_use(c))
            continue;
        counters[n++] = c;
        if (c == first) {
            counters[n - 1] = counters[0];
            counters[0] = c;
        }
    }
    if (n < 2) {
        check(SKIP, "timecounter.switch", "there is one timecounter only");
        return;
    }
    (void)clock_select(counters[0]->name, NULL); /* in case the dummy is in use */
    /*
     * Visit each ordered pair once, on one path: back and forth with all but the next, then on to
     * the next; and finally back over those.
     */
    for (unsigned i = 0; i + 1 < n; i++) {
        for (unsigned j = i + 2; j < n; j++) {
            measure(counters[i], counters[j]);
            measure(counters[j], counters[i]);
        }
        measure(counters[i], counters[i + 1]);
    }
    for (unsigned i = n - 1; i > 0; i--)
        measure(counters[i], counters[i - 1]);
    if (first)
        (void)clock_select(first->name, NULL);

    for (unsigned i = 0; i < pair_count; i++) {
        const struct clock_switch *s = &pairs[i].result;
        bad += pairs[i].wrong != NULL;
        unjudged += pairs[i].unjudged;
        if (pairs[i].unjudged)
            continue;
        uncertain =
            s->by_library.uncertainty_ns > uncertain ? s->by_library.uncertainty_ns : uncertain;
        if (!worst || magnitude(s->step_ns) > magnitude(worst->step_ns))
            worst = s;
        held = s->held_ns > held ? s->held_ns : held;
    }
    if (!worst) {
        check(SKIP, "timecounter.switch", "the host took the vCPU away in each of %u pairs",
              pair_count);
        return;
    }
    char spoilt[80] = "";
    if (unjudged)
        format(spoilt, sizeof(spoilt), "; %u not judged, as the host took the vCPU away", unjudged);
    check(pass_if(bad == 0), "timecounter.switch",
          "%u pairs, %u failed, stepped or lost time; uptime may have moved by +- %lu ns, measured "
          "at most %ld +- %lu ns, held at most %lu ns%s",
          pair_count, bad, uncertain, worst->step_ns, worst->step_error_ns, held, spoilt);
}

void continuity_report(void)
{
    if (!pair_count)
        return;
    report_detail(true);
    print("\ntimecounter switched   uptime may move by   it moved, measured       held\n");
    for (unsigned i = 0; i < pair_count; i++) {
        const struct clock_switch *s = &pairs[i].result;
        const char *wrong = pairs[i].wrong ? pairs[i].wrong : "";
        report_detail(!*wrong);
        REPORT("switch",
               "{from:-9} to {to:-9} +- {uncertainty_ns:9} ns {step_ns:+10} +- "
               "{step_error_ns:-7} ns {held_ns:6} ns{_why}{wrong}{_unjudged}\n",
               TEXT("from", s->by_library.from ? s->by_library.from->name : "-"),
               TEXT("to", s->by_library.to ? s->by_library.to->name : "-"),
               U64("uncertainty_ns", s->by_library.uncertainty_ns), I64("step_ns", s->step_ns),
               U64("step_error_ns", s->step_error_ns), U64("held_ns", s->held_ns),
               BOOL("judged", !pairs[i].unjudged), TEXT("wrong", wrong),
               TEXT("_why", *wrong || pairs[i].unjudged ? "\n            " : ""),
               TEXT("_unjudged", pairs[i].unjudged ? "not judged: the host took the vCPU" : ""));
    }
    report_detail(false);
}
