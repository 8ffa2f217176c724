/* SPDX-License-Identifier: 0BSD */
/*
 * The i8254's driver on a chip that a test makes: one that notices when two readers' accesses mix.
 */
#include "arch/x86/pit.h"
#include "drivers/i8254/i8254.h"
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { THREADS = 4, READS = 2000 };

static bool answers = true;
static uint16_t step = 1;
static _Atomic int inside, mixed;
static _Atomic uint16_t counts;
static struct i8254 timer;

bool pit_run_freely(void)
{
    return answers;
}

uint16_t pit_count(void)
{
    if (atomic_fetch_add(&inside, 1) != 0)
        mixed++;
    sched_yield();
    uint16_t count = atomic_fetch_add(&counts, step);
    atomic_fetch_sub(&inside, 1);
    return count;
}

static void *read_many(void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < READS; i++)
        (void)timer.counter.read(timer.counter.context);
    return NULL;
}

int main(void)
{
    pthread_t threads[THREADS];
    const char *wrong;
    int failed = 0;

    answers = false;
    wrong = i8254_attach(&timer);
    bool good = wrong && strcmp(wrong, "no i8254 answers") == 0;
    answers = true;
    step = 0;
    wrong = i8254_attach(&timer);
    good = good && wrong && strcmp(wrong, "it does not count") == 0;
    step = 1;
    good = good && !i8254_attach(&timer) && timer.counter.mask == 0xffff;
    printf("%s i8254-attach: absent, stopped and running told apart\n", good ? "PASS" : "FAIL");
    failed |= !good;

    for (unsigned i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, read_many, NULL);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    printf("%s i8254-readers: %d of %d reads by %d threads met another one\n",
           mixed ? "FAIL" : "PASS", mixed, THREADS * READS, THREADS);
    return failed | (mixed != 0);
}
