/* SPDX-License-Identifier: 0BSD */
/* Names for addresses in the kernel's text; the table is generated from the first link. */
#ifndef BASE_KSYMS_H
#define BASE_KSYMS_H

#include <stdint.h>

/* Returns the function that contains `address`, and the offset in it; NULL if there is none. */
const char *ksyms_lookup(uint64_t address, uint64_t *offset);

#endif
