# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between the files of two packages: which there are, their modes and owners, their sizes."""

from __future__ import annotations

import difflib
import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from abuildpy.maintain.diff.contents import Contents, File
from abuildpy.maintain.diff.model import Change

_KINDS: Final = {
    "f": "file",
    "d": "directory",
    "l": "symbolic link",
    "c": "character device",
    "b": "block device",
    "p": "fifo",
}
_MOST_LINES: Final = 1500
"""Of more lines that differ no shortest diff is looked for: it could take hours for those who mean it."""


@dataclass(frozen=True, slots=True)
class Matched:
    """Files of both sides that belong together, and those that do not: ``came``, ``went``."""

    pairs: tuple[tuple[File, File], ...]
    came: tuple[File, ...]
    went: tuple[File, ...]


def match(old: Contents, new: Contents) -> Matched:
    """Which file is which: by path; then what is the same path with the new version in it instead of the old one; then by
    content, where there is one of it on either side, or one of the same name.
    """
    before, after = old.files, new.files
    pairs = [(file, after[path]) for path, file in before.items() if path in after]
    went = {path: file for path, file in before.items() if path not in after}
    came = {path: file for path, file in after.items() if path not in before}
    for one, other in ((old.apk.version, new.apk.version), (_pkgver(old), _pkgver(new)), _series(old, new)):
        for path, file in list(went.items()) if one and other and one != other else ():
            twin = came.get(path.replace(one, other)) if one in path else None
            if twin is not None and twin.kind == file.kind:
                pairs.append((went.pop(path), came.pop(twin.path)))
    twins = _by_content(came.values())
    for content, files in _by_content(went.values()).items():
        there = twins.get(content, [])
        names = Counter(posixpath.basename(each.path) for each in there)
        named = {posixpath.basename(each.path): each for each in there}
        for file in files:
            name = posixpath.basename(file.path)
            twin = there[0] if len(there) == len(files) == 1 else named[name] if names[name] == 1 else None
            if twin is not None and twin.path in came:
                pairs.append((went.pop(file.path), came.pop(twin.path)))
    return Matched(tuple(pairs), tuple(came.values()), tuple(went.values()))


def _by_content(files: Iterable[File]) -> dict[tuple[str, int], list[File]]:
    found: dict[tuple[str, int], list[File]] = {}
    for file in files:
        if file.digest and file.size:
            found.setdefault((file.digest, file.size), []).append(file)
    return found


def _pkgver(contents: Contents) -> str:
    return contents.apk.version.rpartition("-r")[0]


def _series(old: Contents, new: Contents) -> tuple[str, str]:
    """The first two numbers of both versions, as in ``python3.11``: nothing where that is too little to go by."""
    one, other = (".".join(_pkgver(each).split(".")[:2]) for each in (old, new))
    return (one, other) if "." in one and "." in other else ("", "")


def files(matched: Matched) -> Iterator[Change]:
    """Changes of the list of files, by path. A directory is told of only where no file below it tells of it."""
    found = [_changed(one, other) for one, other in matched.pairs]
    below_new = _parents(matched.came)
    below_old = _parents(matched.went)
    found += [Change("+", f.path, "", described(f)) for f in matched.came if f.kind != "d" or f.path not in below_new]
    found += [Change("-", f.path, described(f), "") for f in matched.went if f.kind != "d" or f.path not in below_old]
    return iter(sorted((change for change in found if change is not None), key=lambda change: change.what))


def _parents(files: Sequence[File]) -> frozenset[str]:
    found: set[str] = set()
    for file in files:
        parent = posixpath.dirname(file.path)
        while parent and parent not in found:
            found.add(parent)
            parent = posixpath.dirname(parent)
    return frozenset(found)


def _changed(old: File, new: File) -> Change | None:
    one, other = _aspects(old), _aspects(new)
    told = [name for name in one if one[name] != other[name]]
    is_other = old.kind == new.kind == "f" and old.digest != new.digest
    if not told and not is_other and (old.path == new.path or old.kind == "d"):
        return None
    before = ", ".join(one[name] for name in told if one[name])
    after = ", ".join(other[name] for name in told if other[name])
    notes = [name for name in told if name not in ("size", "target")]
    if is_other and (old.path != new.path or old.size == new.size or notes):
        notes.insert(0, "content" if old.size != new.size else f"content, still {new.size:,} B")
    note = ", ".join(notes)
    if old.path != new.path:
        return Change(">", old.path, before, after, f"now {new.path}" + (f"; {note}" if note else ""))
    return Change("~", old.path, before, after, note)


