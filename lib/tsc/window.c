/* SPDX-License-Identifier: 0BSD */
/* Measures the TSC against a timer of known rate. */
#include "divide.h"
#include "internal.h"
#include "port.h"

enum {
    TSC_READS = 5,                /* of a reading, of which the narrowest counts */
    TSC_LEAST = 1000,             /* counts of a window: 0.1 % */
    TSC_TRIES = 5,                /* of tsc_measure(), if a pause voids a window */
    TSC_UNCHANGED = 1 << 17,      /* reads within which a fast timer must move */
    TSC_WAIT_READS = 1 << 26,     /* reads of a whole wait */
    TSC_EDGE_READS = 1 << 22,     /* reads within which a slow timer must move */
    TSC_MAX_PERIOD_FS = 100000000 /* of the HPET [6, 2.3.4] */
};

#define TSC_EDGE_CYCLES   UINT64_C(50000000000)
#define TSC_FS_PER_SECOND UINT64_C(1000000000000000)

uint64_t tsc_hpet_hz(uint32_t period_fs)
{
    if (period_fs == 0 || period_fs > TSC_MAX_PERIOD_FS)
        return 0;
    return tsc_scale(TSC_FS_PER_SECOND + period_fs / 2, 1, period_fs);
}

static bool tsc_is_timer(const struct tsc_timer *timer)
{
    return timer->mask != 0 && (timer->mask & (timer->mask + 1)) == 0 && timer->hz != 0;
}

/* ---- One read ----------------------------------------------------------- */

/* Reads of one timer in a row: each is held against the one before it. */
struct tsc_reads {
    const struct tsc_timer *timer;
    uint64_t before, after; /* the TSC around the last read */
    uint64_t count;         /* its count */
    uint64_t step;          /* counts since the one before; 0 for the first */
    bool started;
};

static struct tsc_reads tsc_reads_of(const struct tsc_timer *timer)
{
    struct tsc_reads r;

    r.timer = timer;
    r.before = r.after = r.count = r.step = 0;
    r.started = 0;
    return r;
}

/*
 * Reads once. A count that is behind the last one by less than half the mask went back, unless so
 * much time passed, for all that is known of the TSC's frequency, that it may have come round.
 */
static enum tsc_status tsc_read_once(struct tsc_reads *r)
{
    const struct tsc_timer *timer = r->timer;
    uint64_t since = r->before, last = r->count, count = 0;
    bool answers;

    r->before = TSC_PORT_READ();
    answers = (timer->read)(timer->context, &count);
    r->after = TSC_PORT_READ();
    if (!answers)
        return TSC_RAN_OUT;
    if (r->after < r->before || (r->started && r->before < since))
        return TSC_TSC_STUCK;
    r->count = count & timer->mask;
    r->step = r->started ? (r->count - last) & timer->mask : 0;
    if (r->step > timer->mask >> 1)
        return tsc_scale(r->after - since, timer->hz, TSC_HZ_MIN) <= timer->mask >> 1
                   ? TSC_BACKWARDS
                   : TSC_PAUSED;
    r->started = 1;
    return TSC_OK;
}

/* Sets a reading to the moment between two values of the TSC. */
static void tsc_set_between(struct tsc_reading *reading, uint64_t from, uint64_t to, uint64_t count)
{
    reading->error = (to - from) / 2 + 1;
    reading->tsc = from + reading->error;
    reading->count = count;
}

/* ---- A reading ---------------------------------------------------------- */

/*
 * Reads several times; the narrowest pair of TSCs says when it was. Each access can be an exit to
 * the host's user space, so the width is most of the error.
 */
static enum tsc_status tsc_read_narrow(const struct tsc_timer *timer, struct tsc_reading *best)
{
    struct tsc_reads r = tsc_reads_of(timer);
    bool all_ones = 1;

    best->error = UINT64_MAX;
    for (unsigned i = 0; i < TSC_READS; i++) {
        enum tsc_status status = tsc_read_once(&r);

        if (status != TSC_OK)
            return status;
        all_ones = all_ones && r.count == timer->mask;
        if ((r.after - r.before) / 2 + 1 < best->error)
            tsc_set_between(best, r.before, r.after, r.count);
    }
    return all_ones ? TSC_NONE : TSC_OK;
}

