# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs in ELF files: sonames, what they need, and the symbols that others are linked with.

A library counts for the ABI if others can be linked with it: if the package provides its soname (``so:``). Of other ELF files
(plugins, modules, programs) changes are told, and concern nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from abuildpy.maintain.diff.contents import Contents, Library
from abuildpy.maintain.diff.metadata import provided_by
from abuildpy.maintain.diff.model import Change, Impact
from abuildpy.package.symbols import Symbol

_LINKER: Final = frozenset(
    ("__bss_start", "_edata", "_end", "_fini", "_init", "edata", "end", "__bss_start__", "_bss_end__")
)
"""What linkers define by themselves, so that their version decides whether they are there."""
_DATA: Final = ("OBJECT", "TLS", "COMMON")
_CODE: Final = ("FUNC", "IFUNC")
# Inline functions and templates of the standard library, which every program that uses one has in itself: std::, __gnu_cxx::
# (Itanium C++ ABI, 5.1: St, Sa, Ss, Sb and so on stand for std names, N…E and the prefixes before it enclose them).
_STANDARD: Final = re.compile(r"_Z(?:GV|GR|TV|TT|TI|TS|Z)?(?:Z?N[KVRO]*)?(?:S[tabsiod]|9__gnu_cxx|10__cxxabiv1)")
_DIGITS: Final = re.compile(r"[0-9.]+")

