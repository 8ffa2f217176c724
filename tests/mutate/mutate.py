#!/usr/bin/env python3
# SPDX-License-Identifier: 0BSD
"""Change the code by rule, one place at a time, and see whether a test notices.

Each change (rules.py: a comparison, a constant, an operator, a statement or a fence removed, an
ordered access made plain, a bit of a mask, a register that an entry does not save) goes into a copy of
the tree, where what covers the place runs, the cheapest first, until something fails: killed. A guest
that takes three times as long as without a change hangs, and has failed. What survives either compiles
to the same code, or is listed in equivalent.toml with the reason why nobody can tell, or is a test that
is owed.

The score is killed / (killed + survived).
"""

import argparse
import concurrent.futures
import os
import queue
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import tomllib

import rules

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.append(os.path.join(ROOT, "tests", "bugs"))
import bugs  # noqa: E402  pylint: disable=wrong-import-position

OUT = os.path.join(bugs.BUILD, "mutate", str(os.getpid()))
# A step that takes longer than this hangs, which is a way to fail.
PATIENCE_S = 90
# The programs are tried first in builds that take a quarter of the time; a change that nothing
# notices there meets those that are worth more: what is optimized, with all sanitizers.
QUICK = ["O=build/quick", "TEST_OPTIMIZE=-Og", "TEST_WARN=-w", f"CC={HERE}/cc.sh gcc"]
# Functions of headers that only embedders call are compared as well.
PLAIN = ["O=build/plain", "TEST_OPTIMIZE=-O2 -fkeep-inline-functions"]

# What warns is compiled all the same: a function that nothing calls any more is a change like others.
UNWARNED = ["WARNINGS=-w", "LIB_WARN=-w"]

# Where the objects of a target are.  The library is built in a tenth of the time of the kernel, so it
# is compared first: most changes that differ, differ there.
OBJECTS = {
    "lib": ("archive64", "archive32"),
    "kernel": ("kernel-objs", "reader-objs", "compat-objs"),
}

