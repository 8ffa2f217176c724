#include <timecounter/timecounter.h>

static uint64_t cycles;

static uint64_t read_cycles(void *context)
{
    (void)context;
    return cycles += 3000; /* lfence; rdtsc */
}

int main(void)
{
    static struct timecounters set;
    static struct timecounter tsc = {
        .name = "TSC",
        .reason = TC_REASON_TSC_INVARIANT,
        .read = read_cycles,
        .mask = UINT64_MAX,
        .frequency = 3000000000,
        .quality = TC_QUALITY_TSC_INVARIANT,
    };
    struct tc_timespec date = {1700000000, 0};
    int64_t ns;

    if (timecounters_init(&set, 10000000) != TC_OK || tc_register(&set, &tsc) != TC_OK ||
        tc_choose(&set, NULL) != TC_OK || tc_setclock(&set, &date, NULL) != TC_OK)
        return 1;
    if (tc_windup(&set) != TC_OK) /* from a timer, every 10 ms or less */
        return 1;
    if (tc_getns(&set, TC_CLOCK_REALTIME, &ns) != TC_OK)
        return 1;
    return ns / 1000000000 == 1700000000 ? 0 : 1;
}
