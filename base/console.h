/* SPDX-License-Identifier: 0BSD */
/*
 * The console for people: COM1.  Only one vCPU prints at a time: the boot vCPU, or the one that
 * ends the run.
 */
#ifndef BASE_CONSOLE_H
#define BASE_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

/* False if there is no port: then printing does nothing. */
bool console_init(void);

/* Writes text; lines end in "\n". */
void console_write(const char *text, size_t length);

/*
 * Writes text that begins at a line's start; a line longer than CONSOLE_COLUMNS goes on in the
 * next, `indent` blanks in, after the last blank that fits.
 */
enum { CONSOLE_COLUMNS = 80 };
void console_write_wrapped(const char *text, size_t length, size_t indent);

/* console_read() returns the next received byte, or -1; console_peek() leaves it in place. */
int console_read(void);
int console_peek(void);

#endif
