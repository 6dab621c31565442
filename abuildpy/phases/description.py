# SPDX-License-Identifier: GPL-3.0-or-later
"""A package's description as the recipe's own packaging steps left it, read as data that anybody could have written."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from abuildpy.errors import PackageError
from abuildpy.package.model import Metadata
from abuildpy.phases.control import read_control
from abuildpy.repository.depends import check_depver

_FIELD = re.compile(r"([a-z_]+) = (.*)")
_SCRIPTS = frozenset(f".{when}-{what}" for when in ("pre", "post") for what in ("install", "upgrade", "deinstall")) | {
    ".trigger"
}
_HINT = "look at the packaging steps that the recipe redefines"


@dataclass(frozen=True, slots=True)
class Description:
    """``pkginfo`` is .PKGINFO without the hash of the data; ``scripts`` maps member names to contents; ``size`` is in bytes."""

    pkginfo: str
    scripts: Mapping[str, bytes]
    size: int


def read_description(packages: Path, metadata: Metadata) -> Description:
    """Reads ``.control.NAME/`` of a package. Raises PackageError where that describes no package, or another one.

    Name, version and arch decide where the package goes, so they must be what the recipe says.
    """
    name = metadata.name
    files = read_control(packages, name)
    if ".PKGINFO" not in files or ".metafiles" not in files:
        raise PackageError(f"{name}: there is no .PKGINFO or no .metafiles in .control.{name}", hint=_HINT)
    text = files[".PKGINFO"].decode("utf-8", "surrogateescape")
    fields = list(_fields(name, text))
    for key, wanted in (("pkgname", name), ("pkgver", metadata.version), ("arch", metadata.arch)):
        said = [value for other, value in fields if other == key]
        if said != [wanted]:
            raise PackageError(f"{name}: .PKGINFO says {key} is {' and '.join(said)}, not {wanted}", hint=_HINT)
    for key, value in fields:
        problem = _problem(key, value)
        if problem:
            raise PackageError(f"{name}: {problem}", hint=_HINT)
    size = next((value for key, value in fields if key == "size"), "")
    listed = files[".metafiles"].decode("utf-8", "surrogateescape").split("\0")
    scripts = {member: files.get(member) for member in listed if member not in ("", ".PKGINFO")}
    for member, content in scripts.items():
        if content is None or member not in _SCRIPTS:
            raise PackageError(f"{name}: .metafiles lists {member!r}, which is no install script there", hint=_HINT)
    return Description(
        text if text.endswith("\n") else f"{text}\n",
        {member: content for member, content in scripts.items() if content is not None},
        int(size) if size.isascii() and size.isdigit() and len(size) < 19 else 0,
    )


def _fields(name: str, text: str) -> Iterator[tuple[str, str]]:
    for line in text.split("\n"):
        if not line or line.startswith("#"):
            continue
        match = _FIELD.fullmatch(line)
        if match is None or any(ord(char) < 0x20 or ord(char) == 0x7F for char in line):
            raise PackageError(f"{name}: .PKGINFO has a line that is no field: {line!r}", hint=_HINT)
        yield match[1], match[2]


def _problem(key: str, value: str) -> str | None:
    if key == "datahash":
        return ".PKGINFO already has a datahash, which only comes when the data is packed"
    if key in ("depend", "provides", "replaces"):
        if not value.split():
            return f".PKGINFO has a {key} of nothing"
        return next((problem for word in value.split() if (problem := check_depver(word))), None)
    return None
