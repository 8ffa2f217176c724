/* SPDX-License-Identifier: 0BSD */
/*
 * The wall clock with a host that the test plays: its date, its time, and pauses in which the one
 * goes on and the other stands still.  CLOCK_REALTIME is the host's date to the nanosecond, uptime
 * never notices.
 */
#include "base/sysctl.h"
#include "drivers/kvmclock/kvmclock.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/events.h"
#include "kernel/clock/tick.h"
#include "kernel/clock/wall.h"
#include "tests/check.h"
#include "tests/kernel/clock/machine.h"
#include <inttypes.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define DAY    (86400 * SECOND)
#define DATE   UINT64_C(1795382573096931473) /* in 2026 */

enum { HZ = 100 };

/* ---- The host ---------------------------------------------------------- */

static struct {
    uint64_t real;      /* ns that have passed anyhow: the TSC's time */
    uint64_t stood;     /* of which the guest's time, kvmclock, stood still for these */
    uint64_t start;     /* kvmclock at real 0 */
    uint64_t date;      /* at real 0 */
    uint64_t read_cost; /* of the counters, in ns: half of it before the count is taken */
    enum pvclock_status status;
    bool flagged; /* GUEST_STOPPED is set */
    unsigned asked, events;
    int64_t event_ns;
} host;

static uint64_t kvmclock_now(void)
{
    return host.start + host.real - host.stood;
}

static uint64_t host_date(void)
{
    return host.date + host.real;
}

static uint64_t read_kvmclock(void *context)
{
    (void)context;
    host.real += host.read_cost / 2;
    uint64_t now = kvmclock_now();
    host.real += host.read_cost / 2;
    return now;
}

/* 24 bits of the last one, 2.3 GHz of the first. */
static uint64_t read_by_real_time(void *context)
{
    const uint64_t *hz = context;

    host.real += host.read_cost / 2;
    uint64_t now = (uint64_t)((unsigned __int128)host.real * *hz / SECOND);
    host.real += host.read_cost / 2;
    return now;
}

static uint64_t tsc_hz = 2300000000, acpi_hz = 3579545;
/* In place of the driver. */
struct kvmclock kvmclock = {.counter = {.name = "kvmclock",
                                        .read = read_kvmclock,
                                        .mask = UINT64_MAX,
                                        .frequency = SECOND,
                                        .quality = TC_QUALITY_KVMCLOCK}};
static struct timecounter tsc = {.name = "TSC",
                                 .read = read_by_real_time,
                                 .context = &tsc_hz,
                                 .mask = UINT64_MAX,
                                 .frequency = 2300000000,
                                 .quality = TC_QUALITY_TSC};
static struct timecounter acpi = {.name = "ACPI-fast",
                                  .read = read_by_real_time,
                                  .context = &acpi_hz,
                                  .mask = 0xffffff,
                                  .frequency = 3579545,
                                  .quality = TC_QUALITY_ACPI_FAST};

/* As KVM does it, 32 bits of seconds and all. */
enum pvclock_status kvmclock_wall(struct kvmclock *kc, uint64_t *epoch_ns)
{
    uint64_t epoch = host_date() - kvmclock_now();
    const struct pvclock_wall_clock wall = {2, (uint32_t)(epoch / SECOND),
                                            (uint32_t)(epoch % SECOND)};

    (void)kc;
    host.asked++;
    *epoch_ns = 0;
    return host.status == PVCLOCK_OK ? pvclock_wall(&wall, epoch_ns) : host.status;
}

void events_add(enum event_kind kind, int64_t value, const char *text)
{
    (void)text;
    host.events += kind == EVENT_DATE;
    host.event_ns = value;
}

static const struct wall_answer *last_answer;

static void go_on(uint64_t ns)
{
    const struct wall_answer *answer;

    for (uint64_t step = SECOND / HZ; ns > 0; ns -= step) {
        step = step < ns ? step : ns;
        host.real += step;
        clock_tick();
        if ((answer = wall_tick()))
            last_answer = answer;
    }
}

