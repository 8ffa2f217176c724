/* SPDX-License-Identifier: 0BSD */
/*
 * Seqlocks: one writer makes the sequence odd, writes, and makes it even again; a reader that saw
 * it odd, or changed, takes nothing of what it read.
 *
 *     reader                                       writer
 *     do {                                         pvclock_seq_write_begin(&s);
 *         began = pvclock_seq_begin(&s);           write ...
 *         read ...                                 pvclock_seq_write_end(&s);
 *     } while (pvclock_seq_retry(&s, began));
 *
 * A reader bounds its retries: the writer may stand still in between.  Readers of a clock page read
 * the TSC as well, so read.h and pvclock.c make the last load depend on that instead.
 */
#ifndef PVCLOCK_SEQ_H
#define PVCLOCK_SEQ_H

#include "port.h"
#include "scale.h"

/* Pairs with the release store in pvclock_seq_write_end(). */
PVCLOCK_INLINE uint32_t pvclock_seq_begin(const volatile uint32_t *sequence)
{
    return PVCLOCK_LOAD_ACQUIRE(sequence);
}

/* The load, after all that was read, pairs with the fence in pvclock_seq_write_begin(). */
PVCLOCK_INLINE bool pvclock_seq_retry(const volatile uint32_t *sequence, uint32_t began)
{
    return PVCLOCK_LOAD_AFTER(sequence, 0) != began || (began & 1) != 0;
}

/* Pairs with the load in pvclock_seq_retry(). */
PVCLOCK_INLINE void pvclock_seq_write_begin(volatile uint32_t *sequence)
{
    *sequence = *sequence | 1;
    PVCLOCK_STORE_FENCE();
}

/* Pairs with the load in pvclock_seq_begin(). */
PVCLOCK_INLINE void pvclock_seq_write_end(volatile uint32_t *sequence)
{
    PVCLOCK_STORE_RELEASE(sequence, *sequence + 1);
}

#endif /* PVCLOCK_SEQ_H */
