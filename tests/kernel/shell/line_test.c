/* SPDX-License-Identifier: 0BSD */
/*
 * The shell's parts that need no machine, on the host: lines, dates, numbers, the tree.
 *
 * Usage: host_test [COUNT]	COUNT random bytes and commands for the parts that take anything
 */
#include "base/calendar.h"
#include "base/sysctl.h"
#include "base/text.h"
#include "kernel/shell/line.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *test;
static unsigned failures;

#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            failures++;                                                                            \
            printf("  %s:%d: " #condition ": ", test, __LINE__);                                   \
            printf(__VA_ARGS__);                                                                   \
            printf("\n");                                                                          \
        }                                                                                          \
    } while (0)

static uint64_t state = 1;

static uint64_t any(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

/* ---- Lines ------------------------------------------------------------- */

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
        CHECK(0, "the terminal was sent ESC %s%c", screen.sequence, key);
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

static void test_editing(void)
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

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        begin(true);
        (void)type(cases[i].keys);
        CHECK(!strcmp(line.text, cases[i].text), "case %u gives '%s', not '%s'", i, line.text,
              cases[i].text);
        CHECK(screen_is_right(), "case %u shows '%.40s'", i, screen.row);
        CHECK(type("\r") == LINE_DONE, "case %u does not end", i);
    }
}

static void test_ends(void)
{
    char many[LINE_SIZE + 10];

    for (unsigned edit = 0; edit < 2; edit++) {
        begin(edit);
        CHECK(type("a\r") == LINE_DONE && !strcmp(line.text, "a"), "'%s'", line.text);
        line_begin(&line);
        CHECK(type("\n") == LINE_MORE, "the second of CR LF is a line");
        CHECK(type("\n") == LINE_DONE && !*line.text, "'%s'", line.text);
        line_begin(&line);
        CHECK(type("\004") == LINE_END, "^D on an empty line");
        line_begin(&line);
        CHECK(type("ab\xff\x80\n") == LINE_NO_TEXT && line.strange == 2, "%" PRIu64, line.strange);
        line_begin(&line);
        CHECK(line_take(&line, 0) == LINE_MORE && type("\n") == LINE_NO_TEXT, "NUL");
        line_begin(&line);
        memset(many, 'x', sizeof(many));
        many[LINE_SIZE - 1] = 0;
        CHECK(type(many) == LINE_MORE && type("\n") == LINE_DONE &&
                  strlen(line.text) == LINE_SIZE - 1,
              "%zu characters", strlen(line.text));
        line_begin(&line);
        many[LINE_SIZE - 1] = 'x';
        many[LINE_SIZE] = 0;
        CHECK(type(many) == LINE_MORE && type("\xff\033[A\n") == LINE_TOO_LONG, "one too many");
        line_begin(&line);
        CHECK(type("ok\n") == LINE_DONE && !strcmp(line.text, "ok"), "'%s'", line.text);
    }
    begin(false);
    (void)type("a\tb");
    CHECK(!strcmp(line.text, "a b"), "a tab from a pipe: '%s'", line.text);
    CHECK(type("\033[A\n") == LINE_NO_TEXT, "a key from a pipe");
    begin(true);
    (void)type(many);
    CHECK(type("\025ok\n") == LINE_DONE && !strcmp(line.text, "ok"), "^U in a line too long");
}

static void test_history(void)
{
    char keys[16];

    begin(true);
    CHECK(type("one\rtwo\rtwo\r\rthree\r") == LINE_DONE, "three lines");
    line_begin(&line);
    (void)type("dra\033[A");
    CHECK(!strcmp(line.text, "three"), "'%s'", line.text);
    (void)type("\020");
    CHECK(!strcmp(line.text, "two"), "'%s'", line.text);
    (void)type("\033OA");
    CHECK(!strcmp(line.text, "one"), "a repetition is kept once: '%s'", line.text);
    (void)type("\033[A");
    CHECK(!strcmp(line.text, "one"), "'%s'", line.text);
    (void)type("\033[B\016\033[B");
    CHECK(!strcmp(line.text, "dra") && screen_is_right(), "the draft: '%s'", line.text);
    (void)type("\r");
    for (int i = 0; i < 40; i++) {
        line_begin(&line);
        snprintf(keys, sizeof(keys), "n%d\r", i);
        (void)type(keys);
    }
    line_begin(&line);
    for (int i = 0; i < 40; i++)
        (void)type("\033[A");
    CHECK(!strcmp(line.text, "n24"), "the oldest of 16: '%s'", line.text);
}

