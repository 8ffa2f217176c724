/* SPDX-License-Identifier: 0BSD */
/*
 * The i8254's channel 2, which no interrupt hangs on, as a stop-watch or running forever; and the
 * legacy interrupt controllers put to rest.
 */
#ifndef ARCH_X86_PIT_H
#define ARCH_X86_PIT_H

#include <stdbool.h>
#include <stdint.h>

#define PIT_HZ 1193182u

/* Start counting down from 0xffff, once: it lasts 54.9 ms. */
void pit_start(void);

/*
 * Counts since pit_start().  False when the count has run out or no i8254 answers: the value would
 * mean nothing.
 */
bool pit_elapsed(uint16_t *counts);

/*
 * Let the channel count forever instead, 65536 counts a round, which ends the stop-watch.  False
 * when no i8254 answers.
 */
bool pit_run_freely(void);

/* Counts since pit_run_freely(), modulo 65536.  One caller at a time: it takes three accesses. */
uint16_t pit_count(void);

/* Mask every line of both 8259s, on vectors that no exception has. */
void pic_disable(void);

#endif
