# SPDX-License-Identifier: GPL-3.0-or-later
"""What is told of a refused namespace: what is forbidden and the setting behind it."""

from __future__ import annotations

from pathlib import Path

import pytest

from abuildpy.sandbox.refusal import explain

NO_PERMISSION = (
    "bwrap: No permissions to create new namespace, likely because the kernel does not allow non-privileged user "
    "namespaces. See <https://deb.li/bubblewrap> or <file:///usr/share/doc/bubblewrap/README.Debian.gz>."
)
NESTED = "bwrap: Creating new namespace failed: nesting depth or /proc/sys/user/max_*_namespaces exceeded (ENOSPC)"
PROC = "bwrap: Can't mount proc on /newroot/proc: Operation not permitted"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc in which nothing is forbidden."""
    for name, text in (
        ("sys/user/max_user_namespaces", "15000\n"),
        ("sys/kernel/unprivileged_userns_clone", "1\n"),
        ("sys/kernel/apparmor_restrict_unprivileged_userns", "0\n"),
        ("self/status", "Name:\tpython3\nSeccomp:\t0\n"),
        (
            "self/mountinfo",
            "22 1 0:5 / /proc rw - proc proc rw\n23 22 0:9 / /proc/sys/fs/binfmt_misc rw - binfmt_misc\n",
        ),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("sys/user/max_user_namespaces", "0\n", "user.max_user_namespaces is 0"),
        ("sys/kernel/unprivileged_userns_clone", "0\n", "kernel.unprivileged_userns_clone is 0"),
        (
            "sys/kernel/apparmor_restrict_unprivileged_userns",
            "1\n",
            "kernel.apparmor_restrict_unprivileged_userns is 1",
        ),
        (
            "self/status",
            "Seccomp:\t2\n",
            "this process is under a filter of system calls (seccomp), as containers' are",
        ),
    ],
)
def test_the_setting_is_named(proc: Path, name: str, value: str, told: str) -> None:
    assert told not in explain(NO_PERMISSION, proc)
    (proc / name).write_text(value)
    assert explain(NO_PERMISSION, proc) == f"this system forbids user namespaces: {told} ({NO_PERMISSION})"


def test_a_filter_is_only_suspected_where_no_setting_explains_it(proc: Path) -> None:
    (proc / "self/status").write_text("Seccomp:\t2\n")
    (proc / "sys/user/max_user_namespaces").write_text("0\n")
    assert explain(NESTED, proc).startswith("no more user namespaces are allowed: user.max_user_namespaces is 0 (")


def test_what_covers_proc_is_named(proc: Path) -> None:
    assert explain(PROC, proc) == f"a new /proc cannot be mounted, as in most containers ({PROC})"
    with (proc / "self/mountinfo").open("a") as file:
        for name in ("kcore", "keys", "acpi", "timer_list"):
            file.write(f"30 22 0:6 /null /proc/{name} rw - devtmpfs udev rw\n")
    told = "/proc/acpi, /proc/kcore, /proc/keys and 1 more covered"
    assert explain(PROC, proc) == f"a new /proc cannot be mounted, as in most containers: {told} ({PROC})"


def test_what_nobody_knows_is_passed_on_in_one_line(proc: Path) -> None:
    assert explain("bwrap: something new\nand more", proc) == "bwrap: something new"
    assert explain("", proc) == "unknown"


def test_a_proc_that_is_not_there_tells_nothing(tmp_path: Path) -> None:
    assert explain(NO_PERMISSION, tmp_path) == f"this system forbids user namespaces ({NO_PERMISSION})"
