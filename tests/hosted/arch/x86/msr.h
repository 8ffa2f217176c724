/* SPDX-License-Identifier: 0BSD */
/* In place of arch/x86/msr.h: the host that a test plays. */
#ifndef ARCH_X86_MSR_H
#define ARCH_X86_MSR_H

#include <stdbool.h>
#include <stdint.h>

bool wrmsr_safe(uint32_t msr, uint64_t value);

#endif
