#!/usr/bin/env python3
# SPDX-License-Identifier: 0BSD
"""Write the vectors: inputs with the right answers, for a port of lib/pvclock in any language.

The answers come from exact integers and the rules of docs/abi.md, not from the library. docs/vectors.md
says what each file means.

Usage: make.py [--check]   --check: write nothing; status 1 if a file differs from what would be written
"""

import json
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
U64 = 1 << 64
SECOND = 10**9
DAY = 86400 * SECOND
# From 2.596 GHz, as KVM computes it, with shift -1; and with shift 0 two cycles are 1 ns.
MUL_2596 = 3308828644
MUL_HALF = 1 << 31


def big(value):
    """64 bits are a string: not every reader of JSON has integers of that size."""
    return str(value)


def page(version=2, tsc_timestamp=0, system_time=0, mul=MUL_HALF, shift=0, flags=0):
    return dict(version=version, tsc_timestamp=big(tsc_timestamp), system_time=big(system_time),
                mul=mul, shift=shift, flags=flags)


def read(p, tsc):
    """The status, and the time if there is one, of a page that does not change."""
    if p["version"] % 2:
        return "busy", None
    if p["version"] == 0 and p["mul"] == 0:
        return "not ready", None
    if p["mul"] == 0 or not -31 <= p["shift"] <= 31:
        return "bad scale", None
    start, delta = int(p["system_time"]), (tsc - int(p["tsc_timestamp"])) % U64
    if delta > 1 << 63:
        return "clamped", start
    delta = delta >> -p["shift"] if p["shift"] < 0 else delta << p["shift"]
    ns = start + (delta * p["mul"] >> 32)
    return ("ok", ns) if ns < U64 else ("overflow", None)


