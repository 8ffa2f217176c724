/* SPDX-License-Identifier: 0BSD */
/*
 * A clock that is right by default: one per kernel, on top of the readers of read.h.
 *
 * It reads the structure of the vCPU that it runs on and checks afterwards that it still does, so
 * it needs no advice about STABLE.  Its time starts at 0, before any structure is registered if
 * the frequency of the TSC is known, and never steps back: not when a thread moves to another
 * vCPU, not when the host pauses the guest, sets its clock back or takes STABLE away.  Where the
 * structures say less than was returned before, time stands until they have caught up.
 *
 * What to call first (docs/porting.md has all of it, pvclock_host_...() are of host.h):
 *
 *     static struct pvclock_clock_vcpu vcpus[CPUS];
 *     static struct pvclock_clock clock;
 *
 *     once    pvclock_host_find(&ops, &host);
 *             order = pvclock_host_tsc_order(&ops);
 *             pvclock_clock_init(&clock, vcpus, CPUS, host.features, order, tsc_hz,
 *                                pvclock_tsc_now(order));
 *     on each vCPU
 *             pvclock_host_enable(&ops, &host, &page, physical, &registered);
 *             pvclock_clock_attach(&clock, cpu, &page);
 *     anywhere, from init on
 *             ns = pvclock_clock_ns(&clock, PVCLOCK_BY_RDTSCP);
 *     at a tick
 *             pvclock_clock_poll(), pvclock_clock_date_is_due()
 *     for the date
 *             pvclock_clock_time(&clock, PVCLOCK_BY_RDTSCP, PVCLOCK_DATE)
 *
 * Contract: a reading is never less than one that was returned before, on any vCPU, to any thread
 * that could know of it (the order of read.h: earlier loads, not earlier stores), provided that
 *   - the host writes a vCPU's structure before it lets that vCPU run, as KVM does [1], and
 *   - the vCPUs' TSCs agree where the host sets STABLE, which is what STABLE says.
 *
 * How: under one version, one vCPU's structure gives a time that only rises, so the hot path checks
 * no more than a plain reader does.  It goes the long way
 *   - when the version is a new one: it then compares the new contents with the old ones of all
 *     vCPUs, at the same TSC, and raises the guard where the new ones are behind;
 *   - when the guard has been raised since the last look;
 *   - at the end of a window of 2^PVCLOCK_CLOCK_WINDOW cycles: it notes that time was read in the
 *     next one.  So what was returned before a pause is known to within a window, though the TSC
 *     goes on during the pause;
 *   - always, where STABLE is not valid: every reading then passes the guard.
 *
 * Context: any, including interrupt handlers and signals; with PVCLOCK_BY_CALL the caller keeps the
 * thread on its vCPU.  Each function bounds its loops.  Statuses: pvclock.h.
 */
#ifndef PVCLOCK_CLOCK_H
#define PVCLOCK_CLOCK_H

#include "guard.h"
#include "host.h"

#ifndef PVCLOCK_CAS64
#error "clock.h needs PVCLOCK_CAS64() of the port header"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* The window, in powers of 2: 100 us at 2.6 GHz, and a long way of 100 ns in each. */
#ifndef PVCLOCK_CLOCK_WINDOW
#define PVCLOCK_CLOCK_WINDOW 18
#endif

/* A change of more than this many ns between two versions is counted as a step of the host's. */
#ifndef PVCLOCK_CLOCK_STEP_NS
#define PVCLOCK_CLOCK_STEP_NS 5000000
#endif

/*
 * One per vCPU, zero at first, best on a cache line of its own.  Only this library uses the
 * members.
 */
struct pvclock_clock_vcpu {
    const volatile struct pvclock_vcpu_time_info *clock_page; /* 0: not attached */
    uint64_t from;    /* the hot path may return times of TSCs within a window from here, */
    uint64_t passed;  /* if the guard is still this, which the structure's time has passed */
                      /* (PVCLOCK_NO_TIME: the reading has to pass the guard), */
    uint32_t version; /* and the structure's version is this; 1: the hot path may not be used */
    uint32_t line; /* lines[line % 2]: the structure as it was looked at last; version 1: never */
    struct pvclock_snapshot lines[2];
    uint64_t since[2]; /* the TSC from which on its time is known to be past what was returned */
    uint8_t free;      /* 0: somebody writes these members */
    uint8_t pad[15];
};

