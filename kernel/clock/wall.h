/* SPDX-License-Identifier: 0BSD */
/*
 * The wall clock: keeps CLOCK_REALTIME at the host's date.
 *
 * The host gives its date as an epoch, the date at which its time (kvmclock) was 0, and only on
 * request; each request costs an exit.  So the kernel asks at the start, after each pause of the
 * guest, and every interval_s seconds in between.  WALL_BURST pauses in a row are asked about at
 * once, as no reader may be given the old date nor be kept waiting.  Only beyond them, as from a
 * host that sets its flag again and again by mistake, does a request wait for its turn: there are
 * WALL_ASKS_A_SECOND.
 *
 * The date is epoch + the host's time now, so it is right with every timecounter, whatever that
 * counter did while the guest was paused.  With kvmclock as the timecounter this takes no extra
 * read, and CLOCK_REALTIME is the host's date to the nanosecond; otherwise it is known to half the
 * width of a bracket of two readings of kvmclock around one of uptime.
 *
 * Only CLOCK_REALTIME is set: uptime and CLOCK_MONOTONIC do not change, unless
 * dev.kvmclock.0.advance_paused makes them advance by what they missed of a pause.
 *
 * A date that was set by hand keeps its distance from the host's.
 *
 * All functions are for the boot vCPU, except wall_stale(), which is for any.
 */
#ifndef KERNEL_CLOCK_WALL_H
#define KERNEL_CLOCK_WALL_H

#include <pvclock/pvclock.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    WALL_ASKS_A_SECOND = 100,
    WALL_BURST = 1000,
    /* A difference up to this is left alone: hosts slew their clocks. */
    WALL_TOLERANCE_NS = 1000000,
    /* A step below this is not an event; it is counted as `slewed`. */
    WALL_EVENT_NS = 100000000,
};

/* The settings. */
struct wall_settings {
    uint64_t interval_s; /* dev.kvmclock.0.wall_interval; 0: only after events */
    uint64_t pivot_s;    /* dev.kvmclock.0.wall_pivot: see pvclock_wall_in_era() */
    bool advance_paused; /* dev.kvmclock.0.advance_paused */
};

extern struct wall_settings wall_settings;

/* The result of a request. */
struct wall_answer {
    enum pvclock_status status; /* the host's; unless it is OK, nothing else was done */
    bool paused;                /* the request followed a pause, or more than one */
    uint64_t away_ns;           /* of a pause: how long the guest was gone, by the host's date */
    uint64_t advanced_ns;       /* uptime, and the date with it, was advanced by this */
    int64_t step_ns;            /* total step of the date; 0: it was right */
};

/*
 * Asks for the first time and sets the date; the clock must run, and there must be a kvmclock.
 * Never returns NULL.
 */
const struct wall_answer *wall_start(void);

/* Call after the guest was paused, moved or restored: the next wall_tick() asks again. */
void wall_stale(void);

/*
 * Asks the host if it is time to, and corrects the date.  Call at each tick and wherever a pause
 * is noticed.  Returns NULL if nothing was done: it is not time, the request has to wait for its
 * turn, or a pause came in between and has to be handled first.
 */
const struct wall_answer *wall_tick(void);

/* Call after the date was set by hand: it keeps its present distance from the host's. */
void wall_set_by_hand(void);

/* Counts since the start. */
struct wall_figures {
    uint64_t asked, failed;   /* requests, and those that gave no date */
    uint64_t limited;         /* requests that had to wait for their turn */
    uint64_t stepped, slewed; /* steps of the date by WALL_EVENT_NS or more; by less */
    uint64_t pauses;          /* requests after a pause */
    uint64_t away_ns;         /* total time that the guest was gone */
    uint64_t advanced_ns;     /* part of that which was added to uptime */
    uint64_t epoch_ns;        /* the host's, in its era; 0: unknown */
    int64_t distance_ns;      /* from the host's date to one that was set by hand */
    bool by_hand;
};

const struct wall_figures *wall_figures(void);

#endif
