/* SPDX-License-Identifier: 0BSD */
/* The sysctl tree from the reader's side: who lists, reads and sets it by name. */
#ifndef BASE_SYSCTL_H
#define BASE_SYSCTL_H

#include <clockpage/sysctl.h>

enum { SYSCTL_NAME_SIZE = 80, SYSCTL_VALUE_SIZE = 512 };

/* One place in the tree.  All zero: before the first. */
struct sysctl_at {
    struct sysctl_branch *branch;
    uint32_t index; /* the branch's number */
    const struct sysctl *node;
};

/* Go on to the next one, by branch and in the order of their parents' names; false: at the end. */
bool sysctl_next(struct sysctl_at *at);

/* The node of this full name. */
bool sysctl_find(const char *name, struct sysctl_at *at);

/* Its full name; `to` has SYSCTL_NAME_SIZE bytes. */
void sysctl_name(const struct sysctl_at *at, char *to);

/* Its value as text; `to` has SYSCTL_VALUE_SIZE bytes. */
void sysctl_get(const struct sysctl_at *at, char *to);

/* What it takes: "0 to 100", "a|b|c", "a name". */
void sysctl_range(const struct sysctl *node, struct sysctl_text *to);

/* The type in sysctl(8)'s words: "integer", "uint64_t". */
const char *sysctl_type_name(enum sysctl_type type);

enum sysctl_error {
    SYSCTL_OK,
    SYSCTL_EMPTY,
    SYSCTL_NOT_A_NUMBER, /* or one that 64 bits do not hold */
    SYSCTL_OUT_OF_RANGE,
    SYSCTL_NO_CHOICE,
    SYSCTL_TOO_LONG,
    SYSCTL_REFUSED, /* by its procedure, which says why */
    SYSCTL_CANNOT,  /* no value of this type is set by a text */
};

/*
 * Set it; flags are the caller's to look at.  `why`, where there is something to say, is in words;
 * never NULL after an error.
 */
enum sysctl_error sysctl_set(const struct sysctl_at *at, const char *value, const char **why);

/* Tell those who asked by sysctl_on_change(). */
void sysctl_changed(const struct sysctl_at *at);

#endif
