/* SPDX-License-Identifier: 0BSD */
/*
 * The clock's long way: compares what a structure says now with what was returned before, on all
 * vCPUs, and raises the guard where time would step back.  clock.h says why and when.
 */
#include "clock.h"

enum {
    PVCLOCK_CLOCK_TRIES = 64,
    PVCLOCK_NO_VERSION = 1 /* a version that no structure in use has */
};

PVCLOCK_COLD static uint64_t pvclock_clock_tsc(const struct pvclock_clock *clock)
{
    return pvclock_tsc_now(clock->order);
}

/* Returns a line's time at `tsc`; if it has none, what it began with. */
PVCLOCK_COLD static uint64_t pvclock_line_time(const struct pvclock_snapshot *line, uint64_t tsc)
{
    uint64_t ns;

    return pvclock_has_time(pvclock_extrapolate(line, tsc, &ns)) ? ns : line->system_time;
}

/* Whether a is after b, in TSC or in uptime, both of which wrap. */
static bool pvclock_is_after(uint64_t a, uint64_t b)
{
    return (int64_t)(a - b) > 0;
}

/* Forgets all structures. */
PVCLOCK_COLD static void pvclock_forget(struct pvclock_clock *clock)
{
    for (uint32_t i = 0; i < clock->count; i++)
        pvclock_clock_attach(clock, i, 0);
    clock->base = PVCLOCK_NO_TIME;
}

enum pvclock_status pvclock_clock_init(struct pvclock_clock *clock,
                                       struct pvclock_clock_vcpu *vcpus, uint32_t count,
                                       uint32_t features, enum pvclock_order order, uint64_t tsc_hz,
                                       uint64_t tsc)
{
    volatile unsigned char *bytes = (volatile unsigned char *)clock;

    for (size_t i = 0; i < sizeof(*clock); i++)
        bytes[i] = 0;
    clock->vcpus = vcpus;
    clock->count = count;
    clock->features = features;
    clock->order = order;
    clock->aux_mask = ~UINT32_C(0);
    clock->date = PVCLOCK_NO_TIME;
    clock->early.tsc_timestamp = tsc;
    pvclock_forget(clock);
    if (tsc_hz == 0)
        return PVCLOCK_OK;
    return pvclock_scale_from_hz(tsc_hz, &clock->early.mul, &clock->early.shift);
}

/*
 * Copies the structure that vCPU was last seen with; PVCLOCK_NO_VERSION: none.  Its writer fills
 * one copy while the other one is read, so two changes during one copy are what it takes to try
 * again.
 */
PVCLOCK_COLD static void pvclock_line_of(const struct pvclock_clock_vcpu *vcpu,
                                         struct pvclock_snapshot *out, uint64_t *since)
{
    for (unsigned tries = 0; tries < PVCLOCK_CLOCK_TRIES; tries++) {
        uint32_t line = PVCLOCK_LOAD_ACQUIRE(&vcpu->line);

        *out = vcpu->lines[line & 1];
        *since = vcpu->since[line & 1];
        if (PVCLOCK_LOAD_AFTER(&vcpu->line, 0) == line)
            return;
    }
    out->version = PVCLOCK_NO_VERSION;
}

/*
 * Returns the latest time that can have been returned on any vCPU's hot path up to `tsc`.  What
 * went the long way without STABLE has passed the guard.
 */
PVCLOCK_COLD static uint64_t pvclock_latest(const struct pvclock_clock *clock, uint64_t tsc)
{
    uint64_t most = 0, since;
    struct pvclock_snapshot line;

    for (uint32_t i = 0; i < clock->count; i++) {
        const struct pvclock_clock_vcpu *vcpu = &clock->vcpus[i];
        uint64_t end = PVCLOCK_LOAD64(&vcpu->from) + (UINT64_C(1) << PVCLOCK_CLOCK_WINDOW), ns;

        pvclock_line_of(vcpu, &line, &since);
        if (line.version == PVCLOCK_NO_VERSION || !pvclock_is_stable(clock->features, line.flags))
            continue;
        ns = pvclock_line_time(&line, pvclock_is_after(end, tsc) ? tsc : end) + clock->base;
        if (pvclock_is_after(ns, most))
            most = ns;
    }
    return most;
}

PVCLOCK_COLD static uint64_t pvclock_word_of(const struct pvclock_clock *clock,
                                             enum pvclock_vcpu_by by)
{
    return pvclock_clock_vcpu_word(clock, by);
}

