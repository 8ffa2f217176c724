/* SPDX-License-Identifier: 0BSD */
/*
 * Keeps the clock's date (clock.c) at the host's: asks the driver for the host's epoch, within the
 * rate limit, and steps the date or advances uptime.
 */
#include "kernel/clock/wall.h"
#include "base/tunables.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/events.h"
#include <timecounter/hands.h>

#define NS_PER_SECOND UINT64_C(1000000000)

/* Brackets to try where kvmclock is not the timecounter. */
enum { TRIES = 4 };

struct wall_settings wall_settings = {.interval_s = 60, .pivot_s = PVCLOCK_WALL_PIVOT};

static struct wall_host host;
static struct wall_figures figures;
static struct wall_answer answer;
static bool distance_known; /* of a date that was set by hand */

static bool paused;                /* since the last request; set on any vCPU */
static bool owed;                  /* a pause was asked about, and the host gave no date */
static bool wanted;                /* ask as soon as the limit allows it */
static bool waits;                 /* and the limit has delayed it */
static uint64_t last_ask;          /* uptime */
static uint64_t window, in_window; /* uptime at which the second began, requests in it */
static uint64_t ticks;             /* since uptime was read */

/* ---- Host and clock at one moment -------------------------------------- */

struct moment {
    uint64_t uptime_ns, host_ns;
    uint64_t error_ns; /* host_ns is known within +- this */
    uint64_t date_ns;  /* by the clock */
    bool date_is_set;
};

static uint64_t host_time(void)
{
    return host.time->read(host.time->context);
}

static bool look(struct moment *m)
{
    struct tc_hands h;

    /* Detects a counter that went back, as a restored one does. */
    clock_tick();
    if (!clock_hands(&h))
        return false;
    if (h.counter == host.time) {
        *m = (struct moment){h.uptime.sec * NS_PER_SECOND + tc_hands_nsec(&h, &h.uptime), h.count,
                             0, 0, false};
    } else {
        uint64_t best = 0;
        for (unsigned i = 0; i < TRIES; i++) {
            uint64_t before = host_time(), uptime = clock_uptime();
            uint64_t width = host_time() - before;
            if (i == 0 || width < best) {
                best = width;
                *m = (struct moment){uptime, before + width / 2, width / 2 + 1, 0, false};
            }
        }
    }
    m->date_ns =
        (uint64_t)h.boottime.sec * NS_PER_SECOND + (uint64_t)h.boottime.nsec + m->uptime_ns;
    m->date_is_set = h.flags & TC_HANDS_SET;
    return true;
}

/* ---- Asking ------------------------------------------------------------ */

static void set_date(const struct moment *m, uint64_t right)
{
    int64_t off = (int64_t)(right - m->date_ns), by_ns;
    uint64_t size = off < 0 ? -(uint64_t)off : (uint64_t)off;

    if (!m->date_is_set) {
        (void)clock_set_date_at(right, m->uptime_ns, &by_ns);
        return;
    }
    if (size <= WALL_TOLERANCE_NS + m->error_ns)
        return;
    answer.step_ns = off;
    if (answer.paused && off > 0 && wall_settings.advance_paused) {
        /* The date moves with uptime, which makes it right. */
        answer.advanced_ns = size;
        figures.advanced_ns += size;
        (void)clock_advance(size);
    } else {
        (void)clock_set_date_at(right, m->uptime_ns, &by_ns);
    }
    size < WALL_EVENT_NS ? figures.slewed++ : figures.stepped++;
    /* The caller records pauses. */
    if (size >= WALL_EVENT_NS && !answer.paused)
        events_add(EVENT_DATE, off, "by the host");
}

/* Derives the date, and the length of a pause, from the epoch. */
static void follow(const struct moment *m, uint64_t epoch)
{
    epoch = pvclock_wall_in_era(epoch, m->host_ns, wall_settings.pivot_s);
    /* While the guest is gone the host's date advances and its time does not: the epoch moves. */
    if (answer.paused && figures.epoch_ns && epoch > figures.epoch_ns) {
        answer.away_ns = epoch - figures.epoch_ns;
        figures.away_ns += answer.away_ns;
    }
    figures.epoch_ns = epoch;
    if (figures.by_hand && !distance_known) {
        figures.distance_ns = (int64_t)(m->date_ns - (epoch + m->host_ns));
        distance_known = true;
    }
    set_date(m, epoch + m->host_ns + (uint64_t)figures.distance_ns);
}

static const struct wall_answer *ask(uint64_t now)
{
    struct moment m = {0};
    uint64_t epoch = 0;

    if (now - window >= NS_PER_SECOND) {
        window = now;
        in_window = 0;
    }
    in_window++;
    wanted = waits = false;
    last_ask = now;
    answer = (struct wall_answer){.paused = __atomic_exchange_n(&paused, false, __ATOMIC_ACQUIRE)};
    answer.paused |= owed;
    figures.asked++;
    figures.pauses += answer.paused;
    answer.status = host.ask(&epoch);
    /* A pause has just come: leave its effect to the request that knows of it. */
    if (!answer.paused && figures.epoch_ns && host.is_paused())
        return NULL;
    if (answer.status == PVCLOCK_OK && look(&m))
        follow(&m, epoch);
    else
        figures.failed++;
    owed = answer.paused && answer.status != PVCLOCK_OK;
    return &answer;
}

const struct wall_answer *wall_start(const struct wall_host *the_host)
{
    host = *the_host;
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
    return settings.hz < 100 ? settings.hz / 10 + 1 : 10;
}

const struct wall_answer *wall_tick(void)
{
    bool soon = wanted || __atomic_load_n(&paused, __ATOMIC_ACQUIRE);

    /*
     * Reading uptime costs more than this, so for the interval it is read every 10th tick, or some
     * ten times a second below 100 Hz; by ticks, of which fewer may come than kern.hz asks for.
     */
    if (!host.ask || (!soon && ++ticks < looks_apart()))
        return NULL;
    ticks = 0;
    uint64_t now = clock_uptime();
    if (!soon && !owed && !is_periodic(now))
        return NULL;
    wanted = true;
    if (now - window < NS_PER_SECOND && in_window >= WALL_ASKS_A_SECOND) {
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
    if (host.ask)
        change(true);
}

void wall_follow_host(void)
{
    if (figures.by_hand)
        change(false);
}

const struct wall_figures *wall_figures(void)
{
    return &figures;
}
