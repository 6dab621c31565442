# SPDX-License-Identifier: GPL-3.0-or-later
"""Package versions as apk-tools 3 reads and orders them.

A version is ``digits{.digits}{letter}{_suffix{digits}}{~hex}{-rdigits}``. A suffix is one of ``alpha beta pre
rc`` (before the release they are attached to) or ``cvs svn git hg p`` (after it).
"""

from __future__ import annotations

import re
from functools import total_ordering

_VERSION = re.compile(
    r"[0-9]+(?:\.[0-9]+)*[a-z]?(?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)[0-9]*)*(?:~[0-9a-f]+)?(?:-r[0-9]+)?",
)

# Where one version ends and the other goes on, the kind of what follows decides; each kind's number is its
# place in that order. "1.0_rc1" < "1.0" < "1.0-r0" < "1.0~abc" < "1.0_p1" < "1.0a" < "1.0.1".
_INVALID, _BEFORE, _END, _REVISION, _HASH, _SUFFIX_NUMBER, _AFTER, _LETTER, _NUMBER, _FIRST = range(10)

_SUFFIXES = {
    name: (_BEFORE if place < 4 else _AFTER, place)
    for place, name in enumerate(("alpha", "beta", "pre", "rc", "cvs", "svn", "git", "hg", "p"))
}

_DIGITS = re.compile(r"[0-9]+")
_WORD = re.compile(r"[a-z]+")
_HEX = re.compile(r"[0-9a-f]+")

_Token = tuple[int, "int | str | tuple[int, int | str]"]
Key = tuple[_Token, ...]


def is_valid(version: str) -> bool:
    """Whether apk accepts the text as a version (``pkgver-rPKGREL`` or any shorter form)."""
    return _VERSION.fullmatch(version) is not None


def compare(a: str, b: str) -> int:
    """Order two versions: negative if ``a`` is older than ``b``, 0 if they are the same version, positive if
    newer.

    Text that is no version is compared as apk does it: up to the first place that breaks the grammar.
    """
    left, right = sort_key(a), sort_key(b)
    return (left > right) - (left < right)


def compare_fuzzily(version: str, prefix: str) -> int:
    """Like :func:`compare`, but 0 when ``version`` begins with the components of ``prefix`` (apk's ``~``): ``1.2.3-r0`` is
    a ``1.2``, ``1.20`` is not.
    """
    left, right = sort_key(version), sort_key(prefix)
    if _shares_prefix(left, right):
        return 0
    return (left > right) - (left < right)


def _shares_prefix(version: Key, prefix: Key) -> bool:
    return version == prefix or (prefix[-1][0] == _END and version[: len(prefix) - 1] == prefix[:-1])


def sort_key(version: str) -> Key:
    """Turn a version into something that sorts as apk orders versions."""
    tokens: list[_Token] = []
    first = _DIGITS.match(version)
    if first is None:
        return ((_INVALID, 0),)
    tokens.append((_FIRST, _number(first[0])))
    state, at = _FIRST, first.end()
    while at < len(version):
        token, at = _next(version, at, state)
        tokens.append(token)
        state = token[0]
        if state == _INVALID:
            return tuple(tokens)
    tokens.append((_END, 0))
    return tuple(tokens)


def _next(version: str, at: int, state: int) -> tuple[_Token, int]:
    """Read one component at ``at``; ``state`` is the kind of the one before, which limits what may follow."""
    char = version[at]
    if char == "." and state in (_FIRST, _NUMBER):
        if found := _DIGITS.match(version, at + 1):
            text = found[0]
            # As in Gentoo, a leading zero makes a component a decimal fraction: 1.09 < 1.1, and 1.1 < 1.10.
            return (_NUMBER, (0, text) if text[0] == "0" else (1, _number(text))), found.end()
    elif "a" <= char <= "z" and state in (_FIRST, _NUMBER):
        return (_LETTER, char), at + 1
    elif "0" <= char <= "9" and state in (_BEFORE, _AFTER):
        found = _DIGITS.match(version, at)
        assert found is not None  # noqa: S101 -- char is a digit
        return (_SUFFIX_NUMBER, _number(found[0])), found.end()
    elif char == "_" and state not in (_HASH, _REVISION):
        found = _WORD.match(version, at + 1)
        if found and found[0] in _SUFFIXES:
            return _SUFFIXES[found[0]], found.end()
    elif char == "~" and state not in (_HASH, _REVISION):
        if found := _HEX.match(version, at + 1):
            return (_HASH, found[0]), found.end()
    elif (
        char == "-"
        and state != _REVISION
        and version.startswith("-r", at)
        and (found := _DIGITS.match(version, at + 2))
    ):
        return (_REVISION, _number(found[0])), found.end()
    return (_INVALID, 0), at + 1


def _number(digits: str) -> int:
    # apk counts in 64 bits and wraps. 10**64 is a multiple of 2**64: what stands further left makes no difference.
    return int(digits[-64:]) & 0xFFFF_FFFF_FFFF_FFFF


@total_ordering
class Version:
    """A version that sorts with ``<`` and compares with ``==`` as apk does it.

    ``text`` keeps the spelling: ``Version("01")`` and ``Version("1")`` are equal and print differently.
    """

    __slots__ = ("_key", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self._key = sort_key(text)

    def __lt__(self, other: Version) -> bool:
        return self._key < other._key

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Version({self.text!r})"
