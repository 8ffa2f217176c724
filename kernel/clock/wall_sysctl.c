/* SPDX-License-Identifier: 0BSD */
/* Serves the wall clock's settings and figures (wall.c) as sysctl nodes, dev.kvmclock.0.*. */
#include "kernel/clock/wall.h"
#include <clockpage/sysctl.h>

static void get_figures(void *context, uint32_t index, struct sysctl_text *to)
{
    const struct wall_figures *f = wall_figures();

    (void)context, (void)index;
    sysctl_put(to,
               "{ asked = %lu, failed = %lu, limited = %lu, stepped = %lu, slewed = %lu, "
               "pauses = %lu, away = %lu, advanced = %lu, epoch = %lu, distance = %ld }",
               f->asked, f->failed, f->limited, f->stepped, f->slewed, f->pauses, f->away_ns,
               f->advanced_ns, f->epoch_ns, f->distance_ns);
}

static void get_by_hand(void *context, uint32_t index, struct sysctl_text *to)
{
    (void)context, (void)index;
    sysctl_put(to, "%d", wall_figures()->by_hand);
}

static const char *set_by_hand(void *context, uint32_t index, const union sysctl_value *value)
{
    (void)context, (void)index;
    if (value->on)
        return wall_figures()->by_hand ? NULL : "it is 1 once the date has been set";
    wall_follow_host();
    return NULL;
}

static const struct sysctl nodes[] = {
    SYSCTL_VALUE("advance_paused", SYSCTL_BOOL, SYSCTL_RWTUN, &wall_settings.advance_paused, 0, 0,
                 "0",
                 "1: uptime goes on by the time that the guest was paused for; 0: it stands still"),
    SYSCTL_SHOWN("wall", SYSCTL_OPAQUE, get_figures,
                 "how often the host was asked for its date, and what came of it"),
    SYSCTL_PROC("wall_by_hand", SYSCTL_BOOL, SYSCTL_RW, NULL, get_by_hand, set_by_hand, 0, 0, NULL,
                NULL,
                "1: the date was set, and stays as far from the host's; set it to 0: the host's"),
    SYSCTL_VALUE("wall_interval", SYSCTL_U64, SYSCTL_RWTUN, &wall_settings.interval_s, 0, 86400,
                 "60", "ask the host for its date every so many seconds; 0: only after a pause"),
    SYSCTL_VALUE("wall_pivot", SYSCTL_U64, SYSCTL_RDTUN, &wall_settings.pivot_s, 0, 8589934591,
                 "1577836800, which is 2020-01-01",
                 "a host's date before this, in seconds since 1970, means 2^32 seconds later"),
};

static struct sysctl_branch branch = SYSCTL_BRANCH("dev.kvmclock.0", nodes);

void wall_sysctl_register(void)
{
    sysctl_register(&branch);
}
