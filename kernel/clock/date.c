/* SPDX-License-Identifier: 0BSD */
/* Sets the date at the start, by the host (wall.c) or else by the RTC, and compares the two. */
#include "arch/x86/acpi.h"
#include "base/calendar.h"
#include "base/pause.h"
#include "drivers/kvmclock/kvmclock.h"
#include "drivers/rtc/rtc.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/host.h"
#include "kernel/clock/wall.h"
#include <clockpage/report.h>
#include <clockpage/sysctl.h>
#include <stddef.h>

static const char *source; /* NULL: nothing has set the date */
static int64_t from_rtc_s; /* how far the host's date was from the RTC's */
static bool compared;

static uint64_t realtime_seconds(void)
{
    struct tc_timespec date;

    return tc_gettime(&clock_counters, TC_CLOCK_REALTIME, &date) == TC_OK ? (uint64_t)date.sec : 0;
}

/* Sets the date by the host's and makes the check "kvmclock.wall"; false: the host gives none. */
static bool set_by_host(void)
{
    if (!kvmclock.present) {
        check(SKIP, "kvmclock.wall", "%s", kvmclock_why_none(&kvmclock));
        return false;
    }
    enum pvclock_status status = wall_start()->status;
    uint64_t epoch = wall_figures()->epoch_ns;
    if (kvmclock.played && status == PVCLOCK_NOT_READY)
        check(SKIP, "kvmclock.wall", "the kernel plays a host without a date");
    else
        check(pass_if(status == PVCLOCK_OK), "kvmclock.wall",
              "system time 0 was %lu.%09lu s after 1970 (%s)", epoch / NS_PER_SECOND,
              epoch % NS_PER_SECOND, pvclock_status_name(status));
    REPORT("wall", NULL, U64("epoch_ns", epoch));
    return status == PVCLOCK_OK;
}

void set_date(void)
{
    enum { TRIES = 8 };
    uint64_t rtc_s = 0, disturbances;
    bool by_host = set_by_host(), by_rtc;
    unsigned tries = 0;
    int64_t by_ns;
    char text[DATE_SIZE] = "unknown", rtc_text[DATE_SIZE] = "none";

    /* A pause between the host's date and the RTC's would part them. */
    do {
        disturbances = host_disturbances();
        see_host();
        pause_at(PAUSE_DATE);
        by_rtc = rtc_read(firmware.rtc_century, &rtc_s);
    } while (host_disturbances() != disturbances && ++tries < TRIES);
    if (!by_host && by_rtc)
        (void)clock_set_date(rtc_s * NS_PER_SECOND, clock_uptime(), &by_ns);
    source = by_host ? "kvmclock" : by_rtc ? "the RTC" : NULL;
    uint64_t now_s = realtime_seconds();
    if (source)
        format_date(text, now_s);
    if (by_rtc)
        format_date(rtc_text, rtc_s);
    print("date        %s UTC by %s; RTC: %s\n", text, source ? source : "the RTC", rtc_text);
    compared = by_host && by_rtc;
    from_rtc_s = (int64_t)(now_s - rtc_s);
    if (compared)
        check(pass_if(from_rtc_s >= -2 && from_rtc_s <= 2), "clock.date",
              "%s UTC by kvmclock, %+ld s from the RTC", text, from_rtc_s);
    else if (by_host)
        check(SKIP, "clock.date", "%s UTC by kvmclock; there is no RTC to compare with", text);
    else
        check(SKIP, "clock.date", "%s",
              by_rtc ? "by the RTC alone; there is no kvmclock to compare with"
                     : "neither kvmclock nor an RTC tells it");
    REPORT("date", NULL, U64("seconds", now_s), TEXT("utc", text),
           TEXT("source", by_host  ? "kvmclock"
                          : by_rtc ? "RTC"
                                   : ""),
           U64("rtc_seconds", by_rtc ? rtc_s : 0));
}

bool clock_distance_to_rtc(int64_t *seconds)
{
    *seconds = from_rtc_s;
    return compared;
}

void clock_report_date(void)
{
    char text[DATE_SIZE];

    if (!source)
        return;
    format_date(text, realtime_seconds());
    print("date        %s UTC by %s\n", text, source);
}

static void get_boottime(void *context, uint32_t index, struct sysctl_text *to)
{
    struct tc_timespec t;
    char date[DATE_SIZE];

    (void)context, (void)index;
    (void)tc_boottime(&clock_counters, &t);
    format_ctime(date, (uint64_t)t.sec, "");
    sysctl_put(to, "{ sec = %ld, usec = %ld } %s", t.sec, t.nsec / 1000, date);
}

static const struct sysctl nodes[] = {
    SYSCTL_SHOWN("boottime", SYSCTL_OPAQUE, get_boottime, "the date at which uptime was 0"),
};

SYSCTL_TABLE("kern", nodes);
