/* SPDX-License-Identifier: 0BSD */
/* What the jobs of the ring-3 program share: verdicts, points where threads meet, counts. */
#ifndef USERSPACE_SIM_RING3_H
#define USERSPACE_SIM_RING3_H

#include "userspace_sim/call.h"
#include <clockpage/abi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline uint64_t address_of(const void *p)
{
    return (uint64_t)(uintptr_t)p;
}

/* ---- Verdicts ---------------------------------------------------------- */

/* Gives the verdict on a check that the job owes; formats as base/format.h. */
void verdict(enum verdict verdict, const char *name, const char *figures, ...)
    __attribute__((format(printf, 3, 4)));

static inline enum verdict pass_if(bool ok)
{
    return ok ? VERDICT_PASS : VERDICT_FAIL;
}

/* Counts what was tried and what is broken, and has the first that are, in words. */
struct tally {
    unsigned tried, broken;
    char text[280];
    size_t length;
};

void tally(struct tally *seen, bool ok, const char *what, ...)
    __attribute__((format(printf, 3, 4)));

/* A point that all threads of a job come to; a new run of a job begins anew. */
struct meeting {
    uint64_t word __attribute__((aligned(64))); /* the run << 32 | the number of threads */
};

/* Adds this thread; returns how many have come.  What they wrote before is visible to it. */
uint32_t meeting_join(struct meeting *m, const struct thread_page *t);
uint32_t meeting_count(const struct meeting *m, const struct thread_page *t);

/*
 * Whether this thread is the last one of its job: it judges for all.  If a thread does not get
 * here, none is the last, and the kernel fails what the job owes.
 */
bool last_out(const struct thread_page *t);

static inline struct thread_page *page_of(struct thread_page *t, uint32_t index)
{
    return (struct thread_page *)((uintptr_t)t - (uintptr_t)t->index * THREAD_STRIDE +
                                  (uintptr_t)index * THREAD_STRIDE);
}

static inline void count_begin(void)
{
    (void)call(SYS_COUNT, 1, 0, 0, 0);
}

/* Adds what has entered the kernel since count_begin(). */
void count_end(uint64_t counts[COUNTS]);

/* ---- Jobs -------------------------------------------------------------- */

/* The suffix for the figures of what vCPUs do at once. */
const char *caveat(const struct thread_page *t);

void measure(struct thread_page *t);
void order(struct thread_page *t);
void offset(struct thread_page *t);
void probes(struct thread_page *t);
void attach(struct thread_page *t);
void rules(struct thread_page *t);
void fuzz(struct thread_page *t);
void attack(struct thread_page *t);
void border(struct thread_page *t);
/* Parts of it: border_*.c. */
void addresses(struct thread_page *t);
void pointers(struct thread_page *t);
void segments(struct thread_page *t);
void segments_in_32_bits(struct thread_page *t);
void returns(struct thread_page *t);
void virtual_8086(struct thread_page *t);
void stacks(struct thread_page *t);
void unmapped(struct thread_page *t);
void clocks(struct thread_page *t);
void paths(struct thread_page *t);
void paths_judged(struct thread_page *t);
void moved(struct thread_page *t);
void compat(struct thread_page *t);
void watch(struct thread_page *t);
void watched(struct thread_page *t);
void watch_judged(struct thread_page *t);

#endif
