/* SPDX-License-Identifier: 0BSD */
#include "kernel/clock.h"
#include "kernel/date.h"
#include <clockpage/report.h>
#include <stddef.h>

static struct timecounters set;

void clock_init(void)
{
    /* No promise of how often windup comes: the counters of this kernel are 64 bits wide. */
    (void)timecounters_init(&set, 0);
}

void clock_register(struct timecounter *counter)
{
    enum tc_status status = tc_register(&set, counter);

    if (status != TC_OK)
        check(FAIL, "timecounter.register", "%s: %s", counter->name ? counter->name : "?",
              tc_status_text(status));
}

struct timecounters *clock_counters(void)
{
    return &set;
}

void clock_choose(const char *name)
{
    enum tc_status status = name ? tc_select(&set, name, NULL) : tc_choose(&set, NULL);
    const struct timecounter *now = tc_current(&set);

    if (status != TC_OK && name) {
        check(FAIL, "timecounter.choice", "%s: %s", name, tc_status_text(status));
        status = tc_choose(&set, NULL);
        return;
    }
    if (!now) {
        check(FAIL, "timecounter.choice", "%s", tc_status_text(status));
        return;
    }
    /*
     * Uptime begins at 1 s, as FreeBSD's; with a counter of ns at what it shows and 1 s, so that
     * ring 3 has something to add to it rather than to take away.
     */
    (void)tc_advance(&set,
                     1000000000 + (now->frequency == 1000000000 ? now->read(now->context) : 0));
    check(PASS, "timecounter.choice", "%s, quality %d, %lu Hz%s", now->name, now->quality,
          now->frequency, name ? ", by kern.timecounter.hardware" : "");
}

bool clock_use(const char *name)
{
    struct tc_hands h;

    if (tc_select(&set, name, NULL) != TC_OK)
        return false;
    /* The guard falls with the first windup past all that was read on the old counter. */
    for (unsigned i = 0; i < 100; i++) {
        (void)tc_windup(&set);
        if (tc_get_hands(&set, &h) == TC_OK && !(h.flags & TC_HANDS_GUARDED))
            return true;
    }
    return false;
}

const char *clock_in_use(void)
{
    const struct timecounter *now = tc_current(&set);

    return now ? now->name : "";
}

void clock_try_switching(void)
{
    const struct timecounter *first = tc_current(&set);
    unsigned switches = 0, bad = 0;
    uint64_t worst = 0;

    for (struct timecounter *c = tc_next(&set, NULL); first && c; c = tc_next(&set, c)) {
        if (c == first || c->quality < 0)
            continue;
        const struct timecounter *pair[] = {c, first};
        for (unsigned i = 0; i < 2; i++) {
            struct tc_switch report;
            uint64_t before = clock_uptime();
            enum tc_status status = tc_select(&set, pair[i]->name, &report);
            bad += status != TC_OK || clock_uptime() < before;
            switches++;
            if (status == TC_OK && report.uncertainty_ns > worst)
                worst = report.uncertainty_ns;
        }
    }
    if (switches == 0)
        check(SKIP, "timecounter.switch", "there is one timecounter only");
    else
        check(pass_if(bad == 0), "timecounter.switch",
              "%u switches, %u failed or stepped back, uptime goes on within +- %lu ns", switches,
              bad, worst);
}

void clock_report(void)
{
    const struct timecounter *now = tc_current(&set);

    print("\ntimecounter  quality          Hz  bits\n");
    for (struct timecounter *c = tc_next(&set, NULL); c; c = tc_next(&set, c)) {
        unsigned bits = 64 - (c->mask == UINT64_MAX ? 0 : (unsigned)__builtin_clzll(c->mask));
        print("%-12s %7d  %10lu  %4u%s  %s\n", c->name, c->quality, c->frequency, bits,
              c == now ? "  in use" : "        ", c->reason ? c->reason : "");
        record_begin("timecounter");
        record_text("name", c->name);
        record_i64("quality", c->quality);
        record_bool("selected", c == now);
        record_u64("frequency", c->frequency);
        record_u64("bits", bits);
        record_text("reason", c->reason ? c->reason : "");
        record_end();
    }
    print("\n");
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

void clock_tick(void)
{
    (void)tc_windup(&set);
}

static struct tc_timespec timespec_of(uint64_t ns)
{
    return (struct tc_timespec){(int64_t)(ns / 1000000000), (int64_t)(ns % 1000000000)};
}

void clock_set_date(uint64_t ns)
{
    struct tc_timespec date = timespec_of(ns);

    (void)tc_setclock(&set, &date, NULL);
}

static uint64_t realtime_seconds(void)
{
    struct tc_timespec date;

    return tc_gettime(&set, TC_CLOCK_REALTIME, &date) == TC_OK ? (uint64_t)date.sec : 0;
}

void clock_check_date(const char *source, const uint64_t *rtc_seconds)
{
    char text[DATE_SIZE] = "unknown", rtc_text[DATE_SIZE] = "none";

    if (!source && rtc_seconds)
        clock_set_date(*rtc_seconds * 1000000000);
    uint64_t now = realtime_seconds();
    if (source || rtc_seconds)
        format_date(text, now);
    if (rtc_seconds)
        format_date(rtc_text, *rtc_seconds);
    print("date        %s UTC by %s; RTC: %s\n", text, source ? source : "the RTC", rtc_text);
    if (source && rtc_seconds) {
        int64_t difference = (int64_t)(now - *rtc_seconds);
        check(pass_if(difference >= -2 && difference <= 2), "clock.date",
              "%s UTC by %s, %+ld s from the RTC", text, source, difference);
    } else if (source) {
        check(SKIP, "clock.date", "%s UTC by %s; there is no RTC to compare with", text, source);
    } else {
        check(SKIP, "clock.date", "%s",
              rtc_seconds ? "by the RTC alone; there is no kvmclock to compare with"
                          : "neither kvmclock nor an RTC tells it");
    }
    record_begin("date");
    record_u64("seconds", now);
    record_text("utc", text);
    record_text("source", source ? source : rtc_seconds ? "RTC" : "");
    record_u64("rtc_seconds", rtc_seconds ? *rtc_seconds : 0);
    record_end();
}
