/* SPDX-License-Identifier: 0BSD */
/* Control registers, descriptor tables, flags, halting and waiting: an instruction each. */
#ifndef ARCH_X86_CR_H
#define ARCH_X86_CR_H

#include <stdbool.h>
#include <stdint.h>

#define RFLAGS_IF (1u << 9)
#define RFLAGS_VM (1u << 17)

#define CR0_WP       (1u << 16)
#define CR4_MCE      (1u << 6)
#define CR4_UMIP     (1u << 11)
#define CR4_FSGSBASE (1u << 16)
#define CR4_SMEP     (1u << 20)
#define CR4_SMAP     (1u << 21)

static inline uint64_t read_cr0(void)
{
    uint64_t v;
    __asm__ volatile("mov %%cr0, %0" : "=r"(v));
    return v;
}

static inline uint64_t read_cr2(void)
{
    uint64_t v;
    __asm__ volatile("mov %%cr2, %0" : "=r"(v));
    return v;
}

static inline uint64_t read_cr3(void)
{
    uint64_t v;
    __asm__ volatile("mov %%cr3, %0" : "=r"(v));
    return v;
}

static inline uint64_t read_cr4(void)
{
    uint64_t v;
    __asm__ volatile("mov %%cr4, %0" : "=r"(v));
    return v;
}

/* False if the CPU refuses the value (#GP); see msr.h. */
static inline bool write_cr4_safe(uint64_t v)
{
    uint8_t ok = 0;
    __asm__ volatile("1: mov %1, %%cr4\n"
                     "movb $1, %0\n"
                     "2:\n"
                     ".pushsection .extable, \"a\"\n"
                     ".quad 1b, 2b\n"
                     ".popsection"
                     : "+r"(ok)
                     : "r"(v)
                     : "memory");
    return ok;
}

/* Reads a byte that the page tables may forbid; false: it faulted.  See msr.h. */
static inline bool read_byte_safe(uint64_t va)
{
    uint8_t ok = 0, value = 0;
    __asm__ volatile("1: movb (%2), %1\n"
                     "movb $1, %0\n"
                     "2:\n"
                     ".pushsection .extable, \"a\"\n"
                     ".quad 1b, 2b\n"
                     ".popsection"
                     : "+r"(ok), "+r"(value)
                     : "r"(va)
                     : "memory");
    return ok;
}

static inline uint64_t read_dr7(void)
{
    uint64_t v;
    __asm__ volatile("mov %%dr7, %0" : "=r"(v));
    return v;
}

static inline void write_dr7(uint64_t v)
{
    __asm__ volatile("mov %0, %%dr7" : : "r"(v));
}

static inline uint16_t read_ldtr(void)
{
    uint16_t v;
    __asm__ volatile("sldt %0" : "=m"(v));
    return v;
}

static inline void write_ldtr(uint16_t v)
{
    __asm__ volatile("lldt %0" : : "r"(v));
}

static inline uint16_t read_tr(void)
{
    uint16_t v;
    __asm__ volatile("str %0" : "=m"(v));
    return v;
}

/* What LGDT and LIDT take. */
struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

static inline void write_idtr(struct table_pointer pointer)
{
    __asm__ volatile("lidt %0" : : "m"(pointer));
}

/* Loads a new table's segments, but DS, ES, FS and GS, whose bases and limits do not count. */
static inline void write_gdtr(struct table_pointer pointer, uint16_t code, uint16_t data,
                              uint16_t task)
{
    __asm__ volatile("lgdt %0" : : "m"(pointer));
    __asm__ volatile("pushq %0\n"
                     "lea 1f(%%rip), %%rax\n"
                     "pushq %%rax\n"
                     "lretq\n"
                     "1:"
                     :
                     : "r"((uint64_t)code)
                     : "rax", "memory");
    __asm__ volatile("mov %0, %%ss" : : "r"(data));
    __asm__ volatile("ltr %0" : : "r"(task));
}

static inline void write_cr3(uint64_t v)
{
    __asm__ volatile("mov %0, %%cr3" : : "r"(v) : "memory");
}

static inline void invlpg(uint64_t va)
{
    __asm__ volatile("invlpg (%0)" : : "r"(va) : "memory");
}

static inline void interrupts_off(void)
{
    __asm__ volatile("cli" : : : "memory");
}

static inline void interrupts_on(void)
{
    __asm__ volatile("sti" : : : "memory");
}

/* STI delays interrupts by one instruction, so none is lost between the last check and the HLT. */
static inline void interrupts_on_and_halt(void)
{
    __asm__ volatile("sti; hlt" : : : "memory");
}

static inline void halt(void)
{
    __asm__ volatile("hlt" : : : "memory");
}

static inline void cpu_pause(void)
{
    __asm__ volatile("pause" : : : "memory");
}

#endif
