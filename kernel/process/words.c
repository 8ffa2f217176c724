/* SPDX-License-Identifier: 0BSD */
/* The vCPUs' words, by which a thread in ring 3 sees where it runs and whether it was away. */
#include "kernel/process/words.h"
#include "arch/x86/frames.h"
#include "arch/x86/layout.h"

static struct vcpu_word {
    uint32_t number, dispatches;
} * words;

_Static_assert(MAX_CPUS * sizeof(struct vcpu_word) <= PAGE_SIZE, "they share a page");

uint64_t words_create(void)
{
    uint64_t frame = frame_alloc_zeroed();

    words = phys_to_virt(frame);
    for (uint32_t i = 0; frame && i < MAX_CPUS; i++)
        words[i].number = i;
    return frame;
}

uint64_t words_address(uint32_t index)
{
    return USER_VCPU_BASE + index * sizeof(struct vcpu_word);
}

void words_dispatched(const struct cpu *cpu)
{
    words[cpu->index].dispatches++;
}
