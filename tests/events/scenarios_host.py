# SPDX-License-Identifier: 0BSD
"""What a host does to a guest: it pauses, saves, restores, migrates it, and moves its threads.

The numbers of known bugs are those of docs/known-bugs.md.
"""

import os
import re
import socket
import time

from guest import SHORTLY
from machine import FAILED, Machine, Skipped, guests
from scene import BY_PAGE, KVM, MOVABLE, TCG, scenario

WAIT = 20


@scenario(beside=True)
def pause_3s(scene):
    """stop, 3 s, cont: the clock stands still, the date does not (bugs 6, 20)."""
    guest = scene.guest()
    time.sleep(1)
    guest.look()
    guest.pause(3)
    guest.counted()
    guest.look()
    gap = guest.readers().gap_ns / 1e9
    if gap >= 3 and guests.PATIENCE > 1:
        raise Skipped(f"this machine is too busy: a reader did not run for {gap:.3f} s")
    scene.expect(gap < 3, f"the readers saw time go on by {gap:.3f} s at once")
    guest.look()
    scene.end(guest)


@scenario()
def pauses(scene):
    """Ten pauses in a row, each counted once on every vCPU's page (bug 20)."""
    guest = scene.guest(("--accel", "kvm", "--smp", "3"))
    for i in range(10):
        guest.pause(0.1 + 0.05 * i)
        guest.counted()
    guest.look()
    time.sleep(1)
    guest.look()
    scene.end(guest)


@scenario()
def pause_storm(scene):
    """1,000 pauses, 30 in a row: the date is right at once, no reader waits (bugs 6, 20)."""
    pauses, burst = 1000, 30
    guest = scene.guest(limit=180)
    began = time.monotonic()
    for i in range(1, pauses + 1):
        guest.pause(0.005 + 0.001 * (i * 7 % 20))
        # The guest runs for a little while; then its first date is asked for.
        if i % burst == 0:
            guest.look()
        else:
            time.sleep(0.002 + 0.004 * (i % 5))
    took = time.monotonic() - began
    guest.look()
    time.sleep(SHORTLY)
    # A pause before a vCPU has run since the last one is one with it.
    pages = guest.pages()
    scene.expect(
        all(0 < page["paused"] <= pauses and not page["flags"] & 2 for page in pages.values()),
        f"the pages after {pauses} pauses: {pages}",
    )
    wall = guest.value("dev.kvmclock.0.wall")
    scene.expect(" limited = 0," in wall, f"requests for the date had to wait: {wall}")
    counts = [page["paused"] for page in pages.values()]
    scene.say(f"{pauses} pauses in {took:.0f} s, counted {counts} times by vCPU")
    scene.say(guest.end())


@scenario(beside=True)
def advance(scene):
    """The other way: uptime goes on by the time that the guest was paused for."""
    guest = scene.guest(append=f"{BY_PAGE} dev.kvmclock.0.advance_paused=1")
    guest.advances = True
    guest.look()
    guest.pause(3)
    guest.counted()
    guest.look()
    gap = guest.readers().gap_ns / 1e9
    scene.expect(gap >= 2.9, f"the readers' longest gap is {gap:.3f} s: time did not go on")
    guest.pause(1)
    guest.counted()
    guest.look()
    scene.end(guest)


@scenario(beside=True)
def snapshot(scene):
    """savevm, 20 s, loadvm: time goes on from the snapshot, the date is right (bugs 21, 22)."""
    guest = scene.guest(MOVABLE, qemu=scene.disk())
    time.sleep(1)
    guest.look()
    saved = guest.save("now")
    guest.counted()
    guest.look()
    # Nobody needs to read while 20 s go by: this time is given up.
    guest.machine.qmp.execute("stop")
    time.sleep(WAIT)
    guest.load("now", saved)
    first = guest.look()
    guest.counted()
    time.sleep(1)
    guest.look()
    scene.say(f"{WAIT} s later the first date is right at uptime {first.uptime:.3f} s")
    scene.end(guest)


@scenario(beside=True)
def restore_disk(scene):
    """The snapshot of a QEMU process that has ended, 20 s later in a new one (bugs 21, 22)."""
    disk = scene.disk()
    guest = scene.guest(MOVABLE, qemu=disk)
    time.sleep(1)
    saved = guest.save("now")
    guest.machine.quit()
    time.sleep(WAIT)
    guest.reload("now", saved)
    guest.look()
    guest.counted()
    time.sleep(1)
    guest.look()
    scene.say(f"in a new process {WAIT} s later")
    scene.end(guest)


@scenario(beside=True)
def restore_file(scene):
    """The state lies in a file for 20 s, and goes on in a new QEMU process (bugs 21, 22)."""
    guest = scene.guest(MOVABLE)
    time.sleep(1)
    guest.look()
    stood = guest.migrate(gap=WAIT)
    guest.look()
    guest.counted()
    time.sleep(1)
    guest.look()
    scene.say(f"in a new process after {stood:.3f} s")
    scene.end(guest)