/*
 * How a reader finds the vCPU it runs on.  Any way but BY_CALL may be used with preemption on.
 *   BY_RDPID    RDPID, before and after the TSC is read: CPUID 7 ECX bit 22.  IA32_TSC_AUX &
 *               aux_mask is the number.
 *   BY_RDTSCP   RDTSCP: one to find the number, one to read the TSC.  If the thread keeps a hint,
 *               pvclock_clock_read_hint() needs only one.
 *   BY_WORD     PVCLOCK_VCPU_WORD() of the port header: the number in the low 32 bits, and above
 *               it a count that the kernel changes at each dispatch.  clock.c must be compiled with
 *               the same hook (-DPVCLOCK_VCPU_WORD_AT='"%%gs:0"'), so not from the archive.
 *   BY_CALL     this_vcpu(context), which the caller set
 */
enum pvclock_vcpu_by {
    PVCLOCK_BY_RDPID,
    PVCLOCK_BY_RDTSCP,
    PVCLOCK_BY_CALL,
#ifdef PVCLOCK_VCPU_WORD
    PVCLOCK_BY_WORD,
#endif
};

struct pvclock_clock {
    struct pvclock_clock_vcpu *vcpus;
    uint32_t count;
    uint32_t features;        /* of struct pvclock_host: whether STABLE is valid */
    enum pvclock_order order; /* LFENCE or RDTSCP */
    uint32_t aux_mask;        /* all ones unless set */
    uint32_t (*this_vcpu)(void *context);
    void *context;

    struct pvclock_snapshot early; /* the time before the first structure, from the TSC */
    uint64_t base;      /* + a structure's time = uptime; PVCLOCK_NO_TIME until there is one */
    uint64_t slept;     /* + uptime = boot time */
    uint64_t date;      /* + uptime = date, in ns since 1970; PVCLOCK_NO_TIME: not known */
    uint64_t refreshed; /* uptime when the host was last asked for the date */

    uint32_t steps;        /* times that the host's time was seen to step, */
    uint32_t due;          /* reasons so far to ask the host for the date: pauses and steps; */
    uint32_t asked, taken; /* how many there were when it was last asked, and taken over */
    uint32_t pad0;
    uint64_t step_ns; /* and by how much the last time: signed, modulo 2^64 */

    uint64_t pad[8];
    struct pvclock_guard guard; /* uptime; read by all, written only when time has to stand, or */
    uint64_t pad2[7];           /* where STABLE is not valid */
};

/* ---- Set up ------------------------------------------------------------ */

/*
 * Initialises the clock: uptime is 0 at `tsc`, a TSC of just now.  `vcpus` has `count` zeroed
 * entries.  `tsc_hz` is the TSC's frequency if it is known (pvclock_host's tsc_khz * 1000; see
 * PVCLOCK_CPUID_TIMING), else 0: time then stands at 0 until the first vCPU is attached.
 * Returns BAD_VALUE, and a clock that does not count before that, for a frequency out of range.
 */
enum pvclock_status pvclock_clock_init(struct pvclock_clock *clock,
                                       struct pvclock_clock_vcpu *vcpus, uint32_t count,
                                       uint32_t features, enum pvclock_order order, uint64_t tsc_hz,
                                       uint64_t tsc);

/*
 * Lets the clock use the structure of vCPU `cpu`, which is registered with the host.  Call it on
 * that vCPU or while nobody reads there; the time goes on without a step.
 */
static inline void pvclock_clock_attach(struct pvclock_clock *clock, uint32_t cpu,
                                        const volatile struct pvclock_vcpu_time_info *clock_page)
{
    struct pvclock_clock_vcpu *vcpu = &clock->vcpus[cpu];

    vcpu->version = 1;
    vcpu->lines[0].version = vcpu->lines[1].version = 1;
    vcpu->free = 1;
    PVCLOCK_STORE_FENCE();
    vcpu->clock_page = clock_page;
}

/* ---- Read -------------------------------------------------------------- */

