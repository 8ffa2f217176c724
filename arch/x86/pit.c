/* SPDX-License-Identifier: 0BSD */
/*
 * Drives the i8254, which measures the TSC's frequency at start and is a timecounter afterwards.
 * [1: Intel 8254 data sheet: modes 0 and 2, counter latch and read-back commands]
 * [2: 8259A data sheet: initialisation words]
 */
#include "arch/x86/pit.h"
#include "arch/x86/io.h"

enum { CHANNEL2 = 0x42, COMMAND = 0x43, GATE = 0x61 };

enum {
    GATE_ON = 0x01,
    SPEAKER_ON = 0x02,
    CHANNEL2_MODE0 = 0xb0,     /* low byte then high byte, interrupt on terminal count */
    CHANNEL2_MODE2 = 0xb4,     /* the same, then reload: a rate generator */
    LATCH_CHANNEL2 = 0x80,     /* the count alone, which is then held until it is read */
    READ_BACK_CHANNEL2 = 0xc8, /* latch both status and count */
    STATUS_OUT = 0x80,
    STATUS_NULL_COUNT = 0x40,
    STATUS_MODE = 0x3f,
};

static void start(uint8_t mode, uint16_t from)
{
    outb(GATE, (uint8_t)((inb(GATE) & ~SPEAKER_ON) | GATE_ON));
    outb(COMMAND, mode);
    outb(CHANNEL2, (uint8_t)from);
    outb(CHANNEL2, (uint8_t)(from >> 8));
}

static uint16_t read_latched(void)
{
    uint8_t low = inb(CHANNEL2);
    uint8_t high = inb(CHANNEL2);

    return (uint16_t)(high << 8 | low);
}

/* An undriven bus reads all ones, which is no mode that was set. */
static bool runs_in(uint8_t mode, uint8_t status)
{
    return !(status & STATUS_NULL_COUNT) && (status & STATUS_MODE) == (mode & STATUS_MODE);
}

void pit_start(void)
{
    start(CHANNEL2_MODE0, 0xffff);
}

bool pit_elapsed(uint16_t *counts)
{
    outb(COMMAND, READ_BACK_CHANNEL2);
    uint8_t status = inb(CHANNEL2);

    *counts = (uint16_t)(0xffff - read_latched());
    return runs_in(CHANNEL2_MODE0, status) && !(status & STATUS_OUT);
}

bool pit_run_freely(void)
{
    start(CHANNEL2_MODE2, 0); /* 0 means 65536 */
    outb(COMMAND, READ_BACK_CHANNEL2);
    uint8_t status = inb(CHANNEL2);
    (void)read_latched();
    return runs_in(CHANNEL2_MODE2, status);
}

uint16_t pit_count(void)
{
    outb(COMMAND, LATCH_CHANNEL2);
    return (uint16_t)-read_latched();
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
