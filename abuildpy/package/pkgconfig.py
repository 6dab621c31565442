# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads pkg-config files (``*.pc``) the way pkgconf does, without looking for what they require.

Running ``pkg-config`` instead would fail where a requirement is not installed (pkgconf 1.8) and cost a
process.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from abuildpy.package.model import Tree
from abuildpy.package.tree import TreeIndex, TreeReader

DIRECTORIES = (b"usr/lib/pkgconfig", b"usr/share/pkgconfig")
"""Where abuild looks for them."""

# pkgconf's own limit of one expanded value; it also stops files that double a variable in each line.
_MAX_VALUE = 65535
_MAX_FILE = 1 << 20

_LINE = re.compile(r"\s*([A-Za-z0-9_.]+)\s*([:=])\s*(.*?)\s*\Z", re.DOTALL)
_REFERENCE = re.compile(r"\$(?:\$|\{([^}]*)\})")
_RELATION = re.compile(r"([^\s,<>!=]+)(?:\s*([<>!=]+)\s*([^\s,]+))?")
_PRERELEASE = tuple((re.compile(rf"[.-]{word}"), f"_{word}") for word in ("alpha", "beta", "rc", "pre"))
# What apk can say; pkgconf also knows "!=", and takes anything else for "any version".
_OPERATORS = frozenset(("<", ">", "=", "<=", ">="))


@dataclass(frozen=True, slots=True)
class Relation:
    """A module named in a list, with a bound on its version: ``operator`` and ``version`` are both set or
    both empty.
    """

    name: str
    operator: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class PcFile:
    """What one ``.pc`` file says. ``name`` is its file name without the suffix; versions are as written (""
    for none).
    """

    name: str
    version: str
    provides: tuple[Relation, ...] = ()
    requires: tuple[Relation, ...] = ()
    requires_private: tuple[Relation, ...] = ()
    """``Requires.private`` and ``Requires.internal``."""
    missing: tuple[str, ...] = ()
    """Fields without which pkgconf takes no file; they may be empty."""


def apk_version(version: str) -> str:
    """A pkg-config version in apk's spelling (``1.0.rc1`` → ``1.0_rc1``, ``v2`` → ``2``, "" → ``0``).

    The rule is abuild's; the result need not be a valid version, the caller checks that.
    """
    for pattern, replacement in _PRERELEASE:
        version = pattern.sub(replacement, version, count=1)
    return version.removeprefix("v") or "0"


def parse(name: str, text: str) -> PcFile:
    """Read the content of ``NAME.pc``. What is no assignment and no field is passed over, as pkgconf does."""
    variables = {"pcfiledir": "", "pc_sysrootdir": "", "pc_top_builddir": ""}
    fields: dict[str, list[str]] = {}
    for line in _lines(text):
        match = _LINE.match(line)
        if match is None:
            continue
        key, separator, raw = match.groups()
        value = _expand(raw, variables)
        if separator == "=":
            variables[key] = value
        else:
            fields.setdefault(key.lower(), []).append(value)
    versions = fields.get("version", [""])[-1].split()
    return PcFile(
        name=name,
        version=versions[0] if versions else "",
        provides=_relations(fields, "provides"),
        requires=_relations(fields, "requires"),
        requires_private=_relations(fields, "requires.private", "requires.internal"),
        missing=tuple(each for each in ("Name", "Description", "Version") if each.lower() not in fields),
    )


def find_pc(tree: Tree) -> dict[bytes, PcFile]:
    """Every ``.pc`` file in the two standard folders, by path. A link to a file of the same package counts
    by its own name.

    Raises PackageError for unreadable files.
    """
    index = TreeIndex(tree)
    paths = [entry.path for folder in DIRECTORIES for entry in index.children(folder) if entry.path.endswith(b".pc")]
    found: dict[bytes, PcFile] = {}
    if not paths:
        return found
    with TreeReader(tree.root) as reader:
        for path in paths:
            real = index.real(path)
            if not real or index.by_path[real].kind != "f":
                continue
            name = path.rpartition(b"/")[2].removesuffix(b".pc").decode("utf-8", "surrogateescape")
            found[path] = parse(name, reader.read(real, _MAX_FILE).decode("utf-8", "surrogateescape"))
    return found


def _lines(text: str) -> list[str]:
    r"""Logical lines: comments cut, a backslash at the end of a line joins it with the next."""
    joined = re.sub(r"\\\r?\n", "", text)
    # A backslash in front of the hash mark makes it an ordinary one.
    return [re.sub(r"(?<!\\)#.*", "", line, flags=re.DOTALL).replace("\\#", "#") for line in joined.split("\n")]


def _expand(text: str, variables: dict[str, str]) -> str:
    """Insert the variables defined so far; unknown ones are empty, ``$$`` is a dollar sign."""

    parts: list[str] = []
    length = end = 0
    for match in _REFERENCE.finditer(text):
        name: str | None = match.group(1)
        part = text[end : match.start()] + ("$" if name is None else variables.get(name, ""))
        parts.append(part)
        length += len(part)
        end = match.end()
        if length > _MAX_VALUE:
            break
    return ("".join(parts) + text[end:])[:_MAX_VALUE]


def _relations(fields: dict[str, list[str]], *names: str) -> tuple[Relation, ...]:
    found: list[Relation] = []
    for name in names:
        for value in fields.get(name, ()):
            for module, operator, version in _RELATION.findall(value):
                known = operator in _OPERATORS
                found.append(Relation(module, operator if known else "", version if known else ""))
    return tuple(found)