@scenario()
def migrate(scene):
    """Live, to a second QEMU process, over a UNIX socket (bugs 21, 22)."""
    guest = scene.guest(MOVABLE)
    time.sleep(1)
    guest.look()
    stood = guest.migrate()
    guest.look()
    guest.counted()
    time.sleep(1)
    guest.look()
    scene.say(f"down for {stood * 1e3:.0f} ms")
    scene.end(guest)


@scenario()
def migrate_ten(scene):
    """Ten live migrations, while the readers load every vCPU (bugs 20, 22)."""
    guest = scene.guest(MOVABLE, limit=150)
    stood = []
    for _ in range(10):
        stood.append(guest.migrate())
        guest.counted()
        guest.look()
    time.sleep(1)
    guest.look()
    scene.say(f"down for {min(stood) * 1e3:.0f} .. {max(stood) * 1e3:.0f} ms")
    scene.end(guest)


@scenario(beside=True)
def migrate_cancel(scene):
    """A migration that is given up: nothing has happened to the guest."""
    guest = scene.guest(MOVABLE)
    qmp = guest.machine.qmp
    # A sink that does not read keeps it active: QEMU 10 sends zero pages past the limit of a rate.
    sink = socket.socket(socket.AF_UNIX)
    sink.bind(f"{scene.directory}/sink")
    sink.listen(1)
    qmp.execute("migrate-set-parameters", max_bandwidth=10000)
    qmp.execute("migrate", uri=f"unix:{scene.directory}/sink")
    time.sleep(2)
    state = qmp.execute("query-migrate")
    scene.expect(state["status"] == "active", f"the migration is {state['status']}, not active")
    guest.look()
    qmp.execute("migrate_cancel")
    end = time.monotonic() + 20
    while qmp.execute("query-migrate")["status"] != "cancelled":
        scene.expect(time.monotonic() < end, "the migration was not cancelled")
        time.sleep(0.1)
    scene.expect(guest.machine.running(), "the guest does not run")
    time.sleep(1)
    guest.look()
    guest.counted()  # none
    scene.say(f"cancelled after {state['ram']['transferred'] >> 10} KiB")
    sink.close()
    scene.end(guest)


def _machine_check(scene, args, vcpu, reading):
    """The machine fails under the guest: it says what and where, and ends with status 1."""
    machine = Machine(scene.directory, args, BY_PAGE)
    try:
        machine.wait_for_shell()
        if reading:
            machine.console.command("readers on")
        # Valid, uncorrected, enabled, with an address; the interrupted program is lost.
        machine.qmp.human(f"mce {vcpu} 3 0xb400000000000134 0x4 0x12345000 0")
        status = machine.wait()
    finally:
        machine.kill()
    text = machine.console.log
    for pattern in (
        rf"vCPU {vcpu}: machine check \(vector 18\), error code 0x0, in ring",
        r"machine check: global status 0x4\b",
        r"bank 3: status 0xb400000000000134  address 0x12345000",
        rf"FAIL kernel\.alive: machine check on vCPU {vcpu}",
    ):
        scene.expect(re.search(pattern, text), f"status {status}, and nothing says {pattern!r}")
    scene.expect(status == FAILED, f"QEMU's status is {status}, not {FAILED}")
    scene.say(f"reported by vCPU {vcpu}, status {status}")


@scenario()
def machine_check(scene):
    """A machine check on vCPU 1, which reads in ring 3, is reported and ends the run (bug 57)."""
    _machine_check(scene, KVM, 1, True)


@scenario(needs="tcg")
def machine_check_tcg(scene):
    """A machine check on vCPU 0, which sleeps, likewise (bug 57)."""
    _machine_check(scene, TCG, 0, False)


@scenario()
def vcpu_moves(scene):
    """vCPU threads moved to and fro between the host's CPUs, 1,000 times."""
    cpus = sorted(os.sched_getaffinity(0))
    if len(cpus) == 1:
        raise Skipped("this process may use one CPU only: nothing can be moved")
    guest = scene.guest()
    threads = guest.machine.threads()
    arrived = 0
    for i in range(1000):
        thread, cpu = threads[i % len(threads)], cpus[i // len(threads) % len(cpus)]
        os.sched_setaffinity(thread, {cpu})
        time.sleep(0.005)
        arrived += _runs_on(guest, thread) == cpu
        if i % 250 == 249:
            guest.look()
    for thread in threads:
        os.sched_setaffinity(thread, cpus)
    scene.expect(arrived > 500, f"only {arrived} of 1000 moves were seen to have taken place")
    guest.counted()  # none
    scene.say(f"1000 moves over {len(cpus)} CPUs, {arrived} seen at once")
    scene.end(guest)


def _runs_on(guest, thread):
    """The host's CPU that a thread ran on last [proc(5)]."""
    with open(f"/proc/{thread}/stat", encoding="ascii") as file:
        return int(file.read().rpartition(")")[2].split()[36])
