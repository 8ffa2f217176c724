/* SPDX-License-Identifier: 0BSD */
/* Two serial ports that keep what is written, for programs that test what is reported. */
#ifndef TESTS_SERIAL_H
#define TESTS_SERIAL_H

/* What COM1 and COM2 got, without carriage returns. */
extern char people[65536], programs[65536];

void serial_forget(void);

#endif
