# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a build failed, in one word."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from abuildpy.batch.reasons import Cause, cause_of
from abuildpy.errors import (
    AbuildError,
    ChecksumError,
    DependencyError,
    FetchError,
    LimitError,
    PackageError,
    PhaseError,
    RecipeError,
    SandboxError,
    SigningError,
    UnpackError,
)
from abuildpy.phases.outcome import NO_NETWORK


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (FetchError("x"), "fetch"),
        (ChecksumError("x"), "checksum"),
        (UnpackError("x"), "unpack"),
        (DependencyError("x"), "dependencies"),
        (RecipeError("x"), "evaluate"),
        (SandboxError("x"), "internal"),
        (SigningError("x"), "internal"),
        (AbuildError("x"), "internal"),
        (OSError(errno.ENOSPC, "No space left", "/x"), "disk"),
        (OSError(errno.EACCES, "Permission denied", "/x"), "internal"),
        (MemoryError(), "memory"),
        (ValueError("a bug"), "internal"),
        *((LimitError("x", reason=r, phase="build", status=1), r) for r in ("timeout", "no-output", "memory", "disk")),
        (LimitError("x", reason="processes", phase="check", status=1), "memory"),
        *(
            (PhaseError("x", phase=phase, status=1), reason)
            for phase, reason in (
                ("prepare", "compile"),
                ("build", "compile"),
                ("check", "test"),
                ("package", "package"),
                ("dev", "package"),
                ("fetch", "fetch"),
                ("unpack", "unpack"),
            )
        ),
    ],
)
def test_by_the_error(error: BaseException, reason: str, tmp_path: Path) -> None:
    assert cause_of(error, "package", tmp_path / "none").reason == reason


def phase_error(tmp_path: Path, phase: str, text: str, *, status: int = 1, hint: str | None = None) -> Cause:
    log = tmp_path / f"{phase}.log"
    log.write_text(text)
    return cause_of(PhaseError(f"{phase} failed", phase=phase, status=status, log=log, hint=hint), "", log)


def test_by_the_log(tmp_path: Path) -> None:
    assert (
        phase_error(tmp_path, "prepare", "1 out of 1 hunk FAILED -- saving rejects to file x.rej\n").reason == "patch"
    )
    assert phase_error(tmp_path, "build", "cc: fatal error: x.o: No space left on device\n").reason == "disk"
    assert phase_error(tmp_path, "build", "foo.c:3:1: error: expected ';'\n") == Cause(
        "compile", "foo.c:3:1: error: expected ';'"
    )
    text = "curl: (6) Could not resolve host: site.invalid\n"
    assert phase_error(tmp_path, "build", text).reason == "fetch"
    assert phase_error(tmp_path, "build", text, hint=NO_NETWORK).reason == "compile"


def test_the_first_error_of_packaging(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(">>> foo: x\n\x1b[1;31m>>> ERROR:\x1b[1;0m foo: Found /usr/var\n>>> ERROR: foo: postcheck failed\n")
    assert cause_of(PackageError("postcheck failed"), "postcheck", log) == Cause("postcheck", "foo: Found /usr/var")
    assert cause_of(PackageError("too large"), "pack", tmp_path / "none") == Cause("package", "too large")


def test_what_apk_says(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("(1/2) Installing x\nERROR: unable to select packages:\n  nothing (no such package)\n")
    assert cause_of(DependencyError("status 1"), "", log) == Cause("dependencies", "unable to select packages:")


def test_where_the_tree_is_kept_is_not_the_error(tmp_path: Path) -> None:
    details = ("it wrote nothing for 8s; its tree is kept in /x for looking",)
    error = LimitError("build was ended", reason="no-output", phase="build", status=1, details=details)
    assert cause_of(error, "", tmp_path) == Cause("no-output", "build was ended: it wrote nothing for 8s")
