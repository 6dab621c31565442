# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing the wall: the best one that works on this machine, found by trying it.

The ladder: bubblewrap; bubblewrap with the machine's own /proc, where a new one cannot be mounted; Landlock, where
namespaces are refused; none.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from abuildpy.errors import SandboxError
from abuildpy.messages import Messages
from abuildpy.sandbox.base import BuildUser, Request, Wall
from abuildpy.sandbox.bwrap import BwrapWall, drop_command, drop_tools, handed
from abuildpy.sandbox.handover import hand_over
from abuildpy.sandbox.identity import BUILD_ID, VIEW_ID, build_user, reachable
from abuildpy.sandbox.none import NoWall
from abuildpy.sandbox.process import CLEAN_ENVIRONMENT, find_system_program, spawn, undisturbed
from abuildpy.sandbox.refusal import explain

MODES = ("auto", "bwrap", "landlock", "none")
LEVELS = ("none", "landlock", "bwrap")
"""What can be required, least first."""

_ALLOW = "allow user namespaces to this machine or container"
_TITLES = {"bwrap": "bubblewrap", "landlock": "Landlock"}
_NO_TOOL = "root's rights cannot be given up without setpriv (util-linux) or python3"


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung of the ladder: ``wall`` if it stands here, else ``reason``."""

    name: str
    wall: Wall | None
    reason: str = ""


def choose(mode: str, log: Messages, *, startdir: Path, build_uid: int | None = None, require: str = "") -> Wall:
    """The wall for builds of the recipe in ``startdir``.

    ``auto`` takes the best that a process can be started behind, and says in one line which that is and what it leaves
    open unless it is all of bubblewrap; ``bwrap`` and ``landlock`` insist and raise SandboxError with the reason; ``none``
    asks nothing. ``require`` is the least that will do (of LEVELS; empty: anything); with less SandboxError is raised.
    ``build_uid`` is the id that root's stages run under where the recipe's folder belongs to root.
    """
    if mode not in MODES:
        raise SandboxError(f"No such wall: {mode}", hint="one of " + ", ".join(MODES))
    least = LEVELS.index(require or "none")
    if mode != "auto" and LEVELS.index(mode) < least:
        raise SandboxError(
            f"--sandbox={mode} is less than what is required: {require}", hint="leave out one of the two"
        )
    user = build_user(startdir, chosen=build_uid)
    if mode == "none":
        return _no_wall(user, startdir, log)
    reasons: list[str] = []
    for name, attempts in (("bwrap", bubblewrap_rungs(user)), ("landlock", landlock_rungs(user, startdir))):
        if mode not in ("auto", name) or LEVELS.index(name) < least:
            continue
        for rung in attempts:
            if rung.wall is not None:
                _announce(rung.wall, reasons, log)
                return rung.wall
            reasons.append(rung.reason)
    reason = "; ".join(dict.fromkeys(reasons))
    if require:
        raise SandboxError(f"{_TITLES[require]} is required and cannot be had: {reason}", hint=_hint(reason))
    if mode != "auto":
        raise SandboxError(f"No sandbox: {reason}", hint=_hint(reason))
    log.warning(f"No sandbox: {reason}")
    return _no_wall(user, startdir, log)


def _announce(wall: Wall, reasons: list[str], log: Messages) -> None:
    """One line about a wall that leaves something open."""
    if wall.gaps():
        why = f" ({'; '.join(dict.fromkeys(reasons))})" if reasons else ""
        log.warning(f"Sandbox: {wall.describe()}{why}. Not held: {'; '.join(wall.gaps())}")


def survey(startdir: Path) -> tuple[Rung, ...]:
    """Every rung for builds in ``startdir``, best first, each tried whether or not a better one stands."""
    user = build_user(startdir)
    full, *lower = bubblewrap_rungs(user, all_of_them=True)
    least = lower[0] if lower else Rung("bwrap-host-proc", None, full.reason)
    none = NoWall(user if user.drops else _same(user))
    return full, least, *landlock_rungs(user, startdir), Rung("none", none)


def likely(mode: str, *, startdir: Path, build_uid: int | None = None) -> Wall | None:
    """The wall that :func:`choose` finds on nearly every machine, without trying it; None where only trying can tell.

    For a first stage that harms nobody: if it cannot be started, ``choose`` says what is possible.
    """
    program = find_system_program("bwrap")
    if mode not in ("auto", "bwrap") or program is None:
        return None
    user = build_user(startdir, chosen=build_uid)
    tools = drop_tools() if user.drops else (None,)
    return BwrapWall(program, user, drop_tool=tools[0]) if tools else None


def clean_root_wall(startdir: Path, place: Path, log: Messages) -> BwrapWall:
    """bubblewrap's wall for stages in a clean root, with a user namespace in which they are user 1000, tried before.

    Root's rights are given up outside, before bubblewrap starts: a clean root need not hold a program that could do it.
    ``place`` is the folder for roots, in which it is tried. Where no new /proc can be mounted the machine's is taken, and one
    line says so. Raises SandboxError with the reason where the wall is impossible; there is nothing else to fall back to.
    """
    if os.statvfs(place).f_flag & os.ST_NOEXEC:
        raise SandboxError(
            f"rootbld needs to run programs in {place}, which is mounted noexec", hint=f"mount -o remount,exec {place}"
        )
    outer = build_user(startdir)
    user = BuildUser(VIEW_ID, VIEW_ID, outer.host_uid, outer.host_gid, drops=outer.drops)
    program = find_system_program("bwrap")
    if program is None:
        raise SandboxError("rootbld needs bubblewrap (bwrap)", hint="install bubblewrap")
    reason = _NO_TOOL
    for tool in drop_tools() if user.drops else (None,):
        become = (
            ()
            if tool is None
            else drop_command(BuildUser(outer.host_uid, outer.host_gid, outer.host_uid, outer.host_gid), tool)
        )
        for fresh_proc in (True, False):
            wall = BwrapWall(program, user, fresh_proc=fresh_proc, become=become)
            complaint = _try(wall, program, place)
            if complaint is None:
                if not fresh_proc:
                    _announce(wall, [reason], log)
                return wall
            reason = explain(complaint)
            if "Can't mount proc" not in complaint:
                break
    raise SandboxError(f"rootbld needs a sandbox, and there is none: {reason}", hint=_ALLOW)


def probe(user: BuildUser) -> tuple[Wall | None, str]:
    """bubblewrap's wall if ``true`` runs behind it, else None and the reason in one line."""
    reason = ""
    for rung in bubblewrap_rungs(user):
        if rung.wall is not None:
            return rung.wall, ""
        reason = reason or rung.reason
    return None, reason


