/* SPDX-License-Identifier: 0BSD */
/* Where people read: COM1.  Only one vCPU prints at a time: the boot vCPU, or the one that ends the
 * run. */
#ifndef BASE_CONSOLE_H
#define BASE_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>

/* False when there is no port: then printing does nothing. */
bool console_init(void);

/* Lines end in "\n". */
void console_write(const char *text, size_t length);

/* The next byte that came in, or -1; peek: it stays. */
int console_read(void);
int console_peek(void);

#endif
