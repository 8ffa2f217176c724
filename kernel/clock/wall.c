/* SPDX-License-Identifier: 0BSD */
/*
 * Keeps the clock's date (clock.c) at the host's: asks the driver for the host's epoch, within the
 * rate limit, and steps the date or advances uptime.
 */
#include "kernel/clock/wall.h"
#include "base/calendar.h"
#include "drivers/kvmclock/kvmclock.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/events.h"
#include "kernel/clock/tick.h"
#include <clockpage/sysctl.h>

struct wall_settings wall_settings = {.interval_s = 60, .pivot_s = PVCLOCK_WALL_PIVOT};

static bool started;
static struct wall_figures figures;
static struct wall_answer answer;
static bool distance_known; /* of a date that was set by hand */

static bool paused;       /* since the last request; set on any vCPU */
static bool owed;         /* a pause was asked about, and the host gave no date */
static bool wanted;       /* ask as soon as the limit allows it */
static bool waits;        /* and the limit has delayed it */
static uint64_t last_ask; /* uptime */
static uint64_t paid_for; /* uptime up to which the requests so far have used the rate */
static uint64_t ticks;    /* since uptime was read */

/* ---- Asking ------------------------------------------------------------ */

/* What a request takes of the rate. */
#define ASK_NS (NS_PER_SECOND / WALL_ASKS_A_SECOND)

static uint64_t date_at(const struct clock_moment *m)
{
    return clock_boottime_ns(&m->hands) + m->uptime_ns;
}

/* Makes the date `right` at this moment of uptime and kvmclock. */
static void correct_date(const struct clock_moment *m, uint64_t right)
{
    int64_t off = (int64_t)(right - date_at(m)), by_ns;
    uint64_t error = m->width ? m->width / 2 + 1 : 0;
    uint64_t size = magnitude(off);

    if (!(m->hands.flags & TC_HANDS_SET)) {
        (void)clock_set_date(right, m->uptime_ns, &by_ns);
        return;
    }
    if (size <= WALL_TOLERANCE_NS + error)
        return;
    answer.step_ns = off;
    if (answer.paused && off > 0 && wall_settings.advance_paused) {
        /* The date moves with uptime, which makes it right. */
        answer.advanced_ns = size;
        figures.advanced_ns += size;
        (void)clock_advance(size);
    } else {
        (void)clock_set_date(right, m->uptime_ns, &by_ns);
    }
    size < WALL_EVENT_NS ? figures.slewed++ : figures.stepped++;
    /* The caller records pauses. */
    if (size >= WALL_EVENT_NS && !answer.paused)
        events_add(EVENT_DATE, off, "by the host");
}

/* Derives the date, and the length of a pause, from the epoch. */
static void follow(const struct clock_moment *m, uint64_t epoch)
{
    epoch = pvclock_wall_in_era(epoch, m->count, wall_settings.pivot_s);
    /* While the guest is gone the host's date advances and its time does not: the epoch moves. */
    if (answer.paused && figures.epoch_ns && epoch > figures.epoch_ns) {
        answer.away_ns = epoch - figures.epoch_ns;
        figures.away_ns += answer.away_ns;
    }
    figures.epoch_ns = epoch;
    if (figures.by_hand && !distance_known) {
        figures.distance_ns = (int64_t)(date_at(m) - (epoch + m->count));
        distance_known = true;
    }
    correct_date(m, epoch + m->count + (uint64_t)figures.distance_ns);
}

static const struct wall_answer *ask(uint64_t now)
{
    struct clock_moment m;
    uint64_t epoch = 0;

    paid_for = (paid_for > now ? paid_for : now) + ASK_NS;
    wanted = waits = false;
    last_ask = now;
    answer = (struct wall_answer){.paused = __atomic_exchange_n(&paused, false, __ATOMIC_ACQUIRE)};
    answer.paused |= owed;
    figures.asked++;
    figures.pauses += answer.paused;
    answer.status = kvmclock_wall(&kvmclock, &epoch);
    /* A pause has just come: leave its effect to the request that knows of it. */
    if (!answer.paused && figures.epoch_ns && kvmclock_is_stopped(&kvmclock, 0))
        return NULL;
    if (answer.status == PVCLOCK_OK && clock_read_with(&kvmclock.counter, &m))
        follow(&m, epoch);
    else
        figures.failed++;
    owed = answer.paused && answer.status != PVCLOCK_OK;
    return &answer;
}

