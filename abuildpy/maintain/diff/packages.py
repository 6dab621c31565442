# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares packages: two files, or all of one side with all of another."""

from __future__ import annotations

import filecmp
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from abuildpy.maintain.diff import effects, files, libraries, metadata
from abuildpy.maintain.diff.contents import Contents, Library, read_contents, read_texts
from abuildpy.maintain.diff.metadata import Elsewhere
from abuildpy.maintain.diff.model import (
    SECTIONS,
    Change,
    Comparison,
    Difference,
    Package,
    Provided,
    Section,
    SectionName,
)
from abuildpy.repository import apkfile
from abuildpy.repository.apkfile import ApkFile
from abuildpy.repository.version import sort_key

_LARGEST_TEXT: Final = 1 << 20
_MOST_TEXT: Final = 64 << 20


class _Others:
    """What the packages of the new side have, asked for by those that lost it: names, and libraries that moved, by soname."""

    def __init__(self, apks: Iterable[ApkFile] = (), libraries: Mapping[str, Library] | None = None) -> None:
        self.libraries = libraries or {}
        self._makers: dict[str, tuple[str, str]] = {}
        for apk in apks:
            for name, version in metadata.provided_by(apk).items():
                self._makers.setdefault(name, (apk.name, version))

    def maker(self, name: str) -> tuple[str, str] | None:
        """The package that has a name, and in which version."""
        return self._makers.get(name)


def compare_packages(old: Path, new: Path, *, contents: bool = False) -> Difference:
    """What differs between two package files; nothing is unpacked for it.

    ``contents`` asks for the changed lines of text files, too. Raises RepositoryError, naming the file, for one that cannot
    be read, is no package, is damaged, or unpacks to absurdly much.
    """
    return _compare(read_contents(old), read_contents(new), _Others(), texts=contents)


def compare_sets(old: Iterable[Path], new: Iterable[Path], *, contents: bool = False) -> Comparison:
    """The same for all packages of a recipe, or of a repository: by name, and what moved from one package to another of
    the same side is not lost. Of two versions of a package on one side the higher one counts.
    """
    before, after = newest(old), newest(new)
    others = _Others(after.values(), dict(_moved(before, after)))
    found = []
    for name in sorted({*before, *after}):
        one, other = before.get(name), after.get(name)
        if one is None:
            found.append(_came(read_contents(after[name].path)))
        elif other is None:
            found.append(_went(read_contents(one.path), others))
        elif not filecmp.cmp(one.path, other.path, shallow=False):
            found.append(_compare(read_contents(one.path), read_contents(other.path), others, texts=contents))
    return Comparison(tuple(_with_moves([each for each in found if each.sections or each.unseen])))


def _with_moves(differences: Sequence[Difference]) -> Iterator[Difference]:
    """The same, where files that went say which package they came to, and the other way round."""
    places: dict[str, dict[str, str]] = {"+": {}, "-": {}}
    for difference in differences:
        package = difference.new or difference.old
        for change in difference.section("files"):
            if change.sign in places and package is not None:
                places[change.sign][change.what] = package.name
    for difference in differences:
        sections = [
            Section(section.name, tuple(_moved_file(each, places) for each in section.changes))
            if section.name == "files"
            else section
            for section in difference.sections
        ]
        yield replace(difference, sections=tuple(sections))


def _moved_file(change: Change, places: Mapping[str, Mapping[str, str]]) -> Change:
    if change.sign == "-" and change.what in places["+"]:
        return replace(change, note=f"now in {places['+'][change.what]}")
    if change.sign == "+" and change.what in places["-"]:
        return replace(change, note=f"was in {places['-'][change.what]}")
    return change


def newest(paths: Iterable[Path]) -> dict[str, ApkFile]:
    """The package files by the name of their package; of several versions the highest. Raises RepositoryError."""
    found: dict[str, ApkFile] = {}
    for path in paths:
        apk = apkfile.read(path)
        known = found.get(apk.name)
        if known is None or sort_key(apk.version) > sort_key(known.version):
            found[apk.name] = apk
    return found


def _moved(before: Mapping[str, ApkFile], after: Mapping[str, ApkFile]) -> Iterator[tuple[str, Library]]:
    """Libraries that another package of the new side provides than the one that did, by soname."""
    had = {name: apk.name for apk in before.values() for name in metadata.provided_by(apk) if name.startswith("so:")}
    for apk in after.values():
        come = [name for name in metadata.provided_by(apk) if had.get(name, apk.name) != apk.name]
        sonames = {name.removeprefix("so:") for name in come}
        for library in read_contents(apk.path).libraries.values() if sonames else ():
            if library.info.soname in sonames:
                yield library.info.soname, library


