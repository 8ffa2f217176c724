/* SPDX-License-Identifier: 0BSD */
/*
 * The civil calendar: seconds since 1970-01-01 00:00:00 UTC to a date and back, exactly, without
 * libc. It stands alone: copy calendar.[ch], divide.[ch] and types.h.
 *
 * The calendar is the proleptic Gregorian one [1], whose years before 1 are 0, -1, ...; every day
 * has 86400 seconds, as in POSIX [2]: there are no leap seconds. Both functions are pure: any
 * thread may call them at any time.
 *
 * References:
 *  [1] ISO 8601-1:2019, 4.2.1.
 *  [2] POSIX.1-2017, base definitions, 4.16: seconds since the Epoch.
 */
#ifndef TSC_CALENDAR_H
#define TSC_CALENDAR_H

#include "types.h"

#ifdef __cplusplus
extern "C" {
#endif

struct calendar_date {
    int64_t year;
    int month, day;           /* from 1 */
    int hour, minute, second; /* from 0 */
    int weekday;              /* 0: Sunday */
};

/* The first and the last second of the years that calendar_to_seconds() takes, 0001 to 9999. */
#define CALENDAR_FIRST INT64_C(-62135596800)
#define CALENDAR_LAST  INT64_C(253402300799)

/* Returns the date of any number of seconds since 1970, which may be negative. */
struct calendar_date calendar_from_seconds(int64_t seconds);

/*
 * Returns in *seconds the seconds from 1970 to the date; it ignores the weekday. False, and
 * *seconds is as it was, if there is no such date, or its year is not in 1 to 9999.
 */
bool calendar_to_seconds(const struct calendar_date *date, int64_t *seconds);

#ifdef __cplusplus
}
#endif

#endif
