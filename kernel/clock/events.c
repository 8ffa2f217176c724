/* SPDX-License-Identifier: 0BSD */
/* Keeps the timeline of what happened to the clock, for the report and the shell. */
#include "kernel/clock/events.h"
#include "base/format.h"
#include "kernel/clock/clock.h"
#include <clockpage/report.h>
#include <stdbool.h>
#include <stddef.h>

static struct entry {
    uint64_t number; /* from 1, set last; 0: none yet, or being written */
    uint64_t uptime;
    struct event event;
} entries[EVENTS_KEPT];
static uint64_t count;

static const char *const names[] = {
    [EVENT_PAUSED] = "paused",           [EVENT_STABLE_LOST] = "stable-lost",
    [EVENT_STABLE_BACK] = "stable-back", [EVENT_FREQUENCY] = "frequency",
    [EVENT_ONLINE] = "online",           [EVENT_SUSPENDED] = "suspended",
    [EVENT_RESUMED] = "resumed",         [EVENT_SUSPEND_ABORTED] = "suspend-aborted",
    [EVENT_COUNTER] = "counter",         [EVENT_DATE] = "date",
    [EVENT_SETTING] = "setting",
};

void events_note(const struct event *event)
{
    uint64_t number = __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED);
    struct entry *e = &entries[number % EVENTS_KEPT];

    __atomic_store_n(&e->number, 0, __ATOMIC_RELAXED);
    /* Pairs with the fence in copy_entry(). */
    __atomic_thread_fence(__ATOMIC_RELEASE);
    e->uptime = clock_uptime();
    e->event = *event;
    /* Pairs with the first load in copy_entry(). */
    __atomic_store_n(&e->number, number, __ATOMIC_RELEASE);
}

void events_add(enum event_kind kind, int64_t step_ns, const char *text)
{
    struct event event = {.kind = kind, .step_ns = step_ns};

    format(event.text, sizeof(event.text), "%s", text ? text : "");
    events_note(&event);
}

static void print_page(const char *when, const struct pvclock_snapshot *s)
{
    if (s->version)
        REPORT(
            NULL,
            "{when:11} version {v}, {time/1000000000.9} s at TSC {tsc}, mul {mul}, shift {shift},"
            "{stable}{stopped}\n",
            TEXT("when", when), U64("v", s->version), U64("time", s->system_time),
            U64("tsc", s->tsc_timestamp), U64("mul", s->mul), I64("shift", s->shift),
            TEXT("stable", s->flags & PVCLOCK_FLAG_TSC_STABLE ? " stable" : " -"),
            TEXT("stopped", s->flags & PVCLOCK_FLAG_GUEST_STOPPED ? " stopped" : ""));
}

static void report_one(const struct entry *e, bool with_record)
{
    const struct event *event = &e->event;
    const struct pvclock_snapshot *b = &event->before, *a = &event->after;
    char length[24] = "-", step[48] = "";

    if (event->length_ns)
        format(length, sizeof(length), "%lu.%03lu s", event->length_ns / 1000000000,
               event->length_ns / 1000000 % 1000);
    if (event->step_ns)
        format(step, sizeof(step), "%sdate %c" SECONDS_FORMAT " s", event->text[0] ? "; " : "",
               event->step_ns < 0 ? '-' : '+', SECONDS(magnitude(event->step_ns)));
    REPORT(with_record ? "event" : NULL,
           "{uptime_ns/1000000000.6:13}  {kind:-15} {vcpu:4}  {_length:11}  {text}{_step}\n",
           U64("number", e->number), U64("uptime_ns", e->uptime), TEXT("kind", names[event->kind]),
           U64("vcpu", event->vcpu), U64("length_ns", event->length_ns),
           I64("step_ns", event->step_ns), TEXT("text", event->text),
           U64("before_version", b->version), U64("before_system_time", b->system_time),
           U64("before_tsc", b->tsc_timestamp), U64("before_mul", b->mul),
           U64("before_flags", b->flags), I64("before_shift", b->shift),
           U64("after_version", a->version), U64("after_system_time", a->system_time),
           U64("after_tsc", a->tsc_timestamp), U64("after_mul", a->mul),
           U64("after_flags", a->flags), I64("after_shift", a->shift), TEXT("_length", length),
           TEXT("_step", step));
    print_page("page before", b);
    print_page("after", a);
}

/* Copies an entry; false: it is being written, or has made room for a later one. */
static bool copy_entry(uint64_t number, struct entry *to)
{
    const struct entry *e = &entries[number % EVENTS_KEPT];

    /* Pairs with the last store in events_note(). */
    if (__atomic_load_n(&e->number, __ATOMIC_ACQUIRE) != number)
        return false;
    *to = *e;
    /* Pairs with the fence in events_note(). */
    __atomic_thread_fence(__ATOMIC_ACQUIRE);
    return __atomic_load_n(&e->number, __ATOMIC_RELAXED) == number;
}

bool events_report(bool with_records)
{
    uint64_t newest = __atomic_load_n(&count, __ATOMIC_ACQUIRE);
    uint64_t oldest = newest > EVENTS_KEPT ? newest - EVENTS_KEPT + 1 : 1;

    if (newest == 0)
        return false;
    if (with_records)
        print("\nWhat happened to the clock\n");
    print("       uptime  what            vCPU     how long  what was done\n");
    if (oldest > 1)
        print("%lu earlier ones are forgotten\n", oldest - 1);
    for (uint64_t n = oldest; n <= newest; n++) {
        struct entry e;
        if (copy_entry(n, &e))
            report_one(&e, with_records);
    }
    return true;
}
