/* SPDX-License-Identifier: 0BSD */
/*
 * Serves what describes the system, not the clock, as sysctl nodes: kern.ostype and the like,
 * hw.*.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid.h"
#include "arch/x86/features.h"
#include "base/text.h"
#include <clockpage/sysctl.h>
#include <clockpage/version.h>

static char ostype[] = "clockpage", osrelease[] = CLOCKPAGE_VERSION;
static char version[] = "clockpage " CLOCKPAGE_VERSION ": time for small kernels on KVM";
static char machine[] = "amd64";

/* Appends the characters in registers, the low ones first, without leading blanks. */
static void put_characters(struct sysctl_text *to, const uint32_t *words, unsigned count)
{
    for (unsigned i = 0; i < count * 4; i++) {
        char c = (char)(words[i / 4] >> i % 4 * 8);
        if (c >= ' ' && c <= '~' && (c != ' ' || to->length))
            sysctl_put(to, "%c", c);
    }
}

/* FreeBSD's name for the hypervisor. */
static void get_vm_guest(void *context, uint32_t index, struct sysctl_text *to)
{
    struct cpuid r;
    char name[16];
    struct sysctl_text signature = {name, sizeof(name), 0};

    (void)context, (void)index;
    if (!(cpuid(1, 0).ecx & CPUID_1_ECX_HYPERVISOR)) {
        sysctl_put(to, "none");
        return;
    }
    r = cpuid(0x40000000, 0);
    name[0] = 0;
    put_characters(&signature, (const uint32_t[]){r.ebx, r.ecx, r.edx}, 3);
    sysctl_put(to, "%s",
               text_same(name, "KVMKVMKVM")      ? "kvm"
               : text_same(name, "Microsoft Hv") ? "hv"
               : text_same(name, "XenVMMXenVMM") ? "xen"
                                                 : "generic");
}

static void get_ncpu(void *context, uint32_t index, struct sysctl_text *to)
{
    unsigned online = 0;

    (void)context, (void)index;
    for (uint32_t i = 0; i < MAX_CPUS && cpu_table[i]; i++)
        online += cpu_is_online(cpu_table[i]);
    sysctl_put(to, "%u", online);
}

static void get_model(void *context, uint32_t index, struct sysctl_text *to)
{
    (void)context, (void)index;
    if (!cpuid_has_leaf(0x80000004))
        return;
    for (uint32_t leaf = 0x80000002; leaf <= 0x80000004; leaf++) {
        struct cpuid r = cpuid(leaf, 0);
        put_characters(to, (const uint32_t[]){r.eax, r.ebx, r.ecx, r.edx}, 4);
    }
}

static void get_protection(void *context, uint32_t index, struct sysctl_text *to)
{
    (void)context, (void)index;
    for (enum feature f = 0; f < FEATURE_PROTECTIONS; f++) {
        if (features_state(f) == FEATURE_ON)
            sysctl_put(to, "%s%s", to->length ? " " : "", features_name(f));
    }
}

static const struct sysctl kern_nodes[] = {
    SYSCTL_VALUE("osrelease", SYSCTL_STRING, SYSCTL_RD, osrelease, 0, 0, NULL,
                 "the version's number"),
    SYSCTL_VALUE("ostype", SYSCTL_STRING, SYSCTL_RD, ostype, 0, 0, NULL, "the system's name"),
    SYSCTL_VALUE("version", SYSCTL_STRING, SYSCTL_RD, version, 0, 0, NULL,
                 "name, version and purpose"),
    SYSCTL_SHOWN("vm_guest", SYSCTL_STRING, get_vm_guest,
                 "the hypervisor: kvm, hv, xen, generic, or none"),
};

static const struct sysctl hw_nodes[] = {
    SYSCTL_VALUE("machine", SYSCTL_STRING, SYSCTL_RD, machine, 0, 0, NULL, "the architecture"),
    SYSCTL_SHOWN("model", SYSCTL_STRING, get_model, "the CPU, as it calls itself"),
    SYSCTL_SHOWN("ncpu", SYSCTL_INT, get_ncpu, "vCPUs that are online"),
    SYSCTL_SHOWN("protection", SYSCTL_STRING, get_protection,
                 "what protects the kernel from ring 3, of WP NX SMEP SMAP UMIP MCE"),
};

SYSCTL_TABLE("kern", kern_nodes);
SYSCTL_TABLE("hw", hw_nodes);
