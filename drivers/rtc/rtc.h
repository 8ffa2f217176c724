/* SPDX-License-Identifier: 0BSD */
/* The CMOS real-time clock. */
#ifndef DRIVERS_RTC_RTC_H
#define DRIVERS_RTC_RTC_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Returns the date in *seconds, since 1970-01-01 00:00:00 UTC, assuming that the clock runs in
 * UTC.  It covers the years 1970 to 9999 if the FADT names the century register
 * (`century_register`; 0: it names none), otherwise 2020 to 2119, and 2000 to 2199 if the PC's
 * usual register holds a plausible century.  It waits until two reads agree.  False if there is
 * no clock, or its fields are not a date.
 */
bool rtc_read(uint8_t century_register, uint64_t *seconds);

#endif
