/* SPDX-License-Identifier: 0BSD */
/* arch/x86/layout.h, but the vCPUs' stacks are where a test can map them. */
#ifndef HOSTED_ARCH_X86_LAYOUT_H
#define HOSTED_ARCH_X86_LAYOUT_H

#include "../../../../arch/x86/layout.h"

#undef CPU_AREA_BASE
#define CPU_AREA_BASE 0x500000000000

#endif
