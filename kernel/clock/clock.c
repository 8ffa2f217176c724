/* SPDX-License-Identifier: 0BSD */
/*
 * Keeps the kernel's clock with lib/timecounter: chooses among the drivers' counters, winds up the
 * one in use and corrects late windups, sets the date.  The time page is made from its hands.
 */
#include "kernel/clock/clock.h"
#include "base/calendar.h"
#include "base/format.h"
#include "base/tunables.h"
#include <clockpage/report.h>
#include <stddef.h>

#define NS_PER_SECOND UINT64_C(1000000000)

/* One windup is promised in PROMISE ticks; TRIES brackets of counter and reference. */
enum { PROMISE = 2, TRIES = 4 };

/* A bracket no wider than this is good enough at a tick. */
#define ENOUGH_NS 100000

static struct timecounters set;
static struct timecounter dummy;
static uintptr_t dummy_state;

/* The counters that this machine does not have. */
enum { MAX_MISSING = 8 };
static struct {
    const char *name, *why;
} missing[MAX_MISSING];
static unsigned missing_count;

/* ---- Windup ------------------------------------------------------------ */

/* Uptime and reference at one moment. */
struct moment {
    uint64_t uptime_ns;
    uint64_t reference; /* in the middle of a bracket around the counter in use */
    uint64_t width;     /* of the bracket */
};

static const struct timecounter *reference;
static const struct timecounter *forbidden;
/* The last windup; only one of a counter that wraps is compared with the next. */
static struct moment last;
static const struct timecounter *last_of; /* whose windup it is; NULL: none on this reference */
static struct {
    uint64_t count, longest_ns; /* the longest interval between two, of a counter that wraps */
    uint64_t late, recovered_ns, uncertain_ns; /* `uncertain_ns`: sum over the switches back */
} windups;

static uint64_t read_reference(void)
{
    return reference->read(reference->context) & reference->mask;
}

static uint64_t reference_ns(uint64_t cycles)
{
    uint64_t hz = reference->frequency;

    return cycles / hz * NS_PER_SECOND + cycles % hz * NS_PER_SECOND / hz;
}

static bool wraps(const struct timecounter *counter)
{
    return counter->mask != UINT64_MAX;
}

/*
 * Winds up, then reads the counter in use between two readings of the reference.  Returns the
 * tightest of up to `tries` such brackets, or the first that is tight enough.
 */
static struct moment wind_up(unsigned tries, uint64_t enough_ns)
{
    struct moment best = {.width = UINT64_MAX};
    struct tc_hands hands;
    struct tc_uptime uptime;
    uint64_t count = 0;

    (void)tc_windup(&set);
    if (tc_get_hands(&set, &hands) != TC_OK)
        return (struct moment){0};
    for (unsigned i = 0; i < tries && (i == 0 || reference_ns(best.width) > enough_ns); i++) {
        uint64_t before = read_reference();
        uint64_t now = hands.counter->read(hands.counter->context);
        uint64_t width = read_reference() - before;
        if (width < best.width) {
            best = (struct moment){0, before + width / 2, width};
            count = now;
        }
    }
    tc_hands_uptime(&hands, count, &uptime);
    best.uptime_ns = uptime.sec * NS_PER_SECOND + tc_hands_nsec(&hands, &uptime);
    return best;
}

/*
 * Returns how far uptime has fallen behind the reference between two moments; negative: it gained.
 */
static int64_t lag_ns(const struct moment *from, const struct moment *to)
{
    return (int64_t)(reference_ns(to->reference - from->reference) -
                     (to->uptime_ns - from->uptime_ns));
}

/* Whether a whole wrap is missing, or more than the half at which a windup assumes a step back. */
static bool is_late(const struct moment *from, const struct moment *to, uint64_t limit_ns)
{
    return lag_ns(from, to) > (int64_t)(limit_ns / 4 * 3);
}

