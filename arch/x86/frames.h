/* SPDX-License-Identifier: 0BSD */
/*
 * The frame pool: 4-KiB frames of memory above the image, allocated once and never freed.  All of
 * them are in the linear window.  Only the boot vCPU allocates.
 */
#ifndef ARCH_X86_FRAMES_H
#define ARCH_X86_FRAMES_H

#include "arch/x86/layout.h"
#include <stdint.h>

/* The pool is mapped in pages of this size: a few entries instead of thousands. */
#define LARGE_PAGE 0x200000ull

/* Sets the pool to [start, end), physical, cut to whole large pages and to the linear window. */
void frames_init(uint64_t start, uint64_t end);

/* Returns a frame's physical address, its contents undefined; 0 if none is left. */
uint64_t frame_alloc(void);
/* Returns a frame filled with zeros. */
uint64_t frame_alloc_zeroed(void);
uint64_t frames_left(void);
/* The pool's bounds after cutting. */
uint64_t frames_start(void);
uint64_t frames_end(void);

static inline void *phys_to_virt(uint64_t pa)
{
    return (void *)(pa + KERNEL_OFFSET);
}

/* For addresses in the linear window: the image and the pool. */
static inline uint64_t virt_to_phys(const void *va)
{
    return (uint64_t)va - KERNEL_OFFSET;
}

#endif
