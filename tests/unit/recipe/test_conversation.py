# SPDX-License-Identifier: GPL-3.0-or-later
"""What ash prints of its variables comes back as it was, however odd, and only what changed."""

from __future__ import annotations

import os
import subprocess

import pytest

from abuildpy.recipe.conversation import changes, read_base
from abuildpy.shell import find_ash

VALUES = [
    "",
    "x",
    "a=",
    "=",
    "'",
    "''",
    "it's",
    "\n",
    "\n\n",
    "a\n",
    "\nb",
    "='\n",
    "='",
    "'\n",
    "a='b'\nc='d'\n",
    "\x01",
    "é",
    "\udcff",
    "\\",
]


def listing(**variables: str) -> bytes:
    """What ``set`` prints."""
    env = {b"PATH": b"/nonexistent", **{os.fsencode(n): os.fsencode(v) for n, v in variables.items()}}
    return subprocess.run([*find_ash(), "-c", "unset PWD; set"], env=env, capture_output=True, check=True).stdout


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("name", ["AA", "url", "zzz"])  # the first, one in the middle, the last
def test_what_was_changed(name: str, value: str) -> None:
    base = read_base(listing(before="1", long="a\nb", tmpdir="/tmp"), b"")
    after = listing(before="1", long="a\nb", tmpdir="/tmp", **{name: value})
    assert changes(after, base) == {name: value}


@pytest.mark.parametrize("value", VALUES)
def test_what_was_there_before(value: str) -> None:
    base = read_base(listing(before=value), b"")
    assert changes(listing(before=value), base) == {}
    assert changes(listing(), base) == {"before": None}
