# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing a recipe's text without running it: the edits of the ``checksum`` verb and of abump and apkgrel.

abuild 3.18, checksum: every ``sha<N>sums="…"`` that starts a line goes, on however many lines, and one block of
sha512sums is added at the end. abump and apkgrel put a literal where ``pkgver=`` or ``pkgrel=`` starts a line. All other
bytes, comments behind the value among them, stay as they are.
"""

from __future__ import annotations

import os
import string
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from abuildpy.atomic import replacing
from abuildpy.errors import RecipeError
from abuildpy.recipe.scan import Assignment, assignments

_NEEDS_NO_QUOTES = frozenset(string.ascii_letters + string.digits + "%+,-./:@_")


def replace_checksums(text: bytes, sums: Sequence[tuple[str, str]]) -> bytes:
    """``text`` without its checksums, and with ``sums`` (pairs of hash and name) as sha512sums at the end.

    No sums: nothing is added. An assignment counts if it starts a line, is a command of its own outside functions, and
    its value starts with a quote. RecipeError if the text has an unclosed quote, or an assignment is tied to another
    command (``&&``, ``|``).
    """
    # Latin-1 maps each byte to one character and back, so nothing is lost whatever the encoding is.
    source = text.decode("latin-1")
    kept: list[str] = []
    position = 0
    for assignment in assignments(source):
        if _is_sums(assignment):
            kept.append(source[position : assignment.start])
            position = _after(source, assignment)
    kept.append(source[position:])
    result = "".join(kept).encode("latin-1")
    if not sums:
        return result
    if result and not result.endswith(b"\n"):
        result += b"\n"
    lines = "".join(f"{hash_}  {_quoted(name)}\n" for hash_, name in sums)
    return result + f'sha512sums="\n{lines}"\n'.encode("utf-8", "surrogateescape")


def write_checksums(apkbuild: Path, sums: Sequence[tuple[str, str]]) -> None:
    """Apply :func:`replace_checksums` to a file, replaced in one step; its permissions stay. RecipeError."""
    _rewrite(apkbuild, lambda text: replace_checksums(text, sums))


def written_values(text: bytes, name: str) -> tuple[str, ...]:
    """What ``text`` assigns to a variable, as written (quotes, expansions), one element per assignment.

    An assignment counts if it starts a line and is outside functions. RecipeError if the text has an unclosed quote.
    """
    return tuple(a.value for a in assignments(text.decode("latin-1")) if a.name == name)


def set_variable(text: bytes, name: str, value: str) -> bytes:
    """``text`` with ``value`` in every assignment of ``name`` that starts a line and is outside functions.

    A value that stood in quotes stands in the same ones again; where it was computed, the new one is literal. RecipeError
    if there is no such assignment, or if the text has an unclosed quote.
    """
    source = text.decode("latin-1")
    new = value.encode("utf-8", "surrogateescape").decode("latin-1")
    parts: list[str] = []
    position = 0
    for assignment in assignments(source):
        if assignment.name == name:
            parts += source[position : assignment.start], f"{name}=", _in_style_of(assignment.value, new)
            position = assignment.end
    if not position:
        raise RecipeError(
            f"{name} is not set at the start of a line", hint=f"give it a line of its own: {name}={_bare(value)}"
        )
    return ("".join(parts) + source[position:]).encode("latin-1")


def write_variables(apkbuild: Path, values: Mapping[str, str]) -> None:
    """Apply :func:`set_variable` for each name to a file, replaced in one step; its permissions stay. RecipeError."""

    def change(text: bytes) -> bytes:
        for name, value in values.items():
            text = set_variable(text, name, value)
        return text

    _rewrite(apkbuild, change)


def _rewrite(apkbuild: Path, change: Callable[[bytes], bytes]) -> None:
    path = Path(os.path.realpath(apkbuild))
    try:
        old = path.read_bytes()
        new = change(old)
        if new != old:
            _replace(path, new)
    except OSError as error:
        raise RecipeError(f"cannot change {path}: {error.strerror or error}")
    except RecipeError as error:
        raise RecipeError(f"{path}: {error.message}", hint=error.hint)


def _in_style_of(old: str, value: str) -> str:
    """``value`` for the shell, in the quotes that ``old`` wholly stands in."""
    quote = old[:1]
    if quote in ("'", '"') and len(old) > 1 and old.find(quote, 1) == len(old) - 1:
        if quote == '"':
            return f'"{_quoted(value)}"'
        if "'" not in value:
            return f"'{value}'"
    return _bare(value)


def _bare(value: str) -> str:
    return value if _NEEDS_NO_QUOTES.issuperset(value) else f'"{_quoted(value)}"'


def _is_sums(assignment: Assignment) -> bool:
    name = assignment.name
    digits = name.removeprefix("sha").removesuffix("sums")
    quoted = assignment.value.startswith(('"', "'"))
    return quoted and name == f"sha{digits}sums" and digits.isascii() and digits.isdigit()


def _after(source: str, assignment: Assignment) -> int:
    """Where the text goes on: behind the assignment, the blanks and the ``;`` after it, and its line's end."""
    at = _skip_blanks(source, assignment.end)
    if source.startswith(";", at) and not source.startswith(";;", at):
        at = _skip_blanks(source, at + 1)
    if source[at : at + 1] in tuple("&|;<>()"):
        line = source.count("\n", 0, assignment.start) + 1
        raise RecipeError(
            f"line {line}: {assignment.name} is part of a longer command and cannot be replaced",
            hint="Put the assignment on lines of its own",
        )
    if source.startswith("\n", at):
        at += 1
    return at


def _skip_blanks(source: str, at: int) -> int:
    while source[at : at + 1] in (" ", "\t"):
        at += 1
    return at


def _quoted(name: str) -> str:
    return "".join(f"\\{c}" if c in '"$`\\' else c for c in name)


def _replace(path: Path, text: bytes) -> None:
    status = path.stat()
    with replacing(path, status.st_mode & 0o7777) as file:
        if (os.geteuid(), os.getegid()) != (status.st_uid, status.st_gid):
            try:
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
            except PermissionError:
                pass
        file.write(text)
