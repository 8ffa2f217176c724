/* SPDX-License-Identifier: 0BSD */
/*
 * The slow path of ring 3's clock_gettime(): derives a reader's state from the time page that the
 * kernel publishes, and reads every clock that gettime_read() in gettime.h does not read inline.
 */
#include <pvclock/seq.h>
#include <timepage/gettime.h>

enum { GETTIME_NS_PER_S = 1000000000, GETTIME_TRIES = 64 };

static const struct pvclock_vcpu_time_info *
gettime_structure(const struct pvclock_vcpu_time_info *first, uint32_t stride, uint32_t index)
{
    return (const struct pvclock_vcpu_time_info *)((const char *)first + (size_t)index * stride);
}

/* Any second is a hint, if the offset fits it; but the last one before 2^64 ns is not whole. */
static void gettime_keep_second(struct gettime *g, bool date, uint64_t sec)
{
    if (sec == UINT64_MAX / GETTIME_NS_PER_S)
        sec = 0;
    g->second[date] = (struct gettime_second){sec, g->base[date] - sec * GETTIME_NS_PER_S};
}

/*
 * Derives g's state from a consistent read of the time page; false if the kernel was writing in
 * each of GETTIME_TRIES tries.
 */
static bool gettime_derive(struct gettime *g)
{
    const struct time_page *t = g->time;

    for (unsigned tries = 0; tries < GETTIME_TRIES; tries++) {
        uint32_t sequence = pvclock_seq_begin(&t->sequence);
        bool by_pages = t->algorithm == TIME_PVCLOCK && g->structures;
        uint32_t vcpu = gettime_vcpu(g);
        g->vcpu = vcpu;
        g->stable_mask = t->stable_mask;
        g->clock_page = t->algorithm == TIME_TSC ? &t->tsc
                        : by_pages && t->stable_mask != 0 && vcpu < t->vcpus
                            ? gettime_structure(g->structures, t->stride, vcpu)
                            : NULL;
        g->base[0] = t->uptime_base;
        g->base[1] = t->realtime_base;
        gettime_keep_second(g, 0, g->second[0].sec);
        gettime_keep_second(g, 1, g->second[1].sec);
        g->floor = t->floor;
        g->vcpus.pages = g->structures;
        g->vcpus.stride = t->stride;
        g->by_word = gettime_has_word && t->has_vcpu_word;
        g->vcpus.count = by_pages && (g->by_word || t->has_rdtscp) ? t->vcpus : 0;
        g->vcpus.aux_mask = 0xfff;
        if (!pvclock_seq_retry(&t->sequence, sequence)) {
            g->sequence = sequence;
            return 1;
        }
        PVCLOCK_PAUSE();
    }
    g->sequence = 1;
    return 0;
}

static void gettime_split(uint64_t ns, struct pvclock_timespec *out)
{
    struct pvclock_time t = pvclock_time_from_ns(ns);

    pvclock_store_timespec(out, t.sec, t.nsec);
}

static enum gettime_path gettime_last_tick(const struct gettime *g, uint32_t clock,
                                           struct pvclock_timespec *out)
{
    const struct time_page *t = g->time;

    for (unsigned tries = 0; tries < GETTIME_TRIES; tries++) {
        uint32_t sequence = pvclock_seq_begin(&t->fast_sequence);
        uint64_t ns = clock == GETTIME_REALTIME_FAST || clock == GETTIME_SECOND ? t->fast_realtime
                                                                                : t->fast_uptime;
        if (pvclock_seq_retry(&t->fast_sequence, sequence)) {
            PVCLOCK_PAUSE();
            continue;
        }
        gettime_split(ns, out);
        if (clock == GETTIME_SECOND)
            out->tv_nsec = 0;
        return GETTIME_PATH_FAST;
    }
    return GETTIME_PATH_SYSTEM_CALL;
}

/* Whether the host paused the guest and the kernel has not handled it yet. */
static bool gettime_is_stopped(const struct gettime *g, uint32_t vcpu)
{
    const volatile uint8_t *flags = &gettime_structure(g->structures, g->vcpus.stride, vcpu)->flags;

    return (*flags & PVCLOCK_FLAG_GUEST_STOPPED) != 0;
}

/* Reads the running vCPU's structure, which becomes g->vcpu. */
static enum pvclock_status gettime_own_structure(struct gettime *g, uint64_t *ns)
{
#ifdef PVCLOCK_VCPU_WORD
    if (g->by_word)
        return pvclock_word_ns(&g->vcpus, g->order, &g->vcpu, ns);
#endif
    return pvclock_vcpu_ns(&g->vcpus, &g->vcpu, ns);
}

