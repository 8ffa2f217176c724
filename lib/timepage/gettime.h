/* SPDX-License-Identifier: 0BSD */
/*
 * clock_gettime() and clock_getres() without entering the kernel, from the time page and the
 * clock page.  They use no libc and no state but the caller's, in 32 and 64 bits; the same source
 * runs in ring 3 of the guest and in an ordinary process.
 *
 * First set the first five members of a struct gettime and zero the rest, once per thread; then
 * call gettime_read().  On GETTIME_PATH_SYSTEM_CALL, make the system call instead.
 */
#ifndef TIMEPAGE_GETTIME_H
#define TIMEPAGE_GETTIME_H

#include <pvclock/guard.h>
#include <pvclock/read.h>
#include <timepage/time_page.h>

/* Clocks with FreeBSD's numbers [clock_gettime(2)]; BOOTTIME is UPTIME there. */
enum gettime_clock {
    GETTIME_REALTIME = 0,
    GETTIME_MONOTONIC = 4,
    GETTIME_UPTIME = 5,
    GETTIME_BOOTTIME = GETTIME_UPTIME,
    GETTIME_UPTIME_PRECISE = 7,
    GETTIME_UPTIME_FAST = 8,
    GETTIME_REALTIME_PRECISE = 9,
    GETTIME_REALTIME_FAST = 10,
    GETTIME_MONOTONIC_PRECISE = 11,
    GETTIME_MONOTONIC_FAST = 12,
    GETTIME_SECOND = 13,
    GETTIME_IDS,
};

/* Moves what is rarely called out of the way. */
#ifdef __GNUC__
#define GETTIME_COLD __attribute__((__cold__))
#else
#define GETTIME_COLD
#endif

/* Which path a reading took, for measurements. */
enum gettime_path {
    GETTIME_PATH_STABLE, /* one structure for all vCPUs: the host's, or the kernel's for the TSC */
    GETTIME_PATH_OWN_VCPU,    /* the running vCPU's structure, through floor and guard */
    GETTIME_PATH_FAST,        /* the time of the last tick */
    GETTIME_PATH_SYSTEM_CALL, /* ask the kernel: *out is not written */
    GETTIME_PATH_NO_CLOCK,    /* no such clock: EINVAL */
    GETTIME_PATHS,
};

/* The second that a clock was last in, and what makes its nanoseconds of a structure's time. */
struct gettime_second {
    uint64_t sec;
    uint64_t offset; /* base - sec * 10^9, modulo 2^64 */
};

/*
 * A thread's reader: what it derived from the time page, valid while `sequence` is.  A signal
 * handler needs its own.
 */
struct gettime {
    const struct time_page *time;
    const struct pvclock_vcpu_time_info *structures; /* from /dev/pvclock, or NULL */
    const uint32_t *vcpu_now;    /* the number of the vCPU that now runs this thread; see below */
    struct pvclock_guard *guard; /* shared by all threads that compare times */
    enum pvclock_order order;

    uint32_t sequence; /* odd: nothing derived yet */
    uint32_t stable_mask;
    const struct pvclock_vcpu_time_info
        *clock_page;                 /* with STABLE, this vCPU's structure; else NULL */
    uint64_t base[2];                /* of uptime, and of the date */
    struct gettime_second second[2]; /* likewise */
    uint64_t floor;
    struct pvclock_vcpus vcpus; /* count 0: the vCPU's number cannot be known */
    uint32_t vcpu;              /* the vCPU this thread ran on last, the owner of `page` */
    bool by_word;               /* the vCPU is known by its word, not by RDTSCP */
};

/* Whether this program can read a vCPU's word, if the kernel keeps one. */
#ifdef PVCLOCK_VCPU_WORD
enum { gettime_has_word = 1 };
#else
enum { gettime_has_word = 0 };
#endif

/*
 * Returns the vCPU that runs this thread.  Where the kernel keeps a word for each vCPU
 * (PVCLOCK_VCPU_WORD() of pvclock/port.h), it takes one load; elsewhere `vcpu_now` points at the
 * number.
 */
static inline uint32_t gettime_vcpu(const struct gettime *g)
{
#ifdef PVCLOCK_VCPU_WORD
    (void)g;
    return (uint32_t)PVCLOCK_VCPU_WORD();
#else
    return PVCLOCK_LOAD_ACQUIRE(g->vcpu_now);
#endif
}

