/* SPDX-License-Identifier: 0BSD */
/*
 * kvmclock: the clock page of a KVM guest as a timecounter, after FreeBSD's kvmclock(4).
 *
 * Call kvmclock_attach() once; then, on each vCPU, kvmclock_enable() before its page is read and
 * kvmclock_disable() before its memory serves anything else.  lib/pvclock knows the ABI and proves
 * that pages are alive; this driver gives it the machine, and keeps a state for each vCPU.
 */
#ifndef DRIVERS_KVMCLOCK_H
#define DRIVERS_KVMCLOCK_H

#include "arch/x86/layout.h"
#include <pvclock/guard.h>
#include <pvclock/host.h>
#include <timecounter/timecounter.h>

/* One vCPU's place in the clock pages: 64 of them on a page, each on a cache line of its own. */
struct kvmclock_slot {
    struct pvclock_vcpu_time_info info;
    uint8_t pad[CLOCK_SLOT_SIZE - sizeof(struct pvclock_vcpu_time_info)];
};

_Static_assert(sizeof(struct kvmclock_slot) == CLOCK_SLOT_SIZE, "one slot, one cache line");
_Static_assert(PAGE_SIZE % CLOCK_SLOT_SIZE == 0, "no slot may cross a page");

struct kvmclock_vcpu {
    bool registered;
    enum pvclock_status status; /* of the registration */
    uint64_t paused;            /* times that GUEST_STOPPED was seen, and cleared */
    /* A pause that vCPU 0 was asked to deal with: the structure's version, and the number asked. */
    uint32_t asked_version;
    uint64_t asked;
};

struct kvmclock {
    struct pvclock_host host;
    const char *hypervisor;      /* its signature, 12 characters; "" when there is none */
    bool present;                /* found, and not disabled: it is in use */
    bool disabled;               /* by the user's setting */
    bool suspended;              /* for now, its structures are not the host's to write */
    bool stable;                 /* CPUID AND every registered page say so; see kvmclock_check() */
    struct kvmclock_slot *slots; /* MAX_CPUS of them, on pages of their own */
    uint64_t slots_physical;
    struct kvmclock_vcpu vcpus[MAX_CPUS];

    /*
     * For when STABLE goes away: what vCPU 0's structure said while it was there (two, of which
     * `kept_index` is whole), and `floor`, which no returned time can exceed; 0 while all is
     * well.
     */
    struct pvclock_snapshot kept[2];
    uint32_t kept_index;
    uint64_t floor;
    struct pvclock_guard guard;

    struct pvclock_snapshot seen; /* of vCPU 0, at the last look; version 0: none yet */
    bool seen_stable;

    /*
     * What vCPU 0 has dealt with, for the others: its structure after the last pause (two, of which
     * `settled_index` is whole; 0 and 0: there was none), and, of what they asked for by a number
     * from `asked`, all up to `answered`.
     */
    struct {
        uint64_t tsc_timestamp, system_time;
    } settled[2];
    uint32_t settled_index;
    uint64_t asked, answered;

    bool scripted;                  /* the kernel plays the host; see kvmclock_script() */
    struct pvclock_snapshot script; /* of vCPU 0, flags and all */
    int64_t skew_ns;
    uint64_t script_epoch; /* its date at its time 0, in ns since 1970; 0: it has no date */

    struct timecounter counter;
};

/* The machine's, and its structures, which have pages of their own. */
extern struct kvmclock kvmclock;
extern struct kvmclock_slot clock_slots[MAX_CPUS];

/*
 * Hang the device and its vCPUs [0, count) into the sysctl tree, as dev.kvmclock.0.*; again when
 * there are more.
 */
void kvmclock_sysctl_register(struct kvmclock *kc, uint32_t count);

/*
 * Find the hypervisor and what it offers; `present` tells whether there is a kvmclock to use.
 * `slots` are zeroed pages that hold nothing else, at physical address `physical`.  `disabled`
 * looks but does not touch.
 */
void kvmclock_attach(struct kvmclock *kc, struct kvmclock_slot *slots, uint64_t physical,
                     bool disabled);

/* Name of feature bit `bit` of the KVM leaf, or NULL for one that has none here. */
const char *kvmclock_feature_name(unsigned bit);

/* Whether the pair of MSRs with numbers of their own is in use, not the one that others took. */
bool kvmclock_uses_new_msrs(const struct kvmclock *kc);

/*
 * Register, or stop, the running vCPU, which has this index; its state tells what came of it.
 * Without a kvmclock, and for one that is not registered, nothing is done.
 */
void kvmclock_enable(struct kvmclock *kc, uint32_t index);
void kvmclock_disable(struct kvmclock *kc, uint32_t index);

/*
 * Use the old pair of MSRs, or the one with numbers of its own, from the next registration on;
 * false: KVM does not offer it.  kvmclock_renew() registers the running vCPU by it, at once and
 * with its structure as it stands.
 */
bool kvmclock_choose_pair(struct kvmclock *kc, bool old);
void kvmclock_renew(struct kvmclock *kc, uint32_t index);

