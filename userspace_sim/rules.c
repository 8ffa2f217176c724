/* SPDX-License-Identifier: 0BSD */
/* Breaks each rule of the system calls in turn; the kernel's table says what each must return. */
#include "userspace_sim/probe.h"
#include "userspace_sim/process.h"

enum { PAGE = 4096 };

static uint64_t pointer(const void *p)
{
    return (uint64_t)(uintptr_t)p;
}

static int64_t open_device(uint64_t flags)
{
    return call(SYS_OPEN, pointer("/dev/pvclock"), flags, 0, 0);
}

static int64_t map(int64_t fd, uint64_t length, uint64_t protection, uint64_t offset)
{
    return call(SYS_MMAP, (uint64_t)fd, length, protection, offset);
}

/*
 * Counts the bytes of a mapping that are outside the structures, of `size` bytes each, and not 0.
 */
static int64_t dirty_bytes(const void *pages, uint64_t length, uint64_t stride, uint64_t size)
{
    const uint8_t *page = pages;
    int64_t dirty = 0;

    for (uint64_t i = 0; i < (length + PAGE - 1) / PAGE * PAGE; i++) {
        bool structure = i < length && i % stride < size;
        dirty += !structure && page[i] != 0;
    }
    return dirty;
}

void rules(struct thread_page *t)
{
    /* Not on the stack, which it would enlarge. */
    static char endless[PAGE] = {[0 ... PAGE - 1] = 'x'};
    const struct time_page *time = (const struct time_page *)(uintptr_t)t->time_page;
    uint64_t length = (uint64_t)time->possible * time->stride;
    struct pvclock_timespec ts = {0, 0};
    int64_t *r = t->rules;

    r[RULE_OPEN_WRITE] = open_device(OPEN_WRITE_ONLY);
    r[RULE_OPEN_READ_WRITE] = open_device(OPEN_READ_WRITE);
    r[RULE_OPEN_NO_SUCH] = call(SYS_OPEN, pointer("/dev/null"), OPEN_READ_ONLY, 0, 0);
    r[RULE_OPEN_BAD_POINTER] = call(SYS_OPEN, t->kernel_address, OPEN_READ_ONLY, 0, 0);
    r[RULE_OPEN_ENDLESS_NAME] = call(SYS_OPEN, pointer(endless), OPEN_READ_ONLY, 0, 0);

    int64_t fd = open_device(OPEN_READ_ONLY);
    r[RULE_MAP_WRITE] = map(fd, length, 3, 0);
    r[RULE_MAP_EXECUTE] = map(fd, length, 5, 0);
    r[RULE_MAP_NONE] = map(fd, length, 0, 0);
    r[RULE_MAP_PAST_END] = map(fd, PAGE, PROTECTION_READ, (length + PAGE - 1) / PAGE * PAGE);
    r[RULE_MAP_UNALIGNED] = map(fd, PAGE, PROTECTION_READ, 64);
    r[RULE_MAP_NOTHING] = map(fd, 0, PROTECTION_READ, 0);
    r[RULE_MAP_TOO_LONG] = map(fd, length + PAGE, PROTECTION_READ, 0);
    r[RULE_MAP_BAD_FD] = map(fd + 1, length, PROTECTION_READ, 0);
    r[RULE_UNMAP_OTHER] = call(SYS_MUNMAP, pointer(endless), PAGE, 0, 0);
    r[RULE_GETTIME_BAD_CLOCK] = call(SYS_CLOCK_GETTIME, 3, pointer(&ts), 0, 0);
    r[RULE_GETTIME_BAD_POINTER] = call(SYS_CLOCK_GETTIME, CLOCK_UPTIME, t->kernel_address, 0, 0);
    r[RULE_GETTIME_CLOCK_PAGE] = call(SYS_CLOCK_GETTIME, CLOCK_UPTIME, t->time_page, 0, 0);
    r[RULE_GETRES_BAD_CLOCK] = call(SYS_CLOCK_GETRES, UINT64_MAX, pointer(&ts), 0, 0);

    int64_t at = map(fd, length, PROTECTION_READ, 0);
    r[RULE_DIRTY_BYTES] = -1;
    r[RULE_UNMAPPED_READ] = -1;
    if (at > 0) {
        r[RULE_DIRTY_BYTES] = dirty_bytes((const void *)(uintptr_t)at, length, time->stride,
                                          sizeof(struct pvclock_vcpu_time_info)) +
                              dirty_bytes(time, sizeof(*time), PAGE, sizeof(*time));
        if (call(SYS_MUNMAP, (uint64_t)at, length, 0, 0) == 0)
            r[RULE_UNMAPPED_READ] = (int64_t)PROBE(at, "mov (%%rcx), %%rdx");
    }

    r[RULE_MAP_ALL] = 0;
    for (int64_t last = 1; fd >= 0 && last > 0; r[RULE_MAP_ALL]++)
        last = map(fd, length, PROTECTION_READ, 0);
    r[RULE_OPEN_ALL] = 0;
    for (int64_t last = 0; fd >= 0 && last >= 0; r[RULE_OPEN_ALL]++)
        last = open_device(OPEN_READ_ONLY);

    /* Free everything, except what attach() mapped. */
    for (uint64_t slot = 0; slot < MAX_MAPPINGS; slot++) {
        uint64_t va = pointer(clock_structures) / 0x100000 * 0x100000 + slot * 0x10000;
        if (clock_structures && va != pointer(clock_structures))
            (void)call(SYS_MUNMAP, va, length, 0, 0);
    }
    for (uint64_t i = 0; i < MAX_DESCRIPTORS; i++)
        (void)call(SYS_CLOSE, i, 0, 0, 0);
    r[RULE_CLOSE_TWICE] = call(SYS_CLOSE, (uint64_t)fd, 0, 0, 0);
    r[RULE_NO_SUCH_CALL] = call((enum system_call)SYS_CALLS, 0, 0, 0, 0);
}
