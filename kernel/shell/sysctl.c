/* SPDX-License-Identifier: 0BSD */
/*
 * The command sysctl(8) of the shell: its options, output and errors, as far as they apply to this
 * tree.
 */
#include "base/sysctl.h"
#include "base/format.h"
#include "base/text.h"
#include "kernel/clock/events.h"
#include "kernel/shell/shell.h"
#include <clockpage/report.h>

struct options {
    bool all, describe, equals, ignore, quiet, type;
    bool no_name, no_value;
    bool tunables, writable; /* only those */
};

static int usage(void)
{
    print("usage: sysctl [-deiNnqtTW] name[=value] ...\n"
          "       sysctl [-deNntTW] -a\n");
    return 1;
}

static bool read_options(const char *word, struct options *o)
{
    while (*++word) {
        switch (*word) {
        case 'a':
            o->all = true;
            break;
        case 'd':
            o->describe = true;
            break;
        case 'e':
            o->equals = true;
            break;
        case 'i':
            o->ignore = true;
            break;
        case 'N':
            o->no_value = true;
            break;
        case 'n':
            o->no_name = true;
            break;
        case 'q':
            o->quiet = true;
            break;
        case 't':
            o->type = true;
            break;
        case 'T':
            o->tunables = true;
            break;
        case 'W':
            o->writable = true;
            break;
        default:
            print("sysctl: illegal option -- %c\n", *word);
            return false;
        }
    }
    return !(o->no_name && o->no_value);
}

static bool is_wanted(const struct sysctl *node, const struct options *o)
{
    return node->flags & SYSCTL_RD && (!o->tunables || node->flags & SYSCTL_TUN) &&
           (!o->writable || node->flags & SYSCTL_WR);
}

/* Prints all of a node but the end of the line. */
static void show(const struct sysctl_at *at, const struct options *o)
{
    char name[SYSCTL_NAME_SIZE], value[SYSCTL_VALUE_SIZE];

    sysctl_name(at, name);
    if (o->no_value) {
        print("%s", name);
        return;
    }
    if (!o->no_name)
        print("%s%s", name, o->equals ? "=" : ": ");
    if (o->describe || o->type) {
        print("%s", o->type ? sysctl_type_name(at->node->type) : "");
        print("%s%s", o->type && o->describe ? ": " : "", o->describe ? at->node->about : "");
        return;
    }
    sysctl_get(at, value);
    print("%s", value);
}

/*
 * Shows the nodes below `name` that are wanted (`o` NULL: none) and returns how many; sets *found
 * if there are any nodes.
 */
static unsigned show_below(const char *name, const struct options *o, bool *found)
{
    struct sysctl_at at = {0};
    unsigned shown = 0;

    while (sysctl_next(&at)) {
        char full[SYSCTL_NAME_SIZE];
        if (!(at.node->flags & SYSCTL_RD))
            continue;
        sysctl_name(&at, full);
        const char *rest = text_behind(full, name);
        if (!rest || (*name && *rest != '.'))
            continue;
        *found = true;
        if (!o || !is_wanted(at.node, o))
            continue;
        show(&at, o);
        print("\n");
        shown++;
    }
    return shown;
}

/* Prints how the output of name=value begins: the name and the old value. */
static void show_old(const char *name, const char *old, const struct options *o)
{
    if (!o->no_name)
        print("%s%s", name, o->equals ? "=" : ": ");
    print("%s", old);
}

/* Prints the error in sysctl(8)'s words, then what would have been right. */
static void tell_invalid(const struct sysctl *node, const char *name, const char *value,
                         enum sysctl_error error, const char *why)
{
    char range[200];
    struct sysctl_text takes = {range, sizeof(range), 0};

    print("sysctl: %s=%s: Invalid argument\n", name, value);
    print("sysctl: %s", why);
    if (error != SYSCTL_REFUSED) {
        sysctl_range(node, &takes);
        print("; it takes %s", range);
    }
    print("\n");
}