static bool complete(const char *word, size_t length, char *more)
{
    if (length == 2 && !memcmp(word, "ab", 2))
        strcpy(more, "cdef");
    return length == 1;
}

static void test_completion(void)
{
    begin(true);
    line.complete = complete;
    (void)type("x ab y\002\002\t!");
    CHECK(!strcmp(line.text, "x abcdef! y") && screen_is_right(), "'%s'", line.text);
    (void)type("\025x\t");
    CHECK(!strcmp(line.text, "x") && screen_is_right(), "'%s'", line.text);
}

static void test_any_bytes(uint64_t count)
{
    static const char keys[] =
        "\001\002\003\005\006\010\013\014\016\020\025\027\177\033\033[ABCDHF~ab ";
    uint64_t lines = 0;

    for (unsigned edit = 0; edit < 2; edit++) {
        begin(edit);
        for (uint64_t i = 0; i < count; i++) {
            uint64_t r = any();
            uint8_t byte = r % 3 ? (uint8_t)keys[r / 3 % (sizeof(keys) - 1)] : (uint8_t)(r >> 8);
            if (r % 1021 == 0)
                byte = '\n';
            enum line_event event = line_take(&line, byte);
            CHECK(line.length < LINE_SIZE && line.cursor <= line.length &&
                      !line.text[line.length] && strlen(line.text) == line.length,
                  "after %" PRIu64 " bytes: length %zu, cursor %zu", i, line.length, line.cursor);
            if (edit && event == LINE_MORE && !line.dropping)
                CHECK(screen_is_right(), "after %" PRIu64 " bytes: '%.40s'", i, screen.row);
            if (failures)
                return;
            if (event != LINE_MORE) {
                lines++;
                line_begin(&line);
            }
        }
    }
    printf("  %" PRIu64 " bytes made %" PRIu64 " lines\n", 2 * count, lines);
}

/* ---- Numbers and dates ------------------------------------------------- */

static void test_numbers(void)
{
    static const struct {
        const char *text;
        bool good, negative;
        uint64_t magnitude;
    } cases[] = {
        {"0", true, false, 0},
        {"18446744073709551615", true, false, UINT64_MAX},
        {"18446744073709551616", false, false, 0},
        {"99999999999999999999999", false, false, 0},
        {"0xffffffffffffffff", true, false, UINT64_MAX},
        {"0x10000000000000000", false, false, 0},
        {"0Xa", true, false, 10},
        {"-5", true, true, 5},
        {"", false, false, 0},
        {"-", false, false, 0},
        {"0x", false, false, 0},
        {"1a", false, false, 0},
        {"1 ", false, false, 0},
        {"+1", false, false, 0},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool negative;
        uint64_t magnitude = 0;
        bool good = text_number(cases[i].text, &negative, &magnitude);
        CHECK(good == cases[i].good, "'%s'", cases[i].text);
        CHECK(!good || (negative == cases[i].negative && magnitude == cases[i].magnitude),
              "'%s': %" PRIu64, cases[i].text, magnitude);
    }
}

