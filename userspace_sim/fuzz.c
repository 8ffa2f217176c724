/* SPDX-License-Identifier: 0BSD */
/*
 * Makes random system calls with random arguments: any number, any pointer.  Half of the
 * arguments come from values that are likely to pass the first check.
 */
#include "userspace_sim/process.h"

static uint64_t next(uint64_t *state)
{
    /* xorshift64* [Vigna 2016] */
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(2685821657736338717);
}

static uint64_t argument(struct thread_page *t, uint64_t *state)
{
    static const char device[] = "/dev/pvclock";
    uint64_t r = next(state);
    const uint64_t likely[] = {
        0,
        1,
        2,
        4096,
        64,
        (uint64_t)(uintptr_t)device,
        (uint64_t)(uintptr_t)t - 64,        /* the stack */
        (uint64_t)(uintptr_t)t - 12288 - 8, /* the guard below it */
        t->kernel_address,
        t->time_page,
        (uint64_t)(uintptr_t)clock_structures,
        (uint64_t)(uintptr_t)clock_structures + 0x10000,
        UINT64_MAX,
        UINT64_C(1) << 47,
        UINT64_C(0x7fffffffffff),
        (uint64_t)(uintptr_t)device | 0xff8,
    };

    switch (r >> 62) {
    case 0:
        return next(state);
    case 1:
        return next(state) & 15;
    default:
        return likely[r & 15];
    }
}

/* The structures must stay mapped for the other jobs. */
static bool would_unmap_ours(uint64_t number, uint64_t a)
{
    return number == SYS_MUNMAP && a == (uint64_t)(uintptr_t)clock_structures;
}

void fuzz(struct thread_page *t)
{
    uint64_t state = t->seed | 1;

    t->fuzz_calls = t->fuzz_failed = 0;
    while (t->fuzz_calls < t->calls) {
        uint64_t number = next(&state) % (SYS_CALLS + 4);
        uint64_t a = argument(t, &state), b = argument(t, &state), c = argument(t, &state),
                 d = argument(t, &state);
        if (number >= SYS_CALLS)
            number = next(&state);
        /* Ending the job, and a probe without a fault, are tested elsewhere. */
        if (number == SYS_EXIT || number == SYS_PROBE || would_unmap_ours(number, a))
            continue;
        t->fuzz_calls++;
        int64_t result = call((enum system_call)number, a, b, c, d);
        t->fuzz_failed += result < 0;
        /* Free mappings, so that later calls can succeed. */
        if (number == SYS_MMAP && result > 0 && next(&state) & 1)
            (void)call(SYS_MUNMAP, (uint64_t)result, b, 0, 0);
    }
    (void)call(SYS_COUNT, 0, 0, 0, 0);
}
