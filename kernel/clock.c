/* SPDX-License-Identifier: 0BSD */
#include "kernel/clock.h"
#include "kernel/console.h"
#include "kernel/format.h"
#include "kernel/report.h"
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
    check(PASS, "timecounter.choice", "%s, quality %d, %lu Hz%s", now->name, now->quality,
          now->frequency, name ? ", by kern.timecounter.hardware" : "");
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
              "%u switches, %u failed or stepped back, uptime goes on within +- %lu ns", switches, bad,
              worst);
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

void clock_tick(void)
{
    (void)tc_windup(&set);
}

static struct tc_timespec timespec_of(uint64_t ns)
{
    return (struct tc_timespec){(int64_t)(ns / 1000000000), (int64_t)(ns % 1000000000)};
}

bool clock_set_from_epoch(const char *counter, uint64_t epoch_ns)
{
    const struct timecounter *now = tc_current(&set);

    if (!now || now != tc_find(&set, counter) || now->frequency != 1000000000)
        return false;
    /* The same moment on both scales: the counter's own, and uptime's. */
    struct tc_timespec uptime, date = timespec_of(epoch_ns + now->read(now->context));
    return tc_gettime(&set, TC_CLOCK_UPTIME, &uptime) == TC_OK &&
           tc_setclock_at(&set, &date, &uptime, NULL) == TC_OK;
}

void clock_set_seconds(uint64_t seconds)
{
    struct tc_timespec date = {(int64_t)seconds, 0};

    (void)tc_setclock(&set, &date, NULL);
}

uint64_t clock_date(void)
{
    int64_t ns;

    return tc_getns(&set, TC_CLOCK_REALTIME, &ns) == TC_OK ? (uint64_t)ns : 0;
}

void format_date(char *to, uint64_t seconds)
{
    uint64_t days = seconds / 86400 + 719468; /* since 0000-03-01: such years end in the leap day */
    uint64_t era = days / 146097, day = days % 146097;
    uint64_t year_of_era = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    uint64_t day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t m = (5 * day_of_year + 2) / 153;
    uint64_t month = m < 10 ? m + 3 : m - 9;
    uint64_t of_day = seconds % 86400;

    format(to, 20, "%04lu-%02lu-%02lu %02lu:%02lu:%02lu",
           (unsigned long)(era * 400 + year_of_era + (month <= 2)), (unsigned long)month,
           (unsigned long)(day_of_year - (153 * m + 2) / 5 + 1), (unsigned long)(of_day / 3600),
           (unsigned long)(of_day / 60 % 60), (unsigned long)(of_day % 60));
}
