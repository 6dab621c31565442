# SPDX-License-Identifier: GPL-3.0-or-later
"""One hostile recipe against every rung of the ladder of walls, started by root and by an ordinary user.

The recipe's attempts are in wall_attempts.py, the situations (a container's /proc, no namespaces) are made by
wall_launcher.py. What is open and shut is TABLE, and the same table stands in the README.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import shutil
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import wall_attempts
from buildkit import TOP, Package, Place, processes_with
from wallkit import Tried, run_in

from abuildpy.sandbox.landlock import landlock_version
from abuildpy.sandbox.process import find_system_program
from abuildpy.sandbox.seccomp import has_filter

pytest_plugins = ["buildfixtures"]


PYTHON = find_system_program("python3")


@dataclass(frozen=True)
class Rung:
    """A column of the table: what the README calls it, and how it is made."""

    title: str
    situation: str
    sandbox: str
    caller: str


RUNGS = tuple(
    Rung(title, situation, sandbox, caller)
    for title, situation, sandbox in (
        ("bubblewrap", "plain", "auto"),
        ("without /proc", "covered-proc", "auto"),
        ("Landlock", "no-namespaces", "auto"),
        ("none", "plain", "none"),
    )
    for caller in ("user", "root")
)

TABLE: dict[str, str] = {
    "read the private key by its path": "------o-",
    "read the key that a variable names": "------o-",
    "read the key through a symbolic link": "------o-",
    "read the key through a hard link": "------o-",
    "read the key through a process that has it open": "------o-",
    "read the key through a process's root or folder": "------o-",
    "move the key away": "------o-",
    "list the home": "------oo",
    "read ~/.netrc": "------o-",
    "write to the home": "------o-",
    "find a token in the environment": "--------",
    "take a key from the kernel's key ring": "------oo",
    "ask ssh-agent": "------o-",
    "ask gpg-agent": "------o-",
    "connect to a UNIX socket that anybody may use": "-----ooo",
    "connect to an abstract UNIX socket": "------oo",
    "TCP to the machine's loopback, a fixed port": "------oo",
    "TCP to the machine's loopback, a port that the kernel chose": "----oooo",
    "TCP with data in the first packet (fast open)": "------oo",
    "MPTCP": "------oo",
    "UDP": "------oo",
    "ask a name server": "------oo",
    "a raw socket": "--------",
    "a packet socket": "--------",
    "a socket to the machine that runs this virtual one (vsock)": "------oo",
    "serve and connect on a loopback (tests do)": "oooooooo",
    "read a file of the machine's /tmp": "------oo",
    "change the recipe": "------o-",
    "make a file in the recipe's folder": "------o-",
    "plant a git hook in the tree": "------o-",
    "change a file in SRCDEST": "------o-",
    "put a package into the repository": "------o-",
    "make a file in the machine's /tmp": "------oo",
    "write to /etc": "--------",
    "write to /usr": "--------",
    "change a file outside": "------oo",
    "empty a file outside": "------oo",
    "change a mode outside": "----o-o-",
    "change the mode of the key": "----o-o-",
    "change times outside": "----o-o-",
    "change an owner outside": "----o-o-",
    "change an attribute outside": "----oooo",
    "rename outside": "------oo",
    "delete outside": "------oo",
    "make a folder outside": "------oo",
    "make a symbolic link outside": "------oo",
    "link a file of its own to outside": "------oo",
    "see the size and times of a file in the home": "----oooo",
    "read shared memory of the machine (/dev/shm)": "----oooo",
    "read System V shared memory of the machine": "----oooo",
    "see processes outside and their command lines": "--oooooo",
    "read the environment of a process outside": "------o-",
    "signal a process outside": "------o-",
    "trace a process outside": "------o-",
    "read the memory of a process outside": "------o-",
    "limit a process outside": "------o-",
    "slow a process outside down": "----o-o-",
    "leave a process running": "--------",
    "become root through a setuid program": "--------",
    "mount a file system": "--------",
    "remount / writable": "--------",
    "uncover what is mounted over": "--------",
    "undo the walls in a namespace of its own": "--------",
    "change the root folder": "--------",
    "make a device": "--------",
    "type into the terminal": "--------",
    "open the terminal": "--------",
    "write to /proc/sys": "--------",
    "write to /sys": "--------",
    "write to the kernel's log": "--------",
    "open the machine's memory": "--------",
    "name the machine": "--------",
}
"""Attempt → for each of RUNGS ``o`` for open or ``-`` for shut."""

README = TOP / "README.md"


def absent() -> set[str]:
    """Attempts that fail on this machine, walls or not: its kernel lacks something, or forbids it to all."""
    found = set()
    for title, sort in (
        ("a socket to the machine that runs this virtual one (vsock)", (40, socket.SOCK_STREAM, 0)),
        ("MPTCP", (socket.AF_INET, socket.SOCK_STREAM, 262)),
    ):
        try:
            socket.socket(*sort).close()
        except OSError:
            found.add(title)
    if not _number("/proc/sys/net/ipv4/tcp_fastopen") & 1:
        found.add("TCP with data in the first packet (fast open)")
    if _number("/proc/sys/kernel/yama/ptrace_scope"):
        found |= {"trace a process outside", "read the memory of a process outside"}
    keyctl = {"x86_64": 250, "aarch64": 219}.get(os.uname().machine)
    if keyctl is None or ctypes.CDLL(None).syscall(keyctl, 0, ctypes.c_int(-3), 0) < 0:  # the session's ring
        found.add("take a key from the kernel's key ring")
    return found


def _number(path: str) -> int:
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):
        return 0


@contextmanager
def listening(place: Place, stack: ExitStack) -> Iterator[dict[str, Any]]:
    """Sockets outside, by what the attempts call them."""

    def server(family: int, kind: int, address: Any) -> socket.socket:
        made = stack.enter_context(socket.socket(family, kind))
        made.bind(address)
        if kind == socket.SOCK_STREAM:
            made.listen(50)
        return made

    found: dict[str, Any] = {"abstract": f"abuildpy-{os.urandom(8).hex()}"}
    for name, path in (
        ("ssh_agent", place.base / "agent/s"),
        ("gpg_agent", place.home / ".gnupg/S"),
        ("public_socket", place.aports / "s"),
    ):
        path.parent.mkdir(mode=0o755 if name == "public_socket" else 0o700, exist_ok=True)
        server(socket.AF_UNIX, socket.SOCK_STREAM, str(path))
        path.chmod(0o666 if name == "public_socket" else 0o600)
        found[name] = str(path)
    server(socket.AF_UNIX, socket.SOCK_STREAM, f"\0{found['abstract']}")
    found["tcp_chosen"] = server(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)).getsockname()[1]
    for port in range(20000, 30000):
        try:
            found["tcp_fixed"] = server(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)).getsockname()[1]
            break
        except OSError:
            continue
    udp = server(socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", 0))
    found["udp"] = udp.getsockname()[1]

    def answer() -> None:
        while True:
            data, sender = udp.recvfrom(500)
            if data == b"end":
                return
            udp.sendto(b"answer", sender)

    thread = threading.Thread(target=answer, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mine:
            mine.sendto(b"end", ("127.0.0.1", found["udp"]))
        thread.join(10)


@contextmanager
def shared_memory(secret: str) -> Iterator[tuple[str, int]]:
    """A file in /dev/shm and a System V segment, both for everybody to read."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.shmat.restype = ctypes.c_void_p
    file = Path(f"/dev/shm/abuildpy-test-{os.urandom(8).hex()}")
    number = libc.shmget(0, 4096, 0o1000 | 0o666)
    try:
        ctypes.memmove(libc.shmat(number, None, 0), secret.encode(), len(secret))
        file.write_text(secret)
        file.chmod(0o644)
        yield str(file), number
    finally:
        libc.shmctl(number, 0, None)
        file.unlink(missing_ok=True)