const struct wall_answer *wall_start(void)
{
    started = true;
    (void)ask(clock_uptime());
    return &answer;
}

void wall_stale(void)
{
    /* Pairs with the exchange in ask() and the load in wall_tick(). */
    __atomic_store_n(&paused, true, __ATOMIC_RELEASE);
}

static bool is_periodic(uint64_t now)
{
    return wall_settings.interval_s && now - last_ask >= wall_settings.interval_s * NS_PER_SECOND;
}

static uint64_t looks_apart(void)
{
    return tick_rate() < 100 ? tick_rate() / 10 + 1 : 10;
}

const struct wall_answer *wall_tick(void)
{
    bool soon = wanted || __atomic_load_n(&paused, __ATOMIC_ACQUIRE);

    /*
     * Reading uptime costs more than this, so for the interval it is read every 10th tick, or some
     * ten times a second below 100 Hz; by ticks, of which fewer may come than kern.hz asks for.
     */
    if (!started || (!soon && ++ticks < looks_apart()))
        return NULL;
    ticks = 0;
    uint64_t now = clock_uptime();
    if (!soon && !owed && !is_periodic(now))
        return NULL;
    wanted = true;
    if (paid_for > now + WALL_BURST * ASK_NS) {
        figures.limited += !waits;
        waits = true;
        return NULL;
    }
    return ask(now);
}

/* ---- By hand ----------------------------------------------------------- */

/* Manual changes take effect immediately and are not rate-limited. */
static void change(bool by_hand)
{
    figures.by_hand = by_hand;
    figures.distance_ns = 0;
    distance_known = false;
    (void)ask(clock_uptime());
}

void wall_set_by_hand(void)
{
    if (started)
        change(true);
}

const struct wall_figures *wall_figures(void)
{
    return &figures;
}

/* ---- Settings and figures ---------------------------------------------- */

static void get_figures(void *context, uint32_t index, struct sysctl_text *to)
{
    const struct wall_figures *f = &figures;

    (void)context, (void)index;
    sysctl_put(to,
               "{ asked = %lu, failed = %lu, limited = %lu, stepped = %lu, slewed = %lu, "
               "pauses = %lu, away = %lu, advanced = %lu, epoch = %lu, distance = %ld }",
               f->asked, f->failed, f->limited, f->stepped, f->slewed, f->pauses, f->away_ns,
               f->advanced_ns, f->epoch_ns, f->distance_ns);
}

static const char *set_by_hand(void *context, uint32_t index, const union sysctl_value *value)
{
    (void)context, (void)index;
    if (value->on)
        return figures.by_hand ? NULL : "it is 1 once the date has been set";
    if (figures.by_hand)
        change(false);
    return NULL;
}

static const struct sysctl nodes[] = {
    SYSCTL_VALUE("advance_paused", SYSCTL_BOOL, SYSCTL_RWTUN, &wall_settings.advance_paused, 0, 0,
                 "0",
                 "1: uptime goes on by the time that the guest was paused for; 0: it stands still"),
    SYSCTL_SHOWN("wall", SYSCTL_OPAQUE, get_figures,
                 "how often the host was asked for its date, and what came of it"),
    SYSCTL_PROC("wall_by_hand", SYSCTL_BOOL, SYSCTL_RW, &figures.by_hand, NULL, set_by_hand, 0, 0,
                NULL, NULL,
                "1: the date was set, and stays as far from the host's; set it to 0: the host's"),
    SYSCTL_VALUE("wall_interval", SYSCTL_U64, SYSCTL_RWTUN, &wall_settings.interval_s, 0, 86400,
                 "60", "ask the host for its date every this many seconds; 0: only after a pause"),
    SYSCTL_VALUE("wall_pivot", SYSCTL_U64, SYSCTL_RDTUN, &wall_settings.pivot_s, 0, 8589934591,
                 "1577836800, which is 2020-01-01",
                 "a host's date before this, in seconds since 1970, means 2^32 seconds later"),
};

SYSCTL_TABLE("dev.kvmclock.0", nodes);
