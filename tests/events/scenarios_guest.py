# SPDX-License-Identifier: 0BSD
"""What changes while the guest runs: its vCPUs, STABLE, the frequency, the driver.

The numbers of known bugs are those of docs/known-bugs.md.
"""

import time

from played import PlayedHost, memory
from scene import BY_PAGE, KVM, SCRIPTED, TCG, scenario

# ---- vCPUs ----


@scenario()
def late_hotplug(scene):
    """vCPUs plugged in by device_add: they register, in order with the rest (bug 19)."""
    guest = scene.guest((*KVM, "--smp", "2"), qemu=["-smp", "2,maxcpus=4"])
    qmp = guest.machine.qmp
    places = [p for p in qmp.execute("query-hotpluggable-cpus") if "qom-path" not in p]
    scene.expect(len(places) == 2, f"there is room for {len(places)} vCPUs, not 2")
    for number, place in enumerate(places):
        qmp.execute("device_add", driver=place["type"], id=f"late{number}", **place["props"])
    _bring_online(scene, guest, 4)
    scene.end(guest, online=2)


@scenario()
def late_held_back(scene):
    """vCPUs that the kernel held back: they register, in order with the rest (bug 19)."""
    guest = scene.guest((*KVM, "--smp", "4"), f"{BY_PAGE} debug.smp.late=2")
    _bring_online(scene, guest, 4)
    scene.end(guest, online=2)


def _bring_online(scene, guest, vcpus):
    """The others, while readers read; then the host pauses all of them."""
    guest.look()
    said = guest.shell("online")
    scene.expect(
        any(line.startswith("PASS vcpus.late") for line in said) and guest.shell("status") == ["0"],
        f"online: {said}",
    )
    time.sleep(1)
    guest.look()
    guest.pause(1)
    _all_alive(scene, guest.counted(), vcpus)
    guest.look()


def _all_alive(scene, pages, vcpus):
    """The host writes every vCPU's structure."""
    dead = [
        n for n, p in pages.items() if not p["registered"] or not p["version"] or p["version"] & 1
    ]
    scene.expect(len(pages) == vcpus, f"{len(pages)} pages, not {vcpus}")
    scene.expect(not dead, f"not alive: the pages of vCPUs {dead}")


@scenario()
def vcpus_65(scene):
    """More than a page of 64 structures holds: every one is alive, readers on all (bug 18)."""
    _many(scene, 65)


@scenario()
def vcpus_200(scene):
    """Nearly as many as there may be (bug 18)."""
    _many(scene, 200)


def _many(scene, vcpus):
    few = scene.guest((*KVM, "--smp", "2"), readers=False)
    few.end()
    guest = scene.guest((*KVM, "--smp", str(vcpus)), limit=240, prefer=True)
    guest.look()
    guest.pause(1)
    _all_alive(scene, guest.counted(), vcpus)
    guest.look()
    scene.end(guest)
    (one,), (other,) = few.records("bring_up"), guest.records("bring_up")
    scene.say(
        f"shell after {guest.boot_seconds:.1f} s, with 2 vCPUs {few.boot_seconds:.1f} s; the others"
        f" up in {other['us'] / 1e6:.3f} s, {other['us_each']} us each (2: {one['us_each']} us), of"
        f" all {other['prepare_us']} us to prepare, {other['start_us']} to start,"
        f" {other['register_us']} to register"
    )


# ---- STABLE, and the driver ----


def _judge_paths(scene, guest, seen):
    """The last of what readers said: before STABLE was lost again, after that, and with it back."""
    before, lost, back = seen[-3:]
    without = lost.by_own_page + lost.by_call - before.by_own_page - before.by_call
    with_it = back.by_one_page - lost.by_one_page
    scene.expect(without > 0 and with_it > 0, f"readers did not change path: {seen}")
    scene.say(f"without STABLE {without} readings by own page or call, with it {with_it} by page")
    scene.end(guest, stable_lost=2, stable_back=2)


