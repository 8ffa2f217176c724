/* SPDX-License-Identifier: 0BSD */
/*
 * Reports the sources of the TSC's frequency side by side, as text and JSON, and makes the
 * driver's check.
 */
#include "drivers/tsc/tsc.h"
#include <clockpage/report.h>

void tsc_report(const struct tsc *t)
{
    print("\nTSC frequency by             Hz      ppm   +- ppm   (%s)\n",
          t->invariant ? "invariant" : "CPUID does not call it invariant");
    for (unsigned i = 0; i < TSC_SOURCES; i++) {
        const struct tsc_source *s = &t->sources[i];
        int64_t ppm = s->hz ? tsc_deviation_ppm(t, s) : 0;
        if (!s->hz)
            print("  %-20s          -                   %s\n", s->name, s->refused);
        else
            print("  %-20s %10lu  %+7ld  %7lu   %s%s\n", s->name, s->hz, ppm, s->error_ppm,
                  s->refused ? "refused: " : "",
                  s->refused       ? s->refused
                  : i == t->chosen ? "chosen"
                  : s->confirms    ? ""
                                   : "differs from the chosen one by more than their errors");
        record_begin("tsc_source");
        record_text("name", s->name);
        record_u64("hz", s->hz);
        record_i64("ppm", ppm);
        record_u64("error_ppm", s->error_ppm);
        record_bool("chosen", s->hz && i == t->chosen);
        record_bool("confirms", s->hz && s->confirms);
        record_text("refused", s->refused ? s->refused : "");
        record_end();
    }
}

void tsc_judge(const struct tsc *t)
{
    uint64_t worst = 0;
    unsigned agree = 0, differ = 0;

    for (unsigned i = 0; i < TSC_SOURCES; i++) {
        const struct tsc_source *s = &t->sources[i];
        if (s->refused)
            continue;
        int64_t ppm = tsc_deviation_ppm(t, s);
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
