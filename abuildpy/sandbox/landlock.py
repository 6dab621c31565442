# SPDX-License-Identifier: GPL-3.0-or-later
"""The wall for machines that refuse namespaces: Landlock, with a filter for sockets (seccomp.py) where there is one.

The stage keeps the machine's own paths: what the mount table (mounts.py) shows it may read, what that shows as writable it
may write, and all else cannot be opened. Nothing is laid over anything: /tmp is shut, TMPDIR and HOME are folders of the
build, and accounts are the machine's. The guard (guard.py) puts the wall up in the child, from a list made here.

What Landlock does not know, a stage can do: see names, sizes, times and owners of what it cannot open, and change mode and
times of what belongs to the user it runs as. So root's stages run as a user who owns nothing. Further gaps depend on the
kernel; :func:`gaps` names them. Numbers are those of <linux/landlock.h>.
"""

from __future__ import annotations

import ctypes
import enum
import marshal
import os
import struct
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from abuildpy.errors import SandboxError
from abuildpy.sandbox.base import BuildUser, Request
from abuildpy.sandbox.identity import reachable
from abuildpy.sandbox.mounts import NOTHING, Kind, Table, mount_table
from abuildpy.sandbox.none import GuardedStage
from abuildpy.sandbox.ports import BIND_TCP, CONNECT_TCP, port_ruleset, ports_for_tests
from abuildpy.sandbox.seccomp import Inet, has_filter, socket_filter

_CREATE_RULESET = 444
_ASK_VERSION = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = (1 << bit for bit in range(6))
_MAKE_CHAR, _MAKE_DIR, _MAKE_REG, _MAKE_SOCK, _MAKE_FIFO, _MAKE_BLOCK, _MAKE_SYM = (1 << bit for bit in range(6, 13))
_REFER, _TRUNCATE, _IOCTL_DEV = (1 << bit for bit in range(13, 16))
_NEWER = {_REFER: 2, _TRUNCATE: 3, _IOCTL_DEV: 5}
"""Rights that the first version did not have, with the one that brought them."""

READ = _EXECUTE | _READ_FILE | _READ_DIR
WRITE = (
    READ
    | (_WRITE_FILE | _TRUNCATE | _REMOVE_DIR | _REMOVE_FILE | _REFER)
    | (_MAKE_DIR | _MAKE_REG | _MAKE_SOCK | _MAKE_FIFO | _MAKE_SYM)
)
DEVICE = _READ_FILE | _WRITE_FILE | _TRUNCATE | _IOCTL_DEV
OUTPUT = _WRITE_FILE | _TRUNCATE | _IOCTL_DEV
LIST = _READ_DIR
EVERYTHING = (1 << 16) - 1

_SCOPE_ABSTRACT, _SCOPE_SIGNAL = 1, 2
_NETWORK_VERSION, _SCOPE_VERSION = 4, 6

_DEVICES = ("null", "zero", "full", "random", "urandom", "ptmx")


class Access(enum.IntEnum):
    """What a stage may do below a path."""

    NONE = 0
    READ = 1
    WRITE = 2


def landlock_version() -> int:
    """The version of the running kernel's interface ("ABI"); 0 where Landlock is missing, switched off or forbidden."""
    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))
    return max(0, int(version))


