/* SPDX-License-Identifier: 0BSD */
/*
 * clock_gettime() and clock_getres() without entering the kernel, from the time page and the clock
 * page.  No libc, no state but the caller's; 32 and 64 bits; the same source in ring 3 of the guest
 * and in an ordinary process.
 */
#ifndef TIMEPAGE_GETTIME_H
#define TIMEPAGE_GETTIME_H

#include <pvclock/guard.h>
#include <pvclock/read.h>
#include <timepage/time_page.h>

/* Clocks by FreeBSD's numbers [clock_gettime(2)]; BOOTTIME is UPTIME there. */
enum clock_id {
    CLOCK_REALTIME = 0,
    CLOCK_MONOTONIC = 4,
    CLOCK_UPTIME = 5,
    CLOCK_BOOTTIME = CLOCK_UPTIME,
    CLOCK_UPTIME_PRECISE = 7,
    CLOCK_UPTIME_FAST = 8,
    CLOCK_REALTIME_PRECISE = 9,
    CLOCK_REALTIME_FAST = 10,
    CLOCK_MONOTONIC_PRECISE = 11,
    CLOCK_MONOTONIC_FAST = 12,
    CLOCK_SECOND = 13,
    CLOCK_IDS,
};

/* Which way a reading took, for those who want to know. */
enum gettime_path {
    PATH_STABLE,      /* one structure for all vCPUs: of the host, or of the kernel by the TSC */
    PATH_OWN_VCPU,    /* the running vCPU's, through floor and guard */
    PATH_FAST,        /* the last tick's time */
    PATH_SYSTEM_CALL, /* to be asked of the kernel: *out is not written */
    PATH_NO_CLOCK,    /* there is no such clock: EINVAL */
    PATHS,
};

/*
 * A thread's reader: what it derived from the time page, good while `sequence` is.  Zero it, set
 * the first five members, and leave the rest alone.  A signal handler needs one of its own.
 */
struct gettime {
    const struct time_page *time;
    const struct pvclock_vcpu_time_info *structures; /* of /dev/pvclock, or NULL */
    const uint32_t *vcpu_now;    /* the number of the vCPU that runs this thread, now; see below */
    struct pvclock_guard *guard; /* shared by all threads that compare times */
    enum pvclock_order order;

    uint32_t sequence; /* odd: nothing derived yet */
    uint32_t stable_mask;
    const struct pvclock_vcpu_time_info *page; /* with STABLE: this vCPU's; NULL: there is none */
    uint64_t base[2];                          /* of uptime and of the date */
    uint64_t floor;
    struct pvclock_vcpus vcpus; /* count 0: their number cannot be known */
    uint32_t vcpu;              /* where this thread ran last, whose structure `page` is */
};

/*
 * Where this thread runs.  The kernel keeps GS pointed at the running vCPU's number, so it is a
 * load; elsewhere `vcpu_now` points at one.
 */
#ifdef GETTIME_VCPU_BY_GS
static inline uint32_t gettime_vcpu(const struct gettime *g)
{
    uint32_t vcpu;

    (void)g;
    __asm__ volatile("movl %%gs:0, %0" : "=r"(vcpu) : : "memory");
    return vcpu;
}
#else
static inline uint32_t gettime_vcpu(const struct gettime *g)
{
    return PVCLOCK_LOAD_ACQUIRE(g->vcpu_now);
}
#endif

/* Derive it all again; and take a reading the long way.  gettime.c. */
enum gettime_path gettime_slow(struct gettime *g, uint32_t clock, struct pvclock_timespec *out);

static inline bool gettime_is_precise(uint32_t clock)
{
    const uint32_t precise = 1u << CLOCK_REALTIME | 1u << CLOCK_MONOTONIC | 1u << CLOCK_UPTIME |
                             1u << CLOCK_UPTIME_PRECISE | 1u << CLOCK_REALTIME_PRECISE |
                             1u << CLOCK_MONOTONIC_PRECISE;

    return clock < CLOCK_IDS && (precise >> clock & 1);
}

static inline bool gettime_is_date(uint32_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_PRECISE;
}

/*
 * GUEST_STOPPED says that the host has paused the guest, or put it back to an earlier time, and
 * that the kernel does not know yet: the bases may be wrong, so it is asked, and then it does.  No
 * reading after a pause or a restore gives the old date, not even the first one.
 */
#define GETTIME_FLAGS (PVCLOCK_FLAG_TSC_STABLE | PVCLOCK_FLAG_GUEST_STOPPED)

/*
 * The time of `clock` now, through the pointer.  Ordered like pvclock_ns(): a time that
 * another thread has passed on is never later.
 *
 * With STABLE all structures give one time, but each is written when its own vCPU enters the
 * guest. After a pause another vCPU may run before vCPU 0, whose structure is then still that of
 * before, and the time from it ahead by as long as the pause took.  So each vCPU's own is read:
 * it was there when this thread ran on that vCPU, between the TSC and the last look at the
 * version.
 *
 * The flags count for the version that the time was read under: the version before is compared with
 * the one after, and a version is never used twice.
 */
static inline enum gettime_path gettime(struct gettime *g, uint32_t clock,
                                        struct pvclock_timespec *out)
{
    const struct pvclock_vcpu_time_info *page = g->page;

    if (PVCLOCK_LIKELY(gettime_is_precise(clock)) && PVCLOCK_LIKELY(page != NULL) &&
        PVCLOCK_LIKELY(PVCLOCK_LOAD_ACQUIRE(&g->time->sequence) == g->sequence)) {
        uint32_t version = PVCLOCK_LOAD_ACQUIRE(&page->version);
        uint8_t flags = *(const volatile uint8_t *)&page->flags;
        struct pvclock_time t = pvclock_time(page, g->order, g->base[gettime_is_date(clock)]);

        /* Loads stay in order, and pvclock_time()'s last one came after the TSC. */
        if (PVCLOCK_LIKELY(t.status == PVCLOCK_OK) &&
            PVCLOCK_LIKELY((flags & GETTIME_FLAGS) == PVCLOCK_FLAG_TSC_STABLE) &&
            PVCLOCK_LIKELY(gettime_vcpu(g) == g->vcpu) &&
            PVCLOCK_LIKELY(PVCLOCK_LOAD_ACQUIRE(&page->version) == version) &&
            PVCLOCK_LIKELY(PVCLOCK_LOAD_ACQUIRE(&g->time->sequence) == g->sequence)) {
            out->tv_sec = (int64_t)t.sec;
            out->tv_nsec = t.nsec;
            return PATH_STABLE;
        }
    }
    return gettime_slow(g, clock, out);
}

/* The resolution of `clock`. PATH_NO_CLOCK; PATH_SYSTEM_CALL; or PATH_FAST: *out is written. */
enum gettime_path gettime_resolution(const struct gettime *g, uint32_t clock,
                                     struct pvclock_timespec *out);

#endif
