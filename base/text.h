/* SPDX-License-Identifier: 0BSD */
/* Compares and measures words, and parses numbers. */
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

/* Returns what follows `start` in `text`, or NULL if `text` does not start with it. */
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
 * Parses an integer and nothing else: decimal, or hexadecimal after 0x; '-' is returned
 * separately.  False if it is not one, or does not fit in 64 bits.
 */
bool text_number(const char *text, bool *negative, uint64_t *magnitude);

#endif
