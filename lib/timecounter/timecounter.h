/* SPDX-License-Identifier: 0BSD */
/*
 * timecounter: FreeBSD's timecounters(4) as a library. Counters are registered with a quality, the
 * best one is chosen, any may be chosen by hand, and clocks stand on top of it: uptime, monotonic,
 * real time.
 *
 * Error contract. Every function that can fail returns an enum tc_status; only TC_OK is 0, and
 * tc_status_text() says what the others mean. A function that fails changes nothing, except that
 * an out-parameter for a time is set to 0. TC_UNSET, TC_STEPPED_BACK and TC_RESTARTED are
 * news rather than failures: the function has done its work.
 *
 * Storage. The library has no globals and allocates nothing. The caller owns one
 * `struct timecounters` and every `struct timecounter` registered in it; both stay where they are
 * from then on. Fields below a "library" comment belong to the library.
 *
 * Concurrency. One writer, any number of readers.
 *   - Functions marked [writer] are called by one thread of control at a time: the embedder puts
 *     one lock around them, or calls them on one CPU. They never wait for a reader.
 *   - Functions marked [reader] may run anywhere at any time, also while a writer is at work, also
 *     in an interrupt or NMI that interrupted the writer. They never wait: they try again when the
 *     ground moved under them, at most TC_TRIES times, then return TC_BUSY. An ordinary windup
 *     does not make a reader try again unless TC_HANDS - 1 of them happen during one read.
 *   - Functions marked [pure] touch nothing but their arguments.
 *
 * Memory order. What a reader returns after TC_OK was computed from one consistent set of hands,
 * and the counter was read after the call began and before it returned. A read that begins after
 * another has returned, on whatever CPU, does not give a lower uptime in ns, provided that the
 * counter itself is the same on every CPU, or is marked TC_GUARDED. Readers do not order the
 * caller's earlier stores.
 *
 * Time that is exact. Uptime is kept as seconds, a 64-bit fraction and the remainder below it
 * (scale.h), so that any sequence of windups and any gap gives what one division of the whole
 * count would: after 400 days not a nanosecond is missing. A 64-bit counter loses nothing in any
 * gap; a narrow one needs a windup every half wrap (tc_max_gap_ns()).
 *
 * References
 * [1] FreeBSD timecounters(4); sys/sys/timetc.h; P.-H. Kamp, "Timecounters: Efficient and precise
 *     timekeeping in SMP kernels", 2002.
 * [2] FreeBSD clock_gettime(2): the clocks, their numbers, their _FAST and _PRECISE forms.
 * [3] H.-J. Boehm, "Can seqlocks get along with programming language memory models?", 2012.
 */
#ifndef TIMECOUNTER_TIMECOUNTER_H
#define TIMECOUNTER_TIMECOUNTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "timecounter/bintime.h"
#include "timecounter/hands.h"
#include "timecounter/scale.h"

