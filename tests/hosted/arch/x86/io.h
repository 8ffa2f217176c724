/* SPDX-License-Identifier: 0BSD */
/* In place of arch/x86/io.h: the ports of a machine that a test makes. */
#ifndef ARCH_X86_IO_H
#define ARCH_X86_IO_H

#include <stdint.h>

void outb(uint16_t port, uint8_t value);
uint8_t inb(uint16_t port);
uint32_t inl(uint16_t port);

#endif
