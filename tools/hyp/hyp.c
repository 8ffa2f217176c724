/* SPDX-License-Identifier: 0BSD */
#include "hyp.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <pvclock/read.h>

struct hyp_file *hyp_create(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    void *file = MAP_FAILED;

    if (fd < 0)
        return NULL;
    if (ftruncate(fd, sizeof(struct hyp_file)) == 0)
        file = mmap(NULL, sizeof(struct hyp_file), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    return file == MAP_FAILED ? NULL : (struct hyp_file *)file;
}

const struct hyp_file *hyp_open(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    void *file;

    if (fd < 0)
        return NULL;
    file = mmap(NULL, sizeof(struct hyp_file), PROT_READ, MAP_SHARED, fd, 0);
    (void)close(fd);
    return file == MAP_FAILED ? NULL : (const struct hyp_file *)file;
}

/* The TSC after every earlier store is seen by all: MFENCE; LFENCE; RDTSC. */
static uint64_t tsc_after_stores(void)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return pvclock_tsc_now(PVCLOCK_LFENCE);
}

static struct hyp_log_entry *entry_of(struct hyp *hyp, uint32_t version)
{
    return &hyp->file->log[version / 2 % HYP_LOG_ENTRIES];
}

/* Writes what is in hyp->now, and the log first: who sees the version finds its entry. */
static void publish(struct hyp *hyp, uint32_t version)
{
    volatile struct pvclock_vcpu_time_info *page = &hyp->file->page.time;
    struct hyp_log_entry *entry = entry_of(hyp, version);

    __atomic_store_n(&entry->version, 1, __ATOMIC_RELEASE);
    entry->mul = hyp->now.mul;
    entry->tsc_timestamp = hyp->now.tsc_timestamp;
    entry->system_time = hyp->now.system_time;
    __atomic_store_n(&entry->ended, 0, __ATOMIC_RELEASE);
    __atomic_store_n(&entry->version, version, __ATOMIC_RELEASE);

    page->tsc_timestamp = hyp->now.tsc_timestamp;
    page->system_time = hyp->now.system_time;
    page->tsc_to_system_mul = hyp->now.mul;
    page->tsc_shift = hyp->now.shift;
    page->flags = (uint8_t)(hyp->now.flags | (page->flags & PVCLOCK_FLAG_GUEST_STOPPED));
    __atomic_store_n(&hyp->file->page.time.version, version, __ATOMIC_RELEASE);
    hyp->now.version = version;
}

bool hyp_start(struct hyp *hyp, uint64_t hz, uint64_t system_time, uint8_t flags)
{
    if (pvclock_scale_from_hz(hz, &hyp->now.mul, &hyp->now.shift) != PVCLOCK_OK)
        return false;
    hyp->now.flags = flags;
    hyp->now.system_time = system_time;
    hyp->now.tsc_timestamp = pvclock_tsc_now(PVCLOCK_LFENCE);
    __atomic_store_n(&hyp->file->page.time.version, 1, __ATOMIC_SEQ_CST);
    publish(hyp, 2);
    return true;
}

void hyp_update(struct hyp *hyp, uint32_t mul, int64_t jump, uint64_t odd_cycles)
{
    uint64_t tsc, ns;

    __atomic_store_n(&hyp->file->page.time.version, hyp->now.version + 1, __ATOMIC_RELEASE);
    tsc = tsc_after_stores();
    __atomic_store_n(&entry_of(hyp, hyp->now.version)->ended, tsc, __ATOMIC_RELEASE);
    while (odd_cycles != 0 && pvclock_tsc_now(PVCLOCK_LFENCE) - tsc < odd_cycles)
        ;
    tsc = pvclock_tsc_now(PVCLOCK_LFENCE);
    if (pvclock_extrapolate(&hyp->now, tsc, &ns) == PVCLOCK_OK)
        hyp->now.system_time = ns + (uint64_t)jump;
    hyp->now.tsc_timestamp = tsc;
    hyp->now.mul = mul;
    publish(hyp, hyp->now.version + 2);
}

void hyp_wall(struct hyp *hyp, uint64_t epoch_ns)
{
    struct pvclock_time date = pvclock_time_from_ns(epoch_ns);
    volatile struct pvclock_wall_clock *wall = &hyp->file->page.wall;
    uint32_t version = wall->version | 1;

    wall->version = version;
    __atomic_thread_fence(__ATOMIC_RELEASE);
    wall->sec = (uint32_t)date.sec;
    wall->nsec = date.nsec;
    __atomic_store_n(&hyp->file->page.wall.version, version + 1, __ATOMIC_RELEASE);
}
