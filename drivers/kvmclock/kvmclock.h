/* SPDX-License-Identifier: 0BSD */
/*
 * kvmclock: the clock page of a KVM guest as a timecounter, after FreeBSD's kvmclock(4).
 *
 * Call kvmclock_attach() once; then, on each vCPU, kvmclock_enable() before its page is read and
 * kvmclock_disable() before its memory is reused.  lib/pvclock implements the ABI and verifies
 * that the host writes the pages; this driver connects it to the machine and keeps the state of
 * each vCPU.
 */
#ifndef DRIVERS_KVMCLOCK_H
#define DRIVERS_KVMCLOCK_H

#include "arch/x86/layout.h"
#include <pvclock/guard.h>
#include <pvclock/host.h>
#include <timecounter/timecounter.h>

/* One vCPU's slot in the clock pages: 64 of them on a page, each on its own cache line. */
struct kvmclock_slot {
    struct pvclock_vcpu_time_info info;
    uint8_t pad[CLOCK_SLOT_SIZE - sizeof(struct pvclock_vcpu_time_info)];
};

_Static_assert(sizeof(struct kvmclock_slot) == CLOCK_SLOT_SIZE, "one slot, one cache line");
_Static_assert(PAGE_SIZE % CLOCK_SLOT_SIZE == 0, "no slot may cross a page");

struct kvmclock_vcpu {
    bool registered;
    enum pvclock_status status; /* result of the registration */
    uint64_t paused;            /* times that GUEST_STOPPED was found set and was cleared */
    /*
     * The pause that vCPU 0 was last asked to handle: the structure's version, and the number of
     * the question.
     */
    uint32_t asked_version;
    uint64_t asked;
};

struct kvmclock {
    const struct pvclock_ops *ops;
    struct pvclock_host host;
    char hypervisor[13];         /* the machine's: its signature, 12 characters; "": none */
    const char *played;          /* what the report says of a host that is played; NULL: KVM is */
    bool present;                /* found and not disabled: it is in use */
    bool disabled;               /* hint.kvmclock.0.disabled: found or not, it is not used */
    bool suspended;              /* its structures are not registered with the host now */
    bool stable;                 /* CPUID AND every registered page say so; see kvmclock_check() */
    struct kvmclock_slot *slots; /* MAX_CPUS of them, on their own pages in the linear window */
    struct kvmclock_vcpu vcpus[MAX_CPUS];

    /*
     * For the loss of STABLE: the contents of vCPU 0's structure while it was set (two copies, of
     * which `kept_index` is whole), and `floor`, which no time returned before the loss exceeds;
     * 0 while STABLE is set.
     */
    struct pvclock_snapshot kept[2];
    uint32_t kept_index;
    uint64_t floor;
    struct pvclock_guard guard;

    struct pvclock_snapshot seen; /* vCPU 0's structure at the last look; version 0: none yet */
    bool seen_stable;

    /*
     * What vCPU 0 has handled, for the other vCPUs: its structure after the last pause (two
     * copies, of which `settled_index` is whole; both values 0: no pause yet), and all questions
     * up to `answered`, which they number with `asked`.
     */
    struct {
        uint64_t tsc_timestamp, system_time;
    } settled[2];
    uint32_t settled_index;
    uint64_t asked, answered;

    struct timecounter counter;
};

/* The machine's kvmclock, and its structures on their own pages. */
extern struct kvmclock kvmclock;
extern struct kvmclock_slot clock_slots[MAX_CPUS];

/* The machine that this runs on: CPUID and WRMSR. */
extern const struct pvclock_ops kvmclock_machine;

/*
 * Detects the hypervisor and what the host behind `ops` offers; afterwards `present` says whether
 * there is a usable kvmclock.  `slots` are zeroed pages that hold nothing else.
 */
void kvmclock_attach(struct kvmclock *kc, const struct pvclock_ops *ops, const char *played);

/* Returns the name of feature bit `bit` of the KVM leaf, or NULL if it has none here. */
const char *kvmclock_feature_name(unsigned bit);

/* Whether the new pair of MSRs is in use, which has its own numbers, and not the old one. */
bool kvmclock_uses_new_msrs(const struct kvmclock *kc);

/*
 * Registers or stops the running vCPU, whose number is `index`; its `status` says what came of
 * it.  Does nothing without a kvmclock; kvmclock_disable() also does nothing on a vCPU that is
 * not registered.
 */