/* Flags of a reading, beside those of the structure (abi.h). */
#define PVCLOCK_READ_GUARDED (1 << 8)  /* the reading went through the guard */
#define PVCLOCK_READ_HELD    (1 << 9)  /* time stands: the structure is behind what was returned */
#define PVCLOCK_READ_WITHOUT (1 << 10) /* no structure could be read: from the TSC */

struct pvclock_reading {
    uint64_t ns;    /* uptime */
    uint64_t flags; /* PVCLOCK_FLAG_..., PVCLOCK_READ_... */
};

/* A reading that may be behind what was returned goes through the guard. */
PVCLOCK_INLINE void pvclock_clock_pass_guard(struct pvclock_clock *clock,
                                             struct pvclock_reading *reading)
{
    uint64_t told = pvclock_guard_cas(&clock->guard, reading->ns);

    reading->flags |= PVCLOCK_READ_GUARDED | (told > reading->ns ? PVCLOCK_READ_HELD : 0);
    reading->ns = told;
}

/* Takes a reading the long way; every reader of this header ends here when in doubt. */
struct pvclock_reading pvclock_clock_read_slow(struct pvclock_clock *clock,
                                               enum pvclock_vcpu_by by);

/* The number of this vCPU and whatever changes when the thread leaves it. */
PVCLOCK_INLINE uint64_t pvclock_clock_vcpu_word(const struct pvclock_clock *clock,
                                                enum pvclock_vcpu_by by)
{
#ifdef PVCLOCK_RDPID
    if (by == PVCLOCK_BY_RDPID)
        return PVCLOCK_RDPID() & clock->aux_mask;
#endif
#ifdef PVCLOCK_VCPU_WORD
    if (by == PVCLOCK_BY_WORD)
        return PVCLOCK_VCPU_WORD();
#endif
    if (by == PVCLOCK_BY_CALL)
        return clock->this_vcpu(clock->context);
    {
        uint32_t aux;

        (void)PVCLOCK_TSC_RDTSCP(&aux);
        return aux & clock->aux_mask;
    }
}

/*
 * The hot path, for a thread that was on the vCPU of `word` before; false for anything unusual.
 * pvclock_clock_read_slow() has found the structure's contents to be good under this version, so
 * only the window is checked: it begins at a TSC that was at or after tsc_timestamp.
 */
PVCLOCK_INLINE bool pvclock_clock_fast(struct pvclock_clock *clock, uint64_t word,
                                       enum pvclock_vcpu_by by, bool by_aux,
                                       struct pvclock_reading *out)
{
    struct pvclock_clock_vcpu *vcpu;
    const volatile struct pvclock_vcpu_time_info *clock_page;
    const volatile struct pvclock_vcpu_time_info *fields;
    struct pvclock_tsc tsc;
    uint32_t version, aux = 0;
    uint64_t cycles, start, low, passed;

    if (PVCLOCK_UNLIKELY((uint32_t)word >= clock->count))
        return 0;
    vcpu = &clock->vcpus[(uint32_t)word];
    version = PVCLOCK_LOAD_ACQUIRE(&vcpu->version);
    if (PVCLOCK_UNLIKELY((version & 1) != 0))
        return 0; /* also of a vCPU that is not attached: its page is NULL */
    clock_page = vcpu->clock_page;
    fields = clock_page;
    passed = PVCLOCK_LOAD64(&vcpu->passed);
    if (PVCLOCK_UNLIKELY(PVCLOCK_LOAD_ACQUIRE(pvclock_version_of(clock_page)) != version) ||
        PVCLOCK_UNLIKELY(PVCLOCK_LOAD64(&clock->guard.last) != passed && passed != PVCLOCK_NO_TIME))
        return 0;
    start = PVCLOCK_LOAD64(&vcpu->from);
    tsc = by_aux ? PVCLOCK_TSC_RDTSCP(&aux) : pvclock_tsc_halves(clock->order);
    low = tsc.low - fields->tsc_timestamp;
    PVCLOCK_KEEP(low);
    cycles = (tsc.high << 32) + low;
    if (PVCLOCK_UNLIKELY(((tsc.high << 32) + (tsc.low - start)) >> PVCLOCK_CLOCK_WINDOW != 0))
        return 0;
    if (PVCLOCK_LIKELY(fields->tsc_shift == -1))
        cycles >>= 1;
    else
        cycles >>= -fields->tsc_shift & 31;
    out->ns = fields->system_time + clock->base +
              pvclock_multiply_high(cycles, (uint64_t)fields->tsc_to_system_mul << 32);
    out->flags = fields->flags;
    if (PVCLOCK_UNLIKELY((by_aux ? (uint64_t)(aux & clock->aux_mask)
                                 : pvclock_clock_vcpu_word(clock, by)) != word))
        return 0;
    /* The last: a thread that left the vCPU and came back came back to a new version. */
    if (PVCLOCK_UNLIKELY(PVCLOCK_LOAD_AFTER(pvclock_version_of(clock_page), tsc.low) != version))
        return 0;
    if (PVCLOCK_UNLIKELY(passed == PVCLOCK_NO_TIME))
        pvclock_clock_pass_guard(clock, out);
    return 1;
}

