/* SPDX-License-Identifier: 0BSD */
/*
 * The smallest kernel with a time of day: 32 bits, no paging, one vCPU, a serial line.  It prints
 * the date three times, then its uptime, and ends the virtual machine; status 0 if time went on.
 * Without kvmclock it prints the TSC's frequency and the date once; status 1.
 */
#include <pvclock/pvclock.h>
#include <tsc/calendar.h>
#include <tsc/tsc.h>

enum pvclock_status clock_init(void);
enum pvclock_status clock_start(uint32_t cpu, uint64_t (*physical)(const void *));
uint64_t clock_ns(void);
void clock_tick(uint32_t cpu, uint64_t (*physical)(const void *));
struct pvclock_time clock_date(void);
void clock_stop(uint32_t cpu);
enum tsc_status tsc_find(struct tsc_choice *choice, const char **name);
enum tsc_status date_find(uint64_t *seconds);
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
    clock_stop(0);
    out(0xf4, value);
    for (;;)
        __asm__ volatile("cli; hlt");
}

static void print_date(uint64_t seconds)
{
    struct calendar_date d = calendar_from_seconds((int64_t)seconds);

    print_number((uint32_t)d.year, 4);
    print("-");
    print_number((uint32_t)d.month, 2);
    print("-");
    print_number((uint32_t)d.day, 2);
    print(" ");
    print_number((uint32_t)d.hour, 2);
    print(":");
    print_number((uint32_t)d.minute, 2);
    print(":");
    print_number((uint32_t)d.second, 2);
}

/* Without kvmclock: how fast the TSC is, and the date by the RTC. */
static void print_other_sources(void)
{
    struct tsc_choice choice;
    const char *name;
    uint64_t seconds;
    enum tsc_status status = tsc_find(&choice, &name);

    print("TSC ");
    if (status == TSC_OK) {
        uint32_t mhz = 0;

        for (; choice.hz >= 1000000; choice.hz -= 1000000) /* 64 bits / 32 would need a helper */
            mhz++;
        print_number(mhz, 1);
        print(" MHz by ");
        print(name);
        print(", confirmed by ");
        print_number(choice.confirmed, 1);
        print("\n");
    } else {
        print(tsc_status_text(status));
        print("\n");
    }
    status = date_find(&seconds);
    if (status == TSC_OK)
        print_date(seconds);
    else
        print(tsc_status_text(status));
    print(" UTC by the RTC\n");
}

void kernel_main(void)
{
    enum pvclock_status status = clock_init();
    uint64_t uptime = clock_ns();
    struct pvclock_time before = {0, 0, 0}, now;

    if (status == PVCLOCK_OK)
        status = clock_start(0, physical);

    if (status != PVCLOCK_OK) {
        print("no clock: ");
        print(pvclock_status_name(status));
        print("\n");
        print_other_sources();
        end(1);
    }
    clock_tick(0, physical); /* a larger kernel does this at each timer tick */
    for (int i = 0; i < 3; i++) {
        now = clock_date();
        if (now.status != PVCLOCK_OK || now.sec < before.sec ||
            (now.sec == before.sec && now.nsec <= before.nsec)) {
            print("time does not go on\n");
            end(2);
        }
        before = now;
        print_date(now.sec);
        print(".");
        print_number(now.nsec, 9);
        print(" UTC\n");
    }
    if (clock_ns() <= uptime) {
        print("uptime does not go on\n");
        end(2);
    }
    now = pvclock_time_from_ns(clock_ns());
    print("up ");
    print_number((uint32_t)now.sec, 1);
    print(".");
    print_number(now.nsec, 9);
    print(" s\n");
    end(0);
}
