# SPDX-License-Identifier: GPL-3.0-or-later
"""SPDX 2.3 documents (JSON): what a package is, holds, needs and was made of.

A document follows from the finished package and from the buildinfo, so it is the same for the same package. Its name space
is derived from the package's SHA-256: another file, signed by another key or not, is another document's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import quote

from abuildpy.package.archive import Digests
from abuildpy.records.buildinfo import BuildInfo, Result
from abuildpy.records.form import dump
from abuildpy.records.licenses import NOASSERTION, License, read_license
from abuildpy.repository.apkfile import PkgInfo

_MOST_FILES = 20_000
"""Files of a package that are listed; of larger ones the documents would be larger than the packages."""
_ADDRESS = re.compile(r"(?:https?|ftp)://[A-Za-z0-9._~:/?#@!$&'()*+,;=%\[\]-]+\Z")
_PERSON = re.compile(r"\s*([^<>()]*?)\s*<([^<>()]+)>\s*\Z")
_NAME = re.compile(r"[<>=~@]")
_SPACE = "https://spdx.org/spdxdocs"

Object = dict[str, object]


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished package: its .PKGINFO, its regular files, and what the buildinfo says of it."""

    info: PkgInfo
    files: Sequence[Digests]
    result: Result


def purl(name: str, version: str, arch: str) -> str:
    """The package URL of an Alpine package (purl-spec, type apk)."""
    return f"pkg:apk/alpine/{_quoted(name.lower())}@{_quoted(version)}?arch={_quoted(arch)}"


def spdx_document(package: Finished, build: BuildInfo, siblings: Sequence[Finished]) -> bytes:
    """The document of one package of a build. ``siblings`` are all of the build, itself among them."""
    writer = _Writer(package, build)
    writer.describe()
    writer.origin(siblings)
    writer.build_dependencies()
    writer.dependencies(siblings)
    return dump(writer.document())