def absence() -> str:
    """Why there is no Landlock, in one line; for a version of 0."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))
    return {
        95: "Landlock is switched off on this machine (add it to lsm= on the kernel's command line)",
        38: "this kernel has no Landlock (Linux 5.13 is the first that can), or a container's filter hides it",
        1: "a filter forbids Landlock here, as that of old container programs does",
    }.get(ctypes.get_errno(), f"Landlock does not answer: {os.strerror(ctypes.get_errno())}")


def gaps(version: int, user: BuildUser, machine: str) -> tuple[str, ...]:
    """What the wall leaves open with this kernel, this user and this kind of machine, in words for the user."""
    found = ["names, sizes and times of hidden files can be seen"]
    if user.drops:
        found.append("attributes of files that anybody may write can be changed")
    else:
        found.append("mode, times and attributes of your own files and the priority of your processes can be changed")
    if version < 3:
        found.append("files can be emptied anywhere")
    found.append("processes' names and command lines can be seen")
    if version < _SCOPE_VERSION:
        found.append("abstract sockets are reachable" if user.drops else "your processes can be ended")
    if not has_filter(machine):
        found.append("UDP, MPTCP and UNIX sockets are open")
    elif user.drops:
        found.append("UNIX sockets that anybody may use are open")
    if version >= _NETWORK_VERSION:
        found.append("TCP is known by port, not by address (--sockets)")
    elif not has_filter(machine):
        found.append("TCP is open")
    found.append("/dev/shm and System V memory are shared")  # noqa: S108
    return tuple(found)


class LandlockWall:
    """Stages kept in by Landlock, each below a guard that ends with it, or with us, and kills what it left."""

    name = "landlock"
    overlays = False

    def __init__(self, user: BuildUser, version: int) -> None:
        """``user`` is one that the machine knows by the same number inside and outside."""
        self._user = user
        self._version = version

    @property
    def user(self) -> BuildUser:
        """Who the stages run as."""
        return self._user

    def describe(self) -> str:
        """One line for the user."""
        who = f" as user {self._user.host_uid}" if self._user.drops else ""
        return f"Landlock{who}"

    def gaps(self) -> tuple[str, ...]:
        """What the wall leaves open."""
        return gaps(self._version, self._user, os.uname().machine)

    def start(self, request: Request) -> GuardedStage:
        """Start a stage; see :class:`abuildpy.sandbox.base.Wall`.

        TMPDIR points to ``request.tmp``; ``request.files`` are not laid over anything. Raises SandboxError also where
        the user cannot reach a place that the stage needs.
        """
        if request.view is not None or request.terminal:
            raise SandboxError("Landlock gives a stage no file system and no terminal of its own")
        for needed in (*request.writable, *request.caches, request.home, request.tmp):
            if self._user.drops and not reachable(needed, self._user):
                raise SandboxError(
                    f"user {self._user.host_uid}, who runs recipes for root, cannot reach {needed}",
                    hint="chmod a+x the folders above it, or build elsewhere",
                )
        env = {
            **request.env,
            **request.extra_env,
            "HOME": os.fspath(request.home),
            "TMPDIR": os.fspath(request.tmp),
        }
        user = self._user
        ids = (str(user.host_uid), str(user.host_gid)) if user.drops else ("-", "-")
        rules = self.rules(request)
        ports = rules.pop("ports")
        more = (port_ruleset(ports),) if ports else ()
        return GuardedStage(
            (*ids, "session", os.fspath(request.cwd), *request.argv),
            env,
            request.stdin,
            request.stderr,
            (*request.pass_fds, *more),
            marshal.dumps({**rules, "rulesets": more}),
            request.group,
        )

    def rules(self, request: Request) -> dict[str, Any]:
        """The wall: the kernel's structures as bytes, paths with their rights, ranges of ports.

        guard.py reads it so, but for the ports: those it gets as open rulesets.
        """
        version, sockets = self._version, "any" if request.network else request.sockets
        hidden = (*request.hidden, *(original for _, original in request.cleaned))
        table = mount_table(replace(request, hidden=hidden, cleaned=()), self._user, fresh_proc=False)
        known = EVERYTHING & ~sum(right for right, since in _NEWER.items() if version < since)
        held = sockets != "any" and version >= _NETWORK_VERSION
        ports = ports_for_tests() if held and sockets == "tests" else ()
        attributes = struct.pack(
            "<QQQ",
            known,
            (BIND_TCP | CONNECT_TCP) if held and not ports else 0,
            (_SCOPE_ABSTRACT | _SCOPE_SIGNAL) if version >= _SCOPE_VERSION else 0,
        )
        length = 24 if version >= _SCOPE_VERSION else 16 if version >= _NETWORK_VERSION else 8
        inet = Inet.ANY
        if sockets != "any":
            inet = Inet.TCP if sockets == "tests" and held else Inet.NONE
        # What runs as somebody else is kept from agents' sockets by their folders' modes; what runs as the caller is not.
        unix = self._user.drops and sockets != "none"
        if sockets == "any" and not request.network:  # then the user has asked for it
            unix = True
        rights = [
            (os.fsencode(path), {Access.READ: READ, Access.WRITE: WRITE}[access] & known)
            for path, access in grants(table)
        ]
        rights += [(os.fsencode(path), right & known) for path, right in self._devices()]
        return {
            "ruleset": attributes[:length],
            "paths": rights,
            "output": OUTPUT & known,
            "ports": ports,
            "filter": socket_filter(os.uname().machine, inet, unix=unix),
        }

    def _devices(self) -> Iterator[tuple[str, int]]:
        yield "/dev", LIST
        yield from ((f"/dev/{name}", DEVICE) for name in _DEVICES)
        yield "/dev/shm", WRITE  # noqa: S108 - the machine's: Python's and other programs' semaphores have to be there
        if self._user.drops:  # else it holds the caller's terminals
            yield "/dev/pts", DEVICE | LIST


def grants(table: Table) -> tuple[tuple[Path, Access], ...]:
    """A mount table as paths that may be read or written, each with all below it.

    Landlock only ever adds, so what contains something that is to be seen less is replaced by what lies in it, one by
    one; the folder itself can then be entered but not listed, and nothing can be made in it.
    """
    wanted = {os.fspath(path): access for path, access in _wanted(table).items()}
    return tuple((Path(path), access) for path, access in _visit("/", wanted.get("/", Access.NONE), wanted))


def _wanted(table: Table) -> dict[Path, Access]:
    """The mounts' targets with what may be done there; later ones are on top."""
    found: dict[Path, Access] = {}
    for mount in table.mounts:
        if mount.kind is Kind.PROC or (mount.kind is Kind.READ_ONLY and mount.source == mount.target):
            found[mount.target] = Access.READ
        elif mount.kind is Kind.WRITABLE and mount.source == mount.target:
            found[mount.target] = Access.WRITE
        elif mount.kind is Kind.WRITABLE and mount.source is not None:  # the build's own HOME and /tmp
            found[mount.target] = Access.NONE
            found[mount.source] = Access.WRITE
        elif mount.kind in (Kind.EMPTY, Kind.DEVICES) or mount.source == NOTHING:
            found[mount.target] = Access.NONE
    return found


def _visit(path: str, access: Access, wanted: Mapping[str, Access]) -> Iterator[tuple[str, Access]]:
    """The grants for ``path``, where ``access`` is wanted, and for what lies below."""
    start = path.rstrip("/") + "/"
    below = [target for target in wanted if target.startswith(start) and target != path]
    if access is not Access.NONE and any(wanted[target] < access for target in below):
        towards = {start + target.removeprefix(start).partition("/")[0] for target in below}
        for entry in sorted(towards.union(_entries(path))):
            yield from _visit(entry, wanted.get(entry, access), wanted)
        return
    if access is not Access.NONE:
        yield path, access
    for target in below:
        if not any(target.startswith(f"{other}/") for other in below):
            yield from _visit(target, wanted[target], wanted)


def _entries(folder: str) -> list[str]:
    """What is in a folder, links aside: they lead to what has its own rule, or none."""
    try:
        with os.scandir(folder) as entries:
            return [entry.path for entry in entries if not entry.is_symlink()]
    except OSError:
        return []