# Under TCG a guest takes a second or two, and the scripted one finds most.  KVM, where the host may
# have to emulate ring 0, takes ten.
GUESTS = ("guest tcg-scripted", "guest tcg-pc-2", "guest kvm-pc-2")
# Those that fault on purpose, and what the compiler has made of the entries.
FAULTS = (
    "build/compiled:",
    "guest fault-page",
    "guest fault-stack",
    "guest fault-nmi",
    "events machine-check-tcg",
    "events machine-check",
)
# What covers a file: the first row whose start fits.  "guest NAME" and "events NAME" boot one, a name
# with a colon is a suite, any other a test program; programs come first, then in this order.
COVER = [
    (
        "lib/pvclock/port/gcc_x86.h",
        [
            "lib/pvclock/port",
            "lib/pvclock/port.m32",
            "lib/pvclock/clock_race",
            "lib/timepage/race",
            "lib/timepage/race.m32",
            "build/compiled:",
            "lib/pvclock/races:",
            *GUESTS,
        ],
    ),
    (
        "lib/pvclock/guard.h",
        ["lib/pvclock/protocol", "lib/timepage/gettime", "lib/pvclock/exact", "lib/timepage/race"],
    ),
    ("lib/pvclock/scale.h", ["lib/pvclock/exact", "lib/pvclock/exact.m32", "lib/pvclock/protocol"]),
    (
        "lib/pvclock/clock.",
        ["lib/pvclock/clock", "lib/pvclock/clock.m32", "lib/pvclock/clock_race"],
    ),
    (
        "lib/pvclock/",
        [
            "lib/pvclock/protocol",
            "lib/timepage/gettime",
            "lib/pvclock/vectors",
            "lib/pvclock/clock",
            "drivers/kvmclock/kvmclock",
            "drivers/kvmclock/registration",
            "lib/pvclock/exact",
        ],
    ),
    (
        "lib/timepage/",
        [
            "lib/timepage/gettime",
            "lib/timepage/decision",
            "userspace_sim/readers",
            "lib/timepage/race",
            "lib/timepage/race.m32",
        ],
    ),
    (
        "lib/timecounter/port/",
        [
            "lib/timecounter/port",
            "lib/timecounter/port.m32",
            "lib/timecounter/interleave.m32",
            "lib/timecounter/race",
            "build/compiled:",
        ],
    ),
    ("lib/timecounter/crosscheck.c", ["lib/timecounter/timecounter", "kernel/clock/clock"]),
    (
        "lib/timecounter/",
        [
            "lib/timecounter/timecounter",
            "lib/timecounter/exact",
            "lib/timecounter/interleave",
            "lib/timecounter/exact.portable",
            "lib/timecounter/race",
            "kernel/clock/clock",
        ],
    ),
    (
        "drivers/kvmclock/",
        [
            "drivers/kvmclock/state",
            "drivers/kvmclock/kvmclock",
            "drivers/kvmclock/registration",
            "drivers/kvmclock/race",
            *GUESTS,
        ],
    ),
    ("lib/tsc/calendar", ["lib/tsc/calendar", "base/calendar"]),
    ("lib/tsc/rtc", ["lib/tsc/rtc", "drivers/rtc/rtc"]),
    ("lib/tsc/port/", ["lib/tsc/port", "lib/tsc/port.m32"]),
    ("lib/tsc/", ["drivers/tsc/tsc", "lib/tsc/tsc", "lib/tsc/exact", "lib/tsc/rtc", "lib/tsc/fuzz:"]),
    ("drivers/tsc/tsc_report", ["drivers/tsc/report", *GUESTS]),
    ("drivers/tsc/", ["drivers/tsc/tsc", *GUESTS]),
    ("drivers/rtc/", ["drivers/rtc/rtc", *GUESTS]),
    ("boot/bootinfo", ["boot/bootinfo", *GUESTS]),
    ("arch/x86/features", ["arch/x86/features", *GUESTS]),
    ("arch/x86/machine_check", ["arch/x86/features", *GUESTS]),
    ("arch/x86/apic", ["arch/x86/features", *GUESTS]),
    ("arch/x86/wait", ["arch/x86/wait", *GUESTS]),
    ("arch/x86/trap.S", ["build/compiled:", *GUESTS, *FAULTS[1:]]),
    ("arch/x86/trap", ["arch/x86/trap", *GUESTS, *FAULTS]),
    ("arch/x86/cpu.", ["arch/x86/trap", *GUESTS, *FAULTS]),
    ("kernel/process/offsets", ["kernel/process/offsets", *GUESTS]),
    ("kernel/process/device", ["kernel/process/device", *GUESTS]),
    ("kernel/process/jobs", ["kernel/process/jobs", *GUESTS]),
    ("kernel/process/system_calls", ["kernel/process/system_calls", *GUESTS]),
    ("kernel/process/threads", ["kernel/process/threads", *GUESTS]),
    ("kernel/process/", ["kernel/process/process", *GUESTS]),
    ("kernel/clock/events", ["kernel/clock/events", *GUESTS]),
    ("arch/x86/acpi", ["arch/x86/firmware", *GUESTS]),
    ("arch/x86/mptable", ["arch/x86/firmware", *GUESTS]),
    ("base/record", ["base/report"]),
    ("base/report", ["base/report"]),
    ("base/console", ["base/report"]),
    ("base/format", ["base/format"]),
    ("base/text", ["base/text"]),
    ("base/calendar", ["base/calendar"]),
    ("base/sysctl", ["base/sysctl"]),
    ("kernel/clock/time_page", ["kernel/clock/time_page", *GUESTS]),
    ("kernel/clock/choice", ["kernel/clock/clock", "kernel/clock/wall", *GUESTS]),
    ("kernel/clock/clock", ["kernel/clock/clock", "kernel/clock/wall", *GUESTS]),
    ("kernel/clock/wall", ["kernel/clock/wall", *GUESTS]),
    ("kernel/shell/line", ["kernel/shell/line"]),
    ("userspace_sim/offset", ["userspace_sim/offset", *GUESTS]),
    ("userspace_sim/attach", ["userspace_sim/readers", *GUESTS]),
    ("userspace_sim/clock", ["userspace_sim/readers", *GUESTS]),
    ("userspace_sim/reader.c", ["userspace_sim/readers", *GUESTS]),
    ("", list(GUESTS)),
]


