/* SPDX-License-Identifier: 0BSD */
/*
 * pvclock: the paravirtual clock page, read exactly and in bounded time.
 *
 * This is the part with status, for set-up and for whatever is not read a million times a second;
 * read.h has the inline readers, guard.h what to do where the page is not STABLE, host.h discovery
 * and registration.  Nothing here allocates, keeps state, divides by what a page holds, or has
 * undefined behaviour for any contents of a page.
 *
 * Every function may be called from any context, a signal or interrupt handler too.  `page` may be
 * mapped read-only except where said.  ns is nanoseconds, sec seconds, tsc cycles.
 */
#ifndef PVCLOCK_PVCLOCK_H
#define PVCLOCK_PVCLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi.h"
#include "scale.h"

/*
 * The version of the library (SemVer) and, apart from it, of the binary interface of its archive.
 */
#define PVCLOCK_VERSION_MAJOR  0
#define PVCLOCK_VERSION_MINOR  1
#define PVCLOCK_VERSION_PATCH  0
#define PVCLOCK_VERSION_STRING "0.1.0"
#define PVCLOCK_LIBRARY_ABI    0

/*
 * How often a page is tried before it is called busy.  With a PAUSE each that is well below a
 * millisecond; a host needs less than a microsecond, unless it loses its CPU half way.
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
    PVCLOCK_BUSY,      /* odd, or another version, in each of PVCLOCK_TRIES tries */
    PVCLOCK_BAD_SCALE, /* multiplier 0, or a shift outside -31 .. 31 */
    PVCLOCK_OVERFLOW,  /* the result does not fit */
    PVCLOCK_BAD_VALUE, /* a field or an argument outside its range */
};

/* The ns of a status without a value: 584 years, so that using it is noticed. */
#define PVCLOCK_NO_TIME UINT64_MAX

/* The shifts that are taken: KVM's own are -4 (16 GHz) to 30 (1 Hz). */
#define PVCLOCK_SHIFT_MAX 31

/* The largest delta that is a delta; above it the TSC counts as below tsc_timestamp. */
#define PVCLOCK_DELTA_MAX (UINT64_C(1) << 63)

/* A short lower-case name, never NULL. */
const char *pvclock_status_name(enum pvclock_status status);

/* Whether ns means something: PVCLOCK_OK or PVCLOCK_CLAMPED. */
static inline bool pvclock_has_time(enum pvclock_status status)
{
    return status == PVCLOCK_OK || status == PVCLOCK_CLAMPED;
}

/* ---- One time ---------------------------------------------------------- */

struct pvclock_sample {
    uint64_t ns;
    uint32_t version; /* of the page; the last one seen where there is no value */
    uint8_t flags;    /* of the page; 0 where there is no value */
};

/*
 * The time of the page at this TSC: exact for tsc - tsc_timestamp from 0 to PVCLOCK_DELTA_MAX.
 * The TSC was read before, so the caller answers for its order; pvclock_read() does it right.
 */
enum pvclock_status pvclock_sample(const struct pvclock_vcpu_time_info *page, uint64_t tsc,
                                   struct pvclock_sample *out);

/*
 * How the TSC is read in order; pvclock_host_tsc_order() of host.h chooses.  RELAXED is for
 * pvclock_relaxed_ns() of read.h.
 */
enum pvclock_order {
    PVCLOCK_LFENCE = 0,
    PVCLOCK_RDTSCP,
    PVCLOCK_RELAXED,
};

/*
 * The time now: the TSC is read inside the version protocol, and in order even with
 * PVCLOCK_RELAXED.
 */
enum pvclock_status pvclock_read(const struct pvclock_vcpu_time_info *page,
                                 enum pvclock_order order, struct pvclock_sample *out);

struct pvclock_time {
    uint64_t sec;
    uint32_t nsec;   /* 0 .. 999,999,999 */
    uint32_t status; /* enum pvclock_status; without a value sec is UINT64_MAX, nsec 0 */
};

