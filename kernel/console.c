/* SPDX-License-Identifier: 0BSD */
#include "kernel/console.h"
#include "arch/x86/serial.h"
#include "kernel/format.h"

static bool present;

bool console_init(void)
{
    present = serial_init(COM1);
    return present;
}

/* A terminal wants a carriage return too. */
static void write_lines(const char *text, size_t length)
{
    size_t start = 0;

    for (size_t i = 0; i < length; i++) {
        if (text[i] != '\n')
            continue;
        serial_write(COM1, text + start, i - start);
        serial_write(COM1, "\r\n", 2);
        start = i + 1;
    }
    serial_write(COM1, text + start, length - start);
}

void print(const char *f, ...)
{
    char line[512];
    va_list args;

    if (!present)
        return;
    va_start(args, f);
    size_t n = format_va(line, sizeof(line), f, args);
    va_end(args);
    write_lines(line, n);
}
