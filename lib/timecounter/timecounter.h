/* SPDX-License-Identifier: 0BSD */
/*
 * timecounter: FreeBSD's timecounters(4) as a library. The embedder registers counters with a
 * quality, the library chooses the best one or the one that is selected by name, and provides
 * clocks on top of it: uptime, monotonic, real time.
 *
 * Order of calls: timecounters_init(), tc_register() for each counter, tc_choose(); then
 * tc_windup() periodically, tc_setclock() when the date is known, and tc_gettime() anywhere.
 *
 * Error contract. Every function that can fail returns an enum tc_status; only TC_OK is 0, and
 * tc_status_text() says what the others mean. A function that fails changes nothing, except that
 * it sets an out-parameter for a time to 0. TC_UNSET, TC_STEPPED_BACK and TC_RESTARTED are
 * notices rather than failures: the function has done its work.
 *
 * Storage. The library has no globals and allocates nothing. The caller owns one `struct
 * timecounters` and every `struct timecounter` registered in it; neither may be moved from then
 * on. Fields below a "library" comment belong to the library.
 *
 * Concurrency. One writer, any number of readers.
 *   - Functions marked [writer] are called by one thread of control at a time: the embedder holds
 *     one lock around them, or calls them on one CPU. They never wait for a reader.
 *   - Functions marked [reader] may run anywhere at any time, even while a writer is at work, and
 *     even in an interrupt or NMI that interrupted the writer. They never wait: if the hands change
 *     under them they retry, at most TC_TRIES times, then return TC_BUSY. An ordinary windup does
 *     not make a reader retry unless TC_HANDS - 1 of them happen during one read.
 *   - Functions marked [pure] access nothing but their arguments.
 *
 * Memory order. What a reader returns with TC_OK is computed from one consistent set of hands,
 * and the counter is read after the call begins and before it returns. A read that begins after
 * another has returned, on any CPU, does not return a lower uptime in ns, provided that the
 * counter itself is the same on every CPU, or is marked TC_GUARDED. Readers do not order the
 * caller's earlier stores.
 *
 * Exact time. Uptime is kept as seconds, a 64-bit fraction and the remainder below it (scale.h),
 * so any sequence of windups and any gap give the same result as one division of the whole count:
 * after 400 days not a nanosecond is missing. A 64-bit counter loses nothing in any gap; a narrow
 * one needs a windup every half wrap (tc_max_gap_ns()).
 *
 * References
 * [1] FreeBSD timecounters(4); sys/sys/timetc.h; P.-H. Kamp, "Timecounters: Efficient and precise
 *     timekeeping in SMP kernels", 2002.
 * [2] FreeBSD clock_gettime(2): the clocks, their numbers, their _FAST and _PRECISE forms.
 * [3] H.-J. Boehm, "Can seqlocks get along with programming language memory models?", 2012.
 */
#ifndef TIMECOUNTER_TIMECOUNTER_H
#define TIMECOUNTER_TIMECOUNTER_H

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
/* How many times a reader tries before it returns TC_BUSY. */
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
    TC_NONE,           /* no counter is chosen, or none can be: there is no time yet */
    TC_WRAPS_TOO_SOON, /* the counter wraps within two of the promised windup intervals */
    TC_TOO_SHORT,      /* no time passed during a cross-check */
    TC_BUSY,           /* too many tries; only if the writer is far faster than the reader */
    TC_UNSET,          /* notice: real time counts from 1970, as nobody has set it */
    TC_STEPPED_BACK,   /* notice: the counter went back a little; time stops until it catches up */
    TC_RESTARTED       /* notice: it went back by more than TC_BACK_NS; time goes on from there */
};

/* Returns what a status means, in a few words without a full stop. Never null. [pure] */
const char *tc_status_text(enum tc_status status);

/* ---- Counters ---------------------------------------------------------- */

/*
 * FreeBSD's qualities [1], each with its reason. Higher is better. tc_choose() never chooses a
 * counter of negative quality; only tc_select() does, by name.
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
 * Windups of the counter may come too late, so that whole wraps are missed and a reading falls
 * behind earlier ones: readers pass the guard too. But CPUs agree on the counter's value.
 */
#define TC_MAY_WRAP 0x2u

struct timecounter {
    /* Set by the caller before tc_register(). */
    const char *name;                /* not empty, unique, stays valid */
    const char *reason;              /* why this quality; may be null */
    uint64_t (*read)(void *context); /* the count; bits above mask are ignored. See below */
    void *context;                   /* passed to read */
    uint64_t mask;                   /* 2^k - 1 for a counter of k bits, 8 <= k <= 64 */
    uint64_t frequency;              /* Hz, not 0; change it with tc_set_frequency() only */
    int32_t quality;                 /* the caller may change it and then call tc_choose() */
    uint32_t flags;                  /* of TC_GUARDED and TC_MAY_WRAP */

