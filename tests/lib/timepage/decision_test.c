/* SPDX-License-Identifier: 0BSD */
/*
 * The table of docs/decision.md against time_decide() and the reader: every combination of what
 * decides is published on a time page, read, and has to go the one way that the table says.
 */
#include "tests/check.h"
#include <pvclock/port/mock.h>
#include <string.h>
#include <timepage/gettime.h>

struct pvclock_mock pvclock_mock = {.tsc = 5000};

/*
 * The columns of the table, in its order, and the words of a cell; the first word is bit value 0.
 */
enum { FAST, COUNTER, RDTSCP, WORD, WITHOUT, BIT_24, FORCE, STABLE, FLOOR, WAY, COLUMNS };

static const struct {
    const char *name;
    const char *words[5];
} columns[COLUMNS] = {
    [FAST] = {"fast_gettime", {"0", "1"}},
    [COUNTER] = {"counter", {"other", "kvmclock", "TSC"}},
    [RDTSCP] = {"RDTSCP", {"no", "yes"}},
    [WORD] = {"word", {"no", "yes"}},
    [WITHOUT] = {"without_rdtscp", {"0", "1"}},
    [BIT_24] = {"bit 24", {"no", "yes"}},
    [FORCE] = {"force_unstable", {"0", "1"}},
    [STABLE] = {"STABLE", {"no", "yes"}},
    [FLOOR] = {"floor", {"no", "yes"}},
    [WAY] = {"way", {"system call", "one page", "own vCPU's page", "TSC structure"}},
};

enum { SYSTEM_CALL, ONE_PAGE, OWN_VCPU, TSC_STRUCTURE };

enum { ANY = -1, MAX_ROWS = 64 };

static struct {
    int cell[COLUMNS];
    unsigned met;
} rows[MAX_ROWS];

static unsigned row_count;

/* The cells of a line `| a | b |`, cut in place; how many. */
static unsigned split_cells(char *line, char *cells[], unsigned most)
{
    unsigned n = 0;

    if (*line != '|')
        return 0;
    for (char *at = line + 1; n < most; n++) {
        char *end = strchr(at, '|');
        if (!end)
            return n;
        *end = 0;
        while (*at == ' ')
            at++;
        for (char *last = end; last > at && last[-1] == ' ';)
            *--last = 0;
        cells[n] = at;
        at = end + 1;
    }
    return n;
}

static int read_table(void **state)
{
    FILE *file = fopen("docs/decision.md", "r");
    char line[512], *cells[COLUMNS + 1];
    bool within = false;

    (void)state;
    if (!file)
        return -1;
    while (fgets(line, sizeof(line), file)) {
        unsigned n = split_cells(line, cells, COLUMNS + 1);
        if (n == COLUMNS && strcmp(cells[0], columns[0].name) == 0) {
            within = true;
            for (unsigned c = 0; c < COLUMNS; c++)
                assert_string_equal(cells[c], columns[c].name);
            continue;
        }
        within = within && n > 0;
        if (!within || cells[0][0] == '-')
            continue;
        assert_int_equal(n, COLUMNS);
        assert_true(row_count < MAX_ROWS);
        for (int c = 0; c < COLUMNS; c++) {
            int word = 0;
            while (columns[c].words[word] && strcmp(columns[c].words[word], cells[c]) != 0)
                word++;
            if (strcmp(cells[c], "any") == 0 && c != WAY)
                word = ANY;
            else if (!columns[c].words[word])
                fail_msg("docs/decision.md: row %u, column %s: '%s'", row_count + 1,
                         columns[c].name, cells[c]);
            rows[row_count].cell[c] = word;
        }
        row_count++;
    }
    fclose(file);
    return 0;
}

/* The way by the table: exactly one row speaks of a combination. */
static int table_way(const int combination[WAY])
{
    int way = ANY;

    for (unsigned r = 0; r < row_count; r++) {
        bool meets = true;
        for (int c = 0; c < WAY; c++)
            meets = meets && (rows[r].cell[c] == ANY || rows[r].cell[c] == combination[c]);
        if (!meets)
            continue;
        if (way != ANY)
            fail_msg("docs/decision.md: row %u speaks of what another row speaks of", r + 1);
        way = rows[r].cell[WAY];
        rows[r].met++;
    }
    return way;
}

/* ---- The way that is taken --------------------------------------------- */

/* Structures that can be told apart by the second that they show. */
enum { VCPUS = 3, THIS_VCPU = 2, FIRST_SECOND = 100, TSC_SECOND = 7 };

static struct pvclock_vcpu_time_info structures[VCPUS];
static uint32_t vcpu_now;
static struct time_page page;
static struct pvclock_guard guard;

static struct pvclock_vcpu_time_info structure(uint64_t second, bool stable)
{
    return (struct pvclock_vcpu_time_info){
        .version = 2,
        .tsc_timestamp = pvclock_mock.tsc,
        .system_time = second * 1000000000,
        .tsc_to_system_mul = 1u << 31,
        .flags = stable ? PVCLOCK_FLAG_TSC_STABLE : 0,
    };
}

