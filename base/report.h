/* SPDX-License-Identifier: 0BSD */
/* What report.c and record.c share. */
#ifndef BASE_REPORT_H
#define BASE_REPORT_H

#include <stddef.h>

/*
 * Writes text to the console, unless it is detail that is not wanted; wraps long lines, with this
 * indentation, unless it is 0.
 */
void report_write(const char *text, size_t length, size_t indent);

#endif
