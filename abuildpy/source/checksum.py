# SPDX-License-Identifier: GPL-3.0-or-later
"""Checksums of sources: reading the recipe's list, computing, comparing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from abuildpy.errors import ChecksumError
from abuildpy.messages import Messages
from abuildpy.regular import regular

_BUFFER = 1 << 20
_WORTH_A_THREAD = 8 << 20  # bytes; below, starting threads costs more than the hashing


@dataclass(frozen=True, slots=True)
class Sum:
    """One pair of a recipe's ``sha512sums``: hexadecimal hash and the name written beside it."""

    hash: str
    name: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A file and what its hash should be; ``remote`` files may be set aside when they are wrong."""

    path: Path
    hash: str
    remote: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one :class:`Wanted`: ``actual`` is None if the file could not be read (``problem`` says why)."""

    wanted: Wanted
    actual: str | None
    problem: str | None = None

    @property
    def good(self) -> bool:
        """Whether the file is the one described."""
        return self.actual is not None and self.actual == self.wanted.hash.lower()


def parse_sums(text: str) -> tuple[Sum, ...]:
    """Split the value of ``sha512sums`` into its pairs; ChecksumError if a hash stands without a name."""
    words = text.split()
    if len(words) % 2:
        raise ChecksumError(
            f"the list of checksums has an odd number of words: {words[-1]!r} has no partner",
            hint="Run 'abuild checksum' to write the list anew",
        )
    return tuple(Sum(words[i], words[i + 1]) for i in range(0, len(words), 2))


def file_hash(path: Path, algorithm: str) -> str:
    """Hexadecimal hash of a file's bytes; OSError if it cannot be read."""
    import hashlib

    digest = hashlib.new(algorithm)
    buffer = bytearray(_BUFFER)
    view = memoryview(buffer)
    with open(regular(path), "rb", buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(view[:count])
    return digest.hexdigest()


def hash_files(paths: Sequence[Path], algorithm: str) -> tuple[str | OSError, ...]:
    """Hash every file, several large ones at once; an unreadable file yields its OSError in place of a hash."""

    def one(path: Path) -> str | OSError:
        try:
            return file_hash(path, algorithm)
        except OSError as error:
            return error

    big = 0
    for path in paths:
        try:
            big += path.stat().st_size >= _WORTH_A_THREAD
        except OSError:
            continue
    workers = min(big, os.cpu_count() or 1)
    if workers < 2:
        return tuple(one(path) for path in paths)
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(workers) as pool:
        return tuple(pool.map(one, paths))


def compare(wanted: Sequence[Wanted], algorithm: str) -> tuple[Verdict, ...]:
    """Hash every file and say for each whether it is the one described. Changes nothing, raises nothing."""
    hashes = hash_files([w.path for w in wanted], algorithm)
    return tuple(
        Verdict(w, None, h.strerror or str(h)) if isinstance(h, OSError) else Verdict(w, h)
        for w, h in zip(wanted, hashes, strict=True)
    )


def set_aside(path: Path, expected: str) -> Path:
    """Rename a wrong file to ``<file>.<first 8 characters of the expected hash>`` and return the new name.

    So the next run downloads it again, and the wrong one can still be looked at. OSError if it cannot be renamed.
    """
    aside = path.with_name(f"{path.name}.{expected[:8] or 'unknown'}")
    path.replace(aside)
    return aside


def verify(wanted: Iterable[Wanted], algorithm: str, *, log: Messages) -> tuple[Verdict, ...]:
    """Compare every file, print ``<path>: OK`` or ``<path>: FAILED`` for each, and raise if any is wrong.

    A wrong file that was downloaded is set aside first. ChecksumError names every wrong file with both hashes.
    """
    verdicts = compare(tuple(wanted), algorithm)
    details: list[str] = []
    for verdict in verdicts:
        path = verdict.wanted.path
        if verdict.good:
            log.plain(f"{path}: OK")
            continue
        if verdict.actual is None:
            log.plain(f"{path}: FAILED open or read")
            details.append(f"{path}: {verdict.problem}")
            continue
        log.plain(f"{path}: FAILED")
        details += _explain(verdict)
        if verdict.wanted.remote:
            details.append(_moved(verdict))
    bad = [v.wanted.path.name for v in verdicts if not v.good]
    if bad:
        raise ChecksumError(
            f"{algorithm} mismatch or unreadable: {', '.join(bad)}",
            details=tuple(details),
            hint="If the new file is the one you want, use 'abuild checksum' to generate/update the checksum(s);"
            " otherwise run the same command again to fetch it once more",
        )
    return verdicts


def _explain(verdict: Verdict) -> list[str]:
    expected = verdict.wanted.hash or "(none: the list of checksums is too short)"
    lines = [f"{verdict.wanted.path}:", f"  expected {expected}", f"  got      {verdict.actual}"]
    with open(regular(verdict.wanted.path), "rb") as file:
        start = file.read(512).lstrip().lower()
    if start.startswith((b"<!doctype html", b"<html")):
        lines.append("  It is an HTML page: the server probably sent an error or log-in page instead of the file")
    elif not start:
        lines.append("  It is empty")
    return lines


def _moved(verdict: Verdict) -> str:
    try:
        return f"  The file was set aside as {set_aside(verdict.wanted.path, verdict.wanted.hash)}"
    except OSError as error:
        return f"  The file could not be set aside: {error.strerror}; remove it by hand to fetch it again"
