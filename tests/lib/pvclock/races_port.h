/* SPDX-License-Identifier: 0BSD */
/*
 * The x86 port, which also tells the test what TSC and which version a read used; and variants of
 * it with one step taken out, to show that the test would notice:
 *
 *   VARIANT_SLOW_LOAD   nothing is taken out, but the version's address comes late,
 *                       from memory
 *   VARIANT_NO_FENCE    RDTSC where LFENCE; RDTSC or RDTSCP belongs
 *   VARIANT_NO_RECHECK  the version is not read again
 */
#ifndef RACES_PORT_H
#define RACES_PORT_H

#include <pvclock/port/gcc_x86.h>

struct races_seen {
    uint64_t tsc;
    uint32_t version;
};
extern struct races_seen races_seen;
/* Where the page's version is, among what else a reader loads. */
extern const volatile uint32_t *races_version;

static inline __attribute__((always_inline)) struct pvclock_tsc races_tsc(struct pvclock_tsc tsc)
{
    races_seen.tsc = (tsc.high << 32) + tsc.low;
    return tsc;
}

static inline __attribute__((always_inline)) uint32_t races_load(const volatile uint32_t *p)
{
#ifdef VARIANT_SLOW_LOAD
    static volatile uintptr_t zero __attribute__((aligned(64)));

    __asm__ volatile("clflush %0" : "+m"(zero));
    p += zero;
#endif
    uint32_t value = *p;

    __asm__ volatile("" : : : "memory");
    if (p == races_version)
        races_seen.version = value;
    return value;
}

#undef PVCLOCK_LOAD_ACQUIRE
#define PVCLOCK_LOAD_ACQUIRE(p) races_load(p)

#undef PVCLOCK_TSC_LFENCE
#undef PVCLOCK_TSC_RDTSCP
#ifdef VARIANT_NO_FENCE
#define PVCLOCK_TSC_LFENCE()    races_tsc(pvclock_port_tsc_relaxed())
#define PVCLOCK_TSC_RDTSCP(aux) races_tsc((*(aux) = 0, pvclock_port_tsc_relaxed()))
#else
#define PVCLOCK_TSC_LFENCE()    races_tsc(pvclock_port_tsc_lfence())
#define PVCLOCK_TSC_RDTSCP(aux) races_tsc(pvclock_port_tsc_rdtscp(aux))
#endif

#ifdef VARIANT_NO_RECHECK
#undef PVCLOCK_LOAD_AFTER
#define PVCLOCK_LOAD_AFTER(p, tsc) ((void)(p), (void)(tsc), races_seen.version)
#endif
#endif /* RACES_PORT_H */