static int way_taken(const struct time_facts *facts, bool word, bool stable, bool floor)
{
    struct gettime g = {.time = &page,
                        .structures = structures,
                        .vcpu_now = &vcpu_now,
                        .guard = &guard,
                        .order = PVCLOCK_LFENCE,
                        .sequence = 1};
    struct pvclock_timespec t = {-1, -1};

    guard.last = 0;
    pvclock_mock.aux = THIS_VCPU;
    pvclock_mock.word = UINT64_C(7) << 32 | THIS_VCPU;
    page = (struct time_page){
        TIME_PAGE_IDENTITY,
        .sequence = 4,
        .has_rdtscp = facts->rdtscp,
        .has_vcpu_word = word,
        .vcpus = VCPUS,
        .stride = sizeof(structures[0]),
        .floor = floor,
        .tsc = structure(TSC_SECOND, true), /* the kernel sets it */
    };
    page.algorithm = time_decide(facts, &page.stable_mask);
    for (unsigned i = 0; i < VCPUS; i++)
        structures[i] = structure(FIRST_SECOND + i, stable);
    unsigned rdtscp = pvclock_mock.count[PVCLOCK_MOCK_TSC_RDTSCP];
    enum gettime_path first = gettime_read(&g, GETTIME_MONOTONIC, &t);
    /* Again, now that all is derived; and it is the same way. */
    assert_int_equal(gettime_read(&g, GETTIME_MONOTONIC, &t), first);
    if (!facts->rdtscp || word)
        assert_int_equal(pvclock_mock.count[PVCLOCK_MOCK_TSC_RDTSCP], rdtscp);

    switch (first) {
    case GETTIME_PATH_SYSTEM_CALL:
        assert_true(t.tv_sec == -1 && t.tv_nsec == -1);
        return SYSTEM_CALL;
    case GETTIME_PATH_OWN_VCPU:
        assert_int_equal(t.tv_sec, FIRST_SECOND + THIS_VCPU);
        return OWN_VCPU;
    case GETTIME_PATH_STABLE:
        assert_true(t.tv_sec == FIRST_SECOND + THIS_VCPU || t.tv_sec == TSC_SECOND);
        return t.tv_sec == TSC_SECOND ? TSC_STRUCTURE : ONE_PAGE;
    default:
        fail_msg("path %d", first);
        return ANY;
    }
}

static struct time_facts facts_of(unsigned bits)
{
    return (struct time_facts){
        .kvmclock_chosen = bits & 1,
        .tsc_chosen = bits >> 1 & 1,
        .rdtscp = bits >> 2 & 1,
        .stable_feature = bits >> 3 & 1,
        .enable_without_rdtscp = bits >> 4 & 1,
        .force_unstable = bits >> 5 & 1,
        .fast_gettime = bits >> 6 & 1,
    };
}

static void decision_table(void **state)
{
    unsigned facts_tried = 0, tried = 0, ways[4] = {0};

    (void)state;
    for (unsigned bits = 0; bits < 1 << 10; bits++) {
        struct time_facts facts = facts_of(bits);
        bool stable = bits >> 7 & 1, floor = bits >> 8 & 1, word = bits >> 9 & 1;
        /* One counter is in use; a caller that claims two has at least the TSC's promise. */
        int counter = facts.tsc_chosen ? 2 : facts.kvmclock_chosen;
        const int combination[WAY] = {
            [FAST] = facts.fast_gettime,
            [COUNTER] = counter,
            [RDTSCP] = facts.rdtscp,
            [WORD] = word,
            [WITHOUT] = facts.enable_without_rdtscp,
            [BIT_24] = facts.stable_feature,
            [FORCE] = facts.force_unstable,
            [STABLE] = stable,
            [FLOOR] = floor,
        };
        int expected = table_way(combination), taken = way_taken(&facts, word, stable, floor);
        if (expected != taken) {
            for (int c = 0; c < WAY; c++)
                print_error("%s %s, ", columns[c].name, columns[c].words[combination[c]]);
            fail_msg("the table says %s, and it went %s",
                     expected == ANY ? "nothing" : columns[WAY].words[expected],
                     columns[WAY].words[taken]);
        }
        facts_tried += !stable && !floor && !word;
        tried++;
        ways[taken]++;
    }
    for (unsigned r = 0; r < row_count; r++) {
        if (rows[r].met == 0)
            fail_msg("docs/decision.md: no combination meets row %u", r + 1);
    }
    figures("%u combinations of facts, %u with flag and floor, by %u rows: %u system call, %u one "
            "page, %u own vCPU, %u TSC",
            facts_tried, tried, row_count, ways[SYSTEM_CALL], ways[ONE_PAGE], ways[OWN_VCPU],
            ways[TSC_STRUCTURE]);
}

/* The mask is bit 0 of the flags or nothing, and nothing where no structure is read. */
static void decision_mask(void **state)
{
    (void)state;
    for (unsigned bits = 0; bits < 1 << 7; bits++) {
        struct time_facts facts = facts_of(bits);
        uint32_t mask = 0xdead;
        enum time_algorithm algorithm = time_decide(&facts, &mask);

        assert_true(mask == 0 || mask == PVCLOCK_FLAG_TSC_STABLE);
        if (algorithm == TIME_SYSTEM_CALL)
            assert_int_equal(mask, 0);
        if (algorithm == TIME_TSC)
            assert_int_equal(mask, PVCLOCK_FLAG_TSC_STABLE);
        if (algorithm == TIME_PVCLOCK)
            assert_true((mask != 0) == (facts.stable_feature && !facts.force_unstable));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decision_table),
        cmocka_unit_test(decision_mask),
    };

    return cmocka_run_group_tests(tests, read_table, NULL);
}
