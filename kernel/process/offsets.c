/* SPDX-License-Identifier: 0BSD */
/* Compares the vCPUs' TSCs in ring 3, which decides whether the TSC may be a clock for all. */
#include "arch/x86/cpu.h"
#include "kernel/process/jobs.h"
#include "kernel/process/process.h"
#include <clockpage/report.h>

/* All offsets together may take this long where the host cannot run two vCPUs at the same time. */
enum { OFFSETS_MS = 2000, OFFSET_MAX_MS = 60, TRIES = 3, MOST_AGAIN = 16 };

static struct {
    bool known, ended;
    int64_t cycles; /* this vCPU's TSC minus that of vCPU 0 */
    uint64_t error; /* +- this many cycles */
} offsets[MAX_CPUS] = {{.known = true, .ended = true}};

static uint64_t distance(uint32_t index)
{
    int64_t cycles = offsets[index].cycles;

    return cycles < 0 ? -(uint64_t)cycles : (uint64_t)cycles;
}

/*
 * The narrowest exchange went from this vCPU to vCPU 0 and back in 2 * error cycles, and the offset
 * is what vCPU 0's reading was beside the middle of it.  As long as it is not more than the error,
 * vCPU 0's reading lay between this vCPU's two.  If it is more, the message itself arrived before
 * it was sent, by the two counters: a reader would have seen time step back.
 */
static bool cannot_be_seen(uint32_t index)
{
    return offsets[index].known && distance(index) <= offsets[index].error;
}

bool offsets_measure(uint32_t first, uint32_t end)
{
    uint64_t ms = OFFSETS_MS / cpu_count < OFFSET_MAX_MS ? OFFSETS_MS / cpu_count : OFFSET_MAX_MS;
    unsigned again = MOST_AGAIN; /* of all vCPUs together */
    bool agree = true;

    for (uint32_t i = first; i < end; i++) {
        const struct offset_result *r = &process_thread(i)->page->offset;

        /* Try again if the host does not run both for a while, or pauses the guest often. */
        for (unsigned tries = 0; tries < TRIES; tries++) {
            offsets[i].ended = job_run(&(struct job_order){
                .job = JOB_OFFSET, .first = i, .count = 1, .with_zero = true, .amount = ms});
            offsets[i].known = offsets[i].ended && r->exchanges;
            if (!offsets[i].ended || offsets[i].known || again == 0)
                break;
            again--;
        }
        offsets[i].cycles = r->cycles;
        offsets[i].error = r->error;
        agree = cannot_be_seen(i) && agree;
    }
    return agree;
}

void offsets_judge(bool agree, const char *note)
{
    uint64_t worst = 0;
    unsigned unknown = 0, failed = 0;

    for (uint32_t i = 1; i < cpu_count; i++) {
        unknown += !offsets[i].known;
        failed += !offsets[i].ended;
        if (offsets[i].known && distance(i) > worst)
            worst = distance(i);
    }
    if (cpu_count == 1)
        check(SKIP, "tsc.offset", "there is one vCPU only");
    else if (unknown && !failed)
        check(SKIP, "tsc.offset",
              "%u of %u vCPUs not measured: the host never ran them and vCPU 0 at the same time",
              unknown, cpu_count - 1);
    else
        check(pass_if(unknown == 0), "tsc.offset",
              "%u vCPUs against vCPU 0: at most %lu cycles, %s; %u not measured%s", cpu_count - 1,
              worst,
              agree ? "too little to be seen by each other" : "which could be seen as a step back",
              unknown, note);
}

void offsets_forget(uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++)
        offsets[i].known = false;
}

bool offset_get(uint32_t index, int64_t *cycles, uint64_t *error)
{
    *cycles = offsets[index].cycles;
    *error = offsets[index].error;
    return offsets[index].known;
}
