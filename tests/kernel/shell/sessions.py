#!/usr/bin/env python3
# SPDX-License-Identifier: 0BSD
"""Drive the guest's shell and judge what it answers.

The files in sessions/ are transcripts.  Below two lines of comment stand `args:` (run-qemu.sh's),
`needs: kvm`, `needs: tcg alone` (else TCG and, where it works, KVM), `status:` (run-qemu.sh's, 0).  Then

    # COMMAND       a line that is sent, and comes back behind the prompt
    ! EXPRESSION    bytes that are sent and do not come back, as a Python expression
    = TEXT          the next line of the answer
    ~ REGEX         the same, as a whole line
    ...             any lines

Beside the transcripts: input that ends, random input, a terminal, a paused guest, the menu of the
ISO, and that docs/sysctl.md has every name.  One line PASS, FAIL or SKIP each; arguments choose.
"""

import concurrent.futures
import json
import os
import pty
import random
import re
import select
import shlex
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(HERE)))
sys.path.append(os.path.join(ROOT, "tests", "guest"))
import guests  # noqa: E402  pylint: disable=wrong-import-position

RUN_QEMU = os.path.join(ROOT, "run-qemu.sh")
PROMPT = "clockpage# "
LIMIT = 60 * int(os.environ.get("TEST_PATIENCE", "1"))
FUZZ_BYTES = 20000
FUZZ_COMMANDS = 300


class Wrong(Exception):
    """What a test found, and the text it found it in."""

    def __init__(self, why, text=""):
        super().__init__(why)
        self.text = text


def command_line(accel, args):
    return [RUN_QEMU, "--no-install", "--timeout", str(LIMIT), "--accel", accel, *args]


def run(accel, args, data, status=0):
    """Run the guest's shell with this input; its answer from the shell's first line on."""
    done = subprocess.run(
        command_line(accel, ["--shell", *args]),
        input=data,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=LIMIT + 30,
        check=False,
    )
    text = done.stdout.decode("latin-1")
    if done.returncode != status:
        raise Wrong(f"status {done.returncode}, expected {status}", text)
    _, found, answer = text.partition("\nshell: ready")
    if not found:
        raise Wrong("the shell did not begin", text)
    return guests.report.unwrap(answer.partition("\n")[2]).splitlines()


# What a session needs: KVM; nothing, and is tried with and without; nothing that KVM would change.
ACCELERATORS = {"kvm": ("kvm",), "tcg": ("tcg", "kvm"), "tcg alone": ("tcg",)}


class Session:
    """A transcript."""

    def __init__(self, name):
        self.name, self.needs, self.args, self.status = name, "tcg", [], 0
        self.input, self.expected = b"", []
        with open(os.path.join(HERE, "sessions", name), encoding="utf-8") as file:
            lines = file.read().splitlines()
        for number, line in enumerate(lines):
            kind, _, rest = line.partition(" ")
            if number < 2 or not line:
                continue
            if kind == "args:":
                self.args = shlex.split(rest)
            elif kind == "needs:":
                self.needs = rest
            elif kind == "status:":
                self.status = int(rest)
            elif kind == "#":
                self.input += rest.encode() + b"\n"
                self.expected.append(("=", PROMPT + rest))
            elif kind == "!":
                # pylint: disable-next=eval-used
                self.input += eval(rest) + b"\n"
            elif kind in ("=", "~", "..."):
                self.expected.append((kind, rest))
            else:
                raise ValueError(f"{name}:{number + 1}: {line}")

    def judge(self, answer):
        """Match line by line; what follows the last expectation is free."""
        at, anything = 0, False
        for kind, want in self.expected:
            if kind == "...":
                anything = True
                continue
            first = at
            while at < len(answer):
                hit = answer[at] == want if kind == "=" else re.fullmatch(want, answer[at])
                if hit or not anything:
                    break
                at += 1
            if at == len(answer) or not hit:
                got = answer[first] if first < len(answer) else "the end"
                raise Wrong(f"expected '{want}', got '{got}'", "\n".join(answer[: first + 5]))
            at += 1
            anything = False

    def test(self, accel):
        self.judge(run(accel, self.args, self.input, self.status))
        commands = sum(want.startswith(PROMPT) for _, want in self.expected)
        return f"{commands} commands, {len(self.expected) - commands} lines as expected"


