/* SPDX-License-Identifier: 0BSD */
/*
 * The clocks: read and set uptime and real time, from the hands that windup.c and switch.c
 * maintain. In the flow, this is where counters become clocks, which kernel/clock/ publishes on
 * the time page.
 */
#include "timecounter/internal.h"

/* What a clock number selects. */
#define TC_WANT_KNOWN   0x1u
#define TC_WANT_REAL    0x2u /* real time, else uptime */
#define TC_WANT_FAST    0x4u /* at the last windup, else now */
#define TC_WANT_SECONDS 0x8u /* whole seconds only */

static unsigned int tc_wanted(enum tc_clock clock)
{
    switch (clock) {
    case TC_CLOCK_REALTIME:
    case TC_CLOCK_REALTIME_PRECISE:
        return TC_WANT_KNOWN | TC_WANT_REAL;
    case TC_CLOCK_REALTIME_FAST:
        return TC_WANT_KNOWN | TC_WANT_REAL | TC_WANT_FAST;
    case TC_CLOCK_SECOND:
        return TC_WANT_KNOWN | TC_WANT_REAL | TC_WANT_FAST | TC_WANT_SECONDS;
    case TC_CLOCK_MONOTONIC:
    case TC_CLOCK_MONOTONIC_PRECISE:
    case TC_CLOCK_UPTIME:
    case TC_CLOCK_UPTIME_PRECISE:
        return TC_WANT_KNOWN;
    case TC_CLOCK_MONOTONIC_FAST:
    case TC_CLOCK_UPTIME_FAST:
        return TC_WANT_KNOWN | TC_WANT_FAST;
    }
    return 0;
}

static enum tc_status tc_read_uptime(struct timecounters *set, unsigned int want,
                                     union tc_image *image, struct tc_uptime *uptime)
{
    const struct tc_hands *hands = &image->hands;
    uint64_t count;
    enum tc_status status;

    if ((want & TC_WANT_FAST) != 0) {
        status = tc_read_hands(set, image, NULL);
        if (status == TC_OK)
            tc_hands_uptime(hands, hands->count, uptime);
        return status;
    }
    status = tc_read_hands(set, image, &count);
    if (status != TC_OK)
        return status;
    tc_hands_uptime(hands, count, uptime);
    if ((hands->flags & TC_HANDS_GUARDED) != 0)
        status = tc_guard(set, hands, uptime);
    return status;
}

static struct tc_timespec tc_uptime_to_timespec(const struct tc_hands *hands,
                                                const struct tc_uptime *uptime)
{
    struct tc_timespec time = {(int64_t)uptime->sec, tc_hands_nsec(hands, uptime)};

    return time;
}

/* Returns TC_UNSET for a real-time clock that has not been set. */
static enum tc_status tc_set_or_not(const struct tc_hands *hands, unsigned int want)
{
    return (want & TC_WANT_REAL) != 0 && (hands->flags & TC_HANDS_SET) == 0 ? TC_UNSET : TC_OK;
}

enum tc_status tc_gettime(struct timecounters *set, enum tc_clock clock, struct tc_timespec *time)
{
    unsigned int want = tc_wanted(clock);
    union tc_image image;
    struct tc_uptime uptime;
    enum tc_status status;

    if (set == NULL || time == NULL)
        return TC_NULL;
    time->sec = 0;
    time->nsec = 0;
    if (want == 0)
        return TC_BAD_CLOCK;
    status = tc_read_uptime(set, want, &image, &uptime);
    if (status != TC_OK)
        return status;
    *time = tc_uptime_to_timespec(&image.hands, &uptime);
    if ((want & TC_WANT_REAL) != 0)
        *time = tc_timespec_add(*time, image.hands.boottime);
    if ((want & TC_WANT_SECONDS) != 0)
        time->nsec = 0;
    return tc_set_or_not(&image.hands, want);
}

enum tc_status tc_getns(struct timecounters *set, enum tc_clock clock, int64_t *time)
{
    struct tc_timespec read;
    enum tc_status status;

    if (set == NULL || time == NULL)
        return TC_NULL;
    status = tc_gettime(set, clock, &read);
    *time = tc_timespec_to_ns(read);
    return status;
}

enum tc_status tc_getbintime(struct timecounters *set, enum tc_clock clock, struct tc_bintime *time)
{
    unsigned int want = tc_wanted(clock);
    union tc_image image;
    struct tc_uptime uptime;
    enum tc_status status;