/* Waits for the count's next change, which was between the last two reads. */
static enum tsc_status tsc_read_edge(const struct tsc_timer *timer, struct tsc_reading *edge)
{
    struct tsc_reads r = tsc_reads_of(timer);
    enum tsc_status status = tsc_read_once(&r);
    uint64_t start = r.before, last = start;

    for (unsigned i = 0; i < TSC_EDGE_READS && status == TSC_OK; i++) {
        last = r.before;
        status = tsc_read_once(&r);
        if (status == TSC_OK && r.step != 0) {
            tsc_set_between(edge, last, r.after, r.count);
            return r.step == 1 ? TSC_OK : TSC_PAUSED;
        }
        if (r.before - start > TSC_EDGE_CYCLES)
            break;
        TSC_PORT_PAUSE();
    }
    return status == TSC_OK ? TSC_STUCK : status;
}

static enum tsc_status tsc_take(const struct tsc_timer *timer, struct tsc_reading *reading)
{
    return timer->edges ? tsc_read_edge(timer, reading) : tsc_read_narrow(timer, reading);
}

/* ---- From two readings to a frequency ----------------------------------- */

/* What the TSC's frequency can be. */
struct tsc_span {
    uint64_t low, high;
};

static uint64_t tsc_counts_between(const struct tsc_timer *timer, const struct tsc_reading *from,
                                   const struct tsc_reading *to)
{
    return (to->count - from->count) & timer->mask;
}

/*
 * A reading falls anywhere within a count, so the counts are off by less than one; two edges are
 * whole counts apart.
 */
static struct tsc_span tsc_span_of(const struct tsc_timer *timer, const struct tsc_reading *from,
                                   const struct tsc_reading *to)
{
    uint64_t cycles = to->tsc - from->tsc, error = tsc_add(from->error, to->error);
    uint64_t counts = tsc_counts_between(timer, from, to), off = timer->edges ? 0 : 1;
    struct tsc_span span;

    span.low = cycles > error ? tsc_scale(cycles - error, timer->hz, tsc_add(counts, off)) : 0;
    span.high = tsc_scale_up(tsc_add(cycles, error), timer->hz, counts > off ? counts - off : 0);
    return span;
}

/* Whether two parts of a window can have the same frequency, while a host slews its clock. */
static bool tsc_overlap(const struct tsc_span *a, const struct tsc_span *b)
{
    return a->low <= tsc_add(b->high, tsc_scale(b->high, TSC_SLEW_PPM, TSC_PPM)) &&
           b->low <= tsc_add(a->high, tsc_scale(a->high, TSC_SLEW_PPM, TSC_PPM));
}

/* Checks the end of a window, or of its first half. */
static enum tsc_status tsc_check_end(const struct tsc_timer *timer, const struct tsc_reading *from,
                                     const struct tsc_reading *to)
{
    uint64_t cycles = to->tsc - from->tsc;

    if (to->tsc <= from->tsc)
        return TSC_TSC_STUCK;
    /* Even at the highest frequency that a TSC can have, the timer came round. */
    if (timer->mask != UINT64_MAX && cycles > tsc_scale(timer->mask + 1, TSC_HZ_MAX, timer->hz))
        return TSC_PAUSED;
    return TSC_OK;
}

/* The frequency of a whole window, and how far it can be off. */
static enum tsc_status tsc_conclude(const struct tsc_timer *timer, const struct tsc_reading *from,
                                    const struct tsc_reading *to, struct tsc_source *source)
{
    uint64_t counts = tsc_counts_between(timer, from, to), hz, error;
    struct tsc_span span = tsc_span_of(timer, from, to);

    if (counts < (timer->edges ? 1u : (unsigned)TSC_LEAST))
        return tsc_fill(source, TSC_STUCK, 0, 0);
    hz = tsc_scale(to->tsc - from->tsc, timer->hz, counts);
    error =
        tsc_scale_up(span.high - hz > hz - span.low ? span.high - hz : hz - span.low, TSC_PPM, hz);
    return tsc_fill(source, TSC_OK, hz, tsc_add(error, timer->error_ppm));
}

/* ---- Windows ------------------------------------------------------------ */