/* Returns uptime and flags.  `by` should be a constant. */
PVCLOCK_INLINE struct pvclock_reading pvclock_clock_read(struct pvclock_clock *clock,
                                                         enum pvclock_vcpu_by by)
{
    struct pvclock_reading reading;
    uint64_t word = pvclock_clock_vcpu_word(clock, by);

    if (PVCLOCK_LIKELY(pvclock_clock_fast(clock, word, by, by == PVCLOCK_BY_RDTSCP, &reading)))
        return reading;
    return pvclock_clock_read_slow(clock, by);
}

/* The same by one RDTSCP; *hint is the vCPU that this thread last ran on, any value at first. */
PVCLOCK_INLINE struct pvclock_reading pvclock_clock_read_hint(struct pvclock_clock *clock,
                                                              uint32_t *hint)
{
    struct pvclock_reading reading;

    if (PVCLOCK_LIKELY(pvclock_clock_fast(clock, *hint, PVCLOCK_BY_RDTSCP, 1, &reading)))
        return reading;
    *hint = (uint32_t)pvclock_clock_vcpu_word(clock, PVCLOCK_BY_RDTSCP);
    return pvclock_clock_read_slow(clock, PVCLOCK_BY_RDTSCP);
}

/* Returns uptime in ns: what a kernel's sched_clock() needs.  It cannot fail. */
PVCLOCK_INLINE uint64_t pvclock_clock_ns(struct pvclock_clock *clock, enum pvclock_vcpu_by by)
{
    return pvclock_clock_read(clock, by).ns;
}

/* Which time. */
enum pvclock_clock_id {
    PVCLOCK_UPTIME,   /* CLOCK_MONOTONIC: stands while the machine is suspended */
    PVCLOCK_BOOTTIME, /* CLOCK_BOOTTIME: counts that, see pvclock_clock_resume() */
    PVCLOCK_DATE,     /* CLOCK_REALTIME: ns since 1970; may step, see pvclock_clock_refresh() */
};

/*
 * Returns a reading as seconds and nanoseconds.  `status` is OK, or NOT_READY for a date that is
 * not known (the time is then UINT64_MAX seconds).
 */
PVCLOCK_INLINE struct pvclock_time
pvclock_clock_time(struct pvclock_clock *clock, enum pvclock_vcpu_by by, enum pvclock_clock_id id)
{
    uint64_t ns = pvclock_clock_ns(clock, by);
    struct pvclock_time time;

    if (id == PVCLOCK_BOOTTIME)
        ns += clock->slept;
    if (id == PVCLOCK_DATE) {
        uint64_t date = PVCLOCK_LOAD64(&clock->date);

        if (PVCLOCK_UNLIKELY(date == PVCLOCK_NO_TIME)) {
            time.sec = UINT64_MAX;
            time.nsec = 0;
            time.status = PVCLOCK_NOT_READY;
            return time;
        }
        ns += date;
    }
    return pvclock_time_from_ns(ns);
}

/* ---- What the host does ------------------------------------------------ */

/*
 * On the vCPU of `clock_page`, kept there, at each tick or when a reading has
 * PVCLOCK_FLAG_GUEST_STOPPED:
 * clears that flag of the structure, which must be writable, and returns whether it was set.  The
 * date is then due.  (Nothing else depends on it: time does not step back over a pause in any
 * case.)
 */
