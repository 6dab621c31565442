# SPDX-License-Identifier: GPL-3.0-or-later
"""Replacing a recipe's checksums: the edit of the ``checksum`` verb.

abuild 3.18, checksum: every ``sha<N>sums="…"`` that starts a line goes, on however many lines, and one block of
sha512sums is added at the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from abuildpy.errors import RecipeError
from abuildpy.recipe.edit.changes import Change, applied, encoded, escaped, keeping_line_ends
from abuildpy.recipe.edit.effect import require_effect
from abuildpy.recipe.edit.file import edit_file
from abuildpy.recipe.syntax import Assignment, Script, parse

_ELSEWHERE = frozenset({"substitution", "subshell"})
_TIED = frozenset({"and-or", "condition", "pipeline", "background"})


@keeping_line_ends
def replace_checksums(text: bytes, sums: Sequence[tuple[str, str]]) -> bytes:
    """``text`` without its checksums, and with ``sums`` (pairs of hash and name) as sha512sums at the end.

    No sums: nothing is added. An assignment counts if it starts a line, is a command of its own outside functions, and
    its value starts with a quote. RecipeError, with the line, if the text is no shell script, if an assignment is tied to
    another command (``&&``, ``|``) or is all that a branch consists of, or if the new ones would not count.
    """
    script = parse(text)
    gone = [a for a in script.assignments if _is_sums(a)]
    result = applied(text, (Change(a.span.start, _after(script, a), b"") for a in gone))
    if gone:
        _require_script(result, gone)
    if not sums:
        return result
    if result and not result.endswith(b"\n"):
        result += b"\n"
    lines = [encoded(hash_) + b"  " + escaped(encoded(name)) for hash_, name in sums]
    result += b"\n".join((b'sha512sums="', *lines, b'"', b""))
    require_effect(result, "sha512sums", "".join(f"\n{hash_}  {name}" for hash_, name in sums) + "\n")
    return result


def write_checksums(apkbuild: Path, sums: Sequence[tuple[str, str]]) -> None:
    """Apply :func:`replace_checksums` to a file, replaced in one step; its permissions stay. RecipeError."""
    edit_file(apkbuild, lambda text: replace_checksums(text, sums))


def _is_sums(assignment: Assignment) -> bool:
    name = assignment.name
    digits = name.removeprefix("sha").removesuffix("sums")
    return (
        name == f"sha{digits}sums"
        and digits.isascii()
        and digits.isdigit()
        and assignment.raw.startswith((b'"', b"'"))
        and assignment.span.column == 1
        and assignment.function is None
        and not assignment.prefix
        and not _ELSEWHERE.intersection(assignment.inside)
    )


def _after(script: Script, assignment: Assignment) -> int:
    """Where the text goes on: behind the assignment, the blanks and the ``;`` after it, and its line's end."""
    text = script.data
    at = _skip_blanks(text, assignment.span.end)
    if text.startswith(b";", at) and not text.startswith(b";;", at):
        at = _skip_blanks(text, at + 1)
    if _TIED.intersection(assignment.inside) or text[at : at + 1] in tuple(b"%c" % char for char in b"&|;<>()"):
        raise RecipeError(
            f"line {assignment.span.line}: {assignment.name} is part of a longer command and cannot be replaced",
            hint="put the assignment on lines of its own",
        )
    if text.startswith(b"\n", at):
        at += 1
    return at


def _skip_blanks(text: bytes, at: int) -> int:
    while text[at : at + 1] in (b" ", b"\t"):
        at += 1
    return at


def _require_script(text: bytes, gone: list[Assignment]) -> None:
    try:
        parse(text)
    except RecipeError:
        for assignment in gone:
            if assignment.inside:
                raise RecipeError(
                    f"line {assignment.span.line}: without {assignment.name} nothing is left there",
                    hint="remove the commands around it by hand",
                )
        raise
