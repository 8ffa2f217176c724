/* SPDX-License-Identifier: 0BSD */
/* The CMOS real-time clock. */
#ifndef DRIVERS_RTC_RTC_H
#define DRIVERS_RTC_RTC_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Seconds since 1970-01-01 00:00:00 UTC, taking the clock to run in UTC: for the years 1970 to 9999
 * where the FADT names the register of the century, else for 2020 to 2119, and for 2000 to 2199
 * where PCs have it.  `century_register` 0: the FADT names none.  Waits until the value holds still
 * over two reads.  False when there is no clock, or its fields are not a date.
 */
bool rtc_read(uint8_t century_register, uint64_t *seconds);

#endif
