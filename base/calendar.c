/* SPDX-License-Identifier: 0BSD */
/* Dates as the shell takes them, and as the shell and the report show them. */
#include "base/calendar.h"
#include "base/format.h"
#include "base/text.h"

bool date_seconds(const struct calendar_date *date, uint64_t *seconds)
{
    int64_t since_1970;

    if (!calendar_to_seconds(date, &since_1970) || since_1970 < 0)
        return false;
    *seconds = (uint64_t)since_1970;
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

static bool read_iso(const char *text, struct calendar_date *d)
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

bool date_read(const char *text, const struct calendar_date *now, struct calendar_date *d)
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
    struct calendar_date d = calendar_from_seconds((int64_t)seconds);

    format(to, DATE_SIZE, "%04ld-%02d-%02d %02d:%02d:%02d", d.year, d.month, d.day, d.hour,
           d.minute, d.second);
}

void format_ctime(char *to, uint64_t seconds, const char *zone)
{
    struct calendar_date d = calendar_from_seconds((int64_t)seconds);

    format(to, DATE_SIZE, "%.3s %.3s %2d %02d:%02d:%02d %s%s%ld",
           &"SunMonTueWedThuFriSat"[3 * d.weekday],
           &"JanFebMarAprMayJunJulAugSepOctNovDec"[3 * (d.month - 1)], d.day, d.hour, d.minute,
           d.second, zone, *zone ? " " : "", d.year);
}
