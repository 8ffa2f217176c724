/* SPDX-License-Identifier: 0BSD */
/* How the kernel was started; shared by boot.S and C. */
#ifndef CLOCKPAGE_BOOT_PROTOCOL_H
#define CLOCKPAGE_BOOT_PROTOCOL_H

#define BOOT_UNKNOWN    0
#define BOOT_MULTIBOOT2 1
#define BOOT_PVH        2

#endif
