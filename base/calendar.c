/* SPDX-License-Identifier: 0BSD */
/*
 * Dates: converts between seconds since 1970 and the calendar, for the shell, the report and the
 * RTC's date.
 */
#include "base/calendar.h"
#include "base/format.h"
#include "base/text.h"

enum { SECONDS_A_DAY = 86400, DAYS_OF_400_YEARS = 146097 };

/*
 * Days are counted from 0000-03-01, so that the leap day is the last of its year, and the days of
 * the months before a date are the same in every year.  1970-01-01 is day 719468 of that count.
 */
enum { DAY_OF_1970 = 719468 };

struct date date_of(uint64_t seconds)
{
    uint64_t days = seconds / SECONDS_A_DAY + DAY_OF_1970;
    uint64_t era = days / DAYS_OF_400_YEARS, day = days % DAYS_OF_400_YEARS;
    uint64_t year_of_era = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    uint64_t day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t m = (5 * day_of_year + 2) / 153;
    int month = (int)(m < 10 ? m + 3 : m - 9);
    int of_day = (int)(seconds % SECONDS_A_DAY);

    return (struct date){
        .year = (int64_t)(era * 400 + year_of_era) + (month <= 2),
        .month = month,
        .day = (int)(day_of_year - (153 * m + 2) / 5 + 1),
        .hour = of_day / 3600,
        .minute = of_day / 60 % 60,
        .second = of_day % 60,
        .weekday = (int)((seconds / SECONDS_A_DAY + 4) % 7),
    };
}

bool date_seconds(const struct date *d, uint64_t *seconds)
{
    static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = d->year % 4 == 0 && (d->year % 100 != 0 || d->year % 400 == 0);

    if (d->year < 1970 || d->year > 9999 || d->month < 1 || d->month > 12 || d->day < 1 ||
        d->day > lengths[d->month - 1] + (d->month == 2 && leap) || d->hour < 0 || d->hour > 23 ||
        d->minute < 0 || d->minute > 59 || d->second < 0 || d->second > 59)
        return false;
    uint64_t year = (uint64_t)d->year - (d->month <= 2);
    uint64_t m = (uint64_t)(d->month > 2 ? d->month - 3 : d->month + 9);
    uint64_t days = year * 365 + year / 4 - year / 100 + year / 400 + (153 * m + 2) / 5 +
                    (uint64_t)d->day - 1 - DAY_OF_1970;
    *seconds = days * SECONDS_A_DAY + (uint64_t)(d->hour * 3600 + d->minute * 60 + d->second);
    return true;
}

/* Parses exactly `count` digits. */
static bool take_digits(const char **text, unsigned count, int *number)
{
    *number = 0;
    for (; count > 0; count--, (*text)++) {
        if (**text < '0' || **text > '9')
            return false;
        *number = *number * 10 + (**text - '0');
    }
    return true;
}

static bool take(const char **text, char c)
{
    if (**text != c)
        return false;
    (*text)++;
    return true;
}

static bool read_iso(const char *text, struct date *d)
{
    int year;

    if (!take_digits(&text, 4, &year) || !take(&text, '-') || !take_digits(&text, 2, &d->month) ||
        !take(&text, '-') || !take_digits(&text, 2, &d->day))
        return false;
    d->year = year;
    d->hour = d->minute = d->second = 0;
    if (!*text)
        return true;
    if (!take(&text, ' ') || !take_digits(&text, 2, &d->hour) || !take(&text, ':') ||
        !take_digits(&text, 2, &d->minute))
        return false;
    if (take(&text, ':') && !take_digits(&text, 2, &d->second))
        return false;
    return !*text;
}

bool date_read(const char *text, const struct date *now, struct date *d)
{
    size_t digits = 0;
    int *const parts[] = {&d->month, &d->day, &d->hour, &d->minute};

    while (text[digits] >= '0' && text[digits] <= '9')
        digits++;
    *d = *now;
    d->second = 0;
    if (text[digits] == '-')
        return read_iso(text, d);
    if (digits < 2 || digits > 12 || digits % 2)
        return false;
    if (digits == 12) {
        int year;
        (void)take_digits(&text, 4, &year);
        d->year = year;
        digits -= 4;
    } else if (digits == 10) {
        int year;
        (void)take_digits(&text, 2, &year);
        d->year = year + (year < 69 ? 2000 : 1900); /* as in POSIX */
        digits -= 2;
    }
    for (size_t i = 4 - digits / 2; i < 4; i++)
        (void)take_digits(&text, 2, parts[i]);
    if (take(&text, '.') && !take_digits(&text, 2, &d->second))
        return false;
    return !*text;
}

void format_date(char *to, uint64_t seconds)
{
    struct date d = date_of(seconds);

    format(to, DATE_SIZE, "%04ld-%02d-%02d %02d:%02d:%02d", d.year, d.month, d.day, d.hour,
           d.minute, d.second);
}

void format_ctime(char *to, uint64_t seconds, const char *zone)
{
    struct date d = date_of(seconds);

    format(to, DATE_SIZE, "%.3s %.3s %2d %02d:%02d:%02d %s%s%ld",
           &"SunMonTueWedThuFriSat"[3 * d.weekday],
           &"JanFebMarAprMayJunJulAugSepOctNovDec"[3 * (d.month - 1)], d.day, d.hour, d.minute,
           d.second, zone, *zone ? " " : "", d.year);
}