void kvmclock_enable(struct kvmclock *kc, uint32_t index);
void kvmclock_disable(struct kvmclock *kc, uint32_t index);

/*
 * kvmclock_choose_pair() selects the old or the new pair of MSRs for the next registration;
 * false: KVM does not offer it.  kvmclock_renew() registers the running vCPU again with that
 * pair, at once and without clearing its structure.
 */
bool kvmclock_choose_pair(struct kvmclock *kc, bool old);
void kvmclock_renew(struct kvmclock *kc, uint32_t index);

/* Forgets what the host wrote before; called after all vCPUs were stopped and registered again. */
void kvmclock_restart(struct kvmclock *kc);

/* Whether STABLE counts on each registered page of vCPUs [0, count); without kvmclock, false. */
bool kvmclock_all_stable(const struct kvmclock *kc, uint32_t count);
/*
 * Finds out whether the pages give the same time, and makes the timecounter; called once all
 * vCPUs [0, count) are registered.
 */
void kvmclock_check(struct kvmclock *kc, uint32_t count);

/* Whether GUEST_STOPPED is set on this structure.  Any vCPU. */
bool kvmclock_is_stopped(const struct kvmclock *kc, uint32_t index);
/* Whether vCPU 0 should look: its own structure has the flag, or another vCPU asks.  Any vCPU. */
bool kvmclock_wants_look(const struct kvmclock *kc);
/*
 * On a vCPU other than 0: counts and clears GUEST_STOPPED on its structure once vCPU 0 has
 * handled that pause; true if this call did so.  (vCPU 0 may enter the guest later than others,
 * and the host does not write its structure before that.)
 *
 * The structure identifies the pause: with STABLE a host writes the same TSC and time into all of
 * them, and never the same twice.  If they differ from those that vCPU 0 handled, this vCPU asks
 * vCPU 0 to handle everything up to now in its next kvmclock_look().  A pause during this call
 * keeps its flag.
 */
bool kvmclock_poll(struct kvmclock *kc, uint32_t index);
/*
 * On its own vCPU, before it is stopped for good: counts a flag even if vCPU 0 has not handled
 * it.
 */
void kvmclock_count_last(struct kvmclock *kc, uint32_t index);
/* On vCPU 0: notices that vCPUs [0, count) lost STABLE or have it again. */
void kvmclock_watch(struct kvmclock *kc, uint32_t count);

/* What the host has done since the last look, according to vCPU 0's structure then and now. */
struct kvmclock_change {
    struct pvclock_snapshot before, after;
    bool stopped;       /* GUEST_STOPPED is set; kvmclock_settle() clears it */
    bool asked;         /* another vCPU has seen a pause that has not been handled */
    uint64_t question;  /* the latest question at the time of this look */
    bool stable_lost;   /* a structure cannot serve other vCPUs any more, */
    bool stable_back;   /* or can again */
    uint64_t hz_before; /* the TSC's frequency from mul and shift; both 0 if unchanged */
    uint64_t hz_after;
};

/*
 * On vCPU 0, at each tick and when a pause is noticed: runs kvmclock_watch() and fills `change`;
 * true if anything changed.  Before the first kvmclock_check() nothing ever has.
 */
bool kvmclock_look(struct kvmclock *kc, uint32_t count, struct kvmclock_change *change);
/*
 * On vCPU 0: records that it has handled this change and what others asked for, so the date is
 * right.  If the change contains a pause, counts and clears GUEST_STOPPED; true if this call did
 * so.  It is also false if the guest was paused again since the look: then the flag stays, look
 * again.
 */
bool kvmclock_settle(struct kvmclock *kc, const struct kvmclock_change *change);
/*
 * Asks the host for the date at system time 0, in ns since 1970; NOT_READY while the driver is
 * suspended.  This is a VM exit: limit the rate.
 */
enum pvclock_status kvmclock_wall(struct kvmclock *kc, uint64_t *epoch_ns);

/* Returns why there is no kvmclock, in words for a report. */
const char *kvmclock_why_none(const struct kvmclock *kc);

/*
 * kvmclock_report() prints the hypervisor and its features, as text and JSON; kvmclock_judge()
 * makes the checks for vCPUs [0, count).
 */
void kvmclock_report(const struct kvmclock *kc);
void kvmclock_judge(const struct kvmclock *kc, uint32_t count);

#endif