class _Writer:
    """Collects the elements of one document."""

    def __init__(self, package: Finished, build: BuildInfo) -> None:
        self._package, self._build = package, build
        self._packages: list[Object] = []
        self._files: list[Object] = []
        self._relations: list[Object] = []
        self._license = read_license(_text(package.info.last("license")))
        self._created = datetime.fromtimestamp(build.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def document(self) -> Object:
        """All of it."""
        info, result = self._package.info, self._package.result
        full = f"{info.last('pkgname')}-{info.last('pkgver')}"
        who = _person(_text(info.last("packager")))
        document: Object = {
            "SPDXID": "SPDXRef-DOCUMENT",
            "spdxVersion": "SPDX-2.3",
            "dataLicense": "CC0-1.0",
            "name": _text(full),
            "documentNamespace": f"{_SPACE}/{_quoted(full)}-{_quoted(result.arch)}-{result.sha256}",
            "creationInfo": {
                "created": self._created,
                "creators": [f"Tool: abuildpy-{self._build.abuildpy}", *([who] if who else [])],
            },
            "packages": self._packages,
            "relationships": self._relations,
        }
        if self._files:
            document["files"] = self._files
        if self._license.references:
            document["hasExtractedLicensingInfos"] = [
                {"licenseId": name, "extractedText": text} for name, text in sorted(self._license.references.items())
            ]
        return document

    # --- the package itself ----------------------------------------------------------------------------------------

    def describe(self) -> None:
        """The package, and its files."""
        info, result, license_ = self._package.info, self._package.result, self._license
        element = self._element("SPDXRef-Package", info.last("pkgname"), info.last("pkgver"))
        element |= {
            "packageFileName": result.file,
            "checksums": [_checksum("sha256", result.sha256)],
            "builtDate": self._created,
            "licenseDeclared": license_.expression,
            "licenseConcluded": NOASSERTION,
            "externalRefs": [_purl(info.last("pkgname"), info.last("pkgver"), result.arch)],
        }
        optional = {
            "summary": _text(info.last("pkgdesc")),
            "homepage": _address(_text(info.last("url"))),
            "licenseComments": license_.note,
            "supplier": _person(_text(info.last("packager"))),
        }
        element |= {name: text for name, text in optional.items() if text}
        self._relate("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-Package")
        files = sorted(self._package.files, key=lambda file: file.path)
        if len(files) > _MOST_FILES:
            element["comment"] = f"Its {len(files)} files are not listed."
        elif files:
            element["filesAnalyzed"] = True
            element["packageVerificationCode"] = {"packageVerificationCodeValue": verification_code(files)}
            for number, file in enumerate(files, 1):
                identifier = f"SPDXRef-File-{number}"
                self._files.append(
                    {
                        "SPDXID": identifier,
                        "fileName": f"./{file.path.decode('utf-8', 'backslashreplace')}",
                        "checksums": [_checksum("sha1", file.sha1), _checksum("sha256", file.sha256)],
                    }
                )
                self._relate("SPDXRef-Package", "CONTAINS", identifier)

    # --- what it was made of ---------------------------------------------------------------------------------------

    def origin(self, siblings: Sequence[Finished]) -> None:
        """The recipe, its sources, and the other packages that were made of them."""
        recipe = self._build.recipe
        element = self._element("SPDXRef-Recipe", f"{recipe.repository}/{recipe.name}", recipe.version)
        known = recipe.files.get("APKBUILD", "")
        if known.startswith("sha512:"):
            element |= {"packageFileName": "APKBUILD", "checksums": [_checksum("sha512", known[7:])]}
        if recipe.commit:
            dirty = ", with changes that were not committed" if recipe.dirty else ""
            element["sourceInfo"] = f"git commit {recipe.commit}{dirty}"
        element["primaryPackagePurpose"] = "SOURCE"
        self._relate("SPDXRef-Package", "GENERATED_FROM", "SPDXRef-Recipe")
        for number, source in enumerate(self._build.sources, 1):
            identifier = f"SPDXRef-Source-{number}"
            element = self._element(identifier, source.name, "")
            element |= {"packageFileName": _text(source.name), "primaryPackagePurpose": "SOURCE"}
            if source.checksum:
                element["checksums"] = [_checksum(source.algorithm, source.checksum)]
            if source.remote:
                element["downloadLocation"] = _address(_text(source.uri)) or NOASSERTION
            else:
                element["comment"] = "A file of the recipe's folder."
            self._relate("SPDXRef-Package", "GENERATED_FROM", identifier)
        number = 0
        for each in siblings:
            if each.result.name != self._package.result.name:
                number += 1
                identifier = f"SPDXRef-Sibling-{number}"
                self._known(identifier, each)
                self._relate(identifier, "GENERATED_FROM", "SPDXRef-Recipe")

    def _known(self, identifier: str, package: Finished) -> None:
        result, version = package.result, package.info.last("pkgver")
        element = self._element(identifier, result.name, version)
        element |= {
            "packageFileName": result.file,
            "checksums": [_checksum("sha256", result.sha256)],
            "externalRefs": [_purl(result.name, version, result.arch)],
        }

    def build_dependencies(self) -> None:
        """What the recipe asks for to be built with; all that came with it is in the buildinfo."""
        direct = [each for each in self._build.dependencies.installed if each.direct]
        for number, each in enumerate(direct, 1):
            identifier = f"SPDXRef-Build-{number}"
            element = self._element(identifier, each.name, each.version)
            element["externalRefs"] = [_purl(each.name, each.version, each.arch or self._build.arch)]
            self._relate(identifier, "BUILD_DEPENDENCY_OF", "SPDXRef-Package")

    # --- what it needs ---------------------------------------------------------------------------------------------

    def dependencies(self, siblings: Sequence[Finished]) -> None:
        """What it needs at run time: packages of the same build as they are, others by the name that apk looks for."""
        own = dict(_provided(siblings))
        packages = [each for each in siblings if each.result.name != self._package.result.name]
        number = 0
        done = set()
        for word in self._package.info.all("depend"):
            name = _NAME.split(word, maxsplit=1)[0]
            if name.startswith("!") or not name or name in done:
                continue
            done.add(name)
            provider = own.get(name)
            if provider == self._package.result.name:
                continue
            if provider is not None:
                at = next(n for n, each in enumerate(packages, 1) if each.result.name == provider)
                identifier = f"SPDXRef-Sibling-{at}"
            else:
                number += 1
                identifier = f"SPDXRef-Depends-{number}"
                self._element(identifier, name, "")["comment"] = f"Whatever apk installs for '{_text(word)}'."
            relation = self._relation("SPDXRef-Package", "DEPENDS_ON", identifier)
            if relation not in self._relations:
                self._relations.append(relation)

    # --- elements --------------------------------------------------------------------------------------------------

    def _element(self, identifier: str, name: str, version: str) -> Object:
        element: Object = {
            "SPDXID": identifier,
            "name": _text(name),
            "downloadLocation": NOASSERTION,
            "filesAnalyzed": False,
            "copyrightText": NOASSERTION,
        }
        if version:
            element["versionInfo"] = _text(version)
        self._packages.append(element)
        return element

    def _relate(self, element: str, kind: str, other: str) -> None:
        self._relations.append(self._relation(element, kind, other))

    @staticmethod
    def _relation(element: str, kind: str, other: str) -> Object:
        return {"spdxElementId": element, "relationshipType": kind, "relatedSpdxElement": other}


def verification_code(files: Sequence[Digests]) -> str:
    """SPDX 2.3, 7.9: the SHA-1 of all files' SHA-1s, sorted and put together."""
    text = "".join(sorted(file.sha1 for file in files))
    return hashlib.sha1(text.encode("ascii"), usedforsecurity=False).hexdigest()


def license_of(info: PkgInfo) -> License:
    """What the document of a package says of its licence."""
    return read_license(_text(info.last("license")))


def _provided(packages: Sequence[Finished]) -> Iterator[tuple[str, str]]:
    for package in packages:
        for word in package.info.all("provides"):
            yield _NAME.split(word, maxsplit=1)[0], package.result.name
    for package in packages:
        yield package.result.name, package.result.name


def _checksum(algorithm: str, value: str) -> Object:
    return {"algorithm": algorithm.upper(), "checksumValue": value.lower()}


def _purl(name: str, version: str, arch: str) -> Object:
    locator = purl(name, version, arch)
    return {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": locator}


def _quoted(text: str) -> str:
    return quote(text.encode("utf-8", "surrogateescape"), safe="")


def _address(text: str) -> str:
    """An address as it is, empty for what is none."""
    return text if _ADDRESS.match(text) else ""


def _person(text: str) -> str:
    """``Name <mail>`` as SPDX writes people; empty for anything else."""
    found = _PERSON.match(text)
    return f"Person: {found[1]} ({found[2]})" if found and found[1] else ""


def _text(text: str) -> str:
    """A text with its bytes that are not UTF-8 replaced: JSON has none."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
