/* SPDX-License-Identifier: 0BSD */
/*
 * Assembles lines from a terminal or a pipe, a byte at a time.
 *
 * On a terminal a line can be edited with the usual keys of a shell, the arrows bring back earlier
 * lines, and typing is echoed with VT100 sequences.  From a pipe nothing is echoed until a line is
 * complete: then the prompt and the line, so that a transcript reads like a session.
 *
 * Any input is allowed: bytes that are not text (controls without a meaning, NUL, 0x80 and up)
 * make the line bad, a line that does not fit is dropped to its end, and both are reported.
 */
#ifndef KERNEL_SHELL_LINE_H
#define KERNEL_SHELL_LINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LINE_SIZE = 256, LINE_HISTORY = 16 };

enum line_event {
    LINE_MORE,     /* the line goes on */
    LINE_DONE,     /* `text` is a whole line, without its end */
    LINE_TOO_LONG, /* it had more than LINE_SIZE - 1 characters: dropped */
    LINE_NO_TEXT,  /* it held `strange` bytes that are not text: dropped */
    LINE_END,      /* ^D on an empty line */
};

struct line {
    /* Set by the caller, before line_begin(). */
    bool edit; /* a terminal */
    const char *prompt;
    void (*put)(const char *text, size_t length); /* to the terminal; "\n" ends a line */
    /*
     * Writes the next name that the line's first word (`command`), or another one, may be completed
     * to into `name` (LINE_SIZE bytes); false: there are no more.  May be NULL.
     */
    bool (*next_name)(bool first, bool command, char *name);

    /* The line. */
    char text[LINE_SIZE];
    size_t length, cursor;
    uint64_t strange;

    /* Private. */
    bool dropping, after_return;
    uint8_t escape;
    uint32_t parameter;
    char history[LINE_HISTORY][LINE_SIZE];
    unsigned kept, newest, back;
    char draft[LINE_SIZE];
};

/* Begins a new line; on a terminal, shows the prompt. */
void line_begin(struct line *l);

/* Takes a byte.  After anything but LINE_MORE, call line_begin() before the next one. */
enum line_event line_take(struct line *l, uint8_t byte);

#endif
