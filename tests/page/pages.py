#!/usr/bin/env python3
# SPDX-License-Identifier: 0BSD
"""The page that tools/page draws of a run's records, and that run-qemu.sh --html writes."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
import traceback
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader

import browser
from document import Document

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
TOOL = os.path.join(ROOT, "tools", "page")
RECORDINGS = ("kvm", "events", "tcg")
PATIENCE = int(os.environ.get("TEST_PATIENCE", "1"))
HOSTILE = "<script>alert('x')</script><b onclick=\"y\">&lt;\u202e\x1b{0}"

loader = SourceFileLoader("page", TOOL)
page = module_from_spec(spec_from_loader("page", loader))
loader.exec_module(page)


class Wrong(Exception):
    """What was found, against what had to be."""


class Skipped(Exception):
    """Why this machine cannot show it."""


def expect(holds, otherwise):
    if not holds:
        raise Wrong(otherwise)


def recorded(name):
    with open(os.path.join(HERE, f"{name}.json"), "rb") as file:
        return file.read()


def records_of(name):
    return [json.loads(line) for line in recorded(name).splitlines()]


def lines(records):
    return "".join(json.dumps(record) + "\n" for record in records).encode()


def draw(data, **options):
    """The page of these records, if nothing is wrong with it."""
    data = data if isinstance(data, bytes) else lines(data)
    document = Document(page.page(page.Report(data), **options))
    expect(not document.complaints, f"{document.complaints[:3]}")
    return document


def run(*words, stdin=b"", limit=60):
    return subprocess.run(
        words, input=stdin, capture_output=True, timeout=limit * PATIENCE, check=False, cwd=ROOT
    )


# --- What the page holds -----------------------------------------------------------------------


def well_formed(_out):
    """Recordings and nothing at all give HTML without scripts, links or pictures from elsewhere."""
    tables = pictures = 0
    for data in (*map(recorded, RECORDINGS), b""):
        document = draw(data)
        tables += len(document.find("table"))
        pictures += sum(e.attributes.get("role") == "img" for e in document.find("svg"))
    expect(tables > 30 and pictures > 15, f"{tables} tables, {pictures} pictures")
    return f"{tables} tables with captions, {pictures} pictures with title and desc"


# What decides how the rest is shown keeps its value.
KEPT = ("record", "kind", "result")


def distinct(records, text):
    """(records, values): every number and every text that is not empty is another one."""
    values = []

    def other(key, value):
        number = 70000001 + 7 * len(values)
        # Where there is no kvmclock there are no MSRs of it.
        if isinstance(value, bool) or value == "" or (key.startswith("msr_") and not value):
            return value
        if isinstance(value, list):
            return [other(key, part) for part in value]
        new = text.replace("{0}", str(number)) if isinstance(value, str) else number
        values.append(new)
        return new

    return [
        {key: value if key in KEPT else other(key, value) for key, value in record.items()}
        for record in records
    ], values


def every_figure(_out):
    """Every number and text of every record is on the page."""
    count = 0
    for name in RECORDINGS:
        records, values = distinct(records_of(name), "w{0}w")
        text = draw(records).text()
        missing = [value for value in values if str(value) not in text]
        owners = {
            (record["record"], key)
            for record in records
            for key, value in record.items()
            if any(value == lost for lost in missing)
        }
        expect(not missing, f"{name}: {len(missing)} values are not on the page: {sorted(owners)}")
        count += len(values)
    return f"{count} values of {len(RECORDINGS)} recordings"


def hostile(_out):
    """Text of a record stays text, wherever it stands."""
    for name in RECORDINGS:
        records, values = distinct(records_of(name), HOSTILE)
        records += [{"record": HOSTILE, HOSTILE: HOSTILE}, {"record": "verdict", "text": HOSTILE}]
        records.append({"record": "check", "name": HOSTILE, "result": HOSTILE, "detail": HOSTILE})
        records.append({"record": "event", "kind": HOSTILE, "vcpu": HOSTILE, "text": HOSTILE})
        document = draw(records, commands=[HOSTILE], ended=HOSTILE)
        text = document.text()
        for value in values:
            shown = str(value).replace("\u202e", "\\u202e").replace("\x1b", "\\u001b")
            expect(shown in text, f"{name}: {shown} is not shown")
        expect("\u202e" not in text and "\x1b" not in text, "what reorders text is on the page")
        expect(len(document.find("b")) == 0, "a record has made an element")
    return "scripts, elements, attributes, entities, bidirectional and control characters"


def verdict(_out):
    """The verdict comes first: the record's, or else the counts."""
    start = records_of("kvm")
    text = "kvmclock, STABLE; 2 vCPUs."
    for word, state in (
        ("good", "good"),
        ("bad", "bad"),
        ("not judged", "unjudged"),
        ("?", "unjudged"),
    ):
        for kind in ("record", "kind"):
            document = draw([*start, {kind: "verdict", "state": word, "text": text}])
            header = document.find("header")[0]
            expect(document.heading() == f"Clock: {word}", document.heading())
            expect(header.attributes["class"] == state, f"{word}: {header.attributes}")
            expect(
                not document.find("body")[0].attributes, "the whole page has the verdict's colour"
            )
            for said in ("kvmclock, STABLE; 2 vCPUs", "37 passed"):
                expect(said in header.text(), f"{said!r} is not in {header.text()!r}")
    for end, heading, state in (
        (
            [{"record": "end", "passed": 3, "failed": 0, "skipped": 1}],
            "3 passed, 0 failed, 1 skipped",
            "good",
        ),
        (
            [{"record": "end", "passed": 3, "failed": 2, "skipped": 1}],
            "3 passed, 2 failed, 1 skipped",
            "bad",
        ),
        ([], "No verdict: the run was cut off", "bad"),
    ):
        document = draw(start[:-1] + end)
        expect(document.heading() == heading, document.heading())
        expect(document.find("header")[0].attributes["class"] == state, f"{heading}: not {state}")
    document = draw(b"", ended="TIMEOUT: 3 s")
    expect("TIMEOUT: 3 s" in document.find("header")[0].text(), "it is not said how the run ended")
    return "3 states; counts, a cut-off run and a timeout without one"