/* After all vCPUs were stopped and registered again: what the host said before is forgotten. */
void kvmclock_restart(struct kvmclock *kc);

/*
 * Once all vCPUs [0, count) are registered: whether their pages give one time, and the timecounter
 * that follows from it.  `index_of_this_cpu` is asked at each read where they do not.
 */
void kvmclock_check(struct kvmclock *kc, uint32_t count, uint32_t (*index_of_this_cpu)(void));

/* Whether the host has set GUEST_STOPPED on this structure and nobody has cleared it.  Any vCPU. */
bool kvmclock_is_stopped(const struct kvmclock *kc, uint32_t index);
/* Whether vCPU 0 should look: its own structure has the flag, or another vCPU asks.  Any vCPU. */
bool kvmclock_wants_look(const struct kvmclock *kc);
/*
 * On a vCPU other than 0: count and clear its structure's GUEST_STOPPED once vCPU 0 has dealt with
 * the pause that it tells of; true: that is done now.  (vCPU 0 may enter the guest later than
 * others, and its structure is not written before.)
 *
 * Which pause that is, the structure says: with STABLE a host writes the same TSC and time into
 * all of them, and never the same twice.  Where they are not those that vCPU 0 dealt with, it is
 * asked, by its next kvmclock_look(), to deal with all there was until now.  A pause that comes in
 * the middle of this keeps its flag.
 */
bool kvmclock_poll(struct kvmclock *kc, uint32_t index);
/* On its vCPU, before it is stopped for good: count a flag, even if no vCPU has dealt with it. */
void kvmclock_count_last(struct kvmclock *kc, uint32_t index);
/* On vCPU 0: notice that STABLE of vCPUs [0, count) went away or came back. */
void kvmclock_watch(struct kvmclock *kc, uint32_t count);

/* What the host has done since the last look, by vCPU 0's structure then and now. */
struct kvmclock_change {
    struct pvclock_snapshot before, after;
    bool stopped;       /* GUEST_STOPPED is set; kvmclock_settle() clears it */
    bool asked;         /* another vCPU has seen a pause that has not been dealt with */
    uint64_t question;  /* the last one that this look knows of */
    bool stable_lost;   /* structures cannot serve other vCPUs any more, */
    bool stable_back;   /* or can again */
    uint64_t hz_before; /* the TSC's frequency by mul and shift; both 0 where it is what it was */
    uint64_t hz_after;
};

/*
 * On vCPU 0, at each tick and when a pause is noticed: kvmclock_watch(), and what changed; true
 * when one of the change's members is set.  Before the first kvmclock_check() there is none.
 */
bool kvmclock_look(struct kvmclock *kc, uint32_t count, struct kvmclock_change *change);
/*
 * On vCPU 0: it has dealt with this change and with what others asked for: the date is right.
 * Counts and clears GUEST_STOPPED if that is what the change tells of; true: that is done.  False
 * also if the guest was paused once more since the look: then the flag stays, look again.
 */
bool kvmclock_settle(struct kvmclock *kc, const struct kvmclock_change *change);
/* The date at system time 0, in ns since 1970, asked of the host now.  An exit: limit the rate. */
enum pvclock_status kvmclock_wall(struct kvmclock *kc, uint64_t *epoch_ns);

/*
 * kvmclock_script.c: the kernel plays the host.
 *
 * For tests, where there is no KVM or it cannot be made to do this: the kernel fills the structures
 * itself, from a TSC of `hz` that shows `tsc` when the time is `system_time` ns, that of vCPU n
 * `skew_ns` * n ahead of vCPU 0's, with the STABLE flag or without.  Before the first
 * kvmclock_enable().  Its date is kc->script_epoch, which may be set at any time: the host's date
 * steps.
 */
void kvmclock_script(struct kvmclock *kc, uint64_t hz, uint64_t tsc, uint64_t system_time,
                     int64_t skew_ns, bool stable);
/* kvmclock_enable() and kvmclock_wall() of such a host. */
void kvmclock_script_enable(struct kvmclock *kc, uint32_t index);
enum pvclock_status kvmclock_script_wall(const struct kvmclock *kc, uint64_t *epoch_ns);

/*
 * It paused the guest from the TSC `begin` on, and lets it go on now, at `end`, while no vCPU but
 * the running one goes on: its time has stood still, its date has not, and GUEST_STOPPED is set on
 * the structures of all registered ones of vCPUs [0, count).  Returns how long that was, in ns.
 */
uint64_t kvmclock_script_pause(struct kvmclock *kc, uint32_t count, uint64_t begin, uint64_t end);

/*
 * On vCPU 0, for tests: set or clear the STABLE flag of a structure, as the host would, scripted or
 * not.
 */
void kvmclock_set_flag(struct kvmclock *kc, uint32_t index, bool stable);

/* Why there is none, in words for a report. */
const char *kvmclock_why_none(const struct kvmclock *kc);

/* The hypervisor and its features in both forms of the report; the checks of vCPUs [0, count). */
void kvmclock_report(const struct kvmclock *kc);
void kvmclock_judge(const struct kvmclock *kc, uint32_t count);

#endif
