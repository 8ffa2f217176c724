/* SPDX-License-Identifier: 0BSD */
/* Names for addresses of the kernel's text; the table is made from the first link. */
#ifndef BASE_KSYMS_H
#define BASE_KSYMS_H

#include <stdint.h>

/* The function that `address` is in and how far in; NULL when it is in none. */
const char *ksyms_lookup(uint64_t address, uint64_t *offset);

#endif
