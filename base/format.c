/* SPDX-License-Identifier: 0BSD */
/* Formats text for the report, the console and the sysctl tree. */
#include "base/format.h"
#include <stdbool.h>
#include <stdint.h>

struct out {
    char *at, *end;
};

static void put(struct out *o, char c)
{
    if (o->at < o->end)
        *o->at++ = c;
}

static void put_padded(struct out *o, const char *text, int length, int width, bool left, char fill)
{
    for (int i = length; !left && i < width; i++)
        put(o, fill);
    for (int i = 0; i < length; i++)
        put(o, text[i]);
    for (int i = length; left && i < width; i++)
        put(o, ' ');
}

static void put_number(struct out *o, uint64_t value, unsigned base, char sign, int width,
                       bool left, bool zero)
{
    char digits[24];
    int at = sizeof(digits);

    do {
        digits[--at] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value);
    if (sign && zero) {
        put(o, sign);
        width--;
    } else if (sign) {
        digits[--at] = sign;
    }
    put_padded(o, digits + at, (int)sizeof(digits) - at, width, left, zero ? '0' : ' ');
}

size_t format_va(char *to, size_t size, const char *f, va_list args)
{
    struct out o = {to, to + size - 1};

    for (; *f; f++) {
        if (*f != '%') {
            put(&o, *f);
            continue;
        }
        const char *conversion = f;
        bool left = false, zero = false, plus = false, is_long = false;
        int width = 0, precision = -1;
        for (f++; *f == '-' || *f == '0' || *f == '+'; f++)
            *(*f == '-' ? &left : *f == '0' ? &zero : &plus) = true;
        if (*f == '*') {
            width = va_arg(args, int);
            left = left || width < 0;
            width = width < 0 ? -width : width;
            f++;
        }
        for (; *f >= '0' && *f <= '9'; f++)
            width = width * 10 + (*f - '0');
        if (*f == '.') {
            for (precision = 0, f++; *f >= '0' && *f <= '9'; f++)
                precision = precision * 10 + (*f - '0');
        }
        for (; *f == 'l'; f++)
            is_long = true;
        switch (*f) {
        case 'd': {
            int64_t v = is_long ? va_arg(args, long) : va_arg(args, int);
            put_number(&o, v < 0 ? -(uint64_t)v : (uint64_t)v, 10,
                       v < 0  ? '-'
                       : plus ? '+'
                              : 0,
                       width, left, zero);
            break;
        }
        case 'u':
        case 'x': {
            uint64_t v = is_long ? va_arg(args, unsigned long) : va_arg(args, unsigned);
            put_number(&o, v, *f == 'u' ? 10 : 16, 0, width, left, zero);
            break;
        }
        case 'c':
            put_padded(&o, &(char){(char)va_arg(args, int)}, 1, width, left, ' ');
            break;
        case 's': {
            const char *s = va_arg(args, const char *);
            int length = 0;
            while (length != precision && s[length])
                length++;
            put_padded(&o, s, length, width, left, ' ');
            break;
        }
        case '%':
            put(&o, '%');
            break;
        default:
            /* Print it unchanged; it may be the end of the format. */
            for (; conversion < f; conversion++)
                put(&o, *conversion);
            f--;
            break;
        }
    }
    *o.at = 0;
    return (size_t)(o.at - to);
}

size_t format(char *to, size_t size, const char *f, ...)
{
    va_list args;

    va_start(args, f);
    size_t n = format_va(to, size, f, args);
    va_end(args);
    return n;
}