/* Against the host's C library. */
static void test_dates(uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        uint64_t seconds = i < 2932896 ? i * 86400 + i % 86400 : any() % 253402300800, back = 0;
        time_t t = (time_t)seconds;
        struct tm tm;
        char ours[DATE_SIZE], theirs[DATE_SIZE];
        gmtime_r(&t, &tm);
        struct date d = date_of(seconds);
        format_ctime(ours, seconds, "UTC");
        strftime(theirs, sizeof(theirs), "%a %b %e %H:%M:%S UTC %Y", &tm);
        CHECK(!strcmp(ours, theirs), "%s, not %s", ours, theirs);
        format_date(ours, seconds);
        strftime(theirs, sizeof(theirs), "%Y-%m-%d %H:%M:%S", &tm);
        CHECK(!strcmp(ours, theirs), "%s, not %s", ours, theirs);
        CHECK(date_seconds(&d, &back) && back == seconds, "%" PRIu64 " comes back as %" PRIu64,
              seconds, back);
        if (failures)
            return;
    }
}

static void test_date_texts(void)
{
    static const struct {
        const char *text, *date; /* NULL: not a date's form; "": no such date */
    } cases[] = {
        {"202612241201.30", "2026-12-24 12:01:30"},
        {"2612241201", "2026-12-24 12:01:00"},
        {"7002010000", "1970-02-01 00:00:00"},
        {"6802010000", "2068-02-01 00:00:00"},
        {"12241201", "2026-12-24 12:01:00"},
        {"241201", "2026-11-24 12:01:00"},
        {"1201.59", "2026-11-22 12:01:59"},
        {"05", "2026-11-22 18:05:00"},
        {"2026-02-28", "2026-02-28 00:00:00"},
        {"2024-02-29 23:59", "2024-02-29 23:59:00"},
        {"2024-02-29 23:59:58", "2024-02-29 23:59:58"},
        {"202402290000", "2024-02-29 00:00:00"},
        {"202302290000", ""},
        {"210002290000", ""},
        {"202613010000", ""},
        {"202600010000", ""},
        {"202611310000", ""},
        {"202611222400", ""},
        {"202611221260", ""},
        {"1201.60", ""},
        {"196912312359", ""},
        {"1969-12-31", ""},
        {"", NULL},
        {"1", NULL},
        {"123", NULL},
        {"12012", NULL},
        {"20261224120130", NULL},
        {"1201.5", NULL},
        {"1201.500", NULL},
        {"1201x", NULL},
        {"tomorrow", NULL},
        {"2026-12", NULL},
        {"2026-12-24T12:01", NULL},
        {"2026-12-24 12", NULL},
        {"2026-12-24 12:01:3", NULL},
        {"-1", NULL},
    };
    const struct date now = date_of(1795371301); /* 2026-11-22 18:15:01 */

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct date d;
        uint64_t seconds = 0;
        char text[DATE_SIZE] = "";
        bool read = date_read(cases[i].text, &now, &d);
        CHECK(read == (cases[i].date != NULL), "'%s'", cases[i].text);
        if (!read || !cases[i].date)
            continue;
        if (date_seconds(&d, &seconds))
            format_date(text, seconds);
        CHECK(!strcmp(text, cases[i].date), "'%s' is '%s', not '%s'", cases[i].text, text,
              cases[i].date);
    }
}

/* ---- The tree ---------------------------------------------------------- */

static int number = 3, changes;
static uint64_t u64;
static bool on;
static char text[8] = "start";
static const char *const choices[] = {"a", "bb", NULL};
static const char *choice = "a";

static void get_index(void *context, uint32_t index, struct sysctl_text *to)
{
    sysctl_put(to, "%s %u", (const char *)context, index);
}

static const char *set_even(void *context, uint32_t index, const union sysctl_value *value)
{
    (void)context, (void)index;
    if (value->number % 2)
        return "odd";
    number = value->number;
    return NULL;
}

