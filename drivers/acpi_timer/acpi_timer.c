/* SPDX-License-Identifier: 0BSD */
/*
 * Attaches ACPI's PM timer: checks that it counts forward, and makes a timecounter that can be
 * selected or that checks others.
 */
#include "drivers/acpi_timer/acpi_timer.h"
#include "arch/x86/acpi.h"
#include "arch/x86/io.h"

enum { MASK_24 = 0xffffff, READINGS = 8 };

static uint64_t read_counter(void *context)
{
    const struct acpi_timer *timer = context;

    return inl(timer->port);
}

const char *acpi_timer_attach(struct acpi_timer *timer, uint16_t port, bool bits32)
{
    *timer = (struct acpi_timer){
        .port = port,
        .counter =
            {
                .name = "ACPI-fast",
                .reason = TC_REASON_ACPI_FAST,
                .read = read_counter,
                .context = timer,
                .mask = bits32 ? UINT32_MAX : MASK_24,
                .frequency = PM_TIMER_HZ,
                .quality = TC_QUALITY_ACPI_FAST,
            },
    };
    if (!port)
        return "the firmware names no PM timer";

    uint64_t mask = timer->counter.mask, first = inl(port) & mask, last = first;
    for (unsigned i = 0; i < READINGS; i++) {
        uint64_t now = inl(port) & mask;
        if (((now - last) & mask) > mask >> 1)
            return "it counts backwards";
        last = now;
    }
    return last == first ? "it does not count" : NULL;
}
