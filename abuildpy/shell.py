# SPDX-License-Identifier: GPL-3.0-or-later
"""BusyBox ash: finding it, and reading the variables that its ``set`` prints.

Recipes and configuration are shell code, and what they mean is what Alpine's shell makes of them; dash fails on one real
recipe in seventeen, so nothing else will do. Every start of ``abuild`` comes through here, so nothing is imported that
need not be.
"""

from __future__ import annotations

import os

from abuildpy.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def find_program(name: str, path: str | None = None) -> str | None:
    """Absolute path of an executable found in ``path`` (default: PATH of this process), or None.

    A light stand-in for ``shutil.which``, whose import costs more than the search.
    """
    if "/" in name:
        return name if os.access(name, os.X_OK) else None
    for folder in (path if path is not None else os.environ.get("PATH", os.defpath)).split(os.pathsep):
        candidate = os.path.join(folder or ".", name)
        if os.access(candidate, os.X_OK) and os.path.isfile(candidate):
            return os.path.abspath(candidate)
    return None


def find_ash(path: str | None = None) -> tuple[str, ...]:
    """The words that start BusyBox ash, e.g. ``("/bin/busybox", "ash")``.

    Raises ConfigError where there is no BusyBox.
    """
    busybox = find_program("busybox", path)
    if busybox is not None:
        return (busybox, "ash")
    ash = find_program("ash", path)
    if ash is not None:
        return (ash,)
    raise ConfigError(
        "BusyBox ash was not found, and nothing else reads an APKBUILD as Alpine does",
        hint="install busybox",
    )


def parse_variables(listing: bytes) -> dict[str, str]:
    """Variables out of what ash's ``set`` printed, values decoded as UTF-8 with surrogates for stray bytes."""
    return {name: value for name, value in _assignments(listing) if value is not None}


def parse_exported(listing: bytes) -> dict[str, str]:
    """Exported variables out of what ash's ``export -p`` printed; those without a value are left out."""
    return {
        name.removeprefix("export "): value
        for name, value in _assignments(listing)
        if value is not None and name.startswith("export ")
    }


def parse_functions(listing: bytes) -> frozenset[str]:
    """Names that ash's ``type`` called functions."""
    return frozenset(
        line.rsplit(b" is a ", 1)[0].decode("utf-8", "surrogateescape")
        for line in listing.split(b"\n")
        if line.endswith(b" function")
    )


def words(variables: Mapping[str, str], name: str) -> tuple[str, ...]:
    """A variable's value split as the shell splits a list: on blanks, tabs and newlines."""
    value = variables.get(name, "").replace("\t", " ").replace("\n", " ")
    return tuple(word for word in value.split(" ") if word)


def _assignments(listing: bytes) -> Iterator[tuple[str, str | None]]:
    """(what stands before ``=``, value) for each line of a listing; value None for a line without ``=``.

    ash writes every value as quoted pieces one after the other: ``'…'``, and ``"…"`` for runs of single quotes. A piece
    may hold newlines; behind the last one the line ends.
    """
    at, end = 0, len(listing)
    while at < end:
        line_end = listing.find(b"\n", at)
        if line_end < 0:
            line_end = end
        equals = listing.find(b"=", at, line_end)
        if equals < 0:
            yield listing[at:line_end].decode("utf-8", "surrogateescape"), None
            at = line_end + 1
            continue
        name = listing[at:equals].decode("utf-8", "surrogateescape")
        pieces = []
        at = equals + 1
        while at < end and listing[at : at + 1] in (b"'", b'"'):
            close = listing.find(listing[at : at + 1], at + 1)
            if close < 0:
                return
            pieces.append(listing[at + 1 : close])
            at = close + 1
        yield name, b"".join(pieces).decode("utf-8", "surrogateescape")
        line_end = listing.find(b"\n", at)
        at = line_end + 1 if line_end >= 0 else end