RECIPE = """
build() { "$PYTHON_OF_TEST" "$srcdir"/attempts.py "$srcdir"/plan.json "$srcdir"/found; }
package() {
    mkdir -p "$pkgdir"/usr/share "$pkgdir"/usr/lib
    ln -s KEY "$pkgdir"/usr/share/key
    ln -s OUTSIDE "$pkgdir"/usr/lib/outside
    ln KEY "$pkgdir"/usr/share/hard 2>/dev/null || true
}
"""


def attack(place: Place, rung: Rung) -> Tried:
    """Builds the hostile recipe; skips the test where its situation cannot be made."""
    secret, mark, left = (os.urandom(12).hex() for _ in range(3))
    outside = place.base / "outside"
    outside.mkdir()
    for name in ("file", "emptied", "renamed", "deleted"):
        (outside / name).write_text(f"{secret}\n")
        (outside / name).chmod(0o666)
    (place.aports / ".git/hooks").mkdir(parents=True)
    (place.home / ".netrc").write_text(secret)
    (place.home / ".netrc").chmod(0o600)
    key = place.key.with_name("walls.rsa")
    key.write_text(secret)
    key.chmod(0o600)
    key.with_name("decoy").write_text(secret)
    with ExitStack() as stack, listening(place, stack) as sockets, shared_memory(secret) as (dev_shm, shmid):
        folder = place.aports / "main/foo"
        plan = {
            **sockets,
            **{"secret": secret, "mark": mark, "left_mark": left, "dev_shm": dev_shm, "shmid": shmid},
            **{"key": str(key), "decoy": str(key.with_name("decoy")), "home": str(place.home)},
            **{"outside": str(outside), "startdir": str(folder), "aports": str(place.aports)},
            **{"distfiles": str(place.base / "distfiles"), "packages": str(place.repodest)},
            "victim_file": str(place.base / "distfiles/victim"),
            "setuid": str(outside / "id") if os.geteuid() == 0 else "/usr/bin/id",
        }
        place.recipe(
            RECIPE.replace("KEY", str(key)).replace("OUTSIDE", str(outside)),
            files={"attempts.py": Path(wall_attempts.__file__).read_text(), "plan.json": json.dumps(plan)},
        )
        outside.chmod(0o777)
        if os.geteuid() == 0:
            shutil.copy("/usr/bin/id", outside / "id")
            (outside / "id").chmod(0o4755)
        tried = launch(place, rung, folder, plan, key)
    found = folder / "src/found"
    assert found.exists(), tried.said
    for title, answer in json.loads(found.read_text()).items():
        planted = answer.removeprefix("open ") if answer.startswith("open ") else ""
        tried.answers[title] = answer if not planted else "open" if os.path.exists(planted) else "shut: elsewhere"
    remaining = processes_with(left)
    tried.answers["leave a process running"] = "open" if remaining else "shut"
    for pid in remaining:
        os.kill(pid, signal.SIGKILL)
    for path in place.repodest.rglob("*.apk"):
        contents = Package.read(path).contents
        tried.secrets_in_packages += [name for name, data in contents.items() if secret.encode() in data]
    return tried


