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
    uint64_t before = read_ns(g, CLOCK_MONOTONIC, &path);
    /* The structures' own time, which setting the date does not change. */
    uint64_t system_time = g->page && g->page != &g->time->tsc ? before - g->base[0] : 0;
    uint64_t date = read_ns(g, CLOCK_REALTIME, &path);
    uint64_t after = read_ns(g, CLOCK_MONOTONIC, &path);
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

void watch(struct thread_page *t)
{
    struct gettime g = thread_gettime(t);
    struct watched *w = &t->watched;
    struct ordered *o = &w->ordered;

    while (!__atomic_load_n(&t->stop, __ATOMIC_ACQUIRE)) {
        uint64_t seen = told_load(&told);
        enum gettime_path path;
        uint64_t ns = read_ns(&g, CLOCK_MONOTONIC, &path);

        o->reads++;
        w->by_path[path]++;
        if (ns == UINT64_MAX) {
            o->errors++;
            continue;
        }
        o->compared++;
        step_back(w->last_ns, ns, &o->back_own, &o->back_own_ns);
        step_back(seen, ns, &o->back_cross, &o->back_cross_ns);
        told_raise(&told, ns);
        if (w->last_ns && ns > w->last_ns && ns - w->last_ns > w->longest_ns)
            w->longest_ns = ns - w->last_ns;
        w->last_ns = ns;
        if (o->reads % DATE_EVERY == 0)
            look_at_date(&g, w);
        if (t->rest_after && o->reads % t->rest_after == 0)
            (void)system_call(SYS_REST, 0);
    }
}
