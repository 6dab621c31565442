# SPDX-License-Identifier: GPL-3.0-or-later
"""What a new source makes of a patch: it fits, it fits somewhere else, upstream has it by now, or it does not fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from abuildpy.maintain.bumping.patches.applying import FUZZ, Applied, Place, apply_hunks
from abuildpy.maintain.bumping.patches.folder import Files, Unreadable
from abuildpy.maintain.bumping.patches.refresh import refreshed_hunks
from abuildpy.maintain.bumping.patches.trim import hunks_upstream, without_hunks
from abuildpy.maintain.bumping.patches.unified import FileDiff, Hunk, NotUnderstood, Patch, parse_patch

IS_UPSTREAM: Final = "is upstream by now, as it seems"
Kind = Literal["fits", "refreshed", "upstream", "fails"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """A hunk that fits nowhere (None: the whole file), and why as far as that can be told."""

    path: str
    hunk: Hunk | None
    why: str

    def __str__(self) -> str:
        where = f"{self.path}: hunk {self.hunk.number} (line {self.hunk.old_start})" if self.hunk else self.path
        return f"{where} {self.why}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """``text`` is the refreshed patch; ``notes`` tell of each hunk that is elsewhere; ``troubles`` are for ``fails``."""

    kind: Kind
    text: bytes = b""
    notes: tuple[str, ...] = ()
    troubles: tuple[Trouble, ...] = ()


@dataclass(frozen=True, slots=True)
class _Done:
    """A file's part of a patch, applied: its lines before, and what came of it."""

    diff: FileDiff
    path: str
    before: list[bytes]
    after: Applied
    troubles: tuple[Trouble, ...] = ()


def judge(text: bytes, files: Files, strip: int = 1, *, known: bool = False) -> Verdict:
    """Judges a patch against files, and changes those where it is to be applied. Raises NotUnderstood.

    A patch that fits as it is written is never taken for one that upstream has: upstream has it if the new files fit, to the
    last line of context, what the patch leaves behind, or if that is ``known`` (see :func:`upstream_has`). Where that is so of
    some hunks only and the others fit, the patch goes on without them.
    """
    patch = parse_patch(text)
    exact = _try(patch.files, files, strip, fuzz=0)
    if not _troubles(exact):
        _keep(exact, files)
        return _fitting(patch, exact)
    if known or not _troubles(_back(patch, files, strip)):
        return Verdict("upstream")
    loose = _try(patch.files, files, strip, fuzz=FUZZ)
    if not _troubles(loose):
        _keep(loose, files)
        return _fitting(patch, loose)
    rest = without_hunks(patch, [hunks_upstream(each.before, each.after) for each in loose])
    if rest is not None and all(trouble.hunk is not None for trouble in _troubles(loose)):
        verdict = judge(rest, files, strip)
        if verdict.kind in ("fits", "refreshed"):
            gone = [
                f"{trouble.path}: hunk {trouble.hunk.number} is upstream now"
                for trouble in _troubles(loose)
                if trouble.hunk
            ]
            return Verdict("refreshed", verdict.text or rest, (*gone, *verdict.notes))
    return Verdict("fails", troubles=_explained(loose))


def upstream_has(texts: Sequence[bytes], files: Files, strip: int = 1) -> frozenset[int]:
    """Which of a recipe's patches upstream has, by their places.

    They are taken back from the last to the first, for a later one may have changed what an earlier one did. ``files`` are
    changed by that.
    """
    found = set()
    for place in range(len(texts) - 1, -1, -1):
        try:
            back = _back(parse_patch(texts[place]), files, strip)
        except NotUnderstood:
            continue
        if not _troubles(back):
            _keep(back, files)
            found.add(place)
    return frozenset(found)


def _back(patch: Patch, files: Files, strip: int) -> list[_Done]:
    return _try([diff.reversed for diff in reversed(patch.files)], files, strip, fuzz=0)


def _try(diffs: Sequence[FileDiff], files: Files, strip: int, *, fuzz: int) -> list[_Done]:
    """Applies a patch's parts; the same file may be in several of them."""
    seen: dict[str, list[bytes] | None] = {}
    return [_try_one(diff, files, strip, fuzz, seen) for diff in diffs]