def cover(path):
    return next(steps for start, steps in COVER if path.startswith(start))


def is_program(step):
    return " " not in step and not step.endswith(":")


def needs_kernel(step):
    return not is_program(step)


def command(step, quick):
    """What runs this step."""
    if " " in step:
        kind, name = step.split()
        return [f"tests/{kind}/suite.sh", name]
    if step.endswith(":"):
        name = step.removesuffix(":")
        script = f"tests/{name}-suite.sh"
        return [script if os.path.exists(os.path.join(ROOT, script)) else f"tests/{name}/suite.sh"]
    build = "build/quick" if quick else "build"
    return ["make", "--no-print-directory", "-s", *(QUICK if quick else []), f"{build}/tests/{step}.run"]


class Equivalents:
    """equivalent.toml: changes that nobody can tell from the original, and why.

    `in` is a file or the start of its name; the others are regular expressions, each for the whole of
    its text, and one that is left out fits everything.
    """

    def __init__(self, entries=None):
        if entries is None:
            with open(os.path.join(HERE, "equivalent.toml"), "rb") as file:
                entries = tomllib.load(file).get("change", [])
        self._entries = entries
        self._used = set()

    def reason(self, change):
        """Why nobody can tell this change, None if nothing is said of it."""
        for index, entry in enumerate(self._entries):
            if change.path.startswith(entry["in"]) and all(
                re.fullmatch(entry.get(name, ".*"), " ".join(text.split()), re.S)
                for name, text in (
                    ("line", change.context),
                    ("becomes", change.becomes),
                    ("old", change.old),
                    ("new", change.new),
                )
            ):
                self._used.add(index)
                return entry["why"]
        return None

    def unused(self):
        """Entries that have fit no change."""
        return [entry for index, entry in enumerate(self._entries) if index not in self._used]


class Copy:
    """A copy of the tree in which changes are tried, one after another."""

    def __init__(self, index):
        self.path = os.path.join(OUT, str(index))
        self.seen = {}  # of each object, when it was read, and its code
        bugs.copy_tree(self.path)

    def run(self, step, quick=False, limit=PATIENCE_S):
        """None if this step passes, else what failed."""
        words = command(step, quick)
        log = os.path.join(self.path, "log")
        if needs_kernel(step):
            if self.make("kernel"):
                return "does not compile"
            with bugs.guest_lock:
                status, output = bugs.run(words, self.path, log, limit + PATIENCE_S, guest_limit=limit)
        else:
            status, output = bugs.run(words, self.path, log, PATIENCE_S, limit)
        if status is None:
            return f"time ({step})"
        if "does not compile" in output:
            return "does not compile"
        failed = re.search(r"^ *FAIL ([^:\n]+)", output, re.M)
        if failed:
            return failed[1]
        return f"status {status} ({step})" if status else None

    def make(self, *targets):
        """The status of building them."""
        log = os.path.join(self.path, "log")
        return bugs.run(["make", "-s", *UNWARNED, *targets], self.path, log, PATIENCE_S)[0]

    def objects(self, target):
        """The code of a target of OBJECTS, without what only a debugger reads."""
        if self.make(target):
            return None
        code = {}
        for top in OBJECTS[target]:
            for directory, _, names in os.walk(os.path.join(self.path, "build", top)):
                code.update(self.code(os.path.join(directory, n)) for n in names if n.endswith(".o"))
        return code

    def programs(self, steps):
        """The code of test programs, and in it all functions of the headers."""
        paths = [f"build/plain/tests/{step}" for step in steps]
        if self.make(*PLAIN, *paths):
            return None
        return dict(self.code(os.path.join(self.path, path)) for path in paths)

    def code(self, path):
        """(name, code) of an object, which is read again only if it is another than before."""
        now = os.stat(path)
        stamp = now.st_mtime_ns, now.st_size
        if self.seen.get(path, (None,))[0] != stamp:
            plain = os.path.join(self.path, "plain.o")
            subprocess.run(["objcopy", "--strip-debug", path, plain], check=True)
            with open(plain, "rb") as file:
                self.seen[path] = stamp, file.read()
        return os.path.relpath(path, self.path), self.seen[path][1]

    def write(self, path, text):
        full = os.path.join(self.path, path)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)


