# SPDX-License-Identifier: GPL-3.0-or-later
"""A difference as lines of text, plain or for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from abuildpy.maintain.diff.model import VERDICTS, Change, Comparison, Difference, Section, Sign, Verdict
from abuildpy.ui.styled import Line, Piece, as_text
from abuildpy.ui.words import counted, printable, printable_line

VERDICT_WORDS: Final[dict[Verdict, str]] = {
    "same": "the same",
    "differs": "differs, with the same ABI",
    "provides": "names that others may depend on are lost",
    "abi": "the ABI changed",
}
_COUNTED: Final[dict[Verdict, str]] = {
    "same": "the same",
    "differs": "with other differences",
    "provides": "without names that they had",
    "abi": "with another ABI",
}
_VERDICT_STYLES: Final[dict[Verdict, str]] = {
    "same": "green",
    "differs": "cyan",
    "provides": "yellow",
    "abi": "bold red",
}
_SIGN_STYLES: Final = {"+": "green", "-": "red", "~": "yellow", ">": "cyan"}
_MARKS: Final = {"abi": "[ABI]", "provides": "[provides]", "": ""}
_MOST: Final = 25
_WIDEST: Final = 56


def render_text(difference: Difference | Comparison, *, full: bool = False) -> str:
    """Plain lines, without colours, never wrapped; empty if nothing differs. ``full`` shows what long lists leave out."""
    return as_text(lines_of(difference, full=full), colors=False)


def lines_of(difference: Difference | Comparison, *, full: bool = False) -> Iterator[Line]:
    """The same in pieces that have styles."""
    if isinstance(difference, Difference):
        yield from _difference(difference, full)
        return
    for number, each in enumerate(difference.differences):
        if number:
            yield ()
        yield from _difference(each, full)
    if len(difference.differences) > 1:
        yield ()
        yield from _summary(difference)


def _summary(comparison: Comparison) -> Iterator[Line]:
    counts = Counter(each.verdict for each in comparison.differences)
    parts = ", ".join(f"{counts[verdict]} {_COUNTED[verdict]}" for verdict in reversed(VERDICTS) if counts[verdict])
    text = f"{counted(len(comparison.differences), 'package')}: {parts}"
    yield ((_VERDICT_STYLES[comparison.verdict], text),)


def title(difference: Difference) -> str:
    """``foo 1.0-r0 -> 1.1-r0 (x86_64)``."""
    old, new = difference.old, difference.new
    if old is None or new is None:
        one = old or new
        text = f"{one.name} {one.version} ({one.arch})" if one is not None else ""
        return printable(f"{text} is {'gone' if new is None else 'new'}")
    name = old.name if old.name == new.name else f"{old.name} -> {new.name}"
    version = old.version if old.version == new.version else f"{old.version} -> {new.version}"
    arch = old.arch if old.arch == new.arch else f"{old.arch} -> {new.arch}"
    return printable(f"{name} {version} ({arch})")


def sizes(difference: Difference) -> str:
    """``package 4,123 B -> 4,210 B (+2.1 %), installed …``."""
    old, new = difference.old, difference.new
    if old is None or new is None:
        one = old or new
        return f"package {one.size:,} B, installed {one.installed_size:,} B" if one is not None else ""
    return f"package {_size(old.size, new.size)}, installed {_size(old.installed_size, new.installed_size)}"


def _size(old: int, new: int) -> str:
    if old == new:
        return f"{new:,} B"
    percent = f" ({100 * (new - old) / old:+.1f} %)" if old else ""
    return f"{old:,} B -> {new:,} B{percent}"


def reasons(difference: Difference) -> list[str]:
    """What the verdict rests on, in few lines."""
    found = []
    counts: dict[str, Counter[str]] = {}
    for each in difference.section("symbols"):
        if each.impact:
            counts.setdefault(each.where, Counter())["gone" if each.sign == "-" else "changed"] += 1
    for library, its in counts.items():
        told = ", ".join(f"{counted(its[word], 'symbol')} {word}" for word in ("gone", "changed") if its[word])
        found.append(f"{printable(library)}: {told}")
    names = {each.what for each in difference.section("provides") if each.impact and each.sign == "-"}
    for each in difference.section("libraries"):
        if each.impact and f"so:{each.old}" not in names:
            found.append(printable(f"{each.old}: {each.note}"))
    for kind, wanted in (("libraries", True), ("names", False)):
        lost = sorted(name for name in names if name.startswith("so:") == wanted)
        if lost:
            more = f" and {len(lost) - 8} more" if len(lost) > 8 else ""
            found.append(f"{kind} not provided any more: {printable(' '.join(lost[:8]))}{more}")
    for each in difference.section("provides"):
        if each.impact and each.sign == "~":
            becomes = (
                f"goes down: {each.old} -> {each.new}"
                if each.new
                else f"is provided without a version (was {each.old})"
            )
            found.append(printable(f"{each.what} {becomes}"))
    return found


def _difference(difference: Difference, full: bool) -> Iterator[Line]:
    verdict = difference.verdict
    words = "only the version differs" if _is_version_only(difference) else VERDICT_WORDS[verdict]
    if difference.old is None:
        yield (("bold", title(difference)),)
    else:
        yield (("bold", title(difference)), ("", ": "), (_VERDICT_STYLES[verdict], words))
    if _is_version_only(difference) and not full:
        return
    yield (("dim", f"    {sizes(difference)}"),)
    for reason in reasons(difference):
        yield ((_VERDICT_STYLES[verdict], f"    {reason}"),)
    for section in difference.sections:
        yield ()
        if section.name == "build" and not full:
            names = ", ".join(f"{each.what} ({each.new})" if not each.old else each.what for each in section.changes)
            yield (("bold", section.title), ("dim", f": {printable(names)}"))
        else:
            yield from _section(section, full)
    if difference.unseen:
        yield ()
        yield (("bold", "Not compared"),)
        for text in difference.unseen:
            yield (("yellow", f"  ! {printable(text)}"),)


def _is_version_only(difference: Difference) -> bool:
    changes = [each.what for section in difference.sections if section.name != "build" for each in section.changes]
    return changes == ["pkgver"] and not difference.unseen


def _section(section: Section, full: bool) -> Iterator[Line]:
    yield (("bold", section.title), ("dim", f"  ({len(section.changes)})" if len(section.changes) > 1 else ""))
    for where, changes in _grouped(section.changes):
        if where:
            yield (("", "  "), ("underline", printable(where)), ("dim", f"  {_counts(changes)}"))
        indent = "    " if where else "  "
        most = len(changes) if full else _MOST
        shown = sorted(changes, key=lambda each: not each.impact)[:most]
        width = min(max(len(name_of(each)) for each in shown), _WIDEST)
        for change in shown:
            yield _line(change, indent, width)
            yield from (_diff_line(line, indent) for line in change.lines)
        if len(changes) > most:
            yield (("dim", f"{indent}… and {len(changes) - most:,} more (--full shows all)"),)


def _grouped(changes: Sequence[Change]) -> list[tuple[str, list[Change]]]:
    found: dict[str, list[Change]] = {}
    for change in changes:
        found.setdefault(change.where, []).append(change)
    return list(found.items())


def _counts(changes: Iterable[Change]) -> str:
    counts = Counter(each.sign for each in changes)
    words: dict[Sign, str] = {"+": "added", "-": "removed", "~": "changed", ">": "renamed"}
    return ", ".join(f"{counts[sign]} {word}" for sign, word in words.items() if counts[sign])


def _line(change: Change, indent: str, width: int) -> Line:
    what = name_of(change)
    values = arrow(change)
    note = printable(change.note)
    pieces: list[Piece] = [("", indent), (_SIGN_STYLES[change.sign], f"{change.sign} ")]
    pieces.append(("", f"{what:{width}}" if values or note or change.impact else what))
    if values:
        pieces.append(("", f"  {values}"))
    if change.impact:
        pieces.append(("bold red" if change.impact == "abi" else "yellow", f"  {_MARKS[change.impact]}"))
    if note:
        pieces.append(("dim", f"  ({note})" if values or change.impact else f"  {note}"))
    return tuple(pieces)


def name_of(change: Change) -> str:
    """What changed, a symbol by the name that its source has, as far as that is known."""
    return _readable(change, change.what)


def arrow(change: Change) -> str:
    """``old -> new``, or the side that there is, unless that only repeats what changed."""
    old, new = _readable(change, change.old), _readable(change, change.new)
    if old and new:
        return f"{old} -> {new}"
    return "" if (old or new) == name_of(change) else old or new


def _readable(change: Change, text: str) -> str:
    return printable(text.replace(change.what.partition("@")[0], change.readable) if change.readable else text)


def _diff_line(line: str, indent: str) -> Line:
    style = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1], "")
    return ((style, f"{indent}    {printable_line(line)}"),)
