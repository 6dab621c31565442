# SPDX-License-Identifier: GPL-3.0-or-later
"""A new version for a recipe: edit it, build it, compare the packages, commit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from abuildpy.errors import RecipeError, UsageError
from abuildpy.maintain.commands import ask, run
from abuildpy.maintain.locate import find_aport
from abuildpy.maintain.reading import ReadRecipe
from abuildpy.messages import Messages
from abuildpy.recipe.edit import write_variables, written_values
from abuildpy.recipe.model import Recipe
from abuildpy.repository import version

_VERSION_BEGINS = re.compile(r"-(?=[0-9])")


@dataclass(frozen=True, slots=True)
class Target:
    """One argument, such as ``main/foo-1.2``: ``name`` is ``main/foo``, ``version`` is ``1.2``."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name}-{self.version}"

    @property
    def section(self) -> str:
        """``main`` of ``main/foo``; empty where only the name was given."""
        return self.name.rpartition("/")[0]

    @property
    def pkgname(self) -> str:
        """``foo`` of ``main/foo``."""
        return self.name.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Subject:
    """What the commit says beside name and version. ``fixes`` is an issue's number, with or without ``#``."""

    security: bool = False
    cves: str = ""
    body: str = ""
    fixes: str = ""


@dataclass(frozen=True, slots=True)
class Tools:
    """The programs used, in words: ``abuild`` with its options, the verb that builds, ``checkapk``.

    ``push`` are the words after ``git push``; empty: nothing is pushed.
    """

    abuild: tuple[str, ...] = ("abuild", "-r")
    build_verb: str = "all"
    checkapk: tuple[str, ...] = ("checkapk",)
    push: tuple[str, ...] = ()


def parse_target(text: str) -> Target:
    """Splits ``NAME-VERSION`` before the last digit that follows a dash. UsageError if there is no version in it, or
    none that a package can have.
    """
    places = [match.end() for match in _VERSION_BEGINS.finditer(text)]
    name, new = (text[: places[-1] - 1], text[places[-1] :]) if places else (text, "")
    if not name or not new:
        raise UsageError(f"version missing for {text}", hint="say which one, as in foo-1.2.3")
    if not version.is_valid(f"{new}-r0"):
        hint = "pkgrel is set to 0 by itself" if version.is_valid(new) else "as in 1.2.3, 1.2_rc1 or 1.2_git20240131"
        raise UsageError(f"'{new}' of {text} cannot be a pkgver", hint=hint)
    return Target(name, new)


def commit_message(section: str, target: Target, subject: Subject) -> str:
    """The commit's message: ``main/foo: upgrade to 1.2``, then what there is of a body and an issue."""
    upgrade = "security upgrade" if subject.security else "upgrade"
    cves = f" ({subject.cves})" if subject.cves else ""
    paragraphs = [f"{section}/{target.pkgname}: {upgrade} to {target.version}{cves}"]
    if subject.body:
        paragraphs.append(subject.body)
    if subject.fixes:
        paragraphs.append(f"fixes #{subject.fixes.removeprefix('#')}")
    return "\n\n".join(paragraphs)


def bump(target: Target, tree: Path, subject: Subject, tools: Tools, read: ReadRecipe, log: Messages) -> None:
    """Raises the version of one recipe of ``tree``, builds it, compares it with the published packages and commits it.

    Raises RecipeError when the recipe is not there, not as it should be, or has that version already;
    CommandFailed when a program fails. The edit is left in place then, so that it can be completed by hand: a recipe
    that differs from its last commit may have the new version already.
    """
    apkbuild = _find(target, tree)
    recipe = read(apkbuild)
    _check(recipe, target, apkbuild)
    folder = apkbuild.parent
    message = commit_message(folder.parent.name, target, subject)
    log.msg(message)
    _edit(apkbuild, recipe, target, read, log)
    run([*tools.abuild, "checksum", tools.build_verb], folder)
    run(tools.checkapk, folder)
    run(["git", "add", apkbuild.name], folder)
    run(["git", "commit", "-m", message], folder)
    if tools.push:
        run(["git", "push", *tools.push], folder)


def start_branch(name: str, tree: Path) -> None:
    """Makes a branch from HEAD and goes there, unless that is where we are. CommandFailed if git refuses."""
    if ask(["git", "symbolic-ref", "--quiet", "--short", "HEAD"], tree) != name:
        run(["git", "checkout", "-b", name], tree)


def _find(target: Target, tree: Path) -> Path:
    if target.section and not (tree / target.section).is_dir():
        raise RecipeError(f"'{target}' should be of form 'foo-1.2.3' or 'main/foo-1.2.3'", hint=f"looked in {tree}")
    apkbuild = find_aport(tree, target.name)
    if apkbuild is None:
        raise RecipeError(f"can't find APKBUILD for {target.name}", hint=f"looked in {tree}; APORTSDIR names the tree")
    return apkbuild


def _check(recipe: Recipe, target: Target, apkbuild: Path) -> None:
    if recipe.pkgname != target.pkgname:
        raise RecipeError(
            f"APKBUILD has different $pkgname for {target.pkgname}", hint=f"{apkbuild} says '{recipe.pkgname}'"
        )
    if "package" not in recipe.functions:
        raise RecipeError(f"missing package() for {target.pkgname}", hint=f"{apkbuild} has no function of that name")
    if recipe.pkgver == target.version and _is_committed(apkbuild):
        raise RecipeError(f"version is already {target.version}")


def _is_committed(apkbuild: Path) -> bool:
    """Whether the file is as in the last commit."""
    return ask(["git", "diff", "--quiet", "HEAD", "--", apkbuild.name], apkbuild.parent) is not None


def _edit(apkbuild: Path, recipe: Recipe, target: Target, read: ReadRecipe, log: Messages) -> None:
    computed = [raw for raw in written_values(apkbuild.read_bytes(), "pkgver") if "$" in raw or "`" in raw]
    # Whether it has the effect is seen below, by evaluation; the edit is left for completion by hand if not.
    write_variables(apkbuild, {"pkgver": target.version, "pkgrel": "0"}, check=False)
    if computed and recipe.pkgver != target.version:
        log.warning(f"pkgver was {computed[-1]} and is now plain {target.version}")
        log.warning2("what it was computed from still says the old version")
    edited = read(apkbuild)
    for name, now, wanted in (("pkgver", edited.pkgver, target.version), ("pkgrel", edited.pkgrel, "0")):
        if now != wanted:
            raise RecipeError(
                f"{apkbuild}: {name} was set to {wanted}, but the recipe still makes it '{now}'",
                hint="set it by hand where it is computed, then run this again",
            )