static inline bool pvclock_clock_poll(struct pvclock_clock *clock,
                                      struct pvclock_vcpu_time_info *clock_page)
{
    if (!pvclock_take_stopped(clock_page))
        return 0;
    clock->due++;
    return 1;
}

/* When the host is asked for the date, which costs an exit, and how a change is taken over. */
struct pvclock_date_policy {
    uint64_t interval_ns; /* ask at least so often; 0: only when it is due (a pause, a step) */
    uint64_t gap_ns;      /* and at most so often */
    uint32_t slew_ppm;    /* take a change over by at most so much of the time since the last */
                          /* refresh; 0: at once */
    uint64_t slew_max_ns; /* beyond this a change is a step, taken over at once */
};

/*
 * Whether the host should be asked for the date now, at uptime `now`.  Ask once in a tick of one
 * vCPU:
 *
 *     if (pvclock_clock_date_is_due(&clock, &policy, now) &&
 *         pvclock_host_wall(&ops, &host, &wall, physical, &epoch_ns) == PVCLOCK_OK)
 *         pvclock_clock_take_date(&clock, &policy, now, epoch_ns);
 */
static inline bool pvclock_clock_date_is_due(struct pvclock_clock *clock,
                                             const struct pvclock_date_policy *policy, uint64_t now)
{
    uint64_t since = now - clock->refreshed;

    clock->asked = clock->due;
    if (clock->base == PVCLOCK_NO_TIME)
        return 0;
    if (clock->date == PVCLOCK_NO_TIME)
        return 1;
    if (since < policy->gap_ns)
        return 0;
    return clock->asked != clock->taken ||
           (policy->interval_ns != 0 && since >= policy->interval_ns);
}

/* Sets the date, from any source: `date_ns` in ns since 1970 at uptime `now`.  One writer. */
static inline void pvclock_clock_set_date(struct pvclock_clock *clock, uint64_t date_ns,
                                          uint64_t now)
{
    uint64_t date = date_ns - now;

    PVCLOCK_STORE64(&clock->date, date == PVCLOCK_NO_TIME ? date - 1 : date);
}

/*
 * Takes over the date from pvclock_host_wall(), as the policy says, in the era of
 * PVCLOCK_WALL_PIVOT.  `now` is the uptime of just now.  One writer.
 */
static inline void pvclock_clock_take_date(struct pvclock_clock *clock,
                                           const struct pvclock_date_policy *policy, uint64_t now,
                                           uint64_t epoch_ns)
{
    uint64_t since = now - clock->refreshed, page_ns = now - clock->base;
    uint64_t date = pvclock_wall_in_era(epoch_ns, page_ns, PVCLOCK_WALL_PIVOT) + page_ns;
    uint64_t change = date - (clock->date + now);
    /* since * ppm / 10^6, rounded down */
    uint64_t most = pvclock_multiply_high(since, policy->slew_ppm * UINT64_C(18446744073709));

    clock->taken = clock->asked;
    clock->refreshed = now;
    if (clock->date != PVCLOCK_NO_TIME && policy->slew_ppm != 0 &&
        change + policy->slew_max_ns <= 2 * policy->slew_max_ns && change + most > 2 * most) {
        date = clock->date + now + ((int64_t)change < 0 ? 0 - most : most);
        clock->taken--; /* there is more to take over */
    }
    pvclock_clock_set_date(clock, date, now);
}

/*
 * After a suspend: uptime goes on at `tsc`, a TSC of just now, from the last reading.  `slept_ns`
 * is how long the machine slept by another clock (an RTC, or the host's date after and before) and
 * is added to PVCLOCK_BOOTTIME.  Then attach each vCPU again.  The date is due.
 */
static inline void pvclock_clock_resume(struct pvclock_clock *clock, uint64_t tsc,
                                        uint64_t slept_ns)
{
    clock->early.tsc_timestamp = tsc;
    clock->early.system_time = PVCLOCK_LOAD64(&clock->guard.last);
    clock->slept += slept_ns;
    clock->due++;
}

