/* SPDX-License-Identifier: 0BSD */
/* Enters ring 3 and comes back; trap.S. */
#ifndef ARCH_X86_USER_H
#define ARCH_X86_USER_H

#include "arch/x86/cpu.h"
#include "arch/x86/trap.h"
#include <stdint.h>

/*
 * Runs ring-3 code at `rip` on the running vCPU with the stack `rsp` and RDI = `arg`, interrupts
 * on, in the address space that CR3 holds.  Returns, with interrupts off, when something that
 * entered the kernel on this vCPU calls user_leave().
 */
void user_enter(struct cpu *cpu, uint64_t rip, uint64_t rsp, uint64_t arg);

/*
 * user_resume() goes to ring 3 with the registers of `frame`, on a vCPU that is within
 * user_enter(); user_leave() makes that user_enter() return.
 */
_Noreturn void user_resume(struct trap_frame *frame);
_Noreturn void user_leave(struct cpu *cpu);

#endif
