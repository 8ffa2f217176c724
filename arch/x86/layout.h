/* SPDX-License-Identifier: 0BSD */
/*
 * The address map: every fixed address of the kernel and of its ring-3 program, in one place.
 * Shared by C, assembly and linker.ld.
 *
 *   physical
 *     0x00008000            AP trampoline (one page)
 *     0x00200000            the image: boot, text, rodata, data, clock pages
 *     end of image, up      the frame pool (page tables, stacks, ring-3 data)
 *
 *   virtual, kernel (supervisor, in every address space)
 *     0xffffffff80200000    the image and the frame pool, physical address + KERNEL_OFFSET
 *     0xffffffffc0000000    CPU_AREA_STRIDE for each vCPU: its stacks between guard pages
 *     0xffffffffe0000000    device registers, uncached (local APIC, HPET)
 *
 *   virtual, ring 3 (the one ring-3 process, userspace_sim/)
 *     0x00400000            the program: text r-x, rodata r--, data rw-
 *     0x11000000            the kernel's time page, r--
 *     0x11800000            the words of the vCPUs, r--, 8 bytes each: GS points at the running
 *                           vCPU's
 *     0x12000000            what the program maps itself, USER_MAP_STRIDE each
 *     0x20000000            USER_THREAD_STRIDE for each thread: guard, stack, thread page
 *     0x80000000            supervisor, r-x: once more the entry for SYSCALL from 32-bit code
 */
#ifndef ARCH_X86_LAYOUT_H
#define ARCH_X86_LAYOUT_H

#define PAGE_SIZE 4096

#define KERNEL_OFFSET 0xffffffff80000000
#define KERNEL_PHYS   0x200000
/* The linear window: how far above KERNEL_OFFSET the image and the pool may extend. */
#define LINEAR_SIZE 0x8000000

#define TRAMPOLINE_PHYS 0x8000

#define MAX_CPUS        256
#define CPU_AREA_BASE   0xffffffffc0000000
#define CPU_AREA_STRIDE 0x10000
#define DEVICE_BASE     0xffffffffe0000000

#define USER_IMAGE_BASE    0x400000
#define USER_TIME_BASE     0x11000000
#define USER_VCPU_BASE     0x11800000
#define USER_MAP_BASE      0x12000000
#define USER_MAP_STRIDE    0x10000
#define USER_THREAD_BASE   0x20000000
#define USER_THREAD_STRIDE 0x10000
#define USER_END           0x40000000
#define SYSCALL32_BASE     0x80000000

/* One slot holds one vCPU's structure, on its own cache line. */
#define CLOCK_SLOT_SIZE 64
#define CLOCK_PAGES     (MAX_CPUS * CLOCK_SLOT_SIZE / PAGE_SIZE)

/* Selectors; SYSCALL needs kernel code and data side by side, and user data before user code. */
#define SEL_BOOT_CODE   0x08 /* in the small GDTs of boot.S and ap.S */
#define SEL_KERNEL_CODE 0x10
#define SEL_KERNEL_DATA 0x18
#define SEL_USER_CODE32 0x23
#define SEL_USER_DATA   0x2b
#define SEL_USER_CODE   0x33
#define SEL_TSS         0x40

#endif
