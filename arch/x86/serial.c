/* SPDX-License-Identifier: 0BSD */
/*
 * Drives the serial ports: COM1 carries the report as text and the shell, COM2 the report as
 * JSON.
 */
#include "arch/x86/serial.h"
#include "arch/x86/io.h"

enum uart { DATA = 0, INTERRUPTS = 1, FIFO = 2, LINE = 3, MODEM = 4, STATUS = 5, SCRATCH = 7 };

enum { FIFO_DEPTH = 16, STATUS_READY = 0x01, STATUS_EMPTY = 0x20, LINE_DLAB = 0x80, LINE_8N1 = 3 };

bool serial_init(uint16_t port)
{
    outb(port + SCRATCH, 0x5a);
    if (inb(port + SCRATCH) != 0x5a)
        return false;
    outb(port + INTERRUPTS, 0);
    outb(port + LINE, LINE_DLAB);
    outb(port + DATA, 1); /* 115200 baud */
    outb(port + INTERRUPTS, 0);
    outb(port + LINE, LINE_8N1);
    /*
     * FIFOs on and empty.  The trigger level, 14 bytes, is also how many bytes QEMU passes at a
     * time.
     */
    outb(port + FIFO, 0xc7);
    outb(port + MODEM, 0x03);
    return true;
}

void serial_write(uint16_t port, const char *text, size_t length)
{
    while (length > 0) {
        unsigned looks = 0;
        while (!(inb(port + STATUS) & STATUS_EMPTY)) {
            /* A host that does not run QEMU's main loop is slow; a broken UART stays full. */
            if (++looks > 2000000)
                return;
        }
        /* An empty FIFO takes 16 bytes, so one poll serves 16: each access is an exit. */
        for (unsigned room = FIFO_DEPTH; room > 0 && length > 0; room--, length--)
            outb(port + DATA, (uint8_t)*text++);
    }
}

int serial_read(uint16_t port)
{
    return inb(port + STATUS) & STATUS_READY ? inb(port + DATA) : -1;
}
