/* SPDX-License-Identifier: 0BSD */
/*
 * Reads the clock page of the guest it runs in, without privilege: Linux maps its own page into
 * every process, in [vvar_vclock] (6.13 and later) or inside [vvar], where kvm-clock has been a
 * clock source since boot.  Compares it with CLOCK_MONOTONIC_RAW.
 *
 * Usage: vvar_clock [MILLISECONDS]
 * Status: 0 read and agreed, 1 disagreed by 500 ppm or more, 2 no page here (it says why), or
 * usage.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <pvclock/read.h>

static sigjmp_buf not_there;

static void on_fault(int signal_number)
{
    siglongjmp(not_there, signal_number);
}

/*
 * A page that is mapped and not there raises SIGBUS, and a neighbour with other contents is no
 * clock page: KVM's has a multiplier with its top bit set, two known flags, and zeros between.
 */
static enum pvclock_status look_at(const struct pvclock_vcpu_time_info *page,
                                   struct pvclock_snapshot *snapshot)
{
    enum pvclock_status status;

    if (sigsetjmp(not_there, 1) != 0)
        return PVCLOCK_NOT_READY;
    if (page->pad0 != 0 || page->pad[0] != 0 || page->pad[1] != 0)
        return PVCLOCK_BAD_VALUE;
    status = pvclock_take_snapshot(page, snapshot);
    if (status == PVCLOCK_OK && ((snapshot->mul >> 31) == 0 || snapshot->flags > 3 ||
                                 snapshot->tsc_timestamp > pvclock_tsc_now(PVCLOCK_LFENCE)))
        return PVCLOCK_BAD_VALUE;
    return status;
}

static const struct pvclock_vcpu_time_info *find_page(struct pvclock_snapshot *snapshot, char *why,
                                                      size_t why_size)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[512];
    bool mapped = false;

    if (maps == NULL) {
        (void)snprintf(why, why_size, "/proc/self/maps: %s", strerror(errno));
        return NULL;
    }
    (void)snprintf(why, why_size, "this kernel maps neither [vvar_vclock] nor [vvar]");
    while (fgets(line, sizeof(line), maps) != NULL) {
        unsigned long start, end;

        if (strstr(line, "[vvar") == NULL || sscanf(line, "%lx-%lx", &start, &end) != 2)
            continue;
        mapped = true;
        for (; start < end; start += PVCLOCK_PAGE_SIZE) {
            const struct pvclock_vcpu_time_info *page =
                (const struct pvclock_vcpu_time_info *)start;

            if (look_at(page, snapshot) == PVCLOCK_OK) {
                line[strcspn(line, "\n")] = '\0';
                printf("page %#lx, in %s\n", start, strchr(line, '['));
                (void)fclose(maps);
                return page;
            }
        }
    }
    (void)fclose(maps);
    if (mapped)
        (void)snprintf(why, why_size,
                       "[vvar] is mapped, but without a clock page: not a KVM or Xen guest, or "
                       "kvm-clock is off or not stable");
    return NULL;
}

static uint64_t raw_ns(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/*
 * Both clocks at one moment: the raw one is read before and after, and the closest of 100 is kept.
 */
static bool both(const struct pvclock_vcpu_time_info *page, uint64_t *ns, uint64_t *raw)
{
    uint64_t best = UINT64_MAX;

    for (int i = 0; i < 100; i++) {
        uint64_t before = raw_ns(), value, after;

        if (!pvclock_has_time(pvclock_ns(page, PVCLOCK_LFENCE, &value)))
            return false;
        after = raw_ns();
        if (after - before < best) {
            best = after - before;
            *ns = value;
            *raw = before + best / 2;
        }
    }
    return true;
}

int main(int argc, char **argv)
{
    struct sigaction action;
    struct pvclock_snapshot snapshot;
    struct pvclock_frequency frequency;
    const struct pvclock_vcpu_time_info *page;
    uint64_t ns[2], raw[2];
    unsigned long ms = 1000;
    struct timespec rest;
    char *end = NULL, why[200];
    double ppm;

    if (argc == 2)
        ms = strtoul(argv[1], &end, 10);
    if (argc > 2 || (end != NULL && (end == argv[1] || *end != '\0' || ms == 0 || ms > 86400000))) {
        fprintf(stderr, "usage: vvar_clock [MILLISECONDS]\n");
        return 2;
    }
    memset(&action, 0, sizeof(action));
    action.sa_handler = on_fault;
    (void)sigaction(SIGBUS, &action, NULL);
    (void)sigaction(SIGSEGV, &action, NULL);
    page = find_page(&snapshot, why, sizeof(why));
    if (page == NULL) {
        fprintf(stderr, "vvar_clock: no clock page: %s\n", why);
        return 2;
    }
    (void)pvclock_frequency_of(snapshot.mul, snapshot.shift, &frequency);
    printf("version %u, flags %u (%s), multiplier %u, shift %d, TSC %llu +- %llu Hz\n",
           snapshot.version, snapshot.flags,
           (snapshot.flags & PVCLOCK_FLAG_TSC_STABLE) != 0 ? "stable" : "not stable", snapshot.mul,
           snapshot.shift, (unsigned long long)frequency.hz,
           (unsigned long long)frequency.error_hz);

    rest.tv_sec = (time_t)(ms / 1000);
    rest.tv_nsec = (long)(ms % 1000 * 1000000);
    if (!both(page, &ns[0], &raw[0])) {
        fprintf(stderr, "vvar_clock: the page gives no time\n");
        return 1;
    }
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR)
        ;
    if (!both(page, &ns[1], &raw[1])) {
        fprintf(stderr, "vvar_clock: the page gives no time\n");
        return 1;
    }
    ppm = ((double)(ns[1] - ns[0]) / (double)(raw[1] - raw[0]) - 1) * 1e6;
    printf("page %llu ns, CLOCK_MONOTONIC_RAW %llu ns; over %llu ns they differ by %+.3f ppm\n",
           (unsigned long long)ns[1], (unsigned long long)raw[1],
           (unsigned long long)(raw[1] - raw[0]), ppm);
    return ppm > -500 && ppm < 500 ? 0 : 1;
}
