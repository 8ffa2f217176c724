/* SPDX-License-Identifier: 0BSD */
/*
 * Tries memory that is not ring 3's: by its own instructions, by pointers that it gives to system
 * calls, and after it was unmapped.
 */
#include "userspace_sim/attempt.h"
#include "userspace_sim/probe.h"
#include "userspace_sim/process.h"

/* ---- Addresses --------------------------------------------------------- */

/* The end of a page behind which there is none: RCX of a SYSCALL there points at nothing. */
static void try_the_end_of_a_page(struct attempt *a, struct tally *seen)
{
    uint8_t *end = code_of(a->thread) + PAGE;

    end[-2] = 0x0f;
    end[-1] = 0x05;
    a->rax = SYS_CALLS;
    a->rbx = a->rip + PAGE - 2;
    const struct fault *f = EXECUTE(a, "\xff\xe3");
    note(seen, is(f, PAGE_FAULT, PAGE) && f->address == a->rip + PAGE, "SYSCALL ends the page", 0,
         f);
    end[-1] = 0x0f;
    a->rbx = a->rip + PAGE - 1;
    f = EXECUTE(a, "\xff\xe3");
    note(seen, is(f, PAGE_FAULT, PAGE - 1) && f->address == a->rip + PAGE,
         "an instruction ends behind the page", 0, f);
}

void addresses(struct thread_page *t)
{
    enum { USER = 4 }; /* in the error code */
    const uint64_t not_ours[] = {
        0,
        0x8000,     /* where the other vCPUs start */
        0xb8000,    /* the screen */
        0xfee00000, /* the local APIC */
        USER_END,
        HIDDEN_ENTRY,
        NON_CANONICAL - 8,
        NON_CANONICAL,
        UINT64_C(0xffff800000000000),
        UINT64_C(0xffffffff80000000), /* the kernel's memory */
        t->kernel_address,
        UINT64_C(0xffffffffc0000000), /* its stacks */
        UINT64_C(0xffffffffe0000000), /* its devices */
        UINT64_C(0xffffffffff600000), /* where Linux has vsyscalls */
        UINT64_MAX - 7,
    };
    static const struct instruction how[] = {
        CODE("read", "\x48\x8b\x01"),
        CODE("write", "\x48\x89\x01"),
        CODE("jump", "\xff\xe1"),
    };
    struct tally seen = {0};
    struct attempt a;

    attempt_begin(&a, t);
    for (unsigned i = 0; i < sizeof(not_ours) / sizeof(not_ours[0]); i++) {
        for (unsigned k = 0; k < sizeof(how) / sizeof(how[0]); k++) {
            bool canonical = not_ours[i] + NON_CANONICAL < 2 * NON_CANONICAL;
            a.rcx = not_ours[i];
            const struct fault *f = execute(&a, how[k].bytes, how[k].length);
            bool stopped = f->vector == PAGE_FAULT && f->error & USER && f->address == not_ours[i];
            note(&seen, stopped || (!canonical && f->vector == GENERAL_PROTECTION), how[k].name,
                 not_ours[i], f);
        }
    }
    try_the_end_of_a_page(&a, &seen);
    judge(&seen, "ring3.border.addresses", "uses of addresses");
}

/* ---- Pointers ---------------------------------------------------------- */

void pointers(struct thread_page *t)
{
    static const char device[] = "/dev/pvclock";
    const uint64_t page = address_of(t) & ~UINT64_C(4095), fault = (uint64_t)-ERROR_FAULT;
    const uint64_t code = address_of(code_of(t)); /* nothing is mapped on either side */
    struct tally seen = {0};
    const struct {
        const char *what;
        uint64_t address, result;
    } out[] = {
        {"the last bytes of a page", code + PAGE - 16, 0},
        {"beyond a page's last byte", code + PAGE - 15, fault},
        {"beyond a page by half", code + PAGE - 8, fault},
        {"before a page", code - 8, fault},
        {"across two pages", page - PAGE - 8, 0},
        {"unaligned", code + 1, 0},
        {"nothing", 0, fault},
        {"the program's text", address_of((const void *)(uintptr_t)pointers), fault},
        {"the time page", t->time_page, fault},
        {"the code page, as it is executed", code_address(t), fault},
        {"the end of the user's addresses", USER_END - 8, fault},
        {"beyond them", USER_END, fault},
        {"the hidden entry", HIDDEN_ENTRY, fault},
        {"the end of canonical addresses", NON_CANONICAL - 8, fault},
        {"no canonical address", NON_CANONICAL, fault},
        {"the kernel", t->kernel_address, fault},
        {"the last address", UINT64_MAX - 15, fault},
        {"a wrap", UINT64_MAX - 7, fault},
    };

    for (unsigned i = 0; i < sizeof(out) / sizeof(out[0]); i++) {
        int64_t result = call(SYS_CLOCK_GETTIME, 0, out[i].address, 0, 0);
        tally(&seen, result == (int64_t)out[i].result, "write to %s: %ld", out[i].what,
              (long)result);
        if (out[i].result == 0)
            continue;
        result = call(SYS_COUNT, 0, out[i].address, 0, 0);
        /* 0: no address, none is written. */
        tally(&seen, result == (int64_t)(out[i].address ? fault : 0), "counts to %s: %ld",
              out[i].what, (long)result);
    }
    /* A name that ends with the page, and one whose end is missing. */
    for (unsigned i = 0; i < 2; i++) {
        char *name = (char *)code_of(t) + PAGE - sizeof(device) + i;
        for (unsigned c = 0; c < sizeof(device) - i; c++)
            name[c] = device[c];
        int64_t result = call(SYS_OPEN, address_of(name), OPEN_WRITE_ONLY, 0, 0);
        tally(&seen, result == (i ? -ERROR_FAULT : -ERROR_PERM), "a name at a page's end: %ld",
              (long)result);
    }
    judge(&seen, "ring3.border.pointers", "pointers");
}

