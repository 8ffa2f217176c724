#include <timecounter/timecounter.h>

static uint64_t ns;

static uint64_t read_fine(void *context)
{
    (void)context;
    return ns += 25;
}

static uint64_t read_acpi(void *context)
{
    (void)context;
    return (ns += 25) * 3579545 / 1000000000;
}

int main(void)
{
    static struct timecounters set;
    static struct timecounter fine = {
        .name = "kvmclock",
        .read = read_fine,
        .mask = UINT64_MAX,
        .frequency = 1000000000,
        .quality = TC_QUALITY_KVMCLOCK,
    };
    static struct timecounter acpi = {
        .name = "ACPI-fast",
        .read = read_acpi,
        .mask = 0xffffff,
        .frequency = 3579545,
        .quality = TC_QUALITY_ACPI_FAST,
    };
    struct tc_crosscheck check;
    struct tc_deviation deviation;
    struct tc_switch report;

    if (timecounters_init(&set, 10000000) != TC_OK || tc_register(&set, &fine) != TC_OK ||
        tc_register(&set, &acpi) != TC_OK || tc_choose(&set, NULL) != TC_OK)
        return 1;

    if (tc_crosscheck_begin(&check, &acpi, &fine) != TC_OK)
        return 1;
    ns += 1000000000; /* let a second pass */
    if (tc_crosscheck_end(&check, &deviation) != TC_OK)
        return 1;
    if (tc_deviates(&deviation, 50000)) /* 5 per cent */
        return 1;

    if (tc_select(&set, "ACPI-fast", &report) != TC_OK || report.from != &fine)
        return 1;
    return report.uncertainty_ns < 400 ? 0 : 1; /* a tick of ACPI-fast is 280 ns */
}