def checks(_out):
    """What failed comes first, then what was skipped, each with its reason; then what passed."""
    results = ("PASS", "SKIP", "FAIL", "PASS", "WHAT", "FAIL")
    document = draw(
        [
            {"record": "check", "name": f"n{i}", "result": word, "detail": f"why {i}"}
            for i, word in enumerate(results)
        ]
    )
    rows = document.rows("Failed or skipped")
    expect([row[0] for row in rows] == ["n2", "n5", "n4", "n1"], f"{rows}")
    expect(rows[0] == ["n2", "FAIL", "why 2"], f"{rows[0]}")
    expect([row[0] for row in document.rows("2 passed")] == ["n0", "n3"], "not what passed")
    return "6 checks in the order of their weight"


# --- What is drawn -----------------------------------------------------------------------------


def vcpu(number, offset, error):
    return {
        **{
            "record": "vcpu",
            "id": number,
            "tsc_hz": 2 * 10**9,
            "offset_known": error is not None,
        },
        **{"offset_cycles": offset, "offset_error": error or 0},
    }


def points(figure):
    """Where the marks of a plot are, from left to right per cent."""
    return [
        e.x() for e in figure.find("svg") if "%" in e.attributes.get("x", "") and e.find("circle")
    ]


def error_bars(figure):
    """[left, right] of each error bar."""
    ends = [
        [float(e.attributes[key].rstrip("%")) for key in ("x1", "x2")]
        for e in figure.find("line")
        if e.attributes["class"] == "error" and e.attributes["y1"] == e.attributes["y2"]
    ]
    return ends


