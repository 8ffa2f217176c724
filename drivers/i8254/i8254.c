/* SPDX-License-Identifier: 0BSD */
/*
 * Attaches the i8254: starts channel 2, and makes a timecounter that can be selected or that
 * checks others.
 */
#include "drivers/i8254/i8254.h"
#include "arch/x86/cr.h"
#include "arch/x86/pit.h"
#include <stdint.h>

/* Readings within which it must move: one takes longer than a count (0.84 us) on any machine. */
enum { PATIENCE = 1000 };

static uint64_t read_counter(void *context)
{
    struct i8254 *timer = context;

    while (__atomic_test_and_set(&timer->busy, __ATOMIC_ACQUIRE))
        cpu_pause();
    uint16_t count = pit_count();
    __atomic_clear(&timer->busy, __ATOMIC_RELEASE);
    return count;
}

const char *i8254_attach(struct i8254 *timer)
{
    *timer = (struct i8254){
        .counter =
            {
                .name = "i8254",
                .reason = TC_REASON_I8254,
                .read = read_counter,
                .context = timer,
                .mask = 0xffff,
                .frequency = PIT_HZ,
                .quality = TC_QUALITY_I8254,
            },
    };
    if (!pit_run_freely())
        return "no i8254 answers";
    uint16_t first = pit_count();
    for (unsigned i = 0; i < PATIENCE; i++) {
        if (pit_count() != first)
            return NULL;
    }
    return "it does not count";
}
