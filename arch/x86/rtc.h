/* SPDX-License-Identifier: 0BSD */
/* The CMOS real-time clock. */
#ifndef ARCH_X86_RTC_H
#define ARCH_X86_RTC_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Seconds since 1970-01-01 00:00:00 UTC, taking the clock to run in UTC.  Waits until the value
 * holds still over two reads.  False when there is no clock, or its fields are not a date.
 */
bool rtc_read(uint64_t *seconds);

#endif
