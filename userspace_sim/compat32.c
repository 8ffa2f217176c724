/* SPDX-License-Identifier: 0BSD */
/*
 * The reader as 32-bit code, as a 32-bit process on a 64-bit kernel runs it.  It is compiled with
 * -m32, put into the 64-bit program as bytes, and called through compat_call.S.
 */
#include "userspace_sim/compat.h"
#include <timepage/gettime.h>

struct compat_arguments;

/* The first function of the image; compat.ld puts it there. */
__attribute__((section(".text.first"))) uint32_t compat32_gettime(struct compat_arguments *a);

__attribute__((section(".text.first"))) uint32_t compat32_gettime(struct compat_arguments *a)
{
    const struct time_page *time = (const struct time_page *)(uintptr_t)a->time_page;
    struct pvclock_guard *guard = (struct pvclock_guard *)(uintptr_t)a->guard;
    struct gettime g = {
        .time = time,
        .structures = (const struct pvclock_vcpu_time_info *)(uintptr_t)a->structures,
        .vcpu_now = (const uint32_t *)(uintptr_t)a->vcpu_now,
        .guard = guard,
        .order = (enum pvclock_order)time->tsc_order,
        .sequence = 1,
    };
    struct pvclock_timespec ts = {0, 0};
    enum gettime_path path = gettime_read(&g, a->clock, &ts);

    a->sec = ts.tv_sec;
    a->nsec = ts.tv_nsec;
    return path;
}
