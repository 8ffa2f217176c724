/* SPDX-License-Identifier: 0BSD */
/* What happened to the clock: pauses, switches, dates that were set, in a list that keeps the last.
 */
#ifndef KERNEL_EVENTS_H
#define KERNEL_EVENTS_H

#include <stdint.h>

enum event_kind {
    EVENT_PAUSED,  /* the host said so on the page of vCPU `value` */
    EVENT_COUNTER, /* another timecounter: its name is the text */
    EVENT_DATE,    /* set; `value`: by how many ns, signed */
    EVENT_SETTING, /* changed at run time: its name is the text */
    EVENT_ONLINE,  /* vCPU `value` came late: how is the text */
};

/* Note one, at this uptime.  On any vCPU, also in an interrupt.  `text` may be NULL. */
void events_add(enum event_kind kind, int64_t value, const char *text);

/* Print them, the oldest first. */
void events_print(void);

#endif
