/* SPDX-License-Identifier: 0BSD */
/* Attacks the kernel from ring 3 in slices, between which it looks what is left and says so. */
#include "arch/x86/frames.h"
#include "base/tunables.h"
#include "kernel/process/device.h"
#include "kernel/process/jobs.h"
#include "kernel/process/process.h"
#include "kernel/selftest/selftest.h"
#include <clockpage/report.h>

struct attack_used attack_used(unsigned keep)
{
    struct page_census c;

    pvclock_device_release_all_but(keep);
    process_census(&c);
    return (struct attack_used){frames_left(), c.read_only + c.writable + c.executable};
}

bool attack_leaked(const struct attack_used *before, unsigned keep)
{
    struct attack_used now = attack_used(keep);

    return now.frames != before->frames || now.pages != before->pages;
}

/* What all slices so far have made. */
struct made {
    uint64_t calls, leaks, streams;
    uint32_t hit;  /* threads that a stream of their own ended, or whose counts it overwrote */
    uint32_t gone; /* vCPUs that did not come back */
};

static void add_slice(struct made *made)
{
    for (uint32_t i = 0; i < cpu_count; i++) {
        const struct thread *thread = process_thread(i);
        made->gone += !cpu_is_online(cpu_table[i]);
        if (thread->crashed || !thread->page->streams) {
            made->hit++;
            continue;
        }
        made->calls += thread->page->calls;
        made->leaks += thread->page->leaks;
        made->streams += thread->page->streams;
    }
}

static const char *judge(const struct made *made, bool leaked)
{
    if (made->gone)
        return "a vCPU did not come back";
    if (leaked)
        return "memory leaked";
    if (made->leaks)
        return "system calls left something in registers";
    return made->calls && made->streams ? NULL : "nothing was made";
}

void attack_run(void)
{
    enum { SLICE_S = 10 };
    struct made made = {0};
    bool mapped = process_map_code(cpu_count), leaked = false;
    const struct attack_used before = attack_used(0);

    for (uint64_t s = 0; s < settings.attack_s && mapped && !leaked && !made.gone; s += SLICE_S) {
        uint64_t left = settings.attack_s - s, slice = left < SLICE_S ? left : SLICE_S;
        (void)job_run(&(struct job_order){.job = JOB_ATTACK,
                                          .count = cpu_count,
                                          .amount = slice * 1000,
                                          .seed = settings.fuzz_seed + s});
        add_slice(&made);
        leaked = attack_leaked(&before, 0);
        print("attack      %lu of %lu s, %lu random system calls, %lu streams of instructions\n",
              s + slice, settings.attack_s, made.calls, made.streams);
    }
    uint64_t virtual_8086 = trap_virtual_8086_count();
    if (virtual_8086)
        print("attack      %lu streams entered virtual-8086 mode, which only a bug of QEMU's "
              "allows\n",
              virtual_8086);
    const char *wrong = judge(&made, leaked);
    check(pass_if(!wrong), "ring3.attack",
          "%lu random system calls, %lu streams on %u vCPUs, seed %lu, %u threads hit: %s",
          made.calls, made.streams, cpu_count, settings.fuzz_seed, made.hit,
          wrong ? wrong : "the kernel stands");
}