def launch(place: Place, rung: Rung, folder: Path, plan: dict[str, Any], key: Path) -> Tried:
    environment = {**place.environment, "PACKAGER_PRIVKEY": str(place.key), "GITHUB_TOKEN": plan["secret"]}
    environment |= {"SSH_AUTH_SOCK": plan["ssh_agent"], "PYTHON_OF_TEST": str(PYTHON)}
    victim = {
        "argv": [sys.executable, "-c", "import time; time.sleep(300)", plan["mark"]],
        "env": {**place.environment, "SECRET": plan["secret"]},
        "cwd": str(place.home),
        "open": str(key),
        "pid_file": plan["victim_file"],
    }
    command = place.command("-m", "-d", "-K", f"--sandbox={rung.sandbox}")
    return run_in(place, rung.situation, command, folder, environment, secret=plan["secret"], victim=victim)


@pytest.fixture
def attacked(request: pytest.FixtureRequest) -> Tried:
    """The attempts on the rung that is the test's parameter."""
    rung: Rung = request.param
    if PYTHON is None:
        pytest.skip("the recipe needs a python3 of the system")
    if rung.situation == "no-namespaces" and (landlock_version() < 6 or not has_filter(os.uname().machine)):
        pytest.skip("no Landlock here that holds all that it is to hold")
    if rung.caller == "root" and os.geteuid() != 0:
        pytest.skip("needs root")
    if rung.situation == "plain" and rung.sandbox == "auto":
        request.getfixturevalue("walls")
    place = request.getfixturevalue("users_place" if rung.caller == "user" else "place")
    return attack(place, rung)


