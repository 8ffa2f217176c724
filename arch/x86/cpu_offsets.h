/* SPDX-License-Identifier: 0BSD */
/* Offsets of the fields of struct cpu for assembly; cpu.c asserts each. */
#ifndef ARCH_X86_CPU_OFFSETS_H
#define ARCH_X86_CPU_OFFSETS_H

#define CPU_SELF       0
#define CPU_KERNEL_RSP 8
#define CPU_USER_RSP   16
#define CPU_RESUME_RSP 24
#define CPU_STACK_TOP  32
#define CPU_USER_GS    40
#define CPU_TSS_RSP0   56

/*
 * Number of local APIC identities that can be looked up; more than MAX_CPUS, since they may have
 * gaps.
 */
#define MAX_APIC_ID 2048

#endif
