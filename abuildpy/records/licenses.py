# SPDX-License-Identifier: GPL-3.0-or-later
"""A recipe's ``license`` as an SPDX licence expression, or what can honestly be said in its place.

The grammar is SPDX 2.3's, annex D. Of 10,964 recipes 94 % keep to it, 4 % name a licence that the SPDX list does not have
(``custom``, ``GPL``), 2 % have words without an operator between them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

NOASSERTION = "NOASSERTION"
_LIST = Path(__file__).with_name("spdx-licenses.txt")
_TOKEN = re.compile(r"[()]|[^\s()]+")
_REFERENCE = re.compile(r"(?:DocumentRef-[A-Za-z0-9.-]+:)?LicenseRef-[A-Za-z0-9.-]+\Z")
_MOST_DEPTH = 50


@dataclass(frozen=True, slots=True)
class License:
    """What may be said: ``expression`` is valid; ``references`` has the text for each ``LicenseRef-`` in it; ``note`` says
    how the recipe's own words differ, empty where they do not.
    """

    expression: str
    references: Mapping[str, str] = field(default_factory=dict)
    note: str = ""


class _NoExpression(Exception):
    """The words make no expression."""


def read_license(text: str) -> License:
    """What a recipe's ``license`` says."""
    said = " ".join(text.split())
    reader = _Reader(_TOKEN.findall(said))
    try:
        expression = reader.whole()
    except _NoExpression as error:
        return License(NOASSERTION, note=f"The recipe says '{said}', which is no SPDX expression: {error}.")
    notes = [f"'{word}' is not in SPDX's list of licences" for word in reader.unknown]
    if not notes and expression != said:
        return License(expression, {}, f"The recipe says '{said}'.")
    note = f"The recipe says '{said}'; {', '.join(dict.fromkeys(notes))}." if notes else ""
    return License(expression, dict(reader.references), note)


def is_listed(name: str) -> bool:
    """Whether SPDX's list has a licence of that name, spelled so."""
    return _known()[0].get(name.lower()) == name


@cache
def _known() -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Licences and exceptions of SPDX's list 3.27, by their names in lower case: SPDX matches them without regard to case."""
    licenses, _, exceptions = _LIST.read_text("ascii").partition("\n\n")
    return {name.lower(): name for name in licenses.split()}, {name.lower(): name for name in exceptions.split()}


class _Reader:
    """Reads the words of one expression from left to right."""

    def __init__(self, words: list[str]) -> None:
        self._words = words
        self._at = 0
        self.unknown: list[str] = []
        self.references: dict[str, str] = {}

    def whole(self) -> str:
        """All words as one expression. Raises _NoExpression."""
        if not self._words:
            raise _NoExpression("it is empty")
        result = self._either(0)
        if self._at < len(self._words):
            raise _NoExpression(f"there is no operator before '{self._words[self._at]}'")
        return result

    def _either(self, depth: int) -> str:
        parts = [self._all(depth)]
        while self._takes("OR"):
            parts.append(self._all(depth))
        return " OR ".join(parts)

    def _all(self, depth: int) -> str:
        parts = [self._one(depth)]
        while self._takes("AND"):
            parts.append(self._one(depth))
        return " AND ".join(parts)

    def _one(self, depth: int) -> str:
        word = self._next()
        if word == "(":
            if depth > _MOST_DEPTH:
                raise _NoExpression("it is nested too deep")
            inner = self._either(depth + 1)
            if self._next() != ")":
                raise _NoExpression("a parenthesis is not closed")
            return f"({inner})"
        if word == ")" or _is_operator(word):
            raise _NoExpression(f"there is no licence before '{word}'")
        if self._takes("WITH"):
            return self._with(word, self._next())
        return _license(word) or self._reference(word)

    def _with(self, word: str, exception: str) -> str:
        license_, known = _license(word), _known()[1].get(exception.lower())
        if license_ and known:
            return f"{license_} WITH {known}"
        if exception in "()" or _is_operator(exception):
            raise _NoExpression("there is no exception after WITH")
        return self._reference(f"{word} WITH {exception}")  # SPDX 2.3 has references for whole licences alone

    def _reference(self, word: str) -> str:
        name = word if _REFERENCE.match(word) else f"LicenseRef-{re.sub(r'[^A-Za-z0-9.-]+', '-', word)}"
        if not _REFERENCE.match(word):
            self.unknown.append(word)
        if ":" not in name:
            self.references[name] = f"The recipe calls this licence '{word}' and does not have its text."
        return name

    def _takes(self, operator: str) -> bool:
        if self._at < len(self._words) and self._words[self._at] in (operator, operator.lower()):
            self._at += 1
            return True
        return False

    def _next(self) -> str:
        if self._at == len(self._words):
            raise _NoExpression("something is missing at its end")
        self._at += 1
        return self._words[self._at - 1]


def _license(word: str) -> str:
    """The licence of that name as SPDX spells it; empty if there is none."""
    known = _known()[0]
    found = known.get(word.lower(), "")
    if not found and word.endswith("+"):  # "this version or any later one"
        found = known.get(word[:-1].lower(), "")
        return f"{found}+" if found else ""
    return found


def _is_operator(word: str) -> bool:
    return word.upper() in ("AND", "OR", "WITH") and word in (word.upper(), word.lower())
