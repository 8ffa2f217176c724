#!/usr/bin/env python3
# SPDX-License-Identifier: 0BSD
"""Boot the guests that the file `matrix` lists, each by run-qemu.sh, and judge them.

Judged are the exit status, the verdicts that the row expects, that no other check failed or was
skipped, that each JSON line is what docs/report.md promises, and that both serial ports said the
same.  One line PASS, FAIL or SKIP for each guest; names as arguments choose among them.  The environment's
GUEST_LIMIT ends a guest sooner than its row does, in seconds.
"""

import configparser
import contextlib
import fnmatch
import json
import os
import re
import shlex
import struct
import subprocess
import sys
import tempfile
import time

import report

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
RUN_QEMU = os.path.join(ROOT, "run-qemu.sh")
# The kernel without selftests and shell.
CORE = os.path.join(ROOT, "build", "core", "clockpage.elf")
with open(os.path.join(ROOT, "docs", "report.md"), encoding="utf-8") as _file:
    MANUAL = report.Manual(_file.read())
# What multiplies all time limits, and where a suite says what it is at: see tests/run.sh.
PATIENCE = int(os.environ.get("TEST_PATIENCE", "1"))
STATE = os.environ.get("SUITE_STATE", "")


def plan(names):
    """These results are to come."""
    if STATE:
        with open(os.path.join(STATE, "plan"), "w", encoding="utf-8") as file:
            file.writelines(f"{name}\n" for name in names)


@contextlib.contextmanager
def now(name):
    """This one is being run."""
    path = os.path.join(STATE, "now", name)
    if STATE:
        open(path, "w", encoding="utf-8").close()
    try:
        yield
    finally:
        if STATE:
            os.remove(path)


class Row:
    """A section of the matrix, with what it is `like` mixed in."""

    KEYS = {"like", "needs", "args", "status", "report", "reads", "expect", "limit"}

    def __init__(self, matrix, name):
        section = matrix[name]
        unknown = set(section) - self.KEYS
        if unknown:
            raise ValueError(f"[{name}]: unknown keys {sorted(unknown)}")
        self.name = name
        base = Row(matrix, section["like"]) if "like" in section else None

        def value(key, default):
            return section.get(key, getattr(base, key) if base else default)

        self.needs = value("needs", "tcg")
        self.args = section.get("args", "")
        self.status = int(value("status", 0))
        self.report = value("report", "full")
        self.reads = int(value("reads", 0))
        self.limit = int(value("limit", 60))
        own = [line for line in section.get("expect", "").splitlines() if line]
        self.expect = (base.expect if base else []) + own
        if self.needs not in ("kvm", "tcg", "nothing") or self.report not in (
            "full",
            "partial",
            "none",
        ):
            raise ValueError(f"[{name}]: bad needs or report")


def limit_of(row):
    """After which its guest is ended."""
    limit = row.limit * PATIENCE
    return min(limit, int(os.environ.get("GUEST_LIMIT", limit)))


def expectations(row, output, checks):
    """What the row's `expect` lines find wrong, as sentences.

    TEXT regex              a line of the output matches
    VERDICT glob[: regex]   there are checks of that name, with that verdict, and detail
    ANY glob                the checks of that name, if there are any, may have any verdict

    Of several lines for one check the last counts, so that a row overrides what it is like.
    """
    wrong, rules = [], []
    for line in row.expect:
        kind, _, rest = line.partition(" ")
        glob, _, detail = rest.partition(": ")
        if kind == "TEXT":
            if not re.search(rest, output, re.MULTILINE):
                wrong.append(f"no line matches: {rest}")
        elif kind in ("PASS", "FAIL", "SKIP", "ANY"):
            rules.append((kind, glob, detail))
            if kind != "ANY" and not any(fnmatch.fnmatchcase(c[1], glob) for c in checks):
                wrong.append(f"there is no check {glob}")
        else:
            wrong.append(f"the matrix has an unknown kind of expectation: {line}")

    for verdict, name, detail in checks:
        fitting = [rule for rule in rules if fnmatch.fnmatchcase(name, rule[1])]
        kind, _, pattern = fitting[-1] if fitting else ("PASS", name, "")
        if kind != "ANY" and (verdict != kind or not re.search(pattern, detail)):
            wrong.append(f"expected {kind} {name}: {pattern or '...'}; it was {verdict}: {detail}")
    return wrong


def spoilt(wrong, output):
    """Why a busy machine may be all that is wrong; None: it is not, or the machine is not busy."""
    left_out = re.findall(r"^ +(\S+) +none: it wraps too soon", output, re.MULTILINE)
    if (
        PATIENCE > 1
        and left_out
        and len(wrong) == 1
        and wrong[0].startswith("expected PASS timecounter.deviation: ")
        and "; it was PASS: " in wrong[0]
    ):
        return f"this machine is too busy: vCPU 0 had too few ticks to compare {' '.join(left_out)}"
    return None


def option(words, name, default):
    """The value that the words give to an option."""
    return words[words.index(name) + 1] if name in words else default


def failed_checks(json_bytes, told):
    """What failed in a run that ended before it told people."""
    lines = ""
    for line in json_bytes.decode("utf-8", "replace").splitlines():
        try:
            record = json.loads(line)
        except ValueError:
            continue
        check = tuple(str(record.get(key)) for key in ("result", "name", "detail"))
        if record.get("record") == "check" and check[0] == "FAIL" and check not in told:
            lines += f"{check[0]} {check[1]}: {check[2]}\n"
    return lines