/* Whether this is still the vCPU of `word`, and its structure that of `version`. */
PVCLOCK_COLD static bool pvclock_is_still_on(const struct pvclock_clock *clock,
                                             enum pvclock_vcpu_by by, uint64_t word,
                                             uint32_t version)
{
    return pvclock_word_of(clock, by) == word &&
           PVCLOCK_LOAD_AFTER(pvclock_version_of(clock->vcpus[(uint32_t)word].clock_page), 0) ==
               version;
}

PVCLOCK_COLD static void pvclock_pass_guard(struct pvclock_clock *clock,
                                            struct pvclock_reading *reading)
{
    pvclock_clock_pass_guard(clock, reading);
}

/* Notes that the host's time has stepped between two versions, if it has. */
static void pvclock_note_step(struct pvclock_clock *clock, const struct pvclock_snapshot *before,
                              const struct pvclock_snapshot *now, uint64_t tsc)
{
    uint64_t step;

    if (before->version == PVCLOCK_NO_VERSION)
        return;
    step = pvclock_line_time(now, tsc) - pvclock_line_time(before, tsc);
    if (step + PVCLOCK_CLOCK_STEP_NS <= 2 * (uint64_t)PVCLOCK_CLOCK_STEP_NS)
        return;
    PVCLOCK_STORE64(&clock->step_ns, step);
    clock->steps++;
    clock->due++;
}

/*
 * Lets the hot path use the structure as it is, from `tsc` on, if `guard` is the guard then
 * (PVCLOCK_NO_TIME: through the guard).  False: someone else is doing this, perhaps halfway below
 * an interrupt, or the structure has changed.
 */
static bool pvclock_mark(struct pvclock_clock *clock, struct pvclock_clock_vcpu *vcpu,
                         const struct pvclock_snapshot *now, uint64_t tsc, uint64_t guard,
                         bool fast)
{
    bool noted;

    if ((PVCLOCK_TAKE_BITS(&vcpu->free, 1) & 1) == 0)
        return 0;
    noted = PVCLOCK_LOAD_ACQUIRE(pvclock_version_of(vcpu->clock_page)) == now->version;
    if (noted) {
        uint32_t line = vcpu->line;
        const struct pvclock_snapshot *before = &vcpu->lines[line & 1];
        bool is_new = before->version != now->version;

        if (is_new) {
            pvclock_note_step(clock, before, now, tsc);
            PVCLOCK_STORE_RELEASE(&vcpu->version, PVCLOCK_NO_VERSION);
            vcpu->lines[~line & 1] = *now;
            vcpu->since[~line & 1] = tsc;
            PVCLOCK_STORE_RELEASE(&vcpu->line, line + 1);
        }
        /* A thread that was held up may come with an earlier TSC, which says nothing new. */
        if (is_new || guard == PVCLOCK_NO_TIME || pvclock_is_after(tsc, vcpu->from))
            PVCLOCK_STORE64(&vcpu->from, tsc);
        PVCLOCK_STORE64(&vcpu->passed, guard);
        PVCLOCK_STORE_RELEASE(&vcpu->version, fast ? now->version : PVCLOCK_NO_VERSION);
    }
    PVCLOCK_STORE_FENCE();
    *(volatile uint8_t *)&vcpu->free = 1;
    return noted;
}

/* Returns the base that makes uptime go on: set once, by the first structure that is read. */
static uint64_t pvclock_base_of(struct pvclock_clock *clock, uint64_t tsc, uint64_t ns)
{
    uint64_t base = PVCLOCK_LOAD64(&clock->base), early;

    if (base != PVCLOCK_NO_TIME)
        return base;
    early = pvclock_line_time(&clock->early, tsc) - ns;
    if (early == PVCLOCK_NO_TIME)
        early--;
    return PVCLOCK_CAS64(&clock->base, &base, early) ? early : base;
}

/*
 * Tries to read the structure of the vCPU that runs this.  BUSY: try again.  Another status than
 * OK: it has none that can be read.
 */
static enum pvclock_status pvclock_read_own(struct pvclock_clock *clock, enum pvclock_vcpu_by by,
                                            struct pvclock_reading *out)
{
    uint64_t word = pvclock_word_of(clock, by), guard, tsc, floor, since;
    struct pvclock_clock_vcpu *vcpu;
    struct pvclock_snapshot now, before;
    enum pvclock_status status;
    bool stable, noted, early;

