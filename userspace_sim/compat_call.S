/* SPDX-License-Identifier: 0BSD */
/*
 * compat_call(struct compat_arguments *rdi, uint32_t stack rsi): runs the 32-bit part in
 * compatibility mode on a stack below 4 GiB, and comes back.  A far return enters 32-bit code and
 * another one leaves it; the selectors are the kernel's (arch/x86/layout.h).
 */
#define SEL_USER_CODE32 0x23
#define SEL_USER_DATA   0x2b
#define SEL_USER_CODE   0x33

        .text
        .global compat_call
compat_call:
        push %rbp
        push %rbx
        push %r12
        push %r13
        push %r14
        push %r15
        mov %rsp, %r12 /* 32-bit code cannot touch it */
        mov %rsi, %rsp
        pushq $SEL_USER_CODE32
        lea 1f(%rip), %rax
        push %rax
        lretq
        .code32
        /* Load the flat data segment: null selectors work only in 64-bit code. */
1:      mov $SEL_USER_DATA, %eax
        mov %eax, %ds
        mov %eax, %es
        push %edi
        mov $compat32_image, %eax
        call *%eax
        add $4, %esp
        pushl $SEL_USER_CODE
        pushl $2f
        lret
        .code64
2:      mov %r12, %rsp
        mov %eax, %eax
        xor %ecx, %ecx
        mov %ecx, %ds
        mov %ecx, %es
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbx
        pop %rbp
        ret

        .section .compat32, "ax"
        .global compat32_image
compat32_image:
        .incbin COMPAT32_BIN

        .section .note.GNU-stack, "", @progbits