/* Reads the running vCPU's time, in order with all others; false if only the kernel knows it. */
static bool gettime_own_vcpu(struct gettime *g, uint64_t *ns)
{
    /*
     * Without a floor the kernel does not know yet that STABLE is gone; asking it makes it
     * notice.
     */
    if (g->vcpus.count == 0 || g->floor == 0)
        return 0;
    if (!pvclock_has_time(gettime_own_structure(g, ns)))
        return 0;
    if (*ns < g->floor)
        *ns = g->floor;
    *ns = pvclock_guard_cas(g->guard, *ns);
    return !gettime_is_stopped(g, g->vcpu);
}

/*
 * Raises *ns to the guard if that is later; false if it is not.  When STABLE comes back, the time
 * that the structures agree on may be before one that was read from a single vCPU's structure.
 * Nobody raises the guard any more then, since a thread that still reads its own vCPU's structure
 * finds the sequence changed; so once the guard is passed there is no need to check again.
 */
static bool gettime_was_passed(const struct gettime *g, uint64_t *ns)
{
    uint64_t told = PVCLOCK_LOAD64(&g->guard->last);

    if (told <= *ns)
        return 0;
    *ns = told;
    return 1;
}

enum gettime_path gettime_slow(struct gettime *g, uint32_t clock, struct pvclock_timespec *out)
{
    /* The kernel is older or newer than this reader: use nothing of its page. */
    if (!time_page_is_known(g->time))
        return clock < GETTIME_IDS ? GETTIME_PATH_SYSTEM_CALL : GETTIME_PATH_NO_CLOCK;
    const bool date = gettime_is_date(clock);
    if (clock == GETTIME_REALTIME_FAST || clock == GETTIME_UPTIME_FAST ||
        clock == GETTIME_MONOTONIC_FAST || clock == GETTIME_SECOND)
        return gettime_last_tick(g, clock, out);
    if (!gettime_is_precise(clock))
        return GETTIME_PATH_NO_CLOCK;
    for (unsigned tries = 0; tries < GETTIME_TRIES; tries++) {
        if (!gettime_derive(g))
            break;
        uint64_t ns;
        enum gettime_path path = GETTIME_PATH_OWN_VCPU;
        bool stable = 0, good = 0;
        if (g->clock_page) {
            struct pvclock_sample s;
            good = pvclock_has_time(pvclock_read(g->clock_page, g->order, &s));
            if (good && s.flags & PVCLOCK_FLAG_GUEST_STOPPED)
                break;
            stable = good && (s.flags & g->stable_mask);
            ns = s.ns;
            path = GETTIME_PATH_STABLE;
            /* It may be stale if this thread is on another vCPU by now. */
            if (stable && (gettime_vcpu(g) != g->vcpu ||
                           pvclock_seq_retry(&g->clock_page->version, s.version)))
                continue;
            if (stable && g->clock_page != &g->time->tsc && gettime_was_passed(g, &ns))
                g->clock_page = NULL;
        }
        if (!stable) {
            good = gettime_own_vcpu(g, &ns);
            path = GETTIME_PATH_OWN_VCPU;
        }
        if (!good)
            break;
        if (pvclock_seq_retry(&g->time->sequence, g->sequence))
            continue;
        /* A base may be negative, modulo 2^64. */
        gettime_split(ns + g->base[date], out);
        gettime_keep_second(g, date, (uint64_t)out->tv_sec);
        return path;
    }
    return GETTIME_PATH_SYSTEM_CALL;
}

enum gettime_path gettime_resolution(const struct gettime *g, uint32_t clock,
                                     struct pvclock_timespec *out)
{
    if (!time_page_is_known(g->time))
        return GETTIME_PATH_SYSTEM_CALL;
    if (gettime_is_precise(clock)) {
        out->tv_sec = 0;
        out->tv_nsec = g->time->resolution;
    } else if (clock == GETTIME_SECOND) {
        out->tv_sec = 1;
        out->tv_nsec = 0;
    } else if (clock == GETTIME_REALTIME_FAST || clock == GETTIME_UPTIME_FAST ||
               clock == GETTIME_MONOTONIC_FAST) {
        out->tv_sec = g->time->fast_resolution / GETTIME_NS_PER_S;
        out->tv_nsec = g->time->fast_resolution % GETTIME_NS_PER_S;
    } else {
        return GETTIME_PATH_NO_CLOCK;
    }
    return GETTIME_PATH_FAST;
}
