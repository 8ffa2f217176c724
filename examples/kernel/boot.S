/* SPDX-License-Identifier: 0BSD */
/* PVH entry (Xen's boot ABI, XEN_ELFNOTE_PHYS32_ENTRY = 18): flat 32-bit protected mode. */
    .section .note.pvh, "a", @note
    .long 4, 4, 18
    .asciz "Xen"
    .long start

    .text
    .globl start
start:
    mov $stack_top, %esp
    cld
    call kernel_main
1:  hlt
    jmp 1b

    .bss
    .align 16
    .skip 4096
stack_top:
    .section .note.GNU-stack, "", @progbits
