/* SPDX-License-Identifier: 0BSD */
/* Dates as text, and those from 1970 on; <tsc/calendar.h> has the calendar. */
#ifndef BASE_CALENDAR_H
#define BASE_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>
#include <tsc/calendar.h>

#define NS_PER_SECOND UINT64_C(1000000000)

/*
 * Returns the date in *seconds, since 1970; false if there is no such date, or it is before 1970
 * or after 9999.
 */
bool date_seconds(const struct calendar_date *date, uint64_t *seconds);

/*
 * Parses a date in date(1)'s form, [[[[[cc]yy]mm]dd]HH]MM[.ss], or YYYY-MM-DD[ HH:MM[:SS]].
 * Parts left out on the left are those of `now`, on the right 0.  The ranges are not checked: see
 * date_seconds().
 */
bool date_read(const char *text, const struct calendar_date *now, struct calendar_date *date);

enum { DATE_SIZE = 40 };

/* Formats as "2026-11-22 18:15:01"; `to` has DATE_SIZE bytes. */
void format_date(char *to, uint64_t seconds);
/* Formats as ctime(3) and date(1) do: "Sun Nov 22 18:15:01 2026"; a zone goes before the year. */
void format_ctime(char *to, uint64_t seconds, const char *zone);

#endif
