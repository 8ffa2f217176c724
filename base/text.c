/* SPDX-License-Identifier: 0BSD */
/* Parses numbers for the sysctl tree and the shell. */
#include "base/text.h"

static unsigned digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return (unsigned)(c - '0');
    c |= 32;
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

bool text_number(const char *text, bool *negative, uint64_t *magnitude)
{
    unsigned base = 10;
    uint64_t value = 0;

    *negative = *text == '-';
    text += *negative;
    if (text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
        base = 16, text += 2;
    if (!*text)
        return false;
    for (; *text; text++) {
        unsigned digit = digit_of(*text);
        if (digit >= base || value > (UINT64_MAX - digit) / base)
            return false;
        value = value * base + digit;
    }
    *magnitude = value;
    return true;
}
