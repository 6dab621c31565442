# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches of which upstream has a part by now: which hunks these are, and the patch without them."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from abuildpy.maintain.bumping.patches.applying import Applied, apply_hunks
from abuildpy.maintain.bumping.patches.unified import Patch

_HEADS = (b"diff --git ", b"Index: ", b"--- ")
"""What a file's part of a patch begins with; the first of them that is there."""


def hunks_upstream(before: Sequence[bytes], applied: Applied, *, fuzz: int = 0) -> frozenset[int]:
    """Numbers of those failed hunks whose outcome the file (lines ``before``) has already."""
    return frozenset(
        hunk.number for hunk in applied.failed if not apply_hunks(before, [hunk.reversed], fuzz=fuzz).failed
    )


def without_hunks(patch: Patch, gone: Sequence[Collection[int]]) -> bytes | None:
    """The patch without some hunks of each file (by number); None if it would be the same, or nothing would be left.

    Of files that lose all of their hunks, the names go too.
    """
    if not any(gone) or all(len(numbers) == len(diff.hunks) for diff, numbers in zip(patch.files, gone, strict=True)):
        return None
    parts: list[bytes] = []
    at = 0
    for diff, numbers in zip(patch.files, gone, strict=True):
        head = patch.text[at : diff.hunks[0].start]
        if len(numbers) == len(diff.hunks):
            parts.append(_above(head))
        else:
            parts.append(head)
            parts += (patch.text[hunk.start : hunk.end] for hunk in diff.hunks if hunk.number not in numbers)
        at = diff.hunks[-1].end
    return b"".join((*parts, patch.text[at:]))


def _above(head: bytes) -> bytes:
    """What stands above a file's part of a patch, such as the description of the patch."""
    for start in _HEADS:
        if head.startswith(start):
            return b""
        at = head.rfind(b"\n" + start)
        if at >= 0:
            return head[: at + 1]
    return head
