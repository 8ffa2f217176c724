/* SPDX-License-Identifier: 0BSD */
/* A 16550 serial port, written by polling. */
#ifndef ARCH_X86_SERIAL_H
#define ARCH_X86_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COM1 0x3f8
#define COM2 0x2f8

/* Set 115200 baud, 8N1, FIFOs on.  False when no UART answers at this port. */
bool serial_init(uint16_t port);

/*
 * Write all bytes.  Waiting for room is bounded: a port that takes nothing for about 100,000 looks
 * loses what is left of this call.
 */
void serial_write(uint16_t port, const char *text, size_t length);

/* The next byte that came in, or -1. */
int serial_read(uint16_t port);

#endif
