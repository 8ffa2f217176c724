/* SPDX-License-Identifier: 0BSD */
/*
 * Reports the sources of the TSC's frequency side by side, as text and JSON, and makes the
 * driver's check.
 */
#include "drivers/tsc/tsc.h"
#include <clockpage/report.h>

void tsc_report(const struct tsc *t)
{
    print("\nTSC frequency by             Hz      ppm   +- ppm   %s\n",
          t->invariant ? "(invariant)" : "(not invariant)");
    for (unsigned i = 0; i < TSC_SOURCES; i++) {
        const struct tsc_source *s = &t->sources[i];
        int64_t ppm = s->hz ? tsc_deviation(s, t->hz) : 0;
        REPORT("tsc_source",
               s->hz ? "  {name:-20} {hz:10}  {ppm:+7}  {error_ppm:7}   {_state}{refused}\n"
                     : "  {name:-20} none: {refused}\n",
               TEXT("name", s->name), U64("hz", s->hz), I64("ppm", ppm),
               U64("error_ppm", s->error_ppm), BOOL("chosen", s->hz && i == t->chosen),
               BOOL("confirms", s->hz && s->confirms), TEXT("refused", tsc_status_text(s->status)),
               TEXT("_state", s->status        ? "refused: "
                              : i == t->chosen ? "chosen"
                              : s->confirms    ? ""
                                               : "disagrees"));
    }
}

void tsc_judge(const struct tsc *t)
{
    uint64_t worst = 0;
    unsigned agree = 0, differ = 0;

    for (unsigned i = 0; i < TSC_SOURCES; i++) {
        const struct tsc_source *s = &t->sources[i];
        if (s->status != TSC_OK)
            continue;
        int64_t ppm = tsc_deviation(s, t->hz);
        uint64_t distance = (uint64_t)(ppm < 0 ? -ppm : ppm);
        agree++;
        differ += !s->confirms;
        if (distance > worst)
            worst = distance;
    }
    check(pass_if(t->hz && agree > 0), "tsc.frequency",
          "%lu Hz by %s; %u sources, at most %lu ppm off, %u by more than the errors", t->hz,
          t->sources[t->chosen].name, agree, worst, differ);
}
