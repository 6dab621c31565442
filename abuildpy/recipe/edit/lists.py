# SPDX-License-Identifier: GPL-3.0-or-later
"""Adding words to list variables and taking them out, in the layout that the list has.

Order of variables: as newapkbuild (abuild 3.18) writes them. That ``source`` has its files on lines of their own and
that no variable is left empty is aports' habit (its CODINGSTYLE.md, "Variable Assignments").
"""

from __future__ import annotations

from itertools import groupby, pairwise
from typing import TYPE_CHECKING

from abuildpy.errors import RecipeError
from abuildpy.recipe.edit.changes import Change, applied, encoded, keeping_line_ends, line_after, quote_around
from abuildpy.recipe.edit.effect import certain_values, is_kept, require_effect
from abuildpy.recipe.edit.words import Entry, entries, mentions, written_word
from abuildpy.recipe.syntax import Assignment, Script, parse

if TYPE_CHECKING:
    from abuildpy.recipe.static import StaticValues

_WIDTH = 80
_TAB = 8
_ORDER = (
    "pkgname pkgver pkgrel pkgdesc url arch license depends depends_dev makedepends makedepends_build makedepends_host "
    "checkdepends install_if install triggers pkgusers pkggroups subpackages source builddir replaces provides options"
).split()


@keeping_line_ends
def add_to_list(text: bytes, name: str, word: str) -> bytes:
    """``text`` with ``word`` at the end of a list; unchanged if the list certainly has it.

    The word goes into the assignment that the list begins with, and into those that replace it under a condition and are
    not empty. Without any, one is made where such a variable stands; it keeps what another file, that the recipe reads, puts
    into the list. ``$name`` in ``word`` is an expansion. RecipeError
    if it is no single word, if the list stands in single quotes and the word has expansions, if the recipe would not have
    the word in its list after all, or if the text is no shell script.
    """
    new = written_word(word)
    script = parse(text)
    values = certain_values(script)
    if _has(values, name, new):
        return text
    found = [a for a in script.assignments if a.name == name and is_kept(a)]
    base = _base(found)
    targets = [a for a in found if a is base or _replaces(a, base)]
    written = encoded(word)
    changes = [_addition(script, a, written) for a in targets if not _names(a, new, values)]
    if base is None:
        # Another file that the recipe reads may have made the list.
        more = written if values.complete else b"$" + encoded(name) + b" " + written
        changes.append(_creation(script, name, more, found))
    changed = applied(text, changes)
    _require_word(changed, name, new)
    return changed


@keeping_line_ends
def remove_from_list(text: bytes, name: str, word: str) -> bytes:
    """``text`` without ``word`` in a list, wherever it stands in assignments to it outside functions.

    A list that is left empty goes with its line, unless there is a comment behind it. Unchanged if the list has not got the
    word. RecipeError if it comes from elsewhere (another variable, say), if ``word`` is no single word, or if the text is
    no shell script.
    """
    old = written_word(word)
    script = parse(text)
    values = certain_values(script)
    changes: list[Change] = []
    for assignment in script.assignments:
        if assignment.name == name and is_kept(assignment):
            changes += _removals(script, assignment, old, values)
    changed = applied(text, changes)
    rest, wanted = parse(changed), old.value(values)
    left = certain_values(rest).value(name)
    if wanted is not None and left is not None and wanted in left.split():
        line = next((a.span.line for a in reversed(rest.assignments) if a.name == name and is_kept(a)), 0)
        raise RecipeError(
            f"{f'line {line}: ' if line else ''}{name} has '{wanted}' from another variable",
            hint="remove it there by hand",
        )
    return changed


def _has(values: StaticValues, name: str, word: Entry) -> bool:
    listed, wanted = values.value(name), word.value(values)
    return listed is not None and wanted is not None and wanted in listed.split()


def _names(assignment: Assignment, word: Entry, values: StaticValues) -> list[Entry]:
    """The entries that are the word, as written or by what they come to.

    What is nothing but a variable may be a list of its own, even if that has only one word.
    """
    wanted = word.value(values)
    return [
        entry
        for entry in entries(assignment)
        if entry.written == word.written
        or (wanted is not None and entry.value(values) == wanted and entry.only in ("", "pkgname"))
    ]


def _base(found: list[Assignment]) -> Assignment | None:
    """The assignment that makes the list, which later ones may add to."""
    always = [a for a in found if a.top_level]
    for assignment in reversed(always):
        if not mentions(assignment.value, assignment.name):
            return assignment
    return always[0] if always else None


def _replaces(assignment: Assignment, base: Assignment | None) -> bool:
    """Whether the assignment, under its condition, makes another list of its own."""
    return (
        not assignment.top_level
        and (base is None or assignment.span.start > base.span.start)
        and bool(assignment.raw.strip(b"\"' \t\n"))
        and not mentions(assignment.value, assignment.name)
    )


def _require_word(text: bytes, name: str, word: Entry) -> None:
    script = parse(text)
    values = certain_values(script)
    listed = values.value(name)
    if listed is not None and not _has(values, name, word) and word.value(values) is not None:
        # Which also names the line where the list is made anew.
        require_effect(text, name, f"{listed} {word.value(values)}")


# --- adding ---------------------------------------------------------------------------------------------------------


