/* SPDX-License-Identifier: 0BSD */
/* Publishing the time page; on the boot vCPU alone, which is the one writer. */
#ifndef KERNEL_CLOCK_TIME_PAGE_H
#define KERNEL_CLOCK_TIME_PAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <timepage/time_page.h>

/* Physical address of the page. */
uint64_t time_page_physical(void);

/*
 * What is known now, by the wiring.  `counter_ns`: what the chosen counter says in ns, where it is
 * kvmclock; `floor`: 0 while every structure has the STABLE flag.
 */
struct time_page_state {
    struct time_facts facts;
    uint32_t vcpus, possible, stride;
    uint64_t floor;
    uint64_t tsc_hz;
};

/*
 * Publish what differs from what stands there; nothing is written, and no reader disturbed, when
 * nothing does.  Called at each tick and after each change of a setting, of the counter, of the
 * date.
 */
void time_page_update(const struct time_page_state *state);

/* The page itself, for the kernel's own reports. */
const struct time_page *time_page_get(void);

#endif