    /* Set by the library. */
    struct timecounter *next;
    struct tc_divisor divisor;
    uint64_t steps_back; /* times that a windup found the counter lower than before */
    uint64_t worst_back; /* the largest such step, in cycles */
};

/*
 * The read function may be called by any reader at any time, by several at once, and by a reader
 * that began before another counter was chosen, so it must keep working after that. It has no
 * side effect, does not call back into this library, and reads the count after all earlier loads
 * of its caller (on x86 with RDTSC: LFENCE; RDTSC).
 */

/*
 * Returns the longest time, in ns, that may pass between two calls of tc_windup() while this
 * counter is chosen: half a wrap, rounded down; UINT64_MAX if that is more than 584 years. (Half,
 * not whole: a difference in the other half is a step back.) 0 for null. [pure]
 */
uint64_t tc_max_gap_ns(const struct timecounter *counter);

/*
 * Make `counter` a dummy, to run on before there is a real counter; register it last, or select
 * it by name. It counts its reads, at 1 MHz, and is TC_GUARDED, since two concurrent readers can
 * make it go back. `state` is its memory.
 */
void tc_dummy(struct timecounter *counter, uintptr_t *state);

/* ---- A set of counters ------------------------------------------------- */

#define TC_HANDS_WORDS (sizeof(struct tc_hands) / sizeof(uintptr_t))

/* The hands as the words that are copied. */
union tc_image {
    struct tc_hands hands;
    uintptr_t words[TC_HANDS_WORDS];
};

/* One slot of the ring: hands, and the generation they belong to. */
struct tc_slot {
    uintptr_t generation; /* 0 while the writer fills it */
    uintptr_t words[TC_HANDS_WORDS];
};

struct tc_statistics {
    uint64_t windups;
    uint64_t switches;   /* times that the counter or its frequency changed */
    uint64_t steps_back; /* small steps back found by windups, of all counters */
    uint64_t restarts;   /* large ones */
    uint64_t guarded;    /* readings that the guard replaced by an earlier, higher one */
};

struct timecounters {
    /* Everything is set by the library. */
    uintptr_t newest; /* generation of the valid hands; 0: none yet */
    struct tc_slot slot[TC_HANDS];
    union tc_image own; /* the writer's copy of the valid hands */
    struct timecounter *first;
    uint64_t windup_interval_ns;
    struct tc_statistics statistics;
    struct tc_bintime guard_until;    /* keep guarding until uptime is here */
    TC_ALIGN(8) uint64_t guard;       /* the highest guarded reading so far, ns */
    TC_ALIGN(8) uint64_t guard_steps; /* how many readings it replaced */
};

/*
 * Initialise to no counters. windup_interval_ns is a promise of the embedder to call tc_windup()
 * at least this often. With it, a counter that wraps too soon is refused when selected
 * (TC_WRAPS_TOO_SOON) and never chosen automatically. 0: no promise, nothing is refused, and the
 * embedder must watch the gaps. TC_NULL. [writer]
 */
enum tc_status timecounters_init(struct timecounters *set, uint64_t windup_interval_ns);

/*
 * Add a counter. It is not in use until tc_choose() is called, once all are registered. TC_NULL
 * (set, counter, its name or read function), TC_BAD_NAME, TC_BAD_MASK, TC_BAD_FREQUENCY,
 * TC_BAD_FLAGS, TC_DUPLICATE. [writer]
 */
enum tc_status tc_register(struct timecounters *set, struct timecounter *counter);

/*
 * Return the counters in order of registration: the one after `counter`, or the first for null;
 * null at the end. [writer, or a reader while nobody registers]
 */
struct timecounter *tc_next(const struct timecounters *set, const struct timecounter *counter);

/* Return the counter of this name, or null. [writer, or a reader while nobody registers] */
struct timecounter *tc_find(const struct timecounters *set, const char *name);

/* Return the counter in use, or null. [reader] */
const struct timecounter *tc_current(const struct timecounters *set);

/* ---- Choosing and winding up ------------------------------------------- */

/* How well a switch from one counter to another kept the time. */
struct tc_switch {
    const struct timecounter *from; /* null for the first choice */
    const struct timecounter *to;
    struct tc_bintime uptime; /* when the new counter took over */
    uint64_t bracket_ns;      /* time on the old counter around the read of the new one */
    uint64_t uncertainty_ns;  /*
                               * uptime is continuous within +- this: half the bracket, and a
                               *                                  tick of either counter; rounded up
                               */
};

