/* SPDX-License-Identifier: 0BSD */
/* What system this is, in the sysctl tree: kern.ostype and its like, hw.ncpu, hw.model. */
#ifndef KERNEL_MACHINE_SYSCTL_H
#define KERNEL_MACHINE_SYSCTL_H

void sysctl_machine_register(void);

#endif
