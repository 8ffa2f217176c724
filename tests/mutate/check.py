#!/usr/bin/env python3
# SPDX-License-Identifier: 0BSD
"""The checks of tests/mutate/suite.sh."""

import os
import shutil
import sys
import tempfile

import mutate
import rules

# Each rule where it applies: the text, and what it is changed to.
RULES = [
    ("    a = b < c;\n", "    a = b <= c;\n"),
    ("    a = b >= c;\n", "    a = b > c;\n"),
    ("    if (b == c)\n", "    if (b != c)\n"),
    ("    a = b + c;\n", "    a = b - c;\n"),
    ("    a = b && c;\n", "    a = b || c;\n"),
    ("    a = f(b) << c;\n", "    a = f(b) >> c;\n"),
    ("    a += b;\n", "    a -= b;\n"),
    ("    a++;\n", "    a--;\n"),
    ("    if (!a)\n", "    if (a)\n"),
    ("    a = 10;\n", "    a = 11;\n"),
    ("    a = 10;\n", "    a = 9;\n"),
    ("    a = 0;\n", "    a = 1;\n"),
    ("    a = 10u;\n", "    a = 11u;\n"),
    ("    a = UINT64_C(10);\n", "    a = UINT64_C(9);\n"),
    ("    a = 0x0c;\n", "    a = 0x8;\n"),
    ("    char a[10];\n", "    char a[9];\n"),
    ("#define A 10\n", "#define A 11\n"),
    ("    a = b;\n", "    ;\n"),
    ("    f(a,\n      b);\n", "    ;\n"),
    ("    if (a)\n        f(b);\n", "    if (a)\n        ;\n"),
    ("    /* Why. */\n    p->a[i].b = c;\n", "    /* Why. */\n    ;\n"),
    ("        break;\n", "        ;\n"),
    ("    a = __atomic_load_n(p, __ATOMIC_ACQUIRE);\n", "    a = __atomic_load_n(p, __ATOMIC_RELAXED);\n"),
    ('    __asm__ volatile("lfence\\n\\trdtsc");\n', '    __asm__ volatile("\\trdtsc");\n'),
    ('    __asm__ volatile("ltr %0" : : "r"(a));\n', "    ;\n"),
]
# What is no code, or none that does anything.
NOTHING = [
    "/* a < b + 10; */\n// c == 0\n",
    '#include <a.h>\n#if A > 10\n#endif\n',
    'static const char text[] = "a < 10 + b";\n',
    '_Static_assert(sizeof(a) == 10,\n               "a < b");\n',
    "A_STATIC_ASSERT(sizeof(a) == 10);\n",
    "    void (*call)(void *context);\n",
    "    return f(a)\n           .b;\n",
    "    const char *p = &a, q = -b;\n",
    "    int a[1];\n",
]
# Assembly, and its changes; the comments, what is no number, and data stay.
ASSEMBLY = """#define AC 0x40010 /* 1 */
entry: # 10
    .if n == 8
1:      movq 16(%r15), %rbx
    /* swapgs */
    jz 1f
    push %r8
    andl $~AC, (%rsp)
    .byte 1
"""
ASSEMBLY_CHANGES = [
    ("0x40010", "0x40000"),
    ("8\n", "9\n"),
    ("8\n", "7\n"),
    ("movq 16(%r15), %rbx", ""),
    ("16", "17"),
    ("16", "15"),
    ("jz 1f", ""),
    ("jz", "jnz"),
    ("push %r8", ""),
    ("push %r8", "push $0"),
    ("andl $~AC, (%rsp)", ""),
]