/*
 * Switch to the best counter: the one with the highest quality that is not negative, then the
 * highest frequency, then the earliest registration. Counters that wrap too soon are skipped. If
 * the best one is in use already, nothing happens. `report` may be null; its `from` and `to` are
 * equal if nothing happened. TC_NULL; TC_NONE if there is none. [writer]
 */
enum tc_status tc_choose(struct timecounters *set, struct tc_switch *report);

/*
 * Switch to the counter of this name, whatever its quality.
 *
 * Continuity: the function reads the old, the new and the old counter several times and takes the
 * tightest bracket; the new counter takes over at its middle. So uptime is continuous to within
 * uncertainty_ns (a bound for this one switch, not a measured error). No reading is lower than an
 * earlier one: from before the switch until a windup finds uptime past everything that was read
 * on the old counter, readers pass the guard that tc_windup() describes.
 *
 * Readers that started on the old counter may still read it after this function has returned.
 * TC_NULL, TC_NOT_FOUND, TC_WRAPS_TOO_SOON. [writer]
 */
enum tc_status tc_select(struct timecounters *set, const char *name, struct tc_switch *report);

/*
 * Change the frequency of a counter, in use or not, for example after a better measurement.
 * Uptime goes on without a step. TC_NULL, TC_NOT_FOUND, TC_BAD_FREQUENCY, TC_WRAPS_TOO_SOON (only
 * if in use). [writer]
 */
enum tc_status tc_set_frequency(struct timecounters *set, struct timecounter *counter, uint64_t hz);

/* A step back of up to 1 s counts as disagreement between CPUs, a larger one as a restart. */
#define TC_BACK_NS UINT64_C(1000000000)

/*
 * Bring the hands up to date. Call it at least once every tc_max_gap_ns() of the counter in use;
 * with a 64-bit counter, as often as the _FAST clocks should advance.
 *
 * If the counter is lower than at the last windup (by less than half its range), it went back:
 *   - by up to TC_BACK_NS: TC_STEPPED_BACK. Uptime does not advance until the counter has passed
 *     that point again. The step is counted; from now on readers of this counter are guarded.
 *   - by more: TC_RESTARTED. The counter was reset or restored; uptime goes on from the last windup
 *     with the counter as it is now. The time between that windup and the restart is not known and
 *     is missing from uptime; tc_advance() adds it if a second counter knows.
 * Readers return the uptime of the last windup if the counter is below it. By itself, that lets
 * two readers between the same two windups see a step back, if their CPUs' counters differ. So
 * readers of a TC_GUARDED or TC_MAY_WRAP counter also pass the guard, a shared maximum of uptime
 * in ns kept by compare-and-swap: no reader that starts after another has returned gets less. The
 * guard costs a shared cache line, and cuts a bintime off at ns. statistics.guarded counts the
 * readings it replaced.
 *
 * TC_NULL, TC_NONE. [writer]
 */
enum tc_status tc_windup(struct timecounters *set);

/*
 * Advance all clocks by ns: time that passed while the counter was stopped or wrapped unnoticed,
 * according to another clock. Real time jumps too; boottime does not change. TC_NULL, TC_NONE.
 * [writer]
 */
enum tc_status tc_advance(struct timecounters *set, uint64_t ns);

/* Return the counts so far. TC_NULL. [writer] */
enum tc_status tc_get_statistics(struct timecounters *set, struct tc_statistics *statistics);

/* ---- Clocks ------------------------------------------------------------ */

/*
 * FreeBSD's clocks with FreeBSD's numbers [2]. UPTIME, MONOTONIC and BOOTTIME are the same clock:
 * the time since the first counter was chosen, at 0. It is never set and never steps back.
 * REALTIME is always uptime + boottime, to the nanosecond. The plain and the _PRECISE forms read
 * the counter; the _FAST forms return the time of the last windup (so they may be lower than an
 * earlier precise reading, but never lower than an earlier fast one). SECOND is REALTIME_FAST
 * without nanoseconds.
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
 * Read a clock. tc_gettime() and tc_getns() are exact: they return the nanosecond in which the
 * counter was read, according to its frequency. tc_getbintime() is low by less than 2^-64 s (real
 * time: off by less than 2^-64 s either way). If the guard replaces a reading, its value is
 * returned. tc_getns() saturates at 292 years.
 * TC_NULL, TC_BAD_CLOCK, TC_NONE, TC_BUSY: *time is 0. TC_UNSET: a real-time clock that nobody has
 * set; *time is uptime. [reader]
 */
enum tc_status tc_gettime(struct timecounters *set, enum tc_clock clock, struct tc_timespec *time);
enum tc_status tc_getns(struct timecounters *set, enum tc_clock clock, int64_t *time);
enum tc_status tc_getbintime(struct timecounters *set, enum tc_clock clock,
                             struct tc_bintime *time);

