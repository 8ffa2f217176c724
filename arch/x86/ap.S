/* SPDX-License-Identifier: 0BSD */
/*
 * The trampoline of the other vCPUs: a SIPI starts them in real mode at TRAMPOLINE_PHYS, where
 * this code has been copied.  It enters long mode in one step, on the kernel's own page tables,
 * which map this one page one to one, and calls ap_main(struct cpu *) on the vCPU's own stack.
 *
 * All vCPUs run it at once, so it writes nothing.
 */
#include "arch/x86/cpu_offsets.h"
#include "arch/x86/layout.h"

#define AT(label) (TRAMPOLINE_PHYS + label - ap_trampoline)

        .section .rodata, "a"
        .balign 16
        .global ap_trampoline
ap_trampoline:
        .code16
        cli
        cld
        xor %eax, %eax
        mov %ax, %ds
        lgdtl AT(ap_gdt_pointer)
        mov $0x20, %eax /* PAE */
        mov %eax, %cr4
        movl AT(ap_trampoline_cr3), %eax
        mov %eax, %cr3
        mov $0xc0000080, %ecx
        xor %edx, %edx
        mov $0x901, %eax /* EFER: NXE, LME, SCE */
        wrmsr
        mov $0x80010033, %eax /* CR0: PG, WP, NE, ET, MP, PE */
        mov %eax, %cr0
        ljmpl $SEL_BOOT_CODE, $AT(ap_start64)

        .code64
ap_start64:
        movabs $ap_entry, %rax
        jmp *%rax

        .balign 8
ap_gdt:
        .quad 0
        .quad 0x00af9b000000ffff
        .quad 0x00cf93000000ffff
ap_gdt_pointer:
        .short ap_gdt_pointer - ap_gdt - 1
        .long AT(ap_gdt)
        .balign 4
        .global ap_trampoline_cr3
ap_trampoline_cr3:
        .long 0
        .global ap_trampoline_end
ap_trampoline_end:

        .text
/* Finds the running vCPU's structure, and takes the stack prepared for it. */
ap_entry:
        xor %eax, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov %eax, %fs
        mov %eax, %gs
        mov $1, %eax
        xor %ecx, %ecx
        cpuid
        shr $24, %ebx
        mov %ebx, %esi
        /* Leaf 0xb has all 32 bits of the identity, if it exists and is not empty. */
        cmpb $0, apic_id_is_wide
        je 1f
        mov $0xb, %eax
        xor %ecx, %ecx
        cpuid
        mov %edx, %esi
1:      cmp $MAX_APIC_ID, %esi
        jae 2f
        mov cpu_of_apic_id(, %rsi, 8), %rdi
        test %rdi, %rdi
        jz 2f
        mov CPU_STACK_TOP(%rdi), %rsp
        xor %ebp, %ebp
        call ap_main
/* Not one of ours: sleep, and touch nothing. */
2:      cli
        hlt
        jmp 2b

        .section .note.GNU-stack, "", @progbits
