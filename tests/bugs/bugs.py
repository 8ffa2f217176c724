#!/usr/bin/env python3
# SPDX-License-Identifier: 0BSD
"""Put each bug of the tables beside this file into a copy of the tree, and see which test finds it.

A table is a file NAME.toml. `[files]` gives the sources that it changes short names, so that a source
that moves is one line here. A `[[bug]]` has a `name`, the `row` of docs/known-bugs.md (none: it is of
no row), `what` it does, and `tests`: each is "KIND ARGUMENT: RESULT", of the kinds in KINDS, and the
result has to be FAIL. Each `[[bug.edit]]` puts the text `new` in the place of `old`, which has to be
`in` that file exactly once.

A bug is killed when all of its tests fail; and without it they have to pass.
"""

import argparse
import concurrent.futures
import glob
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
MANUAL = os.path.join(ROOT, "docs", "known-bugs.md")
BUILD = os.path.abspath(os.environ.get("O", os.path.join(ROOT, "build")))
OUT = os.path.join(BUILD, "bugs", str(os.getpid()))  # another run may be under way

# How each kind of test is run, with its argument put in the place of {}; and what stands before the
# names of its results in the sources.
KINDS = {
    "program": (["tests/programs.sh", "{}"], r"(.*\.)?"),
    "lib": (["tests/lib/suite.sh", "{}"], ""),
    "compiled": (["tests/build/compiled-suite.sh"], ""),
    "guest": (["tests/guest/suite.sh", "{}"], "guest."),
    "events": (["tests/events/suite.sh", "{}"], "events."),
    "build": (["make", "--no-print-directory", "kernel"], ""),  # has to end with this message
}
# These build the kernel first, in a copy in which it has been built before.
NEED_KERNEL = ("guest", "events", "build", "compiled")
# One at a time: what they find depends on the CPUs they get.
ALONE = ("guest", "events")
# A run that takes longer than this has failed; its result is "time".
PATIENCE_S = 180
# Who is told to end may need so long to end its guests.
GRACE_S = 10


class Bug:
    """A bug of a table."""

    def __init__(self, table, files, entry):
        self.name = f"{table}/{entry['name']}"
        self.row = entry.get("row")
        self.what = entry["what"]
        self.edits = [(files[edit["in"]], edit["old"], edit["new"]) for edit in entry["edit"]]
        self.tests = []
        for line in entry["tests"]:
            test = re.fullmatch(r"([a-z]+)(?: (\S+))?: (.+)", line)
            if not test or test[1] not in KINDS:
                raise ValueError(f"{self.name}: not a test: {line}")
            self.tests.append((test[1], test[2] or "", test[3]))
        if not self.tests:
            raise ValueError(f"{self.name}: no tests")

    def put_in(self, tree, dry_run=False):
        """Change the sources below `tree`; why it cannot be, None when it can."""
        texts = {}
        for path, old, new in self.edits:
            if path not in texts:
                try:
                    with open(os.path.join(tree, path), encoding="utf-8") as file:
                        texts[path] = file.read()
                except OSError as why:
                    return str(why)
            if texts[path].count(old) != 1:
                return f"{path} has its text {texts[path].count(old)} times, not once: {old!r}"
            texts[path] = texts[path].replace(old, new)
        for path, text in texts.items():
            if not dry_run:
                with open(os.path.join(tree, path), "w", encoding="utf-8") as file:
                    file.write(text)
        return None


def all_bugs():
    """Those of the catalogue in its order, then the others."""
    bugs = []
    for path in glob.glob(os.path.join(HERE, "*.toml")):
        table = os.path.basename(path).removesuffix(".toml")
        with open(path, "rb") as file:
            content = tomllib.load(file)
        try:
            bugs += [Bug(table, content["files"], entry) for entry in content["bug"]]
        except KeyError as key:
            raise ValueError(f"{path}: no {key}") from None
    names = [bug.name for bug in bugs]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise ValueError(f"names given twice: {sorted(twice)}")
    return sorted(bugs, key=lambda bug: (bug.row or 1000, bug.name))


# ---- The catalogue -------------------------------------------------------------------------------


def read_catalogue():
    """The table of docs/known-bugs.md: {row: [cells]}, and the lines of the file."""
    with open(MANUAL, encoding="utf-8") as file:
        lines = file.read().splitlines()
    rows = {}
    for line in lines:
        if re.match(r"\| +\d+ \|", line):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            rows[int(cells[0])] = cells
    return rows, lines


