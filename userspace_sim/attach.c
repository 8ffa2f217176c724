/* SPDX-License-Identifier: 0BSD */
/*
 * Maps /dev/pvclock, so that threads can read the clock structures: the flow enters ring 3 here.
 */
#include "userspace_sim/clock.h"
#include "userspace_sim/process.h"

const struct pvclock_vcpu_time_info *clock_structures;
struct pvclock_guard clock_guard __attribute__((aligned(64)));

/* Maps all structures, as a libc would at its first clock_gettime(); returns the address. */
static int64_t map_structures(const struct time_page *time)
{
    int64_t fd = call(SYS_OPEN, address_of("/dev/pvclock"), OPEN_READ_ONLY, 0, 0);

    if (fd < 0)
        return fd;
    int64_t at = call(SYS_MMAP, (uint64_t)fd, structures_length(time), PROTECTION_READ, 0);
    (void)call(SYS_CLOSE, (uint64_t)fd, 0, 0, 0);
    return at;
}

void attach(struct thread_page *t)
{
    int64_t at = map_structures(time_page_of(t));

    if (at > 0)
        clock_structures = (const struct pvclock_vcpu_time_info *)(uintptr_t)at;
    if (t->facts & FACT_KVMCLOCK && at > 0)
        verdict(VERDICT_PASS, "ring3.device", "/dev/pvclock mapped at 0x%lx", (unsigned long)at);
    else if (t->facts & FACT_KVMCLOCK)
        verdict(VERDICT_FAIL, "ring3.device", "/dev/pvclock not mapped: error %ld", (long)-at);
    else
        verdict(pass_if(at == -ERROR_NXIO), "ring3.device",
                "/dev/pvclock without a kvmclock: error %ld", (long)-at);
}

struct gettime thread_gettime(const struct thread_page *t)
{
    return (struct gettime){
        .time = time_page_of(t),
        .structures = clock_structures,
        .guard = &clock_guard,
        .order = (enum pvclock_order)time_page_of(t)->tsc_order,
        .sequence = 1,
    };
}

struct clock_source clock_source(const struct thread_page *t)
{
    static struct pvclock_guard tsc_guard __attribute__((aligned(64)));
    const struct time_page *time = time_page_of(t);
    const enum pvclock_order order = (enum pvclock_order)time->tsc_order;

    if (time->algorithm == TIME_PVCLOCK && clock_structures) {
        const struct pvclock_vcpu_time_info *own = structure_of(time, t->index);
        bool agree = own->flags & time->stable_mask;
        return (struct clock_source){
            .page = own, .order = order, .guard = agree ? NULL : &clock_guard};
    }
    return (struct clock_source){.page = &time->tsc,
                                 .order = order,
                                 .guard = time->algorithm == TIME_TSC ? NULL : &tsc_guard,
                                 .is_tsc = true};
}