/* The host stops the guest and lets it go on, and the guest notices. */
static void be_stopped(uint64_t ns)
{
    host.real += ns;
    host.stood += ns;
    wall_stale();
}

/* Then it has its tick. */
static void be_paused(uint64_t ns)
{
    be_stopped(ns);
    go_on(SECOND / HZ);
}

bool kvmclock_is_stopped(const struct kvmclock *kc, uint32_t index)
{
    (void)kc, (void)index;
    return host.flagged;
}

uint64_t tick_rate(void)
{
    return HZ;
}

static void start(const char *counter, uint64_t kvmclock_start, uint64_t date)
{
    host.start = kvmclock_start;
    host.date = date;
    host.real = 987654321;
    clock_init(HZ);
    clock_offer(&kvmclock.counter, NULL);
    clock_offer(&tsc, NULL);
    clock_offer(&acpi, NULL);
    clock_set_reference(&kvmclock.counter);
    clock_choose(counter);
    (void)wall_start();
}

/* ---- What is looked at ------------------------------------------------- */

static uint64_t clock_ns(enum tc_clock clock)
{
    int64_t value[2] = {0, 0};

    (void)clock_get(clock, false, value);
    return (uint64_t)value[0] * SECOND + (uint64_t)value[1];
}

#define IS(a, b)                                                                                   \
    do {                                                                                           \
        uint64_t is = (uint64_t)(a), should = (uint64_t)(b);                                       \
        if (is != should) {                                                                        \
            printf("  line %d: " #a " is %" PRId64 ", not %" PRId64 "\n", __LINE__, (int64_t)is,   \
                   (int64_t)should);                                                               \
            return false;                                                                          \
        }                                                                                          \
    } while (0)

/* CLOCK_REALTIME is the host's date, and so much off. */
#define DATE_IS_OFF(by) IS(clock_ns(TC_CLOCK_REALTIME) - host_date(), by)

/* ---- The cases --------------------------------------------------------- */

/* Rows 8 and 12: wherever its time starts, the date is right at once, and moves on. */
static bool starts(const void *argument)
{
    const uint64_t *kvmclock_start = argument;

    start("kvmclock", *kvmclock_start, *kvmclock_start < DATE ? DATE : *kvmclock_start + DATE);
    uint64_t began = clock_uptime();
    for (unsigned i = 0; i < 5; i++) {
        DATE_IS_OFF(0);
        go_on(2 * SECOND);
    }
    IS(clock_uptime() - began, 10 * SECOND);
    IS(host.asked, 1);
    return true;
}

/* Another counter: right to half the bracket that kvmclock's readings make. */
static bool other_counter(const void *argument)
{
    (void)argument;
    host.read_cost = 400;
    start("TSC", DAY, DATE);
    go_on(5 * SECOND);
    uint64_t date = clock_ns(TC_CLOCK_REALTIME), after = host_date();
    int64_t off = (int64_t)(date - after);
    /* The count was taken half a reading ago; in this machine it stood in the bracket's middle. */
    if (off < -203 || off > -197) {
        printf("  off by %" PRId64 " ns\n", off);
        return false;
    }
    return true;
}

/* Row 6: a step of the host's date is followed at the next ask, and no sooner. */
static bool host_steps(const void *argument)
{
    (void)argument;
    wall_settings.interval_s = 30;
    start("kvmclock", 5 * SECOND, DATE);
    uint64_t began = clock_uptime();
    go_on(10 * SECOND);
    host.date += 3600 * SECOND;
    go_on(15 * SECOND);
    DATE_IS_OFF(-3600 * (int64_t)SECOND);
    go_on(10 * SECOND);
    DATE_IS_OFF(0);
    IS(clock_uptime() - began, 35 * SECOND);
    IS(host.asked, 2);
    IS(host.events, 1);
    IS(host.event_ns, 3600 * SECOND);
    IS(wall_figures()->stepped, 1);
    /* A shorter interval counts from the last ask on. */
    host.date += 50 * SECOND;
    wall_settings.interval_s = 8;
    go_on(5 * SECOND);
    DATE_IS_OFF(0);
    IS(host.asked, 3);
    /* 0: only after events. */
    wall_settings.interval_s = 0;
    host.date += 50 * SECOND;
    go_on(2000 * SECOND);
    DATE_IS_OFF(-50 * (int64_t)SECOND);
    IS(host.asked, 3);
    return true;
}

