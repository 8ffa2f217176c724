/* SPDX-License-Identifier: 0BSD */
/*
 * The inline readers, for hot paths.
 *
 * Each takes one page and returns the time now.  Anything unusual (an odd or changed version, a
 * page never written, a shift that is positive or out of range, a negative delta) goes to
 * pvclock_read() of pvclock.h, which bounds the retries and returns the statuses; so the values
 * are the same.
 *
 * Order: with PVCLOCK_LFENCE and PVCLOCK_RDTSCP the TSC is read after every earlier load, so a
 * time that a thread received from another is never later than the one it reads next.  Earlier
 * STORES are not ordered: a caller that needs its own store to be visible before the time it
 * reads must put an MFENCE in between.
 *
 * pvclock_relaxed_ns() is for statistics on one vCPU: it costs half, and has no order at all.  It
 * can return a time before one that another thread has already passed on.
 *
 * `clock_page` is the page of the vCPU that runs the caller, with STABLE too: another vCPU's can be
 * from before a pause, and its time then steps back when the host writes it.  The caller keeps the
 * thread on its vCPU while it reads, or looks afterwards whether it is still there (guard.h does
 * both at once with RDTSCP), or puts a guard of guard.h under the time.
 */
#ifndef PVCLOCK_READ_H
#define PVCLOCK_READ_H

#include "port.h"
#include "pvclock.h"
#include "scale.h"

/*
 * Reads the TSC according to `order`.  With a constant there is no branch; with a variable that
 * is set once at start there is one, which always predicts well.
 */
PVCLOCK_INLINE struct pvclock_tsc pvclock_tsc_halves(enum pvclock_order order)
{
    uint32_t aux;

    if (order == PVCLOCK_LFENCE)
        return PVCLOCK_TSC_LFENCE();
    if (order == PVCLOCK_RDTSCP)
        return PVCLOCK_TSC_RDTSCP(&aux);
    return PVCLOCK_TSC_RELAXED();
}

PVCLOCK_INLINE uint64_t pvclock_tsc_now(enum pvclock_order order)
{
    struct pvclock_tsc tsc = pvclock_tsc_halves(order);

    return (tsc.high << 32) + tsc.low;
}

/*
 * Makes a choice of host.h by measuring, for up to about 1 ms, where either read would do; RDTSCP
 * has to be cheaper by enough to be no accident.  The fewest cycles of many short pieces count, so
 * that an interrupt does not.
 */
PVCLOCK_COLD_STATIC void pvclock_tsc_measure(struct pvclock_tsc_choice *choice)
{
    enum {
        PVCLOCK_MEASURE_PIECES = 256,
        PVCLOCK_MEASURE_READS = 64,
        PVCLOCK_MEASURE_CYCLES = 3000000
    };
    uint64_t fewest[2] = {UINT64_MAX, UINT64_MAX}, now = pvclock_tsc_now(PVCLOCK_LFENCE);
    uint64_t begin = now;
    unsigned piece, reads;

    if (!choice->either)
        return;
    for (piece = 0;
         piece < PVCLOCK_MEASURE_PIECES && (piece < 2 || now - begin < PVCLOCK_MEASURE_CYCLES);
         piece++) {
        unsigned by_rdtscp = piece & 1;
        uint64_t start = now;

        for (reads = 0; reads < PVCLOCK_MEASURE_READS; reads++)
            now = pvclock_tsc_now(by_rdtscp != 0 ? PVCLOCK_RDTSCP : PVCLOCK_LFENCE);
        if (now - start < fewest[by_rdtscp])
            fewest[by_rdtscp] = now - start;
    }
    choice->order = fewest[1] < fewest[0] - fewest[0] / 64 ? PVCLOCK_RDTSCP : PVCLOCK_LFENCE;
    choice->why = choice->order == PVCLOCK_RDTSCP ? "it was measured to cost less"
                                                  : "RDTSCP was measured to cost no less";
}

/*
 * The fields of a page from which to compute the time at a TSC value, ns = system_time + (cycles
 * * multiplier >> 64), where the TSC was read after `version`.  pvclock_load_fast() returns false
 * for anything unusual.
 *
 * Every check is a branch that is normally not taken.  Between the TSC and the nanoseconds there
 * are a subtraction, an addition that joins the halves, a shift, a multiplication and an
 * addition; the rest runs while the TSC is being read.  (delta >> n) * mul >> 32 is the high half
 * of one 64-bit product, (delta >> n) * (mul << 32).  A shift by a constant is cheaper than one
 * by CL, and -1 is the shift of every TSC from 2 to 4 GHz.
 */
struct pvclock_fast {
    uint64_t system_time;
    uint64_t cycles;     /* at most 2^63 */
    uint64_t multiplier; /* mul << 32 */
};