def _try_one(diff: FileDiff, files: Files, strip: int, fuzz: int, seen: dict[str, list[bytes] | None]) -> _Done:
    path = ""
    try:
        path, lines = _find(diff, files, strip, seen)
    except Unreadable as error:
        names = diff.candidates(strip) or [_shown(diff)]
        return _Done(diff, names[-1], [], Applied([], ()), (Trouble(names[-1], None, f"cannot be patched: {error}"),))
    if not path:
        why = f"has no name that is left after {strip} leading folders are taken off"
        return _Done(diff, _shown(diff), [], Applied([], ()), (Trouble(_shown(diff), None, why),))
    if diff.creates and lines:
        return _Done(diff, path, lines, Applied(lines, ()), (Trouble(path, None, "is there already"),))
    if lines is None and not diff.creates:
        return _Done(diff, path, [], Applied([], ()), (Trouble(path, None, "is not there any more"),))
    before = lines or []
    after = apply_hunks(before, diff.hunks, fuzz=fuzz)
    troubles = [Trouble(path, hunk, "does not fit") for hunk in after.failed]
    if diff.deletes and after.lines and not troubles:
        troubles.append(Trouble(path, None, "has more in it than the patch deletes"))
    seen[path] = None if diff.deletes else after.lines
    return _Done(diff, path, before, after, tuple(troubles))


def _find(
    diff: FileDiff, files: Files, strip: int, seen: dict[str, list[bytes] | None]
) -> tuple[str, list[bytes] | None]:
    """The file that is meant, as patch(1) chooses: the shortest of those that are there; None: it is not there."""
    there: list[tuple[str, list[bytes]]] = []
    names = diff.candidates(strip)
    for name in names:
        lines = seen[name] if name in seen else _lines(files.read(name))
        if lines is not None:
            there.append((name, lines))
    if there:
        return min(there, key=lambda each: (each[0].count("/"), len(each[0].rpartition("/")[2]), len(each[0])))
    return (names[-1] if names else ""), None


def _lines(content: bytes | None) -> list[bytes] | None:
    if content is None:
        return None
    lines = [line + b"\n" for line in content.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _troubles(done: Sequence[_Done]) -> list[Trouble]:
    return [trouble for each in done for trouble in each.troubles]


def _keep(done: Sequence[_Done], files: Files) -> None:
    changes: dict[str, bytes | None] = {}
    for each in done:
        changes[each.path] = None if each.diff.deletes else b"".join(each.after.lines)
    files.change(changes)


def _fitting(patch: Patch, done: Sequence[_Done]) -> Verdict:
    moved = [(each, place) for each in done for place in each.after.places if not place.is_exact]
    if not moved:
        return Verdict("fits")
    notes = tuple(f"{each.path}: {_note(place)}" for each, place in moved)
    return Verdict("refreshed", _refreshed(patch, done), notes)


def _note(place: Place) -> str:
    parts = [f"offset {place.offset}"] if place.offset else []
    parts += [f"fuzz {place.fuzz}"] if place.fuzz else []
    return f"hunk {place.hunk.number}: {', '.join(parts)}"


def _refreshed(patch: Patch, done: Sequence[_Done]) -> bytes:
    """The patch with its hunks as they fit now, and everything else as it was."""
    parts: list[bytes] = []
    at = 0
    for each in done:
        first, last = each.diff.hunks[0], each.diff.hunks[-1]
        parts += patch.text[at : first.start], refreshed_hunks(patch.text, each.diff, each.before, each.after)
        at = last.end
    return b"".join((*parts, patch.text[at:]))


def _explained(done: Sequence[_Done]) -> tuple[Trouble, ...]:
    """The troubles, those first that upstream gives no answer to."""
    found: list[Trouble] = []
    for each in done:
        upstream = hunks_upstream(each.before, each.after, fuzz=FUZZ)
        for trouble in each.troubles:
            is_upstream = trouble.hunk is not None and trouble.hunk.number in upstream
            found.append(replace(trouble, why=IS_UPSTREAM) if is_upstream else trouble)
    return tuple(sorted(found, key=lambda trouble: trouble.why == IS_UPSTREAM))


def _shown(diff: FileDiff) -> str:
    return diff.new_name.decode("utf-8", "replace")
