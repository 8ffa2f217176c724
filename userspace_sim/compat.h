/* SPDX-License-Identifier: 0BSD */
/* The interface between the 64-bit program and its 32-bit part; the layout is the same for both. */
#ifndef USERSPACE_SIM_COMPAT_H
#define USERSPACE_SIM_COMPAT_H

#include <stdint.h>

struct compat_arguments {
    uint32_t time_page, structures, guard; /* addresses below 4 GiB */
    uint32_t vcpu_now;
    uint32_t clock, unused;
    int64_t sec, nsec;
};

_Static_assert(sizeof(struct compat_arguments) == 40, "laid out alike for 32 and 64 bits");

#endif