def _addition(script: Script, assignment: Assignment, word: bytes) -> Change:
    data = script.data
    start, end = assignment.value_span.start, assignment.value_span.end
    raw = data[start:end]
    quote = quote_around(script, assignment)
    found = entries(assignment)
    if quote == b"'" and b"$" in word:
        raise RecipeError(
            f"line {assignment.span.line}: {assignment.name} is in single quotes, where '{word.decode('latin-1')}' would "
            "not be expanded",
            hint="put the list in double quotes first",
        )
    if not raw:
        return Change(start, end, b'"' + word + b'"')
    if quote and found:
        return Change(found[-1].end, found[-1].end, _separated(script, assignment, found, word))
    if quote:
        inner = data[start + 1 : end - 1]
        return Change(start + 1, start + 1, b"\n\t" + word if b"\n" in inner else word)
    if not set(raw) & set(b"\"'\\`") and not raw.startswith(b"~"):
        return Change(start, end, b'"' + raw + _separated(script, assignment, found, word) + b'"')
    last = assignment.value.parts[-1]
    if last.quoted and last.end == end - 1 and raw.endswith(b'"'):  # the last of several quotes
        return Change(last.end, last.end, _separated(script, assignment, found, word))
    return Change(end, end, b'" ' + word + b'"')


def _separated(script: Script, assignment: Assignment, found: tuple[Entry, ...], word: bytes) -> bytes:
    """The word with what separates it from the one before it, and for the first file of ``source`` from the quote."""
    data = script.data
    start, end = assignment.value_span.start, assignment.value_span.end - 1
    if b"\n" not in data[start:end]:
        if assignment.name == "source" and len(found) == 1:
            return b"\n\t" + word + b"\n\t"
        return b" " + word
    last = found[-1]
    line_start = data.rfind(b"\n", start, last.start) + 1
    behind = data[last.end : end]
    if line_start:
        indent = data[line_start : last.start]
        indent = indent[: len(indent) - len(indent.lstrip(b" \t"))]
    else:
        closing = behind.rpartition(b"\n")[2]
        indent = closing if closing and not closing.strip(b" \t") else b"\t"
    line = data[line_start : last.end].decode("latin-1").expandtabs(_TAB)
    if not _one_per_line(data, found) and len(line) + 1 + len(word) <= _WIDTH:
        return b" " + word
    joined = len(found) > 1 and b"\\\n" in data[found[-2].end : last.start]
    return (b" \\\n" if joined else b"\n") + indent + word


def _one_per_line(data: bytes, found: tuple[Entry, ...]) -> bool:
    """Whether most lines of the list hold one word."""
    breaks = [b"\n" in data[a.end : b.start] for a, b in pairwise(found)]
    lines = 1 + sum(breaks)
    alone = sum(before and after for before, after in zip([True, *breaks], [*breaks, True], strict=True))
    return 2 * alone > lines


def _creation(script: Script, name: str, word: bytes, conditional: list[Assignment]) -> Change:
    """An assignment of its own, behind those that stand before such a variable, but before any that adds to it."""
    line = name.encode() + b'="' + word + b'"' + b"\n"
    before = _ORDER[: _ORDER.index(name)] if name in _ORDER else _ORDER
    body = min((f.span.start for f in script.functions), default=len(script.data))
    known = [a for a in script.assignments if a.top_level and a.name in before and a.span.start < body]
    at = line_after(script, known[-1].span.end) if known else 0
    if conditional:
        first = next(i.command.start for i in script.commands if i.command.end > conditional[0].span.start)
        at = min(at, script.data.rfind(b"\n", 0, first) + 1)
    if at and not script.data[:at].endswith(b"\n"):
        line = b"\n" + line.rstrip(b"\n")
    return Change(at, at, line)


# --- removing -------------------------------------------------------------------------------------------------------


def _removals(script: Script, assignment: Assignment, word: Entry, values: StaticValues) -> list[Change]:
    found = entries(assignment)
    gone = _names(assignment, word, values)
    if not gone:
        return []
    start, end = assignment.value_span.start, assignment.value_span.end
    whole = _whole_line(script, assignment)
    if len(gone) == len(found):
        return [whole or Change(start, end, b'""')]
    if whole and all(entry in gone or entry.only == assignment.name for entry in found):  # name="$name"
        return [whole]
    data, quote = script.data, quote_around(script, assignment)
    changes: list[Change] = []
    for going, group in groupby(range(len(found)), lambda index: found[index] in gone):
        if going:
            indices = list(group)
            change = _removal(data, found, indices[0], indices[-1])
            if not quote and set(data[change.start : change.end]) & set(b"\"'\\"):
                raise RecipeError(
                    f"line {assignment.span.line}: {assignment.name} is written in several quotes",
                    hint="change it by hand",
                )
            changes.append(change)
    return changes


def _removal(data: bytes, found: tuple[Entry, ...], first: int, last: int) -> Change:
    """The removal of neighbours, with the blanks before them, or those behind them if they begin a line that goes on."""
    start, end = found[first].start, found[last].end
    before = found[first - 1].end if first else -1
    behind = found[last + 1].start if last + 1 < len(found) else -1
    if before < 0 or (behind >= 0 and b"\n" in data[before:start] and b"\n" not in data[end:behind]):
        return Change(start, behind, b"")
    return Change(before, end, b"")


def _whole_line(script: Script, assignment: Assignment) -> Change | None:
    """The removal of an assignment that has its lines to itself; None if it has not, or if a comment is behind it."""
    data, span = script.data, assignment.span
    end = assignment.value_span.end
    line = data.find(b"\n", end)
    rest = data[end:] if line < 0 else data[end:line]
    if not assignment.top_level or assignment.declared or span.column != 1 or rest.strip(b" \t"):
        return None
    return Change(span.start, len(data) if line < 0 else line + 1, b"")