def boot(row, places):
    """Boot one guest: (what is wrong, figures, output)."""
    words = shlex.split(row.args)
    for place, value in places.items():
        words = [word.replace("{" + place + "}", value) for word in words]
    command = [RUN_QEMU, "--timeout", str(limit_of(row)), "--no-install"]
    json_file = os.path.join(places["tmp"], row.name + ".json")
    if row.report != "none":
        command += ["--verbose", "--json", json_file]
    if row.needs != "nothing":
        command += ["--accel", row.needs]
    command += words

    started = time.monotonic()
    try:
        # run-qemu.sh ends the guest at the limit; this only catches it failing to.
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=limit_of(row) + 60,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        output = (late.stdout or b"").decode("utf-8", "replace")
        return ["run-qemu.sh itself did not end in time"], "", output
    seconds = time.monotonic() - started
    output = report.unwrap(done.stdout.decode("utf-8", "replace"))

    wrong = []
    if done.returncode != row.status:
        wrong.append(f"status {done.returncode}, expected {row.status}")
    if re.search("\x1b|\x08", output):
        wrong.append("the output holds terminal escapes")
    checks = report.checks_for_people(output)
    wrong += expectations(row, output, checks)
    figures = f"status {done.returncode} in {seconds:.1f} s"
    if row.report != "none":
        with open(json_file, "rb") as file:
            json_bytes = file.read()
            complaints, facts = report.judge(
                json_bytes,
                output,
                MANUAL,
                whole=row.report == "full",
                vcpus=int(option(words, "--smp", "2")),
            )
        wrong += complaints
        output += failed_checks(json_bytes, checks)
        if facts["reads"] < row.reads:
            wrong.append(f"{facts['reads']} reads in ring 3, expected {row.reads} or more")
        figures += f", {facts['counts']}"
    return wrong, figures, output


def broken_kernels(directory):
    """Write truncated.elf, and reset.elf, which faults at once, made from the kernel."""
    kernel = os.path.join(os.environ.get("O", os.path.join(ROOT, "build")), "clockpage.elf")
    with open(kernel, "rb") as file:
        image = bytearray(file.read())
    with open(os.path.join(directory, "truncated.elf"), "wb") as file:
        file.write(image[: len(image) // 2])

    # The PVH note (name "Xen", type 18) holds the physical address of the first instruction.
    note = image.index(struct.pack("<I", 18) + b"Xen\0")
    (entry,) = struct.unpack_from("<I", image, note + 8)
    (headers,) = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    for header in range(headers, headers + size * count, size):
        kind, _, offset, _, address, length = struct.unpack_from("<IIQQQQ", image, header)
        if kind == 1 and address <= entry < address + length:
            image[offset + entry - address : offset + entry - address + 2] = b"\x0f\x0b"  # ud2
            break
    else:
        raise ValueError("the PVH entry is in no segment")
    with open(os.path.join(directory, "reset.elf"), "wb") as file:
        file.write(image)


def kvm_missing():
    """Why KVM cannot be used, or None."""
    probe = subprocess.run(
        ["bash", "-c", ". tools/kvm.sh; kvm_works"],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    return None if probe.returncode == 0 else probe.stdout.strip() or "unknown"


def main():
    os.chdir(ROOT)
    matrix = configparser.ConfigParser(
        interpolation=None, default_section="none", delimiters=("=",), comment_prefixes=("#",)
    )
    with open(os.path.join(HERE, "matrix"), encoding="utf-8") as file:
        matrix.read_file(file)
    rows = [Row(matrix, name) for name in matrix.sections() if not name.startswith("as ")]
    unknown = set(sys.argv[1:]) - {row.name for row in rows}
    if unknown:
        print(f"guests.py: not in the matrix: {' '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    if sys.argv[1:]:
        rows = [row for row in rows if row.name in sys.argv[1:]]

    builds = [["kernel", "iso"] if any("--iso" in row.args for row in rows) else ["kernel"]]
    if any("{core}" in row.args for row in rows):
        builds.append(["CORE=1", f"O={os.path.dirname(CORE)}", "kernel"])
    for what in builds:
        build = subprocess.run(
            ["make", "-C", ROOT, "--no-print-directory", "-j2", *what],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if build.returncode != 0:
            print(build.stdout)
            print(f"FAIL guest.build: make {' '.join(what)} failed")
            return 1

    plan(f"guest.{row.name}" for row in rows)
    no_kvm = kvm_missing()
    failed = 0
    with tempfile.TemporaryDirectory() as tmp:
        broken_kernels(tmp)
        places = {"tmp": tmp, "long": "x" * 1500, "core": CORE}
        for row in rows:
            if row.needs == "kvm" and no_kvm:
                print(f"SKIP guest.{row.name}: no KVM: {no_kvm}", flush=True)
                continue
            with now(f"guest.{row.name}"):
                wrong, figures, output = boot(row, places)
            if not wrong:
                print(f"PASS guest.{row.name}: {figures}", flush=True)
                continue
            why = spoilt(wrong, output)
            if why:
                print(f"SKIP guest.{row.name}: {why} ({figures})", flush=True)
                continue
            failed += 1
            print("".join(f"    {line}\n" for line in output.splitlines()), end="")
            print("".join(f"  {sentence}\n" for sentence in wrong), end="")
            print(f"FAIL guest.{row.name}: {wrong[0]} ({figures})", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