PVCLOCK_INLINE bool pvclock_load_fast(const volatile struct pvclock_vcpu_time_info *clock_page,
                                      uint32_t version, struct pvclock_tsc tsc,
                                      struct pvclock_fast *fast)
{
    uint64_t low = tsc.low - clock_page->tsc_timestamp;
    uint64_t delta;
    int shift = clock_page->tsc_shift;

    PVCLOCK_KEEP(low);
    delta = (tsc.high << 32) + low;
    fast->system_time = clock_page->system_time;
    fast->multiplier = (uint64_t)clock_page->tsc_to_system_mul << 32;
    if (PVCLOCK_UNLIKELY((version & 1) != 0))
        return 0;
    if (PVCLOCK_UNLIKELY(fast->multiplier == 0))
        return 0;
    if (PVCLOCK_UNLIKELY((int64_t)delta < 0))
        return 0;
    if (PVCLOCK_LIKELY(shift == -1)) {
        fast->cycles = delta >> 1;
    } else {
        if (PVCLOCK_UNLIKELY(-(unsigned)shift > PVCLOCK_SHIFT_MAX))
            return 0;
        fast->cycles = delta >> -shift;
    }
    return 1;
}

PVCLOCK_INLINE bool pvclock_fast_ns(const volatile struct pvclock_vcpu_time_info *clock_page,
                                    uint32_t version, struct pvclock_tsc tsc, uint64_t *ns)
{
    struct pvclock_fast fast;

    if (PVCLOCK_UNLIKELY(!pvclock_load_fast(clock_page, version, tsc, &fast)))
        return 0;
    *ns = fast.system_time + pvclock_multiply_high(fast.cycles, fast.multiplier);
    if (PVCLOCK_UNLIKELY(*ns < fast.system_time))
        return 0;
    return PVCLOCK_LIKELY(PVCLOCK_LOAD_AFTER(pvclock_version_of(clock_page), tsc.low) == version);
}

/* Returns the page's time in ns: pvclock_read() without version and flags. */
PVCLOCK_INLINE enum pvclock_status
pvclock_ns(const volatile struct pvclock_vcpu_time_info *clock_page, enum pvclock_order order,
           uint64_t *ns)
{
    uint32_t version = PVCLOCK_LOAD_ACQUIRE(pvclock_version_of(clock_page));
    struct pvclock_sample sample;
    enum pvclock_status status;

    if (PVCLOCK_LIKELY(pvclock_fast_ns(clock_page, version, pvclock_tsc_halves(order), ns)))
        return PVCLOCK_OK;
    status = pvclock_read(clock_page, order, &sample);
    *ns = sample.ns;
    return status;
}

/* Returns the page's time in ns, in no order: see above. */
PVCLOCK_INLINE enum pvclock_status
pvclock_relaxed_ns(const volatile struct pvclock_vcpu_time_info *clock_page, uint64_t *ns)
{
    return pvclock_ns(clock_page, PVCLOCK_RELAXED, ns);
}

/*
 * Returns base_ns + the page's time as seconds and nanoseconds, in two registers.  base_ns is 0
 * for the time since the origin, and the epoch from pvclock_wall() for the date.  OVERFLOW: 2^64
 * ns or more.
 *
 * The division by 10^9 is a second multiplication beside the first one, with k = 2^64 / 10^9
 * rounded down.  Each product falls below the true quotient, in seconds:
 *
 *     start * k >> 64             by less than 2^63 / 2^64 + 1, for start < 2^63
 *     r = multiplier * k >> 64    by less than 2, so
 *     cycles * r >> 64            by less than 2 * 2^63 / 2^64 + 1
 *
 * Together that is 3.5, so the remainder fits 32 bits and at most three corrections are made.
 * For realistic uptimes it is zero or one, and constant within a second, so the branch predicts
 * well.
 */
#define PVCLOCK_RECIPROCAL UINT64_C(18446744073)

PVCLOCK_INLINE struct pvclock_time
pvclock_time_now(const volatile struct pvclock_vcpu_time_info *clock_page, enum pvclock_order order,
                 uint64_t base_ns)
{
    uint32_t version = PVCLOCK_LOAD_ACQUIRE(pvclock_version_of(clock_page));
    struct pvclock_tsc tsc = pvclock_tsc_halves(order);
    struct pvclock_fast fast;

    if (PVCLOCK_LIKELY(pvclock_load_fast(clock_page, version, tsc, &fast))) {
        uint64_t start = fast.system_time + base_ns;
        uint64_t rate = pvclock_multiply_high(fast.multiplier, PVCLOCK_RECIPROCAL);
        uint64_t sec = pvclock_multiply_high(start, PVCLOCK_RECIPROCAL) +
                       pvclock_multiply_high(fast.cycles, rate);
        uint64_t ns = start + pvclock_multiply_high(fast.cycles, fast.multiplier);
        uint32_t nsec = (uint32_t)ns - (uint32_t)sec * PVCLOCK_NSEC_PER_SEC;
        struct pvclock_time time;

        while (PVCLOCK_UNLIKELY(nsec >= PVCLOCK_NSEC_PER_SEC)) {
            sec++;
            nsec -= PVCLOCK_NSEC_PER_SEC;
        }
        time.sec = sec;
        time.nsec = nsec;
        time.status = PVCLOCK_OK;
        /* Both summands are below 2^63, so no sum overflowed. */
        if (PVCLOCK_LIKELY(PVCLOCK_LOAD_AFTER(pvclock_version_of(clock_page), tsc.low) ==
                           version) &&
            PVCLOCK_LIKELY(start >= base_ns) && PVCLOCK_LIKELY((int64_t)start >= 0))
            return time;
    }
    return pvclock_read_time(clock_page, order, base_ns);
}

