/* SPDX-License-Identifier: 0BSD */
/* How long a race test goes on. */
#ifndef PATIENCE_H
#define PATIENCE_H

#include <stdbool.h>
#include <time.h>

/* Whether a test that began then has waited long enough for what a busy machine keeps from it. */
static inline bool is_too_late(time_t began)
{
    /* A third of what tests/program.sh grants where it is not busy. */
    return time(NULL) - began > 40;
}

#endif /* PATIENCE_H */