/*
 * Restores what whole wraps took since `from`, and uses the counter of this name.  The one in use
 * may be in the half of its range that means "behind", which only another counter gets out of:
 * uptime moves to the reference, is corrected there, and moves back.
 *
 * Returns the moment on the reference, which cannot wrap: should the last switch be late again,
 * the next windup sees it.
 */
static struct moment recover(const struct moment *from, const char *name)
{
    (void)tc_select(&set, reference->name, NULL);
    struct moment right = wind_up(TRIES, 0);
    int64_t lag = lag_ns(from, &right);
    if (lag > 0) {
        (void)tc_advance(&set, (uint64_t)lag);
        right.uptime_ns += (uint64_t)lag;
        windups.recovered_ns += (uint64_t)lag;
    }
    windups.late++;
    struct tc_switch back;
    if (tc_select(&set, name, &back) == TC_OK)
        windups.uncertain_ns += back.uncertainty_ns;
    return right;
}

/* Winds up, restores wraps that were lost since the last windup, and returns the moment reached. */
static struct moment carry(uint64_t enough_ns)
{
    const struct timecounter *now = tc_current(&set);
    struct moment moment = wind_up(TRIES, enough_ns);

    if (now == last_of && wraps(now)) {
        uint64_t gap = reference_ns(moment.reference - last.reference);
        if (gap > windups.longest_ns)
            windups.longest_ns = gap;
        if (is_late(&last, &moment, tc_max_gap_ns(now)))
            moment = recover(&last, now->name);
    }
    last = moment;
    last_of = now;
    return moment;
}

void clock_tick(void)
{
    const struct timecounter *now = tc_current(&set);

    windups.count++;
    if (now && reference && wraps(now))
        (void)carry(ENOUGH_NS);
    else
        (void)tc_windup(&set);
}

bool clock_is_fresh(void)
{
    const struct timecounter *now = tc_current(&set);

    if (!now || !reference || !wraps(now))
        return true;
    return now == last_of &&
           reference_ns(read_reference() - last.reference + last.width) < tc_max_gap_ns(now);
}

uint64_t clock_uptime(void)
{
    int64_t ns;
    enum tc_status status = tc_getns(&set, TC_CLOCK_UPTIME, &ns);

    return status == TC_OK ? (uint64_t)ns : UINT64_MAX;
}

bool clock_get(uint64_t clock, bool resolution, int64_t value[2])
{
    struct tc_timespec t;

    if (clock > TC_CLOCK_SECOND)
        return false;
    enum tc_status status = resolution ? tc_getres(&set, (enum tc_clock)clock, &t)
                                       : tc_gettime(&set, (enum tc_clock)clock, &t);
    value[0] = t.sec;
    value[1] = t.nsec;
    return status == TC_OK || status == TC_UNSET;
}

bool clock_hands(struct tc_hands *hands)
{
    return tc_get_hands(&set, hands) == TC_OK;
}

/* ---- Choice ------------------------------------------------------------ */

void clock_init(uint64_t ticks_per_second)
{
    (void)timecounters_init(&set, PROMISE * NS_PER_SECOND / ticks_per_second);
    tc_dummy(&dummy, &dummy_state);
}

void clock_offer(struct timecounter *counter, const char *why_missing)
{
    if (why_missing) {
        if (missing_count < MAX_MISSING) {
            missing[missing_count].name = counter->name;
            missing[missing_count++].why = why_missing;
        }
        return;
    }
    /* A late windup is then not a step back. */
    if (wraps(counter))
        counter->flags |= TC_MAY_WRAP;
    enum tc_status status = tc_register(&set, counter);
    if (status != TC_OK)
        check(FAIL, "timecounter.register", "%s: %s", counter->name ? counter->name : "?",
              tc_status_text(status));
}

void clock_set_reference(struct timecounter *counter)
{
    /* Readings of the old reference mean nothing on the new one. */
    if (reference)
        clock_tick();
    reference = counter;
    last_of = NULL;
}