def offsets(_out):
    """Offsets are drawn to scale with their errors; too coarse ones are said to be so, not drawn."""
    document = draw(
        [
            vcpu(0, 0, 0),
            vcpu(1, 400, 100),
            vcpu(2, -200, 300),
            vcpu(3, 9, 17_000_000),
            vcpu(4, 0, None),
        ]
    )
    rows = document.rows("TSC of each vCPU against that of vCPU 0")
    said = [row[-1] for row in rows]
    wanted = [
        "the reference",
        "differs from 0",
        "not told from 0",
        "too coarse to judge",
        "not measured",
    ]
    expect(said == wanted, f"{said}")
    expect(rows[1][3:5] == ["+200.0", "50.0"], f"200 +- 50 ns is shown as {rows[1]}")
    figure = document.figure("Offset of each TSC from that of vCPU 0")
    at, bars = points(figure), error_bars(figure)
    expect(len(at) == 3 and len(bars) == 2, f"{len(at)} marks, {len(bars)} bars")
    scale = (at[1] - at[0]) / 200
    expect(scale > 0 and abs(at[2] - at[0] + 100 * scale) < 0.1, f"not to scale: {at}")
    for middle, (low, high), error in zip(at[1:], bars, (50, 150)):
        expect(abs(middle - low - error * scale) < 0.1, f"{low} is not {error} ns left of {middle}")
        expect(abs(high - middle - error * scale) < 0.1, f"{high} is not {error} ns right")
    expect("too coarse to judge: ± 8.50 ms" in figure.text(), figure.text())
    for cycles, word in ((20_000, "not told from 0"), (20_001, "too coarse to judge")):
        rows = draw([vcpu(0, 0, 0), vcpu(1, 0, cycles)]).rows(
            "TSC of each vCPU against that of vCPU 0"
        )
        expect(rows[1][-1] == word, f"+- {cycles} cycles: {rows[1][-1]}")
    return "3 of 5 offsets drawn to scale, +- 17 M cycles too coarse, one not measured"


def counters(_out):
    """A gain that its error covers is not told from 0."""
    crosscheck = {"record": "crosscheck", "name": "HPET", "against": "TSC", "deviates": False}
    for ppb, error, deviates, word in (
        *((75, 80, False, "not told from 0"), (-75, 74, False, "differs from 0")),
        (900_000_000, 1, True, "deviates"),
    ):
        crosscheck.update(ppb=ppb, uncertainty_ppb=error, deviates=deviates)
        rows = draw([crosscheck]).rows("Other counters against TSC")
        expect(rows[0][-1] == word, f"{ppb} +- {error} ppb: {rows[0][-1]}")
    switch = {"record": "switch", "from": "A", "to": "B", "judged": True, "wrong": ""}
    for step, judged, wrong, word in (
        *(
            (30, True, "", "differs from 0, by less than the uncertainty"),
            (9, True, "", "not told from 0"),
        ),
        *((70, True, "", "differs from 0"), (70, True, "lost time", "lost time")),
        (70, False, "", "not judged: the host took the vCPU away at every try"),
    ):
        switch.update(step_ns=step, step_error_ns=10, uncertainty_ns=50, judged=judged, wrong=wrong)
        rows = draw([switch]).rows("Switches from one counter to another")
        expect(rows[0][-1] == word, f"{step} ns: {rows[0][-1]}")
    return "gains and steps inside and outside of their errors"


def event(number, kind, uptime, length=0.0, text=""):
    return {
        **{
            "record": "event",
            "number": number,
            "kind": kind,
            "vcpu": 0,
            "text": text,
            "step_ns": 0,
        },
        **{"uptime_ns": int(uptime * 1e9), "length_ns": int(length * 1e9)},
    }


def time_line(_out):
    """A pause takes its place on the axis if uptime stood still, and none if uptime counted it."""
    still = "uptime stood still"
    figure = draw(
        [
            event(1, "counter", 10),
            event(2, "paused", 11, 2, still),
            event(3, "counter", 12),
            event(4, "paused", 15, 1, "uptime advanced with the date"),
            event(5, "counter", 16),
        ]
    ).figure("Pauses, steps and other events")
    at = points(figure)
    second = (at[1] - at[0]) / 4  # 10 -> 12 s of uptime, and 2 s in between
    expect(abs(at[2] - at[1] - 4 * second) < 0.1, f"an advanced pause moves what follows: {at}")
    bands = {
        e.attributes["class"]: (e.x(), float(e.attributes["width"].rstrip("%")))
        for e in figure.find("rect")
        if e.attributes["class"] in ("gap", "went")
    }
    expect(
        abs(bands["gap"][0] - at[0] - second) < 0.1, "the gap does not begin 1 s after the event"
    )
    expect(abs(bands["gap"][1] - 2 * second) < 0.1, "the gap is not 2 s wide")
    expect(
        abs(bands["went"][0] - at[1] - 2 * second) < 0.1, "the pause that was counted is misplaced"
    )
    expect(abs(bands["went"][1] - second) < 0.1, "the pause that was counted is not 1 s wide")
    document = draw(recorded("events"))
    expect("+1.10 s" in document.section("events").text(), "no step of the date in the drawing")
    return "gap of 2 s, one of 1 s that uptime counted; labels of the steps"