/* Seconds and nanoseconds, without a division instruction. */
static inline struct pvclock_time pvclock_time_from_ns(uint64_t ns)
{
    struct pvclock_time time;

    time.sec = pvclock_div_1e9(ns);
    time.nsec = (uint32_t)ns - (uint32_t)time.sec * PVCLOCK_NSEC_PER_SEC;
    time.status = PVCLOCK_OK;
    return time;
}

/* pvclock_time() of read.h, out of line. */
struct pvclock_time pvclock_read_time(const struct pvclock_vcpu_time_info *page,
                                      enum pvclock_order order, uint64_t base_ns);

/* ---- One page per vCPU, where they are not STABLE: guard.h has the inline reader */

struct pvclock_vcpus {
    const void *pages; /* the structure of vCPU 0; that of vCPU n is n * stride bytes on */
    uint32_t stride;
    uint32_t count;    /* of vCPUs */
    uint32_t aux_mask; /* vCPU number = IA32_TSC_AUX & aux_mask; Linux: 0xfff */
};

static inline const struct pvclock_vcpu_time_info *
pvclock_page_of(const struct pvclock_vcpus *vcpus, uint32_t cpu)
{
    const char *first = (const char *)vcpus->pages;

    return (const struct pvclock_vcpu_time_info *)(const void *)(first +
                                                                 (size_t)cpu * vcpus->stride);
}

/*
 * pvclock_vcpu_ns() of guard.h, out of line: OK, CLAMPED, NOT_READY, BUSY, BAD_SCALE, OVERFLOW, or
 * BAD_VALUE for a vCPU number of count or more.
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

/* A consistent copy, or NOT_READY, BUSY, BAD_SCALE (the copy is made then too). */
enum pvclock_status pvclock_snapshot(const struct pvclock_vcpu_time_info *page,
                                     struct pvclock_snapshot *out);

/* The time of a snapshot at a TSC: OK, CLAMPED, BAD_SCALE, OVERFLOW. */
enum pvclock_status pvclock_extrapolate(const struct pvclock_snapshot *snapshot, uint64_t tsc,
                                        uint64_t *ns);

/*
 * The smallest TSC at which the snapshot's time is `ns` or later: what a deadline timer is armed
 * with.  A time before the snapshot gives its tsc_timestamp (CLAMPED); one more than
 * PVCLOCK_DELTA_MAX cycles away gives OVERFLOW and UINT64_MAX, a deadline that never comes.
 */
enum pvclock_status pvclock_deadline(const struct pvclock_snapshot *snapshot, uint64_t ns,
                                     uint64_t *tsc);

/* ---- Frequency --------------------------------------------------------- */

struct pvclock_frequency {
    uint64_t hz;       /* 10^9 * 2^(32 - shift) / mul, rounded to the nearest */
    uint64_t error_hz; /* the host rounded mul down: the true one is at most this far away */
};

/* OK, BAD_SCALE, OVERFLOW (2^64 Hz or more). */
enum pvclock_status pvclock_frequency(uint32_t mul, int8_t shift, struct pvclock_frequency *out);

/*
 * The other way, as KVM does it: mul is rounded down and has its top bit set, shift makes it so.
 * 1 Hz to 4 * 10^18 Hz, else BAD_VALUE.  Above 2 GHz the lowest -shift bits of hz are lost.
 */
enum pvclock_status pvclock_scale_from_hz(uint64_t hz, uint32_t *mul, int8_t *shift);

/* ---- Wall clock -------------------------------------------------------- */

/*
 * The date at system time 0, in ns since 1970: OK, NOT_READY (never written: all 0), BUSY,
 * BAD_VALUE (10^9 ns or more).  date = *epoch_ns + the time of any page, in 64 bits: past 2038 and
 * past 2106 as well, and until 2262 also where it is signed.  The epoch itself is what the host
 * wrote, 1970 to 2106: see pvclock_wall_in_era().
 * What is read is as old as the last write of the MSR.
 */
enum pvclock_status pvclock_wall(const struct pvclock_wall_clock *wall, uint64_t *epoch_ns);

/* The seconds of struct pvclock_wall_clock start anew after this many: first on 2106-02-07. */
#define PVCLOCK_WALL_ERA_SEC (UINT64_C(1) << 32)

