# SPDX-License-Identifier: GPL-3.0-or-later
"""What travels between publisher and workers: orders one way, results the other, each the bytes of a JSON document.

Results come from machines that are trusted with nothing but building: every field is checked for its type, its size and its
characters, and what is wrong raises ValueError in one line. Nothing but JSON is ever read.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from abuildpy.batch.document import outcome_document, parse_outcome
from abuildpy.batch.local import Dependencies
from abuildpy.batch.model import Outcome

VERSION: Final = 1
LARGEST_MESSAGE: Final = 4 << 20
LARGEST_PACKAGE: Final = 32 << 30
LARGEST_LOG: Final = 256 << 20
LARGEST_BUILDINFO: Final = 16 << 20
_MOST_FILES: Final = 4096
_LONGEST_NAME: Final = 512
_LONGEST_TEXT: Final = 64 << 10

_RUN = re.compile(r"[0-9a-f]{32}\Z")
_SHA256 = re.compile(r"[0-9a-f]{64}\Z")
_SHA512 = re.compile(r"[0-9a-f]{128}\Z")
_PART = r"[A-Za-z0-9_][A-Za-z0-9+._~-]*"
_PACKAGE = re.compile(rf"{_PART}/{_PART}/{_PART}\.apk\Z")
_RELATIVE = re.compile(r"(?:(?!\.{1,2}(?:/|\Z))[^/\0\n]+/)*(?!\.{1,2}\Z)[^/\0\n]+\Z")
_PLAIN = re.compile(r"[^/\0\n]+\Z")


@dataclass(frozen=True, slots=True)
class Blob:
    """A file in the store: what it is called where it is wanted, and the SHA-256 and size by which it is found."""

    name: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker is asked to do.

    ``run`` is unique to this attempt. ``recipe`` is the archive of the recipe's folder and ``staged`` the list of the staged
    repository's files (empty: there are none). ``sources`` are names and SHA-512 of the sources that come from elsewhere.
    ``variables`` go into the configuration of the build; ``dependencies``, ``timeout`` and ``no_output_timeout`` are the local
    executor's. ``public_keys`` are the publisher's, by which the staged repository is signed. ``deadline`` is in seconds, for
    the whole task.
    """

    run: str
    name: str
    pkgname: str
    version: str
    arch: str
    recipe: Blob
    staged: Blob | None
    sources: tuple[tuple[str, str], ...]
    variables: Mapping[str, str]
    dependencies: Dependencies
    timeout: str
    no_output_timeout: str
    public_keys: Mapping[str, str]
    jobs: int
    attempt: int
    deadline: float

    def to_bytes(self) -> bytes:
        """As JSON."""
        return _dump({"version": VERSION, "order": asdict(self)})


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an order. ``outcome`` is ``built`` or ``failed``; its ``apks`` are the names of ``files``."""

    run: str
    outcome: Outcome
    files: tuple[Blob, ...] = ()
    log: Blob | None = None
    worker: str = ""
    buildinfo: Blob | None = None
    """How it was built, as the worker tells it (``abuildpy.records.buildinfo``)."""

    def to_bytes(self) -> bytes:
        """As JSON."""
        document = {
            "version": VERSION,
            "run": self.run,
            "outcome": outcome_document(self.outcome),
            "files": [asdict(each) for each in self.files],
            "log": None if self.log is None else asdict(self.log),
            "worker": self.worker,
            "buildinfo": None if self.buildinfo is None else asdict(self.buildinfo),
        }
        return _dump(document)


def parse_order(data: object) -> Order:
    """The order in a message. Raises ValueError."""
    order = _object(_load(data).get("order"), "order")
    staged = order.get("staged")
    dependencies = order.get("dependencies")
    if dependencies not in ("none", "install", "root"):
        raise ValueError("dependencies is nothing known")
    return Order(
        run=_match(order, "run", _RUN),
        name=_match(order, "name", _RELATIVE),
        pkgname=_match(order, "pkgname", _PLAIN),
        version=_match(order, "version", _PLAIN),
        arch=_match(order, "arch", _PLAIN),
        recipe=_blob(order.get("recipe")),
        staged=None if staged is None else _blob(staged),
        sources=tuple(_source(each) for each in _list(order, "sources")),
        variables=_texts(order, "variables"),
        dependencies=dependencies,
        timeout=_text(order.get("timeout"), "timeout"),
        no_output_timeout=_text(order.get("no_output_timeout"), "no_output_timeout"),
        public_keys=_texts(order, "public_keys"),
        jobs=_number(order, "jobs", 1 << 16),
        attempt=_number(order, "attempt", 1 << 16),
        deadline=float(_number(order, "deadline", 1 << 31)),
    )


def parse_result(data: object) -> Result:
    """The result in a message, from whomever. Raises ValueError that says what is wrong with it."""
    document = _load(data)
    outcome = parse_outcome(document.get("outcome"))
    for value in (outcome.name, outcome.version, outcome.key, *outcome.apks):
        if len(value) > _LONGEST_NAME:
            raise ValueError("a name is too long")
    if outcome.status not in ("built", "failed"):
        raise ValueError(f"status {outcome.status} is not a worker's to say")
    if outcome.error is not None and len(outcome.error) > _LONGEST_TEXT:
        raise ValueError("the error is too long")
    files = tuple(_blob(each) for each in _list(document, "files"))
    names = [each.name for each in files]
    if outcome.status != "built" and files:
        raise ValueError("packages of a build that failed")
    for name in names:
        if not _PACKAGE.match(name):
            raise ValueError(f"{name[:80]!r} is no name of a package")
    if len(set(names)) != len(names) or sorted(names) != sorted(outcome.apks):
        raise ValueError("packages are named twice, or not all of them")
    log, told = document.get("log"), document.get("buildinfo")
    return Result(
        run=_match(document, "run", _RUN),
        outcome=outcome,
        files=files,
        log=None if log is None else _blob(log, LARGEST_LOG),
        worker=_text(document.get("worker"), "worker")[:_LONGEST_NAME],
        buildinfo=None if told is None else _blob(told, LARGEST_BUILDINFO),
    )


def blobs_document(blobs: tuple[Blob, ...]) -> bytes:
    """A list of files as JSON: what a staged repository holds."""
    return _dump({"version": VERSION, "files": [asdict(each) for each in blobs]})


def parse_blobs(data: bytes) -> tuple[Blob, ...]:
    """The list again; each name is a relative path without ``..``. Raises ValueError."""
    files = _object(json.loads(data), "list").get("files")
    if not isinstance(files, list):
        raise ValueError("files is no list")
    return tuple(_blob(each) for each in files)


def _dump(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=True, separators=(",", ":")).encode("ascii")


def _load(data: object) -> dict[str, Any]:
    if not isinstance(data, bytes):
        raise ValueError("it is not bytes")
    if len(data) > LARGEST_MESSAGE:
        raise ValueError("it is too long")
    try:
        document = _object(json.loads(data, parse_constant=_finite, parse_float=_finite), "message")
    except (RecursionError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"it is no JSON ({type(error).__name__})") from None
    if document.get("version") != VERSION:
        raise ValueError(
            f"it is of version {str(document.get('version'))[:20]}, not {VERSION}: install the same abuildpy everywhere"
        )
    return document


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text[:20]} is no number")
    return number


def _object(value: object, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} is no object")
    return value


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    value = document.get(name)
    if not isinstance(value, list) or len(value) > _MOST_FILES:
        raise ValueError(f"{name} is no list, or too long a one")
    return value


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or len(value) > _LONGEST_TEXT:
        raise ValueError(f"{name} is no text, or too long a one")
    return value


def _texts(document: Mapping[str, Any], name: str) -> dict[str, str]:
    values = _object(document.get(name), name)
    return {_text(key, name): _text(value, name) for key, value in values.items()}


def _match(document: Mapping[str, Any], name: str, pattern: re.Pattern[str]) -> str:
    value = _text(document.get(name), name)
    if len(value) > _LONGEST_NAME or not pattern.match(value):
        raise ValueError(f"{name} cannot be {value[:80]!r}")
    return value


def _number(document: Mapping[str, Any], name: str, most: int) -> int:
    value = document.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise ValueError(f"{name} is no number that it can be")
    return int(value)


def _blob(value: object, largest: int = LARGEST_PACKAGE) -> Blob:
    document = _object(value, "a file")
    return Blob(
        _match(document, "name", _RELATIVE), _match(document, "sha256", _SHA256), _number(document, "size", largest)
    )


def _source(value: object) -> tuple[str, str]:
    if not isinstance(value, list) or len(value) != 2:
        raise ValueError("a source is no pair")
    pair = {"name": value[0], "sha512": value[1]}
    return _match(pair, "name", _PLAIN), _match(pair, "sha512", _SHA512)