    if ((uint32_t)word >= clock->count)
        return PVCLOCK_NOT_READY;
    vcpu = &clock->vcpus[(uint32_t)word];
    if (vcpu->clock_page == 0)
        return PVCLOCK_NOT_READY;
    status = pvclock_take_snapshot(vcpu->clock_page, &now);
    if (status != PVCLOCK_OK)
        return PVCLOCK_NOT_READY;
    tsc = pvclock_clock_tsc(clock);
    if (!pvclock_is_still_on(clock, by, word, now.version))
        return PVCLOCK_BUSY;
    status = pvclock_extrapolate(&now, tsc, &out->ns);
    if ((int64_t)out->ns < 0) /* also without a time */
        return PVCLOCK_OVERFLOW;

    out->ns += pvclock_base_of(clock, tsc, out->ns);
    /* Set back to before uptime 0. */
    early = (int64_t)out->ns < 0;
    if (early)
        out->ns = 0;
    out->flags = now.flags;
    stable = pvclock_is_stable(clock->features, now.flags);
    pvclock_line_of(vcpu, &before, &since);
    if (before.version != now.version) {
        floor = pvclock_latest(clock, tsc);
        /* Before the old line goes, at which others look; the new one, if STABLE, is past it. */
        if (!stable || floor > out->ns)
            (void)pvclock_guard_cas(&clock->guard, floor);
    } else if (stable && pvclock_is_after(since, tsc)) {
        return PVCLOCK_BUSY;
    }
    /* Not earlier: whoever set the line that was found has raised the guard before. */
    guard = PVCLOCK_LOAD64(&clock->guard.last);
    noted = pvclock_mark(clock, vcpu, &now, tsc, stable ? guard : PVCLOCK_NO_TIME,
                         status == PVCLOCK_OK && -(unsigned)now.shift <= PVCLOCK_SHIFT_MAX &&
                             !early && (!stable || out->ns >= guard));

    /* Another vCPU may have looked at the old line just before, and gone on. */
    if (!pvclock_is_still_on(clock, by, word, now.version))
        return PVCLOCK_BUSY;
    if (!stable || !noted || out->ns < guard)
        pvclock_pass_guard(clock, out);
    return PVCLOCK_OK;
}

/* A vCPU without a structure reads any other one's, and without any the TSC. */
static void pvclock_read_without(struct pvclock_clock *clock, struct pvclock_reading *out)
{
    uint64_t base = PVCLOCK_LOAD64(&clock->base), tsc = pvclock_clock_tsc(clock), floor;
    enum pvclock_status status = PVCLOCK_NOT_READY;
    struct pvclock_sample sample;

    for (uint32_t i = 0; base != PVCLOCK_NO_TIME && i < clock->count; i++) {
        if (clock->vcpus[i].clock_page != 0)
            status = pvclock_read(clock->vcpus[i].clock_page, clock->order, &sample);
        if (pvclock_has_time(status))
            break;
    }
    out->flags = PVCLOCK_READ_WITHOUT;
    if (pvclock_has_time(status))
        out->ns = sample.ns + base;
    else
        out->ns = pvclock_line_time(&clock->early, tsc);
    floor = pvclock_latest(clock, tsc);
    if (pvclock_is_after(floor, out->ns))
        out->ns = floor;
    pvclock_pass_guard(clock, out);
}

struct pvclock_reading pvclock_clock_read_slow(struct pvclock_clock *clock, enum pvclock_vcpu_by by)
{
    enum pvclock_status status = PVCLOCK_BUSY;
    struct pvclock_reading out;

    for (unsigned tries = 0; tries < PVCLOCK_CLOCK_TRIES && status == PVCLOCK_BUSY; tries++)
        status = pvclock_read_own(clock, by, &out);
    if (status != PVCLOCK_OK)
        pvclock_read_without(clock, &out);
    return out;
}

void pvclock_clock_suspend(struct pvclock_clock *clock, enum pvclock_vcpu_by by)
{
    struct pvclock_reading last = pvclock_clock_read_slow(clock, by);

    pvclock_pass_guard(clock, &last);
    pvclock_forget(clock);
    pvclock_clock_resume(clock, pvclock_clock_tsc(clock), 0);
}