/* 2020-01-01 00:00:00 UTC: a host that says an earlier date is taken to mean the next era. */
#define PVCLOCK_WALL_PIVOT UINT64_C(1577836800)

/*
 * The epoch with its era: the structure has 32 bits of seconds, so a host whose date is past 2106
 * can give an epoch of 1970 and on.  If the date now (epoch + `now_ns`, the time of any page) is
 * before `pivot_sec` (seconds since 1970, below 2^33), the epoch belongs to the next 2^32 seconds.
 * The date then lies in the 2^32 seconds from the pivot on: 2020 to 2156 with PVCLOCK_WALL_PIVOT.
 *
 * It is the date that is compared, since an epoch can be as old as the host's time is high.  A step
 * of its own, since no rule can tell a host after 2106 from one that has no date and counts from
 * 1970: who has to expect the latter gives a pivot of 0, which believes all that is written.
 */
static inline uint64_t pvclock_wall_in_era(uint64_t epoch_ns, uint64_t now_ns, uint64_t pivot_sec)
{
    if (epoch_ns + now_ns < pivot_sec * PVCLOCK_NSEC_PER_SEC)
        epoch_ns += PVCLOCK_WALL_ERA_SEC * PVCLOCK_NSEC_PER_SEC;
    return epoch_ns;
}

/* ---- Setting a page up, and what the host says through it -------------- */

/* OK, or BAD_VALUE: the address is not 4-byte aligned, or the structure crosses a page. */
static inline enum pvclock_status pvclock_placement(uint64_t address, size_t size)
{
    uint64_t offset = address % PVCLOCK_PAGE_SIZE;

    if (address % 4 != 0 || size == 0 || size > PVCLOCK_PAGE_SIZE - offset)
        return PVCLOCK_BAD_VALUE;
    return PVCLOCK_OK;
}

/*
 * Whether the page holds 0 everywhere but in the `used` bytes at `offset`: it will be mapped to
 * users with all it holds.
 */
static inline bool pvclock_page_is_clean(const void *page, size_t page_size, size_t offset,
                                         size_t used)
{
    const volatile unsigned char *bytes = (const volatile unsigned char *)page;

    for (size_t i = 0; i < page_size; i++) {
        if (bytes[i] != 0 && (i < offset || i - offset >= used))
            return false;
    }
    return true;
}

/* Zeroes a structure before its MSR is written, so that pvclock_is_alive() can tell. */
static inline void pvclock_prepare(struct pvclock_vcpu_time_info *page)
{
    volatile unsigned char *bytes = (volatile unsigned char *)page;

    for (size_t i = 0; i < sizeof(*page); i++)
        bytes[i] = 0;
}

/*
 * Whether the host has written the page since pvclock_prepare(): check it after each enabling, for
 * a structure in the wrong place is ignored without an error.
 */
static inline bool pvclock_is_alive(const struct pvclock_vcpu_time_info *page)
{
    return *(const volatile uint32_t *)&page->version != 0;
}

/*
 * Whether GUEST_STOPPED was set, and clears it: one atomic step on the one byte, and no write where
 * it is clear.  Call it on the vCPU that owns the page: the host updates a page between two
 * instructions of its vCPU, so there nothing is lost and nothing seen twice.  Needs a writable
 * page.
 */
bool pvclock_take_stopped(struct pvclock_vcpu_time_info *page);

/* Whether all vCPUs' pages give one time: CPUID feature AND flag of the page. */
static inline bool pvclock_is_stable(uint32_t features, uint8_t flags)
{
    return (features & PVCLOCK_FEATURE_TSC_STABLE) != 0 && (flags & PVCLOCK_FLAG_TSC_STABLE) != 0;
}

/* ---- The host's side: for a kernel that has no kvmclock, for a VMM, and for tests */

/*
 * Writes a page by the version protocol; `version` of the snapshot is not used.  One writer at a
 * time.  A page that was odd (a writer died) is even afterwards.
 */
void pvclock_publish(struct pvclock_vcpu_time_info *page, const struct pvclock_snapshot *values);

#ifdef __cplusplus
}
#endif

#endif /* PVCLOCK_PVCLOCK_H */
