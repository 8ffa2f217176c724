/* SPDX-License-Identifier: 0BSD */
/* The kernel's clock: the set of timecounters, the one in use, its windup, the date. */
#ifndef KERNEL_CLOCK_CLOCK_H
#define KERNEL_CLOCK_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <timecounter/timecounter.h>

/*
 * Windup.  A counter that wraps is carried to 64 bits by a windup at each tick of the boot vCPU's
 * timer, which never stops.  While ring 3 runs or that vCPU sleeps, two ticks are at most two
 * periods apart: that is the promise by which counters are refused that wrap too soon.  The
 * kernel's own work keeps interrupts off, though, and the host may take the vCPU away for as long
 * as it likes.  So a reference, a 64-bit counter that costs little to read, is looked at beside
 * each windup of a narrow counter, and where it says that whole wraps went by unseen, the time is
 * brought back.  Until then readings stand still; they never step back, as counters that wrap are
 * made TC_MAY_WRAP.
 *
 * All functions are for the boot vCPU, but clock_uptime(), which is for any.
 */

/* No counters yet; the boot vCPU's timer will tick this often a second. */
void clock_init(uint64_t ticks_per_second);
/*
 * Add one.  A counter that wraps becomes TC_MAY_WRAP.  `missing`: why this machine has none, in
 * words, which the report then shows instead; NULL: it is there.  A refusal is logged and
 * fails the check timecounter.register.
 */
void clock_offer(struct timecounter *counter, const char *missing);
/* The counter that tells when a windup came late; one that was offered, 64 bits wide. */
void clock_set_reference(struct timecounter *counter);
/* Not to be chosen by clock_select() for now; NULL: all may be. */
void clock_forbid(const struct timecounter *counter);
bool clock_is_forbidden(const char *name);
/* The set, for who lists counters: change the one in use by clock_select() only. */
struct timecounters *clock_counters(void);
/* Use the best, or the one of this name (NULL: the best); makes the check "timecounter.choice". */
void clock_choose(const char *name);
/* Whether windups are promised often enough for this counter. */
bool clock_may_use(const struct timecounter *counter);

/* What a change from one counter to another did to uptime. */
struct clock_switch {
    struct tc_switch by_library;
    int64_t step_ns;        /* uptime gained this much on the reference, from before to after */
    uint64_t step_error_ns; /* which is known within +- this */
    uint64_t elapsed_ns;    /* from before to after */
    uint64_t held_ns;       /* after it, readings stood still for so long */
    bool late;              /* a windup came too late in between: the figures say nothing */
};

/* Use the counter of this name.  `report` may be NULL.  What tc_select() returns. */
enum tc_status clock_select(const char *name, struct clock_switch *report);

/* clock_select(), and readings pass no guard of the library's when this returns true. */
bool clock_use(const char *name);
/* The name of the counter in use. */
const char *clock_in_use(void);
/* The table of timecounters, in both forms. */
void clock_report(void);

/* ns since the first choice; UINT64_MAX while there is no clock. */
uint64_t clock_uptime(void);
/*
 * A clock by FreeBSD's number, or its resolution, as seconds and nanoseconds; false: there is no
 * such clock. Any vCPU.
 */
bool clock_get(uint64_t clock, bool resolution, int64_t value[2]);
/* What a time page is made of; false while there is no clock.  On the boot vCPU. */
bool clock_hands(struct tc_hands *hands);
/* Wind up: once a tick, and before anything that wants uptime to be right. */
void clock_tick(void);
/* Whether uptime has been right since the last clock_tick(): it is not half a wrap ago. */
bool clock_is_fresh(void);

/*
 * Set the date to `ns` since 1970, now; *by_ns is how far that is from what it was.  With
 * kern.timecounter.stepwarnings it is logged.
 */
enum tc_status clock_set_date(uint64_t ns, int64_t *by_ns);
/* The same for a date that was right at this uptime. */
enum tc_status clock_set_date_at(uint64_t ns, uint64_t uptime_ns, int64_t *by_ns);
/* Let uptime and the date go forward by `ns` that another clock saw pass.  Nobody reads less. */
enum tc_status clock_advance(uint64_t ns);
/*
 * Compare the date, which `source` has set (NULL: nobody has), with the RTC (NULL: there is none,
 * else seconds since 1970); sets it by the RTC where nobody has.  Makes the check "clock.date".
 */
void clock_check_date(const char *source, const uint64_t *rtc_seconds);

#endif
