/* SPDX-License-Identifier: 0BSD */
/*
 * Gives lib/tsc the registers of the PC's CMOS clock, for the date that kernel/clock/ uses if the
 * host gives none.
 */
#include "drivers/rtc/rtc.h"
#include "arch/x86/io.h"
#include <stddef.h>
#include <tsc/rtc.h>

static uint8_t cmos(void *context, uint8_t index)
{
    (void)context;
    outb(0x70, index);
    return inb(0x71);
}

bool rtc_read(uint8_t century_register, uint64_t *seconds)
{
    static const struct tsc_rtc rtc = {cmos, NULL};

    return tsc_rtc_seconds(&rtc, century_register, seconds) == TSC_OK;
}
