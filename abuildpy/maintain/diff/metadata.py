# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs in what packages say of themselves: fields, dependencies, what they provide."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Final

from abuildpy.maintain.diff.model import Change, Impact, Provided
from abuildpy.repository import depends
from abuildpy.repository.apkfile import ApkFile
from abuildpy.repository.version import compare, is_valid

_RELATIONS: Final = ("depend", "replaces", "install_if", "triggers")
_OF_THE_BUILD: Final = ("builddate", "commit", "datahash", "packager")
_SILENT: Final = ("size", "provides", *_RELATIONS, *_OF_THE_BUILD)
"""Those with a place of their own; the size is that of the files."""
_SHOWN: Final = {"depend": "depends"}

Elsewhere = Callable[[str], tuple[str, str] | None]
"""Which other package of the new side has or provides a name, and in which version."""


def fields(old: ApkFile, new: ApkFile) -> Iterator[Change]:
    """Fields with other values: version, license, and so on."""
    for key in dict.fromkeys((*old.info.fields, *new.info.fields)):
        if key not in _SILENT:
            yield from _field(key, old, new)


def of_the_build(old: ApkFile, new: ApkFile) -> Iterator[Change]:
    """Fields that differ from build to build."""
    for key in _OF_THE_BUILD:
        yield from _field(key, old, new)


def _field(key: str, old: ApkFile, new: ApkFile) -> Iterator[Change]:
    before, after = " ".join(old.info.all(key)), " ".join(new.info.all(key))
    if before != after:
        yield Change("~" if before and after else "+" if after else "-", key, before, after)


def relations(old: ApkFile, new: ApkFile) -> Iterator[Change]:
    """Dependencies, conflicts (``!name``), replaces, install_if and triggers.

    A dependency on the package's own version that follows it (``foo-libs=1.0-r0``) is no change.
    """
    for key in _RELATIONS:
        where = _SHOWN.get(key, key)
        before = _by_name(_words(old, key), old.version)
        after = _by_name(_words(new, key), new.version)
        for name in sorted({*before, *after}):
            gone, come = before.get(name, []), after.get(name, [])
            if [meant for meant, _ in gone] != [meant for meant, _ in come]:
                yield _relation(name, " ".join(word for _, word in gone), " ".join(word for _, word in come), where)


def _relation(name: str, gone: str, come: str, where: str) -> Change:
    if not gone:
        note = "a conflict: it cannot be installed beside it" if name.startswith("!") and where == "depends" else ""
        return Change("+", come, "", come, note, where=where)
    return Change("~" if come else "-", name if come else gone, gone, come, where=where)


def _words(apk: ApkFile, key: str) -> list[str]:
    return [word for value in apk.info.all(key) for word in value.split()]


def _by_name(words: Iterable[str], version: str) -> dict[str, list[tuple[str, str]]]:
    """Dependencies by their names: what each means, in which the package's own version has no number, and the word itself."""
    found: dict[str, list[tuple[str, str]]] = {}
    for word in words:
        name = depends.bare_name(word)
        own = word[len(name) :].lstrip("<>=~") == version != ""
        found.setdefault(name, []).append((word.removesuffix(version) + "VERSION" if own else word, word))
    return {name: sorted(each) for name, each in found.items()}


# --- what is provided --------------------------------------------------------------------------------------------


def provided_by(apk: ApkFile) -> dict[str, str]:
    """All names that a package can be asked for by, its own first, with their versions (empty: none)."""
    return names_of(apk.name, apk.version, _words(apk, "provides"))


def names_of(name: str, version: str, provides: Iterable[str]) -> dict[str, str]:
    """The same for a package of an index."""
    found = {name: version}
    for word in provides:
        bare = depends.bare_name(word)
        found[bare] = word[len(bare) :].lstrip("<>=~")
    return found


def provides(old: ApkFile, new: ApkFile | None, elsewhere: Elsewhere) -> Iterator[Change]:
    """Names that came, went, or have another version; one that follows the package's version is no change."""
    before = provided_by(old)
    after = provided_by(new) if new is not None else {}
    for name in sorted({*before, *after}):
        if new is not None and name in (old.name, new.name):
            continue  # the package itself, if it still is one, is a matter of the metadata
        gone, come = before.get(name), after.get(name)
        if gone == come:
            continue
        if come is None:
            moved = elsewhere(name)
            note = f"{moved[0]} has it now" if moved else _lost(name)
            yield Change("-", name, gone or "", "", note, _impact(name) if not moved else "")
        elif gone is None:
            yield Change("+", name, "", come)
        elif not (new is not None and gone in _versions(old) and come in _versions(new)):
            lower = _is_lower(come, gone)
            yield Change("~", name, gone, come, "lower than before" if lower else "", "provides" if lower else "")


def changed_names(old: Mapping[str, str], new: Mapping[str, str], elsewhere: Elsewhere) -> Iterator[Provided]:
    """The names that went, or whose version is another one, of all that a package has by :func:`provided_by`."""
    for name, version in old.items():
        come = new.get(name)
        if come is None and (moved := elsewhere(name)):
            come = moved[1]
        if come != version:
            yield Provided(name, version, come)


def _impact(name: str) -> Impact:
    return "abi" if name.startswith("so:") else "provides"


def _lost(name: str) -> str:
    if name.startswith("so:"):
        return "programs that were linked with it do not start"
    return "who depends on it cannot be installed"


def _versions(apk: ApkFile) -> Collection[str]:
    """What follows the package: its version, and that without pkgrel."""
    return {apk.version, apk.version.rpartition("-r")[0] or apk.version}


def _is_lower(new: str, old: str) -> bool:
    return bool(old) and (not new or (is_valid(new) and is_valid(old) and compare(new, old) < 0))
