/* SPDX-License-Identifier: 0BSD */
/* The whole clock_gettime(), apart from bench.c, whose <time.h> has other numbers for clocks. */
#include "tests/bench/bench.h"
#include <timepage/gettime.h>

static const uint32_t vcpu_now;
static struct pvclock_guard guard;
static struct time_page page = {
    TIME_PAGE_IDENTITY,
    .sequence = 2,
    .algorithm = TIME_PVCLOCK,
    .stable_mask = PVCLOCK_FLAG_TSC_STABLE,
    .vcpus = 1,
    .stride = sizeof(struct pvclock_vcpu_time_info),
    .uptime_base = 12345,
    .realtime_base = UINT64_C(1700000000123456789),
};
static struct gettime reader;

void whole_start(const struct pvclock_vcpu_time_info *structure, enum pvclock_order order)
{
    reader = (struct gettime){.time = &page,
                              .structures = structure,
                              .vcpu_now = &vcpu_now,
                              .guard = &guard,
                              .order = order,
                              .sequence = 1};
}

static __attribute__((noinline)) enum gettime_path called(struct gettime *g, uint32_t clock,
                                                          struct pvclock_timespec *out)
{
    return gettime_read(g, clock, out);
}

/* clang-format off */
LOOP(whole_inline_loop, struct pvclock_timespec t;
     (void)gettime_read(&reader, GETTIME_MONOTONIC, &t); USE_MEMORY(&t);)
LOOP(whole_call_loop, struct pvclock_timespec t; (void)called(&reader, GETTIME_REALTIME, &t);
     USE_MEMORY(&t);)
/* clang-format on */