def cost(_out):
    """Ratios to the floor: reads to scale, system calls logarithmically; ns beside."""
    reader = {
        **{"record": "reader", "vcpu": 0, "floor_cycles": 40.0, "cycles_per_read": 60.0},
        **{"ratio": 1.5, "timespec_ratio": 2.0, "gettime_ratio": 0.0, "syscall_ratio": 1000.0},
        "ns_per_read": 30.0,
    }
    document = draw([vcpu(0, 0, 0), reader])
    row = document.rows("Cost in ring 3; floor: lfence; rdtsc")[0]
    plain = [cell.replace("\u202f", "") for cell in row]
    wanted = ["0", "40.000", "20.0", "60.000", "1.500", "30.000", "2.000", "40.0", "–", "–"]
    expect(plain == [*wanted, "1000.000", "20000"], f"{plain}")
    figure = document.figure("The same against the system call")
    shapes = [e for e in figure.find("svg") if "%" in e.attributes.get("x", "")]
    read, call = (e.x() for e in shapes)
    expect(
        abs(call - 100) < 0.1 and 5 < read < 6.5, f"1.5 at {read} %, 1000 at {call} % of 3 decades"
    )
    return "2 figures, 6 costs in ratios and ns"


# --- Bad input ---------------------------------------------------------------------------------


def truncated(_out):
    """Cut off anywhere, the rest is drawn."""
    data = recorded("events")
    cuts = range(1, len(data), 997)
    for cut in cuts:
        try:
            document = draw(data[:cut])
        except Wrong as why:
            raise Wrong(f"cut at byte {cut}: {why}") from why
        expect("cut off" in document.heading(), f"cut at byte {cut}: {document.heading()}")
    return f"at {len(cuts)} places"


def strange(source, depth=0):
    """A JSON value that no kernel writes."""
    simple = (
        None,
        True,
        -1,
        0,
        1e300,
        -(10**40),
        10**18,
        5e-324,
        float("nan"),
        float("inf"),
        "",
        "x" * 300,
    )
    if depth < 2 and source.random() < 0.1:
        return (
            [strange(source, depth + 1)]
            if source.random() < 0.5
            else {"a": strange(source, depth + 1)}
        )
    return source.choice(simple)


def fuzzed(_out):
    """Members that are missing or of other types and sizes give a page all the same."""
    source, count = random.Random(1), 400
    originals = [record for name in RECORDINGS for record in records_of(name)]
    for number in range(count):
        records = [dict(record) for record in source.sample(originals, 40)]
        for record in records:
            for key in list(record):
                if key not in KEPT and source.random() < 0.3:
                    record[key] = strange(source)
                elif key != "record" and source.random() < 0.1:
                    del record[key]
        try:
            draw(records)
        except Wrong:
            raise
        except Exception as why:
            raise Wrong(f"round {number}: {traceback.format_exc().splitlines()[-3:]}") from why
    deep = b'{"record":' + b"[" * 100000 + b"\n"
    expect("line 1" not in draw(deep + recorded("kvm")).heading(), "nesting")
    return f"{count} pages of 40 changed records each, and one of 100000 brackets"


def errors(out):
    """Bad arguments and files: one clear line, status 2, no traceback."""
    good = os.path.join(HERE, "kvm.json")
    for words, stdin, said in (
        (("/nonexistent/file",), b"", "cannot read '/nonexistent/file': No such file"),
        ((HERE,), b"", "Is a directory"),
        ((), b"", "no record (docs/report.md) in the 0 lines of standard input"),
        ((), b"\xff\xfe{}\n[1]\n{\n\0\n", "no record (docs/report.md) in the 4 lines"),
        (("--output", "/nonexistent/page", good), b"", "cannot write '/nonexistent/page'"),
        (("--output", out, good), b"", "Is a directory"),
        (("--bogus",), b"", "unrecognized arguments"),
    ):
        done = run(TOOL, *words, stdin=stdin)
        message = done.stderr.decode()
        expect(done.returncode == 2, f"{words}: status {done.returncode}: {message}")
        expect(said in message and "Traceback" not in message, f"{words}: {message}")
        expect(not done.stdout, f"{words}: something on standard output")
    done = run(TOOL, "--help")
    expect(done.returncode == 0 and b"--ended" in done.stdout, "--help")
    done = run(TOOL, stdin=recorded("tcg"))
    expect(done.returncode == 0 and done.stdout.startswith(b"<!DOCTYPE html>"), "standard input")
    return "7 wrong ways, --help and standard input"