/* ---- What is unmapped -------------------------------------------------- */

/* Thread 0 maps and unmaps; the others read at the same time, and have the kernel read. */
static struct {
    uint64_t address;
    uint32_t mapped, gone; /* the round that this was done in */
    uint32_t ready, done;  /* threads, over all rounds */
    uint32_t still_there, wrong, calls;
} shared;

static void wait_for(const uint32_t *word, uint32_t least)
{
    while (__atomic_load_n(word, __ATOMIC_ACQUIRE) < least)
        __asm__ volatile("pause");
}

static void add(uint32_t *word, uint32_t n)
{
    (void)__atomic_add_fetch(word, n, __ATOMIC_ACQ_REL);
}

/* Opens what is at an address of the mapping; counts results that cannot be. */
static int64_t open_there(uint64_t address)
{
    int64_t result = call(SYS_OPEN, address, OPEN_READ_ONLY, 0, 0);

    add(&shared.calls, 1);
    add(&shared.wrong,
        result != -ERROR_FAULT && result != -ERROR_NOENT && result != -ERROR_NAMETOOLONG);
    return result;
}

static void expect_gone(uint64_t address)
{
    add(&shared.still_there, PROBE(address, "mov (%%rcx), %%rdx").vector != PAGE_FAULT);
    add(&shared.still_there, open_there(address) != -ERROR_FAULT);
}

static void read_what_goes(uint32_t round)
{
    wait_for(&shared.mapped, round);
    uint64_t address = __atomic_load_n(&shared.address, __ATOMIC_RELAXED);
    (void)*(const volatile uint8_t *)(uintptr_t)address;
    add(&shared.ready, 1);
    while (__atomic_load_n(&shared.gone, __ATOMIC_ACQUIRE) < round)
        (void)open_there(address);
    expect_gone(address);
    add(&shared.done, 1);
}

static void map_and_unmap(const struct thread_page *t, int64_t fd, uint32_t round)
{
    uint64_t length = structures_length(time_page_of(t));
    int64_t address = call(SYS_MMAP, (uint64_t)fd, length, PROTECTION_READ, 0);

    __atomic_store_n(&shared.address, (uint64_t)address, __ATOMIC_RELAXED);
    __atomic_store_n(&shared.mapped, round, __ATOMIC_RELEASE);
    wait_for(&shared.ready, round * (t->count - 1));
    int64_t result = call(SYS_MUNMAP, (uint64_t)address, length, 0, 0);
    add(&shared.wrong, result != 0);
    __atomic_store_n(&shared.gone, round, __ATOMIC_RELEASE);
    expect_gone((uint64_t)address);
    wait_for(&shared.done, round * (t->count - 1));
}

void unmapped(struct thread_page *t)
{
    enum { ROUNDS = 10 };
    bool device = t->facts & FACT_KVMCLOCK;
    int64_t fd = -1;

    if (device && t->index == 0)
        fd = call(SYS_OPEN, address_of("/dev/pvclock"), OPEN_READ_ONLY, 0, 0);
    for (uint32_t round = 1; device && round <= ROUNDS; round++) {
        if (t->index == 0)
            map_and_unmap(t, fd, round);
        else
            read_what_goes(round);
    }
    if (t->index == 0)
        (void)call(SYS_CLOSE, (uint64_t)fd, 0, 0, 0);
    if (!last_out(t))
        return;
    if (!device)
        verdict(VERDICT_SKIP, "ring3.border.unmapped", "there is no kvmclock to map");
    else
        verdict(pass_if(!shared.still_there && !shared.wrong), "ring3.border.unmapped",
                "%u pages unmapped while %u threads read them, %u calls of the kernel with their "
                "addresses: %u still there, %u wrong results",
                (unsigned)ROUNDS, t->count, shared.calls, shared.still_there, shared.wrong);
}
