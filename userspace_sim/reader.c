/* SPDX-License-Identifier: 0BSD */
/*
 * The ring-3 program: started on every vCPU at once, it reads the clock page without entering the
 * kernel, and judges what that cost and whether it was right.
 */
#include "userspace_sim/ring3.h"

/* The entry point; the kernel has set up the stack, and the function never returns. */
_Noreturn void reader_start(struct thread_page *t);

_Noreturn void reader_start(struct thread_page *t)
{
    static void (*const jobs[JOBS])(struct thread_page *) = {
        [JOB_ATTACH] = attach,
        [JOB_OFFSET] = offset,
        [JOB_MEASURE] = measure,
        [JOB_ORDER] = order,
        [JOB_CLOCKS] = clocks,
        [JOB_PATHS] = paths,
        [JOB_PATHS_JUDGED] = paths_judged,
        [JOB_MOVED] = moved,
        [JOB_MOVED_UNSTABLE] = moved,
        [JOB_COMPAT] = compat,
        [JOB_RULES] = rules,
        [JOB_FUZZ] = fuzz,
        [JOB_PROBES] = probes,
        [JOB_BORDER] = border,
        [JOB_UNMAPPED] = unmapped,
        [JOB_ATTACK] = attack,
        [JOB_WATCH] = watch,
        [JOB_WATCHED] = watched,
        [JOB_WATCH_JUDGED] = watch_judged,
    };

    if (t->job < JOBS)
        jobs[t->job](t);
    for (;;)
        (void)call(SYS_EXIT, 0, 0, 0, 0);
}
