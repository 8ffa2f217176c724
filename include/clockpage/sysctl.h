/* SPDX-License-Identifier: 0BSD */
/*
 * The tree of kernel state, after FreeBSD's sysctl(9) and sysctl(8): named values that can be
 * read and set at run time in the serial shell, and set as tunables on the kernel command line.
 *
 * A part of the kernel describes its values in a table of `struct sysctl`, and attaches it to the
 * tree with SYSCTL_TABLE; a branch that is made at run time is registered by a call.  Neither may
 * be moved or freed.  A full name consists of the branch's and the node's parts, with
 * dots in between: parent, word, number, node.
 *
 *     static const struct sysctl nodes[] = {
 *         {.name = "paused", .type = SYSCTL_U64, .flags = SYSCTL_RD, .value = &paused,
 *          .about = "times that the guest was paused"},
 *     };
 *     SYSCTL_TABLE("dev.kvmclock.0", nodes);
 *
 * Everything here runs on the boot vCPU, outside of interrupts.  [FreeBSD sysctl(8), sysctl(9)]
 */
#ifndef CLOCKPAGE_SYSCTL_H
#define CLOCKPAGE_SYSCTL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum sysctl_type {
    SYSCTL_INT,    /* int */
    SYSCTL_U64,    /* uint64_t */
    SYSCTL_BOOL,   /* bool; written 0 and 1 */
    SYSCTL_STRING, /* with `choices`: const char *, one of them; else char[max], the 0 included */
    SYSCTL_OPAQUE, /* a structure, shown by `get` as `{ a = 1, b = 2 }`; cannot be set */
};

#define SYSCTL_RD  0x1u /* shown at run time */
#define SYSCTL_WR  0x2u /* may be set at run time */
#define SYSCTL_TUN 0x4u /* may be set on the kernel command line */
/*
 * The usual combinations.  SYSCTL_TUN alone is a command-line setting that the tree does not
 * show.
 */
#define SYSCTL_RW    (SYSCTL_RD | SYSCTL_WR)
#define SYSCTL_RDTUN (SYSCTL_RD | SYSCTL_TUN)
#define SYSCTL_RWTUN (SYSCTL_RD | SYSCTL_WR | SYSCTL_TUN)

/* A text under construction. */
struct sysctl_text {
    char *to;
    size_t size, length; /* always 0-terminated; `length` excludes the 0 */
};

/* Appends with the formats of base/format.h; truncates what does not fit. */
void sysctl_put(struct sysctl_text *text, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* A value of the node's type, parsed and in range. */
union sysctl_value {
    int number;         /* SYSCTL_INT */
    uint64_t u64;       /* SYSCTL_U64 */
    bool on;            /* SYSCTL_BOOL */
    const char *string; /* SYSCTL_STRING: valid during the call; with `choices`, always */
};

struct sysctl {
    const char *name; /* last part of the name: "hardware"; "" if the branch's number is last */
    enum sysctl_type type;
    uint32_t flags;
    void *value; /* where it is kept; not used if there is a `get` or a `set` */

    /* Procedures: `index` is the branch's number, or 0. */
    /* Puts the value as text, for a value that is not kept in `value`. */
    void (*get)(void *context, uint32_t index, struct sysctl_text *to);
    /*
     * Takes the value instead of storing it; also called for a tunable, before the machine is up.
     * Returns NULL, or why it is refused, in words that fit after "Invalid argument".
     */
    const char *(*set)(void *context, uint32_t index, const union sysctl_value *value);

    /*
     * Numbers: minimum and maximum; both 0: the range of the type.  Strings without `choices`:
     * max is the size of `value`.
     */
    int64_t min, max;
    const char *const *choices; /* strings: the allowed values, then NULL */
    const char *about;          /* one line, as `sysctl -d` shows it */
    const char *initial;        /* the default, in words; may be NULL */
};

/*
 * A row of a table, in the order in which a reader asks: name, type, access, location, range,
 * default (in words, or NULL), description.
 */
/* clang-format off */
#define SYSCTL_VALUE(name_, type_, flags_, value_, min_, max_, initial_, about_) \
    {.name = (name_), .type = (type_), .flags = (flags_), .value = (value_), .min = (min_), .max = (max_), \
     .initial = (initial_), .about = (about_)}
/* A string, one of `choices_`. */
#define SYSCTL_CHOICE(name_, flags_, value_, choices_, initial_, about_) \
    {.name = (name_), .type = SYSCTL_STRING, .flags = (flags_), .value = (value_), .choices = (choices_), \
     .initial = (initial_), .about = (about_)}
/* Shown by `get_` alone. */
#define SYSCTL_SHOWN(name_, type_, get_, about_) \
    {.name = (name_), .type = (type_), .flags = SYSCTL_RD, .get = (get_), .about = (about_)}
/* Set by `set_`, and shown by `get_` or, if that is NULL, from `value_`. */
#define SYSCTL_PROC(name_, type_, flags_, value_, get_, set_, min_, max_, choices_, initial_, about_) \
    {.name = (name_), .type = (type_), .flags = (flags_), .value = (value_), .get = (get_), .set = (set_), \
     .min = (min_), .max = (max_), .choices = (choices_), .initial = (initial_), .about = (about_)}
/* clang-format on */

struct sysctl_branch {
    const char *parent;      /* "kern.timecounter.tc"; "": the nodes have full names */
    const char *word;        /* one more word, for a name known only at run time; or NULL */
    const uint32_t *numbers; /* n: the nodes exist n times, below 0 to n-1; NULL: once, no number */
    const struct sysctl *nodes;
    uint32_t count;
    void *context;              /* passed to procedures */
    struct sysctl_branch *next; /* used by the tree */
};

/* clang-format off */
#define SYSCTL_BRANCH(parent_name, table) \
    {.parent = (parent_name), .nodes = (table), .count = sizeof(table) / sizeof((table)[0])}
/*
 * At file scope: a branch that is in the tree from the start, made of a table and, if there are
 * any, further members.  The linker collects them, as on FreeBSD; see sysctl_register_set().
 */
#define SYSCTL_TABLE(parent_name, table, ...) \
    static struct sysctl_branch table##_branch = \
        {.parent = (parent_name), .nodes = (table), .count = sizeof(table) / sizeof((table)[0]), __VA_ARGS__}; \
    static struct sysctl_branch *const table##_in_set __attribute__((used, section("sysctl_tables"))) = \
        &table##_branch
/* clang-format on */

/* Adds each SYSCTL_TABLE; call once, before the command line sets the tunables among them. */
void sysctl_register_set(void);

/* Adds a branch to the tree.  Names must be new. */
void sysctl_register(struct sysctl_branch *branch);

#endif
