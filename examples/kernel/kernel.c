/* SPDX-License-Identifier: 0BSD */
/*
 * The smallest kernel with a time of day: 32 bits, no paging, one vCPU, a serial line.  It prints
 * the date three times and ends the virtual machine; status 0 if time went on.
 */
#include <pvclock/pvclock.h>

enum pvclock_status clock_start(uint64_t (*physical)(const void *));
struct pvclock_time clock_now(void);
void clock_stop(void);
void kernel_main(void);

static void out(uint16_t port, uint8_t value)
{
    __asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void print(const char *text)
{
    while (*text != '\0')
        out(0x3f8, (uint8_t)*text++);
}

static void print_number(uint32_t value, unsigned digits)
{
    char text[11];
    unsigned at = sizeof(text) - 1;

    text[at] = '\0';
    do {
        text[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0 || at > sizeof(text) - 1 - digits);
    print(&text[at]);
}

/* Without paging an address is physical. */
static uint64_t physical(const void *address)
{
    return (uintptr_t)address;
}

/* isa-debug-exit: QEMU ends with status 2 * value + 1. */
static void end(uint8_t value)
{
    clock_stop();
    out(0xf4, value);
    for (;;)
        __asm__ volatile("cli; hlt");
}

/* The Gregorian date of a number of days since 1970-03-01, in 32 bits. */
static void print_date(const struct pvclock_time *now)
{
    uint32_t sec = (uint32_t)now->sec; /* until 2106, as the host's own seconds */
    uint32_t day = sec / 86400 + 719468, era = day / 146097, of_era = day % 146097;
    uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
    uint32_t month = (5 * of_year + 2) / 153;

    year += era * 400 + (month >= 10);
    print_number(year, 4);
    print("-");
    print_number(month < 10 ? month + 3 : month - 9, 2);
    print("-");
    print_number(of_year - (153 * month + 2) / 5 + 1, 2);
    print(" ");
    print_number(sec / 3600 % 24, 2);
    print(":");
    print_number(sec / 60 % 60, 2);
    print(":");
    print_number(sec % 60, 2);
    print(".");
    print_number(now->nsec, 9);
    print(" UTC\n");
}

void kernel_main(void)
{
    enum pvclock_status status = clock_start(physical);
    struct pvclock_time before = {0, 0, 0}, now;

    if (status != PVCLOCK_OK) {
        print("no clock: ");
        print(pvclock_status_name(status));
        print("\n");
        end(1);
    }
    for (int i = 0; i < 3; i++) {
        now = clock_now();
        if (now.status != PVCLOCK_OK || now.sec < before.sec ||
            (now.sec == before.sec && now.nsec <= before.nsec)) {
            print("time does not go on\n");
            end(2);
        }
        before = now;
        print_date(&now);
    }
    end(0);
}
