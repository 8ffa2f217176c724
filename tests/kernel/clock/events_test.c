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

unsigned print(const char *f, ...)
{
    (void)f;
    return 0;
}

/* Looks at each event that is shown: the vCPU's number is also its text. */
void report(const char *kind, const char *text, const struct report_value *values, unsigned count)
{
    const char *said = NULL;
    uint64_t vcpu = 0;
    char number[24];

    (void)kind, (void)text;
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(values[i].name, "vcpu") == 0)
            vcpu = values[i].u64;
        else if (strcmp(values[i].name, "text") == 0)
            said = values[i].text;
    }
    if (!said)
        return;
    (void)snprintf(number, sizeof(number), "%lu", (unsigned long)vcpu);
    printed++;
    torn += strcmp(number, said) != 0;
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
        (void)events_report(false);
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
