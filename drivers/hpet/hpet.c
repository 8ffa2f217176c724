/* SPDX-License-Identifier: 0BSD */
/*
 * Attaches the HPET: maps and starts its main counter, and makes a timecounter that can be
 * selected or that checks others.
 */
#include "drivers/hpet/hpet.h"
#include "arch/x86/frames.h"
#include "arch/x86/layout.h"
#include "arch/x86/paging.h"

/* Register offsets [1, 2.3]. */
enum hpet_register { HPET_ID = 0x00, HPET_PERIOD = 0x04, HPET_CONFIG = 0x10, HPET_COUNTER = 0xf0 };

enum {
    ID_REVISION = 0xff,     /* never 0 */
    CONFIG_ENABLE = 1 << 0, /* the main counter runs */
    CONFIG_LEGACY = 1 << 1, /* timers 0 and 1 take over the i8254's and the RTC's interrupts */
    REGISTERS_SIZE = 0x400,
    PATIENCE = 1000, /* readings within which it must move: a count is at most 0.1 us */
};

#define FS_PER_SECOND UINT64_C(1000000000000000)
#define MAX_PERIOD_FS 100000000u /* [1, 2.3.4] */

static uint32_t read(const struct hpet *hpet, enum hpet_register r)
{
    return hpet->registers[r / 4];
}

static uint64_t read_counter(void *context)
{
    return read(context, HPET_COUNTER);
}

static const char *map(struct hpet *hpet, uint64_t physical)
{
    const uint64_t va = DEVICE_BASE + 3 * LARGE_PAGE, offset = physical % PAGE_SIZE;

    if (!physical)
        return "the firmware lists no HPET";
    if (offset % 8 || offset > PAGE_SIZE - REGISTERS_SIZE)
        return "its registers are not where they can be";
    if (!page_map(kernel_root(), va, physical & PAGE_ADDRESS, PAGE_DEVICE))
        return "no memory to map its registers";
    hpet->registers = (volatile uint32_t *)(va + offset);
    return NULL;
}

static const char *start(struct hpet *hpet)
{
    uint32_t id = read(hpet, HPET_ID);

    if (id == UINT32_MAX || !(id & ID_REVISION))
        return "nothing answers at its address";
    hpet->period_fs = read(hpet, HPET_PERIOD);
    if (hpet->period_fs == 0 || hpet->period_fs > MAX_PERIOD_FS)
        return "its period is none that the specification allows";
    uint32_t config = read(hpet, HPET_CONFIG) & ~(uint32_t)CONFIG_LEGACY;
    hpet->registers[HPET_CONFIG / 4] = config | CONFIG_ENABLE;
    uint32_t first = read(hpet, HPET_COUNTER);
    for (unsigned i = 0; i < PATIENCE; i++) {
        if (read(hpet, HPET_COUNTER) != first)
            return NULL;
    }
    return "it does not count";
}

const char *hpet_attach(struct hpet *hpet, uint64_t physical)
{
    *hpet = (struct hpet){
        .counter =
            {
                .name = "HPET",
                .reason = TC_REASON_HPET,
                .read = read_counter,
                .context = hpet,
                .mask = UINT32_MAX,
                .quality = TC_QUALITY_HPET,
            },
    };
    const char *wrong = map(hpet, physical);
    if (!wrong)
        wrong = start(hpet);
    if (!wrong)
        hpet->counter.frequency = (FS_PER_SECOND + hpet->period_fs / 2) / hpet->period_fs;
    return wrong;
}
