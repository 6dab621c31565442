# SPDX-License-Identifier: GPL-3.0-or-later
"""Reproduces a subject: builds it, compares, and looks for what makes the differences."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from abuildpy.maintain.reproduce.builder import Builder, Built, Facts, UnbuildableError
from abuildpy.maintain.reproduce.compare import Compared, FilePair, compare
from abuildpy.maintain.reproduce.diagnose import diagnose
from abuildpy.maintain.reproduce.model import Different, Evidence, Failed, Held, Pair
from abuildpy.maintain.reproduce.order import Circumstances
from abuildpy.maintain.reproduce.search import culprits
from abuildpy.maintain.reproduce.variations import Variation, combined

Key = tuple[str, str]
"""A package's file name and a file in it."""

FAILS: Key = ("", "")
"""Stands for all differences of a build that fails."""
_TAIL = 15
_SUSPECTS = {
    "time": ("time",),
    "file-time": ("time",),
    "zone": ("zone",),
    "locale": ("locale",),
    "order": ("order",),
    "hash": ("order", "locale"),
    "umask": ("umask",),
    "user": ("user",),
    "host": ("host",),
    "cores": ("cores",),
    "environment": ("environment",),
}
"""Variations that are tried first where the bytes tell of a cause."""


@dataclass(slots=True)
class Side:
    """One side of a comparison: packages by file name, and what is known of their build."""

    packages: Mapping[str, Path]
    facts: Facts


@dataclass(slots=True)
class _Compared:
    """Two sides, package by package."""

    first: Side
    second: Side
    packages: dict[str, Compared] = field(default_factory=dict)

    @classmethod
    def of(cls, first: Side, second: Side) -> _Compared:
        both = [name for name in first.packages if name in second.packages]
        found = {name: compare(first.packages[name], second.packages[name]) for name in both}
        return cls(first, second, found)

    @property
    def keys(self) -> frozenset[Key]:
        """All that differs."""
        files = {(name, pair.path) for name, compared in self.packages.items() for pair in compared.files}
        packed = {(name, "") for name, compared in self.packages.items() if compared.note}
        alone = {(name, "") for name in {*self.first.packages} ^ {*self.second.packages}}
        return frozenset(files | packed | alone)

    def pair(self, key: Key) -> FilePair | None:
        """A file that differs."""
        compared = self.packages.get(key[0])
        return next((pair for pair in compared.files if pair.path == key[1]), None) if compared else None

    def diagnosed(self, key: Key) -> Different | None:
        """Why a file differs."""
        pair = self.pair(key)
        if pair is None:
            return None
        alone = {("new",), ("missing",)}
        others = (each for each in self.packages[key[0]].files if {each.what, pair.what} == alone)
        partners = [each.path for each in others]
        return diagnose(pair, self.first.facts, self.second.facts, partners)


@dataclass(slots=True)
class Outcome:
    """What came of reproducing: all packages, and the build that failed, if one did."""

    pairs: tuple[Pair, ...]
    failed: Failed | None = None
    searched: bool = False


