/* SPDX-License-Identifier: 0BSD */
/*
 * attempts(struct attempt *rdi, bool (*next)(struct attempt *) rsi): see attempt.h, whose offsets
 * these are.  Whatever an attempt does to the registers, the kernel brings RSP back, and all else is
 * on that stack.
 */
#define ATTEMPT_FLAGS 0x78
#define ATTEMPT_RIP   0x80
#define ATTEMPT_FAULT 0x88
#define PROBE         3 /* SYS_PROBE */

        .text
        .global attempts
attempts:
        push %rbp
        push %rbx
        push %r12
        push %r13
        push %r14
        push %r15
        sub $8, %rsp
        push %rsi
        push %rdi /* a multiple of 16 for C */
        lea 1f(%rip), %rdi
        mov %rsp, %rsi
        mov $1, %edx
        mov $PROBE, %eax
        syscall
        mov $-1, %rax
        /* Here the kernel lets every fault and every tick go on. */
1:      mov %rdi, %rcx
        mov (%rsp), %rdi
        mov %rax, ATTEMPT_FAULT(%rdi)
        mov %rdx, ATTEMPT_FAULT + 8(%rdi)
        mov %rsi, ATTEMPT_FAULT + 16(%rdi)
        mov %rcx, ATTEMPT_FAULT + 24(%rdi)
        mov %r8, ATTEMPT_FAULT + 32(%rdi)
        mov %r9, ATTEMPT_FAULT + 40(%rdi)
        call *8(%rsp)
        test %al, %al
        jz 2f
        mov (%rsp), %r15
        push ATTEMPT_FLAGS(%r15)
        popf
        mov 0x00(%r15), %rax
        mov 0x08(%r15), %rcx
        mov 0x10(%r15), %rdx
        mov 0x18(%r15), %rbx
        mov 0x20(%r15), %rsp
        mov 0x28(%r15), %rbp
        mov 0x30(%r15), %rsi
        mov 0x38(%r15), %rdi
        mov 0x40(%r15), %r8
        mov 0x48(%r15), %r9
        mov 0x50(%r15), %r10
        mov 0x58(%r15), %r11
        mov 0x60(%r15), %r12
        mov 0x68(%r15), %r13
        mov 0x70(%r15), %r14
        jmp *ATTEMPT_RIP(%r15)

2:      xor %edi, %edi
        mov %rsp, %rsi
        xor %edx, %edx
        mov $PROBE, %eax
        syscall
        add $24, %rsp
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbx
        pop %rbp
        ret

/* RBP, RBX and R12 to R15 are saved, then all but RSP loaded from the array at RDI, the last RDI. */
        .macro save_and_load
        push %rbp
        push %rbx
        push %r12
        push %r13
        push %r14
        push %r15
        push %rdi
        mov 0x00(%rdi), %rax
        mov 0x08(%rdi), %rcx
        mov 0x10(%rdi), %rdx
        mov 0x18(%rdi), %rbx
        mov 0x20(%rdi), %rbp
        mov 0x28(%rdi), %rsi
        mov 0x38(%rdi), %r8
        mov 0x40(%rdi), %r9
        mov 0x48(%rdi), %r10
        mov 0x50(%rdi), %r11
        mov 0x58(%rdi), %r12
        mov 0x60(%rdi), %r13
        mov 0x68(%rdi), %r14
        mov 0x70(%rdi), %r15
        mov 0x30(%rdi), %rdi
        .endm

        .global spin_and_keep
/*
 * spin_and_keep(uint64_t registers[15] rdi): as call_and_keep(), but counts RCX down to 0 in place of
 * the system call.
 */
spin_and_keep:
        save_and_load
1:      dec %rcx
        jnz 1b
        jmp call_and_keep_returns

        .global call_and_keep
/*
 * call_and_keep(uint64_t registers[15] rdi): makes a system call with all registers but RSP from the
 * array, in the order of a trap frame's pops reversed (RAX, RCX, RDX, RBX, RBP, RSI, RDI, R8 to
 * R15), and writes them back as they are after it.
 */
call_and_keep:
        save_and_load
        syscall
        .global call_and_keep_returns
call_and_keep_returns:
        push %rdi
        mov 8(%rsp), %rdi
        pop 0x30(%rdi)
        mov %rax, 0x00(%rdi)
        mov %rcx, 0x08(%rdi)
        mov %rdx, 0x10(%rdi)
        mov %rbx, 0x18(%rdi)
        mov %rbp, 0x20(%rdi)
        mov %rsi, 0x28(%rdi)
        mov %r8, 0x38(%rdi)
        mov %r9, 0x40(%rdi)
        mov %r10, 0x48(%rdi)
        mov %r11, 0x50(%rdi)
        mov %r12, 0x58(%rdi)
        mov %r13, 0x60(%rdi)
        mov %r14, 0x68(%rdi)
        mov %r15, 0x70(%rdi)
        pop %rdi
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbx
        pop %rbp
        ret

        .section .note.GNU-stack, "", @progbits
