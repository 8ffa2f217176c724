/* SPDX-License-Identifier: 0BSD */
/* Converts between seconds since 1970 and dates of the civil calendar. */
#include "calendar.h"

#include "divide.h"

enum { CALENDAR_DAY_SECONDS = 86400, CALENDAR_ERA_DAYS = 146097, CALENDAR_WEEK_DAYS = 7 };

/*
 * Days are counted from 0000-03-01, so that the leap day is the last of its year, and the days of
 * the months before a date are the same in every year. 1970-01-01 is day 719468 of that count.
 */
enum { CALENDAR_DAY_OF_1970 = 719468 };

/*
 * Added so that no day is negative: more eras of 400 years than 2^63 seconds have. Each is a whole
 * number of weeks.
 */
enum { CALENDAR_ERAS_BEFORE = 1 << 30 };

/* Returns the day, counted from 1970, and the second of it: both rounded towards the past. */
static int64_t calendar_split(int64_t seconds, uint32_t *of_day)
{
    uint64_t rest, whole;

    if (seconds >= 0) {
        whole = tsc_scale_rest((uint64_t)seconds, 1, CALENDAR_DAY_SECONDS, &rest);
        *of_day = (uint32_t)rest;
        return (int64_t)whole;
    }
    whole = tsc_scale_rest((uint64_t)(-1 - seconds), 1, CALENDAR_DAY_SECONDS, &rest);
    *of_day = CALENDAR_DAY_SECONDS - 1 - (uint32_t)rest;
    return -1 - (int64_t)whole;
}

struct calendar_date calendar_from_seconds(int64_t seconds)
{
    struct calendar_date date;
    uint32_t of_day, day, year_of_era, day_of_year, m;
    uint64_t days, era, rest;

    days = (uint64_t)calendar_split(seconds, &of_day) + CALENDAR_DAY_OF_1970 +
           (uint64_t)CALENDAR_ERAS_BEFORE * CALENDAR_ERA_DAYS;
    era = tsc_scale_rest(days, 1, CALENDAR_ERA_DAYS, &rest);
    day = (uint32_t)rest;
    year_of_era = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    m = (5 * day_of_year + 2) / 153;                              /* from March */
    (void)tsc_scale_rest(days + 3, 1, CALENDAR_WEEK_DAYS, &rest); /* 0000-03-01 was a Wednesday */

    date.month = (int)(m < 10 ? m + 3 : m - 9);
    date.year =
        ((int64_t)era - CALENDAR_ERAS_BEFORE) * 400 + (int64_t)year_of_era + (date.month <= 2);
    date.day = (int)(day_of_year - (153 * m + 2) / 5 + 1);
    date.hour = (int)(of_day / 3600);
    date.minute = (int)(of_day / 60 % 60);
    date.second = (int)(of_day % 60);
    date.weekday = (int)rest;
    return date;
}

bool calendar_to_seconds(const struct calendar_date *d, int64_t *seconds)
{
    static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    uint32_t year, m, days;
    bool leap;

    if (d->year < 1 || d->year > 9999 || d->month < 1 || d->month > 12)
        return 0;
    year = (uint32_t)d->year;
    leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (d->day < 1 || d->day > lengths[d->month - 1] + (d->month == 2 && leap) || d->hour < 0 ||
        d->hour > 23 || d->minute < 0 || d->minute > 59 || d->second < 0 || d->second > 59)
        return 0;
    year -= d->month <= 2;
    m = (uint32_t)(d->month > 2 ? d->month - 3 : d->month + 9);
    days =
        year * 365 + year / 4 - year / 100 + year / 400 + (153 * m + 2) / 5 + (uint32_t)d->day - 1;
    *seconds = ((int64_t)days - CALENDAR_DAY_OF_1970) * CALENDAR_DAY_SECONDS + d->hour * 3600 +
               d->minute * 60 + d->second;
    return 1;
}
