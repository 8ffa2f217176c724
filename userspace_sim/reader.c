/* SPDX-License-Identifier: 0BSD */
/*
 * The ring-3 program: started on every vCPU at once, it reads the clock page without entering the
 * kernel, and says what that cost and whether it was right.
 */
#include "userspace_sim/ring3.h"

/* The entry point; the kernel has set up the stack, and this function never returns. */
_Noreturn void reader_start(struct thread_page *t);

_Noreturn void reader_start(struct thread_page *t)
{
    switch (t->job) {
    case JOB_MEASURE:
        measure(t);
        break;
    case JOB_ORDER:
        order(t);
        break;
    case JOB_OFFSET:
        offset(t);
        break;
    case JOB_PROBES:
        probes(t);
        break;
    default:
        break;
    }
    for (;;)
        (void)system_call(SYS_EXIT, 0);
}
