# SPDX-License-Identifier: 0BSD
"""The kernel's report, as both serial ports give it: is it well formed, and do the two agree?"""

import json
import re

CHECK = re.compile(r"^(PASS|FAIL|SKIP) ([^:]+): (.*)$")
COUNTS = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$")

STATES = ("good", "bad", "not judged")

# The schema of docs/report.md: what every record of a kind has, with its JSON type.  float stands
# for any number.
RECORDS = {
    "start": {
        "version": str,
        "protocol": str,
        "loader": str,
        "vcpus": int,
        "vcpus_possible": int,
        "vcpus_from": str,
        "x2apic": bool,
    },
    "hypervisor": {
        "signature": str,
        "base": int,
        "features": int,
        "feature_names": list,
        "kvmclock": bool,
        "msr_system_time": int,
        "msr_wall_clock": int,
        "stable": bool,
        "missing_because": str,
    },
    "vcpu": {
        "id": int,
        "apic_id": int,
        "version": int,
        "mul": int,
        "shift": int,
        "flags": int,
        "tsc_hz": int,
        "paused": int,
        "offset_known": bool,
        "offset_cycles": int,
        "offset_error": int,
    },
    "tsc_source": {
        "name": str,
        "hz": int,
        "ppm": int,
        "error_ppm": int,
        "chosen": bool,
        "confirms": bool,
        "refused": str,
    },
    "timecounter": {
        "name": str,
        "quality": int,
        "selected": bool,
        "frequency": int,
        "bits": int,
        "reason": str,
        "refused": str,
    },
    "no_timecounter": {"name": str, "reason": str},
    "windup": {
        "count": int,
        "promised_ns": int,
        "longest_ns": int,
        "late": int,
        "recovered_ns": int,
        "uncertainty_ns": int,
    },
    "crosscheck": {
        "name": str,
        "against": str,
        "elapsed_ns": int,
        "difference_ns": int,
        "uncertainty_ns": int,
        "ppb": int,
        "uncertainty_ppb": int,
        "wraps": int,
        "allowed_ppm": int,
        "deviates": bool,
    },
    "switch": {
        "from": str,
        "to": str,
        "uncertainty_ns": int,
        "step_ns": int,
        "step_error_ns": int,
        "held_ns": int,
        "judged": bool,
        "wrong": str,
    },
    "ticks": {
        "hz": int,
        "count": int,
        "stretched": int,
        "empty_us": int,
        "average_us": int,
        "worst_us": int,
    },
    "event": {
        "number": int,
        "uptime_ns": int,
        "kind": str,
        "vcpu": int,
        "length_ns": int,
        "step_ns": int,
        "text": str,
    },
    "wall": {"epoch_ns": int},
    "date": {"seconds": int, "utc": str, "source": str, "rtc_seconds": int},
    "reader": {
        "vcpu": int,
        "reads": int,
        "compared": int,
        "cycles_per_read": float,
        "floor_cycles": float,
        "ratio": float,
        "timespec_ratio": float,
        "gettime_ratio": float,
        "syscall_ratio": float,
        "ns_per_read": float,
        "syscalls": int,
        "interrupts": int,
        "faults": int,
        "steps_back": int,
        "worst_step_ns": int,
        "errors": int,
    },
    "bring_up": {
        "vcpus": int,
        "us": int,
        "us_each": int,
        "prepare_us": int,
        "start_us": int,
        "first_came_us": int,
        "register_us": int,
        "system_time_us": int,
    },
    "late": {
        "vcpu": int,
        "apic_id": int,
        "us": int,
        "alive": bool,
        "stable_before": bool,
        "stable_after": bool,
    },
    "check": {"name": str, "result": str, "detail": str},
    "verdict": {"state": str, "text": str},
    "end": {"passed": int, "failed": int, "skipped": int},
}


class Manual:
    """docs/report.md: is what is printed documented there?"""

    def __init__(self, text):
        self.rows = {}
        for line in text.splitlines():
            names = re.findall(r"`([^`]+)`", line)
            if line.startswith("| `") and names:
                self.rows.setdefault(names[0], set()).update(names[1:])
        # In a list of names, `.last` stands for what the name before it begins with.
        self.checks = set()
        for line in text.splitlines():
            stem = ""
            for name in re.findall(r"`([^`]+)`", line.split("|")[1] if "|" in line else ""):
                self.checks.add(stem + name if name.startswith(".") else name)
                stem = stem if name.startswith(".") else name.rpartition(".")[0]

    def complaints(self, records):
        """Members and checks that the manual does not name."""
        wrong = set()
        for record in records:
            kind = record["record"]
            if kind not in self.rows:
                wrong.add(f"docs/report.md has no record {kind}")
                continue
            for member in set(record) - {"record"} - self.rows[kind]:
                wrong.add(f"docs/report.md does not name {kind}.{member}")
            if kind == "check" and record.get("name") not in self.checks:
                wrong.add(f"docs/report.md does not name the check {record.get('name')}")
        return sorted(wrong)


def unwrap(output):
    """The output with each line whole: the kernel breaks what is longer than 80 columns."""
    whole, length = [], 0
    for line in output.splitlines():
        words = line.split()
        # Below a verdict what goes on is behind its word, elsewhere below the values.
        indent = 5 if whole and CHECK.match(whole[-1]) else 12
        more = line.startswith(" " * indent) and line[indent : indent + 1].strip()
        if words and more and length + 1 + len(words[0]) > 80:
            whole[-1] += " " + line.strip()
        else:
            whole.append(line)
        length = len(line)
    return "\n".join(whole) + "\n" * output.endswith("\n")


def checks_for_people(output):
    """The check lines of COM1 as (verdict, name, detail), in order."""
    return [m.groups() for m in map(CHECK.match, output.splitlines()) if m]


def _is(value, kind):
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, kind)


def _members(pairs):
    """An object of these members; two of one name are an error."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError(f"a member twice: {[name for name, _ in pairs]}")
    return members


def parse(data):
    """(complaints, records) of the bytes that COM2 gave, an object a line."""
    complaints, records = [], []
    if data and not data.endswith(b"\n"):
        complaints.append("the last JSON line does not end")
    for number, line in enumerate(data.splitlines(), 1):
        try:
            record = json.loads(line.decode("utf-8"), object_pairs_hook=_members)
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


def judge(data, output, manual, whole, vcpus):
    """(complaints, facts): COM2's bytes against COM1's text and the manual.

    whole: the run was not cut short by a fault, so each vCPU has its records.
    """
    complaints, records = parse(data)
    complaints += manual.complaints(records)
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
        verdicts = [f"Clock: {r.get('state')}. {r.get('text')}" for r in of["verdict"]]
        if len(verdicts) != 1 or of["verdict"][0].get("state") not in STATES:
            complaints.append(f"not one verdict: {verdicts}")
        elif output.splitlines()[-1] != verdicts[0]:
            complaints.append(f"COM1 does not end with the verdict: {verdicts[0]}")
        if sum(r.get("selected") is True for r in of["timecounter"]) != 1:
            complaints.append("not exactly one timecounter is selected")
        others = {r.get("name") for r in of["timecounter"] if not r.get("refused")} - {"dummy"}
        pairs = sorted((r.get("from"), r.get("to")) for r in of["switch"])
        if pairs != sorted((a, b) for a in others for b in others if a != b):
            complaints.append(f"switches {pairs}: not each pair of {sorted(others)} once")
        if any(r.get("syscalls") != 0 or r.get("steps_back") != 0 for r in of["reader"]):
            complaints.append("a reader entered the kernel, or saw time step back")
    return complaints, facts
