/* SPDX-License-Identifier: 0BSD */
/*
 * The editor of the shell's lines, at a terminal that the test makes.
 */
#include "kernel/shell/line.h"
#include "tests/check.h"
#include <inttypes.h>
#include <string.h>

static uint64_t random_state = 1;

static struct line line;

/*
 * A terminal of one endless line, as far as the editor uses one: what stands on it must be the
 * prompt and the line, and the cursor where the line has it.
 */
static struct {
    char row[2 * LINE_SIZE];
    size_t column, escape;
    char sequence[16];
} screen;

static void clear_from(size_t column)
{
    memset(screen.row + column, ' ', sizeof(screen.row) - column);
}

static void end_sequence(char key)
{
    unsigned n = (unsigned)atoi(screen.sequence + 1);

    if (key == 'D')
        screen.column -= n;
    else if (key == 'K')
        clear_from(screen.column);
    else if (key == 'J')
        clear_from(0);
    else if (key == 'H')
        screen.column = 0;
    else
        fail_msg("the terminal was sent ESC %s%c", screen.sequence, key);
}

static void screen_put(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char c = text[i];
        if (screen.escape) {
            if (screen.escape > 1 && c >= '@') {
                end_sequence(c);
                screen.escape = 0;
            } else if (screen.escape < sizeof(screen.sequence)) {
                screen.sequence[screen.escape - 1] = c;
                screen.sequence[screen.escape++] = 0;
            }
        } else if (c == 0x1b) {
            screen.escape = 1;
        } else if (c == '\r') {
            screen.column = 0;
        } else if (c == '\n') {
            screen.column = 0;
            clear_from(0);
        } else if (c >= ' ' && screen.column < sizeof(screen.row)) {
            screen.row[screen.column++] = c;
        }
    }
}

static void begin(bool edit)
{
    memset(&screen, 0, sizeof(screen));
    clear_from(0);
    line = (struct line){.edit = edit, .prompt = "# ", .put = screen_put};
    line_begin(&line);
}

static bool screen_is_right(void)
{
    return !memcmp(screen.row, "# ", 2) && !memcmp(screen.row + 2, line.text, line.length) &&
           screen.row[2 + line.length] == ' ' && screen.column == 2 + line.cursor;
}

/* Type the keys; what the last of them led to. */
static enum line_event type(const char *keys)
{
    enum line_event event = LINE_MORE;

    for (; *keys; keys++) {
        if (event != LINE_MORE)
            line_begin(&line);
        event = line_take(&line, (uint8_t)*keys);
    }
    return event;
}

static void keys_edit_the_line(void **unused)
{
    static const struct {
        const char *keys, *text;
    } cases[] = {
        {"abc", "abc"},
        {"abc\x7f\x08"
         "d",
         "ad"},
        {"bc\x01"
         "a\x05"
         "d",
         "abcd"},
        {"ad\x02"
         "c\x02"
         "b",
         "abcd"},
        {"abc\x02\x02\x06X", "abXc"},
        {"abcdef\033[D\033[D\033[DX\033[CY", "abcXdYef"},
        {"abc\033[HX\033[FY\033OHZ\033OF!", "ZXabcY!"},
        {"abc\033[1~X\033[4~Y\033[7~Z\033[8~!", "ZXabcY!"},
        {"abc\001\033[3~", "bc"},
        {"abc\001\004", "bc"},
        {"abc\033[D\013", "ab"},
        {"abc\025X", "X"},
        {"one two  three \027X", "one two  X"},
        {"one\027\027X", "X"},
        {"abc\003X", "X"},
        {"abc\033[1;5DX", "abXc"},
        {"a\033zb\033[99~c\033[Zd", "abcd"},
        {"abc\014X", "abcX"},
        {"\033[3~\177\013\027\033[D\033[C\033[B\033[Aok", "ok"},
    };

    (void)unused;
    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(true);
        (void)type(cases[i].keys);
        assert_that(!strcmp(line.text, cases[i].text), "case %u gives '%s', not '%s'", i, line.text,
                    cases[i].text);
        assert_that(screen_is_right(), "case %u shows '%.40s'", i, screen.row);
        assert_that(type("\r") == LINE_DONE, "case %u does not end", i);
    }
}