/*
 * Return the resolution of a clock: one tick of the counter, rounded up to ns; for the _FAST
 * forms the promised windup interval if that is longer; 1 s for SECOND. Errors as for
 * tc_gettime(). [reader]
 */
enum tc_status tc_getres(struct timecounters *set, enum tc_clock clock, struct tc_timespec *time);

/* What setting the clock did, for a log (FreeBSD's kern.timecounter.stepwarnings). */
struct tc_step {
    struct tc_timespec from; /* real time without the change */
    struct tc_timespec to;   /* real time as set */
    int64_t by_ns;           /* to - from; saturates at 292 years */
};

/*
 * Set real time to `realtime`, now. This changes boottime, but not uptime and monotonic. `step`
 * may be null. TC_NULL, TC_BAD_TIME, TC_NONE. [writer]
 */
enum tc_status tc_setclock(struct timecounters *set, const struct tc_timespec *realtime,
                           struct tc_step *step);

/*
 * Set real time to a `realtime` that was right at uptime `uptime` (from tc_gettime()): however
 * long ago that was, no time is lost between asking for the date and setting it. TC_NULL,
 * TC_BAD_TIME, TC_NONE. [writer]
 */
enum tc_status tc_setclock_at(struct timecounters *set, const struct tc_timespec *realtime,
                              const struct tc_timespec *uptime, struct tc_step *step);

/* Return real time at uptime 0. TC_NULL, TC_NONE, TC_BUSY, TC_UNSET. [reader] */
enum tc_status tc_boottime(struct timecounters *set, struct tc_timespec *boottime);

/* ---- The hands themselves ---------------------------------------------- */

/*
 * Make a consistent copy of the hands, for example for a page from which user space reads the
 * time (hands.h has the arithmetic). While its flags contain TC_HANDS_GUARDED such a reader must
 * ask the kernel, since it cannot take part in the guard; the flag is set after each switch until
 * a windup finds the guard passed. TC_NULL, TC_NONE, TC_BUSY. [reader]
 */
enum tc_status tc_get_hands(const struct timecounters *set, struct tc_hands *hands);

/* ---- Comparing counters ------------------------------------------------ */

/* Two counters at one moment. */
struct tc_moment {
    uint64_t a;     /* cycles of a, in the middle of the bracket */
    uint64_t b;     /* cycles of b */
    uint64_t width; /* width of the bracket, in cycles of a */
};

struct tc_crosscheck {
    const struct timecounter *a;
    const struct timecounter *b;
    struct tc_moment begin;
};

struct tc_deviation {
    uint64_t elapsed_ns;      /* according to b */
    int64_t difference_ns;    /* elapsed by a minus elapsed by b */
    int64_t ppb;              /* a is fast by this much, ppb; saturates */
    uint64_t uncertainty_ns;  /* difference_ns is known to within +- this */
    uint64_t uncertainty_ppb; /* ppb is known to within +- this; saturates */
    uint64_t wraps;           /* whole wraps of a that passed according to b but do not show in a */
};

/*
 * Compare the rates of two counters over an interval: begin, let time pass, end. b is the
 * reference and must not wrap in between (tc_max_gap_ns()); a may, and `wraps` says how often,
 * provided that the two differ by less than half a wrap of a. This finds wraps that a windup
 * missed: a nonzero `wraps` over an interval between two windups is time lost, which tc_advance()
 * restores.
 *
 * Begin: TC_NULL. End: TC_NULL, TC_TOO_SHORT if b has not moved. [reader]
 */
enum tc_status tc_crosscheck_begin(struct tc_crosscheck *check, const struct timecounter *a,
                                   const struct timecounter *b);
enum tc_status tc_crosscheck_end(const struct tc_crosscheck *check, struct tc_deviation *deviation);

/*
 * Whether a deviation certainly exceeds allowed_ppm (kern.timecounter.alloweddeviation is in per
 * cent, 10,000 ppm each): |ppb| - uncertainty_ppb > 1000 * allowed_ppm. False for null. [pure]
 */
bool tc_deviates(const struct tc_deviation *deviation, uint32_t allowed_ppm);

/*
 * Make `counter` return the uptime of `set` in ns, for use as `a` of a cross-check: uptime
 * against a second counter, over any number of windups. If a windup came too late, uptime lags by
 * whole wraps of the counter in use, which shows in difference_ns. Do not register it in the same
 * set. [pure]
 */
void tc_uptime_counter(struct timecounter *counter, struct timecounters *set);

#ifdef __cplusplus
}
#endif

#endif
