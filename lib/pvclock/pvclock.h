/* SPDX-License-Identifier: 0BSD */
/*
 * pvclock: reads the paravirtual clock page, exactly and in bounded time.
 *
 * A kernel that wants the time starts with clock.h, which needs host.h for registration and calls
 * all the rest.  This header has the functions that return a status, for set-up and for reads that
 * are not on a hot path.  read.h has the inline readers of one page, guard.h those of the running
 * vCPU's page, host.h discovery and registration.  No function allocates, keeps state, divides by a
 * value from a page, or has undefined behaviour, whatever a page contains.
 *
 * Every function may be called from any context, including a signal or interrupt handler.  `page`
 * may be mapped read-only unless a function says otherwise.  `ns` is in nanoseconds, `sec` in
 * seconds, `tsc` in cycles.
 */
#ifndef PVCLOCK_PVCLOCK_H
#define PVCLOCK_PVCLOCK_H

#include "abi.h"
#include "scale.h"

/* The version of the library (SemVer), and separately that of its archive's binary interface. */
#define PVCLOCK_VERSION_MAJOR  0
#define PVCLOCK_VERSION_MINOR  1
#define PVCLOCK_VERSION_PATCH  0
#define PVCLOCK_VERSION_STRING "0.1.0"
#define PVCLOCK_LIBRARY_ABI    0

/*
 * How many times a page is tried before it is called busy.  With a PAUSE each, this takes well
 * below 1 ms; a host needs less than 1 us, unless it loses its CPU halfway.
 */
#ifndef PVCLOCK_TRIES
#define PVCLOCK_TRIES 4096
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* OK and CLAMPED come with a value.  With every other status ns is PVCLOCK_NO_TIME. */
enum pvclock_status {
    PVCLOCK_OK = 0,
    PVCLOCK_CLAMPED,   /* the TSC is below tsc_timestamp (skew, restore): ns is system_time */
    PVCLOCK_NOT_READY, /* never written: version and multiplier are 0 */
    PVCLOCK_BUSY,      /* the version was odd or changed in each of PVCLOCK_TRIES tries */
    PVCLOCK_BAD_SCALE, /* multiplier 0, or a shift outside -31 .. 31 */
    PVCLOCK_OVERFLOW,  /* the result does not fit */
    PVCLOCK_BAD_VALUE, /* a field or an argument is out of range */
};

/* The ns of a status without a value: 584 years, so that using it by mistake is noticed. */
#define PVCLOCK_NO_TIME UINT64_MAX

/* The largest shift accepted, up or down; KVM itself uses -4 (16 GHz) to 30 (1 Hz). */
#define PVCLOCK_SHIFT_MAX 31

/* The largest delta; beyond it, the TSC counts as being below tsc_timestamp. */
#define PVCLOCK_DELTA_MAX (UINT64_C(1) << 63)

/* Returns a short lower-case name; never NULL. */
const char *pvclock_status_name(enum pvclock_status status);

/* Whether ns is valid: PVCLOCK_OK or PVCLOCK_CLAMPED. */
static inline bool pvclock_has_time(enum pvclock_status status)
{
    return status == PVCLOCK_OK || status == PVCLOCK_CLAMPED;
}

/*
 * Returns where a structure's version is: first.  It is not &page->version, since a kernel's own
 * structures may be packed, and compilers warn of an address in one.
 */
PVCLOCK_INLINE const volatile uint32_t *pvclock_version_of(const volatile void *structure)
{
    return (const volatile uint32_t *)structure;
}

/* ---- One time ---------------------------------------------------------- */

struct pvclock_sample {
    uint64_t ns;
    uint32_t version; /* of the page; without a value, the last one seen */
    uint8_t flags;    /* of the page; without a value, 0 */
};

/*
 * Returns the page's time at `tsc`, exact for tsc - tsc_timestamp from 0 to PVCLOCK_DELTA_MAX.
 * The caller has read the TSC before and is responsible for its order; pvclock_read() orders it
 * correctly.
 */
enum pvclock_status pvclock_sample_at(const volatile struct pvclock_vcpu_time_info *clock_page,
                                      uint64_t tsc, struct pvclock_sample *out);