static void every_end_of_a_line_ends_one(void **unused)
{
    char many[LINE_SIZE + 10];

    (void)unused;
    for (unsigned edit = 0; edit < 2; edit++) {
        begin(edit);
        assert_that(type("a\r") == LINE_DONE && !strcmp(line.text, "a"), "'%s'", line.text);
        line_begin(&line);
        assert_that(type("\n") == LINE_MORE, "the second of CR LF is a line");
        assert_that(type("\n") == LINE_DONE && !*line.text, "'%s'", line.text);
        line_begin(&line);
        assert_that(type("\004") == LINE_END, "^D on an empty line");
        line_begin(&line);
        assert_that(type("ab\xff\x80\n") == LINE_NO_TEXT && line.strange == 2, "%" PRIu64,
                    line.strange);
        line_begin(&line);
        assert_that(line_take(&line, 0) == LINE_MORE && type("\n") == LINE_NO_TEXT, "NUL");
        line_begin(&line);
        memset(many, 'x', sizeof(many));
        many[LINE_SIZE - 1] = 0;
        assert_that(type(many) == LINE_MORE && type("\n") == LINE_DONE &&
                        strlen(line.text) == LINE_SIZE - 1,
                    "%zu characters", strlen(line.text));
        line_begin(&line);
        many[LINE_SIZE - 1] = 'x';
        many[LINE_SIZE] = 0;
        assert_that(type(many) == LINE_MORE && type("\xff\033[A\n") == LINE_TOO_LONG,
                    "one too many");
        line_begin(&line);
        assert_that(type("ok\n") == LINE_DONE && !strcmp(line.text, "ok"), "'%s'", line.text);
    }
    begin(false);
    (void)type("a\tb");
    assert_that(!strcmp(line.text, "a b"), "a tab from a pipe: '%s'", line.text);
    assert_that(type("\033[A\n") == LINE_NO_TEXT, "a key from a pipe");
    begin(true);
    (void)type(many);
    assert_that(type("\025ok\n") == LINE_DONE && !strcmp(line.text, "ok"), "^U in a line too long");
}

static void history_comes_back(void **unused)
{
    char keys[16];

    (void)unused;
    begin(true);
    assert_that(type("one\rtwo\rtwo\r\rthree\r") == LINE_DONE, "three lines");
    line_begin(&line);
    (void)type("dra\033[A");
    assert_that(!strcmp(line.text, "three"), "'%s'", line.text);
    (void)type("\020");
    assert_that(!strcmp(line.text, "two"), "'%s'", line.text);
    (void)type("\033OA");
    assert_that(!strcmp(line.text, "one"), "a repetition is kept once: '%s'", line.text);
    (void)type("\033[A");
    assert_that(!strcmp(line.text, "one"), "'%s'", line.text);
    (void)type("\033[B\016\033[B");
    assert_that(!strcmp(line.text, "dra") && screen_is_right(), "the draft: '%s'", line.text);
    (void)type("\r");
    for (int i = 0; i < 40; i++) {
        line_begin(&line);
        snprintf(keys, sizeof(keys), "n%d\r", i);
        (void)type(keys);
    }
    line_begin(&line);
    for (int i = 0; i < 40; i++)
        (void)type("\033[A");
    assert_that(!strcmp(line.text, "n24"), "the oldest of 16: '%s'", line.text);
}

/* A command, and three names. */
static bool next_name(bool first, bool command, char *name)
{
    static const char *const names[] = {"clocks ", "abcdef", "tree.one", "tree.other"};
    static unsigned next;

    if (first)
        next = command ? 0 : 1;
    if (next == (command ? 1 : 4))
        return false;
    strcpy(name, names[next++]);
    return true;
}

static void tab_completes_a_word(void **unused)
{
    static const struct {
        const char *keys, *text;
    } cases[] = {
        {"x ab y\002\002\t!", "x abcdef! y"}, /* one name begins so */
        {"cl\t", "clocks "},
        {"x tr\t", "x tree.o"}, /* what two have in common */
        {"x tree.o\t", "x tree.o"},
        {"x tree.ot\t", "x tree.other"},
        {"ab\t", "ab"}, /* no command */
        {"x abcdefg\t", "x abcdefg"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(true);
        line.next_name = next_name;
        (void)type(cases[i].keys);
        assert_that(!strcmp(line.text, cases[i].text) && screen_is_right(), "'%s' becomes '%s'",
                    cases[i].keys, line.text);
    }
}

static void any_bytes_leave_a_whole_line(void **unused)
{
    static const char keys[] =
        "\001\002\003\005\006\010\013\014\016\020\025\027\177\033\033[ABCDHF~ab ";
    const uint64_t count = test_count();
    uint64_t lines = 0;

    (void)unused;
    for (unsigned edit = 0; edit < 2; edit++) {
        begin(edit);
        for (uint64_t i = 0; i < count; i++) {
            uint64_t r = next_random(&random_state);
            uint8_t byte = r % 3 ? (uint8_t)keys[r / 3 % (sizeof(keys) - 1)] : (uint8_t)(r >> 8);
            if (r % 1021 == 0)
                byte = '\n';
            enum line_event event = line_take(&line, byte);
            assert_that(line.length < LINE_SIZE && line.cursor <= line.length &&
                            !line.text[line.length] && strlen(line.text) == line.length,
                        "after %" PRIu64 " bytes: length %zu, cursor %zu", i, line.length,
                        line.cursor);
            if (edit && event == LINE_MORE && !line.dropping)
                assert_that(screen_is_right(), "after %" PRIu64 " bytes: '%.40s'", i, screen.row);
            if (event != LINE_MORE) {
                lines++;
                line_begin(&line);
            }
        }
    }
    figures("%llu bytes made %" PRIu64 " lines", 2 * (unsigned long long)count, lines);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_edit_the_line),
        cmocka_unit_test(every_end_of_a_line_ends_one),
        cmocka_unit_test(history_comes_back),
        cmocka_unit_test(tab_completes_a_word),
        cmocka_unit_test(any_bytes_leave_a_whole_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
