/* SPDX-License-Identifier: 0BSD */
/* The parts of ELF64 that a static program needs [System V ABI, chapters 4 and 5]. */
#ifndef KERNEL_PROCESS_ELF_H
#define KERNEL_PROCESS_ELF_H

#include <stdint.h>

struct elf64_header {
    uint8_t ident[16];
    uint16_t type, machine;
    uint32_t version;
    uint64_t entry, program_headers, section_headers;
    uint32_t flags;
    uint16_t header_size, program_header_size, program_header_count;
    uint16_t section_header_size, section_header_count, section_names;
};

struct elf64_program_header {
    uint32_t type, flags;
    uint64_t offset, virtual_address, physical_address, file_size, memory_size, align;
};

_Static_assert(sizeof(struct elf64_header) == 64, "ABI");
_Static_assert(sizeof(struct elf64_program_header) == 56, "ABI");

enum { ELF_EXECUTABLE = 2, ELF_X86_64 = 62, ELF_LOAD = 1, ELF_X = 1, ELF_W = 2, ELF_R = 4 };

#endif
