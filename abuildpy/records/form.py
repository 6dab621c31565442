# SPDX-License-Identifier: GPL-3.0-or-later
"""The form of all records: JSON that is the same to the byte for the same content, read without trusting it."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

from abuildpy.errors import RepositoryError

_LARGEST = 256 << 20
"""Larger records are an attack: a document that lists 100,000 files has some 50 megabytes."""

_LONGEST_SHOWN = 200
_DEEPEST = 3
"""What is nested deeper is written in one line."""

T = TypeVar("T", bool, int, str)
R = TypeVar("R")
_PLAIN: dict[Any, Any] = {"str": str, "int": int, "bool": bool}
_WORDS = "tuple[str, ...]"


def dump(document: Mapping[str, object]) -> bytes:
    """A document in the one form that records are written in: ASCII, sorted keys, a line for each element of a list.

    So two of them are compared line by line; and it is quick, as json's own way to indent is not.
    """
    return f"{_lines(document, 0)}\n".encode("ascii")


def _lines(value: object, depth: int) -> str:
    if isinstance(value, Mapping) and value and depth < _DEEPEST - 1:
        inner = [f"{json.dumps(name)}: {_lines(value[name], depth + 1)}" for name in sorted(value)]
    elif isinstance(value, list | tuple) and value and depth < _DEEPEST and not isinstance(value[0], str):
        inner = [_lines(each, _DEEPEST) for each in value]
    else:
        return json.dumps(value, sort_keys=True, ensure_ascii=True, allow_nan=False)
    ends = "{}" if isinstance(value, Mapping) else "[]"
    margin = f"\n{' ' * depth}"
    return f"{ends[0]}{margin} {f',{margin} '.join(inner)}{margin}{ends[1]}"


def parse(content: bytes) -> Any:  # noqa: ANN401 - JSON is anything
    """What a record's bytes say. Raises ValueError for what is no JSON, is nested absurdly deep or names a key twice."""
    try:
        return json.loads(content.decode("utf-8"), object_pairs_hook=_object, parse_constant=_no_constant)
    except RecursionError:
        raise ValueError("it is nested too deep") from None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object. Of a key that is there twice, two readers may take different values: that is how signed JSON is forged."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def read_record(path: Path) -> bytes:
    """The bytes of a record. Raises RepositoryError, naming the file, where it cannot be read or is no regular file."""
    try:
        # O_NONBLOCK: a fifo of that name must not hang us.
        with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
            state = os.fstat(file.fileno())
            if not stat.S_ISREG(state.st_mode):
                raise RepositoryError(f"{path} is not a regular file")
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise RepositoryError(f"cannot read {path}: {error.strerror or error}") from error
    if len(content) > _LARGEST:
        raise RepositoryError(f"{path} is no record of a build: it is absurdly large")
    return content


def shown(text: str) -> str:
    """A text from a record, fit for a line of a message: nothing in it can command a terminal."""
    return "".join(c if c.isprintable() else "?" for c in text)[:_LONGEST_SHOWN]


class Fields:
    """An object of JSON whose members are asked for by name and type; ValueError tells which is missing or wrong."""

    def __init__(self, value: object, what: str) -> None:
        """``what`` names it in messages."""
        if not isinstance(value, dict):
            raise ValueError(f"{what} is no object")
        self._value: dict[str, Any] = value
        self._what = what

    def value(self, name: str, kind: type[T]) -> T:
        """A member of a type."""
        found = self._value.get(name)
        if type(found) is not kind:
            raise ValueError(f"{self._what} has no usable '{name}'")
        return found

    def words(self, name: str) -> tuple[str, ...]:
        """A member that is a list of texts."""
        found = self._list(name)
        if not all(type(each) is str for each in found):
            raise ValueError(f"{self._what} has no usable '{name}'")
        return tuple(found)

    def table(self, name: str) -> Mapping[str, str]:
        """A member that is an object of nothing but texts."""
        found = self._value.get(name)
        if type(found) is not dict or not all(type(each) is str for each in found.values()):
            raise ValueError(f"{self._what} has no usable '{name}'")
        return found

    def inner(self, name: str) -> Fields:
        """A member that is an object."""
        return Fields(self._value.get(name), f"'{name}'")

    def each(self, name: str) -> Iterator[Fields]:
        """The objects of a member that is a list."""
        for number, value in enumerate(self._list(name), 1):
            yield Fields(value, f"'{name}' {number}")

    def record(self, kind: type[R]) -> R:
        """A dataclass of texts, numbers, truths, lists of texts and tables of texts, each a member of its field's name."""
        values: dict[str, object] = {}
        for field in fields(kind):  # type: ignore[arg-type]
            if field.type in _PLAIN:
                values[field.name] = self.value(field.name, _PLAIN[field.type])
            else:
                values[field.name] = self.words(field.name) if field.type == _WORDS else self.table(field.name)
        return kind(**values)

    def records(self, name: str, kind: type[R]) -> tuple[R, ...]:
        """A member that is a list of such dataclasses."""
        return tuple(each.record(kind) for each in self.each(name))

    def _list(self, name: str) -> list[Any]:
        found = self._value.get(name)
        if type(found) is not list:
            raise ValueError(f"{self._what} has no usable '{name}'")
        return found
