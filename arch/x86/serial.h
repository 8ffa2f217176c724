/* SPDX-License-Identifier: 0BSD */
/* A 16550 serial port, polled. */
#ifndef ARCH_X86_SERIAL_H
#define ARCH_X86_SERIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COM1 0x3f8
#define COM2 0x2f8

/* Sets 115200 baud, 8N1, FIFOs on.  False if no UART answers at this port. */
bool serial_init(uint16_t port);

/*
 * Writes all bytes.  The wait for room is bounded: if the port accepts nothing for about
 * 2,000,000 polls, the rest of this call is lost.
 */
void serial_write(uint16_t port, const char *text, size_t length);

/* Returns the next received byte, or -1. */
int serial_read(uint16_t port);

#endif
