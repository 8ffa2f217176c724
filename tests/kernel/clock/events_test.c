/* SPDX-License-Identifier: 0BSD */
/*
 * The timeline is printed while another vCPU adds to it: what is printed of an event belongs to
 * that event, even where its place has just been given to a later one.
 */
#include "base/format.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/events.h"
#include "tests/check.h"
#include <clockpage/report.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

static uint32_t stop;
static unsigned long added, printed, torn;

uint64_t clock_uptime(void)
{
    return 0;
}

/* Looks at each line that shows an event: the vCPU's number is also its text. */
unsigned print(const char *f, ...)
{
    char line[200], name[32], length[32], text[32];
    unsigned vcpu;
    va_list args;

    va_start(args, f);
    size_t n = format_va(line, sizeof(line), f, args);
    va_end(args);
    if (sscanf(line, "%*s online %u %31s %31s", &vcpu, length, text) == 3) {
        (void)snprintf(name, sizeof(name), "%u", vcpu);
        printed++;
        torn += strcmp(name, text) != 0;
    }
    return (unsigned)n;
}

void report(const char *kind, const char *text, const struct report_value *values, unsigned count)
{
    (void)kind, (void)text, (void)values, (void)count;
}

static void *add_events(void *unused)
{
    for (; !__atomic_load_n(&stop, __ATOMIC_RELAXED); added++) {
        struct event e = {.kind = EVENT_ONLINE, .vcpu = (uint32_t)added % 100000};
        format(e.text, sizeof(e.text), "%u", e.vcpu);
        events_note(&e);
    }
    return unused;
}

static void an_event_is_printed_as_a_whole(void **state)
{
    pthread_t other;

    (void)state;
    assert_int_equal(pthread_create(&other, NULL, add_events, NULL), 0);
    /* At least 10^5 lines, however seldom this thread finds an entry that stays. */
    while (printed < 100000)
        events_print();
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    (void)pthread_join(other, NULL);
    figures("%lu events printed while %lu were added, %lu of them torn", printed, added, torn);
    assert_int_equal(torn, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_event_is_printed_as_a_whole)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
