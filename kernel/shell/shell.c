/* SPDX-License-Identifier: 0BSD */
/* Reads commands from COM1 and runs them, while the clock and ring 3 go on. */
#include "kernel/shell/shell.h"
#include "base/calendar.h"
#include "base/console.h"
#include "base/format.h"
#include "base/sysctl.h"
#include "base/text.h"
#include "kernel/clock/clock.h"
#include "kernel/clock/events.h"
#include "kernel/clock/host.h"
#include "kernel/clock/suspend.h"
#include "kernel/clock/tick.h"
#include "kernel/clock/time_page.h"
#include "kernel/process/jobs.h"
#include "kernel/selftest/readers.h"
#include "kernel/selftest/selftest.h"
#include "kernel/shell/line.h"
#include <clockpage/report.h>

enum { MAX_WORDS = 64 };

static const char *const starts[] = {"0", "1", "now", NULL};
static const char *start = "0";
static bool edit = true;

static struct line line;
static void (*print_report)(void);
static int (*online)(void);
static int status;
static bool halted;

/* ---- Settings ---------------------------------------------------------- */

static const struct sysctl nodes[] = {
    SYSCTL_CHOICE("shell", SYSCTL_RDTUN, &start, starts, "0",
                  "the serial shell: 1 after the report, now instead of the measurements"),
    SYSCTL_VALUE("shell.edit", SYSCTL_BOOL, SYSCTL_RDTUN, &edit, 0, 0, "1",
                 "1: COM1 is a terminal, lines are edited; 0: a pipe, lines come as they are"),
};

SYSCTL_TABLE("", nodes);

bool shell_wanted(void)
{
    return !text_same(start, "0");
}

bool shell_wanted_now(void)
{
    return text_same(start, "now");
}

/* ---- Input and output -------------------------------------------------- */

/* Waits for a byte, polling at each timer interrupt. */
static uint8_t next_byte(void)
{
    /* After a byte from a pipe the next one is there at once: poll a few times, each an exit. */
    enum { LOOKS = 200 };
    static unsigned looks;

    for (;;) {
        int byte = console_read();
        if (byte >= 0) {
            looks = LOOKS;
            return (uint8_t)byte;
        }
        if (looks)
            looks--;
        else
            readers_idle(false);
    }
}

/* ---- Commands ---------------------------------------------------------- */

static int help_command(void);

static int report_command(void)
{
    print_report();
    return 0;
}

static int bench_command(void)
{
    if (readers_run()) {
        print("bench: the readers run, and it needs the vCPUs to itself: readers off\n");
        return 1;
    }
    /* The settings may have changed since the run began. */
    ring3_read();
    ring3_report();
    print("\n");
    return report_new_verdicts(true) ? 0 : 1;
}

static int readers_command(int argc, char **argv)
{
    bool on = argc == 2 && text_same(argv[1], "on");

    if (argc > 2 || (argc == 2 && !on && !text_same(argv[1], "off"))) {
        print("usage: readers [on | off]\n");
        return 1;
    }
    if (argc == 1) {
        readers_print();
        return 0;
    }
    if (!on) {
        readers_stop();
        return report_new_verdicts(true) ? 0 : 1;
    }
    (void)decide(NULL, false, false);
    unsigned count = readers_start();
    if (!count) {
        print("readers: they run already\n");
        return 1;
    }
    print("readers: on, %u vCPUs\n", count);
    return 0;
}

static int events_command(void)
{
    if (!events_report(false))
        print("nothing has happened yet\n");
    return 0;
}

static int halt_command(void)
{
    halted = true;
    return 0;
}

static int status_command(void)
{
    print("%d\n", status);
    return 0;
}

static void put_value(struct sysctl_text *to, const char *words, const char *name)
{
    char value[SYSCTL_VALUE_SIZE];
    struct sysctl_at at;

    if (!sysctl_find(name, &at))
        return;
    sysctl_get(&at, value);
    sysctl_put(to, "%s%s", words, value);
}

static int watch_command(int argc, char **argv)
{
    uint64_t lines = 0;
    bool negative = false;

    if (argc > 2 || (argc == 2 && (!text_number(argv[1], &negative, &lines) || negative))) {
        print("usage: watch [lines]\n");
        return 1;
    }
    print("a line a second%s\n", edit || !lines ? "; a key ends it" : "");
    for (uint64_t n = 0, next = clock_uptime(); !lines || n < lines; n++, next += 1000000000) {
        char text[160], date[DATE_SIZE];
        struct tc_timespec realtime;
        struct sysctl_text to = {text, sizeof(text), 0};
        while (clock_uptime() < next) {
            int byte = edit || !lines ? console_peek() : -1;
            if (byte >= 0) {
                /* Discard the key; what a pipe holds is the next command. */
                if (edit)
                    (void)console_read();
                return 0;
            }
            readers_idle(true);
        }
        uint64_t now = clock_uptime();
        (void)tc_gettime(&clock_counters, TC_CLOCK_REALTIME, &realtime);
        format_date(date, (uint64_t)realtime.sec);
        sysctl_put(&to, "uptime %lu.%06lu  %s UTC", (unsigned long)(now / 1000000000),
                   (unsigned long)(now / 1000 % 1000000), date);
        put_value(&to, "  ", "kern.timecounter.hardware");
        sysctl_put(&to, "  ticks %lu", tick_total());
        put_value(&to, "  paused ", "dev.kvmclock.0.paused");
        print("%s\n", text);
    }
    return 0;
}