@pytest.mark.parametrize(
    ("attacked", "rung"),
    [(each, each) for each in RUNGS],
    indirect=["attacked"],
    ids=[f"{each.title} {each.caller}" for each in RUNGS],
)
def test_doors(attacked: Tried, rung: Rung) -> None:
    place = RUNGS.index(rung)
    expected = {title: {"o": "open", "-": "shut"}[doors[place]] for title, doors in TABLE.items()}
    if expected != attacked.doors:
        for title in absent():
            if expected[title] == "open":
                expected[title] = attacked.doors[title]
    wrong = {
        title: answer for title, answer in attacked.answers.items() if attacked.doors[title] != expected.get(title)
    }
    assert not wrong
    assert expected.keys() == attacked.answers.keys()
    # What a phase links is a link in the package. Without walls it can as well copy the key.
    assert attacked.secrets_in_packages == (
        ["usr/share/hard"] if "read the key" in _open(attacked, "hard link") else []
    )
    assert attacked.status == 0, attacked.said
    told = [line for line in attacked.said.splitlines() if "WARNING" in line and "andbox" in line]
    announced = {
        "without /proc": r"Sandbox: bubblewrap.*without a /proc of its own.*/proc/.* covered.*Not held: processes' names",
        "Landlock": r"Sandbox: Landlock.*user.max_user_namespaces is 0.*Not held: names, sizes and times of hidden files",
    }.get(rung.title)
    assert len(told) == (0 if announced is None else 1), told
    assert announced is None or re.search(announced, told[0])


def _open(attacked: Tried, part: str) -> str:
    return " ".join(title for title, door in attacked.doors.items() if door == "open" and part in title)


def test_there_are_enough_attempts() -> None:
    assert len(TABLE) >= 40
    assert TABLE.keys() == wall_attempts.ATTEMPTS.keys()
    assert {len(doors) for doors in TABLE.values()} == {len(RUNGS)}
    assert set("".join(TABLE.values())) == {"o", "-"}


def readme_table() -> str:
    """The table as it stands in the README: attempts with the same doors in one row, the most guarded first."""
    groups: dict[str, list[str]] = {}
    for title, doors in TABLE.items():
        groups.setdefault(doors, []).append(title)
    lines = [
        "| attempt | " + " | ".join(f"{rung.title}, {rung.caller}" for rung in RUNGS) + " |",
        "|---" * (len(RUNGS) + 1) + "|",
    ]
    for doors in sorted(groups, key=lambda doors: (doors.count("o"), doors)):
        cells = " | ".join({"o": "**open**", "-": "shut"}[door] for door in doors)
        lines.append(f"| {'; '.join(groups[doors])} | {cells} |")
    return "\n".join(lines) + "\n"


def test_the_readme_has_the_table() -> None:
    assert readme_table() in README.read_text(), f"put this into the README:\n{readme_table()}"