/*
 * Before the structures' memory is given up (suspend, kexec), and after each MSR was written with
 * 0: forgets all structures.  Nobody else may read then.  Readings go on from the TSC, through
 * the guard.
 */
void pvclock_clock_suspend(struct pvclock_clock *clock, enum pvclock_vcpu_by by);

/* ---- Cycles ------------------------------------------------------------ */

/*
 * A deadline for a timer that compares with the TSC.  It holds while the host leaves the structure
 * alone: after an interrupt, and whenever it does not hold any more, arm it again.
 */
struct pvclock_deadline_at {
    uint64_t tsc;     /* UINT64_MAX: it never comes */
    uint32_t version; /* of the structure of vCPU `cpu` */
    uint32_t cpu;
};

/*
 * Computes the TSC of vCPU `cpu` at which uptime is `ns` or later.  For a time from now on, add to
 * pvclock_clock_ns(); for a date, subtract clock->date.  Statuses of pvclock_take_snapshot() and
 * pvclock_deadline(); NOT_READY also if the vCPU is not attached.
 */
static inline enum pvclock_status pvclock_clock_deadline(const struct pvclock_clock *clock,
                                                         uint32_t cpu, uint64_t ns,
                                                         struct pvclock_deadline_at *out)
{
    const volatile struct pvclock_vcpu_time_info *clock_page = clock->vcpus[cpu].clock_page;
    uint64_t base = PVCLOCK_LOAD64(&clock->base);
    struct pvclock_snapshot now;
    enum pvclock_status status;

    out->tsc = UINT64_MAX;
    out->version = 1;
    out->cpu = cpu;
    if (clock_page == 0 || base == PVCLOCK_NO_TIME)
        return PVCLOCK_NOT_READY;
    status = pvclock_take_snapshot(clock_page, &now);
    if (status != PVCLOCK_OK)
        return status;
    out->version = now.version;
    /* The base may be negative, modulo 2^64: a time before the structure's origin is past. */
    ns -= base;
    return pvclock_deadline(&now, (int64_t)ns < 0 ? 0 : ns, &out->tsc);
}

/* Whether the host has not written the structure since. */
static inline bool pvclock_deadline_holds(const struct pvclock_clock *clock,
                                          const struct pvclock_deadline_at *at)
{
    const volatile struct pvclock_vcpu_time_info *clock_page = clock->vcpus[at->cpu].clock_page;

    return clock_page != 0 && PVCLOCK_LOAD_ACQUIRE(pvclock_version_of(clock_page)) == at->version;
}

/*
 * Converts a number of cycles to ns, rounded down, and ns to cycles, rounded up, at the rate of a
 * snapshot.  Statuses of pvclock_extrapolate() and pvclock_deadline().
 */
static inline enum pvclock_status pvclock_cycles_to_ns(const struct pvclock_snapshot *rate,
                                                       uint64_t cycles, uint64_t *ns)
{
    struct pvclock_snapshot line = *rate;

    line.tsc_timestamp = line.system_time = 0;
    return pvclock_extrapolate(&line, cycles, ns);
}

static inline enum pvclock_status pvclock_ns_to_cycles(const struct pvclock_snapshot *rate,
                                                       uint64_t ns, uint64_t *cycles)
{
    struct pvclock_snapshot line = *rate;

    line.tsc_timestamp = line.system_time = 0;
    return pvclock_deadline(&line, ns, cycles);
}

/*
 * Waits for at least `ns` of TSC cycles, at the rate of a snapshot: the clock may stand, this ends.
 * Statuses of pvclock_ns_to_cycles(), at once.
 */
static inline enum pvclock_status pvclock_delay(const struct pvclock_snapshot *rate,
                                                enum pvclock_order order, uint64_t ns)
{
    uint64_t began = pvclock_tsc_now(order), cycles;
    enum pvclock_status status = pvclock_ns_to_cycles(rate, ns, &cycles);

    if (status != PVCLOCK_OK)
        return status;
    while (pvclock_tsc_now(order) - began < cycles)
        PVCLOCK_PAUSE();
    return PVCLOCK_OK;
}

#ifdef __cplusplus
}
#endif

#endif /* PVCLOCK_CLOCK_H */
