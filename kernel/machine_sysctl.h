/* SPDX-License-Identifier: 0BSD */
/* The sysctl nodes that describe the system: kern.ostype and the like, hw.ncpu, hw.model. */
#ifndef KERNEL_MACHINE_SYSCTL_H
#define KERNEL_MACHINE_SYSCTL_H

void sysctl_machine_register(void);

#endif
