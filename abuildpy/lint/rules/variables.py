# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about how variables are named and written: AL3 to AL6, AL28, AL30 to AL32, AL35, AL36, AP9."""

from __future__ import annotations

import re
from collections.abc import Iterator

from abuildpy.lint.model import Edit, Problem, Rule
from abuildpy.lint.rules.atools_values import whole_line
from abuildpy.lint.subject import Subject
from abuildpy.recipe.syntax import Assignment
from abuildpy.recipe.syntax.nodes import Parameter, Word

METADATA = frozenset(
    "arch builddir checkdepends contributor depends depends_dev depends_doc depends_lang depends_libs depends_openrc "
    "depends_static depends_systemd depends_udev disturl giturl install install_if langdir ldpath license maintainer "
    "makedepends makedepends_build makedepends_host md5sums options patch_args pcprefix pkgarch pkgdesc pkggroups pkgname "
    "pkgrel pkgusers pkgver provider_priority provides replaces replaces_priority reporev sha256sums sha512sums somask "
    "sonameprefix source subpackages triggers url verbase".split()
)
"""Variables that abuild reads from a recipe."""
_SUPPLIED = METADATA | frozenset(
    "startdir srcdir pkgdir pkgbasedir tmpdir subpkgdir subpkgname subpkgarch subpkgtriplet repo repo_template sharedir git "
    "allpackages controldir sumalgo patch_args_cfg builddeps hostdeps apk_opt_wait cross_creating_distribution".split()
)
_NEEDED = frozenset({"pkgname", "pkgver", "pkgrel", "pkgdesc", "url", "license", "arch"})
"""Without them a recipe is not whole; an empty arch says that nothing is built at present."""
_FLAGS = frozenset({"CFLAGS", "CXXFLAGS", "LDFLAGS", "DFLAGS", "GOFLAGS"})
"""Those that abuild's default.conf sets."""
_READ_ELSEWHERE = frozenset({"_repo_url", "_gpgfingerprints", "_gpg_signature_extensions"})
"""Read by tools that look into recipes."""
_CPAN = {"cpandepends": "depends", "cpanmakedepends": "makedepends", "cpancheckdepends": "checkdepends"}
_INTEGER = re.compile(rb"""(["'])([0-9]+)\1""")
_BARE = re.compile(rb"[A-Za-z0-9._+-]+")
_WORD = re.compile(rb"[A-Za-z0-9_]")


def _plain(subject: Subject, name: str) -> Iterator[Assignment]:
    """Assignments to a variable that are quoted without need: a constant that the shell would not touch."""
    for assignment in subject.top.get(name, ()):
        raw = assignment.raw
        if raw[:1] in (b'"', b"'") and raw[:1] == raw[-1:] and len(raw) > 2 and _BARE.fullmatch(raw[1:-1]):
            yield assignment


def _quoted(name: str, subject: Subject) -> Iterator[Problem]:
    for assignment in _plain(subject, name):
        span = assignment.value_span
        edits = (Edit(span.start, span.end, assignment.raw[1:-1]),)
        yield Problem(span.start, span.end, f"{name} must not be quoted", edits)


def _pkgname_quoted(subject: Subject) -> Iterator[Problem]:
    return _quoted("pkgname", subject)


def _pkgver_quoted(subject: Subject) -> Iterator[Problem]:
    return _quoted("pkgver", subject)


def _empty(subject: Subject) -> Iterator[Problem]:
    for name in (METADATA - _NEEDED).intersection(subject.top):
        assignments = subject.top[name]
        # Of several, the empty one is a start for the others.
        if len(assignments) != 1 or not assignments[0].top_level or assignments[0].raw not in (b"", b'""', b"''"):
            continue
        assignment = assignments[0]
        edit = whole_line(subject, assignment)
        span = assignment.span
        yield Problem(span.start, span.end, f"variable set to empty string: {name}=", (edit,) if edit else ())


def _custom(subject: Subject) -> Iterator[Problem]:
    for name, assignments in subject.top.items():
        first = assignments[0]
        known = name in _SUPPLIED or name in _CPAN or name.startswith(("_", "depends_", "makedepends_"))
        if known or name != name.lower() or first.declared == "export" or name.endswith("_proxy"):
            continue
        start = first.span.start
        yield Problem(start, start + len(name), f"prefix custom variable with _: {name}")


