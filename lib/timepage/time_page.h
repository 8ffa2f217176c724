/* SPDX-License-Identifier: 0BSD */
/*
 * The time page: what the kernel publishes so that ring 3 can implement clock_gettime() from the
 * clock page without entering the kernel.  One page serves all processes, mapped read-only; the
 * layout is the same for 32 and 64 bits.
 *
 * `sequence` is odd while the kernel writes, and changes whenever anything outside the `fast`
 * part changes, so a reader may keep what it derived for as long as the number stays the same
 * (compare before and after).  The `fast` part changes with each tick and has its own sequence.
 *
 * Reference: FreeBSD, sys/vdso.h (struct vdso_timehands), which this follows in purpose: th_algo,
 * th_x86_pvc_last_systime, th_x86_pvc_stable_mask.
 */
#ifndef TIMEPAGE_TIME_PAGE_H
#define TIMEPAGE_TIME_PAGE_H

#include <pvclock/abi.h>

enum time_algorithm {
    TIME_SYSTEM_CALL, /* ask the kernel */
    TIME_PVCLOCK,     /* read the host's structures, from /dev/pvclock */
    TIME_TSC,         /* read `tsc` of this page: the same format, filled by the kernel */
};

struct time_page {
    uint32_t sequence;
    uint32_t algorithm; /* enum time_algorithm */
    /*
     * A structure whose flags have a bit of this mask serves every vCPU.  Otherwise a reader
     * reads its own vCPU's structure, which it finds by the vCPU's word if `has_vcpu_word` is set,
     * or by RDTSCP if `has_rdtscp` is, and passes the time through `floor` and its own guard;
     * without either it asks the kernel.
     */
    uint32_t stable_mask;
    uint32_t has_rdtscp;
    uint32_t vcpus;  /* structures in use; more when a vCPU comes late, see `possible` */
    uint32_t stride; /* bytes from one structure to the next */
    uint64_t floor;  /* lower bound for the structures' time, ns; 0: none */
    /* ns to add, modulo 2^64, to the structures' time for uptime, and for the date since 1970. */
    uint64_t uptime_base, realtime_base;
    uint32_t resolution; /* of the clocks, ns */
    uint32_t fast_resolution;
    uint32_t date_is_set; /* 0: no source has given the date; REALTIME counts from 1970 */
    uint32_t possible;    /* most structures there can be; a reader that maps once maps these */

    uint32_t fast_sequence;
    uint32_t tsc_order;   /* enum pvclock_order: the read of the TSC to use; set once */
    uint64_t fast_uptime; /* ns, at the last tick */
    uint64_t fast_realtime;

    /* Identifies this page: a reader that does not know it asks the kernel. */
    uint32_t magic;   /* TIME_PAGE_MAGIC */
    uint16_t version; /* TIME_PAGE_VERSION; changes when the layout or a meaning does */
    uint16_t size;    /* bytes that the kernel fills: at least this structure */
    /*
     * 1: the kernel keeps a word for each vCPU, as PVCLOCK_VCPU_WORD() of pvclock/port.h describes,
     * and GS at the running vCPU's; set once.
     */
    uint32_t has_vcpu_word;
    uint32_t pad1;
    uint64_t pad2[3];
    struct pvclock_vcpu_time_info tsc;
};

#define TIME_PAGE_MAGIC   0x706b6c63u /* "clkp" */
#define TIME_PAGE_VERSION 1u
#define TIME_PAGE_IDENTITY                                                                         \
    .magic = TIME_PAGE_MAGIC, .version = TIME_PAGE_VERSION, .size = sizeof(struct time_page)

static inline bool time_page_is_known(const struct time_page *clock_page)
{
    return clock_page->magic == TIME_PAGE_MAGIC && clock_page->version == TIME_PAGE_VERSION &&
           clock_page->size >= sizeof(*clock_page);
}

PVCLOCK_STATIC_ASSERT(PVCLOCK_OFFSETOF(struct time_page, floor) == 24, "alike for 32 and 64 bits");
PVCLOCK_STATIC_ASSERT(PVCLOCK_OFFSETOF(struct time_page, fast_uptime) == 72,
                      "alike for 32 and 64 bits");
PVCLOCK_STATIC_ASSERT(PVCLOCK_OFFSETOF(struct time_page, magic) == 88, "alike for 32 and 64 bits");
PVCLOCK_STATIC_ASSERT(PVCLOCK_OFFSETOF(struct time_page, has_vcpu_word) == 96,
                      "alike for 32 and 64 bits");
PVCLOCK_STATIC_ASSERT(PVCLOCK_OFFSETOF(struct time_page, tsc) == 128, "on a cache line of its own");

/* What decides how ring 3 reads the time. */
struct time_facts {
    bool kvmclock_chosen;       /* kern.timecounter.hardware is kvmclock */
    bool tsc_chosen;            /* it is TSC, and the vCPUs' counters agree */
    bool rdtscp;                /* CPUID 0x80000001 EDX bit 27 */
    bool stable_feature;        /* CPUID says that the STABLE flag is valid */
    bool enable_without_rdtscp; /* dev.kvmclock.0.vdso_enable_without_rdtscp */
    bool force_unstable;        /* dev.kvmclock.0.vdso_force_unstable */
    bool fast_gettime;          /* kern.timecounter.fast_gettime */
};

/*
 * Decides how ring 3 reads the time, according to the table in docs/decision.md.  (Whether the
 * structures have the STABLE flag is not an input: the reader checks it at each read, since it
 * can change.)
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