@scenario(beside=True)
def stable_lost(scene):
    """On the old pair of MSRs KVM takes STABLE away, on the new one it gives it back (bug 23)."""
    guest = scene.guest((*KVM, "--smp", "3"))
    seen = []
    for pair, stable in (("old", 0), ("new", 1)) * 2:
        guest.set("debug.kvmclock.msr_pair", pair)
        time.sleep(1)
        guest.look()
        flags = {page["flags"] & 1 for page in guest.pages().values()}
        scene.expect(flags == {stable}, f"STABLE is {flags} on the {pair} pair, not {stable}")
        seen.append(guest.readers())
    _judge_paths(scene, guest, seen)


@scenario(beside=True)
def suspend(scene):
    """The driver off for 10 s under load and pauses: no byte of its pages changes (bug 14)."""
    guest = scene.guest((*KVM, "--smp", "3"))
    guest.look()
    said = guest.shell("suspend")
    scene.expect(said and said[0].startswith("suspended: off on 3 vCPUs"), f"suspend: {said}")
    for _ in range(4):
        time.sleep(2)
        # The TSC serves: it goes on while the guest is paused, and there is no flag to count by.
        guest.machine.qmp.execute("stop")
        time.sleep(0.5)
        guest.machine.qmp.execute("cont")
        guest.look()
    said += guest.shell("resume")
    scene.expect(any(line.startswith("PASS kvmclock.suspend") for line in said), f"resume: {said}")
    guest.look()
    guest.pause(1)
    _all_alive(scene, guest.counted(), 3)
    guest.look()
    scene.say(next(line.partition(": ")[2] for line in said if line.startswith("PASS")))
    scene.end(guest, suspended=1, resumed=1)


@scenario()
def suspend_aborted(scene):
    """One vCPU cannot be suspended: all of them go on (bug 15)."""
    guest = scene.guest((*KVM, "--smp", "3"))
    guest.set("debug.kvmclock.refuse", "2")
    said = guest.shell("suspend")
    scene.expect(said and said[0].startswith("suspend: vCPU 1 did not stop"), f"suspend: {said}")
    guest.set("debug.kvmclock.refuse", "0")
    counter = guest.value("kern.timecounter.hardware")
    scene.expect(counter == "kvmclock", f"{counter} serves after it")
    _all_alive(scene, guest.pages(), 3)
    time.sleep(1)
    guest.look()
    guest.pause(1)
    guest.counted()
    guest.look()
    scene.say(said[0])
    scene.end(guest, suspend_aborted=1)


# ---- A host that is played: no KVM is needed ----


def _played(scene, vcpus):
    """A guest, and the host that it has."""
    path = f"{scene.directory}/ram"
    guest = scene.guest((*TCG, "--smp", str(vcpus)), SCRIPTED, qemu=memory(path), rtc=None)
    return guest, PlayedHost(path, guest)


@scenario(needs="tcg", beside=True)
def stable_lost_played(scene):
    """STABLE goes away and comes back on every page at once (bug 23)."""
    guest, host = _played(scene, 2)
    seen = [guest.readers()]
    for on in (False, True) * 2:
        host.set_stable(on)
        time.sleep(1)
        guest.look()
        seen.append(guest.readers())
    _judge_paths(scene, guest, seen)


@scenario(needs="tcg", beside=True)
def stopped_played(scene):
    """GUEST_STOPPED on every page: counted once, cleared, and the rest is kept (bug 20)."""
    guest, host = _played(scene, 2)
    for _ in range(10):
        before = guest.pages()
        host.set_stopped()
        guest.pauses += 1
        after = guest.counted()
        for vcpu, page in before.items():
            kept = {**page, "version": page["version"] + 2, "paused": guest.pauses}
            scene.expect(after[vcpu] == kept, f"vCPU {vcpu}: {after[vcpu]}, not {kept}")
    guest.look()
    scene.end(guest)


@scenario(needs="tcg", beside=True)
def frequency(scene):
    """As on a destination whose TSC has another frequency: time goes by the new scale at once."""
    guest, host = _played(scene, 2)
    for ratio in (1.04, 1 / 1.04):
        host.speed_up(guest.look().tsc, ratio)
        guest.rate *= ratio
        time.sleep(5)
        guest.look()
    scene.say("the page's scale changed by +4 % and back")
    scene.end(guest, frequency=2)
