/* SPDX-License-Identifier: 0BSD */
/* Ends the run with the verdict: by QEMU's debug-exit device, or by powering the machine off. */
#include "base/shutdown.h"
#include "arch/x86/cr.h"
#include "arch/x86/frames.h"
#include "arch/x86/io.h"
#include "arch/x86/paging.h"

enum { DEBUG_EXIT = 0x501, SLEEP_ENABLE = 1 << 13, REDUCED_SLEEP_ENABLE = 1 << 5 };

static uint16_t sleep_port, sleep_type;
static volatile uint8_t *sleep_register;

void shutdown_init(const struct firmware_facts *facts)
{
    const uint64_t va = DEVICE_BASE + 2 * LARGE_PAGE;

    sleep_port = facts->sleep_port;
    sleep_type = facts->sleep_type;
    if (facts->sleep_register && facts->sleep_register_is_memory &&
        page_map(kernel_root(), va, facts->sleep_register & PAGE_ADDRESS, PAGE_DEVICE))
        sleep_register = (volatile uint8_t *)(va + facts->sleep_register % PAGE_SIZE);
}

_Noreturn void shutdown(enum exit_code code)
{
    outl(DEBUG_EXIT, code);
    if (sleep_port)
        outw(sleep_port, (uint16_t)(sleep_type << 10 | SLEEP_ENABLE));
    if (sleep_register)
        *sleep_register = (uint8_t)(sleep_type << 2 | REDUCED_SLEEP_ENABLE);
    for (;;) {
        interrupts_off();
        halt();
    }
}
