# SPDX-License-Identifier: GPL-3.0-or-later
"""The shell's patterns (``*``, ``?``, ``[…]``), in time that no pattern can make long.

Patterns are texts in which a backslash quotes the character behind it. :class:`Unknown` says that the answer may depend
on the locale or on a quirk of the shell.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

_SPECIAL = frozenset("*?[]\\")
_QUOTED = _SPECIAL | set("-!^")
_CLASSES = {
    "alpha": str.isalpha,
    "digit": str.isdigit,
    "alnum": str.isalnum,
    "upper": str.isupper,
    "lower": str.islower,
    "space": lambda c: c in " \t\n\v\f\r",
    "blank": lambda c: c in " \t",
    "punct": lambda c: c.isprintable() and not c.isalnum() and c != " ",
    "xdigit": lambda c: c in "0123456789abcdefABCDEF",
    "print": str.isprintable,
    "graph": lambda c: c.isprintable() and c != " ",
    "cntrl": lambda c: not c.isprintable(),
}
_ASCII = tuple(map(chr, range(1, 128)))
_MOST = 8192
"""Longest text that a pattern is tried on; no recipe has anything like it."""


class Unknown(Exception):
    """What was asked for cannot be known without running the recipe."""


ANY = None
"""The token for ``*``; all others are sets of characters, one of which has to come."""
Token = frozenset[str] | None


def escape(text: str) -> str:
    """A pattern that matches just ``text``."""
    return "".join(f"\\{c}" if c in _QUOTED else c for c in text)


def matches(pattern: str, text: str) -> bool:
    """Whether the pattern fits the whole text."""
    if pattern == "*":
        return True
    literal = _literal(pattern)
    if literal is not None:
        return literal == text
    return len(text) in _ends(_checked(pattern, text), text)


def trim(text: str, operator: str, pattern: str) -> str:
    """``${name%pattern}`` and its like; ``operator`` is ``%``, ``%%``, ``#`` or ``##``."""
    literal = _literal(pattern)
    if literal is not None:
        return text.removesuffix(literal) if operator[0] == "%" else text.removeprefix(literal)
    tokens = _checked(pattern, text)
    if operator[0] == "#":
        ends = _ends(tokens, text)
        return text[(max(ends) if operator == "##" else min(ends)) :] if ends else text
    ends = _ends(tokens[::-1], text[::-1])
    return text[: len(text) - (max(ends) if operator == "%%" else min(ends))] if ends else text


def replace(text: str, pattern: str, replacement: str, *, everywhere: bool) -> str:
    """``${name/pattern/replacement}``, or ``//``."""
    literal = _literal(pattern)
    if literal is not None:
        if not literal:
            raise Unknown
        return text.replace(literal, replacement, -1 if everywhere else 1)
    tokens = _checked(pattern, text)
    if ANY in tokens:  # ash may run on for ever
        raise Unknown
    width, result, at = len(tokens), "", 0
    while at + width <= len(text):
        if all(char in token for char, token in zip(text[at : at + width], tokens, strict=True) if token is not None):
            result += replacement
            at += width
            if not everywhere:
                break
        else:
            result += text[at]
            at += 1
    return result + text[at:]


def _literal(pattern: str) -> str | None:
    """The one text that a pattern without special characters fits."""
    if _SPECIAL.isdisjoint(pattern):
        return pattern
    try:
        tokens = _tokens(pattern)
    except Unknown:
        return None
    if any(token is None or len(token) != 1 for token in tokens):
        return None
    return "".join(next(iter(token)) for token in tokens if token)


def _checked(pattern: str, text: str) -> tuple[Token, ...]:
    # What a character is beyond ASCII, the locale says.
    if not text.isascii() or len(text) > _MOST or len(pattern) > _MOST:
        raise Unknown
    return _tokens(pattern)


@lru_cache(maxsize=512)
def _tokens(pattern: str) -> tuple[Token, ...]:
    tokens: list[Token] = []
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "*":
            if not tokens or tokens[-1] is not ANY:
                tokens.append(ANY)
        elif char == "?":
            tokens.append(frozenset(_ASCII))
        elif char == "[":
            token, at = _set(pattern, at)
            tokens.append(token)
        elif char == "\\":
            at += 1
            if at == len(pattern):
                raise Unknown
            tokens.append(frozenset(pattern[at]))
        else:
            tokens.append(frozenset(char))
        at += 1
    return tuple(tokens)


def _set(pattern: str, start: int) -> tuple[frozenset[str], int]:
    """The set that ``[…]`` means, and where its ``]`` is."""
    at = start + 1
    negated = pattern[at : at + 1] in ("!", "^")
    at += negated
    members: set[str] = set()
    first = True
    while first or pattern[at : at + 1] != "]":
        first = False
        if pattern.startswith("[:", at):
            end = pattern.find(":]", at)
            test = _CLASSES.get(pattern[at + 2 : end]) if end > 0 else None
            if test is None:
                raise Unknown
            members.update(filter(test, _ASCII))
            at = end + 2
            continue
        low, at = _member(pattern, at)
        high = low
        if pattern[at : at + 1] == "-" and pattern[at + 1 : at + 2] not in ("]", ""):
            high, at = _member(pattern, at + 1)
        if high < low or not (low + high).isascii():
            raise Unknown
        members.update(map(chr, range(ord(low), ord(high) + 1)))
    return frozenset(_ASCII) - members if negated else frozenset(members), at


def _member(pattern: str, at: int) -> tuple[str, int]:
    at += pattern[at : at + 1] == "\\"
    char = pattern[at : at + 1]
    if not char or char == "/" or pattern.startswith(("[.", "[="), at):
        raise Unknown
    return char, at + 1


def _ends(tokens: Sequence[Token], text: str) -> set[int]:
    """Where the pattern can have come to an end if it begins where the text does."""
    places = {0}
    for token in tokens:
        if token is None:
            places = set(range(min(places), len(text) + 1))
        else:
            places = {place + 1 for place in places if place < len(text) and text[place] in token}
        if not places:
            break
    return places
