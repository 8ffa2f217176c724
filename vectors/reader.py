#!/usr/bin/env python3
# SPDX-License-Identifier: 0BSD
"""A reader of the page in Python, run against pages.json and updates.json as a port in any language would be."""

import json
from pathlib import Path


def read(begin, middle, end, tries=1000):
    """Each of the three looks at the host at that point of a try: (page, tsc). Returns (status, ns, flags)."""
    for number in range(1, tries + 1):
        version = begin(number)[0]["version"]
        page, tsc = middle(number)
        fields = {name: int(value) for name, value in page.items()}
        if version % 2 == 0 and end(number)[0]["version"] == version:
            break
    else:
        return "busy", None, None
    if version == 0 and fields["mul"] == 0:
        return "not ready", None, None
    if fields["mul"] == 0 or abs(fields["shift"]) > 31:
        return "bad scale", None, None
    delta = (tsc - fields["tsc_timestamp"]) % 2**64
    if delta > 2**63:
        return "clamped", fields["system_time"], fields["flags"]
    scaled = delta << fields["shift"] if fields["shift"] > 0 else delta >> -fields["shift"]
    ns = fields["system_time"] + (scaled * fields["mul"] >> 32)
    return ("ok", ns, fields["flags"]) if ns < 2**64 else ("overflow", None, None)


def run(vector):
    """Plays the host: a look sees what was changed before this point of this try."""
    points = ["begin", "middle", "end", "after"]

    def look(point, number):
        page, tsc = dict(vector["page"]), int(vector["tsc"])
        for change in vector.get("changes", []):
            if (change["try"], points.index(change["at"])) <= (number, point):
                page.update((name, value) for name, value in change.items() if name in page)
                tsc = int(change.get("tsc", tsc))
        return page, tsc

    return read(*(lambda number, point=point: look(point, number) for point in range(3)))


if __name__ == "__main__":
    count = wrong = 0
    for file in ("pages.json", "updates.json"):
        for vector in json.loads((Path(__file__).parent / file).read_text(encoding="utf-8")):
            status, ns, flags = run(vector)
            count += 1
            if (status, ns, flags) != (vector["status"], int(vector["ns"]) if "ns" in vector else None, vector.get("flags")):
                wrong += 1
                print(f"{vector['name']}: {status} {ns} {flags}")
    print(f"{count} vectors, {wrong} wrong")
    raise SystemExit(wrong > 0 or count < 400)