def _integer(subject: Subject) -> Iterator[Problem]:
    for assignments in subject.top.values():
        for assignment in assignments:
            match = _INTEGER.fullmatch(assignment.raw)
            if match and not assignment.declared:
                span = assignment.value_span
                yield Problem(
                    span.start, span.end, "literal integers must not be quoted", (Edit(span.start, span.end, match[2]),)
                )


def _first_of_each(subject: Subject) -> Iterator[Assignment]:
    """The first assignment to each variable, those in functions too."""
    seen: set[str] = set()
    for assignment in subject.script.assignments:
        if assignment.name not in seen and not assignment.prefix and assignment.declared != "export":
            seen.add(assignment.name)
            yield assignment


def _double_underscore(subject: Subject) -> Iterator[Problem]:
    for assignment in _first_of_each(subject):
        name = assignment.name
        if name.startswith("__"):
            start = assignment.span.start
            yield Problem(start, start + len(name), f"double underscore on variables are reserved: {name}")


def _capitals(subject: Subject) -> Iterator[Problem]:
    for assignment in _first_of_each(subject):
        name = assignment.name
        if name.startswith("_") and name != name.lower():
            start = assignment.span.start
            yield Problem(start, start + len(name), f"variables must not have capital letters: {name}")


def _braces(subject: Subject) -> Iterator[Problem]:
    data = subject.data
    for use in subject.survey.uses:
        part = use.parameter
        if part.operator or not part.name.isidentifier() or data[part.start + 1 : part.start + 2] != b"{":
            continue
        if data[part.start : part.end] != b"${" + part.name.encode("latin-1") + b"}":
            continue  # joined lines in it
        behind = data[part.end : part.end + 1]
        if _WORD.match(behind) or behind == b"\\" or not behind:
            continue
        edits = (Edit(part.start, part.end, b"$" + part.name.encode("latin-1")),)
        yield Problem(part.start, part.end, f"unnecessary usage of braces: ${{{part.name}}}", edits)


def _cpan(subject: Subject) -> Iterator[Problem]:
    for old, new in _CPAN.items():
        if old in subject.top:
            yield subject.at_variable(old, "", f"merge the contents of ${old} into {new}")


def _passed_on(subject: Subject) -> dict[int, set[str]]:
    """Variables that a command's arguments expand, by where assignments before it begin: CFLAGS= ./configure "$CFLAGS"."""
    found: dict[int, set[str]] = {}
    for call in subject.survey.calls:
        if any(assign.name in _FLAGS for assign in call.command.assigns):
            names = {
                part.name
                for word in call.command.words
                if isinstance(word, Word)
                for part in word.parts
                if isinstance(part, Parameter)
            }
            found |= dict.fromkeys((assign.start for assign in call.command.assigns), names)
    return found


def _flags(subject: Subject) -> Iterator[Problem]:
    passed = _passed_on(subject)
    for assignment in subject.script.assignments:
        name = assignment.name
        if name not in _FLAGS or "substitution" in assignment.inside or _mentions(assignment.value, name):
            continue
        if assignment.prefix and not assignment.raw.strip(b"\"'"):
            continue  # for one command, which takes something else by this name
        if (
            _was_dropped(subject, assignment)
            or _set_before(subject, assignment)
            or name in passed.get(assignment.span.start, ())
        ):
            continue
        start = assignment.span.start
        yield Problem(start, start + len(name), f"{name} is overwritten: put ${name} into its value")


def _mentions(value: Word, name: str) -> bool:
    """Whether a value has the variable's old one in it, or another one that may hold that."""
    for part in value.parts:
        if isinstance(part, Parameter):
            if part.name == name or part.name in _FLAGS or part.name.startswith("_"):
                return True
            for inner in (part.argument, part.replacement):
                if inner and _mentions(inner, name):
                    return True
        elif not hasattr(part, "text"):
            return True  # output of a command
    return False


def _was_dropped(subject: Subject, assignment: Assignment) -> bool:
    """Whether the old value was given up on purpose before, by ``unset``."""
    return any(
        call.command.name == "unset"
        and call.command.start < assignment.span.start
        and any(isinstance(word, Word) and word.plain == assignment.name for word in call.command.words)
        for call in subject.survey.calls
    )


def _set_before(subject: Subject, assignment: Assignment) -> bool:
    """Whether the old value was put aside before: another variable was given it."""
    return assignment.function is not None and any(
        other.name != assignment.name
        and other.span.start < assignment.span.start
        and any(isinstance(part, Parameter) and part.name == assignment.name for part in other.value.parts)
        for other in subject.script.assignments
    )