def answer(p, tsc, base=0):
    status, ns = read(p, tsc)
    out = dict(status=status, version=p["version"])
    if ns is not None:
        out.update(ns=big(ns), flags=p["flags"])
    if ns is not None and ns + base < U64:
        out["date"] = dict(status=status, sec=big((ns + base) // SECOND), nsec=(ns + base) % SECOND)
    else:
        out["date"] = dict(status="overflow" if ns is not None else status)
    return out


# ---- pages.json ----------------------------------------------------------------------------------


def pages():
    vectors = []

    def add(name, tsc, base=0, **fields):
        p = page(**fields)
        vectors.append(dict(name=name, page=p, tsc=big(tsc), base=big(base), **answer(p, tsc, base)))

    for shift in range(-33, 34):
        corner = shift in (-32, -31, -30, -2, -1, 0, 1, 2, 30, 31, 32)
        for mul in (1, MUL_HALF, 2**32 - 1) if corner else (MUL_2596,):
            for delta in (0, 1, 2**31 + 1, 2**32, 10**12 + 7, 2**63 - 1, 2**63) if corner else (2**33 + 1, 10**12 + 7):
                add(f"shift {shift}, multiplier {mul}, {delta} cycles", 12345 + delta,
                    tsc_timestamp=12345, system_time=DAY + 999999999, mul=mul, shift=shift)
    for shift in (-128, -64, -32, 32, 64, 127):
        add(f"shift {shift}", 5000, shift=shift)
    for shift in (-1, 0, 1):
        add(f"multiplier 0, shift {shift}", 5000, mul=0, shift=shift)
    add("never written", 5000, version=0, mul=0, shift=0)
    add("never written, but for system time", 5000, version=0, mul=0, system_time=77)
    add("the version has wrapped to 0", 5000, version=0)
    for version in (2, 4, 2**31, 2**32 - 2):
        add(f"version {version}", 5000, version=version)
    for version in (1, 3, 2**31 + 1, 2**32 - 1):
        add(f"odd version {version}", 5000, version=version)
    for flags in (1, 2, 3, 4, 128, 254, 255):
        add(f"flags {flags}", 5000, flags=flags)
    for back in (1, 2, 1000, 2**32, 2**63 - 1):
        add(f"the TSC is {back} below the timestamp", (10**6 - back) % U64, tsc_timestamp=10**6,
            system_time=DAY)
    add("the TSC has wrapped since the timestamp", 99, tsc_timestamp=U64 - 1, system_time=DAY)
    add("half the range since a timestamp near its end", 2**63 - 2, tsc_timestamp=U64 - 2)
    for system_time in (0, 1, 999999999, SECOND, DAY, 2**32 * SECOND, 2**63 - 1, 2**63, U64 - 5001, U64 - 1):
        add(f"system time {system_time}", 5000, system_time=system_time)
    for base in (0, 1, SECOND - 1, 1700000000 * SECOND, 2**32 * SECOND - 1, 2**63, U64 - 5001, U64 - 5000, U64 - 1):
        add(f"base {base}", 5000, base=base)
        add(f"base {base}, before the timestamp", 5000, base=base, tsc_timestamp=6000, system_time=4000)
    # Gaps: a product of 64 bits wraps every 4.295 s, a delta of 32 bits every 1.65 s.
    for seconds in (1, 2, 4, 5, 10, 3600, 400 * 86400, 100 * 365 * 86400):
        cycles = seconds * 2596000000
        add(f"{seconds} s at 2.596 GHz", cycles + 17, tsc_timestamp=17, system_time=DAY, mul=MUL_2596, shift=-1)
    # The bits that a negative shift drops are dropped before the multiplication.
    for shift in (-1, -2, -4):
        for delta in range(1, 20):
            add(f"low bits, shift {shift}, {delta} cycles", delta, mul=2**32 - 1, shift=shift)
    return vectors


# ---- updates.json --------------------------------------------------------------------------------


def updates():
    """A host that writes while a reader reads; the answer is that of the state that stood still."""
    vectors = []

    def add(name, first, tsc, changes, busy=False, stays=False):
        last = dict(first)
        last_tsc = tsc
        for change in changes:
            last.update({key: value for key, value in change.items() if key not in ("try", "at", "tsc")})
            last_tsc = int(change.get("tsc", last_tsc))
        if busy:
            out = dict(status="busy")
        else:
            out = answer(first, tsc) if stays else answer(last, last_tsc)
        vectors.append(dict(name=name, page=first, tsc=big(tsc), changes=changes, **out))

    def change(number, at, **fields):
        return {"try": number, "at": at, **{k: big(v) if k in ("tsc_timestamp", "system_time", "tsc") else v
                                            for k, v in fields.items()}}

    old = page(version=2, tsc_timestamp=1000, system_time=DAY)
    new = dict(tsc_timestamp=500000, system_time=DAY + 10 * SECOND)
    add("nothing changes", old, 5000, [])
    add("versions 2, 3, 3", old, 5000, [change(1, "end", version=3), change(2, "end", version=4, **new, tsc=500100)])
    add("versions 2, 3, then 4", old, 5000, [change(1, "middle", version=3), change(2, "begin", version=4, **new, tsc=500100)])
    for at in ("middle", "end"):
        add(f"a whole update before the {at}", old, 5000, [change(1, at, version=4, **new, tsc=500100)])
    add("fields change under an odd version that stays", dict(old, version=3), 5000,
        [change(1, "middle", system_time=DAY + 5), change(2, "middle", system_time=DAY + 6)], busy=True)
    add("odd three times, then even", dict(old, version=3), 5000, [change(4, "begin", version=4)])
    add("two equal odd versions", dict(old, version=5, system_time=big(99)), 5000,
        [change(2, "begin", version=6, system_time=DAY)])
    add("torn: the timestamp alone is new", old, 500100,
        [change(1, "middle", version=3, tsc_timestamp=500000), change(2, "begin", version=4, system_time=DAY + 10 * SECOND)])
    add("torn: system time alone is new", old, 5000,
        [change(1, "middle", version=3, system_time=DAY + 10 * SECOND),
         change(2, "begin", version=4, tsc_timestamp=500000, tsc=500100)])
    add("the version wraps during a read", dict(old, version=2**32 - 2), 5000,
        [change(1, "middle", version=2**32 - 1), change(1, "end", version=0), change(2, "begin", tsc=6000)])
    add("the TSC is read between the versions", old, 5000, [change(1, "middle", tsc=7000)])
    add("an update when all has been read", old, 5000, [change(1, "after", version=4, **new, tsc=500100)], stays=True)
    add("ten updates, one a try", old, 5000,
        [change(n, "end", version=2 + 2 * n, system_time=DAY + n * SECOND, tsc=5000 + n) for n in range(1, 11)])
    add("written at last", dict(old, version=0, mul=0), 5000, [change(1, "end", version=2, mul=MUL_HALF)])
    add("the multiplier goes to 0", old, 5000, [change(1, "end", version=4, mul=0)])
    add("the frequency changes", old, 5000, [change(1, "middle", version=4, mul=MUL_2596, shift=-1, tsc=6001)])
    add("STABLE goes away", dict(old, flags=1), 5000, [change(1, "end", version=4, flags=0)])
    add("paused", old, 5000, [change(1, "middle", version=4, flags=2)])
    return vectors


# ---- vcpus.json ----------------------------------------------------------------------------------


def vcpus():
    """A thread with a hint of its vCPU; the TSC is read together with the number of the real one."""
    vectors = []
    three = [page(system_time=n * SECOND) for n in range(3)]
    for hint in (0, 1, 2, 3, 2**32 - 1):
        for aux in (0, 1, 2, 3, 0x1002, 0x1005):
            cpu = aux & 0xfff
            out = answer(three[cpu], 5000) if cpu < 3 else dict(status="bad value")
            vectors.append(dict(name=f"hint {hint}, IA32_TSC_AUX {aux:#x}", pages=three, aux_mask=0xfff, hint=hint,
                                aux=aux, tsc=big(5000), status=out["status"], ns=out.get("ns"), hint_after=cpu))
    return vectors


# ---- guard.json ----------------------------------------------------------------------------------


def guard():
    """Readings in order, and what the guard makes of each. `rival`: what another thread stores in the
    guard after this one has looked at it and before it swaps."""
    vectors = []
    for name, readings in {
        "forwards": [(1, 0), (2, 0), (2, 0), (10**18, 0)],
        "back": [(SECOND, 0), (SECOND - 1, 0), (0, 0), (SECOND + 1, 0)],
        "past 32 bits": [(2**32 - 1, 0), (2**32, 0), (2**32 + 5, 0), (5, 0), (2**33, 0), (2**32 + 6, 0)],
        "a rival is faster": [(10, 20), (15, 0), (30, 0), (25, 40)],
        "a rival is slower": [(50, 0), (70, 60), (65, 0)],
    }.items():
        last, steps = 0, []
        for ns, rival in readings:
            rival = rival if last < ns else 0  # nobody swaps who does not go forward
            last = max(last, ns, rival)
            steps.append(dict(ns=big(ns), rival=big(rival), out=big(last)))
        vectors.append(dict(name=name, steps=steps))
    return vectors


# ---- values.json ---------------------------------------------------------------------------------


def frequency():
    vectors = []
    for mul in (0, 1, 2, 3, 1000, MUL_HALF - 1, MUL_HALF, MUL_HALF + 1, MUL_2596, 2**32 - 1):
        for shift in (-32, -31, -30, -4, -2, -1, 0, 1, 2, 8, 16, 30, 31, 32):
            vector = dict(mul=mul, shift=shift)
            if mul == 0 or not -31 <= shift <= 31:
                vector["status"] = "bad scale"
            else:
                hz = ((SECOND << (32 - shift)) * 2 + mul) // (2 * mul)
                vector.update(dict(status="ok", hz=big(hz)) if hz < U64 else dict(status="overflow"))
            vectors.append(vector)
    return vectors


def scale_of(hz):
    """KVM's way: the frequency is halved or doubled until it is above 10^9 and at most 2 * 10^9."""
    shift = 0
    while hz > 2 * SECOND:
        hz, shift = hz >> 1, shift - 1
    while hz <= SECOND:
        hz, shift = hz << 1, shift + 1
    return dict(mul=(SECOND << 32) // hz, shift=shift)


def scale():
    vectors = []
    for hz in (0, 1, 2, 999, 32768, 3579545, 10**9 - 1, 10**9, 10**9 + 1, 2 * 10**9, 2 * 10**9 + 1, 2596000000,
               2596123457, 4294967296, 4294967297, 5 * 10**9, 10**13 + 1, 4 * 10**18, 4 * 10**18 + 1, U64 - 1):
        vector = dict(hz=big(hz))
        vector.update(dict(status="ok", **scale_of(hz)) if 1 <= hz <= 4 * 10**18 else dict(status="bad value"))
        vectors.append(vector)
    return vectors


def deadline():
    """The first TSC at which a page's time is ns or later."""
    vectors = []
    for mul, shift in ((MUL_HALF, 1), (MUL_2596, -1), (1, -31), (2**32 - 1, -31), (1, 31), (2**32 - 1, 31), (0, 0), (1, 32)):
        for ns in (0, DAY - 1, DAY, DAY + 1, DAY + 2, DAY + SECOND, DAY + 400 * DAY, U64 - 1):
            p = page(tsc_timestamp=10**6, system_time=DAY, mul=mul, shift=shift)
            vector = dict(page=p, ns=big(ns))
            if mul == 0 or not -31 <= shift <= 31:
                vector.update(status="bad scale", tsc=big(U64 - 1))
            elif ns < DAY:
                vector.update(status="clamped", tsc=big(10**6))
            else:
                # (delta' << up) * mul >= (ns - start) << 32 for the least delta', then the bits dropped are 0.
                least = -(-((ns - DAY) << 32) // (mul << max(shift, 0)))
                cycles = least << max(-shift, 0)
                if cycles > 1 << 63:
                    vector.update(status="overflow", tsc=big(U64 - 1))
                else:
                    vector.update(status="ok", tsc=big((10**6 + cycles) % U64))
            vectors.append(vector)
    return vectors


def wall():
    vectors = []
    for version in (0, 1, 2, 3, 2**32 - 2, 2**32 - 1):
        for sec, nsec in ((0, 0), (1, 0), (0, 1), (1700000000, 999999999), (2**32 - 1, 0), (5, 10**9), (5, 2**32 - 1)):
            vector = dict(version=version, sec=sec, nsec=nsec)
            if version % 2:
                vector["status"] = "busy"
            elif version == sec == nsec == 0:
                vector["status"] = "not ready"
            elif nsec >= SECOND:
                vector["status"] = "bad value"
            else:
                vector.update(status="ok", epoch=big(sec * SECOND + nsec))
            vectors.append(vector)
    return vectors


def placement():
    """4096 bytes are a page; the host ignores a structure that crosses one."""
    return [dict(address=big(address), size=size,
                 status="ok" if address % 4 == 0 and 0 < size and address % 4096 + size <= 4096 else "bad value")
            for address in (0, 1, 2, 3, 4, 4060, 4064, 4068, 4080, 4084, 4092, 4096, 2**40 + 4064, 2**40 + 4068, U64 - 32)
            for size in (0, 12, 32, 4096, 4097)]


def clean():
    """A page of 4096 bytes, 0 but for the byte at `dirty` (-1: none), of which `length` at `offset` are used."""
    return [dict(dirty=dirty, offset=offset, length=32, clean=dirty < 0 or offset <= dirty < offset + 32)
            for offset in (0, 64, 4064) for dirty in (-1, 0, 31, 32, 63, 64, 95, 96, 4063, 4064, 4095)]


def stable():
    return [dict(features=features, flags=flags, stable=features >> 24 & 1 == 1 and flags & 1 == 1)
            for features in (0, 1 << 3, 1 << 24, 1 << 24 | 9, 2**32 - 1) for flags in (0, 1, 2, 3, 254, 255)]


def stopped():
    return [dict(flags=flags, taken=flags & 2 == 2, after=flags & ~2) for flags in range(256)]


def hosts():
    """CPUID leaves (others are 0), and what is found there."""
    kvm = [0x4b4d564b, 0x564b4d56, 0x4d]
    one = {"1": [0, 0, 1 << 31, 0]}

    def at(base, eax, features, khz=None):
        leaves = {**one, str(base): [eax] + kvm, str(base + 1): [features, 0, 0, 0]}
        if khz is not None:
            leaves[str(base + 0x10)] = [khz, 0, 0, 0]
        return leaves

    new, old = (0x4b564d01, 0x4b564d00), (0x12, 0x11)
    first = 0x40000000
    vectors = []
    for name, leaves, base, features, khz, msrs in (
        ("no hypervisor", {str(first): [first + 1] + kvm, str(first + 1): [9, 0, 0, 0]}, 0, 0, 0, None),
        ("another hypervisor", {**one, str(first): [first + 1, 1, 2, 3]}, 0, 0, 0, None),
        ("both pairs", at(first, first + 1, 1 << 24 | 9), first, 1 << 24 | 9, 0, new),
        ("the new pair", at(first, first + 1, 8), first, 8, 0, new),
        ("the old pair", at(first, first + 1, 1), first, 1, 0, old),
        ("no clock", at(first, first + 1, 1 << 24), first, 1 << 24, 0, None),
        ("highest leaf 0 means base + 1", at(first, 0, 9, 5), first, 9, 0, new),
        ("a frequency", at(first, first + 0x10, 9, 2596000), first, 9, 2596000, new),
        ("behind another's leaves", at(first + 0x100, first + 0x101, 9), first + 0x100, 9, 0, new),
        ("at the last base", at(first + 0xff00, first + 0xff10, 9, 7), first + 0xff00, 9, 7, new),
        ("past the last base", at(first + 0x10000, first + 0x10001, 9), 0, 0, 0, None),
    ):
        vectors.append(dict(name=name, cpuid=leaves, status="ok" if msrs else "not ready", base=base, features=features,
                            tsc_khz=khz, msr_system_time=msrs[0] if msrs else 0, msr_wall_clock=msrs[1] if msrs else 0))
    return vectors


# ---- registration.json ---------------------------------------------------------------------------


def registration():
    """Calls in order on one vCPU, and the MSRs that they write: [number, value]. `faults`: WRMSR does.
    `writes_page`: the host writes the structure. The wall clock is what the host writes at that call."""
    system, wall_msr = 0x4b564d01, 0x4b564d00

    def enable(physical, status, writes, faults=False, writes_page=True):
        return dict(call="enable", physical=big(physical), faults=faults, writes_page=writes_page, status=status,
                    writes=[[system, big(value)] for value in writes])

    def disable(status, writes, faults=False):
        return dict(call="disable", physical=big(0), faults=faults, writes_page=False, status=status,
                    writes=[[system, big(value)] for value in writes])

    def date(physical, sec, status, faults=False):
        out = dict(call="wall", physical=big(physical), faults=faults, writes_page=True, status=status, sec=sec,
                   writes=[[wall_msr, big(physical)]] if physical % 4096 <= 4084 else [])
        return dict(out, epoch=big(sec * SECOND)) if status == "ok" else out

    at = 0x123456000
    return [
        dict(name="on and off", calls=[enable(at, "ok", [at | 1]), disable("ok", [0]), disable("ok", [])]),
        dict(name="off without on", calls=[disable("ok", [])]),
        dict(name="the page stays dead", calls=[enable(at, "not ready", [at | 1, 0], writes_page=False), disable("ok", [])]),
        dict(name="WRMSR faults", calls=[enable(at, "not ready", [at | 1], faults=True), disable("ok", [])]),
        dict(name="off faults, then works", calls=[enable(at + 64, "ok", [at + 64 | 1]), disable("not ready", [0], faults=True),
                                                  disable("ok", [0]), disable("ok", [])]),
        dict(name="across a page", calls=[enable(at + 4068, "bad value", []), disable("ok", [])]),
        dict(name="at the end of a page", calls=[enable(at + 4064, "ok", [at + 4064 | 1])]),
        dict(name="not aligned", calls=[enable(at + 2, "bad value", [])]),
        dict(name="the date is asked for each time", calls=[date(at + 32, 1700000000, "ok"), date(at + 32, 1700000005, "ok"),
                                                            date(at + 32, 1600000000, "ok")]),
        dict(name="the date across a page", calls=[date(at + 4088, 5, "bad value")]),
        dict(name="the date faults", calls=[date(at, 5, "not ready", faults=True)]),
    ]


# ---- clock.json ----------------------------------------------------------------------------------

WINDOW = 1 << 18
STABLE, FEATURE_STABLE = 1, 1 << 24


class Clock:
    """The clock of one thread that runs on one vCPU after the other: uptime as clock.h promises it."""

    def __init__(self, features, hz, tsc):
        self.features, self.base, self.guard = features, None, 0
        self.early = page(tsc_timestamp=tsc, **(scale_of(hz) if hz else dict(mul=0)))
        self.pages, self.seen = {}, {}

    @staticmethod
    def time(p, tsc):
        ns = read(p, tsc)[1]
        return int(p["system_time"]) if ns is None else ns

    def is_stable(self, p):
        return bool(self.features & FEATURE_STABLE) and bool(p["flags"] & STABLE)

    def latest(self, tsc):
        """What may have been returned up to now: of each vCPU up to the end of the window that was noted."""
        return max([self.time(p, min(tsc, start + WINDOW)) + self.base for p, start, _ in self.seen.values()
                    if self.is_stable(p)], default=0)

    def passed_guard(self, ns):
        held, self.guard = self.guard > ns, max(self.guard, ns)
        return self.guard, held

    def read(self, cpu, tsc):
        if cpu not in self.pages:
            return self.passed_guard(self.time(self.early, tsc))
        p = self.pages[cpu]
        ns = read(p, tsc)[1]
        if self.base is None:
            self.base = self.time(self.early, tsc) - ns
        ns = max(ns + self.base, 0)
        seen, start, guard = self.seen.get(cpu, (None, None, None))
        is_known = seen == p and guard == self.guard and ns >= guard and 0 <= tsc - start < WINDOW
        if self.is_stable(p) and is_known:
            return ns, False
        if seen != p:
            floor = self.latest(tsc)
            if not self.is_stable(p) or floor > ns:
                self.guard = max(self.guard, floor)
        self.seen[cpu] = dict(p), max(tsc, start) if seen == p and self.is_stable(p) else tsc, self.guard
        return self.passed_guard(ns) if not self.is_stable(p) or ns < self.guard else (ns, False)


def clock():
    vectors = []
    hz = 2 * 10**9

    def play(name, *steps, features=FEATURE_STABLE, hz=hz, tsc=10**9):
        """Steps: ("write", cpu, page), ("attach", cpu), ("read", cpu, tsc)."""
        model, pages, out = Clock(features, hz, tsc), [page(version=0, mul=0)] * 2, []
        for kind, cpu, *what in steps:
            if kind == "write":
                pages[cpu] = dict(page(**what[0]), version=pages[cpu]["version"] + 2)
                out.append(dict(write=cpu, page=pages[cpu]))
                if cpu in model.pages:
                    model.pages[cpu] = pages[cpu]
            elif kind == "attach":
                model.pages[cpu] = pages[cpu]
                out.append(dict(attach=cpu))
            else:
                ns, held = model.read(cpu, what[0])
                out.append(dict(read=cpu, tsc=big(what[0]), ns=big(ns), held=held))
        vectors.append(dict(name=name, features=features, hz=big(hz), tsc=big(tsc), steps=out))

    def at(tsc, ns, flags=STABLE):
        """The host's clock is `ns` at `tsc`, and counts every second cycle."""
        return dict(tsc_timestamp=tsc, system_time=ns, mul=2**32 - 1, shift=-1, flags=flags)

    def both(tsc, ns, flags=STABLE, ahead=0):
        return ("write", 0, at(tsc, ns, flags)), ("write", 1, at(tsc, ns + ahead, flags))

    def reads(start, *cpus, step=1000):
        return [("read", cpu, start + n * step) for n, cpu in enumerate(cpus)]

    s, attach = 10**9, (("attach", 0), ("attach", 1))
    play("before there is a structure", *reads(s, 0, 1, 0, step=10**8))
    play("the first structure is no step", *reads(s + 10, 0), *both(s + 5000, DAY), *attach, *reads(s + 9000, 0, 1, 0, 1))
    play("without a frequency time begins with the structure", *reads(s, 0, 1), *both(s + 5000, DAY), *attach,
         *reads(s + 10**6, 0, 1, 0, step=10**6), hz=0)
    play("only one vCPU has a structure", ("write", 0, at(s, DAY)), attach[0], *reads(s + 100, 0, 0, 0, step=10**6))
    begun = (*both(s, DAY), *attach, *reads(s + 1000, 0, 1, 0, 1))
    play("through many windows", *begun, *reads(s + 10**6, 0, 1, 1, 0, 0, step=WINDOW - 1), *reads(s + 10**8, 1, 0, step=WINDOW))
    pause = s + 2 * 10**9
    play("a pause, of which the host's clock counts nothing", *begun, ("write", 1, at(pause, DAY + 4000)), *reads(pause + 10, 1),
         ("write", 0, at(pause, DAY + 4000)), *reads(pause + 200, 0, 1), *reads(pause + 10**6, 0, 1, step=10**6))
    play("a pause within the window counts up to its end", *begun, ("write", 1, at(pause, DAY + 2000)),
         *reads(pause + 10, 1, 1, step=WINDOW), ("write", 0, at(pause, DAY + 2000)), *reads(pause + 3 * WINDOW, 0, 1, step=10**5))
    play("a restore: the host's clock goes on", *begun, *both(pause, DAY + 10**12), *reads(pause + 10, 1, 0, 1, 0))
    for back in (1000, SECOND):
        play(f"the host's clock steps back by {back}", *begun, *reads(s + 10**6, 0, 1), *both(s + 2 * 10**6, DAY + 10**6 - back),
             *reads(s + 2 * 10**6 + 10, 0, 1, 0), *reads(s + 3 * 10**6, 1, 0, step=10**6), *reads(s + 5 * 10**9, 0, 1, 0))
    play("set back to before uptime 0", *begun, *both(s + 2 * 10**6, 5), *reads(s + 2 * 10**6 + 10, 0, 1), *reads(s + 10**10, 0, 1))
    apart = (*both(s, DAY, 0, ahead=700), *attach)
    play("without STABLE one vCPU is ahead", *apart, *reads(s + 1000, 1, 0, 0, 1, 0), *reads(s + 4000, 0, 0, step=10**6))
    play("STABLE is not announced", *both(s, DAY, STABLE, ahead=700), *attach, *reads(s + 1000, 1, 0, 0, 1, 0), features=0)
    play("STABLE is taken away", *begun, *both(s + 10**6, DAY + 499000, 0, ahead=-900), *reads(s + 10**6 + 10, 1, 0, 1),
         *reads(s + 2 * 10**6, 1, 0, 1))
    play("STABLE comes back", *apart, *reads(s + 1000, 1, 0), *both(s + 5000, DAY + 2500), *reads(s + 5100, 0, 1, 0, 1),
         *reads(s + 10**6, 0, 1))
    play("the TSC is below the timestamp", *begun, ("write", 0, at(s + 9000, DAY + 4500)), *reads(s + 8000, 0, 1, 0, step=500))
    return vectors


FILES = {
    "pages.json": pages,
    "updates.json": updates,
    "vcpus.json": vcpus,
    "guard.json": guard,
    "values.json": lambda: {f.__name__: f() for f in (frequency, scale, deadline, wall, placement, clean, stable, stopped)},
    "hosts.json": hosts,
    "registration.json": registration,
    "clock.json": clock,
}


def text_of(content):
    """A vector a line, so that a change is a line of a diff."""
    lines = lambda vectors: "[\n" + ",\n".join(json.dumps(v) for v in vectors) + "\n]"
    if isinstance(content, list):
        return lines(content) + "\n"
    return "{\n" + ",\n".join(f'"{key}": {lines(vectors)}' for key, vectors in content.items()) + "\n}\n"


def main():
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    stale = []
    for name, make in FILES.items():
        path, text = os.path.join(HERE, name), text_of(make())
        if check:
            with open(path, encoding="utf-8") as file:
                if file.read() != text:
                    stale.append(name)
        else:
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
    if stale:
        print("not what make.py writes: " + " ".join(stale))
        sys.exit(1)


if __name__ == "__main__":
    main()
