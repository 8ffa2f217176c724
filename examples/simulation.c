/* SPDX-License-Identifier: 0BSD */
/*
 * The library without a hypervisor and without a TSC: the mock port plays a guest's life on one
 * thread, for the tests of a kernel that embeds it.  Compiled with
 * -DPVCLOCK_PORT_HEADER='<pvclock/port/mock.h>'.
 */
#include <stdio.h>
#include <string.h>

#include <pvclock/read.h>

struct pvclock_mock pvclock_mock;

static struct pvclock_vcpu_time_info page;
static int failed;

static void show(const char *what, enum pvclock_status expected_status, uint64_t expected_ns)
{
    uint64_t ns;
    enum pvclock_status status = pvclock_ns(&page, PVCLOCK_LFENCE, &ns);
    int good = status == expected_status && ns == expected_ns;

    printf("%-38s %-10s %20llu ns%s\n", what, pvclock_status_name(status), (unsigned long long)ns,
           good ? "" : "  UNEXPECTED");
    failed |= !good;
}

static void host_writes(uint64_t tsc, uint64_t ns, uint64_t hz)
{
    struct pvclock_snapshot values;

    memset(&values, 0, sizeof(values));
    values.tsc_timestamp = tsc;
    values.system_time = ns;
    values.flags = PVCLOCK_FLAG_TSC_STABLE;
    (void)pvclock_scale_from_hz(hz, &values.mul, &values.shift);
    pvclock_publish(&page, &values);
}

/* The host interrupts the reader between its first look at the version and the TSC. */
static void migrate(enum pvclock_mock_step step, const volatile void *address)
{
    (void)address;
    if (step == PVCLOCK_MOCK_TSC_LFENCE && pvclock_mock.count[step] == 1) {
        pvclock_mock.tsc = 50; /* another machine's TSC */
        host_writes(0, 9000000000, 1000000000);
    }
}

int main(void)
{
    show("before registration", PVCLOCK_NOT_READY, PVCLOCK_NO_TIME);
    pvclock_mock.tsc = 1000;
    host_writes(1000, 5000000000, 2000000000);
    show("registered", PVCLOCK_OK, 5000000000);
    pvclock_mock.tsc += 4000000000;
    show("2 s later, the page unchanged", PVCLOCK_OK, 7000000000);
    pvclock_mock.tsc = 999;
    show("a TSC from before the timestamp", PVCLOCK_CLAMPED, 5000000000);
    memset(pvclock_mock.count, 0, sizeof(pvclock_mock.count));
    pvclock_mock.script = migrate;
    show("migrated in the middle of a read", PVCLOCK_OK, 9000000050);
    pvclock_mock.script = NULL;
    page.version |= 1;
    show("a host that died while it wrote", PVCLOCK_BUSY, PVCLOCK_NO_TIME);
    return failed;
}
