# SPDX-License-Identifier: GPL-3.0-or-later
"""The first real error of many logs.

``logs/*.txt`` hold them: a line ``===== NAME`` begins each, and ``◀KIND`` stands behind the line that must be found, and ends it.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from abuildpy.diagnosis.diagnose import diagnose
from abuildpy.diagnosis.text import parse_log

_MARK = " ◀"
_BEFORE = """\
>>> foo: Building main/foo 1-r0 (using abuild 3.15.0-r2) started Mon, 03 Nov 2025 08:14:02 +0000
>>> foo: Analyzing dependencies...
(1/2) Installing liberror (1-r0)
>>> foo: Cleaning temporary build dirs...
gcc -DERROR -Werror=format-security -c -o conf.o conf.c
conf.c:3:4: warning: unused variable 'error' [-Wunused-variable]
fatal: not a git repository (or any of the parent directories): .git
"""
_AFTER = """\
>>> ERROR: foo: build failed
>>> foo: Uninstalling dependencies...
(1/1) Purging .makedepends-foo (20251103.081405)
Executing busybox-1.37.0-r20.trigger
OK: 212 MiB in 78 packages
"""


def _cases() -> list[tuple[str, str]]:
    cases = []
    for path in sorted(Path(__file__).with_name("logs").glob("*.txt")):
        parts = re.split(r"^===== (.*)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
        cases += [(f"{path.stem}: {name}", text) for name, text in zip(parts[1::2], parts[2::2], strict=True)]
    return cases


_CASES = _cases()


def _without_mark(text: str) -> tuple[str, int, str]:
    """The log, the number of the line that was marked, and the kind that the mark told."""
    lines, wanted, kind = [], 0, ""
    for number, line in enumerate(text.split("\n"), 1):
        said, mark, after = line.partition(_MARK)
        if mark:
            wanted, kind = number, after
        lines.append(said)
    return "\n".join(lines), wanted, kind


def test_every_log_has_its_name_for_itself() -> None:
    names = [name for name, _ in _CASES]
    assert len(names) == len(set(names)) > 90


@pytest.mark.parametrize("text", [text for _, text in _CASES], ids=[name for name, _ in _CASES])
def test_first_error(text: str) -> None:
    log, wanted, kind = _without_mark(text)
    found = diagnose(parse_log(log.encode()))
    assert found is not None
    assert (found.number, found.kind) == (wanted, kind), found.text


@pytest.mark.parametrize("text", [text for _, text in _CASES], ids=[name for name, _ in _CASES])
def test_first_error_of_a_whole_build(text: str) -> None:
    """The same with abuild's own lines around it, and what builds do not mind before it."""
    log, wanted, _ = _without_mark(text)
    log = log.rstrip("\n") + "\n"
    found = diagnose(parse_log((_BEFORE + log + ("" if ">>> " in log else _AFTER)).encode()))
    assert found is not None
    assert found.number == wanted + _BEFORE.count("\n"), found.text
