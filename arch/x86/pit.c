/* SPDX-License-Identifier: 0BSD */
/* [1: Intel 8254 data sheet: mode 0, read-back command] [2: 8259A data sheet: initialisation words]
 */
#include "arch/x86/pit.h"
#include "arch/x86/io.h"

enum { CHANNEL2 = 0x42, COMMAND = 0x43, GATE = 0x61 };

enum {
    GATE_ON = 0x01,
    SPEAKER_ON = 0x02,
    CHANNEL2_MODE0 = 0xb0,     /* low byte then high byte, interrupt on terminal count */
    READ_BACK_CHANNEL2 = 0xc8, /* latch both status and count */
    STATUS_OUT = 0x80,
    STATUS_NULL_COUNT = 0x40,
    STATUS_MODE = 0x3f,
};

void pit_start(void)
{
    outb(GATE, (uint8_t)((inb(GATE) & ~SPEAKER_ON) | GATE_ON));
    outb(COMMAND, CHANNEL2_MODE0);
    outb(CHANNEL2, 0xff);
    outb(CHANNEL2, 0xff);
}

bool pit_elapsed(uint16_t *counts)
{
    outb(COMMAND, READ_BACK_CHANNEL2);
    uint8_t status = inb(CHANNEL2);
    uint8_t low = inb(CHANNEL2);
    uint8_t high = inb(CHANNEL2);

    *counts = (uint16_t)(0xffff - (high << 8 | low));
    /* A bus that nobody drives reads all ones, which is no mode that was set. */
    return !(status & (STATUS_OUT | STATUS_NULL_COUNT)) &&
           (status & STATUS_MODE) == (CHANNEL2_MODE0 & STATUS_MODE);
}

void pic_disable(void)
{
    outb(0x20, 0x11);
    outb(0xa0, 0x11);
    outb(0x21, 0x20);
    outb(0xa1, 0x28);
    outb(0x21, 4);
    outb(0xa1, 2);
    outb(0x21, 1);
    outb(0xa1, 1);
    outb(0x21, 0xff);
    outb(0xa1, 0xff);
}