#ifdef __cplusplus
#define TC_ALIGN(bytes) alignas(bytes)
extern "C" {
#else
#define TC_ALIGN(bytes) _Alignas(bytes)
#endif

/* Sets of hands in the ring: a power of two. */
#define TC_HANDS 4
/* How often a reader tries before it says TC_BUSY. */
#ifndef TC_TRIES
#define TC_TRIES 64
#endif

enum tc_status {
    TC_OK = 0,
    TC_NULL,           /* a pointer that must not be null is null */
    TC_BAD_NAME,       /* a counter without a name */
    TC_BAD_MASK,       /* a mask that is not 2^k - 1 with 8 <= k <= 64 */
    TC_BAD_FREQUENCY,  /* a frequency of 0 */
    TC_BAD_FLAGS,      /* a flag that is not defined */
    TC_BAD_TIME,       /* nanoseconds that are not in 0..999999999, or a time out of range */
    TC_BAD_CLOCK,      /* a clock number that is not in enum tc_clock */
    TC_DUPLICATE,      /* a counter, or one of this name, is registered already */
    TC_NOT_FOUND,      /* no counter of this name, or this counter is not registered */
    TC_NONE,           /* no counter is chosen, or none may be: there is no time yet */
    TC_WRAPS_TOO_SOON, /* the counter wraps within two of the promised windup intervals */
    TC_TOO_SHORT,      /* a cross-check over no time at all */
    TC_BUSY,         /* too many tries; only ever met if the writer is far faster than the reader */
    TC_UNSET,        /* news: real time counts from 1970, as nobody has set it */
    TC_STEPPED_BACK, /* news: the counter went back a little; time stands until it has caught up */
    TC_RESTARTED /* news: the counter went back by more than TC_BACK_NS; time goes on from there */
};

/* What a status means, in a few words without a full stop. Never null. [pure] */
const char *tc_status_text(enum tc_status status);

/* ---- Counters ---------------------------------------------------------- */

/*
 * Qualities, as FreeBSD gives them [1], each with its reason. Higher is better. A negative quality
 * is never chosen by tc_choose(), only by name.
 */
#define TC_QUALITY_TSC_INVARIANT      1000
#define TC_QUALITY_KVMCLOCK           975
#define TC_QUALITY_HPET               950
#define TC_QUALITY_ACPI_FAST          900
#define TC_QUALITY_TSC                800
#define TC_QUALITY_I8254              0
#define TC_QUALITY_TSC_UNSYNCHRONISED (-100)
#define TC_QUALITY_DUMMY              (-1000000)

#define TC_REASON_TSC_INVARIANT                                                                    \
    "constant rate in every power state and the same on every CPU: cheapest to read"
#define TC_REASON_KVMCLOCK                                                                         \
    "the hypervisor corrects it through migration; above TSC, whose rate a host may change"
#define TC_REASON_HPET               "constant rate, one for all CPUs, but a read leaves the CPU"
#define TC_REASON_ACPI_FAST          "constant rate, one for all CPUs, but 24 or 32 bits and slow to read"
#define TC_REASON_TSC                "cheap, but its rate in power states or its synchrony is not known"
#define TC_REASON_I8254              "always there, but 16 bits, slow to read, and shared with other uses"
#define TC_REASON_TSC_UNSYNCHRONISED "differs between CPUs: only by hand"
#define TC_REASON_DUMMY              "counts its readers, not time: for tests and for want of any"

/* The counter may differ a little between CPUs: readers pass a shared guard (see tc_windup()). */
#define TC_GUARDED 0x1u
/*
 * Windups of the counter may come too late, so that whole wraps are missing and a reading falls
 * behind the ones before it: readers pass the guard, too. But CPUs agree on what it shows.
 */
#define TC_MAY_WRAP 0x2u

struct timecounter {
    /* By the caller, before tc_register(). */
    const char *name;                /* not empty, unique in the set, stays valid */
    const char *reason;              /* why this quality; may be null */
    uint64_t (*read)(void *context); /* the count; bits above mask are ignored. See below */
    void *context;                   /* what read is given */
    uint64_t mask;                   /* 2^k - 1 for a counter of k bits, 8 <= k <= 64 */
    uint64_t frequency;              /* Hz, not 0; change it by tc_set_frequency() only */
    int32_t quality;                 /* the caller may change it, then call tc_choose() */
    uint32_t flags;                  /* of TC_GUARDED and TC_MAY_WRAP */

    /* By the library. */
    struct timecounter *next;
    struct tc_divisor divisor;
    uint64_t steps_back; /* times that a windup found the counter lower than before */
    uint64_t worst_back; /* by how many cycles at worst */
};

/*
 * The read function may be called from any reader at any time, several at once, and by a reader
 * that began before another counter was chosen: it must go on working after that. It has no
 * effect but to read, does not call back into this library, and takes the count after all earlier
 * loads of its caller (on x86 with RDTSC: LFENCE; RDTSC).
 */

/*
 * The longest time, in ns, that may pass between two calls of tc_windup() while this counter is
 * chosen: half a wrap, rounded down; UINT64_MAX if that is more than 584 years. (Half, not
 * whole: the other half is how a step back is told from a step on.) 0 for null. [pure]
 */
uint64_t tc_max_gap_ns(const struct timecounter *counter);

/*
 * Make `counter` a dummy: it counts how often it is read, at 1 MHz, and is TC_GUARDED, as two
 * readers at once may get in each other's way. `state` is its memory.
 * Something to run on before the first real counter is there; register it last or by hand.
 */
void tc_dummy(struct timecounter *counter, uintptr_t *state);

/* ---- A set of counters ------------------------------------------------- */

#define TC_HANDS_WORDS (sizeof(struct tc_hands) / sizeof(uintptr_t))

/* The hands as the words in which they are copied. */
union tc_image {
    struct tc_hands hands;
    uintptr_t words[TC_HANDS_WORDS];
};

/* One place in the ring: hands, and the generation they belong to. */
struct tc_slot {
    uintptr_t generation; /* 0 while the writer is at it */
    uintptr_t words[TC_HANDS_WORDS];
};

struct tc_statistics {
    uint64_t windups;
    uint64_t switches;   /* times that the counter or its frequency changed */
    uint64_t steps_back; /* small steps back seen by windups, of all counters */
    uint64_t restarts;   /* large ones */
    uint64_t guarded;    /* readings that the guard held at an earlier, higher one */
};

struct timecounters {
    /* By the library, all of it. */
    uintptr_t current; /* generation of the valid hands; 0: none yet */
    struct tc_slot slot[TC_HANDS];
    union tc_image own; /* the writer's copy of the valid hands */
    struct timecounter *first;
    uint64_t windup_interval_ns;
    struct tc_statistics statistics;
    struct tc_bintime guard_until;    /* keep guarding until uptime is here */
    TC_ALIGN(8) uint64_t guard;       /* the highest guarded reading yet, ns */
    TC_ALIGN(8) uint64_t guard_steps; /* how many readings it held */
};

/*
 * Begin with no counters. windup_interval_ns is a promise of the embedder: tc_windup() is called
 * at least this often. With it, counters that wrap too soon are refused when they are chosen
 * (TC_WRAPS_TOO_SOON) and never chosen automatically. 0: no promise, nothing refused; then gaps
 * are the embedder's to watch. TC_NULL. [writer]
 */
enum tc_status timecounters_init(struct timecounters *set, uint64_t windup_interval_ns);

/*
 * Add a counter. Does not choose it: call tc_choose() when all are there.
 * TC_NULL (set, counter, its name or read function), TC_BAD_NAME, TC_BAD_MASK, TC_BAD_FREQUENCY,
 * TC_BAD_FLAGS, TC_DUPLICATE. [writer]
 */
enum tc_status tc_register(struct timecounters *set, struct timecounter *counter);

/* The counters in the order of registration: the one after `counter`, the first for null; null at
 * the end. [writer, or a reader while nobody registers] */
struct timecounter *tc_next(const struct timecounters *set, const struct timecounter *counter);

/* The counter of this name, or null. [writer, or a reader while nobody registers] */
struct timecounter *tc_find(const struct timecounters *set, const char *name);

/* The counter that is in use, or null. [reader] */
const struct timecounter *tc_current(const struct timecounters *set);

/* ---- Choosing and winding up ------------------------------------------- */

/* How well a switch from one counter to another kept the time. */
struct tc_switch {
    const struct timecounter *from; /* null for the first choice */
    const struct timecounter *to;
    struct tc_bintime uptime; /* at which the new counter took over */
    uint64_t bracket_ns;      /* old counter from just before to just after reading the new one */
    uint64_t uncertainty_ns;  /* uptime is continuous within +- this: half the bracket, and a
                                 tick of either counter; rounded up */
};

/*
 * Use the best counter: the highest quality that is not negative; of equals the highest frequency;
 * of equals the one registered first. Counters that wrap too soon are passed over. If the best one
 * is in use already, nothing happens. `report` may be null; its `from` and `to` are equal when
 * nothing happened. TC_NULL; TC_NONE if there is none. [writer]
 */
enum tc_status tc_choose(struct timecounters *set, struct tc_switch *report);

/*
 * Use the counter of this name, whatever its quality.
 *
 * Continuity: old, new and old are read in a bracket, several times, and the tightest bracket is
 * taken; the new counter takes over at its middle. So uptime goes on to within uncertainty_ns (a
 * bound for this one switch, not a measured error). No reading is lower than an earlier one: from
 * before the switch until a windup finds uptime past everything that was read on the old counter,
 * readers pass the guard that tc_windup() describes.
 *
 * Readers that started on the old counter may still read it after this returned.
 * TC_NULL, TC_NOT_FOUND, TC_WRAPS_TOO_SOON. [writer]
 */
enum tc_status tc_select(struct timecounters *set, const char *name, struct tc_switch *report);

/*
 * Change the frequency of a counter, in use or not, as when it was measured better. Uptime goes on
 * without a step. TC_NULL, TC_NOT_FOUND, TC_BAD_FREQUENCY, TC_WRAPS_TOO_SOON (only if in use).
 * [writer]
 */
enum tc_status tc_set_frequency(struct timecounters *set, struct timecounter *counter, uint64_t hz);

/* A step back up to this, 1 s, is taken for disagreement between CPUs; beyond, for a restart. */
#define TC_BACK_NS UINT64_C(1000000000)

/*
 * Bring the hands up to date. Call it at least once every tc_max_gap_ns() of the counter in use;
 * with a 64-bit counter, as often as the _FAST clocks are to move.
 *
 * A counter that goes back. If the counter is lower than at the last windup (by less than half its
 * range):
 *   - by up to TC_BACK_NS: TC_STEPPED_BACK. Uptime stands until the counter has passed that point
 *     again. It is counted, and from now on readers of this counter are guarded.
 *   - by more: TC_RESTARTED. The counter was reset or restored; uptime goes on from the last
 *     windup with the counter as it is now. What passed between that windup and the restart is not
 *     known and not in the uptime; tc_advance() adds it if a second counter knows.
 * Readers give the uptime of the last windup if the counter is below it. That alone lets two
 * readers between the same two windups see a step back, if their CPUs' counters differ. Readers of
 * a TC_GUARDED or TC_MAY_WRAP counter also pass the guard, a shared maximum of uptime in ns kept by
 * compare-and-swap: no reader that starts after another has returned gets less. The price is that
 * cache line, and that a bintime is cut off at ns. statistics.guarded counts how often it held.
 *
 * TC_NULL, TC_NONE. [writer]
 */
enum tc_status tc_windup(struct timecounters *set);

/*
 * Let all clocks jump forward by ns: time that passed while the counter stood still or wrapped
 * unseen, as another clock knows. Real time jumps too; boottime does not change.
 * TC_NULL, TC_NONE. [writer]
 */
enum tc_status tc_advance(struct timecounters *set, uint64_t ns);

/* What has happened so far. TC_NULL. [writer] */
enum tc_status tc_get_statistics(struct timecounters *set, struct tc_statistics *statistics);

/* ---- Clocks ------------------------------------------------------------ */

/*
 * FreeBSD's clocks by FreeBSD's numbers [2]. UPTIME, MONOTONIC and BOOTTIME are the same clock:
 * the time since the first counter was chosen, at 0. It is never set and never steps back. REALTIME
 * is uptime + boottime, to the nanosecond, always. The plain and the _PRECISE forms read the
 * counter, the _FAST forms give the time of the last windup (so they may be lower than an earlier
 * precise reading, but never lower than an earlier fast one). SECOND is REALTIME_FAST without
 * nanoseconds.
 */
enum tc_clock {
    TC_CLOCK_REALTIME = 0,
    TC_CLOCK_MONOTONIC = 4,
    TC_CLOCK_UPTIME = 5,
    TC_CLOCK_BOOTTIME = TC_CLOCK_UPTIME,
    TC_CLOCK_UPTIME_PRECISE = 7,
    TC_CLOCK_UPTIME_FAST = 8,
    TC_CLOCK_REALTIME_PRECISE = 9,
    TC_CLOCK_REALTIME_FAST = 10,
    TC_CLOCK_MONOTONIC_PRECISE = 11,
    TC_CLOCK_MONOTONIC_FAST = 12,
    TC_CLOCK_SECOND = 13
};

/*
 * Read a clock. tc_gettime() and tc_getns() are exact: the nanosecond in which the counter was
 * read, by the frequency given. tc_getbintime() is low by less than 2^-64 s (real time: off by
 * less than 2^-64 s either way). Where the guard held a reading, it is the guard's. tc_getns()
 * saturates at 292 years.
 * TC_NULL, TC_BAD_CLOCK, TC_NONE, TC_BUSY: *time is 0. TC_UNSET: a real-time clock that nobody has
 * set; *time is uptime. [reader]
 */
enum tc_status tc_gettime(struct timecounters *set, enum tc_clock clock, struct tc_timespec *time);
enum tc_status tc_getns(struct timecounters *set, enum tc_clock clock, int64_t *time);
enum tc_status tc_getbintime(struct timecounters *set, enum tc_clock clock,
                             struct tc_bintime *time);

/*
 * The resolution of a clock: one tick of the counter, rounded up to ns; for the _FAST forms the
 * promised windup interval if that is longer; 1 s for SECOND. As tc_gettime(). [reader]
 */
enum tc_status tc_getres(struct timecounters *set, enum tc_clock clock, struct tc_timespec *time);

/* What setting the clock did, for a log (FreeBSD's kern.timecounter.stepwarnings). */
struct tc_step {
    struct tc_timespec from; /* real time without the change */
    struct tc_timespec to;   /* real time as set */
    int64_t by_ns;           /* to - from; saturates at 292 years */
};

/*
 * Set real time to `realtime`, now. Boottime changes; uptime and monotonic do not. `step` may be
 * null. TC_NULL, TC_BAD_TIME, TC_NONE. [writer]
 */
enum tc_status tc_setclock(struct timecounters *set, const struct tc_timespec *realtime,
                           struct tc_step *step);

/*
 * The same for a `realtime` that was right at uptime `uptime` (read by tc_gettime()): however long
 * ago that is, nothing is lost between asking someone for the time and setting it.
 * TC_NULL, TC_BAD_TIME, TC_NONE. [writer]
 */
enum tc_status tc_setclock_at(struct timecounters *set, const struct tc_timespec *realtime,
                              const struct tc_timespec *uptime, struct tc_step *step);

/* Real time at uptime 0. TC_NULL, TC_NONE, TC_BUSY, TC_UNSET. [reader] */
enum tc_status tc_boottime(struct timecounters *set, struct tc_timespec *boottime);

/* ---- The hands themselves ---------------------------------------------- */

/*
 * A consistent copy of the hands, as for a page that user space reads the time from (hands.h has
 * the arithmetic). With TC_HANDS_GUARDED in its flags such a reader has to ask the kernel, since it
 * has no part in the guard; that is so after each switch until a windup finds the guard passed.
 * TC_NULL, TC_NONE, TC_BUSY. [reader]
 */
enum tc_status tc_get_hands(const struct timecounters *set, struct tc_hands *hands);

/* ---- Comparing counters ------------------------------------------------ */

/* Two counters at one moment. */
struct tc_moment {
    uint64_t a;     /* cycles of a, in the middle of the bracket */
    uint64_t b;     /* cycles of b */
    uint64_t width; /* of the bracket, in cycles of a */
};

struct tc_crosscheck {
    const struct timecounter *a;
    const struct timecounter *b;
    struct tc_moment begin;
};

struct tc_deviation {
    uint64_t elapsed_ns;      /* by b */
    int64_t difference_ns;    /* elapsed by a less elapsed by b */
    int64_t ppb;              /* a is fast by this, parts in 10^9; saturates */
    uint64_t uncertainty_ns;  /* difference_ns is known within +- this */
    uint64_t uncertainty_ppb; /* ppb is known within +- this; saturates */
    uint64_t wraps;           /* whole wraps of a that b says passed and a cannot show */
};

/*
 * Compare the rates of two counters over an interval: begin, let time pass, end. b is the
 * reference and must not wrap in between (tc_max_gap_ns()); a may, and `wraps` says how often,
 * provided that the two differ by less than half a wrap of a. That is how a wrap that a windup
 * missed is found: `wraps` not 0 over an interval between two windups is time lost, and
 * tc_advance() brings it back.
 *
 * Begin: TC_NULL. End: TC_NULL, TC_TOO_SHORT if b has not moved. [reader]
 */
enum tc_status tc_crosscheck_begin(struct tc_crosscheck *check, const struct timecounter *a,
                                   const struct timecounter *b);
enum tc_status tc_crosscheck_end(const struct tc_crosscheck *check, struct tc_deviation *deviation);

/*
 * Whether a deviation is certainly more than allowed_ppm (kern.timecounter.alloweddeviation is in
 * per cent: 10,000 ppm each): |ppb| - uncertainty_ppb > 1000 * allowed_ppm. False for null. [pure]
 */
bool tc_deviates(const struct tc_deviation *deviation, uint32_t allowed_ppm);

/*
 * Make `counter` show the uptime of a set in ns, as `a` of a cross-check: uptime against a second
 * counter, over any number of windups. If a windup came too late, uptime lags by whole wraps of
 * the counter in use, in difference_ns. Not for registering in the same set. [pure]
 */
void tc_uptime_counter(struct timecounter *counter, struct timecounters *set);

#ifdef __cplusplus
}
#endif

#endif