# ---- How input ends ------------------------------------------------------------------------------


def answers(answer, command):
    """The lines between this command's prompt and the next one."""
    if PROMPT + command not in answer:
        raise Wrong(f"no answer to {command}", "\n".join(answer[-40:]))
    at = answer.index(PROMPT + command) + 1
    end = at
    while end < len(answer) and not answer[end].startswith(PROMPT):
        end += 1
    return answer[at:end]


def end_of_input(accel):
    run(accel, ["--append", "shell=now"], b"")
    for data in (b"sysctl -n kern.ostype", b"sysctl -n kern.ostype\n", b"sysctl -n kern.ostype\r\n"):
        answer = run(accel, ["--append", "shell=now"], data)
        if answers(answer, "sysctl -n kern.ostype")[0] != "clockpage":
            raise Wrong("the last line was not run", "\n".join(answer))
    return "no input, and a last line with and without its end: each run ends by itself"


def halt_before_the_end(accel):
    """`halt` ends the run though the pipe stays open, and nobody goes on reading it."""
    reading, writing = os.pipe()
    with subprocess.Popen(
        command_line(accel, ["--shell", "--append", "shell=now"]),
        stdin=reading,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as child:
        os.close(reading)
        os.write(writing, b"halt\n")
        child.communicate(timeout=LIMIT)
        try:
            for _ in range(20):
                os.write(writing, b"x")
                time.sleep(0.05)
        except BrokenPipeError:
            return f"status {child.returncode}, and the pipe has no reader left"
        finally:
            os.close(writing)
    raise Wrong("something still reads the input after the run")


# ---- Random input --------------------------------------------------------------------------------


def check_survival(answer):
    boottime = answers(answer, "sysctl kern.boottime")
    if not boottime or not re.fullmatch(r"kern\.boottime: \{ sec = .*", boottime[0]):
        raise Wrong(f"after the noise: {boottime}", "\n".join(answer[-20:]))


def random_bytes(accel, edit):
    # ^D on an empty line ends the run, as it should.
    source = random.Random(1)
    data = bytes(source.choice([b for b in range(256) if b != 4]) for _ in range(FUZZ_BYTES))
    tail = b"\x03\n" if edit else b"\n"
    args = ["--append", f"shell=now shell.edit={edit}"]
    answer = run(accel, args, data + tail + b"sysctl kern.boottime\nhalt\n")
    if edit:
        boottime = [line for line in answer if line.startswith("kern.boottime: { sec = ")]
        if len(boottime) != 1:
            raise Wrong("after the noise: no boottime", "\n".join(answer[-20:]))
    else:
        check_survival(answer)
    return f"{FUZZ_BYTES} random bytes{' typed' if edit else ''}, then kern.boottime, then halt"


def random_commands(accel):
    source = random.Random(2)
    names = [
        line.partition(": ")[0]
        for line in run(accel, ["--append", "shell=now"], b"sysctl -a\nhalt\n")
        if re.match(r"[a-z.0-9_%]+: ", line)
    ]
    words = ["sysctl", "date", "status", "events", "watch 0x", "help", "-a", "-d", "-n", "-W", "-z"]
    values = ["0", "1", "2", "-1", "100", "abc", "", "99999999999", "TSC", "kvmclock", "''", "0x", "=", '"']
    lines = []
    for _ in range(FUZZ_COMMANDS):
        parts = [source.choice(words)]
        for _ in range(source.randrange(5)):
            name = source.choice(names)
            parts.append(
                source.choice(
                    [name, name[: source.randrange(len(name))], f"{name}={source.choice(values)}"]
                    + [source.choice(words), source.choice(values)]
                )
            )
        lines.append(" ".join(parts))
    # A date that was set anyhow must not be lost on the way.
    data = "\n".join(lines) + "\nsysctl kern.boottime\nhalt\n"
    answer = run(accel, ["--append", "shell=now"], data.encode())
    check_survival(answer)
    prompts = sum(line.startswith(PROMPT) for line in answer)
    if prompts < FUZZ_COMMANDS:
        raise Wrong(f"{prompts} lines were answered, not {FUZZ_COMMANDS}", "\n".join(answer[-20:]))
    return f"{FUZZ_COMMANDS} commands of random words, all answered, then kern.boottime"


# ---- A terminal ----------------------------------------------------------------------------------


class Terminal:
    """run-qemu.sh --shell on a terminal of its own."""

    def __init__(self, accel):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            line = command_line(accel, ["--shell", "--append", "shell=now"])
            os.execv(line[0], line)
        self.text = ""

    def until(self, pattern):
        """Read on until the pattern matches; what stood before it and what matched."""
        end = time.monotonic() + LIMIT
        while True:
            hit = re.search(pattern, self.text)
            if hit:
                before, self.text = self.text[: hit.end()], self.text[hit.end() :]
                return before
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.monotonic()))
            try:
                data = os.read(self.fd, 4096) if ready else b""
            except OSError:  # the other side is gone
                data = b""
            if not data:
                raise Wrong(f"the terminal never showed {pattern!r}", self.text)
            self.text += data.decode("latin-1")

    def keys(self, keys, answer):
        """Press them, and see this line and a new prompt."""
        os.write(self.fd, keys.encode("latin-1"))
        self.until(rf"\n{answer}\r+\n(.*\r+\n)*{PROMPT}")

    def end(self):
        """Its exit status."""
        while True:
            try:
                if not os.read(self.fd, 4096):
                    break
            except OSError:
                break
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def terminal(accel):
    t = Terminal(accel)
    try:
        t.until(PROMPT)
        t.keys("sysctl -n kern.ostyp\t\r", "clockpage")
        t.keys("sysctl -n kern.ostXype\033[D\033[D\033[D\x7f\r", "clockpage")
        t.keys("\033[A\001\006\013tatus\r", "0")
        t.keys("\020\020\r", "clockpage")
        t.keys("nonsense\003status\r", "0")
        t.keys("stat\tX\x08\r", "0")
        t.keys("no such thing\027\027\027\025bogus\r", "shell: bogus: not found; help lists the commands")
        os.write(t.fd, b"sysctl kern.timecounter.\t")
        t.until(r"kern\.timecounter\.choice\r+\n")
        os.write(t.fd, b"\025watch\r")
        t.until(r"uptime .*\nuptime ")
        os.write(t.fd, b"q")
        t.until(PROMPT)
        os.write(t.fd, b"\004")
        t.until(r"\d+ passed, 0 failed")
    finally:
        status = t.end() if sys.exc_info()[0] is None else os.kill(t.pid, 15)
    if status != 0:
        raise Wrong(f"status {status} after ^D")
    return "editing, history, completion, ^C, watch and ^D"