/* Derives everything again and takes a reading out of line; see gettime.c. */
GETTIME_COLD enum gettime_path gettime_slow(struct gettime *g, uint32_t clock,
                                            struct pvclock_timespec *out);

static inline bool gettime_is_precise(uint32_t clock)
{
    const uint32_t precise = 1u << GETTIME_REALTIME | 1u << GETTIME_MONOTONIC |
                             1u << GETTIME_UPTIME | 1u << GETTIME_UPTIME_PRECISE |
                             1u << GETTIME_REALTIME_PRECISE | 1u << GETTIME_MONOTONIC_PRECISE;

    return clock < GETTIME_IDS && (precise >> clock & 1);
}

static inline bool gettime_is_date(uint32_t clock)
{
    return clock == GETTIME_REALTIME || clock == GETTIME_REALTIME_PRECISE;
}

/*
 * GUEST_STOPPED says that the host has paused the guest, or restored it to an earlier time, and
 * that the kernel does not know it yet.  The bases may be wrong, so the reader asks the kernel,
 * which then handles the pause.  No reading after a pause or a restore returns the old date, not
 * even the first one.
 */
#define GETTIME_FLAGS (PVCLOCK_FLAG_TSC_STABLE | PVCLOCK_FLAG_GUEST_STOPPED)

/*
 * Returns the time of `clock` in *out, ordered like pvclock_ns(): a time that another thread has
 * passed on is never later.
 *
 * With STABLE all structures give the same time, but the host writes each one when its own vCPU
 * enters the guest.  After a pause another vCPU may run before vCPU 0, whose structure is then
 * still the one from before the pause, and its time is ahead by the length of the pause.  So a
 * thread reads its own vCPU's structure: it was valid when this thread ran on that vCPU, between
 * reading the TSC and loading the version for the last time.
 *
 * One look at the end is enough for all: the sequence is loaded when the TSC is known, the vCPU
 * after it, and the version last.  So the flags, the fields and the TSC are of one version, whose
 * vCPU ran this thread, and the bases are of the same moment.  A version is never used twice.
 *
 * The second is a hint, as in pvclock_time_near(): out of line once a second.
 */
static inline enum gettime_path gettime_read(struct gettime *g, uint32_t clock,
                                             struct pvclock_timespec *out)
{
    const struct pvclock_vcpu_time_info *clock_page = g->clock_page;

    if (PVCLOCK_LIKELY(gettime_is_precise(clock)) && PVCLOCK_LIKELY(clock_page != NULL) &&
        PVCLOCK_LIKELY(PVCLOCK_LOAD_ACQUIRE(&g->time->sequence) == g->sequence)) {
        const struct gettime_second *second = &g->second[gettime_is_date(clock)];
        uint32_t version = PVCLOCK_LOAD_ACQUIRE(&clock_page->version);
        uint8_t flags = *(const volatile uint8_t *)&clock_page->flags;
        struct pvclock_tsc tsc = pvclock_tsc_halves(g->order);
        struct pvclock_fast fast;
        uint64_t nsec;

        if (PVCLOCK_LIKELY((flags & GETTIME_FLAGS) == PVCLOCK_FLAG_TSC_STABLE) &&
            PVCLOCK_LIKELY(pvclock_load_fast(clock_page, version, tsc, &fast)) &&
            pvclock_fast_nsec(&fast, fast.system_time + second->offset, &nsec) &&
            PVCLOCK_LIKELY(PVCLOCK_LOAD_AFTER(&g->time->sequence, tsc.low) == g->sequence) &&
            PVCLOCK_LIKELY(gettime_vcpu(g) == g->vcpu) &&
            PVCLOCK_LIKELY(PVCLOCK_LOAD_AFTER(&clock_page->version, 0) == version)) {
            pvclock_store_timespec(out, second->sec, nsec);
            return GETTIME_PATH_STABLE;
        }
    }
    return gettime_slow(g, clock, out);
}

/*
 * Returns the resolution of `clock`: GETTIME_PATH_FAST (*out is written),
 * GETTIME_PATH_SYSTEM_CALL or GETTIME_PATH_NO_CLOCK.
 */
enum gettime_path gettime_resolution(const struct gettime *g, uint32_t clock,
                                     struct pvclock_timespec *out);

#endif