def bubblewrap_rungs(user: BuildUser, *, all_of_them: bool = False) -> Iterator[Rung]:
    """bubblewrap, and where it can only mount no new /proc (or in any case), bubblewrap without; each tried."""
    program = find_system_program("bwrap")
    if program is None:
        yield Rung("bwrap", None, "bubblewrap (bwrap) is not installed")
        return
    tools: tuple[str | None, ...] = drop_tools() if user.drops else (None,)
    if not tools:
        yield Rung("bwrap", None, _NO_TOOL)
        return
    complaints = []
    for tool in tools:
        wall = BwrapWall(program, user, drop_tool=tool)
        complaint = _try(wall, program)
        if complaint is None:
            yield Rung("bwrap", wall)
            break
        complaints.append(complaint)
    else:
        yield Rung("bwrap", None, explain(complaints[0]))
    if not all_of_them and not any("Can't mount proc" in complaint for complaint in complaints):
        return
    for tool in tools:
        # With the host's /proc, the processes of the person whose id we use would be in sight.
        lower = BwrapWall(program, _nobodys(user), fresh_proc=False, drop_tool=tool)
        complaint = _try(lower, program)
        if complaint is None:
            yield Rung("bwrap-host-proc", lower)
            return
        complaints.append(complaint)
    yield Rung("bwrap-host-proc", None, explain(complaints[-1]))


