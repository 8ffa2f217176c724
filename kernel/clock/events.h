/* SPDX-License-Identifier: 0BSD */
/*
 * The timeline: what happened to the clock, in a list that keeps the last EVENTS_KEPT.
 *
 * One entry is one thing that happened, though it may show on every vCPU's page: a pause of the
 * guest is one event.
 */
#ifndef KERNEL_CLOCK_EVENTS_H
#define KERNEL_CLOCK_EVENTS_H

#include <pvclock/pvclock.h>
#include <stdint.h>

enum { EVENTS_KEPT = 128 };

enum event_kind {
    EVENT_PAUSED,          /* the host paused the guest, or restored it elsewhere or later */
    EVENT_STABLE_LOST,     /* structures serve their own vCPU only, */
    EVENT_STABLE_BACK,     /* or all of them again */
    EVENT_FREQUENCY,       /* the host says another frequency of the TSC */
    EVENT_ONLINE,          /* a vCPU came late */
    EVENT_SUSPENDED,       /* the driver stopped on all vCPUs, */
    EVENT_RESUMED,         /* goes on, */
    EVENT_SUSPEND_ABORTED, /* or was not stopped, as one vCPU refused */
    EVENT_COUNTER,         /* another timecounter */
    EVENT_DATE,            /* the date was set */
    EVENT_SETTING,         /* a setting was changed at run time */
};

struct event {
    enum event_kind kind;
    uint32_t vcpu;      /* on which it was noticed, or which it is about */
    uint64_t length_ns; /* how long it took; 0: no time, or not known */
    int64_t step_ns;    /* by how much the date was set */
    /* What vCPU 0's structure said, where that matters; else version 0. */
    struct pvclock_snapshot before, after;
    char text[80]; /* what was done, or a name */
};

/* Note one, at this uptime.  On any vCPU, also in an interrupt. */
void events_note(const struct event *event);
/* One that is no more than a kind, a step and a text; `text` may be NULL. */
void events_add(enum event_kind kind, int64_t step_ns, const char *text);

/* For people, the oldest first; and in both forms of the report, which says nothing if there is
 * none. */
void events_print(void);
void events_report(void);

#endif
