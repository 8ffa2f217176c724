/* SPDX-License-Identifier: 0BSD */
/* Edits and assembles the shell's input lines; knows nothing of the clock. */
#include "kernel/shell/line.h"
#include "base/format.h"
#include "base/text.h"

/* Positions within the escape sequence of a key: ESC [ 3 ~, ESC O H. */
enum { ESCAPE_NONE, ESCAPE_BEGUN, ESCAPE_CSI, ESCAPE_SS3 };

#define CTRL(letter) (0x1f & (letter))
enum { BACKSPACE = 0x08, TAB = 0x09, NEW_LINE = 0x0a, RETURN = 0x0d, ESC = 0x1b, DELETE = 0x7f };

/* ---- What the terminal shows ------------------------------------------- */

static void put_text(struct line *l, const char *text)
{
    l->put(text, text_length(text));
}

static void put_left(struct line *l, size_t columns)
{
    char sequence[16];

    if (columns)
        l->put(sequence, format(sequence, sizeof(sequence), "\033[%luD", (unsigned long)columns));
}

static void bell(struct line *l)
{
    if (l->edit)
        l->put("\a", 1);
}

/* Shows the line from the cursor on and clears what followed it; the cursor stays. */
static void show_rest(struct line *l)
{
    l->put(l->text + l->cursor, l->length - l->cursor);
    put_text(l, "\033[K");
    put_left(l, l->length - l->cursor);
}

static void show_all(struct line *l)
{
    put_text(l, "\r");
    put_text(l, l->prompt);
    l->put(l->text, l->length);
    put_text(l, "\033[K");
    put_left(l, l->length - l->cursor);
}

/* ---- Editing ----------------------------------------------------------- */

static void move_to(struct line *l, size_t cursor)
{
    if (cursor < l->cursor)
        put_left(l, l->cursor - cursor);
    else
        l->put(l->text + l->cursor, cursor - l->cursor);
    l->cursor = cursor;
}

static void shift(struct line *l, size_t to, size_t from)
{
    size_t rest = l->length - from;

    if (to < from) {
        for (size_t i = 0; i < rest; i++)
            l->text[to + i] = l->text[from + i];
    } else {
        for (size_t i = rest; i-- > 0;)
            l->text[to + i] = l->text[from + i];
    }
    l->length = to + rest;
    l->text[l->length] = 0;
}

static void insert(struct line *l, char c)
{
    if (l->length == LINE_SIZE - 1) {
        l->dropping = true;
        bell(l);
        return;
    }
    shift(l, l->cursor + 1, l->cursor);
    l->text[l->cursor++] = c;
    if (!l->edit)
        return;
    l->put(&c, 1);
    if (l->cursor < l->length)
        show_rest(l);
}

/* Removes what is between the cursor and `place`. */
static void cut(struct line *l, size_t place)
{
    size_t from = place < l->cursor ? place : l->cursor;
    size_t to = place < l->cursor ? l->cursor : place;

    move_to(l, from);
    shift(l, from, to);
    show_rest(l);
}

static void delete_right(struct line *l)
{
    if (l->cursor < l->length)
        cut(l, l->cursor + 1);
}

static size_t start_of_word(const struct line *l)
{
    size_t at = l->cursor;

    while (at > 0 && l->text[at - 1] == ' ')
        at--;
    while (at > 0 && l->text[at - 1] != ' ')
        at--;
    return at;
}

static void clear(struct line *l)
{
    l->length = l->cursor = 0;
    l->text[0] = 0;
    l->dropping = false;
    l->strange = 0;
}

/* ---- History ----------------------------------------------------------- */

static char *earlier(struct line *l, unsigned back)
{
    return l->history[(l->newest + LINE_HISTORY - (back - 1)) % LINE_HISTORY];
}

static void keep(struct line *l)
{
    if (!l->length || (l->kept && text_same(earlier(l, 1), l->text)))
        return;
    l->newest = (l->newest + 1) % LINE_HISTORY;
    l->kept += l->kept < LINE_HISTORY;
    format(l->history[l->newest], LINE_SIZE, "%s", l->text);
}

/* Shows the line of `back` lines ago; 0 is the one that was being written. */
static void recall(struct line *l, unsigned back)
{
    if (back > l->kept) {
        bell(l);
        return;
    }
    if (l->back == 0)
        format(l->draft, sizeof(l->draft), "%s", l->text);
    l->back = back;
    l->length = format(l->text, sizeof(l->text), "%s", back ? earlier(l, back) : l->draft);
    l->cursor = l->length;
    show_all(l);
}

/* ---- Bytes ------------------------------------------------------------- */

static void complete(struct line *l)
{
    char more[LINE_SIZE];
    size_t start = l->cursor;

    while (start > 0 && l->text[start - 1] != ' ')
        start--;
    more[0] = 0;
    if (!l->complete)
        return;
    if (l->complete(l->text + start, l->cursor - start, more)) {
        show_all(l);
        return;
    }
    if (!more[0])
        bell(l);
    for (const char *c = more; *c && l->length < LINE_SIZE - 1; c++)
        insert(l, *c);
}