static const struct sysctl nodes[] = {
    {.name = "int", .type = SYSCTL_INT, .flags = SYSCTL_RW, .value = &number},
    {.name = "limited",
     .type = SYSCTL_INT,
     .flags = SYSCTL_RW,
     .value = &number,
     .min = -2,
     .max = 5},
    {.name = "even", .type = SYSCTL_INT, .flags = SYSCTL_RW, .value = &number, .set = set_even},
    {.name = "u64", .type = SYSCTL_U64, .flags = SYSCTL_RW, .value = &u64},
    {.name = "on", .type = SYSCTL_BOOL, .flags = SYSCTL_RW, .value = &on},
    {.name = "text", .type = SYSCTL_STRING, .flags = SYSCTL_RW, .value = text, .max = sizeof(text)},
    {.name = "choice",
     .type = SYSCTL_STRING,
     .flags = SYSCTL_RW,
     .value = &choice,
     .choices = choices},
    {.name = "opaque", .type = SYSCTL_OPAQUE, .flags = SYSCTL_RD, .get = get_index},
};
static const struct sysctl numbered_nodes[] = {
    {.name = "", .type = SYSCTL_OPAQUE, .flags = SYSCTL_RD, .get = get_index},
    {.name = "x", .type = SYSCTL_OPAQUE, .flags = SYSCTL_RD, .get = get_index},
};
static struct sysctl_branch branches[] = {
    {.parent = "z.y", .nodes = nodes, .count = 8, .context = "c"},
    {.parent = "b",
     .word = "w",
     .numbers = 12,
     .nodes = numbered_nodes,
     .count = 2,
     .context = "n"},
    {.parent = "a", .nodes = nodes, .count = 1},
    {.parent = "", .nodes = nodes, .count = 1},
};

static void count_change(void)
{
    changes++;
}

static void test_tree(void)
{
    static const char *const known[] = {"int",        "a.int", "z.y.int",
                                        "z.y.opaque", "b.w.0", "b.w.11.x"};
    static const char *const unknown[] = {
        "",         "z",        "z.y",    "z.y.",   "z.y.in",
        "z.y.intt", "z.y.int.", "b.w",    "b.w.12", "b.w.00",
        "b.w.01.x", "b.w.1.y",  "b.w.1x", "b.w..x", "b.w.99999999999",
        "a.int.x",  ".int",     "b.w.-1"};
    struct sysctl_at at = {0};
    char name[SYSCTL_NAME_SIZE], value[SYSCTL_VALUE_SIZE], before[SYSCTL_NAME_SIZE] = "";
    unsigned n = 0;

    for (unsigned i = 0; i < 4; i++)
        sysctl_register(&branches[i]);
    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        CHECK(sysctl_find(known[i], &at), "%s", known[i]);
        sysctl_name(&at, name);
        CHECK(!strcmp(name, known[i]), "%s is called %s", known[i], name);
    }
    for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        CHECK(!sysctl_find(unknown[i], &at), "'%s'", unknown[i]);
    at = (struct sysctl_at){0};
    while (sysctl_next(&at)) {
        struct sysctl_at found;
        sysctl_name(&at, name);
        CHECK(n++ == 0 || name[0] >= before[0] || before[1] != '.', "%s after %s", name, before);
        CHECK(sysctl_find(name, &found) && !memcmp(&found, &at, sizeof(at)), "%s", name);
        strcpy(before, name);
    }
    CHECK(n == 8 + 24 + 1 + 1, "%u nodes", n);
    CHECK(sysctl_find("b.w.7.x", &at), "b.w.7.x");
    sysctl_get(&at, value);
    CHECK(!strcmp(value, "n 7"), "'%s'", value);
}

