# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of symbols as their source has them: ``foo(int)`` for ``_Z3fooi``, asked of binutils' c++filt where that is there.

The names are a stranger's, and so is what comes of them: few and short ones are asked about, the program has little time and
memory, and of what it says so much is read and no more.
"""

from __future__ import annotations

import os
import re
import select
import shutil
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import IO, Final

from abuildpy.maintain.diff.model import Change, Comparison, Difference

_PROGRAM: Final = "c++filt"
_LIMITED: Final = ("sh", "-c", 'ulimit -c 0; ulimit -t 20; ulimit -v 1048576; exec "$0"')
_MANGLED: Final = re.compile(r"(?:_Z|_R)[A-Za-z0-9_.$]+")
"""C++ and older Rust (Itanium C++ ABI, 5.1), and Rust (RFC 2603)."""
_LONGEST: Final = 4096
_LONGEST_READABLE: Final = 1000


@dataclass(frozen=True, slots=True)
class Limits:
    """Letters that are asked about, bytes of the answer that are read, seconds until it must be there."""

    asked: int = 8 << 20
    answer: int = 32 << 20
    seconds: float = 20.0


def with_readable_names(comparison: Comparison, environ: Mapping[str, str], limits: Limits = Limits()) -> Comparison:
    """The same comparison, its symbols with the names that their source has; unchanged where nobody knows these.

    ``environ`` says where programs are. Nothing is asked if no symbol of C++ or Rust differs.
    """
    names = dict.fromkeys(
        name for each in comparison.differences for change in each.section("symbols") if (name := _mangled(change))
    )
    program = shutil.which(_PROGRAM, path=environ.get("PATH")) if names else None
    if program is None:
        return comparison
    known = _ask(program, _bounded(names, limits.asked), environ, limits)
    return Comparison(tuple(_with(each, known) for each in comparison.differences)) if known else comparison


def _mangled(change: Change) -> str:
    """The symbol's name without its version, if it is a mangled one; else empty."""
    name = change.what.partition("@")[0]
    return name if len(name) <= _LONGEST and _MANGLED.fullmatch(name) else ""


def _bounded(names: Iterable[str], most: int) -> list[str]:
    found = []
    for name in names:
        most -= len(name) + 1
        if most < 0:
            break
        found.append(name)
    return found


def _with(difference: Difference, known: Mapping[str, str]) -> Difference:
    sections = tuple(
        replace(
            section, changes=tuple(replace(each, readable=known.get(_mangled(each), "")) for each in section.changes)
        )
        if section.name == "symbols"
        else section
        for section in difference.sections
    )
    return replace(difference, sections=sections)


def _ask(program: str, names: Sequence[str], environ: Mapping[str, str], limits: Limits) -> dict[str, str]:
    """What the program makes of some names, one a line; none of those that it leaves as they are, or did not get to."""
    env = {"PATH": environ.get("PATH", os.defpath), "LC_ALL": "C"}
    with open(os.memfd_create("names"), "w+b") as asked:
        asked.write("".join(f"{name}\n" for name in names).encode())
        asked.seek(0)
        try:
            process = subprocess.Popen(
                [*_LIMITED, program], env=env, cwd="/", stdin=asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError:
            return {}
        with process:
            assert process.stdout is not None  # noqa: S101 -- asked for above
            try:
                said = _read(process.stdout, limits)
            finally:
                process.kill()
    lines = said.decode("utf-8", "replace").split("\n")[:-1]
    if len(lines) > len(names):
        return {}  # nobody knows which line is whose
    pairs = zip(names, lines, strict=False)
    return {name: line for name, line in pairs if line and line != name and len(line) <= _LONGEST_READABLE}


def _read(pipe: IO[bytes], limits: Limits) -> bytes:
    parts, left, end = [], limits.answer, time.monotonic() + limits.seconds
    while left > 0 and (wait := end - time.monotonic()) > 0 and select.select([pipe], [], [], wait)[0]:
        part = os.read(pipe.fileno(), min(left, 1 << 16))
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