void clock_forbid(const struct timecounter *counter)
{
    forbidden = counter;
}

bool clock_is_forbidden(const char *name)
{
    return forbidden && tc_find(&set, name) == forbidden;
}

struct timecounters *clock_counters(void)
{
    return &set;
}

bool clock_may_use(const struct timecounter *counter)
{
    return set.windup_interval_ns <= tc_max_gap_ns(counter);
}

/* Fails the check "timecounter.choice", with the reason why this counter cannot be used. */
static void tell_refusal(const char *name, enum tc_status status)
{
    const struct timecounter *c = tc_find(&set, name);

    if (status == TC_WRAPS_TOO_SOON) {
        uint64_t gap = tc_max_gap_ns(c);
        check(FAIL, "timecounter.choice", "%s: %s: it takes kern.hz=%lu or more", name,
              tc_status_text(status), (PROMISE * NS_PER_SECOND + gap - 1) / gap);
        return;
    }
    for (unsigned i = 0; !c && i < missing_count; i++) {
        const char *a = missing[i].name, *b = name;
        while (*a && *a == *b)
            a++, b++;
        if (*a == *b) {
            check(FAIL, "timecounter.choice", "%s: %s", name, missing[i].why);
            return;
        }
    }
    check(FAIL, "timecounter.choice", "%s: %s", name, tc_status_text(status));
}

static void begin_uptime(const struct timecounter *now)
{
    /*
     * Uptime begins at 1 s, as on FreeBSD; with a 64-bit counter in ns, 1 s past its reading, so
     * that ring 3 adds an offset to the counter instead of subtracting one.
     */
    (void)tc_advance(&set, NS_PER_SECOND + (now->frequency == NS_PER_SECOND && !wraps(now)
                                                ? now->read(now->context)
                                                : 0));
}

void clock_choose(const char *name)
{
    clock_offer(&dummy, NULL);
    enum tc_status status = name ? tc_select(&set, name, NULL) : tc_choose(&set, NULL);

    if (status != TC_OK && name) {
        tell_refusal(name, status);
        if (tc_choose(&set, NULL) == TC_OK)
            begin_uptime(tc_current(&set));
        return;
    }
    const struct timecounter *now = tc_current(&set);
    if (!now) {
        check(FAIL, "timecounter.choice", "%s", tc_status_text(status));
        return;
    }
    begin_uptime(now);
    check(PASS, "timecounter.choice", "%s, quality %d, %lu Hz%s", now->name, now->quality,
          now->frequency, name ? ", by kern.timecounter.hardware" : "");
}

bool clock_use(const char *name)
{
    const uint64_t patience_ns = NS_PER_SECOND / 2;
    struct tc_hands h;

    if (clock_select(name, NULL) != TC_OK)
        return false;
    /* A counter that wraps, and the dummy, are guarded permanently. */
    if (tc_current(&set)->flags & (TC_GUARDED | TC_MAY_WRAP))
        return true;
    /* For others the guard ends with the first windup past all that was read on the old counter. */
    uint64_t begin = read_reference();
    do {
        clock_tick();
        if (tc_get_hands(&set, &h) == TC_OK && !(h.flags & TC_HANDS_GUARDED))
            return true;
    } while (reference_ns(read_reference() - begin) < patience_ns);
    return false;
}

const char *clock_in_use(void)
{
    const struct timecounter *now = tc_current(&set);

    return now ? now->name : "";
}

/* Returns how many readings the guard has held back so far. */
static uint64_t held_readings(void)
{
    struct tc_statistics s;

    return tc_get_statistics(&set, &s) == TC_OK ? s.guarded : 0;
}

/* Measures for how long readings stand still from now on, in ns. */
static uint64_t measure_hold(void)
{
    enum { READINGS = 1000 };
    uint64_t begin = read_reference(), end = begin, held = held_readings();

    for (unsigned i = 0; i < READINGS; i++) {
        (void)clock_uptime();
        uint64_t now_held = held_readings();
        if (now_held == held)
            break;
        held = now_held;
        end = read_reference();
    }
    return reference_ns(end - begin);
}

