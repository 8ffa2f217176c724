/* SPDX-License-Identifier: 0BSD */
/*
 * The wall clock: CLOCK_REALTIME kept at what the host's date says.
 *
 * The host tells its date as an epoch, the date at which its time (kvmclock) was 0, and only when
 * it is asked; each time costs an exit.  So it is asked at the start, after each pause of the
 * guest, every interval_s seconds in between, and never more than WALL_ASKS_A_SECOND times a
 * second: what is wanted sooner waits for its turn.
 *
 * The date is epoch + the host's time now, so it is right with every timecounter, whatever that
 * one did while the guest was paused.  Where kvmclock is the timecounter nothing is read for it
 * that was not read before, and CLOCK_REALTIME is the host's date to the nanosecond; else it is
 * known to half the width of a bracket of two readings of kvmclock around one of uptime.
 *
 * Only CLOCK_REALTIME is set: uptime and CLOCK_MONOTONIC never notice, but where
 * dev.kvmclock.0.advance_paused wants them to go on by what the guest was paused for.
 *
 * A date that somebody set by hand stays as far from the host's as it was then.
 *
 * All functions are for the boot vCPU, but wall_stale(), which is for any.
 */
#ifndef KERNEL_CLOCK_WALL_H
#define KERNEL_CLOCK_WALL_H

#include <pvclock/pvclock.h>
#include <stdbool.h>
#include <stdint.h>
#include <timecounter/timecounter.h>

enum {
    WALL_ASKS_A_SECOND = 10,
    /* A difference up to this is left alone: hosts slew their clocks. */
    WALL_TOLERANCE_NS = 1000000,
    /* A step below this is no event, but counted as `slewed`. */
    WALL_EVENT_NS = 100000000,
};

/* The settings. */
struct wall_settings {
    uint64_t interval_s; /* dev.kvmclock.0.wall_interval; 0: only after events */
    uint64_t pivot_s;    /* dev.kvmclock.0.wall_pivot: see pvclock_wall_in_era() */
    bool advance_paused; /* dev.kvmclock.0.advance_paused */
};

extern struct wall_settings wall_settings;

/* The host, as the wiring knows it. */
struct wall_host {
    const struct timecounter *time; /* ns since the epoch, in 64 bits */
    enum pvclock_status (*ask)(uint64_t *epoch_ns);
    /* Whether the guest was paused and wall_stale() has not been called yet. */
    bool (*is_paused)(void);
};

/* What came of asking. */
struct wall_answer {
    enum pvclock_status status; /* of the host; but for OK nothing else was done */
    bool paused;                /* it was asked because of a pause, or of more than one */
    uint64_t away_ns;           /* of a pause: how long the guest was gone, by the host's date */
    uint64_t advanced_ns;       /* uptime was let go forward by this, and the date with it */
    int64_t step_ns;            /* how far the date was moved in all; 0: it was right */
};

/* Ask for the first time and set the date; the clock runs.  Never NULL. */
const struct wall_answer *wall_start(const struct wall_host *host);

/* The guest was paused, moved or restored: ask again at the next wall_tick(). */
void wall_stale(void);

/*
 * At each tick and wherever a pause is noticed: ask if it is time to, and put the date right.  NULL
 * where nothing was done: it was not time to, or it is not this ask's turn yet, or a pause came in
 * between that is to be noticed first.
 */
const struct wall_answer *wall_tick(void);

/* Somebody has set the date: it will stay as far from the host's as it is now. */
void wall_set_by_hand(void);

/* The settings and figures, into the sysctl tree; before the command line is read. */
void wall_sysctl_register(void);

/* The figures, since the start. */
struct wall_figures {
    uint64_t asked, failed;   /* asks, and those that gave no date */
    uint64_t limited;         /* asks that had to wait for their turn */
    uint64_t stepped, slewed; /* the date was set, by WALL_EVENT_NS or more; by less */
    uint64_t pauses;          /* asks after a pause */
    uint64_t away_ns;         /* how long the guest was gone in all */
    uint64_t advanced_ns;     /* how much of that was added to uptime */
    uint64_t epoch_ns;        /* the host's, in its era; 0: not known */
    int64_t distance_ns;      /* from the host's date to one that was set by hand */
    bool by_hand;
};

const struct wall_figures *wall_figures(void);
/* Go back to the host's date, now. */
void wall_follow_host(void);

#endif
