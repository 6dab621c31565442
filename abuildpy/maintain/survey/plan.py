# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look at a source decided about its recipe, and the choice of who looks: one reader per build system."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from abuildpy.maintain.detect import BuildType
from abuildpy.maintain.survey.known import KnownPackages
from abuildpy.maintain.survey.tree import SourceTree


@dataclass(frozen=True, slots=True)
class Plan:
    """A recipe's contents as far as its build system decides about them.

    ``subpackages`` are the parts behind ``$pkgname-``; ``options`` go with the reason that stands behind them as a comment.
    ``check`` holds the lines of check(), none where the source has no tests. ``facts`` are what the build system's template
    asks for. ``unknown`` is what the build needs but nobody knows a package of, ``remarks`` is what a person has to look at.
    """

    noarch: bool = False
    depends: tuple[str, ...] = ()
    makedepends: tuple[str, ...] = ()
    checkdepends: tuple[str, ...] = ()
    subpackages: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()
    check: tuple[str, ...] = ()
    facts: Mapping[str, object] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subject:
    """A source to be looked at: its files, the packages there are, and the names that the new package goes by."""

    tree: SourceTree
    known: KnownPackages
    pkgname: str
    stem: str


def plan_for(kind: BuildType, subject: Subject) -> Plan:
    """Looks at the source as one of ``kind``."""
    from abuildpy.maintain.survey import compiled, golang, others, perl, python, rust

    readers = {
        BuildType.AUTOTOOLS: compiled.autotools,
        BuildType.CMAKE: compiled.cmake,
        BuildType.MESON: compiled.meson,
        BuildType.MAKE: compiled.make,
        BuildType.PERL: perl.perl,
        BuildType.PYTHON: python.python,
        BuildType.RUST: rust.rust,
        BuildType.GO: golang.golang,
    }
    return readers.get(kind, others.reader_of(kind))(subject)


def unseen_plan(kind: BuildType, subject: Subject) -> Plan:
    """What is usual for ``kind``, of a source that there is none of yet."""
    from dataclasses import replace

    plan = plan_for(kind, subject)
    compiled = kind in (BuildType.AUTOTOOLS, BuildType.CMAKE, BuildType.MESON, BuildType.MAKE, BuildType.EMPTY)
    return replace(
        plan,
        noarch=False,
        checkdepends=("py3-pytest",) if kind is BuildType.PYTHON else plan.checkdepends,
        subpackages=("dev", "doc") if compiled else plan.subpackages,
        options=tuple(each for each in plan.options if each[0] != "!check"),
        check=_USUAL_CHECKS.get(kind, (_ASK_FOR_TESTS, ":")),
        remarks=(),
    )


_ASK_FOR_TESTS = '# TODO: what tests it? Without tests delete this function and set options="!check"'
_USUAL_CHECKS: Mapping[BuildType, tuple[str, ...]] = {
    BuildType.AUTOTOOLS: ("make check",),
    BuildType.CMAKE: ("ctest --test-dir build --output-on-failure",),
    BuildType.GO: ("go test ./...",),
    BuildType.MAKE: ("make check",),
    BuildType.MESON: ("meson test --no-rebuild --print-errorlogs -C output",),
    BuildType.PERL: ("make test",),
    BuildType.PYTHON: (
        "python3 -m venv --clear --without-pip --system-site-packages .testenv",
        ".testenv/bin/python3 -m installer .dist/*.whl",
        ".testenv/bin/python3 -m pytest",
    ),
    BuildType.RUST: ("cargo test --frozen",),
}
