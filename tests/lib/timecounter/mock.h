/* SPDX-License-Identifier: 0BSD */
/* What the timecounter tests share: a counter that a test moves by hand, and an oracle. */
#ifndef TIMECOUNTER_MOCK_H
#define TIMECOUNTER_MOCK_H

#include <stdint.h>
#include <timecounter/timecounter.h>

/* A counter that shows what `context` points to. */
static inline uint64_t mock_read(void *context)
{
    return *(const uint64_t *)context;
}

static inline struct timecounter mock_counter(const char *name, uint64_t *count, uint64_t mask,
                                              uint64_t hz, int32_t quality)
{
    struct timecounter counter = {.name = name,
                                  .reason = "a test moves it",
                                  .read = mock_read,
                                  .context = count,
                                  .mask = mask,
                                  .frequency = hz,
                                  .quality = quality};

    return counter;
}

/* xorshift64*: the same numbers on every machine. */
static inline uint64_t mock_random(uint64_t *state)
{
    uint64_t x = *state;

    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * UINT64_C(0x2545f4914f6cdd1d);
}

/* Random with every bit length alike, and often near a power of two. */
static inline uint64_t mock_random_skewed(uint64_t *state)
{
    uint64_t how = mock_random(state);
    uint64_t x = mock_random(state) >> (how & 63);

    switch ((how >> 6) & 7) {
    case 0:
        return (UINT64_C(1) << (how >> 58)) + (x & 3) - 2;
    case 1:
        return ~x;
    default:
        return x;
    }
}

#endif
