/* SPDX-License-Identifier: 0BSD */
/*
 * Moves ring-3 threads between vCPUs at their ticks, so that tests read the clock across
 * migrations.
 */
#include "kernel/process/threads.h"
#include "arch/x86/spinlock.h"
#include "arch/x86/user.h"
#include "kernel/process/process.h"
#include "kernel/process/words.h"

/*
 * One thread waits, so that at each tick some thread changes its vCPU: the waiting one resumes
 * where the tick came, and the one that ran there waits for the next tick, wherever it comes.
 */
static struct {
    struct spinlock lock;
    bool waiting;
    uint32_t thread;
    struct trap_frame frame;
} slot;

/* What a vCPU resumes: outside `slot`, which another vCPU may fill at once. */
static struct trap_frame resumed[MAX_CPUS];

void threads_move_begin(uint32_t thread, const struct trap_frame *frame)
{
    spin_lock(&slot.lock);
    slot.thread = thread;
    slot.frame = *frame;
    slot.waiting = true;
    spin_unlock(&slot.lock);
}

void threads_tick(struct cpu *cpu, struct trap_frame *frame)
{
    spin_lock(&slot.lock);
    if (slot.waiting) {
        struct trap_frame next = slot.frame;
        uint32_t thread = slot.thread;
        slot.frame = *frame;
        slot.thread = cpu->thread;
        *frame = next;
        cpu->thread = thread;
        words_dispatched(cpu);
    }
    spin_unlock(&slot.lock);
}

void threads_ended(struct cpu *cpu)
{
    spin_lock(&slot.lock);
    bool waiting = slot.waiting;
    if (waiting) {
        resumed[cpu->index] = slot.frame;
        cpu->thread = slot.thread;
        words_dispatched(cpu);
        slot.waiting = false;
    }
    spin_unlock(&slot.lock);
    if (waiting)
        user_resume(&resumed[cpu->index]);
}
