# SPDX-License-Identifier: GPL-3.0-or-later
"""Dependencies as recipes, packages and the index write them: ``[!]name[@tag][operator version]``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from abuildpy.errors import DependencyError
from abuildpy.repository import version as versions

_SPEC = re.compile(r"(!?)([^<>=~]*)(?:([<>=~]+)(.*))?", re.DOTALL)

_LESS, _EQUAL, _GREATER, _FUZZY = 1, 2, 4, 8
_CHARACTERS = {"<": _LESS, "=": _EQUAL, ">": _GREATER, "~": _FUZZY | _EQUAL}

# How apk writes a comparison again, whatever way it was spelt.
_CANONICAL = {
    _LESS: "<",
    _LESS | _EQUAL: "<=",
    _LESS | _EQUAL | _FUZZY: "<~",
    _EQUAL: "=",
    _EQUAL | _FUZZY: "~",
    _GREATER: ">",
    _GREATER | _EQUAL: ">=",
    _GREATER | _EQUAL | _FUZZY: ">~",
    _LESS | _GREATER: "><",
}
_BITS = {text: bits for bits, text in _CANONICAL.items()}

ABUILD_OPERATORS = ("<", ">", "=", "~", ">=", "<=", ">~", "<~")
"""The spellings that abuild accepts in a recipe."""


@dataclass(frozen=True, slots=True)
class Dependency:
    """One parsed dependency (or provided name).

    ``operator`` is ``""`` for any version, else in the index's spelling: ``< <= <~ = ~ > >= >~`` or ``><``,
    which means that ``version`` is a checksum. ``tag`` names a tagged repository (``name@edge``), without the
    ``@``.
    """

    name: str
    operator: str = ""
    version: str = ""
    conflict: bool = False
    tag: str = ""

    def __str__(self) -> str:
        tag = f"@{self.tag}" if self.tag else ""
        return f"{'!' if self.conflict else ''}{self.name}{tag}{self.operator}{self.version}"

    @property
    def has_valid_version(self) -> bool:
        """Whether apk can compare with the version (no version at all is fine, and so is a checksum)."""
        return self.operator in ("", "><") or versions.is_valid(self.version)


def parse(text: str) -> Dependency:
    """Parse one word. The version is not checked: see ``has_valid_version``.

    Raises DependencyError for comparisons that mean nothing, such as ``<>=``, and for an empty name or
    version.
    """
    match = _SPEC.fullmatch(text)
    assert match is not None  # noqa: S101 -- the expression matches every string
    bang, name, spelling, version = match.groups()
    name, _, tag = name.partition("@")
    if not name:
        raise DependencyError(f"'{text}' is not a dependency: it has no name")
    operator = ""
    if spelling:
        bits = 0
        for char in spelling:
            bits |= _CHARACTERS[char]
        operator = _CANONICAL.get(bits, "")
        if not operator:
            raise DependencyError(f"'{text}' is not a dependency: '{spelling}' compares nothing")
        if not version:
            raise DependencyError(f"'{text}' is not a dependency: no version follows '{spelling}'")
    return Dependency(name, operator, version or "", bool(bang), tag)


def bare_name(text: str) -> str:
    """Cut the comparison off: ``foo>=1.0`` is ``foo``, ``!foo`` stays ``!foo``, ``foo@edge`` stays
    ``foo@edge``.
    """
    return re.split("[<>=~]", text, maxsplit=1)[0]


def check_depver(text: str) -> str | None:
    """Check a dependency as a recipe may spell it; return what is wrong with it, or None.

    abuild is stricter than apk: the version must be valid, and the operator one of ``ABUILD_OPERATORS``
    (``=~``, ``~=`` and ``><`` are not).
    """
    # From the first sign to the last; a pattern for all of it would take hours for a word without one that is long enough.
    begin = len(bare_name(text))
    if begin == len(text):
        return None
    end = max(map(text.rfind, "<>=~")) + 1
    operator, version = text[begin:end], text[end:]
    if not versions.is_valid(version):
        return f"Invalid version: {version or '(none)'} in {text}"
    if operator not in ABUILD_OPERATORS:
        return f"Invalid version separator '{operator}' in {text} (use one of {' '.join(ABUILD_OPERATORS)})"
    return None


def satisfies(dependency: Dependency, name: str, version: str) -> bool:
    """Whether something called ``name`` in that version (``""``: provided without one) fulfils the
    dependency.

    For a conflict the answer is whether it is the thing that must not be there, turned around. As in apk a
    name provided without a version is older than everything. A checksum dependency is never fulfilled, since
    no checksum is known here.
    """
    if dependency.name != name:
        return dependency.conflict
    return _in_range(dependency, version) != dependency.conflict


def _in_range(dependency: Dependency, version: str) -> bool:
    if not dependency.operator:
        return True
    if dependency.operator == "><":
        return False
    bits = _BITS[dependency.operator]
    order = versions.compare_fuzzily if bits & _FUZZY else versions.compare
    result = order(version, dependency.version)
    return bool(bits & (_LESS if result < 0 else _GREATER if result > 0 else _EQUAL))
