/* SPDX-License-Identifier: 0BSD */
/*
 * Implements /dev/pvclock, by which ring 3 maps the host's structures, and copies to and from the
 * process's memory.
 */
#include "kernel/process/device.h"
#include "arch/x86/frames.h"
#include "arch/x86/ipi.h"
#include "arch/x86/paging.h"
#include "arch/x86/spinlock.h"
#include "base/panic.h"
#include "base/text.h"
#include <clockpage/abi.h>
#include <stddef.h>

static const char device_path[] = "/dev/pvclock";

static struct {
    uint64_t root, physical, bytes, patience;
    struct spinlock lock;
    bool open[MAX_DESCRIPTORS];
    uint64_t length[MAX_MAPPINGS]; /* of each slot's mapping; 0: free */
} device;

bool pvclock_device_init(uint64_t root, uint64_t physical, uint64_t bytes, uint64_t patience)
{
    bool ok = true;

    device.root = root;
    device.physical = physical;
    device.bytes = bytes;
    device.patience = patience;
    for (unsigned i = 0; i < MAX_MAPPINGS; i++)
        ok = ok && page_reserve(root, USER_MAP_BASE + i * USER_MAP_STRIDE);
    return ok;
}

/* ---- The process's memory, reached by its page tables: a pointer of ring 3 is never followed */

static uint8_t *user_byte(uint64_t va, uint64_t flags)
{
    if (va >= USER_END)
        return NULL;
    uint64_t entry = page_lookup(device.root, va);
    if ((entry & (PAGE_USER | flags)) != (PAGE_USER | flags))
        return NULL;
    return (uint8_t *)phys_to_virt(entry & PAGE_ADDRESS) + va % PAGE_SIZE;
}

bool process_copy_out(uint64_t to, const void *from, uint64_t length)
{
    const uint8_t *bytes = from;
    uint8_t *at = NULL;

    for (uint64_t i = 0; i < length; i++) {
        if (!at || (to + i) % PAGE_SIZE == 0)
            at = user_byte(to + i, PAGE_WRITE);
        if (!at)
            return false;
        *at++ = bytes[i];
    }
    return true;
}

bool process_text_in(char *to, uint64_t size, uint64_t from, uint64_t *length)
{
    const uint8_t *at = NULL;

    for (*length = 0; *length < size - 1; ++*length) {
        if (!at || (from + *length) % PAGE_SIZE == 0)
            at = user_byte(from + *length, 0);
        if (!at)
            return false;
        to[*length] = (char)*at++;
        if (!to[*length])
            return true;
    }
    to[*length] = 0;
    return true;
}

/* ---- The device -------------------------------------------------------- */

static int64_t open_locked(uint64_t path, uint64_t flags)
{
    char text[64];
    uint64_t length;

    if (!process_text_in(text, sizeof(text), path, &length))
        return -ERROR_FAULT;
    if (length == sizeof(text) - 1)
        return -ERROR_NAMETOOLONG;
    if (!text_same(text, device_path))
        return -ERROR_NOENT;
    if (flags != OPEN_READ_ONLY)
        return -ERROR_PERM;
    if (device.bytes == 0)
        return -ERROR_NXIO;
    for (int i = 0; i < MAX_DESCRIPTORS; i++) {
        if (!device.open[i]) {
            device.open[i] = true;
            return i;
        }
    }
    return -ERROR_MFILE;
}

int64_t pvclock_device_open(uint64_t path, uint64_t flags)
{
    spin_lock(&device.lock);
    int64_t result = open_locked(path, flags);
    spin_unlock(&device.lock);
    return result;
}

int64_t pvclock_device_close(uint64_t descriptor)
{
    int64_t result = -ERROR_BADF;

    spin_lock(&device.lock);
    if (descriptor < MAX_DESCRIPTORS && device.open[descriptor]) {
        device.open[descriptor] = false;
        result = 0;
    }
    spin_unlock(&device.lock);
    return result;
}

static int64_t map_locked(uint64_t descriptor, uint64_t length, uint64_t protection,
                          uint64_t offset)
{
    if (descriptor >= MAX_DESCRIPTORS || !device.open[descriptor])
        return -ERROR_BADF;
    if (protection != PROTECTION_READ)
        return -ERROR_ACCES;
    /* Every page must begin before the end of the last vCPU's structure. */
    if (offset % PAGE_SIZE || length == 0 || offset >= device.bytes || length > USER_MAP_STRIDE ||
        offset + (length - 1) / PAGE_SIZE * PAGE_SIZE >= device.bytes)
        return -ERROR_INVAL;
    unsigned slot = 0;
    while (slot < MAX_MAPPINGS && device.length[slot])
        slot++;
    if (slot == MAX_MAPPINGS)
        return -ERROR_NOMEM;
    uint64_t va = USER_MAP_BASE + slot * USER_MAP_STRIDE;
    for (uint64_t at = 0; at < length; at += PAGE_SIZE) {
        if (!page_map(device.root, va + at, device.physical + offset + at, PAGE_USER | PAGE_NX))
            panic("a slot of ring 3's mappings was not free");
    }
    device.length[slot] = length;
    return (int64_t)va;
}

int64_t pvclock_device_map(uint64_t descriptor, uint64_t length, uint64_t protection,
                           uint64_t offset)
{
    spin_lock(&device.lock);
    int64_t result = map_locked(descriptor, length, protection, offset);
    spin_unlock(&device.lock);
    return result;
}

int64_t pvclock_device_unmap(uint64_t address, uint64_t length)
{
    /* An address below the first slot wraps, and is beyond the last. */
    uint64_t from_base = address - USER_MAP_BASE, slot = from_base / USER_MAP_STRIDE;

    if (slot >= MAX_MAPPINGS || from_base % USER_MAP_STRIDE)
        return -ERROR_INVAL;
    spin_lock(&device.lock);
    bool good = length && device.length[slot] == length;
    for (uint64_t at = 0; good && at < length; at += PAGE_SIZE)
        page_unmap(device.root, address + at);
    /* Free the slot only when no vCPU can see what it held; until then the caller may try again. */
    bool flushed = good && smp_flush_tlbs(device.patience);
    if (flushed)
        device.length[slot] = 0;
    spin_unlock(&device.lock);
    return flushed ? 0 : good ? -ERROR_AGAIN : -ERROR_INVAL;
}

unsigned pvclock_device_open_count(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < MAX_DESCRIPTORS; i++)
        n += device.open[i];
    return n;
}

unsigned pvclock_device_map_count(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < MAX_MAPPINGS; i++)
        n += device.length[i] != 0;
    return n;
}

void pvclock_device_release_all_but(unsigned keep)
{
    for (uint64_t i = 0; i < MAX_DESCRIPTORS; i++)
        (void)pvclock_device_close(i);
    for (unsigned i = keep; i < MAX_MAPPINGS; i++) {
        if (device.length[i])
            (void)pvclock_device_unmap(USER_MAP_BASE + i * USER_MAP_STRIDE, device.length[i]);
    }
}
