# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules of atools about what variables are worth: AL1, AL14, AL15, AL26, AL49, AL57, AL61."""

from __future__ import annotations

import re
from collections.abc import Iterator

from abuildpy.lint.model import Edit, Problem, Rule
from abuildpy.lint.subject import Subject
from abuildpy.recipe.syntax import Assignment
from abuildpy.recipe.syntax.nodes import Parameter
from abuildpy.repository import version

_ARCHES = frozenset(
    "all noarch aarch64 aarch64_be armel armhf armv7 loongarch32 loongarchx32 loongarch64 mips mips64 mipsel mips64el ppc "
    "ppc64 ppc64le riscv32 riscv64 s390x sh2eb sh3 sh4 x86 x86_64".split()
)
"""Those that abuild's functions.sh knows."""
_OPTIONS = frozenset(
    "archcheck bigdocs charset.alias check checkroot chmod-clean dbg fhs keepdirs ldpath-recursive lib64 libtool net setcap "
    "sover-namecheck spdx strip suid textrels toolchain tracedeps usrmerge".split()
)
"""abuild 3.18's, and chmod-clean, which it no longer needs."""


def whole_line(subject: Subject, assignment: Assignment) -> Edit | None:
    """An edit that deletes an assignment with its line; None if it shares that with something else."""
    start, end = subject.line_start(assignment.span.start), subject.line_end(assignment.span.end)
    data = subject.data
    if data[start : assignment.span.start].strip() or data[assignment.span.end : end].strip():
        return None
    return Edit(start, min(end + 1, len(data)), b"")


def _default_builddir(subject: Subject) -> Iterator[Problem]:
    assignments = subject.top.get("builddir", ())
    values = subject.values
    name, number, srcdir, value = (values.value(v) for v in ("pkgname", "pkgver", "srcdir", "builddir"))
    if len(assignments) != 1 or not assignments[0].top_level or None in (name, number, srcdir):
        return
    if any(isinstance(part, Parameter) and part.operator for part in assignments[0].value.parts):
        return  # it may be another one for another version
    # What reads it later, while the recipe is being read, would find nothing.
    if value == f"{srcdir}/{name}-{number}" and not any(
        use.function is None and use.parameter.name == "builddir" for use in subject.survey.uses
    ):
        assignment = assignments[0]
        edit = whole_line(subject, assignment)
        yield Problem(
            assignment.span.start,
            assignment.span.end,
            "builddir can be removed as it is the default value",
            (edit,) if edit else (),
        )


def _uppercase(subject: Subject) -> Iterator[Problem]:
    name = subject.values.value("pkgname")
    if name and name != name.lower():
        yield subject.at_variable("pkgname", "", "pkgname must not have uppercase characters")


def _release_in_version(subject: Subject) -> Iterator[Problem]:
    number = subject.values.value("pkgver")
    if number and re.search("-r|_r(?!c)", number):
        yield subject.at_variable("pkgver", "", "pkgver must not have -r or _r")


def _old_builddir(subject: Subject) -> Iterator[Problem]:
    if "builddir" in subject.top or any(use.parameter.name == "builddir" for use in subject.survey.uses):
        return  # where both are in use, _builddir is a folder of its own
    assignments = subject.top.get("_builddir", ())
    if len(assignments) == 1 and assignments[0].top_level and assignments[0].raw.strip(b"\"'"):
        yield subject.at_variable("_builddir", "", "rename _builddir to builddir")


def _options(subject: Subject) -> Iterator[Problem]:
    custom = set(subject.environment.get("CUSTOM_VALID_OPTIONS", "").split())
    for word in subject.words("options") or ():
        flag = word.rpartition("::")[2]
        if word in custom or flag in custom or flag.removeprefix("!") in _OPTIONS:
            continue
        yield subject.at_variable("options", word, f"invalid option '{word}'")


def _arches(subject: Subject) -> Iterator[Problem]:
    valid = _ARCHES | set(subject.environment.get("CUSTOM_VALID_ARCHES", "").split())
    for word in subject.words("arch") or ():
        if word.removeprefix("!") not in valid:
            yield subject.at_variable("arch", word, f"invalid arch '{word}'")


def _bad_version(subject: Subject) -> Iterator[Problem]:
    number = subject.values.value("pkgver")
    if number and not version.is_valid(f"{number}-r0"):
        yield subject.at_variable("pkgver", "", f"'{number}' is not a valid version")


RULES: tuple[Rule, ...] = (
    Rule(
        "AL1", "default-builddir-value", "M", "C", "atools",
        "builddir is not set to what it is anyway.",
        "abuild gives it the value $srcdir/$pkgname-$pkgver by itself.",
        "Delete the assignment.",
        _default_builddir, fixes=True,
    ),
    Rule(
        "AL14", "pkgname-has-uppercase", "S", "C", "atools",
        "pkgname has no capital letters.",
        "Alpine's packages are in small letters throughout; users look for them so.",
        "Write it in small letters; a variable _pkgname can hold the project's own spelling.",
        _uppercase,
    ),
    Rule(
        "AL15", "pkgver-has-pkgrel", "S", "C", "atools",
        "pkgver does not hold a release number.",
        "-r and a number mark the release of the package, which pkgrel gives.",
        "Take it out, and set pkgrel.",
        _release_in_version,
    ),
    Rule(
        "AL26", "_builddir-is-set", "S", "P", "atools",
        "The folder of the sources is called builddir, not _builddir.",
        "abuild does not know _builddir, so its functions start in the wrong folder.",
        "Rename the variable.",
        _old_builddir,
    ),
    Rule(
        "AL49", "invalid-option", "M", "C", "atools",
        "options has only words that abuild knows.",
        "A word that is not known, or is misspelt, has no effect.",
        "Correct or delete it; CUSTOM_VALID_OPTIONS in the environment names further words that are right.",
        _options,
    ),
    Rule(
        "AL57", "invalid-arch", "S", "C", "atools",
        "arch has only Alpine's architectures, 'all' and 'noarch', also with '!'.",
        "On an architecture that does not exist nothing is built.",
        "Correct it; CUSTOM_VALID_ARCHES in the environment names further architectures.",
        _arches,
    ),
    Rule(
        "AL61", "bad-version", "S", "C", "atools",
        "pkgver is a version that apk understands.",
        "apk cannot tell which of two packages is newer without that, and abuild refuses to build.",
        "Write numbers with dots, then perhaps one letter and suffixes like _rc1, _git20240131 or _p2.",
        _bad_version,
    ),
)  # fmt: skip