def _compare(old: Contents, new: Contents, others: _Others, *, texts: bool) -> Difference:
    matched = files.match(old, new)
    pairs = libraries.pairs(old, new, others.libraries)
    unseen = [*old.unseen, *(each for each in new.unseen if each not in old.unseen)]
    sections = _sections(
        {
            "metadata": metadata.fields(old.apk, new.apk),
            "depends": metadata.relations(old.apk, new.apk),
            "provides": metadata.provides(old.apk, new.apk, others.maker),
            "libraries": libraries.libraries(pairs),
            "symbols": libraries.symbols(pairs),
            "effects": effects.effects(old, new, matched),
            "scripts": effects.scripts(old, new),
            "files": files.files(matched),
            "contents": _texts(old, new, matched, unseen) if texts else (),
            "build": (*metadata.of_the_build(old.apk, new.apk), *files.times(matched)),
        }
    )
    return _difference(old, new, sections, others.maker, unseen)


def _difference(
    old: Contents, new: Contents | None, sections: tuple[Section, ...], elsewhere: Elsewhere, unseen: Iterable[str]
) -> Difference:
    before = metadata.provided_by(old.apk)
    after = {} if new is None else metadata.provided_by(new.apk)
    provided = {each.name: each for each in metadata.changed_names(before, after, elsewhere)}
    symbols = next((section.changes for section in sections if section.name == "symbols"), ())
    for name in sorted({f"so:{each.where}" for each in symbols if each.impact}):
        known = provided.get(name)
        if known is None:
            provided[name] = Provided(name, before.get(name, ""), before.get(name, ""), abi=True)
        elif known.new is not None:
            provided[name] = Provided(name, known.old, known.new, abi=True)
    package = None if new is None else _package(new.apk)
    return Difference(_package(old.apk), package, sections, tuple(provided.values()), tuple(unseen))


def _texts(old: Contents, new: Contents, matched: files.Matched, unseen: list[str]) -> Iterator[Change]:
    pairs = files.differing(matched)
    large = [other.path for one, other in pairs if max(one.size, other.size) > _LARGEST_TEXT]
    small = [pair for pair in pairs if max(pair[0].size, pair[1].size) <= _LARGEST_TEXT]
    if not pairs:
        return
    before = read_texts(old.apk, {one.path: one.size for one, _ in small}, most=_MOST_TEXT)
    after = read_texts(new.apk, {other.path: other.size for _, other in small}, most=_MOST_TEXT)
    left = [other.path for one, other in small if one.path not in before or other.path not in after]
    unseen += [f"{path}: too large to be compared line by line" for path in (*large, *left)]
    yield from files.contents(matched, before, after)


def _went(old: Contents, others: _Others) -> Difference:
    pairs = libraries.pairs(old, None, others.libraries)
    sections = _sections(
        {
            "metadata": (Change("-", "package", f"{old.apk.name}-{old.apk.version}"),),
            "provides": metadata.provides(old.apk, None, others.maker),
            "libraries": (each for each in libraries.libraries(pairs) if each.impact),
            "symbols": libraries.symbols(pairs),
            "files": files.files(files.Matched((), (), tuple(old.files.values()))),
        }
    )
    return _difference(old, None, sections, others.maker, old.unseen)


def _came(new: Contents) -> Difference:
    """What a new package brings along; there is nothing to compare it with, and nobody depends on it."""
    nothing = Contents(replace(new.apk, info=apkfile.PkgInfo({}), scripts={}), {})
    matched = files.Matched((), tuple(new.files.values()), ())
    provided = list(metadata.provided_by(new.apk).items())[1:]
    sections = _sections(
        {
            "metadata": (Change("+", "package", "", f"{new.apk.name}-{new.apk.version}"),),
            "depends": metadata.relations(nothing.apk, new.apk),
            "provides": (Change("+", name, "", version) for name, version in provided),
            "effects": effects.effects(nothing, new, matched),
            "scripts": effects.scripts(nothing, new),
            "files": files.files(matched),
        }
    )
    return Difference(None, _package(new.apk), sections, (), new.unseen)


def _sections(found: Mapping[SectionName, Iterable[Change]]) -> tuple[Section, ...]:
    sections = (Section(name, tuple(found[name])) for name in SECTIONS if name in found)
    return tuple(section for section in sections if section.changes)


def _package(apk: ApkFile) -> Package:
    size = apk.info.last("size")
    return Package(
        apk.path,
        apk.name,
        apk.version,
        apk.arch,
        apk.info.last("origin") or apk.name,
        apk.size,
        int(size) if size.isascii() and size.isdigit() and len(size) < 20 else 0,
    )
