# SPDX-License-Identifier: 0BSD
"""The kernel's report, as both serial ports give it: is it well formed, and do the two agree?"""

import json
import re

CHECK = re.compile(r"^(PASS|FAIL|SKIP) ([^:]+): (.*)$")
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")

# What every record of a kind has at least, with its JSON type.  float stands for any number.
RECORDS = {
    "start": {},
    "vcpu": {"id": int, "mul": int, "shift": int, "flags": int, "tsc_hz": int},
    "timecounter": {"name": str, "quality": int, "selected": bool},
    "reader": {
        "vcpu": int,
        "reads": int,
        "cycles_per_read": float,
        "floor_cycles": float,
        "ratio": float,
        "syscall_ratio": float,
        "syscalls": int,
        "interrupts": int,
        "steps_back": int,
    },
    "check": {"name": str, "result": str, "detail": str},
    "end": {"passed": int, "failed": int, "skipped": int},
}


def checks_for_people(output):
    """The check lines of COM1 as (verdict, name, detail), in order."""
    return [m.groups() for m in map(CHECK.match, output.splitlines()) if m]


def _is(value, kind):
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def parse(data):
    """(complaints, records) of the bytes that COM2 gave, an object a line."""
    complaints, records = [], []
    if data and not data.endswith(b"\n"):
        complaints.append("the last JSON line does not end")
    for number, line in enumerate(data.splitlines(), 1):
        try:
            record = json.loads(line.decode("utf-8"))
        except ValueError as error:
            complaints.append(f"JSON line {number}: {error}: {line!r}")
            continue
        if not isinstance(record, dict) or not isinstance(record.get("record"), str):
            complaints.append(f"JSON line {number} is no object with a record: {line!r}")
            continue
        for key, kind in RECORDS.get(record["record"], {}).items():
            if not _is(record.get(key), kind):
                complaints.append(
                    f"JSON line {number}: {record['record']}.{key} is {record.get(key)!r}"
                )
        records.append(record)
    return complaints, records


def judge(data, output, whole, vcpus):
    """(complaints, facts): COM2's bytes against COM1's text.

    whole: the run was not cut short by a fault, so each vCPU has its records.
    """
    complaints, records = parse(data)
    of = {kind: [r for r in records if r["record"] == kind] for kind in RECORDS}
    facts = {"reads": sum(r.get("reads", 0) for r in of["reader"]), "counts": "no count"}

    said = checks_for_people(output)
    written = [(r.get("result"), r.get("name"), r.get("detail")) for r in of["check"]]
    if said != written:
        only = [c for c in said if c not in written] + [c for c in written if c not in said]
        complaints.append(f"COM1 and COM2 tell different checks: {only or 'in another order'}")

    tally = tuple(sum(c[0] == verdict for c in written) for verdict in ("PASS", "FAIL", "SKIP"))
    if len(of["end"]) != 1 or records[-1]["record"] != "end":
        complaints.append("the JSON does not end with one end record")
    elif tuple(of["end"][0].get(k) for k in ("passed", "failed", "skipped")) != tally:
        complaints.append(f"the end record {of['end'][0]} miscounts the checks: {tally}")
    counts = [m for m in map(COUNTS.match, output.splitlines()) if m]
    if len(counts) != 1 or tuple(map(int, counts[0].groups())) != tally:
        complaints.append(f"COM1's count is not that of the checks, {tally}")
    else:
        facts["counts"] = counts[0].group()

    if whole:
        if len(of["start"]) != 1:
            complaints.append(f"{len(of['start'])} start records")
        for kind, key in (("vcpu", "id"), ("reader", "vcpu")):
            ids = sorted(r.get(key, -1) for r in of[kind])
            if ids != list(range(vcpus)):
                complaints.append(f"{kind} records for vCPUs {ids}, expected {vcpus}")
        if sum(r.get("selected") is True for r in of["timecounter"]) != 1:
            complaints.append("not exactly one timecounter is selected")
        if any(r.get("syscalls") != 0 or r.get("steps_back") != 0 for r in of["reader"]):
            complaints.append("a reader entered the kernel, or saw time step back")
    return complaints, facts
