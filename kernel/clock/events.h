/* SPDX-License-Identifier: 0BSD */
/*
 * The timeline: the last EVENTS_KEPT events that affected the clock.
 *
 * One occurrence is one entry, even if every vCPU's page shows it: a pause of the guest is one
 * event.
 */
#ifndef KERNEL_CLOCK_EVENTS_H
#define KERNEL_CLOCK_EVENTS_H

#include <pvclock/pvclock.h>
#include <stdbool.h>
#include <stdint.h>

enum { EVENTS_KEPT = 128 };

enum event_kind {
    EVENT_PAUSED,          /* the host paused the guest, or restored it elsewhere or later */
    EVENT_STABLE_LOST,     /* each structure serves its own vCPU only */
    EVENT_STABLE_BACK,     /* the structures follow one clock again */
    EVENT_FREQUENCY,       /* the host reports another frequency of the TSC */
    EVENT_ONLINE,          /* a vCPU came up late */
    EVENT_SUSPENDED,       /* the driver was stopped on all vCPUs */
    EVENT_RESUMED,         /* the driver was started again */
    EVENT_SUSPEND_ABORTED, /* the driver was not stopped, as one vCPU refused */
    EVENT_COUNTER,         /* the timecounter was switched */
    EVENT_DATE,            /* the date was set */
    EVENT_SETTING,         /* a setting was changed at run time */
};

struct event {
    enum event_kind kind;
    uint32_t vcpu;      /* that noticed it, or that it is about */
    uint64_t length_ns; /* duration; 0: none, or unknown */
    int64_t step_ns;    /* by how much the date was set */
    /* The structure of vCPU 0 (EVENT_ONLINE: of the new vCPU) where it matters; else version 0. */
    struct pvclock_snapshot before, after;
    char text[80]; /* what was done, or a name */
};

/* Records an event at the present uptime.  On any vCPU, also in an interrupt. */
void events_note(const struct event *event);
/* Records an event that has only a kind, a step and a text; `text` may be NULL. */
void events_add(enum event_kind kind, int64_t step_ns, const char *text);

/* Prints the events, oldest first; for the report as records too.  False: there are none. */
bool events_report(bool with_records);

#endif