enum tsc_status tsc_window_open(struct tsc_window *window, const struct tsc_timer *timer)
{
    window->halved = 0;
    window->status = tsc_is_timer(timer) ? tsc_take(timer, &window->from) : TSC_BAD_VALUE;
    if (window->status == TSC_RAN_OUT)
        window->status = TSC_NONE;
    window->open = window->status == TSC_OK;
    return window->status;
}

enum tsc_status tsc_window_look(struct tsc_window *window, const struct tsc_timer *timer)
{
    enum tsc_status status;

    if (!window->open)
        return window->status != TSC_OK ? window->status : TSC_NONE;
    status = tsc_take(timer, &window->middle);
    if (status == TSC_OK)
        status = tsc_check_end(timer, &window->from, &window->middle);
    window->halved = status == TSC_OK;
    return status;
}

enum tsc_status tsc_window_close(struct tsc_window *window, const struct tsc_timer *timer,
                                 struct tsc_source *source)
{
    struct tsc_reading end;
    enum tsc_status status;

    if (!window->open)
        return tsc_fill(source, window->status != TSC_OK ? window->status : TSC_NONE, 0, 0);
    status = tsc_take(timer, &end);
    if (status == TSC_OK)
        status = tsc_check_end(timer, &window->from, &end);
    if (status == TSC_OK && window->halved) {
        struct tsc_span first = tsc_span_of(timer, &window->from, &window->middle);
        struct tsc_span second = tsc_span_of(timer, &window->middle, &end);

        status = end.tsc <= window->middle.tsc  ? TSC_TSC_STUCK
                 : tsc_overlap(&first, &second) ? TSC_OK
                                                : TSC_PAUSED;
    }
    return status == TSC_OK ? tsc_conclude(timer, &window->from, &end, source)
                            : tsc_fill(source, status, 0, 0);
}

/* ---- All in one --------------------------------------------------------- */

/* Waits until `counts` counts have passed since the window was opened. */
static enum tsc_status tsc_wait(const struct tsc_window *window, const struct tsc_timer *timer,
                                uint64_t counts)
{
    struct tsc_reads r = tsc_reads_of(timer);
    unsigned unchanged = 0;

    for (unsigned i = 0; i < TSC_WAIT_READS && unchanged < TSC_UNCHANGED; i++) {
        enum tsc_status status = tsc_read_once(&r);

        if (status != TSC_OK)
            return status;
        if (((r.count - window->from.count) & timer->mask) >= counts)
            return TSC_OK;
        unchanged = r.step == 0 ? unchanged + 1 : 0;
        TSC_PORT_PAUSE();
    }
    return TSC_STUCK;
}

/* The same for edges, which a window's readings wait for: up to the last but one. */
static enum tsc_status tsc_wait_edges(const struct tsc_timer *timer, uint64_t edges)
{
    struct tsc_reading passed;
    enum tsc_status status = TSC_OK;

    for (uint64_t i = 1; i < edges && status == TSC_OK; i++)
        status = tsc_read_edge(timer, &passed);
    return status;
}

static enum tsc_status tsc_measure_once(const struct tsc_timer *timer, uint64_t counts,
                                        struct tsc_source *source)
{
    const uint64_t half = counts / 2;
    struct tsc_window window;
    enum tsc_status status = tsc_window_open(&window, timer);

    if (status == TSC_OK && half != 0) {
        status = timer->edges ? tsc_wait_edges(timer, half) : tsc_wait(&window, timer, half);
        if (status == TSC_OK)
            status = tsc_window_look(&window, timer);
    }
    if (status == TSC_OK)
        status =
            timer->edges ? tsc_wait_edges(timer, counts - half) : tsc_wait(&window, timer, counts);
    return status == TSC_OK ? tsc_window_close(&window, timer, source)
                            : tsc_fill(source, status, 0, 0);
}

enum tsc_status tsc_measure(const struct tsc_timer *timer, uint64_t counts,
                            struct tsc_source *source)
{
    const uint64_t least = timer->edges ? 1 : TSC_LEAST;

    if (!tsc_is_timer(timer) || counts < least || counts > timer->mask >> 2)
        return tsc_fill(source, TSC_BAD_VALUE, 0, 0);
    for (unsigned tries = 1;; tries++) {
        if (tsc_measure_once(timer, counts, source) != TSC_PAUSED || tries == TSC_TRIES)
            return source->status;
    }
}
