/* SPDX-License-Identifier: 0BSD */
/* In place of arch/x86/cr.h: the control registers of a CPU that a test plays. */
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

struct table_pointer {
    uint16_t limit;
    uint64_t base;
} __attribute__((packed));

uint64_t read_cr0(void);
uint64_t read_cr2(void);
uint64_t read_cr4(void);
bool write_cr4_safe(uint64_t value);
void write_cr3(uint64_t value);
uint64_t read_dr7(void);
void write_dr7(uint64_t value);
uint16_t read_ldtr(void);
void write_ldtr(uint16_t value);
uint16_t read_tr(void);
void write_idtr(struct table_pointer pointer);
void write_gdtr(struct table_pointer pointer, uint16_t code, uint16_t data, uint16_t task);
void interrupts_on_and_halt(void);
void interrupts_off(void);

static inline void cpu_pause(void)
{
}

#endif
