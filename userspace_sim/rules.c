/* SPDX-License-Identifier: 0BSD */
/* Breaks each rule of the system calls in turn, and says what each must return. */
#include "userspace_sim/probe.h"
#include "userspace_sim/process.h"

enum { PAGE = 4096 };

static const char our_name[] = "ring3.rules";

/* Not on the stack, which it would enlarge. */
static char endless[PAGE] = {[0 ... PAGE - 1] = 'x'};

static int64_t open_device(uint64_t flags)
{
    return call(SYS_OPEN, address_of("/dev/pvclock"), flags, 0, 0);
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

static struct tally seen;
static bool has_device; /* there is a kvmclock, so it can be opened */

static void rule(const char *what, int64_t result, int64_t expected)
{
    tally(&seen, result == expected, "%s: %ld, and not %ld", what, (long)result, (long)expected);
}

static void open_rules(const struct thread_page *t)
{
    rule("open for writing", open_device(OPEN_WRITE_ONLY), -ERROR_PERM);
    rule("open for reading and writing", open_device(OPEN_READ_WRITE), -ERROR_PERM);
    rule("open another device", call(SYS_OPEN, address_of("/dev/null"), OPEN_READ_ONLY, 0, 0),
         -ERROR_NOENT);
    rule("open a name in the kernel", call(SYS_OPEN, t->kernel_address, OPEN_READ_ONLY, 0, 0),
         -ERROR_FAULT);
    rule("open an endless name", call(SYS_OPEN, address_of(endless), OPEN_READ_ONLY, 0, 0),
         -ERROR_NAMETOOLONG);
}

static void map_rules(int64_t fd, uint64_t length)
{
    uint64_t whole = (length + PAGE - 1) / PAGE * PAGE;
    int64_t access = has_device ? -ERROR_ACCES : -ERROR_BADF;
    int64_t invalid = has_device ? -ERROR_INVAL : -ERROR_BADF;

    rule("map for writing", map(fd, length, 3, 0), access);
    rule("map for execution", map(fd, length, 5, 0), access);
    rule("map for nothing", map(fd, length, 0, 0), access);
    rule("map past the last structure", map(fd, PAGE, PROTECTION_READ, whole), invalid);
    rule("map from within a page", map(fd, PAGE, PROTECTION_READ, 64), invalid);
    rule("map nothing", map(fd, 0, PROTECTION_READ, 0), invalid);
    rule("map a page more than there is", map(fd, length + PAGE, PROTECTION_READ, 0), invalid);
    rule("map by a descriptor that is not open", map(fd + 1, length, PROTECTION_READ, 0),
         -ERROR_BADF);
    rule("unmap the program itself", call(SYS_MUNMAP, address_of(endless), PAGE, 0, 0),
         -ERROR_INVAL);
}

static void clock_rules(const struct thread_page *t)
{
    struct pvclock_timespec ts = {0, 0};

    rule("clock_gettime of no clock", call(SYS_CLOCK_GETTIME, 3, address_of(&ts), 0, 0),
         -ERROR_INVAL);
    rule("clock_gettime into the kernel",
         call(SYS_CLOCK_GETTIME, GETTIME_UPTIME, t->kernel_address, 0, 0), -ERROR_FAULT);
    rule("clock_gettime into the time page",
         call(SYS_CLOCK_GETTIME, GETTIME_UPTIME, t->time_page, 0, 0), -ERROR_FAULT);
    rule("clock_getres of no clock", call(SYS_CLOCK_GETRES, UINT64_MAX, address_of(&ts), 0, 0),
         -ERROR_INVAL);
}

static int64_t check(uint64_t result, const char *name, uint64_t figures)
{
    return call(SYS_CHECK, result, address_of(name), figures, 0);
}

/* Should the kernel take one of these, it is the verdict: so all of them are failures. */
static void check_rules(const struct thread_page *t)
{
    rule("give no verdict", check(VERDICTS, our_name, address_of("")), -ERROR_INVAL);
    rule("give another job's verdict", check(VERDICT_FAIL, "ring3.fuzz", address_of("")),
         -ERROR_PERM);
    rule("give figures in the kernel", check(VERDICT_FAIL, our_name, t->kernel_address),
         -ERROR_FAULT);
    rule("give figures of two lines", check(VERDICT_FAIL, our_name, address_of("1\n2")),
         -ERROR_INVAL);
    rule("give endless figures", check(VERDICT_FAIL, our_name, address_of(endless)),
         -ERROR_NAMETOOLONG);
}

/* What is on the pages beside the structures, and what is left of a mapping. */
static void mapped_rules(const struct time_page *time, int64_t at, uint64_t length)
{
    int64_t dirty = -1, faulted = -1;

    if (at > 0) {
        dirty = dirty_bytes((const void *)(uintptr_t)at, length, time->stride,
                            sizeof(struct pvclock_vcpu_time_info)) +
                dirty_bytes(time, sizeof(*time), PAGE, sizeof(*time));
        if (call(SYS_MUNMAP, (uint64_t)at, length, 0, 0) == 0)
            faulted = PROBE(at, "mov (%%rcx), %%rdx").vector != NO_FAULT;
    }
    rule("bytes on the pages beside the structures", dirty, has_device ? 0 : -1);
    rule("read what was unmapped", faulted, has_device ? 1 : -1);
}

/* Frees everything, except what attach() mapped. */
static void free_all(uint64_t length)
{
    for (uint64_t slot = 0; slot < MAX_MAPPINGS; slot++) {
        uint64_t va = address_of(clock_structures) / 0x100000 * 0x100000 + slot * 0x10000;
        if (clock_structures && va != address_of(clock_structures))
            (void)call(SYS_MUNMAP, va, length, 0, 0);
    }
    for (uint64_t i = 0; i < MAX_DESCRIPTORS; i++)
        (void)call(SYS_CLOSE, i, 0, 0, 0);
}

void rules(struct thread_page *t)
{
    const struct time_page *time = time_page_of(t);
    uint64_t length = structures_length(time);
    int64_t maps = 0, opens = 0;

    has_device = t->facts & FACT_KVMCLOCK;
    open_rules(t);
    int64_t fd = open_device(OPEN_READ_ONLY);
    map_rules(fd, length);
    clock_rules(t);
    check_rules(t);
    mapped_rules(time, map(fd, length, PROTECTION_READ, 0), length);
    for (int64_t last = 1; fd >= 0 && last > 0; maps++)
        last = map(fd, length, PROTECTION_READ, 0);
    for (int64_t last = 0; fd >= 0 && last >= 0; opens++)
        last = open_device(OPEN_READ_ONLY);
    rule("map as often as possible", maps, has_device ? MAX_MAPPINGS : 0);
    rule("open as often as possible", opens, has_device ? MAX_DESCRIPTORS : 0);
    free_all(length);
    rule("close what is closed", call(SYS_CLOSE, (uint64_t)fd, 0, 0, 0), -ERROR_BADF);
    rule("a system call that does not exist", call(SYS_CALLS, 0, 0, 0, 0), -ERROR_NOSYS);
    /* The kernel adds what only it can see: what is left of descriptors and mappings. */
    verdict(pass_if(!seen.broken), our_name, "%u rules of the system calls, %u broken%s",
            seen.tried, seen.broken, seen.text);
}
