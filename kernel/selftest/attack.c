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

void attack_run(void)
{
    enum { SLICE_S = 10 };
    uint64_t calls = 0, streams = 0;
    bool ended = process_map_code(cpu_count), leaked = false;
    const struct attack_used before = attack_used(0);

    for (uint64_t s = 0; s < settings.attack_s && ended && !leaked; s += SLICE_S) {
        uint64_t left = settings.attack_s - s;
        ended = job_run(&(struct job_order){.job = JOB_ATTACK,
                                            .count = cpu_count,
                                            .amount = (left < SLICE_S ? left : SLICE_S) * 1000,
                                            .seed = settings.fuzz_seed + s});
        for (uint32_t i = 0; i < cpu_count; i++) {
            calls += process_thread(i)->page->calls;
            streams += process_thread(i)->page->streams;
        }
        leaked = attack_leaked(&before, 0);
        print("attack      %lu random system calls, %lu streams of instructions\n", calls, streams);
    }
    check(pass_if(ended && !leaked && calls && streams), "ring3.attack",
          "%lu random system calls, %lu streams on %u vCPUs, seed %lu: %s", calls, streams,
          cpu_count, settings.fuzz_seed,
          !ended   ? "a thread faulted or did not end"
          : leaked ? "memory leaked"
                   : "the kernel stands");
}
