# SPDX-License-Identifier: GPL-3.0-or-later
"""Why this machine refuses namespaces: bubblewrap's complaint, and the setting that is behind it."""

from __future__ import annotations

from pathlib import Path

# Part of bubblewrap's complaint → what it means.
_REASONS = (
    ("nesting depth or /proc/sys/user", "no more user namespaces are allowed"),
    ("Creating new namespace failed", "namespaces are forbidden here, as in most containers"),
    ("No permissions to create", "this system forbids user namespaces"),
    ("setting up uid map", "user namespaces are restricted"),
    ("loopback:", "a network namespace cannot be set up here"),
    ("Failed to make / slave", "mounting is forbidden here, as in most containers"),
    ("Can't mount proc", "a new /proc cannot be mounted, as in most containers"),
)
_SETTINGS = (
    ("user/max_user_namespaces", "0"),
    ("kernel/unprivileged_userns_clone", "0"),
    ("kernel/apparmor_restrict_unprivileged_userns", "1"),
)
"""Files below /proc/sys, each with the value that keeps namespaces from people."""

_FEW = 3


def explain(complaint: str, proc: Path = Path("/proc")) -> str:
    """bubblewrap's complaint in one line: what is forbidden, by which setting as far as one is found, and its own words.

    ``proc`` is where to look for settings.
    """
    first = complaint.splitlines()[0] if complaint else "unknown"
    for part, meaning in _REASONS:
        if part in complaint:
            found = _covered(proc) if part == "Can't mount proc" else _settings(proc)
            return f"{meaning}{': ' if found else ''}{', '.join(found)} ({first})"
    return first


def _settings(proc: Path) -> list[str]:
    found = [
        f"{name.replace('/', '.')} is {value}"
        for name, value in _SETTINGS
        if _read(proc / "sys" / name).strip() == value
    ]
    for line in _read(proc / "self/status").splitlines():
        if line.split() == ["Seccomp:", "2"] and not found:
            found.append("this process is under a filter of system calls (seccomp), as containers' are")
    return found


def _covered(proc: Path) -> list[str]:
    """What something is mounted over in /proc; the kernel gives no new one to those who do not see all of it."""
    points = [line.split()[4] for line in _read(proc / "self/mountinfo").splitlines() if len(line.split()) > 4]
    covered = sorted({point for point in points if point.startswith("/proc/")} - {"/proc/sys/fs/binfmt_misc"})
    if not covered:
        return []
    more = len(covered) - _FEW
    return [f"{', '.join(covered[:_FEW])}{f' and {more} more' if more > 0 else ''} covered"]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
