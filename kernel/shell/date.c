/* SPDX-License-Identifier: 0BSD */
/* The shell's commands date, which shows the date or sets it, and clocks. */
#include "base/calendar.h"
#include "base/format.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/events.h"
#include "kernel/clock/host.h"
#include "kernel/clock/time_page.h"
#include "kernel/clock/wall.h"
#include "kernel/shell/shell.h"
#include <clockpage/report.h>
#include <pvclock/read.h>

static int usage(void)
{
    print("date: illegal time format\n"
          "usage: date [[[[[cc]yy]mm]dd]HH]MM[.ss]\n"
          "       date YYYY-MM-DD [HH:MM[:SS]]\n");
    return 1;
}

static void print_date(uint64_t seconds)
{
    char text[DATE_SIZE];

    format_ctime(text, seconds, "UTC");
    print("%s\n", text);
}

static int set(uint64_t seconds)
{
    int64_t by_ns;
    enum tc_status status = clock_set_date(seconds * 1000000000, clock_uptime(), &by_ns);

    if (status != TC_OK) {
        print("date: %s\n", tc_status_text(status));
        return 1;
    }
    events_add(EVENT_DATE, by_ns, NULL);
    wall_set_by_hand();
    publish_time_page();
    print_date(seconds);
    return 0;
}

int date_command(int argc, char **argv)
{
    struct tc_timespec now;
    struct calendar_date today, wanted;
    char text[DATE_SIZE];
    uint64_t seconds;
    enum tc_status status = tc_gettime(&clock_counters, TC_CLOCK_REALTIME, &now);

    if (argc > 3)
        return usage();
    if (argc == 1) {
        print_date((uint64_t)now.sec);
        if (status != TC_UNSET)
            return 0;
        print("date: nobody has set it: it counts from 1970\n");
        return 1;
    }
    today = calendar_from_seconds(now.sec);
    format(text, sizeof(text), "%s%s%s", argv[1], argc == 3 ? " " : "", argc == 3 ? argv[2] : "");
    if (!date_read(text, &today, &wanted))
        return usage();
    if (!date_seconds(&wanted, &seconds)) {
        print("date: nonexistent time\n");
        return 1;
    }
    return set(seconds);
}

int clocks_command(void)
{
    static const struct {
        const char *name;
        enum tc_clock clock;
    } clocks[] = {{"uptime", TC_CLOCK_UPTIME},
                  {"monotonic", TC_CLOCK_MONOTONIC},
                  {"realtime", TC_CLOCK_REALTIME}};

    before_clock_call(this_cpu());
    print("clocks:");
    for (unsigned i = 0; i < sizeof(clocks) / sizeof(clocks[0]); i++) {
        int64_t value[2] = {0, 0};
        (void)clock_get(clocks[i].clock, false, value);
        print(" %s %ld.%09ld", clocks[i].name, value[0], value[1]);
    }
    print(" tsc %lu\n", pvclock_tsc_now(PVCLOCK_LFENCE));
    return 0;
}