def _unused(subject: Subject) -> Iterator[Problem]:
    if any(call.command.name in (".", "source", "eval", "envsubst") for call in subject.survey.calls):
        return
    counts: dict[str, int] = {}
    candidates: dict[str, Assignment] = {}
    exported = set()
    for assignment in subject.script.assignments:
        name = assignment.name
        counts[name] = counts.get(name, 0) + 1
        candidates.setdefault(name, assignment)
        if assignment.declared == "export" or assignment.prefix:
            exported.add(name)
    for name, assignment in candidates.items():
        custom = name.startswith("_") and len(name) > 1
        local = assignment.declared == "local" and assignment.function is not None and name.lower() == name
        if name in exported or name in _READ_ELSEWHERE or not (custom or (local and name not in _SUPPLIED)):
            continue
        # Where the name is written anywhere else, even within quotes, something may read it.
        if subject.identifiers.get(name.encode("latin-1"), 0) > counts[name]:
            continue
        start = assignment.span.start
        yield Problem(start, start + len(name), f"{name} is never used")


RULES: tuple[Rule, ...] = (
    Rule(
        "AL3", "pkgname-quoted", "T", "P", "atools",
        "pkgname is written without quotes.",
        "A name never has anything in it that needs them.",
        "Take the quotes away.",
        _pkgname_quoted, fixes=True, style=frozenset({"leo"}),
    ),
    Rule(
        "AL4", "pkgver-quoted", "T", "P", "atools",
        "pkgver is written without quotes.",
        "A version never has anything in it that needs them.",
        "Take the quotes away.",
        _pkgver_quoted, fixes=True, style=frozenset({"leo"}),
    ),
    Rule(
        "AL5", "empty-variable", "M", "C", "atools",
        "No variable of abuild's is set to nothing.",
        "It is empty anyway; CODINGSTYLE wants such lines removed.",
        "Delete the assignment.",
        _empty, fixes=True,
    ),
    Rule(
        "AL6", "custom-variable", "I", "C", "atools",
        "A variable that abuild does not know begins with an underscore.",
        "So readers see what matters to abuild, and a future variable of abuild's cannot clash with it.",
        "Put _ before its name, everywhere.",
        _custom,
    ),
    Rule(
        "AL28", "literal-integer-is-quoted", "M", "C", "atools",
        "A whole number is written without quotes.",
        "CODINGSTYLE asks for it, and abump and apkgrel change such lines.",
        "Take the quotes away.",
        _integer, fixes=True,
    ),
    Rule(
        "AL30", "double-underscore-in-variable", "M", "C", "atools",
        "No variable begins with two underscores.",
        "Such names are reserved in many shells and tools; one underscore marks a variable of the recipe's own.",
        "Take one underscore away.",
        _double_underscore,
    ),
    Rule(
        "AL31", "variable-capitalized", "M", "C", "atools",
        "The recipe's own variables are in small letters.",
        "CODINGSTYLE asks for it: capitals are for variables of the environment.",
        "Write the name in small letters, everywhere.",
        _capitals,
    ),
    Rule(
        "AL32", "braced-variable", "M", "P", "atools",
        "Braces stand around a variable's name only where the name would not end otherwise.",
        "CODINGSTYLE asks for $name wherever that means the same.",
        "Take the braces away.",
        _braces, fixes=True,
    ),
    Rule(
        "AL35", "cpan-variable", "M", "C", "atools",
        "Dependencies on Perl modules stand in depends, makedepends and checkdepends.",
        "cpandepends, cpanmakedepends and cpancheckdepends were made by a generator; abuild does not read them.",
        "Move what they hold into the variable without 'cpan'.",
        _cpan,
    ),
    Rule(
        "AL36", "overwrite-xflags", "S", "P", "atools",
        "CFLAGS, LDFLAGS and their like are added to, not replaced.",
        "They hold the distribution's hardening and optimisation, which would be lost.",
        'Put the old value in: CFLAGS="$CFLAGS -fno-foo".',
        _flags,
    ),
    Rule(
        "AP9", "unused-variable", "M", "P", "abuildpy",
        "A variable of the recipe's own is read somewhere.",
        "One that is not is a leftover, or its name is misspelt where it should be read.",
        "Delete it, or correct the name.",
        _unused,
    ),
)  # fmt: skip
