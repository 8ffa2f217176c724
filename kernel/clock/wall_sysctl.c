/* SPDX-License-Identifier: 0BSD */
/* dev.kvmclock.0: what the wall clock is kept by. */
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
    {
        .name = "advance_paused",
        .type = SYSCTL_BOOL,
        .flags = SYSCTL_RWTUN,
        .value = &wall_settings.advance_paused,
        .about = "1: uptime goes on by the time that the guest was paused for; 0: it stands still",
        .initial = "0",
    },
    {
        .name = "wall",
        .type = SYSCTL_OPAQUE,
        .flags = SYSCTL_RD,
        .get = get_figures,
        .about = "how often the host was asked for its date, and what came of it",
    },
    {
        .name = "wall_by_hand",
        .type = SYSCTL_BOOL,
        .flags = SYSCTL_RW,
        .get = get_by_hand,
        .set = set_by_hand,
        .about = "1: the date was set, and stays as far from the host's; set it to 0: the host's",
    },
    {
        .name = "wall_interval",
        .type = SYSCTL_U64,
        .flags = SYSCTL_RWTUN,
        .value = &wall_settings.interval_s,
        .max = 86400,
        .about = "ask the host for its date every so many seconds; 0: only after a pause",
        .initial = "60",
    },
    {
        .name = "wall_pivot",
        .type = SYSCTL_U64,
        .flags = SYSCTL_RDTUN,
        .value = &wall_settings.pivot_s,
        .max = 8589934591,
        .about = "a host's date before this, in seconds since 1970, means 2^32 seconds later",
        .initial = "1577836800, which is 2020-01-01",
    },
};

static struct sysctl_branch branch = SYSCTL_BRANCH("dev.kvmclock.0", nodes);

void wall_sysctl_register(void)
{
    sysctl_register(&branch);
}
