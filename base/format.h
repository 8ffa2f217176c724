/* SPDX-License-Identifier: 0BSD */
/*
 * The subset of printf's formats that a report needs: %s %c %d %u %x %ld %lu %lx %% with '-',
 * '+', '0' and a width (a number or '*'), and %.Ns.  Anything else is printed unchanged.
 */
#ifndef BASE_FORMAT_H
#define BASE_FORMAT_H

#include <stdarg.h>
#include <stddef.h>

/* Writes at most size - 1 characters and a final 0; returns the number of characters written. */
size_t format_va(char *to, size_t size, const char *format, va_list args);
size_t format(char *to, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* A number in thousandths, as arguments for MILLI_FORMAT. */
#define MILLI(x)     (unsigned long)((x) / 1000), (unsigned long)((x) % 1000)
#define MILLI_FORMAT "%lu.%03lu"
/* ns as seconds with nine digits. */
#define SECONDS(ns)    (unsigned long)((ns) / 1000000000u), (unsigned long)((ns) % 1000000000u)
#define SECONDS_FORMAT "%lu.%09lu"

#endif
