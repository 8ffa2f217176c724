/* SPDX-License-Identifier: 0BSD */
/*
 * The functions that a freestanding compiler may call by itself [GCC manual, 2.1: freestanding].
 * They use string instructions, which a host that emulates ring 0 executes faster than any loop.
 */
#include <stddef.h>

void *memset(void *to, int value, size_t length);
void *memcpy(void *restrict to, const void *restrict from, size_t length);
void *memmove(void *to, const void *from, size_t length);
int memcmp(const void *a, const void *b, size_t length);

void *memset(void *to, int value, size_t length)
{
    void *at = to;

    __asm__ volatile("rep stosb" : "+D"(at), "+c"(length) : "a"(value) : "memory");
    return to;
}

void *memcpy(void *restrict to, const void *restrict from, size_t length)
{
    void *at = to;

    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(length) : : "memory");
    return to;
}

void *memmove(void *to, const void *from, size_t length)
{
    const char *last = (const char *)from + length - 1;
    char *at = (char *)to + length - 1;

    if (to <= from || (const char *)to > last)
        return memcpy(to, from, length);
    __asm__ volatile("std\n"
                     "rep movsb\n"
                     "cld"
                     : "+D"(at), "+S"(last), "+c"(length)
                     :
                     : "memory");
    return to;
}

int memcmp(const void *a, const void *b, size_t length)
{
    const unsigned char *x = a, *y = b;

    for (; length > 0; x++, y++, length--) {
        if (*x != *y)
            return *x - *y;
    }
    return 0;
}
