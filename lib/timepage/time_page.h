/* SPDX-License-Identifier: 0BSD */
/*
 * The time page: what the kernel publishes so that ring 3 can make clock_gettime() of the clock
 * page without entering the kernel.  One for all processes, mapped read-only; layout alike for 32
 * and 64 bits.
 *
 * `sequence` is odd while the kernel writes and changes whenever anything but the `fast` part does,
 * so a reader may keep what it derived for as long as the number stays (compare before and after).
 * The `fast` part moves with each tick and has a sequence of its own.
 *
 * Reference: FreeBSD, sys/vdso.h (struct vdso_timehands), which this follows in purpose: th_algo,
 * th_x86_pvc_last_systime, th_x86_pvc_stable_mask.
 */
#ifndef TIMEPAGE_TIME_PAGE_H
#define TIMEPAGE_TIME_PAGE_H

#include <pvclock/abi.h>
#include <stdbool.h>
#include <stdint.h>

enum time_algorithm {
    TIME_SYSTEM_CALL, /* ask the kernel */
    TIME_PVCLOCK,     /* the host's structures, from /dev/pvclock */
    TIME_TSC,         /* `tsc` of this page: the same form, filled by the kernel */
};

struct time_page {
    uint32_t sequence;
    uint32_t algorithm; /* enum time_algorithm */
    /*
     * A structure whose flags have a bit of this mask serves every vCPU.  Otherwise a reader takes
     * its own vCPU's, found by RDTSCP if `has_rdtscp`, and passes it through `floor` and a guard of
     * its own; without RDTSCP it asks the kernel.
     */
    uint32_t stable_mask;
    uint32_t has_rdtscp;
    uint32_t vcpus;  /* structures that are in use; more when a vCPU comes late, see `possible` */
    uint32_t stride; /* bytes from one to the next */
    uint64_t floor;  /* the last system time, in ns of the structures: nothing below it is right */
    /* ns to add, modulo 2^64, to the structures' time: uptime, and the date since 1970. */
    uint64_t uptime_base, realtime_base;
    uint32_t resolution; /* of the clocks, ns */
    uint32_t fast_resolution;
    uint32_t date_is_set; /* 0: no source has given the date; REALTIME counts from 1970 */
    uint32_t possible;    /* structures that there can ever be: who maps them once maps these */

    uint32_t fast_sequence;
    uint32_t pad1;
    uint64_t fast_uptime; /* ns, at the last tick */
    uint64_t fast_realtime;

    /* What this page is: a reader that does not know it asks the kernel. */
    uint32_t magic;   /* TIME_PAGE_MAGIC */
    uint16_t version; /* TIME_PAGE_VERSION; another one when the layout or a meaning changes */
    uint16_t size;    /* bytes that the kernel fills: at least all of this */
    uint64_t pad2[4];
    struct pvclock_vcpu_time_info tsc;
};

#define TIME_PAGE_MAGIC   0x706b6c63u /* "clkp" */
#define TIME_PAGE_VERSION 1u
#define TIME_PAGE_IDENTITY                                                                         \
    .magic = TIME_PAGE_MAGIC, .version = TIME_PAGE_VERSION, .size = sizeof(struct time_page)

static inline bool time_page_is_known(const struct time_page *page)
{
    return page->magic == TIME_PAGE_MAGIC && page->version == TIME_PAGE_VERSION &&
           page->size >= sizeof(*page);
}

PVCLOCK_STATIC_ASSERT(offsetof(struct time_page, floor) == 24, "alike for 32 and 64 bits");
PVCLOCK_STATIC_ASSERT(offsetof(struct time_page, fast_uptime) == 72, "alike for 32 and 64 bits");
PVCLOCK_STATIC_ASSERT(offsetof(struct time_page, magic) == 88, "alike for 32 and 64 bits");
PVCLOCK_STATIC_ASSERT(offsetof(struct time_page, tsc) == 128, "on a cache line of its own");

/* What decides how ring 3 tells the time. */
struct time_facts {
    bool kvmclock_chosen;       /* kern.timecounter.hardware is kvmclock */
    bool tsc_chosen;            /* it is TSC, and the vCPUs' counters agree */
    bool rdtscp;                /* CPUID 0x80000001 EDX bit 27 */
    bool stable_feature;        /* CPUID says that the STABLE flag may be believed */
    bool enable_without_rdtscp; /* dev.kvmclock.0.vdso_enable_without_rdtscp */
    bool force_unstable;        /* dev.kvmclock.0.vdso_force_unstable */
    bool fast_gettime;          /* kern.timecounter.fast_gettime */
};

/*
 * The decision, as docs/decision.md has it in a table.  (Whether the structures have the STABLE
 * flag is not asked here: the reader looks at each read, for it can change.)
 */
static inline enum time_algorithm time_decide(const struct time_facts *f, uint32_t *stable_mask)
{
    *stable_mask = 0;
    if (!f->fast_gettime)
        return TIME_SYSTEM_CALL;
    if (f->tsc_chosen) {
        *stable_mask = PVCLOCK_FLAG_TSC_STABLE;
        return TIME_TSC;
    }
    if (!f->kvmclock_chosen || (!f->rdtscp && !f->enable_without_rdtscp))
        return TIME_SYSTEM_CALL;
    if (f->stable_feature && !f->force_unstable)
        *stable_mask = PVCLOCK_FLAG_TSC_STABLE;
    return TIME_PVCLOCK;
}

#endif