/*
 * How to read the TSC in order; pvclock_host_tsc_order() of host.h chooses.  RELAXED is only for
 * pvclock_relaxed_ns() of read.h.
 */
enum pvclock_order {
    PVCLOCK_LFENCE = 0,
    PVCLOCK_RDTSCP,
    PVCLOCK_RELAXED,
};

/* The order for this CPU, by pvclock_host_tsc_choice() of host.h. */
struct pvclock_tsc_choice {
    enum pvclock_order order; /* LFENCE or RDTSCP */
    bool either;              /* both are in order here, so that the cheaper one may be taken */
    const char *why;          /* in a few words that follow "because" */
};

/*
 * Returns the time now.  It reads the TSC inside the version protocol, in order even with
 * PVCLOCK_RELAXED.
 */
enum pvclock_status pvclock_read(const volatile struct pvclock_vcpu_time_info *clock_page,
                                 enum pvclock_order order, struct pvclock_sample *out);

struct pvclock_time {
    uint64_t sec;
    uint32_t nsec;   /* 0 .. 999,999,999 */
    uint32_t status; /* enum pvclock_status; without a value sec is UINT64_MAX, nsec 0 */
};

/* Splits ns into seconds and nanoseconds, without a division instruction. */
static inline struct pvclock_time pvclock_time_from_ns(uint64_t ns)
{
    struct pvclock_time time;

    time.sec = pvclock_div_1e9(ns);
    time.nsec = (uint32_t)ns - (uint32_t)time.sec * PVCLOCK_NSEC_PER_SEC;
    time.status = PVCLOCK_OK;
    return time;
}

/* Does what pvclock_time_now() of read.h does, out of line. */
struct pvclock_time pvclock_read_time(const volatile struct pvclock_vcpu_time_info *clock_page,
                                      enum pvclock_order order, uint64_t base_ns);

/* struct timespec of the 64-bit ABIs; a caller may cast to it if its time_t has 64 bits. */
struct pvclock_timespec {
    int64_t tv_sec;
    int64_t tv_nsec;
};

/* Stores a time, each half by itself: merged in a vector register they would arrive later. */
static inline void pvclock_store_timespec(struct pvclock_timespec *out, uint64_t sec, uint64_t nsec)
{
    volatile struct pvclock_timespec *halves = out;

    halves->tv_sec = (int64_t)sec;
    halves->tv_nsec = (int64_t)nsec;
}

/*
 * A thread's hint: the second that it read last.  Begin with zeros; the readers keep it.  Any
 * second will do, as long as ns is sec * 10^9: with a wrong one the reading takes the long way and
 * corrects it.  One for each thread, clock and signal handler, as it is not updated atomically.
 */
struct pvclock_second {
    uint64_t sec;
    uint64_t ns;
};

/* Returns pvclock_read_time(), and keeps its second: pvclock_time_near() of read.h, out of line. */
struct pvclock_time pvclock_read_time_near(const volatile struct pvclock_vcpu_time_info *clock_page,
                                           enum pvclock_order order, uint64_t base_ns,
                                           struct pvclock_second *second);

/* The same through a pointer; without a value *out is not written. */
enum pvclock_status
pvclock_read_timespec_near(const volatile struct pvclock_vcpu_time_info *clock_page,
                           enum pvclock_order order, uint64_t base_ns,
                           struct pvclock_second *second, struct pvclock_timespec *out);

/* ---- One page per vCPU: guard.h has the inline reader ------------------ */

struct pvclock_vcpus {
    const volatile void *pages; /* vCPU 0's structure; vCPU n's is n * stride bytes after it */
    uint32_t stride;
    uint32_t count;    /* of vCPUs */
    uint32_t aux_mask; /* vCPU number = IA32_TSC_AUX & aux_mask; Linux: 0xfff */
};

static inline const volatile struct pvclock_vcpu_time_info *
pvclock_page_of(const struct pvclock_vcpus *vcpus, uint32_t cpu)
{
    const volatile char *first = (const volatile char *)vcpus->pages;
    const volatile void *structure = first + (size_t)cpu * vcpus->stride;

    return (const volatile struct pvclock_vcpu_time_info *)structure;
}

