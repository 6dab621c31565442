# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing packs of evaluations, see ``pack.py``, which reads them without all that this needs."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple
from zlib import crc32

from abuildpy.atomic import replacing
from abuildpy.errors import RecipeError
from abuildpy.recipe.pack import (
    AS_BEFORE,
    COLUMN,
    FAILED,
    HOT,
    MAGIC,
    SIGNS,
    UNSET,
    WIDTH,
    Pack,
    Watched,
    checksum_of,
    hot_section,
)
from abuildpy.recipe.signatures import NEVER, Signature

_SIGNS = frozenset(SIGNS)


class Record(NamedTuple):
    """One recipe's evaluation, ready to be kept."""

    name: str
    """Path of the recipe below the repository folder."""
    signature: Signature
    digest: bytes
    """Of its bytes, 16 bytes."""
    hot: Sequence[str]
    """The columns."""
    rest: bytes
    watched: Watched = ()


def record(
    name: str,
    signature: Signature,
    digest: bytes,
    functions: Iterable[str],
    changes: Mapping[str, str | None],
    watched: Watched = (),
) -> Record | None:
    """Puts an evaluation into the form that packs have; None if a value has one of the signs in it that are used there."""
    hot = [AS_BEFORE] * WIDTH
    rest = [" ".join(functions)]
    for variable, value in changes.items():
        column = COLUMN.get(variable)
        if column is not None:
            if value and not _SIGNS.isdisjoint(value):
                return None
            hot[column] = UNSET if value is None else value
        else:
            rest.append(variable if value is None else f"{variable}={value}")
    return Record(name, signature, digest, hot, _joined(rest), watched)


def record_of_failure(name: str, signature: Signature, digest: bytes, error: RecipeError, watched: Watched) -> Record:
    """The same for a recipe that cannot be evaluated."""
    rest = _joined((error.message, error.hint or ""))
    return Record(name, signature, digest, [FAILED] + [AS_BEFORE] * (WIDTH - 1), rest, watched)


def old_records(pack: Pack, numbers: Iterable[int], signatures: Sequence[int]) -> list[Record]:
    """Records of a pack in the form in which they are written, with newer signatures. Raises OSError.

    Those that are damaged are left out.
    """
    rows = list(zip(*(pack.column(name) for name in HOT), strict=True))
    found = []
    for at in numbers:
        try:
            rest = pack.rest(at)
        except ValueError:
            continue
        signature: Signature = tuple(signatures[4 * at : 4 * at + 4])  # type: ignore[assignment]
        watched = pack.watched.get(at, ())
        found.append(Record(pack.names[at], signature, pack.digest(at), rows[at], rest, watched))
    return found


def write_pack(
    path: str,
    key: bytes,
    asked: bytes,
    records: Sequence[Record],
    derived: str = "",
    folder: Signature = NEVER,
    others: Sequence[str] = (),
) -> None:
    """Writes a pack beside its name and renames it, so that readers see the old or the new one. Raises OSError.

    ``others`` are the recipes that are not in it, though they may be there while ``folder`` is the folder's signature.
    """
    signatures = array("q", [number for each in records for number in each.signature])
    parts = array("q", [0])
    for each in records:
        parts.extend((crc32(each.rest), parts[-1] + len(each.rest)))
    sections = (
        key,
        asked,
        "\0".join([each.name for each in records]).encode("utf-8", "surrogateescape"),
        signatures.tobytes(),
        b"".join([each.digest for each in records]),
        "\0".join(
            f"{at} {' '.join(map(str, signature))} {path}"
            for at, each in enumerate(records)
            for path, signature in each.watched
        ).encode("utf-8", "surrogateescape"),
        _joined((" ".join(map(str, folder)), *others)),
        derived.encode("utf-8", "surrogateescape"),
        hot_section(each.hot for each in records),
        parts.tobytes(),
    )
    body = b"".join(sections)
    head = array("q", map(len, sections))
    head.append(checksum_of(head.tobytes(), body))
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with replacing(path, 0o600) as file:
        file.write(MAGIC + head.tobytes() + body)
        file.write(b"".join([each.rest for each in records]))


def _joined(texts: Iterable[str]) -> bytes:
    return "\0".join(texts).encode("utf-8", "surrogateescape")