    if (set == NULL || time == NULL)
        return TC_NULL;
    time->sec = 0;
    time->frac = 0;
    if (want == 0)
        return TC_BAD_CLOCK;
    status = tc_read_uptime(set, want, &image, &uptime);
    if (status != TC_OK)
        return status;
    *time = tc_uptime_to_bintime(&uptime);
    if ((want & TC_WANT_REAL) != 0)
        *time = tc_bintime_add(*time, tc_timespec_to_bintime(image.hands.boottime));
    if ((want & TC_WANT_SECONDS) != 0)
        time->frac = 0;
    return tc_set_or_not(&image.hands, want);
}

enum tc_status tc_getres(struct timecounters *set, enum tc_clock clock, struct tc_timespec *time)
{
    unsigned int want = tc_wanted(clock);
    union tc_image image;
    enum tc_status status;
    uint64_t ns, ignored;

    if (set == NULL || time == NULL)
        return TC_NULL;
    time->sec = 0;
    time->nsec = 0;
    if (want == 0)
        return TC_BAD_CLOCK;
    status = tc_read_hands(set, &image, NULL);
    if (status != TC_OK)
        return status;
    if ((want & TC_WANT_SECONDS) != 0) {
        time->sec = 1;
        return TC_OK;
    }
    ns = tc_divide(&image.hands.divisor, 0, TC_NSEC, &ignored) + (ignored != 0);
    if ((want & TC_WANT_FAST) != 0 && ns < set->windup_interval_ns)
        ns = set->windup_interval_ns;
    *time = tc_ns_to_timespec(ns < INT64_MAX ? (int64_t)ns : INT64_MAX);
    return TC_OK;
}

static bool tc_is_time(const struct tc_timespec *time)
{
    const int64_t limit = INT64_C(1) << 62;

    return time->nsec >= 0 && time->nsec < (int64_t)TC_NSEC && time->sec >= -limit &&
           time->sec < limit;
}

static enum tc_status tc_check_setting(const struct timecounters *set,
                                       const struct tc_timespec *realtime)
{
    if (set == NULL || realtime == NULL)
        return TC_NULL;
    if (!tc_is_time(realtime))
        return TC_BAD_TIME;
    return set->own.hands.counter == NULL ? TC_NONE : TC_OK;
}

static void tc_set_boottime(struct timecounters *set, const struct tc_timespec *realtime,
                            const struct tc_timespec *uptime, struct tc_step *step)
{
    struct tc_hands *hands = &set->own.hands;

    if (step != NULL) {
        step->from = tc_timespec_add(*uptime, hands->boottime);
        step->to = *realtime;
        step->by_ns = tc_timespec_to_ns(tc_timespec_subtract(step->to, step->from));
    }
    hands->boottime = tc_timespec_subtract(*realtime, *uptime);
    hands->flags |= TC_HANDS_SET;
    tc_publish_epoch(set);
}

enum tc_status tc_setclock(struct timecounters *set, const struct tc_timespec *realtime,
                           struct tc_step *step)
{
    enum tc_status status = tc_check_setting(set, realtime);
    struct tc_hands *hands;
    struct tc_timespec now;

    if (status != TC_OK)
        return status;
    hands = &set->own.hands;
    (void)tc_wind(set);
    now = tc_uptime_to_timespec(hands, &hands->uptime);
    tc_set_boottime(set, realtime, &now, step);
    return TC_OK;
}

enum tc_status tc_setclock_at(struct timecounters *set, const struct tc_timespec *realtime,
                              const struct tc_timespec *uptime, struct tc_step *step)
{
    enum tc_status status = tc_check_setting(set, realtime);

    if (uptime == NULL)
        return TC_NULL;
    if (status != TC_OK)
        return status;
    if (!tc_is_time(uptime))
        return TC_BAD_TIME;
    tc_set_boottime(set, realtime, uptime, step);
    return TC_OK;
}

enum tc_status tc_boottime(struct timecounters *set, struct tc_timespec *boottime)
{
    union tc_image image;
    enum tc_status status;

    if (set == NULL || boottime == NULL)
        return TC_NULL;
    boottime->sec = 0;
    boottime->nsec = 0;
    status = tc_read_hands(set, &image, NULL);
    if (status != TC_OK)
        return status;
    *boottime = image.hands.boottime;
    return tc_set_or_not(&image.hands, TC_WANT_REAL);
}
