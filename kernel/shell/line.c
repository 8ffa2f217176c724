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

    if (from == to)
        return;
    move_to(l, from);
    shift(l, from, to);
    show_rest(l);
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

static void redraw(struct line *l, size_t unused)
{
    (void)unused;
    put_text(l, "\033[H\033[2J");
    show_all(l);
}

static void give_up(struct line *l, size_t unused)
{
    (void)unused;
    put_text(l, "^C\n");
    line_begin(l);
}

static void empty(struct line *l, size_t unused)
{
    (void)unused;
    move_to(l, 0);
    clear(l);
    show_rest(l);
}

/* ---- History ----------------------------------------------------------- */

static char *earlier(struct line *l, size_t back)
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
static void recall(struct line *l, size_t back)
{
    if (back > l->kept) {
        bell(l);
        return;
    }
    if (l->back == 0)
        format(l->draft, sizeof(l->draft), "%s", l->text);
    l->back = (unsigned)back;
    l->length = format(l->text, sizeof(l->text), "%s", back ? earlier(l, back) : l->draft);
    l->cursor = l->length;
    show_all(l);
}

/* ---- Completion -------------------------------------------------------- */

/* Asks for the next name that begins with the word from `start` to the cursor; NULL: no more. */
static const char *next_match(struct line *l, size_t start, bool first)
{
    static char name[LINE_SIZE];

    for (; l->next_name && l->next_name(first, start == 0, name); first = false) {
        size_t i = start;
        while (i < l->cursor && name[i - start] == l->text[i])
            i++;
        if (i == l->cursor)
            return name;
    }
    return NULL;
}

/* Adds what all names have in common that begin with the word; if that is nothing, shows them. */
static void complete(struct line *l, size_t unused)
{
    char common[LINE_SIZE] = "";
    unsigned matches = 0;
    size_t start = l->cursor;
    const char *name;

    (void)unused;
    while (start > 0 && l->text[start - 1] != ' ')
        start--;
    while ((name = next_match(l, start, matches == 0))) {
        const char *rest = name + (l->cursor - start);
        size_t i = 0;
        if (matches++ == 0)
            format(common, sizeof(common), "%s", rest);
        while (common[i] && common[i] == rest[i])
            i++;
        common[i] = 0;
    }
    if (!common[0])
        bell(l);
    for (const char *c = common; *c && l->length < LINE_SIZE - 1; c++)
        insert(l, *c);
    if (matches < 2 || common[0])
        return;
    for (bool first = true; (name = next_match(l, start, first)); first = false) {
        put_text(l, "\n");
        put_text(l, name);
    }
    put_text(l, "\n");
    show_all(l);
}

/* ---- Keys -------------------------------------------------------------- */

/* Where a key moves to, or up to where it cuts; or how many lines back it recalls. */
enum place { START, END, LEFT, RIGHT, WORD, OLDER, NEWER };

static size_t place_of(const struct line *l, enum place place)
{
    const size_t places[] = {
        [START] = 0,
        [END] = l->length,
        [LEFT] = l->cursor - (l->cursor > 0),
        [RIGHT] = l->cursor + (l->cursor < l->length),
        [WORD] = start_of_word(l),
        [OLDER] = l->back + 1,
        [NEWER] = (size_t)l->back - 1, /* from the newest: none, as before the oldest */
    };

    return places[place];
}

/* A control character, or the letter at the end of a key's escape sequence. */
static const struct {
    uint8_t byte;
    void (*act)(struct line *l, size_t place);
    enum place place;
} keys[] = {
    {CTRL('A'), move_to, START}, {'H', move_to, START},       {CTRL('E'), move_to, END},
    {'F', move_to, END},         {CTRL('B'), move_to, LEFT},  {'D', move_to, LEFT},
    {CTRL('F'), move_to, RIGHT}, {'C', move_to, RIGHT},       {BACKSPACE, cut, LEFT},
    {DELETE, cut, LEFT},         {CTRL('D'), cut, RIGHT},     {'~', cut, RIGHT},
    {CTRL('W'), cut, WORD},      {CTRL('K'), cut, END},       {CTRL('P'), recall, OLDER},
    {'A', recall, OLDER},        {CTRL('N'), recall, NEWER},  {'B', recall, NEWER},
    {CTRL('U'), empty, START},   {CTRL('C'), give_up, START}, {CTRL('L'), redraw, START},
    {TAB, complete, START},
};

/* False: this is no key. */
static bool press(struct line *l, uint8_t byte)
{
    for (unsigned i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (keys[i].byte == byte) {
            keys[i].act(l, place_of(l, keys[i].place));
            return true;
        }
    }
    bell(l);
    return false;
}

/* ---- Bytes ------------------------------------------------------------- */

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
    (void)press(l, byte);
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
    if (byte == CTRL('D') && !l->length && !l->strange) {
        put_text(l, "\n");
        return LINE_END;
    }
    if (byte == ESC)
        l->escape = ESCAPE_BEGUN;
    else if (!press(l, byte))
        l->strange++;
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
