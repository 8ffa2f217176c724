/* SPDX-License-Identifier: 0BSD */
/* Allocates frames of physical memory for page tables, stacks and ring 3. */
#include "arch/x86/frames.h"

static uint64_t pool, next, end;

void frames_init(uint64_t start, uint64_t stop)
{
    pool = next = (start + LARGE_PAGE - 1) & ~(LARGE_PAGE - 1);
    end = stop & ~(LARGE_PAGE - 1);
    if (end > LINEAR_SIZE)
        end = LINEAR_SIZE;
}

uint64_t frame_alloc(void)
{
    if (next >= end)
        return 0;
    uint64_t frame = next;
    next += PAGE_SIZE;
    return frame;
}

uint64_t frame_alloc_zeroed(void)
{
    uint64_t frame = frame_alloc();
    if (frame) {
        void *p = phys_to_virt(frame);
        uint64_t n = PAGE_SIZE / 8;
        __asm__ volatile("rep stosq" : "+D"(p), "+c"(n) : "a"(0ull) : "memory");
    }
    return frame;
}

uint64_t frames_left(void)
{
    return next < end ? (end - next) / PAGE_SIZE : 0;
}

uint64_t frames_start(void)
{
    return pool;
}

uint64_t frames_end(void)
{
    return end;
}
