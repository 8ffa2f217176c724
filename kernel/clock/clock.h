/* SPDX-License-Identifier: 0BSD */
/* The kernel's clock: the registry of timecounters, the one in use, its windup, the date. */
#ifndef KERNEL_CLOCK_CLOCK_H
#define KERNEL_CLOCK_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <timecounter/timecounter.h>

/*
 * Windup.  A windup at each tick of the boot vCPU's timer, which never stops, extends a counter
 * that wraps to 64 bits.  While ring 3 runs or the boot vCPU sleeps, two ticks are at most two
 * periods apart; that is the promise, and a counter that wraps too soon for it is refused.  But
 * the kernel's own work keeps interrupts off, and the host may take the vCPU away for any length
 * of time.  So each windup of a narrow counter also reads a reference, a 64-bit counter that is
 * cheap to read; if the reference shows that whole wraps went by unseen, uptime is corrected.
 * Until then readings stand still; they never step back, because counters that wrap are marked
 * TC_MAY_WRAP.
 *
 * All functions are for the boot vCPU, except clock_uptime() and clock_get(), which are for any.
 */

/* ---- The counters: choice.c ---- */

/* The registry.  Switch the counter in use only by clock_select(). */
extern struct timecounters clock_counters;

/* Starts with an empty registry; the boot vCPU's timer will tick this many times a second. */
void clock_init(uint64_t ticks_per_second);
/*
 * Registers a counter; one that wraps becomes TC_MAY_WRAP. `missing`: why this machine has no such
 * counter, in words, which the report then shows instead; NULL: it has one.  A refusal is logged
 * and fails the check timecounter.register.
 */
void clock_offer(struct timecounter *counter, const char *missing);
/*
 * Uses the counter of this name (NULL: that of kern.timecounter.hardware), or the best if there is
 * no name or it is refused; makes the check "timecounter.choice".  Once all counters are offered.
 */
void clock_choose(const char *name);
/* Whether windups are promised often enough for this counter. */
bool clock_may_use(const struct timecounter *counter);
/* Reports the table of timecounters, as text and as records. */
void clock_report_counters(void);

/* ---- Switches: clock.c, as all below ---- */

/*
 * Sets the counter that detects late windups: a registered one, 64 bits wide.  For the first time
 * before clock_choose().
 */
void clock_set_reference(struct timecounter *counter);
/* Keeps clock_select() from choosing this counter until the next call; NULL: all are allowed. */
void clock_forbid(const struct timecounter *counter);

/* What a switch did to uptime. */
struct clock_switch {
    struct tc_switch by_library;
    int64_t step_ns;        /* what uptime gained on the reference, from before to after */
    uint64_t step_error_ns; /* error of step_ns, +- */
    uint64_t elapsed_ns;    /* from before to after */
    uint64_t held_ns;       /* how long readings stood still after the switch */
    bool late;              /* a windup in between came too late: the figures mean nothing */
};

/*
 * Switches to the counter of this name, as users and tests know it.  `report` may be NULL.
 * Returns what tc_select() returns, or TC_NOT_FOUND for a forbidden counter.
 */
enum tc_status clock_select(const char *name, struct clock_switch *report);

/*
 * Calls clock_select(), then winds up until readings pass no guard of the library's.  False:
 * refused, or still guarded after 0.5 s, of which a pause counts little.  A counter that wraps, and
 * the dummy, stay guarded: true at once.
 */
bool clock_use(const struct timecounter *counter);

/* ---- Readings ---- */

/*
 * Returns uptime in ns, which begins at 1 s or, with a 64-bit counter in ns, 1 s past its reading;
 * UINT64_MAX while there is no clock.
 */
uint64_t clock_uptime(void);
/*
 * Reads a clock by FreeBSD's number, or its resolution, as seconds and nanoseconds; false: there
 * is no such clock.  On any vCPU.
 */
bool clock_get(uint64_t clock, bool resolution, int64_t value[2]);
/* Uptime when the hands were set; and the date at uptime 0, which changes whenever it is set. */
uint64_t clock_hands_ns(const struct tc_hands *hands);
uint64_t clock_boottime_ns(const struct tc_hands *hands);

/* Uptime and another counter's count, at one moment. */
struct clock_moment {
    struct tc_hands hands; /* from which uptime was derived */
    uint64_t uptime_ns;
    uint64_t count; /* of the other counter: the middle of a bracket around the one in use */
    uint64_t width; /* of that bracket; 0: the other counter is the one in use */
};

/* Winds up and reads both; false while there is no clock.  `other` has 64 bits. */
bool clock_read_with(const struct timecounter *other, struct clock_moment *moment);
/* Winds up: call it once a tick, and before anything that needs uptime to be right. */
void clock_tick(void);
/* Whether uptime is right: the last clock_tick() is less than half a wrap ago. */
bool clock_is_fresh(void);
/* Reports how many windups there were, and how late. */
void clock_report_windups(void);

/* ---- The date ---- */

/*
 * Sets the date to `ns` since 1970, which was right at this uptime; *by_ns is the step from the old
 * date.  Logs the step if kern.timecounter.stepwarnings is set.
 */
enum tc_status clock_set_date(uint64_t ns, uint64_t uptime_ns, int64_t *by_ns);
/* Advances uptime and the date by `ns` that another clock saw pass.  No reading steps back. */
enum tc_status clock_advance(uint64_t ns);
/*
 * date.c: sets the date at the start, by the host if it gives one, else by the RTC.  Makes the
 * checks "kvmclock.wall" and "clock.date", which compares the two.
 */
void set_date(void);
/* Prints the date now; nothing while it is not set. */
void clock_report_date(void);
/* Returns how far the host's date was from the RTC's at the start; false: not compared. */
bool clock_distance_to_rtc(int64_t *seconds);

static inline uint64_t magnitude(int64_t value)
{
    return value < 0 ? -(uint64_t)value : (uint64_t)value;
}

#endif
