# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules about dependencies and the recipe's place in the tree, of aports-lint: AL16 to AL24."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator

from abuildpy.lint.model import Problem, Rule
from abuildpy.lint.subject import Subject
from abuildpy.repository.depends import bare_name

_REPOSITORIES = ("main", "community", "testing")
"""Each may depend on itself and on those before it."""
_LISTS = ("depends", "makedepends", "checkdepends")


def _names(subject: Subject, variable: str) -> list[str]:
    """Packages that a list asks for: without versions, and without those that must not be there."""
    return [bare_name(word) for word in subject.words(variable) or () if not word.startswith("!")]


def _folder(subject: Subject) -> tuple[str, str, str]:
    """The tree's root, the repository's name and the recipe's folder's."""
    folder = os.path.dirname(subject.path)
    repository = os.path.dirname(folder)
    return os.path.dirname(repository), os.path.basename(repository), os.path.basename(folder)


def _has(root: str, repository: str, name: str) -> bool:
    return "/" not in name and os.path.isfile(os.path.join(root, repository, name, "APKBUILD"))


def _upper(variable: str) -> Callable[[Subject], Iterator[Problem]]:
    def check(subject: Subject) -> Iterator[Problem]:
        root, repository, _ = _folder(subject)
        if repository not in _REPOSITORIES[:-1] or (variable == "checkdepends" and subject.has_option("!check")):
            return
        index = _REPOSITORIES.index(repository) + 1
        for name in dict.fromkeys(_names(subject, variable)):
            # A recipe lua-foo makes lua5.4-foo and its like.
            names = {name, re.sub(r"^lua5\.[0-9]-", "lua-", name)}
            if name and not any(_has(root, near, n) for near in _REPOSITORIES[:index] for n in names):
                for far in _REPOSITORIES[index:]:
                    if _has(root, far, name):
                        yield subject.at_variable(variable, name, f"{repository} must not depend on {far}/{name}")

    return check


def _twice(variable: str) -> Callable[[Subject], Iterator[Problem]]:
    def check(subject: Subject) -> Iterator[Problem]:
        for word, times in Counter(subject.words(variable) or ()).items():
            # Where lists are joined, as for two machines, they may share words.
            if times > 1 and subject.written(variable, word):
                yield subject.at_variable(variable, word, f"{word} is in {variable} more than once")

    return check


def _elsewhere(subject: Subject) -> Iterator[Problem]:
    root, repository, folder = _folder(subject)
    if repository not in _REPOSITORIES:
        return
    for other in _REPOSITORIES:
        if other != repository and _has(root, other, folder):
            yield subject.at_variable("pkgname", "", f"{folder} is in {other} as well")


def _other_folder(subject: Subject) -> Iterator[Problem]:
    root, repository, folder = _folder(subject)
    name = subject.values.value("pkgname")
    # Only in an aports tree is the folder's name a matter of others; editors lint copies elsewhere.
    if name and name != folder and (repository in _REPOSITORIES or os.path.isdir(os.path.join(root, ".git"))):
        yield subject.at_variable("pkgname", "", f"pkgname is {name}, but the folder is {folder}")


def _overlap(subject: Subject) -> Iterator[Problem]:
    wanted = {variable: dict.fromkeys(subject.words(variable) or ()) for variable in _LISTS}
    for variable, before in (("makedepends", _LISTS[:1]), ("checkdepends", _LISTS[:2])):
        for word in wanted[variable]:
            for other in before:
                if word in wanted[other] and not word.startswith("!") and subject.written(variable, word):
                    yield subject.at_variable(variable, word, f"{word} is in {other} as well as in {variable}")
                    break


def _upper_rule(tag: str, variable: str) -> Rule:
    return Rule(
        tag, f"upper-repo-{variable}", "S", "C", "aports-lint",
        f"{variable} names nothing that only a repository further up has.",
        "main can only count on main, community on main and itself: elsewhere the dependency is not there.",
        "Move the dependency to this repository, or this package to that one.",
        _upper(variable),
    )  # fmt: skip


def _twice_rule(tag: str, variable: str) -> Rule:
    return Rule(
        tag, f"duplicate-{variable}", "M", "C", "aports-lint",
        f"{variable} names each package once.",
        "The second time has no effect.",
        "Delete one of them.",
        _twice(variable),
    )  # fmt: skip


RULES: tuple[Rule, ...] = (
    _upper_rule("AL16", "depends"),
    _twice_rule("AL17", "depends"),
    _upper_rule("AL18", "makedepends"),
    _twice_rule("AL19", "makedepends"),
    _upper_rule("AL20", "checkdepends"),
    _twice_rule("AL21", "checkdepends"),
    Rule(
        "AL22", "duplicate-package", "S", "C", "aports-lint",
        "No other repository of the tree has a recipe of the same name.",
        "Only the package with the higher version is ever installed, and builds take now one, now the other.",
        "Delete one of the recipes.",
        _elsewhere,
    ),
    Rule(
        "AL23", "pkgname-dirname-mismatch", "I", "C", "aports-lint",
        "pkgname is the name of the recipe's folder.",
        "Tools find recipes by their folders.",
        "Rename one of the two.",
        _other_folder,
    ),
    Rule(
        "AL24", "depends-makedepends-checkdepends-overlap", "I", "C", "aports-lint",
        "A package stands in one of depends, makedepends and checkdepends.",
        "All three are installed for building: the first one that has it is enough.",
        "Delete it from the later ones.",
        _overlap,
    ),
)  # fmt: skip
