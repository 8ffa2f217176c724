/* SPDX-License-Identifier: 0BSD */
/*
 * The entries to the kernel and the one way back to ring 3; trap.c dispatches.
 *
 * The way back is IRETQ even for system calls: SYSRET saves a few cycles on hardware, but KVM
 * hosts that run ring 0 in software do not emulate it.
 */
#include "arch/x86/cpu_offsets.h"
#include "arch/x86/layout.h"

#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define RFLAGS_AC          0x40000
#define RFLAGS_VM          0x20000
#define VECTOR_UD          6

        .text
        .macro vector number has_error=0 common=trap_common
        .balign 16
        .if !\has_error
        push $0
        .endif
        push $\number
        jmp \common
        .endm

        .balign 16
        .global trap_stubs
trap_stubs:
        .set n, 0
        .rept 32
        .if n == 2 || n == 18
        vector n 0 trap_paranoid
        .elseif n == 8
        vector n 1 trap_paranoid
        .elseif (n >= 10 && n <= 14) || n == 17 || n == 21 || n == 29 || n == 30
        vector n 1
        .else
        vector n
        .endif
        .set n, n + 1
        .endr
        .balign 16
        .global trap_stub_timer, trap_stub_ipi, trap_stub_spurious
trap_stub_timer:
        vector 0x40
trap_stub_ipi:
        vector 0x41
/* It needs no end-of-interrupt, and there is nothing to do. */
        .balign 16
trap_stub_spurious:
        iretq

        .macro push_registers
        push %rax
        push %rcx
        push %rdx
        push %rbx
        push %rbp
        push %rsi
        push %rdi
        push %r8
        push %r9
        push %r10
        push %r11
        push %r12
        push %r13
        push %r14
        push %r15
        .endm

        .macro pop_registers
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %r11
        pop %r10
        pop %r9
        pop %r8
        pop %rdi
        pop %rsi
        pop %rbp
        pop %rbx
        pop %rdx
        pop %rcx
        pop %rax
        .endm

/*
 * Goes from the kernel's GS to ring 3's, whatever base ring 3 itself loaded or wrote.  RAX, RCX
 * and RDX are lost.  Interrupts are off, and an entry on an interrupt stack does not look at GS.
 */
        .macro load_user_gs
        mov $MSR_KERNEL_GS_BASE, %ecx
        mov %gs:CPU_USER_GS, %eax
        xor %edx, %edx /* it is below USER_END */
        wrmsr
        swapgs
        .endm

trap_common:
        cld
        push_registers
        /* With VM, which only a bug of QEMU's brings, CS is whatever ring 3 wrote: see trap.c. */
        testb $RFLAGS_VM >> 16, 19 * 8 + 2(%rsp)
        jnz 3f
        testb $3, 18 * 8(%rsp) /* CS of the interrupted code */
        jz 1f
3:      swapgs
trap_from_ring3:
        /* No gate clears AC, with which ring 3 would switch SMAP off; not every host has CLAC. */
        testb $RFLAGS_AC >> 16, 19 * 8 + 2(%rsp)
        jz 1f
        pushf
        andl $~RFLAGS_AC, (%rsp)
        popf
1:      mov %rsp, %rdi
        /* A frame below the trap frame, so that a backtrace continues through it. */
        push 17 * 8(%rsp)
        push %rbp
        mov %rsp, %rbp
        call trap_dispatch
        add $16, %rsp
        testb $3, 18 * 8(%rsp)
        jz 2f
        load_user_gs
2:      pop_registers
        add $16, %rsp /* vector, error */
        iretq

/*
 * NMI, double fault, machine check: they may occur before an entry's SWAPGS or after an exit's,
 * so the code segment does not say whose GS is loaded, nor does a base that ring 3 may have set.
 * The stack does: cpu_set_ist() put the vCPU's structure above it.  All of them end the run.
 */
trap_paranoid:
        cld
        push_registers
        mov 22 * 8(%rsp), %rax
        mov %rax, %rdx
        shr $32, %rdx
        mov $MSR_GS_BASE, %ecx
        wrmsr
        mov %rsp, %rdi
        push 17 * 8(%rsp)
        push %rbp
        mov %rsp, %rbp
        call trap_dispatch_fatal
        ud2

        .balign 16
        .global syscall_entry
