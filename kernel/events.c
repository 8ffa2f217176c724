/* SPDX-License-Identifier: 0BSD */
#include "kernel/events.h"
#include "kernel/clock.h"
#include "kernel/format.h"
#include <clockpage/report.h>
#include <stddef.h>

enum { KEPT = 64 };

static struct event {
    uint64_t number; /* from 1, set last; 0: none yet, or being written */
    uint64_t uptime;
    enum event_kind kind;
    int64_t value;
    char text[48];
} events[KEPT];
static uint64_t count;

void events_add(enum event_kind kind, int64_t value, const char *text)
{
    uint64_t number = __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
    struct event *e = &events[number % KEPT];

    __atomic_store_n(&e->number, 0, __ATOMIC_RELEASE);
    e->uptime = clock_uptime();
    e->kind = kind;
    e->value = value;
    format(e->text, sizeof(e->text), "%s", text ? text : "");
    __atomic_store_n(&e->number, number, __ATOMIC_RELEASE);
}

static void print_one(const struct event *e)
{
    print("%6lu.%06lu  ", (unsigned long)(e->uptime / 1000000000),
          (unsigned long)(e->uptime / 1000 % 1000000));
    switch (e->kind) {
    case EVENT_PAUSED:
        print("the host paused the guest (seen on vCPU %ld)\n", e->value);
        break;
    case EVENT_COUNTER:
        print("timecounter %s\n", e->text);
        break;
    case EVENT_DATE: {
        uint64_t by = (uint64_t)(e->value < 0 ? -e->value : e->value);
        print("the date was set, by %c" SECONDS_FORMAT " s\n", e->value < 0 ? '-' : '+',
              SECONDS(by));
        break;
    }
    case EVENT_SETTING:
        print("%s was set\n", e->text);
        break;
    case EVENT_ONLINE:
        print("vCPU %ld came late: %s\n", e->value, e->text);
        break;
    }
}

void events_print(void)
{
    uint64_t newest = __atomic_load_n(&count, __ATOMIC_ACQUIRE);
    uint64_t oldest = newest > KEPT ? newest - KEPT + 1 : 1;

    if (newest == 0)
        print("nothing has happened yet\n");
    else if (oldest > 1)
        print("%lu earlier ones are forgotten\n", oldest - 1);
    for (uint64_t n = oldest; n <= newest; n++) {
        const struct event *e = &events[n % KEPT];
        if (__atomic_load_n(&e->number, __ATOMIC_ACQUIRE) == n)
            print_one(e);
    }
}