/* Row 7: back by 10 s; uptime does not notice, not even where pauses are to advance it. */
static bool host_steps_back(const void *argument)
{
    wall_settings.interval_s = 1;
    wall_settings.advance_paused = argument != NULL;
    start("kvmclock", 5 * SECOND, DATE);
    go_on(2 * SECOND);
    for (int64_t by = -10; by <= 10; by += 5) {
        uint64_t before = clock_uptime();
        host.date += (uint64_t)by * SECOND;
        IS(clock_ns(TC_CLOCK_MONOTONIC), before);
        go_on(3 * SECOND);
        IS(clock_uptime(), before + 3 * SECOND);
        DATE_IS_OFF(0);
    }
    IS(wall_figures()->advanced_ns, 0);
    IS(host.events, 4);
    return true;
}

/* A pause: the date is right at the next tick, uptime stands still or goes on. */
static bool pauses(const void *argument)
{
    bool advance = argument != NULL;

    wall_settings.interval_s = 0;
    wall_settings.advance_paused = advance;
    start("kvmclock", 5 * SECOND, DATE);
    go_on(SECOND);
    for (unsigned i = 1; i <= 10; i++) {
        uint64_t before = clock_uptime();
        be_paused(3 * SECOND + i);
        DATE_IS_OFF(0);
        IS(clock_uptime() - before, SECOND / HZ + (advance ? 3 * SECOND + i : 0));
        IS(last_answer->paused, true);
        IS(last_answer->away_ns, 3 * SECOND + i);
        IS(last_answer->advanced_ns, advance ? 3 * SECOND + i : 0);
        IS(last_answer->step_ns, 3 * SECOND + i);
        IS(host.asked, 1 + i);
    }
    IS(wall_figures()->pauses, 10);
    IS(wall_figures()->away_ns, 30 * SECOND + 55);
    IS(host.events, 0); /* whoever noticed the pauses tells of them */
    go_on(100 * SECOND);
    DATE_IS_OFF(0);
    IS(host.asked, 11);
    return true;
}

/* It is time to ask just when the guest has been paused, and nobody has noticed yet. */
static bool pause_at_ask(const void *argument)
{
    (void)argument;
    wall_settings.interval_s = 10;
    wall_settings.advance_paused = true;
    start("kvmclock", 5 * SECOND, DATE);
    go_on(9 * SECOND);
    uint64_t before = clock_uptime();
    host.flagged = true;
    host.real += 3 * SECOND;
    host.stood += 3 * SECOND;
    go_on(2 * SECOND);
    IS(host.asked, 2);
    IS(clock_uptime() - before, 2 * SECOND);
    DATE_IS_OFF(-3 * (int64_t)SECOND);
    host.flagged = false;
    wall_stale();
    go_on(SECOND);
    IS(clock_uptime() - before, 6 * SECOND);
    IS(last_answer->away_ns, 3 * SECOND);
    IS(host.events, 0);
    DATE_IS_OFF(0);
    return true;
}

/* The TSC goes on while the guest is paused: nothing is missed, nothing is added twice. */
static bool pauses_by_tsc(const void *argument)
{
    wall_settings.advance_paused = argument != NULL;
    start("TSC", 5 * SECOND, DATE);
    go_on(SECOND);
    uint64_t before = clock_uptime();
    be_paused(3 * SECOND);
    IS(clock_uptime() - before, 3 * SECOND + SECOND / HZ);
    IS(last_answer->away_ns, 3 * SECOND);
    IS(last_answer->advanced_ns, 0);
    IS(last_answer->step_ns, 0);
    DATE_IS_OFF(0);
    /* With a step of the host's date in it, that alone was missed. */
    before = clock_uptime();
    host.date += 5 * SECOND;
    be_paused(3 * SECOND);
    uint64_t added = wall_settings.advance_paused ? 5 * SECOND : 0;
    IS(clock_uptime() - before, 3 * SECOND + SECOND / HZ + added);
    IS(last_answer->away_ns, 8 * SECOND);
    IS(last_answer->advanced_ns, added);
    DATE_IS_OFF(0);
    return true;
}