# --- run-qemu.sh --html --------------------------------------------------------------------------


def run_qemu(*words, limit=90):
    """With --kernel nothing is built, so that no message of make's is in the way."""
    kernel = os.path.join(ROOT, os.environ.get("O", "build"), "clockpage.elf")
    return run(
        "./run-qemu.sh", "--kernel", kernel, "--accel", "tcg", "--smp", "1", *words, limit=limit
    )


def options(out):
    """A page that cannot be written is refused before anything is booted."""
    path = f"{out}/same"
    for words, said in (
        (("--html",), "--html needs a value"),
        (("--html", ""), "--html needs a value"),
        (("--html=",), "--html needs a value"),
        (("--html", out), "it is a directory"),
        (("--html", "/nonexistent/page.html"), "cannot write the page to '/nonexistent/page.html'"),
        (("--html", "/dev/null"), "it is no regular file"),
        (("--json", path, "--html", path), "name the same file"),
        (("--json", "/dev/null", "--html", path), "'/dev/null' is no regular file"),
    ):
        done = run_qemu(*words)
        message = done.stderr.decode()
        expect(done.returncode == 2 and said in message, f"{words}: {done.returncode}: {message}")
        expect(message.count("\n") == 1, f"{words}: {message}")
    for script, words, said in (
        ("events", ("--html",), "expected one argument"),
        ("events", ("--html", out, "pause-3s"), "is no regular file"),
        ("events", ("--html", "/nonexistent/page.html", "pause-3s"), "cannot write"),
        ("events", ("--html", path), "--html draws one scenario"),
        ("soak", ("--html", out), "is no regular file"),
    ):
        done = run(f"tests/events/{script}.py", *words)
        message = done.stderr.decode()
        expect(done.returncode == 2 and said in message, f"{script} {words}: {message}")
    os.remove(path)
    run_qemu("--html", path, "--dry-run")
    expect(not os.path.exists(path), "--dry-run has made a file")
    return "13 wrong ways, and --dry-run writes nothing"


def whole_run(out):
    """A page of a run: its checks, its command, and nothing of an earlier page."""
    path, log = f"{out}/a page.html", f"{out}/run.json"
    with open(path, "w", encoding="utf-8") as file:
        file.write("an earlier page")
    done = run_qemu("--html", path, "--json", log, "--append", "bogus.setting=<b>")
    with open(path, encoding="utf-8") as file:
        document = Document(file.read())
    expect(done.returncode == 1, f"status {done.returncode}: {done.stderr.decode()[-300:]}")
    expect(not document.complaints, f"{document.complaints}")
    with open(log, "rb") as file:
        names = [r["name"] for r in map(json.loads, file) if r["record"] == "check"]
    text = document.text()
    expect(
        len(names) > 20 and all(name in text for name in names), "not every check is on the page"
    )
    expect(
        document.rows("Failed or skipped")[0][0] == "settings", "the check that failed is not first"
    )
    for word in ("--append 'bogus.setting=<b>'", "qemu-system-x86_64 -accel tcg"):
        expect(word in document.section("run").text(), f"no command with {word}")
    return f"{len(names)} checks, {document.heading()}, status 1"