class Campaign:
    """All changes of some files, tried in as many copies as there are jobs."""

    def __init__(self, changes, texts, jobs, quiet):
        self.changes, self.texts, self.quiet = changes, texts, quiet
        self.equivalents = Equivalents()
        self.copies = queue.Queue()
        self.jobs = jobs
        self.original = {}
        self.control = None  # a copy that stays as it is
        self.limits = {}
        self.lock = threading.Lock()
        self.done = 0
        self.started = time.monotonic()

    def prepare(self):
        """None, or what fails without any change; and how long each step may take."""
        steps = list(dict.fromkeys(s for c in self.changes for s in cover(c.path)))
        copies = [Copy(index) for index in range(self.jobs)]
        for step in steps:
            quick = is_program(step)
            why = copies[0].run(step, quick)
            started = time.monotonic()
            why = why or copies[0].run(step, quick)  # without the compiler
            if why:
                return f"without a change, {step} fails: {why}"
            took = time.monotonic() - started
            self.limits[step] = 5 + int((4 if quick else 3) * took)
        self.original = {target: copies[0].objects(target) for target in OBJECTS}
        self.control = Copy("control")
        for copy in [*copies[1:], self.control]:
            shutil.rmtree(copy.path)
            shutil.copytree(copies[0].path, copy.path, symlinks=True)
        for copy in copies:
            self.copies.put(copy)
        return None

    def judge(self, change):
        """(verdict, by what)."""
        why = self.equivalents.reason(change)
        if why:
            return "equivalent", why
        copy = self.copies.get()
        try:
            copy.write(change.path, change.apply(self.texts[change.path]))
            steps = cover(change.path)
            return (
                self.attempt(copy, change, [step for step in steps if is_program(step)], True)
                or self.same_code(copy, change)
                or self.attempt(copy, change, steps, False)
                or ("survived", "no test noticed")
            )
        finally:
            copy.write(change.path, self.texts[change.path])
            self.copies.put(copy)

    def attempt(self, copy, change, steps, quick):
        """The verdict if one of these steps fails."""
        for step in steps:
            bounded = quick or needs_kernel(step)
            why = copy.run(step, quick, self.limits[step] if bounded else PATIENCE_S)
            if why == "does not compile":
                return "invalid", why
            if why and not quick:
                # It may be the machine that is busy, or a race.
                with self.lock:
                    without = self.control.run(step, limit=2 * self.limits[step])
                if without:
                    print(f"-- without a change, {step} fails as well: {without}", flush=True)
                    continue
                # Or it is the change, but only now and then: then it says nothing.
                again = copy.run(step, False, self.limits[step]) if needs_kernel(step) else why
                if not again:
                    print(f"-- {change}: {step} fails once: {why}", flush=True)
                    continue
            if why:
                return "killed", why
        return None

    def same_code(self, copy, change):
        if any(copy.objects(target) != self.original[target] for target in OBJECTS):
            return None
        # The library and the kernel may not call what a header has for others.
        steps = [step for step in cover(change.path) if is_program(step)]
        if change.path.endswith(".h") and steps:
            with self.lock:
                original = self.control.programs(steps)
            if copy.programs(steps) != original:
                return None
        return "equivalent", "the compiler makes the same code of it"

    def tell(self, change, verdict, by):
        with self.lock:
            self.done += 1
            if verdict == "survived" or not self.quiet:
                print(f"{verdict:10} {change} ({by})", flush=True)
            if self.done % 25 == 0:
                seconds = time.monotonic() - self.started
                left = seconds / self.done * (len(self.changes) - self.done)
                print(f"-- {self.done} of {len(self.changes)}, about {left / 60:.0f} min more", flush=True)

    def run(self):
        counts = {}
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            running = {pool.submit(self.judge, change): change for change in self.changes}
            try:
                for future in concurrent.futures.as_completed(running):
                    change = running[future]
                    verdict, by = future.result()
                    self.tell(change, verdict, by)
                    folder = os.path.dirname(change.path)
                    counts.setdefault(folder, {}).setdefault(verdict, 0)
                    counts[folder][verdict] += 1
            except KeyboardInterrupt:
                print(f"-- stopped after {self.done} of {len(self.changes)}", flush=True)
                bugs.stopping.set()
                for child in list(bugs.children):
                    bugs.end(child, signal.SIGTERM)
                pool.shutdown(cancel_futures=True)
        return counts