/* A snapshot is restored 1000 s later: kvmclock is back where it was then. */
static bool restores(const void *argument)
{
    uint64_t back = *(const uint64_t *)argument;

    wall_settings.interval_s = 0;
    start("kvmclock", 5 * SECOND, DATE);
    go_on(100 * SECOND);
    uint64_t before = clock_uptime();
    host.stood += back;
    host.real += 1000 * SECOND;
    host.stood += 1000 * SECOND;
    wall_stale();
    clock_tick();
    last_answer = wall_tick();
    IS(last_answer && last_answer->paused, true);
    /* The guard of the library keeps readings at what may have been told: up to two ticks more. */
    if (clock_uptime() - before > 2 * SECOND / HZ) {
        printf("  uptime went on by %" PRIu64 " ns\n", clock_uptime() - before);
        return false;
    }
    go_on(back > TC_BACK_NS ? 3 * SECOND / HZ : 2 * back);
    DATE_IS_OFF(0);
    IS(last_answer->away_ns, 1000 * SECOND + back);
    return true;
}

/* 1,000 pauses, some ms apart: the date is right at once after each. */
static bool pause_storm(const void *argument)
{
    uint64_t random = 1, away = 0;

    (void)argument;
    wall_settings.interval_s = 0;
    start("kvmclock", 5 * SECOND, DATE);
    go_on(5 * SECOND);
    for (unsigned i = 0; i < 1000; i++) {
        uint64_t ns = SECOND / 500 + next_random(&random) % (SECOND / 10);
        be_stopped(ns);
        away += ns;
        last_answer = wall_tick();
        IS(last_answer && last_answer->paused, true);
        DATE_IS_OFF(0);
        go_on(SECOND / 500);
    }
    IS(wall_figures()->pauses, 1000);
    IS(wall_figures()->limited, 0);
    IS(wall_figures()->away_ns, away);
    return true;
}

/* A flag that is set again and again: the rate is kept, and the last pause is not forgotten. */
static bool is_limited(const void *argument)
{
    enum { SECONDS = 60 };

    (void)argument;
    wall_settings.interval_s = 0;
    start("kvmclock", 5 * SECOND, DATE);
    go_on(5 * SECOND);
    for (unsigned i = 0; i < SECONDS * 1000; i++) {
        be_stopped(SECOND / 1000);
        go_on(SECOND / 1000);
    }
    if (host.asked > WALL_BURST + SECONDS * WALL_ASKS_A_SECOND + 2 ||
        host.asked < SECONDS * WALL_ASKS_A_SECOND) {
        printf("  asked %u times in %d s\n", host.asked, SECONDS);
        return false;
    }
    if (host_date() == clock_ns(TC_CLOCK_REALTIME) || wall_figures()->limited == 0) {
        printf("  no ask had to wait\n");
        return false;
    }
    go_on(2 * SECOND / WALL_ASKS_A_SECOND);
    DATE_IS_OFF(0);
    IS(wall_figures()->away_ns, SECONDS * SECOND);
    return true;
}