def interrupted(out):
    """A run that is ended from outside, too, leaves a page."""
    path, kernel = f"{out}/interrupted.html", f"{os.environ.get('O', 'build')}/clockpage.elf"
    words = ("--kernel", kernel, "--accel", "tcg", "--html", path, "--", "-S")
    child = subprocess.Popen(
        ["./run-qemu.sh", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=ROOT,
    )
    expect(b"qemu-system" in child.stdout.readline(), "no command")  # soon after, QEMU runs
    time.sleep(1)
    child.send_signal(signal.SIGTERM)
    child.stdout.read()
    expect(child.wait(30 * PATIENCE) == 143, f"status {child.returncode}")
    with open(path, encoding="utf-8") as file:
        document = Document(file.read())
    expect(not document.complaints, f"{document.complaints}")
    expect("ended with status 143" in document.find("header")[0].text(), "it is not said why")
    return "status 143, and a page that says so"


def timed_out(out):
    """A guest that says nothing until its time is over: a page that says so, and status 124."""
    path = f"{out}/timeout.html"
    done = run_qemu("--html", path, "--timeout", "2", "--", "-S")
    with open(path, encoding="utf-8") as file:
        document = Document(file.read())
    expect(done.returncode == 124, f"status {done.returncode}: {done.stderr.decode()[-300:]}")
    expect(not document.complaints, f"{document.complaints}")
    header = document.find("header")[0].text()
    expect("No verdict" in header and "did not end within 2 s" in header, header)
    return "no verdict, and why"


# --- In a browser --------------------------------------------------------------------------------


def in_browser(out):
    """Chromium shows the verdict; at 1280 and 390 pixels nothing overflows, no labels overlap."""
    why = browser.missing()
    if why:
        raise Skipped(why)
    figures = []
    many = [vcpu(n, 40 * n % 97, 150) for n in range(200)]
    many += [
        {**r, "vcpu": n} for r in records_of("kvm") if r["record"] == "reader" for n in range(200)
    ]
    verdict_ = {
        "record": "verdict",
        "state": "good",
        "text": "Clock: good. kvmclock, STABLE; 2 vCPUs",
    }
    for name, records in (
        ("kvm", [*records_of("kvm"), verdict_]),
        *((name, records_of(name)) for name in ("events", "tcg")),
        ("hostile", [*distinct(records_of("events"), HOSTILE)[0], {"record": HOSTILE * 20}]),
        ("many", many),
    ):
        text = page.page(page.Report(lines(records)), commands=["./run-qemu.sh " + "-x" * 300])
        for width in (1280, 390):
            found = browser.probe(f"{out}/{name}", text, width, PATIENCE)
            for heading in (found["heading"], Document(text).heading()):
                found.setdefault("headings", set()).add(re.sub(r"\s+", " ", heading))
            expect(len(found["headings"]) == 1, f"{name}: {found['headings']}")
            for what in ("wide", "outside", "overlap"):
                if what == "overlap" and name == "hostile":
                    continue  # its texts are as long as they like
                expect(not found[what], f"{name} at {width} px: {what}: {found[what][:3]}")
        figures.append(name)
    return f"{', '.join(figures)} at 1280 and 390 px"


def picture(out):
    """A screenshot is not blank, and the page can be printed."""
    why = browser.missing()
    if why:
        raise Skipped(why)
    text = page.page(page.Report(recorded("kvm")))
    colours, ink = browser.screenshot(f"{out}/kvm", text, PATIENCE)
    expect(colours > 20 and 0.005 < ink < 0.4, f"{colours} colours, {100 * ink:.1f} % of them ink")
    blank = browser.screenshot(f"{out}/blank", "<!DOCTYPE html><title>nothing</title>", PATIENCE)
    expect(blank[1] == 0, f"a blank page has {blank} ink")
    sheets = browser.printed(f"{out}/kvm", PATIENCE)
    expect(3 <= sheets <= 20, f"{sheets} sheets of paper")
    return f"{colours} colours, {100 * ink:.1f} % ink, {sheets} sheets of paper"


TESTS = (
    *(well_formed, every_figure, hostile, verdict, checks, offsets, counters, time_line, cost),
    *(truncated, fuzzed, errors, options, whole_run, timed_out, interrupted, in_browser, picture),
)


def main():
    out, wanted, failed = os.path.abspath(sys.argv[1]), sys.argv[2:], 0
    for test in TESTS:
        name = test.__name__.replace("_", "-")
        if wanted and name not in wanted:
            continue
        try:
            print(f"PASS page.{name}: {test(out)}", flush=True)
        except Skipped as why:
            print(f"SKIP page.{name}: {why}", flush=True)
        except (Wrong, OSError, subprocess.SubprocessError) as why:
            print(f"FAIL page.{name}: {why}", flush=True)
            failed = 1
        except Exception as why:  # pylint: disable=broad-except
            print(traceback.format_exc(), end="")
            print(f"FAIL page.{name}: {why!r}", flush=True)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main())