/*
 * Does what pvclock_vcpu_ns() of guard.h does, out of line.  Returns OK, CLAMPED, NOT_READY,
 * BUSY, BAD_SCALE, OVERFLOW, or BAD_VALUE for a vCPU number of count or more.
 */
enum pvclock_status pvclock_vcpu_read(const struct pvclock_vcpus *vcpus, uint32_t *hint,
                                      uint64_t *ns);

/* ---- Snapshots: a page's contents, to be used without the page --------- */

struct pvclock_snapshot {
    uint64_t tsc_timestamp;
    uint64_t system_time;
    uint32_t version;
    uint32_t mul;
    int8_t shift;
    uint8_t flags;
};

/* Makes a consistent copy.  NOT_READY, BUSY, BAD_SCALE (the copy is made all the same). */
enum pvclock_status pvclock_take_snapshot(const volatile struct pvclock_vcpu_time_info *clock_page,
                                          struct pvclock_snapshot *out);

/* Returns the snapshot's time at `tsc`: OK, CLAMPED, BAD_SCALE, OVERFLOW. */
enum pvclock_status pvclock_extrapolate(const struct pvclock_snapshot *snapshot, uint64_t tsc,
                                        uint64_t *ns);

/*
 * Returns the smallest TSC at which the snapshot's time is `ns` or later, for arming a deadline
 * timer.  A time before the snapshot gives its tsc_timestamp (CLAMPED); one that is more than
 * PVCLOCK_DELTA_MAX cycles away gives OVERFLOW and UINT64_MAX, a deadline that never comes.
 * BAD_SCALE.
 */
enum pvclock_status pvclock_deadline(const struct pvclock_snapshot *snapshot, uint64_t ns,
                                     uint64_t *tsc);

/* ---- Frequency --------------------------------------------------------- */

struct pvclock_frequency {
    uint64_t hz;       /* 10^9 * 2^(32 - shift) / mul, rounded to the nearest */
    uint64_t error_hz; /* the host rounded mul down: the true value is within this of hz */
};

/* Returns the TSC's frequency: OK, BAD_SCALE, OVERFLOW (2^64 Hz or more). */
enum pvclock_status pvclock_frequency_of(uint32_t mul, int8_t shift, struct pvclock_frequency *out);

/*
 * Makes mul and shift from a frequency, as KVM does: mul is rounded down, and shift is such that
 * its top bit is set.  Accepts 1 Hz to 4 * 10^18 Hz, otherwise BAD_VALUE.  Above 2 GHz the lowest
 * -shift bits of hz are lost.
 */
enum pvclock_status pvclock_scale_from_hz(uint64_t hz, uint32_t *mul, int8_t *shift);

/* ---- Wall clock -------------------------------------------------------- */

/*
 * Returns the date at system time 0, in ns since 1970: OK, NOT_READY (never written: all 0),
 * BUSY, BAD_VALUE (10^9 ns or more).  date = *epoch_ns + the time of any page, in 64 bits: past
 * 2038 and past 2106, and until 2262 if treated as signed.  The epoch itself is what the host
 * wrote, 1970 to 2106: see pvclock_wall_in_era().  The structure is as old as the last write of
 * its MSR.
 */
enum pvclock_status pvclock_wall(const volatile struct pvclock_wall_clock *wall,
                                 uint64_t *epoch_ns);

/* The seconds of struct pvclock_wall_clock wrap after this many: first on 2106-02-07. */
#define PVCLOCK_WALL_ERA_SEC (UINT64_C(1) << 32)

/* 2020-01-01 00:00:00 UTC: an earlier date from the host is taken to be in the next era. */
#define PVCLOCK_WALL_PIVOT UINT64_C(1577836800)

/*
 * Adds the era to an epoch: the structure has 32 bits of seconds, so a host whose date is past
 * 2106 can report an epoch of 1970 or later.  If the date now (epoch + `now_ns`, the time of any
 * page) is before `pivot_sec` (seconds since 1970, below 2^33), the epoch belongs to the next
 * 2^32 seconds.  So the date is within 2^32 seconds from the pivot: 2020 to 2156 with
 * PVCLOCK_WALL_PIVOT.
 *
 * It compares the date, since the epoch can precede it by as much as the host's time.  It is a
 * separate step, since no rule can distinguish a host after 2106 from one that has no date and
 * counts from 1970; a caller that expects such a host passes a pivot of 0, which accepts every
 * epoch as written.
 */
