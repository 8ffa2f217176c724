/* SPDX-License-Identifier: 0BSD */
/* The list of counters that drivers register: validation, look-up, and the dummy. */
#include "timecounter/internal.h"
#include "timecounter/port.h"

const char *tc_status_text(enum tc_status status)
{
    switch (status) {
    case TC_OK:
        return "done";
    case TC_NULL:
        return "a pointer is null";
    case TC_BAD_NAME:
        return "the counter has no name";
    case TC_BAD_MASK:
        return "the mask is not 2^k - 1 with k in 8..64";
    case TC_BAD_FREQUENCY:
        return "the frequency is 0";
    case TC_BAD_FLAGS:
        return "a flag is not defined";
    case TC_BAD_TIME:
        return "the time is out of range";
    case TC_BAD_CLOCK:
        return "there is no clock of this number";
    case TC_DUPLICATE:
        return "a counter of this name is registered already";
    case TC_NOT_FOUND:
        return "no such counter is registered";
    case TC_NONE:
        return "no counter has been chosen";
    case TC_WRAPS_TOO_SOON:
        return "the counter wraps too soon for the windup interval";
    case TC_TOO_SHORT:
        return "no time has passed";
    case TC_BUSY:
        return "the hands kept changing";
    case TC_UNSET:
        return "real time has not been set";
    case TC_STEPPED_BACK:
        return "the counter went back a little";
    case TC_RESTARTED:
        return "the counter was restarted";
    }
    return "unknown status";
}

static bool tc_same_name(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

enum tc_status timecounters_init(struct timecounters *set, uint64_t windup_interval_ns)
{
    if (set == NULL)
        return TC_NULL;
    set->newest = 0;
    for (unsigned int i = 0; i < TC_HANDS; i++)
        TIMECOUNTER_STORE(&set->slot[i].generation, 0);
    for (unsigned int i = 0; i < TC_HANDS_WORDS; i++)
        TIMECOUNTER_STORE(&set->own.words[i], 0);
    set->first = NULL;
    set->windup_interval_ns = windup_interval_ns;
    set->statistics.windups = 0;
    set->statistics.switches = 0;
    set->statistics.steps_back = 0;
    set->statistics.restarts = 0;
    set->statistics.guarded = 0;
    set->guard_until.sec = 0;
    set->guard_until.frac = 0;
    set->guard = 0;
    set->guard_steps = 0;
    return TC_OK;
}

enum tc_status tc_register(struct timecounters *set, struct timecounter *counter)
{
    struct timecounter **last;

    if (set == NULL || counter == NULL || counter->name == NULL || counter->read == NULL)
        return TC_NULL;
    if (counter->name[0] == '\0')
        return TC_BAD_NAME;
    if (counter->mask < 0xff || (counter->mask & (counter->mask + 1)) != 0)
        return TC_BAD_MASK;
    if (counter->frequency == 0)
        return TC_BAD_FREQUENCY;
    if ((counter->flags & ~(TC_GUARDED | TC_MAY_WRAP)) != 0)
        return TC_BAD_FLAGS;
    for (last = &set->first; *last != NULL; last = &(*last)->next)
        if (*last == counter || tc_same_name((*last)->name, counter->name))
            return TC_DUPLICATE;
    tc_make_divisor(&counter->divisor, counter->frequency);
    counter->steps_back = 0;
    counter->worst_back = 0;
    counter->next = NULL;
    *last = counter;
    return TC_OK;
}

struct timecounter *tc_next(const struct timecounters *set, const struct timecounter *counter)
{
    if (counter != NULL)
        return counter->next;
    return set != NULL ? set->first : NULL;
}

struct timecounter *tc_find(const struct timecounters *set, const char *name)
{
    struct timecounter *counter = NULL;

    if (name == NULL)
        return NULL;
    do
        counter = tc_next(set, counter);
    while (counter != NULL && !tc_same_name(counter->name, name));
    return counter;
}

uint64_t tc_cycles_to_ns(const struct tc_divisor *divisor, uint64_t cycles)
{
    uint64_t left;
    uint64_t sec = tc_divide(divisor, 0, cycles, &left);
    struct tc_u128 nsec = tc_multiply(left, TC_NSEC);
    uint64_t ns = tc_divide(divisor, nsec.high, nsec.low, &left);

    /* 2^64 ns is 18446744073.709551616 s. */
    if (sec > UINT64_C(18446744073) || sec * TC_NSEC + ns < ns)
        return UINT64_MAX;
    return sec * TC_NSEC + ns;
}

uint64_t tc_max_gap_ns(const struct timecounter *counter)
{
    struct tc_divisor divisor;

    if (counter == NULL || counter->frequency == 0)
        return 0;
    tc_make_divisor(&divisor, counter->frequency);
    return tc_cycles_to_ns(&divisor, counter->mask >> 1);
}

static uint64_t tc_dummy_read(void *context)
{
    uintptr_t *state = context;

    uintptr_t count = TIMECOUNTER_LOAD(state) + 1;

    /*
     * Two concurrent readers may count as one, and one of them may fall behind, so it is guarded.
     */
    TIMECOUNTER_STORE(state, count);
    return count;
}

void tc_dummy(struct timecounter *counter, uintptr_t *state)
{
    *state = 0;
    counter->name = "dummy";
    counter->reason = TC_REASON_DUMMY;
    counter->read = tc_dummy_read;
    counter->context = state;
    counter->mask = UINTPTR_MAX;
    counter->frequency = 1000000;
    counter->quality = TC_QUALITY_DUMMY;
    counter->flags = TC_GUARDED;
}
