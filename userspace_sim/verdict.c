/* SPDX-License-Identifier: 0BSD */
/* Jobs judge themselves: the threads of a job meet, and the last one gives the verdict. */
#include "base/format.h"
#include "userspace_sim/ring3.h"

void verdict(enum verdict verdict, const char *name, const char *figures, ...)
{
    char text[FIGURES_SIZE];
    va_list args;

    va_start(args, figures);
    format_va(text, sizeof(text), figures, args);
    va_end(args);
    /* If the kernel refuses it, it fails the check for want of a verdict. */
    (void)call(SYS_CHECK, verdict, address_of(name), address_of(text), 0);
}

void tally(struct tally *seen, bool ok, const char *what, ...)
{
    va_list args;

    seen->tried++;
    if (ok)
        return;
    seen->broken++;
    seen->length += format(seen->text + seen->length, sizeof(seen->text) - seen->length, "; ");
    va_start(args, what);
    seen->length +=
        format_va(seen->text + seen->length, sizeof(seen->text) - seen->length, what, args);
    va_end(args);
}

uint32_t meeting_join(struct meeting *m, const struct thread_page *t)
{
    uint64_t old = __atomic_load_n(&m->word, __ATOMIC_RELAXED), sum;

    do
        sum = (old >> 32 == t->run ? old : (uint64_t)t->run << 32) + 1;
    while (!__atomic_compare_exchange_n(&m->word, &old, sum, false, __ATOMIC_ACQ_REL,
                                        __ATOMIC_RELAXED));
    return (uint32_t)sum;
}

uint32_t meeting_count(const struct meeting *m, const struct thread_page *t)
{
    /* Pairs with the compare-and-swap in meeting_join(). */
    uint64_t word = __atomic_load_n(&m->word, __ATOMIC_ACQUIRE);

    return word >> 32 == t->run ? (uint32_t)word : 0;
}

bool last_out(const struct thread_page *t)
{
    static struct meeting out;

    return meeting_join(&out, t) == t->count;
}

void count_end(uint64_t counts[COUNTS])
{
    uint64_t now[COUNTS] = {0};

    (void)call(SYS_COUNT, 0, address_of(now), 0, 0);
    for (unsigned i = 0; i < COUNTS; i++)
        counts[i] += now[i];
}

const char *caveat(const struct thread_page *t)
{
    return t->facts & FACT_IN_TURN ? "; TCG may run vCPUs in turn" : "";
}
