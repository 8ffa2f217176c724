/* SPDX-License-Identifier: 0BSD */
/* The host that the kernel plays. */
#ifndef KERNEL_CLOCK_PLAYED_H
#define KERNEL_CLOCK_PLAYED_H

#include <stdint.h>

/* Its settings, into the sysctl tree; before the command line is read. */
void script_register(void);
/* Begin, where the settings ask for it; `begin` is the TSC at which its time was its first. */
void attach_script(uint64_t begin);

#endif
