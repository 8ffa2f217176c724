/* SPDX-License-Identifier: 0BSD */
/* Words: compared, measured, read as numbers. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool text_same(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

/* What stands behind `start` in `text`, or NULL when it does not start with it. */
static inline const char *text_behind(const char *text, const char *start)
{
    while (*start) {
        if (*text++ != *start++)
            return NULL;
    }
    return text;
}

static inline size_t text_length(const char *text)
{
    size_t n = 0;

    while (text[n])
        n++;
    return n;
}

/*
 * A whole number and nothing else: decimal, or hexadecimal after 0x; a '-' is kept apart.  False:
 * it is none, or 64 bits do not hold it.
 */
bool text_number(const char *text, bool *negative, uint64_t *magnitude);

#endif
