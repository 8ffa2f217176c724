/* SPDX-License-Identifier: 0BSD */
/* The ring-3 program, whole: linker.ld puts it on a page of its own, from which its text is mapped. */
        .section .reader, "a"
        .balign 4096
        .global reader_elf, reader_elf_end
reader_elf:
        .incbin READER_ELF
reader_elf_end:
        .section .note.GNU-stack, "", @progbits