# A tree with one source, and a test that leaves one of its functions alone.
SAMPLE = {
    "sample.c": """
int at_most_ten(int value)
{
    return value > 10 ? 10 : value;
}

int twice(int value)
{
    return value + value;
}

int waits(int value)
{
    while (value > 5)
        value--;
    return value;
}

int table[2] = {5, 6};
""",
    "sample_test.c": """
extern int at_most_ten(int), twice(int), waits(int), table[2];

int main(void)
{
    return at_most_ten(11) != 10 || at_most_ten(10) != 10 || at_most_ten(9) != 9 || twice(0) != 0 ||
           waits(7) != 5 || waits(5) != 5 || table[0] != 5 || table[1] != 6;
}
""",
    "Makefile": """
O := build
kernel:
lib:
\t@mkdir -p build/archive64 && $(CC) -O2 -c sample.c -o build/archive64/sample.o
$(O)/tests/sample.run: sample.c sample_test.c
\t@mkdir -p $(O)/tests && $(CC) $(TEST_OPTIMIZE) -Werror sample.c sample_test.c -o $(O)/tests/sample || \\
\t\t{ echo "FAIL sample: does not compile"; exit 1; }
\t@timeout $(TEST_LIMIT) $(O)/tests/sample || { echo "FAIL sample: status $$?"; exit 1; }
""",
}
# A change of it, and its verdict.
VERDICTS = {
    ("return value > 10 ? 10 : value;", ">", ">="): "equivalent",
    ("return value > 10 ? 10 : value;", "10", "11"): "killed",
    ("return value > 10 ? 10 : value;", "10", "9"): "killed",
    ("return value + value;", "+", "-"): "survived",
    ("while (value > 5)", ">", ">="): "killed",
    ("while (value > 5)", "5", "4"): "killed",
    ("while (value > 5)", "5", "6"): "killed",
    ("value--;", "--", "++"): "killed",
    ("value--;", "value--;", ";"): "killed",  # by the time
    ("int table[2] = {5, 6};", "2", "1"): "invalid",
    ("int table[2] = {5, 6};", "5", "4"): "equivalent",  # as an entry says
}


def wrong_rules():
    for text, want in RULES:
        made = [change.apply(text) for change in rules.changes("a.c", text)]
        if want not in made:
            yield f"{text!r} is not changed to {want!r}, but to {made}"
    for text in NOTHING:
        made = rules.changes("a.c", text)
        if made:
            yield f"{text!r} is changed: {made[0]}"
    made = {change.apply(ASSEMBLY) for change in rules.changes("a.S", ASSEMBLY)}
    want = {ASSEMBLY.replace(old, new, 1) for old, new in ASSEMBLY_CHANGES}
    for text in sorted(made ^ want):
        yield f"of the assembly {'became' if text in made else 'did not become'} {text!r}"


def wrong_entries():
    """Those of equivalent.toml that say nothing of the sources as they are."""
    equivalents = mutate.Equivalents()
    paths = mutate.files_below(".")
    for path in paths:
        with open(os.path.join(mutate.ROOT, path), encoding="utf-8") as file:
            for change in rules.changes(path, file.read()):
                equivalents.reason(change)
    for entry in equivalents.unused():
        yield f"fits no change: {entry}"


def wrong_verdicts(tree):
    for name, text in SAMPLE.items():
        with open(os.path.join(tree, name), "w", encoding="utf-8") as file:
            file.write(text)
    mutate.bugs.ROOT = tree
    mutate.OUT = os.path.join(tree, "build")
    mutate.COVER = [("", ["sample"])]
    text = SAMPLE["sample.c"]
    changes = rules.changes("sample.c", text)
    campaign = mutate.Campaign(changes, {"sample.c": text}, 2, True)
    campaign.equivalents = mutate.Equivalents(
        [{"in": "sample.c", "line": r"int table\[.*", "old": "5", "new": "4", "why": "of this test"}]
    )
    why = campaign.prepare()
    if why:
        yield why
        return
    campaign.limits = {key: 2 for key in campaign.limits}
    found = {(change.context, change.old, change.new): campaign.judge(change)[0] for change in changes}
    for key, verdict in VERDICTS.items():
        if found.get(key) != verdict:
            yield f"{key} is {found.get(key, 'no change')}, not {verdict}"


def main():
    failed = False

    def verdict(name, wrong, figures):
        nonlocal failed
        print("".join(f"  {sentence}\n" for sentence in wrong), end="")
        print(f"FAIL {name}: {wrong[0]}" if wrong else f"PASS {name}: {figures}", flush=True)
        failed |= bool(wrong)

    verdict(
        "mutate.rules",
        list(wrong_rules()),
        f"{len(RULES)} texts change as they shall, {len(NOTHING)} do not",
    )
    verdict("mutate.equivalents-fit", list(wrong_entries()), "each entry fits a change")
    tree = tempfile.mkdtemp()
    try:
        wrong = list(wrong_verdicts(tree))
    finally:
        shutil.rmtree(tree)
    verdict("mutate.verdicts", wrong, f"{len(VERDICTS)} changes of a sample judged")
    return failed


if __name__ == "__main__":
    sys.exit(main())