static void test_setting(void)
{
    static const struct {
        const char *name, *value;
        enum sysctl_error error;
        const char *after;
    } cases[] = {
        {"z.y.int", "-2147483648", SYSCTL_OK, "-2147483648"},
        {"z.y.int", "2147483648", SYSCTL_OUT_OF_RANGE, "-2147483648"},
        {"z.y.int", "0x10", SYSCTL_OK, "16"},
        {"z.y.int", "", SYSCTL_EMPTY, "16"},
        {"z.y.int", "abc", SYSCTL_NOT_A_NUMBER, "16"},
        {"z.y.int", "18446744073709551616", SYSCTL_NOT_A_NUMBER, "16"},
        {"z.y.int", "18446744073709551615", SYSCTL_OUT_OF_RANGE, "16"},
        {"z.y.limited", "6", SYSCTL_OUT_OF_RANGE, "16"},
        {"z.y.limited", "-3", SYSCTL_OUT_OF_RANGE, "16"},
        {"z.y.limited", "-2", SYSCTL_OK, "-2"},
        {"z.y.even", "3", SYSCTL_REFUSED, "-2"},
        {"z.y.even", "4", SYSCTL_OK, "4"},
        {"z.y.u64", "18446744073709551615", SYSCTL_OK, "18446744073709551615"},
        {"z.y.u64", "-1", SYSCTL_OUT_OF_RANGE, "18446744073709551615"},
        {"z.y.on", "2", SYSCTL_OUT_OF_RANGE, "0"},
        {"z.y.on", "-1", SYSCTL_OUT_OF_RANGE, "0"},
        {"z.y.on", "yes", SYSCTL_NOT_A_NUMBER, "0"},
        {"z.y.on", "1", SYSCTL_OK, "1"},
        {"z.y.text", "1234567", SYSCTL_OK, "1234567"},
        {"z.y.text", "12345678", SYSCTL_TOO_LONG, "1234567"},
        {"z.y.text", "", SYSCTL_EMPTY, "1234567"},
        {"z.y.choice", "b", SYSCTL_NO_CHOICE, "a"},
        {"z.y.choice", "bb", SYSCTL_OK, "bb"},
        {"z.y.opaque", "1", SYSCTL_CANNOT, "c 0"},
    };

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct sysctl_at at;
        char value[SYSCTL_VALUE_SIZE];
        const char *why = NULL;
        CHECK(sysctl_find(cases[i].name, &at), "%s", cases[i].name);
        enum sysctl_error error = sysctl_set(&at, cases[i].value, &why);
        sysctl_get(&at, value);
        CHECK(error == cases[i].error && why, "%s=%s: error %d", cases[i].name, cases[i].value,
              error);
        CHECK(!strcmp(value, cases[i].after), "%s=%s: now %s", cases[i].name, cases[i].value,
              value);
    }
    struct sysctl_at at;
    CHECK(sysctl_on_change("z.y.on", count_change) && !sysctl_on_change("z.y", count_change),
          "hook");
    CHECK(sysctl_find("z.y.on", &at), "z.y.on");
    sysctl_changed(&at);
    CHECK(sysctl_find("z.y.int", &at), "z.y.int");
    sysctl_changed(&at);
    CHECK(changes == 1, "%d", changes);
}

/* What is too long for its buffer is cut, and nothing else is touched. */
static void test_cutting(void)
{
    char small[8 + 1];
    struct sysctl_text to = {small, 8, 0};

    small[8] = '!';
    for (unsigned i = 0; i < 5; i++)
        sysctl_put(&to, "%s", "abc");
    CHECK(!strcmp(small, "abcabca") && to.length == 7 && small[8] == '!', "'%s'", small);
}

static void run(const char *name, void (*function)(void))
{
    unsigned before = failures;

    test = name;
    function();
    printf("%s shell.host.%s: %u complaints\n", failures == before ? "PASS" : "FAIL", name,
           failures - before);
}

static uint64_t count = 3000000;

static void any_bytes(void)
{
    test_any_bytes(count);
}

static void dates(void)
{
    test_dates(count);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        count = strtoull(argv[1], NULL, 10);
    run("editing", test_editing);
    run("ends", test_ends);
    run("history", test_history);
    run("completion", test_completion);
    run("any-bytes", any_bytes);
    run("numbers", test_numbers);
    run("dates", dates);
    run("date-texts", test_date_texts);
    run("tree", test_tree);
    run("setting", test_setting);
    run("cutting", test_cutting);
    return failures != 0;
}
