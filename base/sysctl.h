/* SPDX-License-Identifier: 0BSD */
/* The sysctl tree from the reader's side: lists, reads and sets values by name. */
#ifndef BASE_SYSCTL_H
#define BASE_SYSCTL_H

#include <clockpage/sysctl.h>

enum { SYSCTL_NAME_SIZE = 80, SYSCTL_VALUE_SIZE = 512 };

/* A position in the tree.  All zero: before the first node. */
struct sysctl_at {
    struct sysctl_branch *branch;
    uint32_t index; /* the branch's number */
    const struct sysctl *node;
};

/*
 * Advances to the next node, by branch and in the order of their parents' names; false at the
 * end.
 */
bool sysctl_next(struct sysctl_at *at);

/* Finds the node with this full name. */
bool sysctl_find(const char *name, struct sysctl_at *at);

/* Writes the node's full name; `to` has SYSCTL_NAME_SIZE bytes. */
void sysctl_name(const struct sysctl_at *at, char *to);

/* Writes the node's value as text; `to` has SYSCTL_VALUE_SIZE bytes. */
void sysctl_get(const struct sysctl_at *at, char *to);

/* Writes the values it accepts: "0 to 100", "a|b|c", "a name". */
void sysctl_range(const struct sysctl *node, struct sysctl_text *to);

/* Returns the type in sysctl(8)'s words: "integer", "uint64_t". */
const char *sysctl_type_name(enum sysctl_type type);

enum sysctl_error {
    SYSCTL_OK,
    SYSCTL_EMPTY,
    SYSCTL_NOT_A_NUMBER, /* or does not fit in 64 bits */
    SYSCTL_OUT_OF_RANGE,
    SYSCTL_NO_CHOICE,
    SYSCTL_TOO_LONG,
    SYSCTL_REFUSED, /* by its procedure, which gives the reason */
    SYSCTL_CANNOT,  /* a value of this type cannot be set from text */
};

/*
 * Sets the value; the caller checks the flags.  After an error *why gives the reason in words and
 * is never NULL.
 */
enum sysctl_error sysctl_set(const struct sysctl_at *at, const char *value, const char **why);

#endif
