/* SPDX-License-Identifier: 0BSD */
/* The scripted host, which the kernel plays itself. */
#ifndef KERNEL_CLOCK_PLAYED_H
#define KERNEL_CLOCK_PLAYED_H

#include <stdint.h>

/* Registers its settings with the sysctl tree; call before the command line is read. */
void script_register(void);
/*
 * Starts it if the settings ask for it; at the TSC `begin` its time is debug.kvmclock.system_time.
 */
void attach_script(uint64_t begin);

#endif