enum tc_status clock_select(const char *name, struct clock_switch *report)
{
    struct clock_switch unread;
    const struct timecounter *from = tc_current(&set), *to = tc_find(&set, name);

    if (!report)
        report = &unread;
    *report = (struct clock_switch){0};
    if (to && to == forbidden)
        return TC_NOT_FOUND;
    if (!from || !to || !reference)
        return tc_select(&set, name, &report->by_library);
    uint64_t limit = tc_max_gap_ns(from), limit_to = tc_max_gap_ns(to);
    limit = limit_to < limit ? limit_to : limit;
    struct moment before = carry(0);
    enum tc_status status = tc_select(&set, name, &report->by_library);
    if (status != TC_OK)
        return status;
    report->held_ns = measure_hold();
    struct moment after = wind_up(TRIES, 0);
    report->step_ns = -lag_ns(&before, &after);
    report->step_error_ns = reference_ns(before.width / 2 + after.width / 2) + 2;
    report->elapsed_ns = reference_ns(after.reference - before.reference);
    /* A dummy keeps no time that the reference could correct. */
    report->late = from != &dummy && to != &dummy && is_late(&before, &after, limit);
    if (report->late)
        after = recover(&before, name);
    last = after;
    last_of = to;
    return TC_OK;
}

/* ---- The report -------------------------------------------------------- */

#define WINDUPS                                                                                    \
    "{count} windups; of counters that wrap, at most {longest_ns/1000} us apart, {late} too late"

static void report_counter(const struct timecounter *c, bool selected)
{
    unsigned bits = 64 - (c->mask == UINT64_MAX ? 0 : (unsigned)__builtin_clzll(c->mask));
    char refused[80] = "";

    if (!clock_may_use(c))
        format(refused, sizeof(refused), "wraps in %lu ms, a windup is promised every %lu ms",
               tc_max_gap_ns(c) / 500000, set.windup_interval_ns / 1000000);
    REPORT("timecounter", "{name:-12} {quality:8}  {frequency:10}  {bits:4}{_in_use}\n",
           TEXT("name", c->name), I64("quality", c->quality), BOOL("selected", selected),
           U64("frequency", c->frequency), U64("bits", bits),
           TEXT("reason", c->reason ? c->reason : ""), TEXT("refused", refused),
           TEXT("_in_use", selected   ? "  in use"
                           : *refused ? "  refused"
                                      : ""));
    report_detail(!*refused);
    REPORT(NULL, "            {reason}{but}{refused}\n", TEXT("reason", c->reason ? c->reason : ""),
           TEXT("but", c->reason && *refused ? "; " : ""), TEXT("refused", refused));
    report_detail(false);
}

void clock_report(void)
{
    const struct timecounter *now = tc_current(&set);

    print("\ntimecounter   quality          Hz  bits\n");
    for (struct timecounter *c = tc_next(&set, NULL); c; c = tc_next(&set, c))
        report_counter(c, c == now);
    for (unsigned i = 0; i < missing_count; i++)
        REPORT("no_timecounter", "{name:-12} none: {reason}\n", TEXT("name", missing[i].name),
               TEXT("reason", missing[i].why));
    report_detail(windups.late == 0);
    REPORT("windup",
           windups.late ? WINDUPS
               ": {recovered_ns/1000} +- {_uncertain_us} us brought back by {_by}\n"
                        : WINDUPS "\n",
           U64("count", windups.count), U64("promised_ns", set.windup_interval_ns),
           U64("longest_ns", windups.longest_ns), U64("late", windups.late),
           U64("recovered_ns", windups.recovered_ns), U64("uncertainty_ns", windups.uncertain_ns),
           U64("_uncertain_us", windups.uncertain_ns / 1000 + 1),
           TEXT("_by", reference ? reference->name : ""));
    report_detail(false);
}

