/* SPDX-License-Identifier: 0BSD */
/*
 * A reader that runs continuously: whatever the host does to the guest, no time may step back,
 * and no reading may return the date from before a pause.
 */
#include "userspace_sim/process.h"
#include "userspace_sim/step.h"

/* A look cannot detect a pause shorter than this; the date may be off by as much. */
enum { DATE_EVERY = 8, LONGEST_LOOK_NS = 1000000 };

static struct told told;

/* A thread's findings since the readers were started. */
struct watched {
    struct ordered ordered; /* of CLOCK_MONOTONIC; every reading is compared with the others */
    uint64_t by_path[GETTIME_PATHS]; /* readings of CLOCK_MONOTONIC */
    uint64_t last_ns;                /* this thread's latest reading */
    uint64_t longest_ns; /* longest time between two of this thread, by the clock itself */
    /*
     * CLOCK_REALTIME minus CLOCK_MONOTONIC is within [date_low, date_high] as long as the date is
     * not set.  Then: how often it was set; and the structures' time, 0 if not known, just before
     * the last reading of this date, and of the previous one.
     */
    uint64_t date_low, date_high;
    uint64_t date_changes;
    uint64_t date_seen_at, old_date_seen_at;
};

/* A new series begins anew; in the same one a thread goes on where it was stopped. */
static struct {
    struct watched watched;
    uint64_t series;
} __attribute__((aligned(64))) readers[MAX_THREADS];

/* Returns UINT64_MAX without a value. */
static uint64_t read_ns(struct gettime *g, uint32_t clock, enum gettime_path *path)
{
    struct pvclock_timespec ts = {-1, 0};

    *path = clock_gettime(g, clock, &ts);
    return ts.tv_sec < 0 ? UINT64_MAX : timespec_ns(ts);
}

/*
 * Bounds the difference of date and monotonic clock: the date is read between two readings of the
 * clock.  Bounds that exclude the earlier ones mean that the date was set.
 */
static void look_at_date(struct gettime *g, struct watched *w)
{
    enum gettime_path path;
    uint64_t before = read_ns(g, GETTIME_MONOTONIC, &path);
    /* The structures' own time, which setting the date does not change. */
    uint64_t system_time =
        g->clock_page && g->clock_page != &g->time->tsc ? before - g->base[0] : 0;
    uint64_t date = read_ns(g, GETTIME_REALTIME, &path);
    uint64_t after = read_ns(g, GETTIME_MONOTONIC, &path);
    uint64_t low = date - after, high = date - before;

    bool changed = w->date_high && (high < w->date_low || low > w->date_high);

    /* A thread that was kept waiting has bounds so wide that they fit the old and the new date. */
    if (!changed && after - before > LONGEST_LOOK_NS)
        return;
    if (changed) {
        w->date_changes++;
        w->old_date_seen_at = w->date_seen_at;
        w->date_high = 0;
    }
    w->date_seen_at = system_time;
    w->date_low = !w->date_high || low > w->date_low ? low : w->date_low;
    w->date_high = !w->date_high || high < w->date_high ? high : w->date_high;
}

static void look_once(struct gettime *g, struct watched *w)
{
    struct ordered *o = &w->ordered;
    uint64_t seen = told_load(&told);
    enum gettime_path path;
    uint64_t ns = read_ns(g, GETTIME_MONOTONIC, &path);

    o->reads++;
    w->by_path[path]++;
    if (ns == UINT64_MAX) {
        o->errors++;
        return;
    }
    step_back(w->last_ns, ns, &o->back_own, &o->back_own_ns);
    step_back(seen, ns, &o->back_cross, &o->back_cross_ns);
    told_raise(&told, ns);
    if (w->last_ns && ns > w->last_ns && ns - w->last_ns > w->longest_ns)
        w->longest_ns = ns - w->last_ns;
    w->last_ns = ns;
    if (o->reads % DATE_EVERY == 0)
        look_at_date(g, w);
}

void watch(struct thread_page *t)
{
    struct gettime g = thread_gettime(t);
    struct watched *w = &readers[t->index].watched;

    if (readers[t->index].series != t->seed) {
        *w = (struct watched){0};
        readers[t->index].series = t->seed;
    }
    /* At least one reading: a thread that is stopped at once would have shown nothing. */
    do {
        look_once(&g, w);
        if (t->amount && w->ordered.reads % t->amount == 0)
            (void)call(SYS_REST, 0, 0, 0, 0);
    } while (!__atomic_load_n(&t->stop, __ATOMIC_ACQUIRE));
}

/* ---- What came of it ---------------------------------------------------- */

struct sums {
    struct ordered ordered;
    uint64_t back, worst_ns, least, longest_ns, by_path[GETTIME_PATHS], date_changes;
    unsigned stale;
};

static struct sums add_up(const struct thread_page *t)
{
    static const struct watched nothing;
    struct sums all = {.least = UINT64_MAX};

    for (uint32_t i = 0; i < t->count; i++) {
        const struct watched *w = readers[i].series == t->seed ? &readers[i].watched : &nothing;

        ordered_add(&all.ordered, &w->ordered);
        all.least = w->ordered.reads < all.least ? w->ordered.reads : all.least;
        all.longest_ns = larger(all.longest_ns, w->longest_ns);
        for (unsigned k = 0; k < GETTIME_PATHS; k++)
            all.by_path[k] += w->by_path[k];
        all.date_changes = larger(all.date_changes, w->date_changes);
        all.stale += t->amount && w->date_changes && w->old_date_seen_at > t->amount;
    }
    all.back = all.ordered.back_own + all.ordered.back_cross;
    all.worst_ns = larger(all.ordered.back_own_ns, all.ordered.back_cross_ns);
    return all;
}

void watched(struct thread_page *t)
{
    struct sums s = add_up(t);

    verdict(VERDICT_PASS, "readers",
            "%u vCPUs; %lu readings, %lu steps back, worst %lu ns; %lu without a value; "
            "%lu by one page, %lu by own vCPU's, %lu by system call; longest gap %lu ns; least "
            "reading vCPU: %lu readings; %lu dates",
            t->count, s.ordered.reads, s.back, s.worst_ns, s.ordered.errors,
            s.by_path[GETTIME_PATH_STABLE], s.by_path[GETTIME_PATH_OWN_VCPU],
            s.by_path[GETTIME_PATH_SYSTEM_CALL], s.longest_ns, s.least, s.date_changes);
}

void watch_judged(struct thread_page *t)
{
    struct sums s = add_up(t);

    verdict(pass_if(s.least > 0), "readers.threads",
            "%u vCPUs, 0 crashed, the least reading one %lu times", t->count, s.least);
    verdict(pass_if(s.ordered.reads && s.ordered.errors == 0), "readers.values",
            "%lu readings, %lu without a value, longest gap %lu ns", s.ordered.reads,
            s.ordered.errors, s.longest_ns);
    verdict(pass_if(s.ordered.reads && s.back == 0), "readers.order",
            "%lu steps back on or between vCPUs in %lu readings, worst %lu ns", s.back,
            s.ordered.reads, s.worst_ns);
    if (t->amount)
        verdict(pass_if(s.stale == 0), "readers.date",
                "the date was set %lu times; after the last pause %u vCPUs were told the old one",
                s.date_changes, s.stale);
    else
        verdict(VERDICT_SKIP, "readers.date", "no pause changed the date");
}
