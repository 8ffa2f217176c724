/* SPDX-License-Identifier: 0BSD */
/* The CMOS real-time clock. */
#ifndef DRIVERS_RTC_RTC_H
#define DRIVERS_RTC_RTC_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Returns the date in *seconds, since 1970-01-01 00:00:00 UTC, with the FADT's century register (0:
 * it names none): tsc_rtc_seconds() of <tsc/rtc.h>.  False if there is no clock, or its fields are
 * not a date.
 */
bool rtc_read(uint8_t century_register, uint64_t *seconds);

#endif
