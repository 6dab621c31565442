# SPDX-License-Identifier: GPL-3.0-or-later
"""BusyBox ash: finding it, and reading the variables that its ``set`` prints.

Recipes and configuration are shell code, and what they mean is what Alpine's shell makes of them; dash fails on one real
recipe in seventeen, so nothing else will do.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping

from abuildpy.errors import ConfigError

_ASSIGNMENT = re.compile(rb"([A-Za-z_][A-Za-z0-9_]*)=((?:'[^']*'|\"[^\"]*\")*)\n")
_QUOTED = re.compile(rb"'([^']*)'|\"([^\"]*)\"")
_EXPORTED = re.compile(rb"export ([A-Za-z_][A-Za-z0-9_]*)(?:=((?:'[^']*'|\"[^\"]*\")*))?\n")


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
    return {
        match[1].decode(): _unquote(match[2]).decode("utf-8", "surrogateescape")
        for match in _ASSIGNMENT.finditer(listing)
    }


def parse_exported(listing: bytes) -> dict[str, str]:
    """Exported variables out of what ash's ``export -p`` printed; those without a value are left out."""
    return {
        match[1].decode(): _unquote(match[2]).decode("utf-8", "surrogateescape")
        for match in _EXPORTED.finditer(listing)
        if match[2] is not None
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
    return tuple(word for word in re.split(r"[ \t\n]+", variables.get(name, "")) if word)


def _unquote(text: bytes) -> bytes:
    if b'"' not in text:  # the usual value is one pair of single quotes
        return text[1:-1]
    return b"".join(match[1] if match[1] is not None else match[2] for match in _QUOTED.finditer(text))