static bool may_set(const struct sysctl *node, const char *name)
{
    if (node->flags & SYSCTL_WR)
        return true;
    if (node->flags & SYSCTL_TUN)
        print("sysctl: oid '%s' is a read only tunable\n"
              "sysctl: Tunable values are set on the kernel command line\n",
              name);
    else
        print("sysctl: oid '%s' is read only\n", name);
    return false;
}

static int assign(const struct sysctl_at *at, const char *name, const char *value,
                  const struct options *o)
{
    char old[SYSCTL_VALUE_SIZE], new[SYSCTL_VALUE_SIZE];
    const char *why;

    if (!may_set(at->node, name))
        return 1;
    sysctl_get(at, old);
    enum sysctl_error error = sysctl_set(at, value, &why);
    if (error == SYSCTL_EMPTY && at->node->type != SYSCTL_STRING) {
        print("sysctl: empty numeric value\n");
        return 1;
    }
    if (error == SYSCTL_NOT_A_NUMBER) {
        print("sysctl: invalid %s '%s'\n", sysctl_type_name(at->node->type), value);
        return 1;
    }
    show_old(name, old, o);
    if (error) {
        print("\n");
        tell_invalid(at->node, name, value, error, why);
        return 1;
    }
    sysctl_changed(at);
    sysctl_get(at, new);
    char text[80];
    format(text, sizeof(text), "%s=%s", name, new);
    events_add(EVENT_SETTING, 0, text);
    print(" -> %s\n", new);
    return 0;
}

/* Handles one argument: name, or name=value.  Returns 1 on an error. */
static int handle(char *word, const struct options *o)
{
    struct sysctl_at at;
    char *value = word;
    bool found = false;

    while (*value && *value != '=')
        value++;
    bool has_value = *value == '=';
    if (has_value)
        *value++ = 0;
    if (sysctl_find(word, &at) && at.node->flags & SYSCTL_RD) {
        if (has_value && !o->describe)
            return assign(&at, word, value, o);
        show(&at, o);
        print("\n");
        return 0;
    }
    if (*word)
        (void)show_below(word, has_value ? NULL : o, &found);
    if (found && !has_value)
        return 0;
    if (found) {
        print("sysctl: oid '%s' isn't a leaf node\n", word);
        return 1;
    }
    if (o->ignore)
        return 0;
    if (!o->quiet)
        print("sysctl: unknown oid '%s'\n", word);
    return 1;
}

int sysctl_command(int argc, char **argv)
{
    struct options o = {0};
    int i = 1, failed = 0;
    bool found;

    for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
        if (!read_options(argv[i], &o))
            return usage();
    }
    if (i == argc) {
        if (!o.all)
            return usage();
        (void)show_below("", &o, &found);
        return 0;
    }
    for (; i < argc; i++)
        failed += handle(argv[i], &o);
    return failed;
}

bool sysctl_complete(const char *word, size_t length, char *more)
{
    struct sysctl_at at = {0};
    size_t common = 0;
    unsigned matches = 0;

    more[0] = 0;
    for (unsigned show_them = 0; show_them < 2; show_them++) {
        at = (struct sysctl_at){0};
        while (sysctl_next(&at)) {
            char name[SYSCTL_NAME_SIZE];
            size_t i = 0;
            if (!(at.node->flags & SYSCTL_RD))
                continue;
            sysctl_name(&at, name);
            while (i < length && name[i] == word[i])
                i++;
            if (i < length)
                continue;
            if (show_them) {
                print("\n%s", name);
                continue;
            }
            if (matches++ == 0) {
                for (common = 0; name[length + common]; common++)
                    more[common] = name[length + common];
                more[common] = 0;
            } else {
                for (i = 0; i < common && more[i] == name[length + i]; i++)
                    ;
                more[common = i] = 0;
            }
        }
        /* One match, or more characters that all have in common: no need to show them. */
        if (matches < 2 || common > 0)
            return false;
    }
    print("\n");
    return true;
}
