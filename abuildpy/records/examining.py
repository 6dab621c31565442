# SPDX-License-Identifier: GPL-3.0-or-later
"""Is a package what its packager made? Its signature and content, its entry in the index, and the records beside it.

Each question is a :class:`Check` with an answer: ``ok``, ``bad``, or ``missing``, where there is nothing to look at. Only what a
trusted key has signed counts: the index and the provenance are believed once their signatures hold, the buildinfo and the SPDX
document because the provenance names their digests, or (told apart) for no reason but that they fit the package.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from abuildpy.errors import AbuildError, RepositoryError
from abuildpy.records.buildinfo import parse_buildinfo
from abuildpy.records.dsse import unseal
from abuildpy.records.form import Fields, parse, read_record, shown
from abuildpy.records.names import PROVENANCE, buildinfo_name, provenance_name, spdx_name
from abuildpy.records.provenance import BUILD_TYPE, WORKER, Statement, read_statement
from abuildpy.repository import apkfile
from abuildpy.repository.index import INDEX_NAME, IndexEntry, parse_index
from abuildpy.repository.indexing import entry_of
from abuildpy.repository.trust import Keys, untrusted_hint

Answer = Literal["ok", "bad", "missing"]
Kind = Literal["signature", "content", "index", "provenance", "spdx", "buildinfo"]
KINDS: tuple[Kind, ...] = ("signature", "content", "index", "provenance", "spdx", "buildinfo")
_CHANGED = "it was changed since, or is another build's: build or fetch all of it again"


@dataclass(frozen=True, slots=True)
class Check:
    """One question about a file: ``text`` says what was found, ``hint`` what to do about it.

    ``unsigned`` tells of a record that fits its package, and that no provenance vouches for.
    """

    kind: Kind
    answer: Answer
    text: str
    hint: str = ""
    unsigned: bool = False


class Indexes:
    """Where index entries are looked for: in the file ``given``, else beside each package. Each is read once."""

    def __init__(self, keys: Keys, given: Path | None = None) -> None:
        self._keys = keys
        self._given = given
        self._known: dict[Path, Mapping[str, IndexEntry] | RepositoryError] = {}

    def path(self, package: Path) -> Path:
        """The index that a package should be in."""
        return self._given or package.parent / INDEX_NAME

    def entries(self, package: Path) -> Mapping[str, IndexEntry]:
        """Its entries by file name. Raises RepositoryError where it is damaged, or signed by nobody who is trusted."""
        path = self.path(package)
        if path not in self._known:
            self._known[path] = self._read(path)
        found = self._known[path]
        if isinstance(found, RepositoryError):
            raise found
        return found

    def _read(self, path: Path) -> Mapping[str, IndexEntry] | RepositoryError:
        try:
            signatures, content = apkfile.signatures_of(path)
            self._keys.require(path, signatures, content)
            return {each.file_name: each for each in parse_index(content, source=str(path)).entries}
        except RepositoryError as error:
            return error


def examine(path: Path, keys: Keys, indexes: Indexes) -> Iterator[Check]:
    """Everything that can be asked about a package, an index or a statement of provenance, by the file's name.

    Raises RepositoryError for what is none or cannot be read.
    """
    if path.name.endswith(".apk"):
        yield from _Package(path, keys, indexes).checks()
    elif path.name.endswith(PROVENANCE):
        yield from _examine_provenance(path, keys)
    elif path.name.endswith(".json"):
        raise RepositoryError(f"{path}: nothing to verify by itself", hint="name the package that it stands beside")
    else:
        signatures, content = apkfile.signatures_of(path)
        yield _check("signature", lambda: _signed(path, keys, signatures, content))


def _check(kind: Kind, action: Callable[[], Check]) -> Check:
    try:
        return action()
    except AbuildError as error:
        return Check(kind, "bad", error.message, error.hint or "")


def _signed(path: Path, keys: Keys, signatures: Iterable[apkfile.Signature], content: bytes) -> Check:
    keys.require(path, signatures, content)
    return Check("signature", "ok", f"by {_names(each.key for each in signatures)}")


def _names(names: Iterable[str]) -> str:
    return ", ".join(dict.fromkeys(names))


def _examine_provenance(path: Path, keys: Keys) -> Iterator[Check]:
    """The signature of a statement, and whether what it names and stands beside it is what it says."""

    def check() -> Check:
        signers, statement = _read_provenance(path, keys)
        absent = []
        for name, digest in (*statement.packages.items(), *statement.records.items()):
            beside = path.parent / name
            if "/" in name or not os.path.isfile(beside):
                absent.append(name)
            elif _sha256(beside) != digest:
                raise RepositoryError(f"{beside}: not the file that {path.name} tells of", hint=_CHANGED)
        text = _origin(signers, statement)
        return Check("provenance", "ok", f"{text}; not beside it: {' '.join(map(shown, absent))}" if absent else text)

    yield _check("provenance", check)


def _read_provenance(path: Path, keys: Keys) -> tuple[tuple[str, ...], Statement]:
    """Who has signed a statement of those who are trusted, and what it says. Raises RepositoryError."""
    try:
        envelope = unseal(read_record(path))
        signers = keys.signers(envelope)
        if not signers:
            names = _names(shown(name) for name, _ in envelope.signatures)
            if any(name in keys for name, _ in envelope.signatures):
                raise RepositoryError(f"{path}: BAD signature by {names}", hint=_CHANGED)
            raise RepositoryError(f"{path}: UNTRUSTED signature by {names or 'nobody'}", hint=untrusted_hint())
        return signers, read_statement(envelope)
    except ValueError as error:
        raise RepositoryError(f"{path}: no usable provenance: {error}", hint=_CHANGED) from error


def _origin(signers: tuple[str, ...], statement: Statement) -> str:
    where = ", of a build on another machine" if statement.builder == WORKER else ""
    strange = (
        "" if statement.build_type == BUILD_TYPE else f", of an unknown kind of build ({statement.build_type[:80]!r})"
    )
    return f"by {_names(signers)}{where}{strange}"


class _Package:
    """Asks about one package; what was found about the provenance tells how far other records can be believed."""

    def __init__(self, path: Path, keys: Keys, indexes: Indexes) -> None:
        self._path, self._keys, self._indexes = path, keys, indexes
        self._apk = apkfile.read(path)
        self._sha256 = _sha256(path)
        self._origin = self._apk.info.last("origin") or self._apk.name
        self._statement: Statement | None = None

    def checks(self) -> Iterator[Check]:
        """All checks, in the order of KINDS."""
        apk = self._apk
        yield _check("signature", self._signature)
        yield _check("content", self._content)
        yield _check("index", self._index)
        version = apk.version
        for kind, name, action in (
            ("provenance", provenance_name(self._origin, version), self._provenance),
            ("spdx", spdx_name(apk.name, version), self._spdx),
            ("buildinfo", buildinfo_name(self._origin, version), self._buildinfo),
        ):
            yield self._record(kind, name, action)  # type: ignore[arg-type]

    def _signature(self) -> Check:
        """A signature says nothing of the file's name: an old package can go by the name of a new one."""
        apk = self._apk
        found = _signed(self._path, self._keys, apk.signatures, apk.control)
        own = f"{apk.name}-{apk.version}.apk"
        return found if self._path.name == own else replace(found, text=f"{found.text} (of {shown(own)})")

    def _content(self) -> Check:
        apkfile.verify_data(self._apk)
        return Check("content", "ok", "as signed")

    def _index(self) -> Check:
        path = self._indexes.path(self._path)
        if not path.is_file():
            return Check("index", "missing", f"there is no {path}")
        found = self._indexes.entries(self._path).get(f"{self._apk.name}-{self._apk.version}.apk")
        if found is None:
            return Check("index", "missing", f"{path} does not have it")
        own = entry_of(self._apk, arch=found.arch)
        if (found.identity, found.size) != (own.identity, own.size):
            raise RepositoryError(
                f"{self._path}: not the package that {path} tells of",
                hint="update the index, or fetch the package again",
            )
        return Check("index", "ok", "as in the index")

    def _record(self, kind: Kind, name: str, action: Callable[[Path], Check]) -> Check:
        path = self._path.parent / name
        if "/" in name or not os.path.exists(path):  # which takes any name, also one that no file can have
            return Check(kind, "missing", f"there is no {name}")

        def check() -> Check:
            try:
                return action(path)
            except ValueError as error:
                raise RepositoryError(f"{path}: {error}", hint=_CHANGED) from error

        return _check(kind, check)

    def _provenance(self, path: Path) -> Check:
        signers, statement = _read_provenance(path, self._keys)
        if statement.packages.get(self._path.name) != self._sha256:
            raise ValueError(f"it does not tell of this {self._path.name}")
        self._statement = statement
        return Check("provenance", "ok", _origin(signers, statement))

    def _vouched(self, kind: Kind, path: Path, content: bytes) -> Check:
        """The answer for a record that fits the package: whether the provenance has it too."""
        if self._statement is None:
            return Check(kind, "ok", "it fits, and nobody has signed it", unsigned=True)
        if self._statement.records.get(path.name) != hashlib.sha256(content).hexdigest():
            raise ValueError("it is not what the provenance tells of")
        return Check(kind, "ok", "as in the provenance")

    def _spdx(self, path: Path) -> Check:
        content = read_record(path)
        top = Fields(parse(content), "it")
        if not top.value("spdxVersion", str).startswith("SPDX-2."):
            raise ValueError("it is no document of SPDX 2")
        described = [each for each in top.each("packages") if each.value("SPDXID", str) == "SPDXRef-Package"]
        if len(described) != 1:
            raise ValueError("it does not describe one package")
        about = described[0]
        sums = {each.value("algorithm", str): each.value("checksumValue", str) for each in about.each("checksums")}
        told = about.value("name", str), about.value("versionInfo", str), sums.get("SHA256")
        if told != (self._apk.name, self._apk.version, self._sha256):
            raise ValueError(f"it does not tell of this {self._path.name}")
        return self._vouched("spdx", path, content)

    def _buildinfo(self, path: Path) -> Check:
        content = read_record(path)
        build = parse_buildinfo(content)
        told = [each for each in build.packages if each.name == self._apk.name]
        datahash = self._apk.info.last("datahash")
        if (build.recipe.name, build.recipe.version) != (self._origin, self._apk.version) or [
            (each.sha256, each.size, each.datahash) for each in told
        ] != [(self._sha256, self._apk.size, datahash)]:
            raise ValueError(f"it does not tell of this {self._path.name}")
        return self._vouched("buildinfo", path, content)


def _sha256(path: Path) -> str:
    try:
        with open(path, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise RepositoryError(f"cannot read {path}: {error.strerror or error}") from error


def document(path: Path, checks: Iterable[Check]) -> dict[str, Any]:
    """What was found about a file, as JSON has it."""
    found = list(checks)
    return {
        "path": str(path),
        "ok": all(each.answer != "bad" for each in found),
        "checks": [{"kind": c.kind, "answer": c.answer, "text": c.text, "hint": c.hint or None} for c in found],
    }