/* What a host's NTP does is let be, or done quietly. */
static bool tolerates(const void *argument)
{
    (void)argument;
    wall_settings.interval_s = 1;
    start("kvmclock", 5 * SECOND, DATE);
    host.date += WALL_TOLERANCE_NS;
    go_on(2 * SECOND);
    DATE_IS_OFF(-WALL_TOLERANCE_NS);
    IS(wall_figures()->slewed, 0);
    host.date += 1;
    go_on(2 * SECOND);
    DATE_IS_OFF(0);
    host.date -= WALL_EVENT_NS - 1;
    go_on(2 * SECOND);
    DATE_IS_OFF(0);
    IS(wall_figures()->slewed, 2);
    IS(host.events, 0);
    host.date -= WALL_EVENT_NS;
    go_on(2 * SECOND);
    DATE_IS_OFF(0);
    IS(wall_figures()->slewed, 2);
    IS(host.events, 1);
    return true;
}

/* A date set by hand stays as far from the host's, whatever the host does. */
static bool by_hand(const void *argument)
{
    int64_t by_ns;

    (void)argument;
    wall_settings.interval_s = 1;
    start("kvmclock", 5 * SECOND, DATE);
    go_on(2 * SECOND);
    host.date += 7 * SECOND; /* a step that nobody has seen yet */
    if (clock_set_date(DATE + 90 * DAY, clock_uptime(), &by_ns) != TC_OK)
        return false;
    uint64_t distance = DATE + 90 * DAY - host_date();
    wall_set_by_hand();
    IS(clock_ns(TC_CLOCK_REALTIME), DATE + 90 * DAY);
    IS(wall_figures()->distance_ns, distance);
    go_on(5 * SECOND);
    DATE_IS_OFF(distance);
    host.date -= 60 * SECOND;
    go_on(5 * SECOND);
    DATE_IS_OFF(distance);
    be_paused(3 * SECOND);
    DATE_IS_OFF(distance);
    IS(last_answer->away_ns, 3 * SECOND);
    struct sysctl_at at;
    const char *why;
    sysctl_register_set();
    IS(sysctl_find("dev.kvmclock.0.wall_by_hand", &at) && sysctl_set(&at, "0", &why) == SYSCTL_OK,
       true);
    DATE_IS_OFF(0);
    go_on(5 * SECOND);
    DATE_IS_OFF(0);
    IS(wall_figures()->by_hand, false);
    return true;
}

/* Past 2038, over the end of the 32-bit seconds, and a host that counts anew since. */
static bool eras(const void *argument)
{
    static const uint64_t dates[] = {
        UINT64_C(2147483646), UINT64_C(4294967293), UINT64_C(4294967296),
        UINT64_C(4294967306), UINT64_C(5872803999), /* the pivot's last: 2156-02-07 06:28:15, less
                                                       96 s */
    };

    (void)argument;
    wall_settings.interval_s = 1;
    start("kvmclock", 5 * SECOND, dates[0] * SECOND);
    for (unsigned i = 0; i < sizeof(dates) / sizeof(dates[0]); i++) {
        host.date = dates[i] * SECOND - host.real + 999999999;
        go_on(2 * SECOND);
        DATE_IS_OFF(0);
        go_on(8 * SECOND);
        DATE_IS_OFF(0);
    }
    return true;
}

/* Who says so is believed to be in 1970. */
static bool without_pivot(const void *argument)
{
    (void)argument;
    wall_settings.pivot_s = 0;
    start("kvmclock", 5 * SECOND, 40 * SECOND);
    DATE_IS_OFF(0);
    go_on(100 * SECOND);
    DATE_IS_OFF(0);
    return true;
}

/* A host that tells no date, and one that begins to. */
static bool no_date(const void *argument)
{
    int64_t by_ns;

    (void)argument;
    wall_settings.interval_s = 0;
    host.status = PVCLOCK_NOT_READY;
    start("kvmclock", 5 * SECOND, DATE);
    (void)clock_set_date(DATE - 500 * SECOND, clock_uptime(), &by_ns); /* by the RTC */
    go_on(10 * SECOND);
    IS(host.asked, 1);
    be_paused(3 * SECOND);
    IS(last_answer->status, PVCLOCK_NOT_READY);
    IS(last_answer->away_ns, 0);
    IS(clock_ns(TC_CLOCK_REALTIME), DATE - 490 * SECOND + SECOND / HZ);
    IS(wall_figures()->failed, 2);
    /* It has not been forgotten. */
    host.status = PVCLOCK_OK;
    go_on(2 * SECOND);
    IS(last_answer->paused, true);
    DATE_IS_OFF(0);
    return true;
}