def landlock_rungs(user: BuildUser, startdir: Path) -> Iterator[Rung]:
    """Landlock's one rung, tried."""
    from abuildpy.sandbox.landlock import LandlockWall, absence, landlock_version

    version = landlock_version()
    # What Landlock does not know (modes, sockets) must not be that of a person.
    wall = LandlockWall(_nobodys(user) if user.drops else _same(user), version)
    if version == 0:
        reason = absence()
    elif user.drops and not _may_change_ids():
        reason = "this root may not change ids"
    elif user.drops and not reachable(startdir, wall.user):
        reason = f"user {wall.user.host_uid}, who runs recipes for root, cannot reach {startdir}"
    else:
        reason = _try_guarded(wall)
    yield Rung("landlock", None if reason else wall, reason)


def _nobodys(user: BuildUser) -> BuildUser:
    return BuildUser(BUILD_ID, BUILD_ID, BUILD_ID, BUILD_ID, drops=True) if user.drops else user


def _same(user: BuildUser) -> BuildUser:
    """The user by the same ids inside, for walls without a user namespace."""
    return BuildUser(user.host_uid, user.host_gid, user.host_uid, user.host_gid)


def _try_guarded(wall: Wall) -> str:
    """Run ``true`` behind a wall that has no program of its own; empty if that works, else why not."""
    read, write = os.pipe()
    with open(read, "rb") as said:
        try:
            with _trial(wall, None) as request, wall.start(replace(request, stderr=write)) as running:
                os.close(write)
                write = -1
                status = running.wait()
        except SandboxError as error:
            status = 1
            reason = error.message
        finally:
            if write >= 0:
                os.close(write)
        if status == 0:
            return ""
        complaint = said.read().decode("utf-8", "replace").strip()
    return complaint.splitlines()[-1] if complaint else reason


def _try(wall: BwrapWall, program: str, place: Path | None = None) -> str | None:
    """Run ``true`` behind the wall; None if that works, else what bubblewrap said.

    ``place`` is where to make its folders; None is wherever temporary files go.
    """
    with _trial(wall, place) as request:
        read, write = os.pipe()
        with open(read, "rb") as said:
            arguments = wall.arguments(request)
            at = arguments.index("--")
            try:
                with handed(arguments[:at]) as (words, fds):
                    pid = spawn(
                        [*wall.become, program, *words, *arguments[at:]],
                        CLEAN_ENVIRONMENT,
                        stdin=None,
                        keep=fds,
                        stderr=write,
                    )
            finally:
                os.close(write)
            complaint = said.read().decode("utf-8", "replace").strip()
        _, status = os.waitpid(pid, 0)
    return None if status == 0 else complaint or f"bwrap ended with status {os.waitstatus_to_exitcode(status)}"


@contextmanager
def _trial(wall: Wall, place: Path | None) -> Iterator[Request]:
    """A request to run ``true``, with folders that are there meanwhile."""
    import tempfile

    from abuildpy.scratch import Scratch

    true = find_system_program("true") or "/bin/true"
    with ExitStack() as stack:
        with undisturbed():
            folder = stack.enter_context(Scratch(place or Path(tempfile.gettempdir())))
        home, tmp = folder / "home", folder / "tmp"
        home.mkdir()
        tmp.mkdir()
        hand_over((home, tmp), wall.user)
        yield Request(argv=(true,), env={}, cwd=Path("/"), home=home, tmp=tmp)


def _hint(reason: str) -> str:
    if "not installed" in reason:
        return "install bubblewrap, or go without walls"
    return f"{_ALLOW}, or go without walls"


def _no_wall(user: BuildUser, startdir: Path, log: Messages) -> Wall:
    """No wall, as an unprivileged user if that is possible."""
    if not user.drops:
        return NoWall(BuildUser(os.geteuid(), os.getegid(), os.geteuid(), os.getegid()))
    if not _may_change_ids():
        reason = "this root may not change ids"
    elif not reachable(startdir, user):
        reason = f"user {user.host_uid} cannot reach {startdir}"
    else:
        return NoWall(user)
    log.warning(f"The recipe's code runs as root: {reason}")
    return NoWall(BuildUser(0, 0, 0, 0))


def _may_change_ids() -> bool:
    """Whether we have CAP_SETGID and CAP_SETUID (bits 6 and 7)."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("CapEff:"):
                return int(line.split()[1], 16) & 0xC0 == 0xC0
    return False
