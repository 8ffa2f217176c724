/* SPDX-License-Identifier: 0BSD */
/*
 * The kernel's entry: two headers for two boot protocols, and the switch from 32-bit protected
 * mode without paging, in which both start it, to 64-bit code at KERNEL_OFFSET.
 *
 * References:
 *  [1] The Multiboot2 Specification 2.0, sections 3.1 (header) and 3.3 (machine state).
 *  [2] Xen x86/HVM direct boot ABI (PVH): ELF note XEN_ELFNOTE_PHYS32_ENTRY, EBX = start_info.
 *  [3] Intel SDM vol. 3A, 10.8.5, Initializing IA-32e Mode.
 */
#include "arch/x86/layout.h"
#include <clockpage/boot_protocol.h>

#define CR0_INIT 0x80010033 /* PG, WP, NE, ET, MP, PE */
#define CR4_PAE  0x20
#define EFER     0xc0000080

#define COM1       0x3f8
#define DEBUG_EXIT 0x501

        .section .multiboot2, "a"
        .balign 8
multiboot2_header:
        .long 0xe85250d6
        .long 0
        .long multiboot2_header_end - multiboot2_header
        .long -(0xe85250d6 + (multiboot2_header_end - multiboot2_header))
        .short 0, 0
        .long 8
multiboot2_header_end:

        .section .note.Xen, "a", @note
        .balign 4
        .long 4
        .long 8
        .long 18
        .asciz "Xen"
        .quad start_pvh

        .section .boot.text, "ax"
        .code32
        .global start_multiboot2
start_multiboot2:
        mov $BOOT_UNKNOWN, %esi
        cmp $0x36d76289, %eax
        jne 1f
        mov $BOOT_MULTIBOOT2, %esi
1:      jmp start32

start_pvh:
        mov $BOOT_PVH, %esi

/* EBX: what the loader passed; ESI: which protocol. */
start32:
        cli
        cld
        mov %ebx, %edi
        mov $boot_stack_end, %esp

        /* A CPU without CPUID cannot flip EFLAGS.ID. */
        pushfl
        pop %eax
        mov %eax, %ecx
        xor $(1 << 21), %eax
        push %eax
        popfl
        pushfl
        pop %eax
        cmp %eax, %ecx
        je no_long_mode

        mov $0x80000000, %eax
        cpuid
        cmp $0x80000001, %eax
        jb no_long_mode
        mov $0x80000001, %eax
        cpuid
        bt $29, %edx
        jnc no_long_mode
        bt $20, %edx
        jnc no_nx

        mov $CR4_PAE, %eax
        mov %eax, %cr4
        mov $boot_pml4, %eax
        mov %eax, %cr3
        mov $EFER, %ecx
        xor %edx, %edx
        mov $0x901, %eax /* NXE, LME, SCE */
        wrmsr
        rdmsr
        bt $11, %eax /* without NXE every page table entry with NX has a reserved bit set */
        jnc no_nx
        mov $CR0_INIT, %eax
        mov %eax, %cr0
        lgdt boot_gdt_pointer
        ljmp $SEL_BOOT_CODE, $start64

no_long_mode:
        mov $no_long_mode_text, %esi
        jmp fail32
no_nx:
        mov $no_nx_text, %esi

/* ESI: the text.  It is printed on COM1 as the firmware set it up, or with QEMU's defaults. */
fail32:
        mov $(COM1 + 5), %dx
        mov $10000, %ecx
1:      in %dx, %al
        test $0x20, %al
        loopz 1b
        lodsb
        test %al, %al
        jz 2f
        mov $COM1, %dx
        out %al, %dx
        jmp fail32
2:      mov $DEBUG_EXIT, %dx
        mov $0x11, %eax
        out %eax, %dx
3:      hlt
        jmp 3b

no_long_mode_text:
        .asciz "\r\nclockpage: this CPU has no 64-bit mode (CPUID 0x80000001 EDX bit 29); give the guest a 64-bit CPU\r\n"
no_nx_text:
        .asciz "\r\nclockpage: this CPU has no NX (CPUID 0x80000001 EDX bit 20), without which pages cannot be kept from executing\r\n"

        .code64
start64:
        xor %eax, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov %eax, %fs
        mov %eax, %gs
        movabs $boot_stack_top, %rsp
        xor %ebp, %ebp
        movabs $kernel_entry, %rax
        /* EDI: what the loader passed; ESI: which protocol.  Both zero-extended above. */
        mov %edi, %edi
        mov %esi, %esi
        call *%rax
4:      hlt
        jmp 4b

        .section .boot.data, "aw"
        .balign 4096
/*
 * The first page tables: the low 4 GiB one to one, for what the loader and the firmware left
 * there, and the first GiB again at KERNEL_OFFSET.  kernel_entry replaces them with the final
 * ones.
 */
boot_pml4:
        .quad boot_pdpt_low + 3
        .fill 510, 8, 0
        .quad boot_pdpt_high + 3
boot_pdpt_low:
        .quad boot_pd + 3, boot_pd + 0x1003, boot_pd + 0x2003, boot_pd + 0x3003
        .fill 508, 8, 0
boot_pdpt_high:
        .fill 510, 8, 0
        .quad boot_pd + 3
        .quad 0
boot_pd:
        .set page, 0
        .rept 2048
        .quad (page << 21) + 0x83
        .set page, page + 1
        .endr

        .balign 8
boot_gdt:
        .quad 0
        .quad 0x00af9b000000ffff
        .quad 0x00cf93000000ffff
boot_gdt_pointer:
        .short boot_gdt_pointer - boot_gdt - 1
        .long boot_gdt
        .balign 16
boot_stack:
        .fill 64, 8, 0
boot_stack_end:

/* kernel_entry's stack, until the first vCPU has an area with guard pages. */
        .section .bss, "aw", @nobits
        .balign 16
        .skip 16384
        .global boot_stack_top
boot_stack_top:

        .section .note.GNU-stack, "", @progbits
