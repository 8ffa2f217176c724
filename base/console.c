/* SPDX-License-Identifier: 0BSD */
/* The console: everything that the report and the shell print goes to COM1 here. */
#include "base/console.h"
#include "arch/x86/serial.h"

static bool present;

bool console_init(void)
{
    present = serial_init(COM1);
    return present;
}

/* A terminal also needs a carriage return. */
void console_write(const char *text, size_t length)
{
    size_t start = 0;

    if (!present)
        return;
    for (size_t i = 0; i < length; i++) {
        if (text[i] != '\n')
            continue;
        serial_write(COM1, text + start, i - start);
        serial_write(COM1, "\r\n", 2);
        start = i + 1;
    }
    serial_write(COM1, text + start, length - start);
}

void console_write_wrapped(const char *text, size_t length, size_t indent)
{
    size_t column = 0, start = 0, blank = 0;

    for (size_t i = 0; i < length; i++, column++) {
        if (text[i] == '\n') {
            column = (size_t)-1;
            blank = 0;
        } else if (text[i] == ' ' && column > indent) {
            blank = i;
        }
        if (column == (size_t)-1 || column < CONSOLE_COLUMNS || !blank)
            continue;
        console_write(text + start, blank - start);
        console_write("\n", 1);
        for (size_t n = 0; n < indent; n++)
            console_write(" ", 1);
        start = blank + 1;
        column = indent + i - start;
        blank = 0;
    }
    console_write(text + start, length - start);
}

static int peeked = -1;

int console_peek(void)
{
    if (present && peeked < 0)
        peeked = serial_read(COM1);
    return peeked;
}

int console_read(void)
{
    int byte = console_peek();

    peeked = -1;
    return byte;
}