/* Uptime that was let go forward is not taken for one that did not fall behind. */
static bool advances_beside_wraps(const void *argument)
{
    (void)argument;
    start("ACPI-fast", 5 * SECOND, DATE);
    go_on(SECOND);
    uint64_t before = clock_uptime();
    (void)clock_advance(60 * SECOND);
    host.real += 12 * SECOND; /* over two wraps of it */
    clock_tick();
    uint64_t went = clock_uptime() - before;
    if (went < 72 * SECOND - 1000 || went > 72 * SECOND + 1000) {
        printf("  uptime went on by %" PRIu64 " ns\n", went);
        return false;
    }
    return true;
}

/* ---- The tests: a case in a process of its own each --------------------- */

static const uint64_t from[] = {0, 1, SECOND, DAY, UINT64_C(1) << 62};
static const uint64_t back[] = {SECOND / 2, 50 * SECOND};
struct wall_case {
    const char *name, *figures;
    bool (*holds)(const void *argument);
    const void *argument;
};

static const struct wall_case cases[] = {
    {"start-0", "host's time from 0 on: error 0 ns", starts, &from[0]},
    {"start-1", "from 1 ns on: error 0 ns", starts, &from[1]},
    {"start-1s", "from 1 s on: error 0 ns", starts, &from[2]},
    {"start-day", "from a day on: error 0 ns", starts, &from[3]},
    {"start-late", "from 146 years on: error 0 ns", starts, &from[4]},
    {"other-counter", "by the TSC: in the middle of the bracket", other_counter, NULL},
    {"host-steps", "followed at the next ask, uptime untouched", host_steps, NULL},
    {"host-steps-back", "-10 s: CLOCK_MONOTONIC does not notice", host_steps_back, NULL},
    {"host-steps-advance", "nor where pauses advance it", host_steps_back, ""},
    {"pauses-stand-still", "10 pauses of 3 s: uptime +0 ns, date error 0 ns", pauses, NULL},
    {"pauses-advance", "10 pauses of 3 s: uptime +3 s each, date error 0 ns", pauses, ""},
    {"pause-at-ask", "counts as a pause, though it was time to ask", pause_at_ask, NULL},
    {"pauses-tsc", "the TSC went on by itself", pauses_by_tsc, NULL},
    {"pauses-tsc-advance", "nothing is added twice", pauses_by_tsc, ""},
    {"restore-near", "kvmclock back by 0.5 s: date error 0 ns", restores, &back[0]},
    {"restore-far", "kvmclock back by 50 s: date error 0 ns", restores, &back[1]},
    {"pause-storm", "1,000 pauses 2 ms apart: date error 0 ns at once", pause_storm, NULL},
    {"limit", "60,000 in 60 s: 100 asks a second, the last not forgotten", is_limited, NULL},
    {"tolerance", "1 ms is let be, 100 ms is an event", tolerates, NULL},
    {"by-hand", "stays as far from the host's date", by_hand, NULL},
    {"eras", "2038, 2106 and 2156", eras, NULL},
    {"pivot-0", "1970 is believed", without_pivot, NULL},
    {"no-date", "the RTC's stays; asked again until there is one", no_date, NULL},
    {"advance-wraps", "a late windup is seen beside it", advances_beside_wraps, NULL},
};

static void run_case(void **state)
{
    const struct wall_case *wall = *state;

    assert_true(holds(wall->holds, wall->argument));
    figures("%s", wall->figures);
}

int main(void)
{
    struct CMUnitTest tests[sizeof(cases) / sizeof(cases[0])];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = run_case,
                                       .initial_state = (void *)(uintptr_t)&cases[i]};
    return cmocka_run_group_tests_name("wall", tests, NULL, NULL);
}