static int online_command(void)
{
    return online();
}

static const struct command {
    const char *name, *arguments, *about;
    int (*run)(int argc, char **argv); /* with arguments, or ... */
    int (*plain)(void);                /* without */
} commands[] = {
    {"bench", "", "measure ring 3's reads of the clock again", NULL, bench_command},
    {"clocks", "", "uptime, the clocks of clock_gettime() and the TSC, now", NULL, clocks_command},
    {"date", "[[[[[cc]yy]mm]dd]HH]MM[.ss]", "show the date, or set it", date_command, NULL},
    {"events", "", "what happened to the clock so far", NULL, events_command},
    {"halt", "", "end the run; its status is the report's verdict", NULL, halt_command},
    {"help", "", "this list", NULL, help_command},
    {"online", "", "start the vCPUs that the firmware lists and that do not run yet", NULL,
     online_command},
    {"readers", "[on | off]", "ring-3 readers on all vCPUs, all the time; what came of it",
     readers_command, NULL},
    {"report", "", "the report once more, as things are now", NULL, report_command},
    {"resume", "", "kvmclock on again on all vCPUs", NULL, resume_clock},
    {"status", "", "the status of the last command: 0, or what went wrong", NULL, status_command},
    {"suspend", "", "kvmclock off on all vCPUs; another timecounter serves", NULL, suspend_clock},
    {"sysctl", "[-deiNnqtTW] name[=value] ... | -a", "show or set what docs/sysctl.md lists",
     sysctl_command, NULL},
    {"watch", "[lines]", "the clock, a line a second until a key", watch_command, NULL},
};

enum { COMMANDS = sizeof(commands) / sizeof(commands[0]) };

static int help_command(void)
{
    for (const struct command *c = commands; c < commands + COMMANDS; c++)
        print("%s%s%s\n        %s\n", c->name, *c->arguments ? " " : "", c->arguments, c->about);
    print("Lines that start with # are comments.  ^D on an empty line is halt.\n");
    return 0;
}

/* ---- Lines ------------------------------------------------------------- */

/*
 * Cuts the line into words, in place, at blanks outside quotes.  Returns their number; -1: a quote
 * does not end.
 */
static int split(char *text, char **words)
{
    char *to = text, quote = 0;
    int count = 0;

    for (;;) {
        while (*text == ' ')
            text++;
        if (!*text || count == MAX_WORDS)
            return count;
        words[count++] = to;
        for (; *text && (quote || *text != ' '); text++) {
            if (*text == quote)
                quote = 0;
            else if (!quote && (*text == '"' || *text == '\''))
                quote = *text;
            else
                *to++ = *text;
        }
        if (quote)
            return -1;
        if (*text)
            text++;
        *to++ = 0;
    }
}

static int run_line(char *text)
{
    char *words[MAX_WORDS];
    int count;

    if (*text == '#')
        return status;
    count = split(text, words);
    if (count < 0) {
        print("shell: unterminated quoted string\n");
        return 2;
    }
    if (count == 0)
        return status;
    for (const struct command *c = commands; c < commands + COMMANDS; c++) {
        if (!text_same(words[0], c->name))
            continue;
        if (c->run)
            return c->run(count, words);
        if (count == 1)
            return c->plain();
        print("usage: %s\n", c->name);
        return 1;
    }
    print("shell: %s: not found; help lists the commands\n", words[0]);
    return 127;
}

/* Completes the first word as a command, the others as names of the tree. */
static bool next_name(bool first, bool command, char *name)
{
    static const struct command *c;
    static struct sysctl_at at;

    if (first) {
        c = commands;
        at = (struct sysctl_at){0};
    }
    if (command) {
        if (c == commands + COMMANDS)
            return false;
        format(name, LINE_SIZE, "%s ", c++->name);
        return true;
    }
    do {
        if (!sysctl_next(&at))
            return false;
    } while (!(at.node->flags & SYSCTL_RD));
    sysctl_name(&at, name);
    return true;
}

void shell_run(void (*report_again)(void), int (*bring_online)(void))
{
    print_report = report_again;
    online = bring_online;
    halted = false;
    line = (struct line){
        .edit = edit, .prompt = "clockpage# ", .put = console_write, .next_name = next_name};
    /* run-qemu.sh sends no input before it sees the start of this line. */
    print("\nshell: ready; help lists the commands, halt ends the run\n");
    line_begin(&line);
    while (!halted) {
        switch (line_take(&line, next_byte())) {
        case LINE_MORE:
            continue;
        case LINE_DONE:
            /* Before each command: what the host did since the last tick. */
            readers_let_tick();
            see_host();
            status = run_line(line.text);
            break;
        case LINE_TOO_LONG:
            print("shell: line too long: more than %d characters; ignored\n", LINE_SIZE - 1);
            status = 2;
            break;
        case LINE_NO_TEXT:
            print("shell: the line holds %lu bytes that are no text; ignored\n", line.strange);
            status = 2;
            break;
        case LINE_END:
            halted = true;
            break;
        }
        if (!halted)
            line_begin(&line);
    }
}
