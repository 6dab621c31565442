# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a program in a made situation, at a terminal of its own, beside a process that is worth attacking.

Usage: wall_launcher.py ORDERS, a JSON object: ``argv``, ``env``, ``cwd``; ``uid`` (null: stay); ``situation`` (below);
``victim``: its ``argv`` and ``env``, ``cwd`` and a file to ``open``, ``pid_file`` to write its number to (or no victim);
``secret`` for the key ring. What the program says comes out on standard output; the exit status is the program's, or 99
where the situation could not be made (the reason comes out as well).

Situations: ``plain``; ``covered-proc``, in which the kernel gives no new /proc, as in Docker and podman; ``no-namespaces``, in
which there can be no further user namespace and root has no more rights than in a container. The last two need a user
namespace of their own, which only root can make for all ids.
"""

from __future__ import annotations

import ctypes
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18
# What Docker leaves root: chown, dac_override, fowner, fsetid, kill, setgid, setuid, setpcap, net_bind_service, net_raw,
# sys_chroot, mknod, audit_write, setfcap.
CONTAINER = {0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 27, 29, 31}
COVERED = ("kcore", "keys", "timer_list", "latency_stats", "sched_debug")
LIBC = ctypes.CDLL(None, use_errno=True)


class Impossible(Exception):
    """The situation cannot be made here."""


def required(result: int, what: str) -> None:
    if result < 0:
        raise Impossible(f"{what}: {os.strerror(ctypes.get_errno())}")


def unshare(flags: int, uid: int | None, ready: int, mapped: int) -> None:
    """A user namespace: of one's own id for a user, of all ids for root, which our parent has to write."""
    required(LIBC.unshare(flags | CLONE_NEWUSER), "unshare")
    if uid is None:
        os.write(ready, b"x")
        if not os.read(mapped, 1):
            raise Impossible("the ids could not be mapped")
        return
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{uid} {uid} 1")


def make(situation: str, uid: int | None, ready: int, mapped: int) -> None:
    if situation == "covered-proc":
        # Only what lies over /proc in a name space of mightier people counts: root needs one of those first, for a user it is
        # this one, as bubblewrap makes a user namespace.
        if uid is None:
            required(LIBC.unshare(CLONE_NEWNS), "unshare")
        else:
            unshare(CLONE_NEWNS, uid, ready, mapped)
        required(LIBC.mount(None, b"/", None, MS_REC | MS_PRIVATE, None), "mount")
        covered = [f"/proc/{name}" for name in COVERED if os.path.isfile(f"/proc/{name}")]
        if not covered:
            raise Impossible("there is nothing in /proc to mount over")
        required(LIBC.mount(b"/dev/null", covered[0].encode(), None, MS_BIND, None), "mount")
        if uid is None:
            unshare(CLONE_NEWNS, uid, ready, mapped)
    elif situation == "no-namespaces":
        unshare(0, uid, ready, mapped)
        Path("/proc/sys/user/max_user_namespaces").write_text("0")
        for capability in range(64):
            if uid is not None or capability not in CONTAINER:
                LIBC.prctl(24, capability, 0, 0, 0)


def run(orders: dict[str, Any], ready: int, mapped: int) -> int:
    uid = orders["uid"]
    if uid is not None and os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        LIBC.prctl(4, 1, 0, 0, 0)  # dumpable again, or /proc/self is root's
    try:
        make(orders["situation"], uid, ready, mapped)
    except (Impossible, OSError) as error:
        print(error, file=sys.stderr)
        return 99
    os.close(ready)
    os.close(mapped)
    add, control = {"x86_64": (248, 250), "aarch64": (217, 219)}.get(os.uname().machine, (0, 0))
    if control:
        secret = orders.get("secret", "none").encode()
        LIBC.syscall(control, 1, None)  # a session ring of our own
        LIBC.syscall(add, b"user", b"abuildpy-walls", secret, ctypes.c_size_t(len(secret)), ctypes.c_int(-3))
    victim = orders.get("victim")
    if victim is None:
        return subprocess.run(orders["argv"], env=orders["env"], cwd=orders["cwd"], check=False).returncode
    with open(victim["open"], "rb") as key, open(os.devnull, "r+b") as nothing:
        attacked = subprocess.Popen(
            victim["argv"],
            env=victim["env"],
            cwd=victim["cwd"],
            pass_fds=(key.fileno(),),
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
        )
    try:
        Path(victim["pid_file"]).write_text(str(attacked.pid))
        return subprocess.run(orders["argv"], env=orders["env"], cwd=orders["cwd"], check=False).returncode
    finally:
        attacked.kill()
        attacked.wait()


def main(orders: dict[str, Any]) -> int:
    ready, told = os.pipe()
    map_read, map_write = os.pipe()
    child, terminal = os.forkpty()
    if child == 0:
        os.close(ready)
        os.close(map_write)
        status = 98
        try:
            status = run(orders, told, map_read)
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    os.close(told)
    os.close(map_read)
    if os.read(ready, 1):
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{child}/{name}").write_text("0 0 65536")
        os.write(map_write, b"x")
    while True:
        try:
            said = os.read(terminal, 65536)
        except OSError:  # its other end is closed
            break
        if not said:
            break
        sys.stdout.buffer.write(said)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