/*
 * RCX: ring 3's RIP; R11: its RFLAGS; RAX, RDI, RSI, RDX, R10: number and arguments.  Interrupts are off
 * (SFMASK).  All registers but RAX, RCX and R11 keep their values: the C code saves those it uses
 * of RBX, RBP, R12 to R15, and the rest are cleared so that nothing of the kernel leaks.
 */
syscall_entry:
        swapgs
        mov %rsp, %gs:CPU_USER_RSP
        mov %gs:CPU_KERNEL_RSP, %rsp
        push $SEL_USER_DATA
        push %gs:CPU_USER_RSP
        push %r11
        push $SEL_USER_CODE
        push %rcx
        sub $8, %rsp /* a multiple of 16 for C */
        mov %r10, %r9
        mov %rdx, %r8
        mov %rsi, %rcx
        mov %rdi, %rdx
        mov %rax, %rsi
        mov %gs:CPU_SELF, %rdi
        call syscall_dispatch
        mov %rax, %r8
        load_user_gs
        mov %r8, %rax
        xor %ecx, %ecx
        xor %edx, %edx
        xor %esi, %esi
        xor %edi, %edi
        xor %r8d, %r8d
        xor %r9d, %r9d
        xor %r10d, %r10d
        xor %r11d, %r11d
        add $8, %rsp
        iretq

        .balign 128 /* all of it is in one page */
        .global syscall32_entry
/*
 * SYSCALL from 32-bit code, which enters here on AMD's CPUs.  This kernel has no 32-bit system
 * calls, so ring 3 gets what it gets on Intel's: an invalid opcode, at the instruction.
 *
 * It runs at SYSCALL32_BASE, below 4 GiB: where KVM emulates the instruction, it cuts the address
 * in CSTAR to 32 bits.
 */
syscall32_entry:
        swapgs
        mov %rsp, %gs:CPU_USER_RSP
        mov %gs:CPU_KERNEL_RSP, %rsp
        push $SEL_USER_DATA
        push %gs:CPU_USER_RSP
        push %r11
        push $SEL_USER_CODE32
        sub $2, %rcx /* the length of SYSCALL */
        push %rcx
        push $0
        push $VECTOR_UD
        push_registers
        movabs $trap_from_ring3, %rax
        jmp *%rax
        .if . - syscall32_entry > 128
        .error "the entry does not fit its place"
        .endif

        .balign 16
        .global user_enter
/*
 * user_enter(struct cpu *rdi, uint64_t rip rsi, uint64_t rsp rdx, uint64_t arg rcx): goes to ring
 * 3; returns when user_leave(cpu) is called.  Until then, entries to the
 * kernel use the stack below this frame: SYSCALL through kernel_rsp, interrupts through the TSS.
 */
user_enter:
        push %rbp
        mov %rsp, %rbp
        push %rbx
        push %r12
        push %r13
        push %r14
        push %r15
        sub $8, %rsp /* a multiple of 16, which the ABI requires for calls to C */
        cli
        mov %rsp, CPU_RESUME_RSP(%rdi)
        mov %rsp, CPU_KERNEL_RSP(%rdi)
        mov %rsp, CPU_TSS_RSP0(%rdi)
        push $SEL_USER_DATA
        push %rdx
        push $0x202 /* IF */
        push $SEL_USER_CODE
        push %rsi
        mov %rcx, %rdi
        load_user_gs
        xor %eax, %eax
        xor %ebx, %ebx
        xor %ecx, %ecx
        xor %edx, %edx
        xor %esi, %esi
        xor %ebp, %ebp
        xor %r8d, %r8d
        xor %r9d, %r9d
        xor %r10d, %r10d
        xor %r11d, %r11d
        xor %r12d, %r12d
        xor %r13d, %r13d
        xor %r14d, %r14d
        xor %r15d, %r15d
        iretq

        .balign 16
        .global user_resume
/* user_resume(struct trap_frame *rdi): goes to ring 3 with all registers from the frame. */
user_resume:
        mov %rdi, %rsp
        load_user_gs
        pop_registers
        add $16, %rsp /* vector, error */
        iretq

        .balign 16
        .global user_leave
/* user_leave(struct cpu *rdi): returns from this vCPU's user_enter(). */
user_leave:
        mov CPU_RESUME_RSP(%rdi), %rsp
        add $8, %rsp
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbx
        pop %rbp
        ret

        .section .note.GNU-stack, "", @progbits