Keys = Mapping[tuple[str, str], Symbol]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two libraries that are the same one, or what became of it. ``public``: others are linked with it."""

    name: str
    old: Library | None
    new: Library | None
    public: bool


def pairs(old: Contents, new: Contents | None, moved: Mapping[str, Library]) -> list[Pair]:
    """Which ELF files are to be compared: by soname, then by path, then by what the soname is without its numbers.

    ``moved`` are libraries of other packages of the new side, by soname.
    """
    names = provided_by(old.apk)
    fresh = {} if new is None else dict(new.libraries)
    sonames = {each.info.soname: each for each in fresh.values() if each.info.soname}
    left = {path: library for path, library in fresh.items() if path not in old.libraries}
    stems = {_stem(each.info.soname): each for each in left.values() if each.info.soname}
    found: list[Pair] = []
    met: set[str] = set()
    for path, library in old.libraries.items():
        soname = library.info.soname
        public = f"so:{soname}" in names
        if public and soname in met:
            continue  # a hard link to it
        match = (sonames.get(soname) or moved.get(soname)) if public else None
        match = match or fresh.get(path) or (stems.get(_stem(soname)) if soname else None)
        found.append(Pair(soname if public else path, library, match, public))
        met.add(soname)
    taken = {id(pair.new) for pair in found}
    found += [
        Pair(path, None, each, False) for path, each in left.items() if id(each) not in taken and each.info.soname
    ]
    return found


def _stem(soname: str) -> str:
    return _DIGITS.sub("", soname)


def libraries(found: Iterable[Pair]) -> Iterator[Change]:
    """Sonames that came, went or changed, and what else the dynamic linker is told."""
    for pair in found:
        if pair.old is None and pair.new is not None:
            yield Change("+", pair.new.path, "", pair.new.info.soname, where="soname")
        elif pair.new is None and pair.old is not None and pair.public:
            yield Change("-", pair.old.path, pair.name, "", "the library is gone", "abi", "soname")
        elif pair.old is not None and pair.new is not None:
            yield from _facts(pair, pair.old, pair.new)


def _facts(pair: Pair, old: Library, new: Library) -> Iterator[Change]:
    before, after = old.info, new.info
    if before.soname != after.soname:
        impact: Impact = "abi" if pair.public else ""
        yield Change("~", new.path, before.soname, after.soname, "another soname", impact, "soname")
    for sign, names in (("-", set(before.needed) - set(after.needed)), ("+", set(after.needed) - set(before.needed))):
        for name in sorted(names):
            change = Change("-" if sign == "-" else "+", new.path, where="needs")
            yield replace(change, old=name) if sign == "-" else replace(change, new=name)
    for where, one, other in (
        ("rpath", ":".join(before.rpaths), ":".join(after.rpaths)),
        ("interpreter", before.interpreter, after.interpreter),
        ("type", before.etype, after.etype),
        ("machine", _machine(old), _machine(new)),
    ):
        if one != other:
            yield Change("~", new.path, one, other, where=where)
    if after.textrel and not before.textrel:
        yield Change("~", new.path, "", "text relocations", "musl refuses them", where="type")
    if before.pie and not after.pie:
        yield Change("~", new.path, "position independent", "at a fixed place", where="type")


def _machine(library: Library) -> str:
    info = library.info
    return f"{info.machine}, {info.bits}-bit, {'little' if info.little_endian else 'big'}-endian"


# --- symbols -----------------------------------------------------------------------------------------------------


def symbols(found: Iterable[Pair]) -> Iterator[Change]:
    """Symbols that came, went, or are not what they were, of each library that is there on both sides."""
    for pair in found:
        if pair.old is None or pair.new is None or pair.old.symbols is None or pair.new.symbols is None:
            continue
        if pair.old.symbols == pair.new.symbols:
            continue
        yield from (
            change if pair.public else replace(change, impact="")
            for change in compare_symbols(pair.name, pair.old.symbols, pair.new.symbols)
        )


def compare_symbols(library: str, old: Iterable[Symbol], new: Iterable[Symbol]) -> Iterator[Change]:
    """What differs between the symbols of two versions of a library, by name.

    The ABI changes where a symbol is gone, has lost its version or moved to another one, is hidden from new programs (musl
    finds default versions only), is data of another size (programs may hold a copy of it), or is another kind of thing. It
    does not where symbols came, where one is weak that was not or the other way round, and where weak instances of C++'s
    standard library went, which whoever uses them has too.
    """
    before, after = _keyed(old), _keyed(new)
    versions = _versions(after)
    moved = {name for name, version in before if (name, version) not in after}
    for key in sorted({*before, *after}):
        one, other = before.get(key), after.get(key)
        if one is None and other is not None:
            if not (other.default and other.name in moved):  # else it is told of as what became of the one that is gone
                yield Change("+", str(other), "", _described(other), where=library)
        elif one is not None and other is None:
            yield _gone(library, one, versions)
        elif one is not None and other is not None and one != other:
            yield from _changed(library, one, other)


def _keyed(symbols: Iterable[Symbol]) -> Keys:
    return {
        (symbol.name, symbol.version): symbol
        for symbol in symbols
        if symbol.name not in _LINKER and not (symbol.absolute and symbol.name == symbol.version)
    }


def _versions(symbols: Keys) -> dict[str, list[Symbol]]:
    found: dict[str, list[Symbol]] = {}
    for symbol in symbols.values():
        found.setdefault(symbol.name, []).append(symbol)
    return found


def _gone(library: str, symbol: Symbol, versions: Mapping[str, list[Symbol]]) -> Change:
    now = next((each for each in versions.get(symbol.name, ()) if each.default), None)
    if now is not None:
        if not symbol.version:
            # Programs that ask for no version get the default one: musl knows no other way, and glibc does it too.
            return Change("~", str(symbol), _described(symbol), str(now), "has a version now", where=library)
        note = "another version" if now.version else "has no version any more"
        return Change("~", str(symbol), _described(symbol), str(now), note, "abi", library)
    if symbol.binding in ("WEAK", "UNIQUE") and _STANDARD.match(symbol.name):
        note = "an instance of the standard library's, which its users have too"
        return Change("-", str(symbol), _described(symbol), "", note, where=library)
    return Change("-", str(symbol), _described(symbol), "", "", "abi", library)


def _changed(library: str, old: Symbol, new: Symbol) -> Iterator[Change]:
    impact: Impact = ""
    notes = []
    if old.kind != new.kind and "NOTYPE" not in (old.kind, new.kind):
        notes.append("another kind")
        if not (old.kind in _CODE and new.kind in _CODE):
            impact = "abi"
    if old.size != new.size and (old.kind in _DATA or new.kind in _DATA) and old.size:
        notes.append("another size")
        impact = "abi"
    if old.default and not new.default:
        notes.append("not the default version any more, which is the only one that musl finds")
        impact = "abi"
    if {old.binding, new.binding} == {"GLOBAL", "WEAK"}:
        notes.append("weak now" if new.binding == "WEAK" else "not weak any more")
    if notes:
        yield Change("~", str(old), _described(old), _described(new), "; ".join(notes), impact, library)


def _described(symbol: Symbol) -> str:
    binding = f"{symbol.binding} " if symbol.binding != "GLOBAL" else ""
    return f"{binding}{symbol.kind}" + (f" {symbol.size} B" if symbol.kind in _DATA else "")
