/* SPDX-License-Identifier: 0BSD */
/*
 * hyp: the scripted hypervisor as a program.  See usage() for the script.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hyp.h"

static void usage(FILE *out)
{
    fprintf(out, "usage: hyp FILE COMMAND...\n"
                 "Writes a clock page into FILE, which readers map, and changes it by script:\n"
                 "  hz N         the TSC frequency from here on (first: the start of the clock)\n"
                 "  update       publish the page again\n"
                 "  jump NS      publish it NS nanoseconds ahead (or behind: -NS)\n"
                 "  stable       set TSC_STABLE          unstable  clear it\n"
                 "  stopped      set GUEST_STOPPED, as after a pause\n"
                 "  odd MS       leave the version odd for MS milliseconds\n"
                 "  wall SEC     write the date of system time 0\n"
                 "  mul N        publish this multiplier, sense or not\n"
                 "  sleep MS     wait\n"
                 "  storm N      N updates as fast as they go, each at another rate\n");
}

static int bad(const char *what, const char *value)
{
    fprintf(stderr, "hyp: %s '%s'\n", what, value);
    return 2;
}

/* A whole number, or an error. */
static bool number(const char *text, long long min, long long max, long long *out)
{
    char *end;

    errno = 0;
    *out = strtoll(text, &end, 10);
    return *text != '\0' && *end == '\0' && errno == 0 && *out >= min && *out <= max;
}

static void wait_ms(long long ms)
{
    struct timespec rest = {(time_t)(ms / 1000), (long)(ms % 1000 * 1000000)};

    (void)nanosleep(&rest, NULL);
}

int main(int argc, char **argv)
{
    struct hyp hyp;
    bool started = false;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        usage(stdout);
        return 0;
    }
    if (argc < 3) {
        usage(stderr);
        return 2;
    }
    memset(&hyp, 0, sizeof(hyp));
    hyp.file = hyp_create(argv[1]);
    if (hyp.file == NULL) {
        fprintf(stderr, "hyp: %s: %s\n", argv[1], strerror(errno));
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        static const char *const with_value[] = {"hz",  "jump",  "odd",  "wall",
                                                 "mul", "sleep", "storm"};
        const char *command = argv[i];
        long long value = 0;
        bool needs_value = false;

        for (size_t n = 0; n < sizeof(with_value) / sizeof(with_value[0]); n++)
            needs_value |= strcmp(command, with_value[n]) == 0;
        if (needs_value) {
            if (++i == argc)
                return bad("a value is missing after", command);
            if (!number(argv[i], strcmp(command, "jump") == 0 ? INT64_MIN : 0, INT64_MAX, &value))
                return bad("not a number in range:", argv[i]);
        }
        if (!started && strcmp(command, "hz") != 0)
            return bad("the script starts with hz, not with", command);

        if (strcmp(command, "hz") == 0) {
            uint32_t mul;
            int8_t shift;

            if (pvclock_scale_from_hz((uint64_t)value, &mul, &shift) != PVCLOCK_OK)
                return bad("not a frequency:", argv[i]);
            if (!started) {
                started = hyp_start(&hyp, (uint64_t)value, 0, PVCLOCK_FLAG_TSC_STABLE);
            } else {
                if (shift != hyp.now.shift)
                    return bad("another shift than the first frequency's:", argv[i]);
                hyp_update(&hyp, mul, 0, 0);
            }
        } else if (strcmp(command, "update") == 0) {
            hyp_update(&hyp, hyp.now.mul, 0, 0);
        } else if (strcmp(command, "jump") == 0) {
            hyp_update(&hyp, hyp.now.mul, value, 0);
        } else if (strcmp(command, "stable") == 0) {
            hyp.now.flags |= PVCLOCK_FLAG_TSC_STABLE;
            hyp_update(&hyp, hyp.now.mul, 0, 0);
        } else if (strcmp(command, "unstable") == 0) {
            hyp.now.flags &= (uint8_t)~PVCLOCK_FLAG_TSC_STABLE;
            hyp_update(&hyp, hyp.now.mul, 0, 0);
        } else if (strcmp(command, "stopped") == 0) {
            __atomic_fetch_or(&hyp.file->page.time.flags, PVCLOCK_FLAG_GUEST_STOPPED,
                              __ATOMIC_ACQ_REL);
            hyp_update(&hyp, hyp.now.mul, 0, 0);
        } else if (strcmp(command, "odd") == 0) {
            __atomic_fetch_add(&hyp.file->page.time.version, 1, __ATOMIC_ACQ_REL);
            wait_ms(value);
            hyp_update(&hyp, hyp.now.mul, 0, 0);
        } else if (strcmp(command, "wall") == 0) {
            hyp_wall(&hyp, (uint64_t)value * 1000000000);
        } else if (strcmp(command, "mul") == 0) {
            hyp_update(&hyp, (uint32_t)value, 0, 0);
        } else if (strcmp(command, "sleep") == 0) {
            wait_ms(value);
        } else if (strcmp(command, "storm") == 0) {
            uint32_t mul = hyp.now.mul;

            for (long long n = 0; n < value; n++) {
                hyp_update(&hyp, mul - (uint32_t)(n % 2) * (mul >> 6), 0, 0);
                for (volatile int pause = 200; pause != 0; pause--)
                    ; /* else no reader finds an even version */
            }
            hyp_update(&hyp, mul, 0, 0);
        } else {
            return bad("no such command:", command);
        }
    }
    return 0;
}