def escape(accel):
    t = Terminal(accel)
    t.until(PROMPT)
    os.write(t.fd, b"\035x")
    status = t.end()
    if status != 1:
        raise Wrong(f"status {status} after ^] x")
    return "^] x ends QEMU: no verdict, status 1"


# ---- A host that pauses the guest ----------------------------------------------------------------


def pause(accel):
    with tempfile.TemporaryDirectory() as tmp:
        path = os.path.join(tmp, "qmp")
        with subprocess.Popen(
            command_line(accel, ["--shell", "--append", "shell=now"])
            + ["--", "-qmp", f"unix:{path},server=on,wait=off"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        ) as child:
            text = b""
            while b"shell: ready" not in text:
                line = child.stdout.readline()
                if not line:
                    raise Wrong("the shell did not begin", text.decode("latin-1"))
                text += line
            with socket.socket(socket.AF_UNIX) as qmp:
                qmp.connect(path)
                talk = qmp.makefile("rw")
                talk.readline()
                for word in ("qmp_capabilities", "stop", "cont"):
                    talk.write(json.dumps({"execute": word}) + "\n")
                    talk.flush()
                    while "return" not in json.loads(talk.readline()):
                        pass
                    time.sleep(0.3)
            # The first command lets the boot vCPU have its ticks; the others sleep, and look later.
            data = b"watch 2\nevents\nsysctl -n dev.kvmclock.0.paused\nhalt\n"
            answer = child.communicate(data, timeout=LIMIT)[0].decode("latin-1").splitlines()
        events = answers(answer, "events")
        seen = [line for line in events if re.match(r" *\d+\.\d{6}  paused ", line)]
        if answers(answer, "sysctl -n dev.kvmclock.0.paused") != ["1"] or len(seen) != 1:
            raise Wrong(f"events {events}", "\n".join(answer))
    return "stop and cont: one pause, one event"


# ---- GRUB's menu ---------------------------------------------------------------------------------


def menu(_accel):
    """Go down to the shell's entry by keys on the serial line, and use the shell."""
    iso = os.path.join(os.environ.get("O", os.path.join(ROOT, "build")), "clockpage.iso")
    line = (
        "qemu-system-x86_64 -accel tcg -cpu max -smp 2 -m 128 -nodefaults -display none -no-reboot"
        " -device isa-debug-exit,iobase=0x501,iosize=0x04 -serial stdio -boot d -cdrom"
    ).split()
    with open(os.path.join(ROOT, "boot", "grub.cfg"), encoding="utf-8") as file:
        titles = re.findall(r'^(?:menuentry|submenu) "([^"]*)"', file.read(), re.MULTILINE)
    steps = next(i for i, title in enumerate(titles) if "shell" in title)
    text, press_at, quiet_at, stage = "", 0.0, 0.0, "menu"
    with subprocess.Popen(
        ["timeout", str(LIMIT), *line, iso], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:

        def press(keys):
            child.stdin.write(keys)
            child.stdin.flush()

        while True:
            ready, _, _ = select.select([child.stdout], [], [], 0.1)
            data = os.read(child.stdout.fileno(), 65536) if ready else b""
            if ready and not data:
                break
            text += data.decode("latin-1")
            now = time.monotonic()
            if data:
                quiet_at = now + 1
            if now < press_at:
                continue
            press_at = now + 0.5
            # GRUB shows its menu when it finds an Esc in the first two seconds, and marks the
            # chosen entry.  ^N goes down: an arrow begins with an Esc, and one may still be queued.
            marked = re.findall(r"\*(clockpage: [^|\x1b]*)", text)
            if stage == "menu" and not marked:
                press(b"\033")
            elif stage == "menu" and now < quiet_at:
                pass  # it has not shown yet what the last key did
            elif stage == "menu" and titles[steps].startswith(marked[-1].strip()[:60]):
                press(b"\r")
                stage = "boot"
            elif stage == "menu":
                at = next(i for i, t in enumerate(titles) if t.startswith(marked[-1].strip()[:60]))
                press(b"\016" if at < steps else b"\020")
            elif stage == "boot" and "shell: ready" in text:
                press(b"sysctl -n kern.ostype\rhalt\r")
                stage = "shell"
        status = child.wait()
    if status != 33 or "clockpage\r\n" not in text:
        raise Wrong(f"QEMU's status {status} in stage {stage}", repr(text[-2000:]))
    return f"entry {steps + 1} of {len(titles)} chosen by keys: {titles[steps]}"


# ---- The documentation ---------------------------------------------------------------------------


def documented(accel):
    """docs/sysctl.md has each name that there is, with its type and its access."""
    data = b"sysctl -aN\nsysctl -aNT\nsysctl -aNW\nsysctl -at\nhalt\n"
    answer = run(accel, ["--append", "shell=now"], data)
    general, types = {}, {}

    def generic(name):
        name = re.sub(r"(kern\.timecounter\.tc)\.[^.]+\.", r"\1.NAME.", name)
        return re.sub(r"(dev\.kvmclock\.0\.vcpu)\.\d+$", r"\1.N", name)

    for command, letter in (("sysctl -aN", ""), ("sysctl -aNT", "T"), ("sysctl -aNW", "W")):
        for name in answers(answer, command):
            if not name:
                break
            if letter not in general.setdefault(generic(name), ""):
                general[generic(name)] += letter
    for line in answers(answer, "sysctl -at"):
        name, _, kind = line.partition(": ")
        types[generic(name)] = kind
    with open(os.path.join(ROOT, "docs", "sysctl.md"), encoding="utf-8") as file:
        rows = re.findall(r"^\| `([^`]+)` \| ([^|]*) \| ([^|]*) \|", file.read(), re.MULTILINE)
    told = {name: (kind.strip(), access.strip()) for name, kind, access in rows}
    access = {"": "read only", "T": "tunable", "TW": "tunable, run time", "W": "run time"}
    missing = sorted(set(general) - set(told))
    wrong = sorted(n for n in general if n in told and told[n] != (types[n], access[general[n]]))
    if missing or wrong:
        raise Wrong(f"missing {missing}, type or access told wrongly {wrong}")
    # What a machine may lack is documented, but may be absent.
    absent = sorted(set(told) - set(general) - {"help"})
    if any(not name.startswith(("dev.", "kern.timecounter.tc.")) for name in absent):
        raise Wrong(f"documented, but not there: {absent}")
    return f"{len(general)} names, each with its type and access"


def main():
    tests = []  # name, accelerators, function
    for name in sorted(os.listdir(os.path.join(HERE, "sessions"))):
        session = Session(name)
        tests.append((name, ACCELERATORS[session.needs], session.test))
    tests += [
        ("end-of-input", ("tcg",), end_of_input),
        ("halt-before-the-end", ("tcg",), halt_before_the_end),
        ("random-bytes", ("tcg", "kvm"), lambda accel: random_bytes(accel, 0)),
        ("random-keys", ("tcg", "kvm"), lambda accel: random_bytes(accel, 1)),
        ("random-commands", ("tcg",), random_commands),
        ("terminal", ("tcg", "kvm"), terminal),
        ("terminal-escape", ("tcg",), escape),
        ("pause", ("kvm",), pause),
        ("menu", ("tcg",), menu),
        ("documented", ("tcg", "kvm"), documented),
    ]
    wanted, no_kvm = sys.argv[1:], guests.kvm_missing()

    def lane(accel):
        """Each test that wants this accelerator; how many failed."""
        failed = 0
        for name, accelerators, test in tests:
            full = f"kernel.shell.{name}.{accel}"
            if accel not in accelerators or (wanted and not {name, full} & set(wanted)):
                continue
            if accel == "kvm" and no_kvm:
                print(f"SKIP {full}: no KVM: {no_kvm}", flush=True)
                continue
            started = time.monotonic()
            try:
                figures = test(accel)
                said = f"PASS {full}: {figures}, {time.monotonic() - started:.1f} s"
            except (Wrong, subprocess.TimeoutExpired, OSError) as why:
                failed += 1
                text = getattr(why, "text", "")
                said = "".join(f"    {line}\n" for line in text.splitlines())
                said += f"FAIL {full}: {why}"
            # In one piece: the other lane prints too.
            sys.stdout.write(said + "\n")
            sys.stdout.flush()
        return failed

    # Guests under a KVM that emulates ring 0 keep one CPU busy, those under TCG another.
    with concurrent.futures.ThreadPoolExecutor() as lanes:
        return 1 if sum(lanes.map(lane, ("kvm", "tcg"))) else 0


if __name__ == "__main__":
    sys.exit(main())
