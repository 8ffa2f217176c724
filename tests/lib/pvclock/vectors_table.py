#!/usr/bin/env python3
# SPDX-License-Identifier: 0BSD
"""Usage: vectors_table.py FOLDER >vectors_table.h    the vectors of the folder as tables of vectors_test.c"""

import json
import os
import sys

STATUS = {"ok": "OK", "clamped": "CLAMPED", "not ready": "NOT_READY", "busy": "BUSY", "bad scale": "BAD_SCALE",
          "overflow": "OVERFLOW", "bad value": "BAD_VALUE"}


def load(name):
    with open(os.path.join(sys.argv[1], name + ".json"), encoding="utf-8") as file:
        return json.load(file)


def status(vector):
    return "PVCLOCK_" + STATUS[vector["status"]]


def u64(value, default=2**64 - 1):
    return f"UINT64_C({default if value is None else value})"


def string(text):
    return json.dumps(text)


def page(p):
    return "{%d, 0, %s, %s, %du, %d, %d, {0}}" % (p["version"], u64(p["tsc_timestamp"]), u64(p["system_time"]), p["mul"],
                                                  p["shift"], p["flags"])


def bits(value):
    return "true" if value else "false"


def table(kind, name, rows):
    print(f"static const struct {kind} {name}[] = {{")
    for row in rows:
        print("    {" + ", ".join(str(cell) for cell in row) + "},")
    print("};\n")


def read_row(v, first):
    date = v.get("date", v)
    return [string(v["name"]), page(v["page"]), u64(v["tsc"]), u64(v.get("base", 0)), status(v), u64(v.get("ns")),
            v.get("version", 0), v.get("flags", 0), status(date), u64(date.get("sec")), date.get("nsec", 0), first,
            len(v.get("changes", []))]


def main():
    changes, rows = [], []
    for v in load("pages") + load("updates"):
        rows.append(read_row(v, len(changes)))
        now = dict(v["page"], tsc=v["tsc"])
        for change in v.get("changes", []):
            now.update(change)
            changes.append([change["try"], "AT_" + change["at"].upper(), page(now), u64(now["tsc"])])
    print("/* Made by vectors_table.py. */")
    table("change", "changes", changes)
    table("read_vector", "reads", rows)
    table("vcpu_vector", "vcpus", ([string(v["name"]), "{" + ", ".join(map(page, v["pages"])) + "}", v["aux_mask"],
                                    f"{v['hint']}u", v["aux"], u64(v["tsc"]), status(v), u64(v["ns"]), v["hint_after"]]
                                   for v in load("vcpus")))
    table("guard_vector", "guards", ([int(n == 0), u64(s["ns"]), u64(s["rival"]), u64(s["out"])]
                                     for v in load("guard") for n, s in enumerate(v["steps"])))
    values = load("values")
    table("frequency_vector", "frequencies", ([f"{v['mul']}u", v["shift"], status(v), u64(v.get("hz", 0))]
                                              for v in values["frequency"]))
    table("scale_vector", "scales", ([u64(v["hz"]), status(v), f"{v.get('mul', 0)}u", v.get("shift", 0)]
                                     for v in values["scale"]))
    table("deadline_vector", "deadlines", ([page(v["page"]), u64(v["ns"]), status(v), u64(v["tsc"])]
                                           for v in values["deadline"]))
    table("wall_vector", "walls", (["{%du, %du, %du}" % (v["version"], v["sec"], v["nsec"]), status(v), u64(v.get("epoch"))]
                                   for v in values["wall"]))
    table("placement_vector", "placements", ([u64(v["address"]), v["size"], status(v)] for v in values["placement"]))
    table("clean_vector", "cleans", ([v["dirty"], v["offset"], v["length"], bits(v["clean"])] for v in values["clean"]))
    table("stable_vector", "stables", ([f"{v['features']}u", v["flags"], bits(v["stable"])] for v in values["stable"]))
    table("stopped_vector", "stoppeds", ([v["flags"], bits(v["taken"]), v["after"]] for v in values["stopped"]))
    leaves, hosts = [], []
    for v in load("hosts"):
        hosts.append([string(v["name"]), len(leaves), len(v["cpuid"]), status(v),
                      "{%s}" % ", ".join(f"{v[k]}u" for k in ("base", "features", "tsc_khz", "msr_system_time", "msr_wall_clock"))])
        leaves += [[f"{leaf}u", "{%s}" % ", ".join(f"{r}u" for r in registers)] for leaf, registers in v["cpuid"].items()]
    table("leaf", "leaves", leaves)
    calls, writes = [], []
    for v in load("registration"):
        for n, c in enumerate(v["calls"]):
            calls.append([string(v["name"]), int(n == 0), "CALL_" + c["call"].upper(), u64(c["physical"]), bits(c["faults"]),
                          bits(c["writes_page"]), f"{c.get('sec', 0)}u", status(c), u64(c.get("epoch")), len(writes),
                          len(c["writes"])])
            writes += [[f"{msr}u", u64(value)] for msr, value in c["writes"]]
    table("msr_write", "msr_writes", writes)
    table("call_vector", "calls", calls)
    table("host_vector", "hosts", hosts)
    table("clock_step", "clock_steps", (
        [string(v["name"]), int(n == 0), f"{v['features']}u", u64(v["hz"]), u64(v["tsc"]), "STEP_" + kind.upper(), s[kind],
         page(s["page"]) if kind == "write" else "{0}", u64(s.get("tsc", 0)), u64(s.get("ns", 0)), bits(s.get("held"))]
        for v in load("clock") for n, s in enumerate(v["steps"]) for kind in s if kind in ("write", "attach", "read")))


main()
