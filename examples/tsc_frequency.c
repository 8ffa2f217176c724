/* SPDX-License-Identifier: 0BSD */
/*
 * How fast is the TSC?  CPUID and Linux's raw monotonic clock are asked, and vote.  A kernel has
 * better timers than this one, and reads them in the same way: examples/kernel/tsc.c.
 *
 * Usage: tsc_frequency
 */
#include <cpuid.h>
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include <tsc/calendar.h>
#include <tsc/tsc.h>

static void cpuid(void *context, uint32_t leaf, struct tsc_cpuid *out)
{
    (void)context;
    __cpuid_count(leaf, 0, out->eax, out->ebx, out->ecx, out->edx);
}

static bool read_clock(void *context, uint64_t *count)
{
    struct timespec now;

    (void)context;
    if (clock_gettime(CLOCK_MONOTONIC_RAW, &now) != 0)
        return false;
    *count = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    return true;
}

int main(void)
{
    const struct tsc_ops ops = {cpuid, NULL};
    const struct tsc_timer timer = {
        .read = read_clock, .mask = UINT64_MAX, .hz = 1000000000, .error_ppm = 1};
    struct tsc_source sources[] = {{.name = "the hypervisor's leaf"},
                                   {.name = "CPUID 0x15"},
                                   {.name = "the monotonic clock"},
                                   {.name = "CPUID 0x16"}};
    enum { COUNT = sizeof(sources) / sizeof(sources[0]) };
    struct calendar_date today = calendar_from_seconds((int64_t)time(NULL));
    struct tsc_choice choice;
    enum tsc_status status;

    (void)tsc_cpuid_hypervisor(&ops, &sources[0]);
    (void)tsc_cpuid_crystal(&ops, &sources[1]);
    (void)tsc_measure(&timer, 20000000, &sources[2]);
    (void)tsc_cpuid_base(&ops, &sources[3]);
    status = tsc_vote(sources, COUNT, &choice);

    printf("%04d-%02d-%02d; the TSC is%s invariant\n", (int)today.year, today.month, today.day,
           tsc_cpuid_invariant(&ops) ? "" : " not");
    for (unsigned i = 0; i < COUNT; i++) {
        const struct tsc_source *s = &sources[i];

        printf("%-22s ", s->name);
        if (s->hz != 0)
            printf("%11" PRIu64 " Hz, +- %" PRIu64 " ppm; ", s->hz, s->error_ppm);
        printf("%s\n", s->status != TSC_OK ? tsc_status_text(s->status)
                       : i == choice.index ? "chosen"
                       : s->confirms       ? "confirms it"
                                           : "differs by more than the errors");
    }
    if (status != TSC_OK) {
        puts("nothing gives the TSC's frequency");
        return 1;
    }
    printf("%" PRIu64 " Hz by %s, confirmed by %u of %u others\n", choice.hz,
           sources[choice.index].name, choice.confirmed, choice.confirmed + choice.differ);
    return 0;
}