/* Returns pvclock_time_now() through a pointer; without a value *out is not written. */
PVCLOCK_INLINE enum pvclock_status
pvclock_timespec_now(const volatile struct pvclock_vcpu_time_info *clock_page,
                     enum pvclock_order order, uint64_t base_ns, struct pvclock_timespec *out)
{
    struct pvclock_time time = pvclock_time_now(clock_page, order, base_ns);

    if (PVCLOCK_LIKELY(time.sec != UINT64_MAX)) {
        out->tv_sec = (int64_t)time.sec;
        out->tv_nsec = (int64_t)time.nsec;
    }
    return (enum pvclock_status)time.status;
}

/* ---- The same, for a caller that keeps the second it read last --------- */

/*
 * Computes a time, in ns since a second, for which `since` is system_time + a base - the second,
 * all modulo 2^64.  If it is below 10^9 it is the time's nanoseconds, as that holds for one second
 * only, whichever was the hint.  (The last one before 2^64 ns is not whole, and is never kept.)
 *
 * The subtraction is made while the TSC is being read, where the long way has a multiplication and
 * its corrections after the product.
 */
PVCLOCK_INLINE bool pvclock_fast_nsec(const struct pvclock_fast *fast, uint64_t since,
                                      uint64_t *nsec)
{
    PVCLOCK_KEEP(since);
    *nsec = since + pvclock_multiply_high(fast->cycles, fast->multiplier);
    return PVCLOCK_LIKELY(*nsec < PVCLOCK_NSEC_PER_SEC);
}

PVCLOCK_INLINE bool pvclock_near(const volatile struct pvclock_vcpu_time_info *clock_page,
                                 enum pvclock_order order, uint64_t base_ns,
                                 const struct pvclock_second *second, uint64_t *nsec)
{
    uint32_t version = PVCLOCK_LOAD_ACQUIRE(pvclock_version_of(clock_page));
    struct pvclock_tsc tsc = pvclock_tsc_halves(order);
    struct pvclock_fast fast;
    uint64_t start;

    if (PVCLOCK_UNLIKELY(!pvclock_load_fast(clock_page, version, tsc, &fast)))
        return 0;
    start = fast.system_time + base_ns;
    /* Both summands are below 2^63, so no sum overflowed. */
    return pvclock_fast_nsec(&fast, start - second->ns, nsec) &&
           PVCLOCK_LIKELY(PVCLOCK_LOAD_AFTER(pvclock_version_of(clock_page), tsc.low) == version) &&
           PVCLOCK_LIKELY(start >= base_ns) && PVCLOCK_LIKELY((int64_t)start >= 0);
}

/* Returns pvclock_time_now(), sooner: once a second, or with a wrong hint, it is out of line. */
PVCLOCK_INLINE struct pvclock_time
pvclock_time_near(const volatile struct pvclock_vcpu_time_info *clock_page,
                  enum pvclock_order order, uint64_t base_ns, struct pvclock_second *second)
{
    struct pvclock_time time;
    uint64_t nsec;

    if (PVCLOCK_UNLIKELY(!pvclock_near(clock_page, order, base_ns, second, &nsec)))
        return pvclock_read_time_near(clock_page, order, base_ns, second);
    time.sec = second->sec;
    time.nsec = (uint32_t)nsec;
    time.status = PVCLOCK_OK;
    return time;
}

/* Returns pvclock_time_near() through a pointer; without a value *out is not written. */
PVCLOCK_INLINE enum pvclock_status
pvclock_timespec_near(const volatile struct pvclock_vcpu_time_info *clock_page,
                      enum pvclock_order order, uint64_t base_ns, struct pvclock_second *second,
                      struct pvclock_timespec *out)
{
    uint64_t nsec;

    if (PVCLOCK_UNLIKELY(!pvclock_near(clock_page, order, base_ns, second, &nsec)))
        return pvclock_read_timespec_near(clock_page, order, base_ns, second, out);
    pvclock_store_timespec(out, second->sec, nsec);
    return PVCLOCK_OK;
}

#endif /* PVCLOCK_READ_H */