static inline uint64_t pvclock_wall_in_era(uint64_t epoch_ns, uint64_t now_ns, uint64_t pivot_sec)
{
    if (epoch_ns + now_ns < pivot_sec * PVCLOCK_NSEC_PER_SEC)
        epoch_ns += PVCLOCK_WALL_ERA_SEC * PVCLOCK_NSEC_PER_SEC;
    return epoch_ns;
}

/* ---- Setting a page up, and what the host says through it -------------- */

/* Checks a structure's address.  BAD_VALUE: it is not 4-byte aligned, or crosses a page. */
static inline enum pvclock_status pvclock_placement(uint64_t address, size_t size)
{
    uint64_t offset = address % PVCLOCK_PAGE_SIZE;

    if (address % 4 != 0 || size == 0 || size > PVCLOCK_PAGE_SIZE - offset)
        return PVCLOCK_BAD_VALUE;
    return PVCLOCK_OK;
}

/* Whether the page is 0 outside the `length` bytes at `offset`: users will see the whole page. */
static inline bool pvclock_page_is_clean(const volatile void *clock_page, size_t page_size,
                                         size_t offset, size_t length)
{
    const volatile unsigned char *bytes = (const volatile unsigned char *)clock_page;
    size_t i;

    for (i = 0; i < page_size; i++) {
        if (bytes[i] != 0 && (i < offset || i - offset >= length))
            return 0;
    }
    return 1;
}

/* Zeroes a structure before its MSR is written, so that pvclock_is_alive() works. */
static inline void pvclock_prepare(volatile struct pvclock_vcpu_time_info *clock_page)
{
    volatile unsigned char *bytes = (volatile unsigned char *)clock_page;
    size_t i;

    for (i = 0; i < sizeof(*clock_page); i++)
        bytes[i] = 0;
}

/*
 * Whether the host has written the page since pvclock_prepare().  Check it after every
 * registration: the host ignores a misplaced structure without an error.
 */
static inline bool pvclock_is_alive(const volatile struct pvclock_vcpu_time_info *clock_page)
{
    return *pvclock_version_of(clock_page) != 0;
}

/*
 * Clears GUEST_STOPPED, and returns whether it was set: one atomic operation on that byte, and no
 * write if the flag is clear.  Call it on the vCPU that owns the page: the host updates a page
 * between two instructions of its vCPU, so no pause is lost or counted twice there.  Needs a
 * writable page.
 */
bool pvclock_take_stopped(volatile struct pvclock_vcpu_time_info *clock_page);

/*
 * Whether all vCPUs' pages follow one clock: the CPUID feature AND the flag of the page.  Read your
 * own vCPU's page all the same: see PVCLOCK_FLAG_TSC_STABLE.
 */
static inline bool pvclock_is_stable(uint32_t features, uint8_t flags)
{
    return (features & PVCLOCK_FEATURE_TSC_STABLE) != 0 && (flags & PVCLOCK_FLAG_TSC_STABLE) != 0;
}

/* ---- The host's side: for a kernel that has no kvmclock, for a VMM, and for tests */

/*
 * Writes a page with the version protocol; ignores `version` of the snapshot.  One writer at a
 * time.  An odd version (a writer died) is even afterwards.
 */
void pvclock_publish(volatile struct pvclock_vcpu_time_info *clock_page,
                     const struct pvclock_snapshot *values);

/* ---- Former names: those of the structures, so that C++ needed `struct` -- */

#define pvclock_sample(page, tsc, out)              pvclock_sample_at(page, tsc, out)
#define pvclock_snapshot(page, out)                 pvclock_take_snapshot(page, out)
#define pvclock_frequency(mul, shift, out)          pvclock_frequency_of(mul, shift, out)
#define pvclock_tsc(order)                          pvclock_tsc_now(order)
#define pvclock_time(page, order, base_ns)          pvclock_time_now(page, order, base_ns)
#define pvclock_timespec(page, order, base_ns, out) pvclock_timespec_now(page, order, base_ns, out)

#ifdef __cplusplus
}
#endif

#endif /* PVCLOCK_PVCLOCK_H */