def files_below(path):
    """The sources of a folder, or one source, as the tree has them."""
    listing = subprocess.run(
        ["git", "ls-files", "--", path], cwd=ROOT, capture_output=True, text=True, check=True
    )
    # What tests script the host by is no product.
    return [
        name
        for name in listing.stdout.split()
        if re.search(r"\.[chS]$", name) and not name.endswith("/mock.h")
    ]


def main():
    parser = argparse.ArgumentParser(prog="make mutate", description=__doc__.splitlines()[0])
    parser.add_argument("paths", nargs="+", metavar="PATH", help="a folder or a source")
    parser.add_argument("--number", type=int, default=0, help="this many, chosen by the seed; 0: all")
    parser.add_argument("--seed", type=int, default=1, help="what they are chosen by")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many at once")
    parser.add_argument("--at-least", type=int, default=0, help="fail below this score, in per cent")
    parser.add_argument("--programs", action="store_true", help="try them with test programs only")
    parser.add_argument("--list", action="store_true", help="print the changes, try none")
    parser.add_argument("--again", metavar="FILE", help="only what survived in the run that printed FILE")
    parser.add_argument("--quiet", action="store_true", help="print only survivors and the score")
    options = parser.parse_args()

    texts, changes = {}, []
    for path in options.paths:
        names = files_below(path)
        if not names:
            print(f"mutate: there is no source at {path}", file=sys.stderr)
            return 2
        for name in names:
            with open(os.path.join(ROOT, name), encoding="utf-8") as file:
                texts[name] = file.read()
            changes += rules.changes(name, texts[name])
    if options.again:
        with open(options.again, encoding="utf-8") as file:
            lived = re.findall(r"^survived +(.*) \(no test noticed\)$", file.read(), re.M)
        changes = [change for change in changes if str(change) in lived]
    total = len(changes)
    if options.number and options.number < total:
        changes = random.Random(options.seed).sample(changes, options.number)
    if options.list:
        print("\n".join(map(str, changes)))
        return 0
    if options.programs:
        COVER[:] = [(start, [step for step in steps if is_program(step)]) for start, steps in COVER]
    print(f"{len(changes)} of {total} changes, seed {options.seed}", flush=True)
    campaign = Campaign(changes, texts, options.jobs, options.quiet)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        wrong = campaign.prepare()
        if wrong:
            print(f"FAIL mutate: {wrong}")
            return 1
        counts = campaign.run()
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(OUT, ignore_errors=True)

    low = False
    print(f"\n{'folder':24} {'killed':>7} {'survived':>9} {'equivalent':>11} {'score':>6}")
    for folder, by in sorted(counts.items()):
        killed, survived = by.get("killed", 0), by.get("survived", 0)
        score = 100 * killed / (killed + survived) if killed + survived else 100
        low = low or score < options.at_least
        print(f"{folder:24} {killed:7} {survived:9} {by.get('equivalent', 0):11} {score:5.1f}%")
    return 130 if bugs.stopping.is_set() else 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
