/* SPDX-License-Identifier: 0BSD */
/*
 * A scripted hypervisor for ordinary Linux processes: it writes a clock page in a shared file, and
 * readers in other processes map it read-only, as a guest's ring 3 does.
 */
#ifndef HYP_H
#define HYP_H

#include <stdbool.h>
#include <stdint.h>

#include <pvclock/pvclock.h>

/* What the file holds: a page as a guest's, and behind it what only tests look at. */
enum { HYP_PAGE_SIZE = 4096, HYP_LOG_ENTRIES = 1 << 16 };

struct hyp_page {
    struct pvclock_vcpu_time_info time;
    struct pvclock_wall_clock wall;
    uint8_t zero[HYP_PAGE_SIZE - sizeof(struct pvclock_vcpu_time_info) -
                 sizeof(struct pvclock_wall_clock)];
};

/* What was true while the page had this version. */
struct hyp_log_entry {
    uint32_t version;
    uint32_t mul;
    uint64_t tsc_timestamp;
    uint64_t system_time;
    uint64_t ended; /* TSC at which every CPU saw that this version was over; 0: not yet */
};

struct hyp_file {
    struct hyp_page page;
    struct hyp_log_entry log[HYP_LOG_ENTRIES];
};

PVCLOCK_STATIC_ASSERT(sizeof(struct hyp_page) == HYP_PAGE_SIZE, "the page is a page");

/* The host's side, private to it. */
struct hyp {
    struct hyp_file *file;
    struct pvclock_snapshot now; /* what the next update starts from */
};

/*
 * Creates (host) or opens (guest: read-only) the file and maps it.  NULL on an error that errno
 * tells.
 */
struct hyp_file *hyp_create(const char *path);
const struct hyp_file *hyp_open(const char *path);

/* The first publication: system time starts at `system_time`. */
bool hyp_start(struct hyp *hyp, uint64_t hz, uint64_t system_time, uint8_t flags);

/*
 * An update: time goes on without a step from where it is, then `jump` ns on, at the rate of `mul`
 * from here.  The version stays odd for `odd_cycles` of the TSC.
 */
void hyp_update(struct hyp *hyp, uint32_t mul, int64_t jump, uint64_t odd_cycles);

/* Writes the date at system time 0, as the wall-clock MSR does. */
void hyp_wall(struct hyp *hyp, uint64_t epoch_ns);

#endif /* HYP_H */