def _aspects(file: File) -> dict[str, str]:
    """What there is to say of a file, each by its name."""
    return {
        "type": _KINDS[file.kind],
        "size": f"{file.size:,} B" if file.kind == "f" else "",
        "mode": f"{file.mode:04o}" if file.kind != "l" else "",
        "owner": file.owner,
        "target": file.target,
        "capabilities": file.capability,
        "attributes": " ".join(f"{name}={value}" for name, value in file.xattrs),
        "hard link": f"to {file.link}" if file.link else "",
    }


def described(file: File) -> str:
    """A file in few words: what is not as usual, and its size."""
    usual = "0755" if file.kind == "d" else "0644"
    parts = []
    if file.kind == "l":
        parts.append(f"-> {file.target}")
    elif file.kind != "f":
        parts.append(_KINDS[file.kind])
    else:
        parts.append(f"hard link to {file.link}" if file.link else f"{file.size:,} B")
    if file.kind != "l" and f"{file.mode:04o}" != usual:
        parts.append(f"{file.mode:04o}")
    if file.owner not in ("root:root", "0:0"):
        parts.append(file.owner)
    if file.capability:
        parts.append(file.capability)
    return ", ".join(parts)


def times(matched: Matched) -> Iterator[Change]:
    """How many files have another time; that differs from build to build."""
    other = sum(one.mtime != new.mtime for one, new in matched.pairs)
    if other:
        yield Change("~", "file times", "", f"{other:,} of {len(matched.pairs):,}")


# --- texts -------------------------------------------------------------------------------------------------------


def unified(old: bytes, new: bytes) -> tuple[str, ...]:
    """The lines of a unified diff of two texts, without its two heads; lines that are no UTF-8 keep their bytes as
    surrogates. The time it takes is bounded: a large middle that differs counts as replaced.
    """
    before, after = _lines(old), _lines(new)
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    context_start, context_end = max(0, start - 3), max(0, end - 3)
    one = before[context_start : len(before) - context_end]
    other = after[context_start : len(after) - context_end]
    if max(len(one), len(other)) > _MOST_LINES:
        gone, come = before[start : len(before) - end], after[start : len(after) - end]
        head = f"@@ -{start + 1},{len(gone)} +{start + 1},{len(come)} @@"
        return (head, *(f"-{line}" for line in gone), *(f"+{line}" for line in come))
    lines = list(difflib.unified_diff(one, other, lineterm=""))[2:]
    return tuple(_moved(line, context_start) for line in lines)


def _moved(line: str, by: int) -> str:
    """A line of a diff that begins further down in the file."""
    if not line.startswith("@@ ") or not by:
        return line
    ranges = []
    for each in line.split(" ")[1:3]:
        at, comma, count = each[1:].partition(",")
        ranges.append(f"{each[0]}{int(at) + by}{comma}{count}")
    return f"@@ {' '.join(ranges)} @@"


def _lines(data: bytes) -> list[str]:
    lines = data.decode("utf-8", "surrogateescape").split("\n")
    if lines and not lines[-1]:
        lines.pop()
    elif lines:
        lines[-1] += "\N{SYMBOL FOR NEWLINE} (no line end)" if data else ""
    return lines


def is_text(data: bytes) -> bool:
    """Whether a file can be shown as lines."""
    if b"\0" in data:
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def contents(matched: Matched, old: Mapping[str, bytes], new: Mapping[str, bytes]) -> Iterator[Change]:
    """The changed lines of text files, whose contents are given by path."""
    for one, other in sorted(matched.pairs, key=lambda pair: pair[1].path):
        before, after = old.get(one.path), new.get(other.path)
        if before is not None and after is not None and is_text(before) and is_text(after):
            yield Change("~", other.path, lines=unified(before, after))


def differing(matched: Matched) -> list[tuple[File, File]]:
    """Regular files on both sides with another content."""
    return [pair for pair in matched.pairs if pair[0].kind == pair[1].kind == "f" and pair[0].digest != pair[1].digest]