def program_name(path):
    """What tests/program.sh calls a test program as a whole."""
    folder, _, name = path.rpartition("/")
    base, dot, variant = name.partition(".")
    if os.path.basename(folder) != base:
        folder += f".{base}"
    return folder.replace("/", ".").replace("_", "-") + dot + variant


def test_text(test):
    kind, argument, result = test
    return f"`{result}`" + (f" ({kind} {argument})" if kind == "guest" else "")


def catalogue_line(cells, mutants):
    """A row, with the tests and the mutants as they are."""
    own = [m for m in mutants if m.row == int(cells[0])]
    tests = list(dict.fromkeys(test_text(t) for m in own for t in m.tests))
    names = [f"`{m.name}`" for m in own]
    return f"| {cells[0]} | {cells[1]} | {cells[2]} | {', '.join(tests)} | {', '.join(names)} |"


def write_catalogue(mutants):
    rows, lines = read_catalogue()
    for at, line in enumerate(lines):
        row = re.match(r"\| +(\d+) \|", line)
        if row:
            lines[at] = catalogue_line(rows[int(row[1])], mutants)
    with open(MANUAL, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


# ---- Without running them ------------------------------------------------------------------------


def sources():
    """All that can name a result."""
    text = []
    for top in ("tests", "kernel", "drivers", "arch", "linker.ld"):
        for directory, _, files in os.walk(os.path.join(ROOT, top)):
            if os.path.basename(directory) == "bugs":
                continue
            for name in files:
                with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as file:
                    text.append(file.read())
    with open(os.path.join(ROOT, "linker.ld"), encoding="utf-8") as file:
        text.append(file.read())
    return "\n".join(text)


def complaints(mutants):
    """What is wrong with the tables, as sentences."""
    text = sources()
    for mutant in mutants:
        why = mutant.put_in(ROOT, dry_run=True)
        if why:
            yield f"{mutant.name} does not fit: {why}"
        for kind, argument, result in mutant.tests:
            source = f"tests/{argument.split('.')[0]}_test.c"
            if kind == "program" and not os.path.exists(os.path.join(ROOT, source)):
                yield f"{mutant.name}: there is no {source}"
            elif kind == "guest" and f"\n[{argument}]\n" not in text:
                yield f"{mutant.name}: there is no guest {argument}"
            bare = re.sub(f"^{KINDS[kind][1]}", "", result)
            if result != "time" and bare not in text and bare.replace("-", "_") not in text:
                yield f"{mutant.name}: nothing gives the result {result}"


def check(mutants):
    """The suite: quick, for every run of the tests."""
    failed = 0

    def verdict(name, wrong, figures):
        nonlocal failed
        print("".join(f"  {sentence}\n" for sentence in wrong), end="")
        print(f"FAIL {name}: {wrong[0]}" if wrong else f"PASS {name}: {figures}")
        failed |= bool(wrong)

    rows, lines = read_catalogue()
    have = {m.row for m in mutants}
    wrong = list(complaints(mutants))
    wrong += [f"row {row} of docs/known-bugs.md has no mutant" for row in sorted(set(rows) - have)]
    wrong += [f"{m.name}: there is no row {m.row}" for m in mutants if m.row and m.row not in rows]
    verdict("bugs.fit", wrong, f"{len(mutants)} bugs fit, {len(rows)} rows have one")
    wrong = [
        f"row {row} is not as the tables say: tests/bugs/run.sh --write"
        for row, cells in rows.items()
        if catalogue_line(cells, mutants) not in lines
    ]
    verdict("bugs.documented", wrong, f"{len(rows)} rows name their tests and mutants")
    return failed


# ---- Running them --------------------------------------------------------------------------------


class Stopped(Exception):
    """The user ended the run."""


guest_lock = threading.Lock()
children = set()
stopping = threading.Event()


def end(child, how):
    """The child and what is in its group."""
    try:
        os.killpg(child.pid, how)
    except ProcessLookupError:
        pass


def run(command, directory, log, patience, limit=60, guest_limit=40):
    """Run to its end, or to that of the patience: (status or None, output)."""
    if stopping.is_set():
        raise Stopped
    ours = ("O", "MAKEFLAGS", "MAKELEVEL")
    environment = {name: value for name, value in os.environ.items() if name not in ours}
    environment.update(
        # Random cases find these bugs soon; races take what they take.
        TEST_COUNT="1000000" if "/race" in command[-1] else "200000",
        TEST_WERROR="",
        TEST_LIMIT=str(limit),
        GUEST_LIMIT=str(guest_limit),
        PYTHONDONTWRITEBYTECODE="1",
    )
    with open(log, "w+b") as output:
        child = subprocess.Popen(
            command,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        children.add(child)
        try:
            status = child.wait(patience)
        except subprocess.TimeoutExpired:
            status = None
            end(child, signal.SIGTERM)
            try:
                child.wait(GRACE_S)
            except subprocess.TimeoutExpired:
                pass
        finally:
            children.discard(child)
            end(child, signal.SIGKILL)  # with what it started and left behind
            child.wait()
        output.seek(0)
        return status, output.read().decode("utf-8", "replace")


def perform(kind, argument, directory):
    """Run a test in a copy: {result: "PASS", "FAIL" or "SKIP why"}, and the output."""
    log = os.path.join(directory, "log")
    command = [word.replace("{}", argument) for word in KINDS[kind][0] if argument or word != "{}"]
    if kind in NEED_KERNEL:
        status, output = run(["make", "-j2", "kernel", "iso"], directory, log, PATIENCE_S)
        if kind == "build":
            errors = [line for line in output.splitlines() if status]
            return {line: "FAIL" for line in errors}, output
        if status:
            return {"does not compile": "FAIL"}, output
    if kind in ALONE:
        with guest_lock:
            status, output = run(command, directory, log, PATIENCE_S)
    else:
        status, output = run(command, directory, log, PATIENCE_S)
    results = {}
    # A guest's own results are shown, further in, if it failed.
    for verdict, name, detail in re.findall(r"^ *(PASS|FAIL|SKIP) ([^:\n]+):?(.*)", output, re.M):
        if verdict == "SKIP":
            verdict += detail
        if results.get(name) != "FAIL":
            results[name] = verdict
        if "does not compile" in detail:
            results["does not compile"] = "FAIL"
    if status is None:
        results["time"] = "FAIL"
    return results, output


def copy_tree(to):
    """The tree as it is committed, and what is about to be."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listing.returncode:  # an archive
        ignored = shutil.ignore_patterns(os.path.basename(BUILD), "build", ".git")
        shutil.copytree(ROOT, to, symlinks=True, ignore=ignored)
        return
    for name in listing.stdout.split("\0"):
        source, target = os.path.join(ROOT, name), os.path.join(to, name)
        if name and os.path.isfile(source):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy2(source, target)


def named(results, kind, result):
    """What became of a result; a build's is part of a line."""
    if kind == "build":
        return "FAIL" if any(result in line for line in results) else None
    return results.get(result)


def failures(results):
    return [name for name, verdict in results.items() if verdict == "FAIL"]


def judge(mutant, original, show):
    """(verdict, what it is by) of one mutant."""
    for kind, argument, result in mutant.tests:
        before = original[kind, argument]
        if failures(before):
            return "LIVES", f"without it, {kind} {argument} fails as well"
        skipped = [v for v in before.values() if v.startswith("SKIP")]
        if kind in (*ALONE, "program") and skipped and "PASS" not in before.values():
            return "skipped", skipped[0].removeprefix("SKIP ")
        if (named(before, kind, result) or "").startswith("SKIP"):
            return "skipped", before[result].removeprefix("SKIP ")
        # What a whole program or its set-up comes to is told only when it is FAIL.
        quiet = kind in ("build", *ALONE) or result in ("time", program_name(argument))
        if not quiet and before.get(result) != "PASS":
            return "LIVES", f"without it, {result} does not pass"
    copy = os.path.join(OUT, mutant.name.replace("/", "."))
    shutil.rmtree(copy, ignore_errors=True)
    kernel = any(test[0] in NEED_KERNEL for test in mutant.tests)
    ignored = None if kernel else shutil.ignore_patterns("build")
    shutil.copytree(os.path.join(OUT, "original"), copy, symlinks=True, ignore=ignored)
    why = mutant.put_in(copy)
    if why:
        return "DOES NOT FIT", why
    killers, ran = [], {}
    for kind, argument, result in mutant.tests:
        if (kind, argument) not in ran:
            ran[kind, argument] = perform(kind, argument, copy)
        results, output = ran[kind, argument]
        # On a busy host a guest can end before it comes to what is asked for.
        if kind in ALONE and named(results, kind, result) != "FAIL":
            results, output = ran[kind, argument] = perform(kind, argument, copy)
        if named(results, kind, result) == "FAIL":
            killers.append(result)
            continue
        if show:
            print(output)
        if "does not compile" in results:
            return "DOES NOT COMPILE", kind
        others = failures(results)
        return "LIVES", f"{result} passed" + (f"; failed: {' '.join(others)}" if others else "")
    shutil.rmtree(copy)
    return "killed", ", ".join(killers)


def run_all(mutants, jobs, show, whole):
    started = time.monotonic()
    print(f"{len(mutants)} bugs; first the tests without any", flush=True)
    rows, _ = read_catalogue()
    copy_tree(os.path.join(OUT, "original"))
    wanted = list(dict.fromkeys(test[:2] for m in mutants for test in m.tests))
    original, counts = {}, {"killed": 0, "skipped": 0}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        try:
            # One after another within a copy: the kernel is built in the first.
            if any(kind in NEED_KERNEL for kind, _ in wanted):
                perform("build", "", os.path.join(OUT, "original"))
            for index, (kind, argument) in enumerate(wanted):
                copy = os.path.join(OUT, f"unpatched.{index}")
                ignored = None if kind in NEED_KERNEL else shutil.ignore_patterns("build")
                shutil.copytree(
                    os.path.join(OUT, "original"), copy, symlinks=True, ignore=ignored
                )
                original[kind, argument] = pool.submit(perform, kind, argument, copy)
            for key, future in original.items():
                original[key], output = future.result()
                bad = failures(original[key])
                if bad:
                    print(output)
                    print(f"Without a mutant, {' '.join(key).strip()} fails: {' '.join(bad)}")
            tried, prepared = 0, time.monotonic()
            good = sum(not failures(results) for results in original.values())
            print(f"Without a mutant, {good} of {len(wanted)} runs of tests pass.")
            verdicts = pool.map(lambda m: judge(m, original, show), mutants)
            row = 0
            for mutant, (verdict, by) in zip(mutants, verdicts):
                if mutant.row != row:
                    row = mutant.row
                    print(f"\n{row:2}  {rows[row][1]}" if row else "\n -  of no row")
                print(f"      {verdict:8} {mutant.name:45} {by}", flush=True)
                counts[verdict] = counts.get(verdict, 0) + 1
                tried += 1
                if tried % 20 == 0 and tried < len(mutants):
                    each = (time.monotonic() - prepared) / tried
                    left = each * (len(mutants) - tried) / 60
                    print(f"   -- {tried} of {len(mutants)}, about {left:.0f} min more", flush=True)
        except KeyboardInterrupt:
            stopping.set()
            for child in list(children):
                end(child, signal.SIGTERM)
            pool.shutdown(cancel_futures=True)
            return 130
    killed, skipped = counts.pop("killed"), counts.pop("skipped")
    alive = sum(counts.values())
    have = {m.row for m in mutants if m.row}
    lacking = sorted(set(rows) - have) if whole else []
    for row in lacking:
        print(f"\n{row:2}  {rows[row][1]}\n      NO MUTANT")
    print(
        f"\n{len(have)} rows of known bugs; {len(mutants)} mutants: {killed} killed, {alive} alive, "
        f"{skipped} skipped; {time.monotonic() - started:.0f} s"
    )
    return 1 if alive or lacking else 0


def main():
    parser = argparse.ArgumentParser(prog="run.sh", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="mutants, or part of their names")
    parser.add_argument("--row", type=int, action="append", help="those of a row of known-bugs.md")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many at once")
    parser.add_argument("--show", action="store_true", help="the output of tests that do not fail")
    parser.add_argument("--list", action="store_true", help="say what there is, run nothing")
    parser.add_argument("--check", action="store_true", help="that they fit; run nothing")
    parser.add_argument("--write", action="store_true", help="write the table of docs/known-bugs.md")
    options = parser.parse_args()
    try:
        mutants = all_bugs()
    except ValueError as wrong:
        print(f"FAIL bugs.fit: {wrong}")
        return 1
    if options.check:
        return check(mutants)
    if options.write:
        write_catalogue(mutants)
        return 0
    chosen = [
        m
        for m in mutants
        if (not options.row or m.row in options.row)
        and (not options.names or any(name in m.name for name in options.names))
    ]
    if not chosen:
        print("run.sh: there is no such mutant (see --list)", file=sys.stderr)
        return 2
    if options.list:
        for m in chosen:
            print(f"{m.row or '-':>2}  {m.name:45} {m.what}")
        return 0
    try:
        return run_all(chosen, options.jobs, options.show, len(chosen) == len(mutants))
    finally:
        shutil.rmtree(OUT, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