class Reproduction:
    """Builds of one subject, compared with each other or with packages that are there."""

    def __init__(self, builder: Builder, variations: Callable[[], Sequence[Variation]], *, search: bool) -> None:
        """``variations`` is asked after the first build; ``search`` tells whether causes are looked for by more builds."""
        self._builder = builder
        self._plan = variations
        self._search = search
        self.variations: Sequence[Variation] = ()
        self.first: Built | None = None
        self._differing: frozenset[Key] = frozenset()

    def rebuild(self, what: str) -> Built:
        """The first build, in ordinary circumstances. Raises UnbuildableError."""
        built = self._builder.build(Circumstances(), what)
        if built.failure:
            raise UnbuildableError(
                f"it cannot be built: {built.failure}",
                details=_tail(built.log),
                hint="abuild it first; with --keep DIR the whole log stays",
            )
        self.first = built
        return built

    def against(self, packages: Side) -> Outcome:
        """Compares packages that are there with the first build."""
        first = self._first()
        compared = _Compared.of(packages, _only(first, packages.packages))
        always: frozenset[Key] = frozenset()
        again: _Compared | None = None
        self._differing = compared.keys
        searched = bool(self._search and compared.keys)
        if searched:
            built = self._builder.build(Circumstances(), "again, to see what differs from one build to the next")
            if not built.failure:
                again = _Compared.of(_side(first), _side(built))
                always = again.keys
        return Outcome(_pairs(compared, always, {}, again, {}), searched=searched)

    def varied(self) -> Outcome:
        """Compares the first build with one in which everything is varied, and looks for the causes."""
        self.variations = self._plan()
        applied = [each for each in self.variations if each.told.applied]
        first = self._first()
        names = ", ".join(each.told.name for each in applied) or "nothing"
        second = self._builder.build(combined(applied), f"varied: {names}")
        if second.failure:
            return self._failing(first, second, applied)
        compared = _Compared.of(_side(first), _side(second))
        self._differing = keys = compared.keys
        if not keys or not self._search:
            return Outcome(_pairs(compared, frozenset(), {}, None, {}))
        again = self._builder.build(Circumstances(), "again as usual, to see what differs in any case")
        control = None if again.failure else _Compared.of(_side(first), _side(again))
        always = control.keys if control else frozenset()
        single: dict[str, _Compared] = {}

        def differing(some: tuple[str, ...]) -> frozenset[Key]:
            chosen = [each for each in applied if each.told.name in some]
            built = self._builder.build(combined(chosen), f"varied alone: {', '.join(some)}")
            if built.failure:
                return frozenset()
            found = _Compared.of(_side(first), _side(built))
            if len(some) == 1:
                single[some[0]] = found
            return found.keys

        wanted = keys - always
        suspects = self._suspects(compared, wanted, applied)
        guilty = culprits(differing, [each.told.name for each in applied], wanted, suspects) if wanted else {}
        return Outcome(_pairs(compared, always, guilty, control, single), searched=True)

    def elsewhere(self) -> tuple[Held, ...]:
        """The files that hold the path, found by a build in another one. Raises UnbuildableError."""
        first = self._first()
        built = self._builder.build(Circumstances(), "in another folder", elsewhere=True)
        if built.failure:
            raise UnbuildableError(f"in another folder it cannot be built: {built.failure}", details=_tail(built.log))
        compared = _Compared.of(_side(first), _side(built))
        found = []
        for key in sorted(compared.keys):
            different = compared.diagnosed(key)
            paths = [each for each in different.evidence if each.cause == "path"] if different else []
            if paths:
                found.append(Held(*key, paths[0].where, paths[0].first))
            elif key not in self._differing:
                found.append(Held(*key, "", ""))
        return tuple(found)

    def _first(self) -> Built:
        return self.first or self.rebuild("as usual")

    def _suspects(self, compared: _Compared, keys: frozenset[Key], applied: Sequence[Variation]) -> list[str]:
        found: dict[str, None] = {}
        for key in sorted(keys):
            different = compared.diagnosed(key)
            for evidence in different.evidence if different else ():
                found |= dict.fromkeys(_SUSPECTS.get(evidence.cause, ()))
        return [name for name in found if any(each.told.name == name for each in applied)]

    def _failing(self, first: Built, second: Built, applied: Sequence[Variation]) -> Outcome:
        names: tuple[str, ...] = ()
        if self._search:

            def differing(some: tuple[str, ...]) -> frozenset[Key]:
                chosen = [each for each in applied if each.told.name in some]
                built = self._builder.build(combined(chosen), f"varied alone: {', '.join(some)}")
                return frozenset({FAILS}) if built.failure else frozenset()

            names = culprits(differing, [each.told.name for each in applied], [FAILS])[FAILS]
        pairs = tuple(Pair(name, len(compare(path, path).files)) for name, path in first.packages.items())
        return Outcome(pairs, Failed(second.failure, second.log, names), searched=self._search)


def _side(built: Built) -> Side:
    return Side(built.packages, built.facts)


def _only(built: Built, names: Mapping[str, Path]) -> Side:
    return Side({name: path for name, path in built.packages.items() if name in names}, built.facts)


def _tail(log: Path) -> tuple[str, ...]:
    """What a failed build said last: its message with the first real error, if it came so far."""
    try:
        lines = log.read_text(errors="replace").splitlines()
    except OSError:
        return ()
    errors = [at for at, line in enumerate(lines) if line.startswith(">>> ERROR:")]
    own = [_lasting(line) for line in lines[errors[-1] + 1 :]] if errors else []
    return tuple(line.strip()[:300] for line in (own or lines)[-_TAIL:] if line.strip())


def _lasting(line: str) -> str:
    """A line without what it says of folders that will be gone."""
    return re.sub(r"; its tree is kept in \S+ for looking$|^\s+log: /\S+$", "", line)


def _pairs(
    compared: _Compared,
    always: frozenset[Key],
    guilty: Mapping[Key, tuple[str, ...]],
    control: _Compared | None,
    single: Mapping[str, _Compared],
) -> tuple[Pair, ...]:
    """All packages with what differs in them, each difference explained by the purest comparison that shows it."""
    pairs = []
    for name in sorted({*compared.first.packages, *compared.second.packages}):
        known = compared.packages.get(name)
        if known is None:
            side = "first" if name in compared.first.packages else "second"
            pairs.append(Pair(name, 0, note=f"only the {side} build makes it"))
            continue
        files = []
        for pair in known.files:
            key = (name, pair.path)
            different = compared.diagnosed(key) or Different(pair.path, pair.what)
            purer = [single[each] for each in guilty.get(key, ()) if each in single]
            if key in always and control is not None:
                purer.append(control)
            evidence: tuple[Evidence, ...] = ()
            shown = different.excerpt
            for better in purer:
                found = better.diagnosed(key)
                if found is not None:
                    evidence, shown = _merged(evidence, found.evidence), found.excerpt or shown
            files.append(
                replace(
                    different,
                    evidence=_merged(evidence, different.evidence) if not evidence or key in always else evidence,
                    excerpt=shown,
                    varied=guilty.get(key, ()),
                    always=key in always,
                )
            )
        pairs.append(Pair(name, known.total, tuple(files), known.note))
    return tuple(pairs)


def _merged(first: tuple[Evidence, ...], second: tuple[Evidence, ...]) -> tuple[Evidence, ...]:
    causes = {each.cause for each in first}
    return (*first, *(each for each in second if each.cause not in causes and (each.sure or not first)))
