/* SPDX-License-Identifier: 0BSD */
/* The sources of the TSC's frequency side by side, and the choice between them. */
#include "divide.h"
#include "internal.h"

const char *tsc_status_text(enum tsc_status status)
{
    /* One string: a table of pointers would be data that needs relocation. */
    static const char texts[] = "\0"
                                "there is none\0"
                                "the leaf has no crystal frequency\0"
                                "the leaf is empty\0"
                                "it hardly moved\0"
                                "it counts backwards\0"
                                "it ran out before it was read\0"
                                "a pause voided its window\0"
                                "the TSC stood still or went back\0"
                                "outside 100 MHz to 20 GHz\0"
                                "more than 1 % from the chosen one\0"
                                "it was never at rest\0"
                                "its fields are not a date\0"
                                "an argument is out of range\0"
                                "?";
    const char *text = texts;

    for (unsigned i = 0; i < (unsigned)status && *text != '?'; i++) {
        while (*text++ != '\0')
            ;
    }
    return text;
}

enum tsc_status tsc_source_hz(struct tsc_source *source, uint64_t hz, uint64_t error_hz)
{
    return tsc_fill(source, TSC_OK, hz, tsc_add(tsc_scale(error_hz, TSC_PPM, hz), 1));
}

enum tsc_status tsc_source_khz(struct tsc_source *source, uint32_t khz)
{
    if (khz == 0)
        return tsc_fill(source, TSC_NONE, 0, 0);
    return tsc_fill(source, TSC_OK, khz * UINT64_C(1000), TSC_PPM / khz + 1);
}

uint64_t tsc_distance_ppm(uint64_t a, uint64_t b)
{
    uint64_t difference = a > b ? a - b : b - a;

    return difference >= b ? TSC_PPM : tsc_scale(difference, TSC_PPM, b);
}

int64_t tsc_deviation(const struct tsc_source *source, uint64_t hz)
{
    int64_t ppm = (int64_t)tsc_distance_ppm(source->hz, hz);

    return source->hz < hz ? -ppm : ppm;
}

/* How far two sources may be apart by their own errors; the caller may have set any. */
static uint64_t tsc_errors(const struct tsc_source *a, const struct tsc_source *b)
{
    return tsc_add(a->error_ppm, b->error_ppm);
}

static bool tsc_confirm(const struct tsc_source *a, const struct tsc_source *b)
{
    return tsc_distance_ppm(a->hz, b->hz) <= tsc_add(tsc_errors(a, b), TSC_SLEW_PPM);
}

/* A frequency must be possible. Refusals against an earlier choice do not count. */
static void tsc_refuse_impossible(struct tsc_source *sources, unsigned count)
{
    for (struct tsc_source *s = sources; s < sources + count; s++) {
        s->confirms = 0;
        if (s->status == TSC_TOO_FAR)
            s->status = TSC_OK;
        if (s->status == TSC_OK && (s->hz < TSC_HZ_MIN || s->hz > TSC_HZ_MAX))
            s->status = TSC_OUT_OF_RANGE;
    }
}

/* Returns how many other sources confirm this one. */
static unsigned tsc_supporters(const struct tsc_source *sources, unsigned count,
                               const struct tsc_source *s)
{
    unsigned number = 0;

    for (const struct tsc_source *other = sources; other < sources + count; other++)
        number += other != s && other->status == TSC_OK && tsc_confirm(s, other);
    return number;
}

enum tsc_status tsc_vote(struct tsc_source *sources, unsigned count, struct tsc_choice *choice)
{
    const struct tsc_source *chosen = 0;

    choice->index = choice->confirmed = choice->differ = 0;
    choice->hz = 0;
    tsc_refuse_impossible(sources, count);
    /* The one that most others confirm; of several, the first in the order of trust. */
    for (const struct tsc_source *s = sources; s < sources + count; s++) {
        unsigned number;

        if (s->status != TSC_OK)
            continue;
        number = tsc_supporters(sources, count, s);
        if (chosen != 0 && number <= choice->confirmed)
            continue;
        chosen = s;
        choice->confirmed = number;
    }
    if (chosen == 0)
        return TSC_NONE;
    choice->index = (unsigned)(chosen - sources);
    choice->hz = chosen->hz;
    /* One that is far from it is wrong; one that differs by more than the errors is shown. */
    for (struct tsc_source *s = sources; s < sources + count; s++) {
        if (s->status != TSC_OK)
            continue;
        s->confirms = tsc_confirm(chosen, s);
        choice->differ += !s->confirms;
        if (tsc_distance_ppm(s->hz, choice->hz) > tsc_add(tsc_errors(s, chosen), TSC_FAR_PPM))
            s->status = TSC_TOO_FAR;
    }
    return TSC_OK;
}
