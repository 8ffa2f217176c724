/* SPDX-License-Identifier: 0BSD */
/*
 * What the loader passed, in the same form for both protocols, copied out of its memory.
 *
 * References:
 *  [1] The Multiboot2 Specification 2.0, section 3.4 (boot information).
 *  [2] Xen x86/HVM direct boot ABI (PVH): struct hvm_start_info.
 */
#ifndef CLOCKPAGE_BOOTINFO_H
#define CLOCKPAGE_BOOTINFO_H

#include <clockpage/boot_protocol.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BOOT_COMMAND_LINE_SIZE = 1024, BOOT_RANGES = 32 };

struct memory_range {
    uint64_t start, length; /* usable memory */
};

struct bootinfo {
    const char *protocol;                      /* "multiboot2", "PVH" */
    char loader[64];                           /* its name, if the protocol has one */
    char command_line[BOOT_COMMAND_LINE_SIZE]; /* 0-terminated */
    bool command_line_cut;                     /* it did not fit */
    uint64_t rsdp;                             /* physical; 0: not passed */
    unsigned range_count;
    struct memory_range ranges[BOOT_RANGES];
    const char *error; /* why the information cannot be used, or NULL */
};

/*
 * Reads the loader's information.  `protocol` is one of boot_protocol.h, `address` is physical;
 * memory below 4 GiB must be mapped one to one, and nothing else is read.
 */
void bootinfo_read(uint32_t protocol, uint32_t address, struct bootinfo *info);

/* Whether the memory map calls all of [start, start + length) usable, in one range. */
bool bootinfo_is_usable(const struct bootinfo *info, uint64_t start, uint64_t length);

/* What this kernel was booted with. */
extern struct bootinfo boot;

#endif
