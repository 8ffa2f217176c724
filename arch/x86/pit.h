/* SPDX-License-Identifier: 0BSD */
/*
 * The i8254's channel 2, which raises no interrupt, as a stop-watch or running continuously; and
 * the switching off of the legacy interrupt controllers.
 */
#ifndef ARCH_X86_PIT_H
#define ARCH_X86_PIT_H

#include <stdbool.h>
#include <stdint.h>

#define PIT_HZ 1193182u

/* Starts counting down from 0xffff, once: it lasts 54.9 ms. */
void pit_start(void);

/*
 * Returns the counts since pit_start().  False if the count has run out or no i8254 answers; the
 * value is then meaningless.
 */
bool pit_elapsed(uint16_t *counts);

/*
 * Makes the channel count continuously instead, 65536 counts per cycle, which ends the
 * stop-watch.  False if no i8254 answers.
 */
bool pit_run_freely(void);

/*
 * Returns the counts since pit_run_freely(), modulo 65536.  It takes three accesses, so one
 * caller at a time.
 */
uint16_t pit_count(void);

/* Masks every line of both 8259s, on vectors that no exception uses. */
void pic_disable(void);

#endif
