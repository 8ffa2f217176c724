/* SPDX-License-Identifier: 0BSD */
/*
 * A lock for code that runs with interrupts off.  A waiter keeps answering TLB-shootdown
 * requests; otherwise it could deadlock with the lock holder.
 */
#ifndef ARCH_X86_SPINLOCK_H
#define ARCH_X86_SPINLOCK_H

#include "arch/x86/cr.h"
#include "arch/x86/ipi.h"
#include <stdint.h>

struct spinlock {
    uint32_t taken;
};

static inline void spin_lock(struct spinlock *lock)
{
    while (__atomic_exchange_n(&lock->taken, 1, __ATOMIC_ACQUIRE)) {
        smp_answer_flush();
        cpu_pause();
    }
}

static inline void spin_unlock(struct spinlock *lock)
{
    __atomic_store_n(&lock->taken, 0, __ATOMIC_RELEASE);
}

#endif
