# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing the wall: the best one that works on this machine, found by trying it."""

from __future__ import annotations

import os
from pathlib import Path

from abuildpy.errors import SandboxError
from abuildpy.messages import Messages
from abuildpy.sandbox.base import BuildUser, Request, Wall
from abuildpy.sandbox.bwrap import BwrapWall, drop_command, drop_tools
from abuildpy.sandbox.handover import hand_over
from abuildpy.sandbox.identity import BUILD_ID, VIEW_ID, build_user, reachable
from abuildpy.sandbox.none import NoWall
from abuildpy.sandbox.process import CLEAN_ENVIRONMENT, find_system_program, spawn

MODES = ("auto", "bwrap", "none")

# Part of bubblewrap's complaint → what it means.
_REASONS = (
    ("nesting depth or /proc/sys/user", "no more user namespaces are allowed (user.max_user_namespaces)"),
    ("Creating new namespace failed", "namespaces are forbidden here, as in most containers"),
    ("No permissions to create", "this system forbids user namespaces to ordinary users"),
    ("setting up uid map", "user namespaces are restricted (AppArmor: kernel.apparmor_restrict_unprivileged_userns)"),
    ("loopback:", "a network namespace cannot be set up here"),
    ("Failed to make / slave", "mounting is forbidden here, as in most containers"),
    ("Can't mount proc", "a new /proc cannot be mounted, as in most containers"),
)


_ALLOW = "allow user namespaces to this machine or container"


def choose(mode: str, log: Messages, *, startdir: Path, build_uid: int | None = None) -> Wall:
    """The wall for builds of the recipe in ``startdir``.

    ``auto`` takes bubblewrap if a process can be started behind it, else none, with one warning that says why;
    ``bwrap`` insists on it and raises SandboxError with the reason; ``none`` asks nothing. ``build_uid`` is the id
    that root's stages run under where the recipe's folder belongs to root.
    """
    if mode not in MODES:
        raise SandboxError(f"No such wall: {mode}", hint="one of " + ", ".join(MODES))
    user = build_user(startdir, chosen=build_uid)
    if mode == "none":
        return _no_wall(user, startdir, log)
    wall, reason = probe(user)
    if wall is not None:
        return wall
    if mode == "bwrap":
        raise SandboxError(f"No sandbox: {reason}", hint=_hint(reason))
    log.warning(f"No sandbox: {reason}")
    return _no_wall(user, startdir, log)


def likely(mode: str, *, startdir: Path, build_uid: int | None = None) -> Wall | None:
    """The wall that :func:`choose` finds on nearly every machine, without trying it; None where only trying can tell.

    For a first stage that harms nobody: if it cannot be started, ``choose`` says what is possible.
    """
    program = find_system_program("bwrap")
    if mode == "none" or program is None:
        return None
    user = build_user(startdir, chosen=build_uid)
    tools = drop_tools() if user.drops else (None,)
    return BwrapWall(program, user, drop_tool=tools[0]) if tools else None


def clean_root_wall(startdir: Path, place: Path) -> BwrapWall:
    """bubblewrap's wall for stages in a clean root, with a user namespace in which they are user 1000, tried before.

    Root's rights are given up outside, before bubblewrap starts: a clean root need not hold a program that could do it.
    ``place`` is the folder for roots, in which it is tried. Raises SandboxError with the reason where that is impossible;
    there is nothing to fall back to.
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
    reason = "root's rights cannot be given up without setpriv (util-linux) or python3"
    for tool in drop_tools() if user.drops else (None,):
        become = (
            ()
            if tool is None
            else drop_command(BuildUser(outer.host_uid, outer.host_gid, outer.host_uid, outer.host_gid), tool)
        )
        for fresh_proc in (True, False) if user.drops else (True,):
            wall = BwrapWall(program, user, fresh_proc=fresh_proc, become=become)
            complaint = _try(wall, program, place)
            if complaint is None:
                return wall
            reason = _explain(complaint)
    raise SandboxError(f"rootbld needs a sandbox, and there is none: {reason}", hint=_ALLOW)


def probe(user: BuildUser) -> tuple[Wall | None, str]:
    """bubblewrap's wall if ``true`` runs behind it, else None and the reason in one line."""
    program = find_system_program("bwrap")
    if program is None:
        return None, "bubblewrap (bwrap) is not installed"
    tools: tuple[str | None, ...] = (None,)
    if user.drops:
        tools = drop_tools()
        if not tools:
            return None, "root's rights cannot be given up without setpriv (util-linux) or python3"
    reason = ""
    for tool in tools:
        wall = BwrapWall(program, user, drop_tool=tool)
        complaint = _try(wall, program)
        if complaint is None:
            return wall, ""
        if "Can't mount proc" in complaint:
            # With the host's /proc, the processes of the person whose id we use would be in sight.
            lower = BwrapWall(program, _nobodys(user), fresh_proc=False, drop_tool=tool)
            if _try(lower, program) is None:
                return lower, ""
        reason = reason or complaint
    return None, _explain(reason)


def _nobodys(user: BuildUser) -> BuildUser:
    return BuildUser(BUILD_ID, BUILD_ID, BUILD_ID, BUILD_ID, drops=True) if user.drops else user


def _try(wall: BwrapWall, program: str, place: Path | None = None) -> str | None:
    """Run ``true`` behind the wall; None if that works, else what bubblewrap said.

    ``place`` is where to make its folders; None is wherever temporary files go.
    """
    import tempfile

    from abuildpy.scratch import Scratch

    true = find_system_program("true") or "/bin/true"
    with Scratch(place or Path(tempfile.gettempdir())) as folder:
        home, tmp = folder / "home", folder / "tmp"
        home.mkdir()
        tmp.mkdir()
        hand_over((home, tmp), wall.user)
        request = Request(argv=(true,), env={}, cwd=Path("/"), home=home, tmp=tmp)
        read, write = os.pipe()
        with open(read, "rb") as said:
            try:
                pid = spawn(
                    [*wall.become, program, *wall.arguments(request)],
                    CLEAN_ENVIRONMENT,
                    stdin=None,
                    keep=(),
                    stderr=write,
                )
            finally:
                os.close(write)
            complaint = said.read().decode("utf-8", "replace").strip()
        _, status = os.waitpid(pid, 0)
    return None if status == 0 else complaint or f"bwrap ended with status {os.waitstatus_to_exitcode(status)}"


def _explain(complaint: str) -> str:
    first = complaint.splitlines()[0] if complaint else "unknown"
    for part, meaning in _REASONS:
        if part in complaint:
            return f"{meaning} ({first})"
    return first


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
