/* SPDX-License-Identifier: 0BSD */
/*
 * The ring-3 program: started on every vCPU at once, it reads the clock page without entering the
 * kernel, and reports what that cost and whether it was right.
 */
#include "userspace_sim/ring3.h"

/* The entry point; the kernel has set up the stack, and the function never returns. */
_Noreturn void reader_start(struct thread_page *t);

_Noreturn void reader_start(struct thread_page *t)
{
    static void (*const jobs[])(struct thread_page *) = {
        [JOB_MEASURE] = measure, [JOB_ORDER] = order,   [JOB_OFFSET] = offset,
        [JOB_PROBES] = probes,   [JOB_ATTACH] = attach, [JOB_RULES] = rules,
        [JOB_FUZZ] = fuzz,       [JOB_CLOCKS] = clocks, [JOB_MOVED] = moved,
        [JOB_COMPAT] = compat,   [JOB_WATCH] = watch,
    };

    if (t->job < sizeof(jobs) / sizeof(jobs[0]))
        jobs[t->job](t);
    for (;;)
        (void)system_call(SYS_EXIT, 0);
}
