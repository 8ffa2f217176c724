/* SPDX-License-Identifier: 0BSD */
/*
 * A ring-3 reader: it finds a clock page mapped read-only and reads it without entering the kernel.
 * Here the page is a file that `hyp` writes; in a kernel of your own it is the page that you map
 * (never more than the one page, and nothing else on it).
 *
 * Usage: ring3_reader FILE [READS]
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <pvclock/read.h>

int main(int argc, char **argv)
{
    const struct pvclock_vcpu_time_info *page;
    struct pvclock_snapshot snapshot;
    struct pvclock_frequency frequency;
    enum pvclock_status status;
    uint64_t last = 0;
    unsigned long reads = 1000000, back = 0, no_value = 0;
    char *end = NULL;
    int fd;

    if (argc == 3)
        reads = strtoul(argv[2], &end, 10);
    if (argc < 2 || argc > 3 || (end != NULL && (*end != '\0' || reads == 0))) {
        fprintf(stderr, "usage: ring3_reader FILE [READS]\n");
        return 2;
    }
    fd = open(argv[1], O_RDONLY | O_CLOEXEC);
    if (fd < 0 || lseek(fd, 0, SEEK_END) < PVCLOCK_PAGE_SIZE) {
        fprintf(stderr, "ring3_reader: %s: %s\n", argv[1],
                fd < 0 ? strerror(errno) : "smaller than a page");
        return 2;
    }
    page = (const struct pvclock_vcpu_time_info *)mmap(NULL, PVCLOCK_PAGE_SIZE, PROT_READ,
                                                       MAP_SHARED, fd, 0);
    (void)close(fd);
    if (page == MAP_FAILED) {
        fprintf(stderr, "ring3_reader: %s: %s\n", argv[1], strerror(errno));
        return 2;
    }

    /* A writer that lost its CPU in the middle of an update leaves the page busy for a while. */
    for (int tries = 0; (status = pvclock_take_snapshot(page, &snapshot)) == PVCLOCK_BUSY;
         tries++) {
        const struct timespec millisecond = {0, 1000000};

        if (tries == 1000)
            break;
        (void)nanosleep(&millisecond, NULL);
    }
    if (status != PVCLOCK_OK || pvclock_frequency_of(snapshot.mul, snapshot.shift, &frequency)) {
        fprintf(stderr, "ring3_reader: the page is %s\n", pvclock_status_name(status));
        return 1;
    }
    printf("version %u, multiplier %u, shift %d, TSC %llu +- %llu Hz, %s\n", snapshot.version,
           snapshot.mul, snapshot.shift, (unsigned long long)frequency.hz,
           (unsigned long long)frequency.error_hz,
           (snapshot.flags & PVCLOCK_FLAG_TSC_STABLE) != 0 ? "stable" : "not stable");
    for (unsigned long i = 0; i < reads; i++) {
        uint64_t ns;

        status = pvclock_ns(page, PVCLOCK_LFENCE, &ns);
        if (!pvclock_has_time(status)) {
            no_value++;
            continue;
        }
        back += ns < last;
        last = ns;
    }
    printf("%lu reads, %lu steps back, %lu without a value, now %llu ns\n", reads, back, no_value,
           (unsigned long long)last);
    return back != 0 || last == 0;
}