static enum line_event end_line(struct line *l)
{
    enum line_event event = l->dropping ? LINE_TOO_LONG : l->strange ? LINE_NO_TEXT : LINE_DONE;

    l->escape = ESCAPE_NONE;
    if (l->edit) {
        put_text(l, "\n");
    } else if (event == LINE_DONE) {
        put_text(l, l->prompt);
        l->put(l->text, l->length);
        put_text(l, "\n");
    }
    if (event == LINE_DONE)
        keep(l);
    return event;
}

/* Handles the last byte of a sequence, which names the key. */
static void take_key(struct line *l, uint8_t byte)
{
    if (byte == '~')
        byte = l->parameter == 1 || l->parameter == 7   ? 'H'
               : l->parameter == 4 || l->parameter == 8 ? 'F'
               : l->parameter == 3                      ? '~'
                                                        : 0;
    switch (byte) {
    case 'A':
        recall(l, l->back + 1);
        break;
    case 'B':
        if (l->back)
            recall(l, l->back - 1);
        else
            bell(l);
        break;
    case 'C':
        if (l->cursor < l->length)
            move_to(l, l->cursor + 1);
        break;
    case 'D':
        if (l->cursor)
            move_to(l, l->cursor - 1);
        break;
    case 'H':
        move_to(l, 0);
        break;
    case 'F':
        move_to(l, l->length);
        break;
    case '~':
        delete_right(l);
        break;
    default:
        bell(l);
        break;
    }
}

/* Handles a byte inside a sequence. */
static void take_escape(struct line *l, uint8_t byte)
{
    if (l->escape == ESCAPE_BEGUN && (byte == '[' || byte == 'O')) {
        l->escape = byte == '[' ? ESCAPE_CSI : ESCAPE_SS3;
        l->parameter = 0;
    } else if (l->escape == ESCAPE_CSI && byte >= '0' && byte <= '9') {
        l->parameter = l->parameter > 999 ? 999 : l->parameter * 10 + (byte - '0');
    } else if (l->escape == ESCAPE_CSI && byte < '@') {
        /* Ignore more parameters, as of a key with Shift or Ctrl: the key alone counts. */
    } else {
        if (l->escape != ESCAPE_BEGUN)
            take_key(l, byte);
        else
            bell(l);
        l->escape = ESCAPE_NONE;
    }
}

static enum line_event take_control(struct line *l, uint8_t byte)
{
    switch (byte) {
    case CTRL('A'):
        move_to(l, 0);
        break;
    case CTRL('B'):
        take_key(l, 'D');
        break;
    case CTRL('C'):
        put_text(l, "^C\n");
        clear(l);
        line_begin(l);
        break;
    case CTRL('D'):
        if (!l->length && !l->strange) {
            put_text(l, "\n");
            return LINE_END;
        }
        delete_right(l);
        break;
    case CTRL('E'):
        move_to(l, l->length);
        break;
    case CTRL('F'):
        take_key(l, 'C');
        break;
    case BACKSPACE:
    case DELETE:
        if (l->cursor)
            cut(l, l->cursor - 1);
        break;
    case TAB:
        complete(l);
        break;
    case CTRL('K'):
        cut(l, l->length);
        break;
    case CTRL('L'):
        put_text(l, "\033[H\033[2J");
        show_all(l);
        break;
    case CTRL('N'):
        take_key(l, 'B');
        break;
    case CTRL('P'):
        take_key(l, 'A');
        break;
    case CTRL('U'):
        move_to(l, 0);
        clear(l);
        show_rest(l);
        break;
    case CTRL('W'):
        cut(l, start_of_word(l));
        break;
    case ESC:
        l->escape = ESCAPE_BEGUN;
        break;
    default:
        l->strange++;
        bell(l);
        break;
    }
    return LINE_MORE;
}

void line_begin(struct line *l)
{
    clear(l);
    l->escape = ESCAPE_NONE;
    l->back = 0;
    if (l->edit)
        put_text(l, l->prompt);
}

enum line_event line_take(struct line *l, uint8_t byte)
{
    bool second_of_two = l->after_return && byte == NEW_LINE;

    l->after_return = byte == RETURN;
    if (second_of_two)
        return LINE_MORE;
    if (byte == NEW_LINE || byte == RETURN)
        return end_line(l);
    /* Ignore what does not fit, except for the keys that give the line up. */
    if (l->dropping && !(l->edit && (byte == CTRL('C') || byte == CTRL('U'))))
        return LINE_MORE;
    if (byte >= ' ' && byte < DELETE) {
        if (l->escape)
            take_escape(l, byte);
        else
            insert(l, (char)byte);
        return LINE_MORE;
    }
    l->escape = ESCAPE_NONE;
    if (l->edit && byte <= DELETE)
        return take_control(l, byte);
    if (byte == CTRL('D') && !l->length && !l->strange)
        return LINE_END;
    if (byte == TAB)
        insert(l, ' ');
    else
        l->strange++;
    if (byte > DELETE)
        bell(l);
    return LINE_MORE;
}