/* ---- The date ---------------------------------------------------------- */

static struct tc_timespec timespec_of(uint64_t ns)
{
    return (struct tc_timespec){(int64_t)(ns / 1000000000), (int64_t)(ns % 1000000000)};
}

static void tell_step(const struct tc_step *step)
{
    if (!settings.step_warnings)
        return;
    uint64_t by = (uint64_t)(step->by_ns < 0 ? -step->by_ns : step->by_ns);
    print("Time stepped from %ld.%09ld to %ld.%09ld (%s" SECONDS_FORMAT ")\n", step->from.sec,
          step->from.nsec, step->to.sec, step->to.nsec, step->by_ns < 0 ? "-" : "", SECONDS(by));
}

enum tc_status clock_set_date(uint64_t ns, int64_t *by_ns)
{
    struct tc_timespec date = timespec_of(ns);
    struct tc_step step = {0};
    enum tc_status status = tc_setclock(&set, &date, &step);

    *by_ns = step.by_ns;
    if (status == TC_OK)
        tell_step(&step);
    return status;
}

enum tc_status clock_set_date_at(uint64_t ns, uint64_t uptime_ns, int64_t *by_ns)
{
    struct tc_timespec date = timespec_of(ns), uptime = timespec_of(uptime_ns);
    struct tc_step step = {0};
    enum tc_status status = tc_setclock_at(&set, &date, &uptime, &step);

    *by_ns = step.by_ns;
    if (status == TC_OK)
        tell_step(&step);
    return status;
}

enum tc_status clock_advance(uint64_t ns)
{
    enum tc_status status = tc_advance(&set, ns);

    /* The reference did not see this; move `last` too, so that a late windup is still noticed. */
    if (status == TC_OK)
        last.uptime_ns += ns;
    return status;
}

static int64_t distance_to_rtc; /* of the host's date, in s */
static bool distance_known;

static uint64_t realtime_seconds(void)
{
    struct tc_timespec date;

    return tc_gettime(&set, TC_CLOCK_REALTIME, &date) == TC_OK ? (uint64_t)date.sec : 0;
}

bool clock_distance_to_rtc(int64_t *seconds)
{
    *seconds = distance_to_rtc;
    return distance_known;
}

void clock_check_date(const char *source, const uint64_t *rtc_seconds)
{
    int64_t by_ns;
    char text[DATE_SIZE] = "unknown", rtc_text[DATE_SIZE] = "none";

    if (!source && rtc_seconds)
        (void)clock_set_date(*rtc_seconds * NS_PER_SECOND, &by_ns);
    uint64_t now = realtime_seconds();
    if (source || rtc_seconds)
        format_date(text, now);
    if (rtc_seconds)
        format_date(rtc_text, *rtc_seconds);
    print("date        %s UTC by %s; RTC: %s\n", text, source ? source : "the RTC", rtc_text);
    if (source && rtc_seconds) {
        distance_to_rtc = (int64_t)(now - *rtc_seconds);
        distance_known = true;
        check(pass_if(distance_to_rtc >= -2 && distance_to_rtc <= 2), "clock.date",
              "%s UTC by %s, %+ld s from the RTC", text, source, distance_to_rtc);
    } else if (source) {
        check(SKIP, "clock.date", "%s UTC by %s; there is no RTC to compare with", text, source);
    } else {
        check(SKIP, "clock.date", "%s",
              rtc_seconds ? "by the RTC alone; there is no kvmclock to compare with"
                          : "neither kvmclock nor an RTC tells it");
    }
    REPORT("date", NULL, U64("seconds", now), TEXT("utc", text),
           TEXT("source", source        ? source
                          : rtc_seconds ? "RTC"
                                        : ""),
           U64("rtc_seconds", rtc_seconds ? *rtc_seconds : 0));
}
