# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a recipe that changed needs a new version or pkgrel, and has it.

Told by what the recipe says before and after: its variables once evaluated, its functions as they are written apart from
layout and comments, and the files that it uses.
"""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from abuildpy.errors import RecipeError
from abuildpy.recipe.answer import Answer, Variables
from abuildpy.recipe.syntax import Script, parse
from abuildpy.recipe.syntax.nodes import Assign, Definition, Simple
from abuildpy.recipe.syntax.shape import shape, shape_of
from abuildpy.recipe.validate_files import INSTALL_KINDS
from abuildpy.repository.version import compare
from abuildpy.source.uri import file_name

Kind = Literal["new", "bumped", "unaffected", "not-bumped", "decreased", "not-reset", "unreadable", "unknown"]
Level = Literal["ok", "warning", "error"]

LEVELS: Final[Mapping[Kind, Level]] = {
    "new": "ok",
    "bumped": "ok",
    "unaffected": "ok",
    "not-bumped": "error",
    "decreased": "error",
    "not-reset": "warning",
    "unreadable": "error",
    "unknown": "warning",
}

_NOT_IN_PACKAGES: Final = frozenset(("maintainer", "checkdepends", "pkgver", "pkgrel", "subpkgname", "secfixes"))
_OURS: Final = frozenset(
    (
        "ADDGROUP ADDUSER APK APKBUILD CARGO_HOME FAKEROOT GOCACHE GOMODCACHE GOTMPDIR HARECACHE OLDPWD OPTIND PWD SUDO_APK "
        "allpackages controldir pkgarch pkgbasedir pkgdir program repo repo_template srcdir startdir tmpdir"
    ).split()
)
"""Variables that follow from others, or from where the recipe lies."""
_CHECK_FLAGS: Final = frozenset(("check", "!check", "checkroot", "!checkroot"))
_SETS: Final = frozenset("depends makedepends makedepends_build makedepends_host provides replaces".split())
_LISTS: Final = frozenset("subpackages install triggers install_if pkgusers pkggroups license linguas".split())
_SUMS: Final = re.compile(r"(?:md5|sha[0-9]+)sums")
_NOT_BUILT_WITH: Final = frozenset(("check", "snapshot", "sourcecheck"))
"""Functions that a build runs nothing of what it packs in."""
_NAMES: Final = re.compile(rb"[^\s\"'`$#(){};|&<>=:]+")
_OF_BUILDS: Final = frozenset(("src", "pkg", "tmp"))


@dataclass(frozen=True, slots=True)
class Side:
    """A recipe before or after: its folder (absolute), the APKBUILD's text, and what evaluating it gave."""

    folder: str
    text: bytes
    answer: Answer

    @property
    def pkgver(self) -> str:
        """Its pkgver."""
        return self.answer.variables.get("pkgver", "")

    @property
    def pkgrel(self) -> str:
        """Its pkgrel."""
        return self.answer.variables.get("pkgrel", "")

    @property
    def version(self) -> str:
        """``pkgver-rPKGREL``."""
        return f"{self.pkgver}-r{self.pkgrel}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What there is to say of a recipe (``main/foo``) that changed; ``what`` are the parts that make a difference."""

    name: str
    kind: Kind
    before: str
    after: str
    what: tuple[str, ...] = ()
    message: str = ""
    mend: str = ""

    @property
    def level(self) -> Level:
        """How bad it is."""
        return LEVELS[self.kind]


def judge(name: str, old: Side | None, new: Side, files: Iterable[str]) -> Verdict:
    """The verdict on a recipe; ``old`` is None for a new one, ``files`` are those that changed, relative to its folder."""
    after = "" if new.answer.error else new.version
    before = "" if old is None or old.answer.error else old.version
    if new.answer.error is not None:
        return Verdict(name, "unreadable", before, after, (), new.answer.error.message, new.answer.error.hint or "")
    if old is None:
        return Verdict(name, "new", before, after)
    if old.answer.error is not None:
        message = "what it was before cannot be evaluated, so nobody knows whether its version is higher"
        return Verdict(name, "unknown", before, after, (), message, "compare by eye")
    order = compare(new.pkgver, old.pkgver)
    if order < 0:
        message = f"pkgver goes down from {old.pkgver} to {new.pkgver}, and apk would keep the older package"
        return Verdict(name, "decreased", before, after, ("pkgver",), message, "set a pkgver that is higher")
    if order > 0:
        return _of_new_version(name, old, new)
    if compare(new.version, old.version) > 0:
        return Verdict(name, "bumped", before, after)
    if compare(new.version, old.version) < 0:
        message = f"pkgrel goes down from {old.pkgrel} to {new.pkgrel}, and pkgver stays {new.pkgver}"
        mend = f"set pkgrel to {old.pkgrel}, or higher"
        return Verdict(name, "decreased", before, after, ("pkgrel",), message, mend)
    what = tuple(differences(old, new, files))
    if not what:
        return Verdict(name, "unaffected", before, after)
    shown = ", ".join(what[:6]) + (f" and {len(what) - 6} more" if len(what) > 6 else "")
    message = f"{shown} changed, and the version is still {new.version}"
    return Verdict(name, "not-bumped", before, after, what, message, f"raise pkgrel: apkgrel -a {name}")


def judge_moved(name: str, old: Side, new: Side) -> Verdict:
    """The same for a recipe that came from another repository: there it need not be built anew, but not be older."""
    verdict = judge(name, old, new, ())
    return verdict if verdict.kind in ("decreased", "unreadable") else Verdict(name, "new", "", verdict.after)


def _of_new_version(name: str, old: Side, new: Side) -> Verdict:
    if new.pkgrel != "0" and old.pkgrel != "":
        message = f"pkgver is new ({old.pkgver} -> {new.pkgver}), and pkgrel is {new.pkgrel}"
        return Verdict(
            name, "not-reset", old.version, new.version, ("pkgrel",), message, f"set it to 0: apkgrel -z {name}"
        )
    return Verdict(name, "bumped", old.version, new.version)


def differences(old: Side, new: Side, files: Iterable[str]) -> list[str]:
    """What a recipe says differently that could make its packages come out differently."""
    before, after = _Reading(old), _Reading(new)
    found = [f"{each}()" for each in _unequal(before.functions, after.functions)]
    found += _unequal(before.variables, after.variables)
    if before.rest != after.rest:
        found.append("commands outside functions")
    found += [file for file in sorted(files) if file != "APKBUILD" and (before.uses(file) or after.uses(file))]
    return found


class _Reading:
    """One side, taken apart."""

    def __init__(self, side: Side) -> None:
        self._side = side
        try:
            script = parse(side.text)
        except RecipeError:  # ash read it, we cannot: the text counts as it is
            script = parse(b"")
            self.rest: Hashable = side.text
        else:
            self.rest = _rest(script)
        definitions = {i.command.name: i.command for i in script.commands if isinstance(i.command, Definition)}
        texts = {name: script.data[each.start : each.end] for name, each in definitions.items()}
        self._idle = _idle(texts, _outside(script))
        self.functions: dict[str, Hashable] = {
            name: shape(script, each.body) for name, each in definitions.items() if name not in self._idle
        }
        self._used = b"\n".join(text for name, text in texts.items() if name not in self._idle)
        self.variables = {name: value for name, value in self._all() if value}

    def _all(self) -> Iterable[tuple[str, Hashable]]:
        variables = self._side.answer.variables
        own = variables.changes() if isinstance(variables, Variables) else variables
        for name, value in own.items():
            if (
                name in _NOT_IN_PACKAGES
                or name in _OURS
                or value is None
                or (name[0] == "_" and not self._mentions(name))
            ):
                continue
            yield name, _meaning(name, value.replace(self._side.folder, "$startdir"))

    def _mentions(self, name: str) -> bool:
        return re.search(rb"\b%s\b" % re.escape(os.fsencode(name)), self._used) is not None

    def uses(self, file: str) -> bool:
        """Whether a file beside the recipe counts: it is named in it, wherever."""
        name = os.path.basename(file)
        if file.partition("/")[0] in _OF_BUILDS:
            return False
        words = self._side.answer.variables
        listed = f"{words.get('source', '')} {words.get('install', '')} {words.get('triggers', '')}".split()
        return (
            any(name == os.path.basename(each.partition("=")[0]) for each in listed)
            or re.search(rb"(?<![\w.-])%s(?![\w.-])" % re.escape(os.fsencode(name)), self._side.text) is not None
            or self._is_script_of_a_package(name)
        )

    def _is_script_of_a_package(self, name: str) -> bool:
        """Whether a split function may take it: many have a line such as install="$subpkgname.post-install"."""
        package, _, kind = name.rpartition(".")
        if kind not in INSTALL_KINDS and kind != "trigger":
            return False
        if re.search(rb"\.%s(?![\w.-])" % re.escape(os.fsencode(kind)), self._used) is None:
            return False
        words = self._side.answer.variables
        return package in {each.partition(":")[0] for each in words.get("subpackages", "").split()}


def _meaning(name: str, value: str) -> Hashable:
    """A variable's value as far as it makes a difference."""
    words = value.split()
    if name in _SETS:
        return tuple(sorted(words))
    if name in _LISTS:
        return tuple(words)
    if name == "options":
        return tuple(sorted(set(words) - _CHECK_FLAGS))
    if name == "arch":  # for those that stay nothing changes, those that are new have no package yet
        return "noarch" if "noarch" in words else "built"
    if name == "source":  # wherever it comes from, the checksums tell what it is
        return tuple(file_name(word) for word in words)
    if _SUMS.fullmatch(name):
        return tuple(sorted(zip(words[1::2], words[::2], strict=False)))
    return value


def _unequal(before: Mapping[str, Hashable], after: Mapping[str, Hashable]) -> list[str]:
    return [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]


def _rest(script: Script) -> Hashable:
    """What stands outside functions and is more than an assignment, whose effect the variables tell; and what is exported."""
    found: list[Hashable] = []
    for item in script.commands:
        command = item.command
        if isinstance(command, Definition) or (isinstance(command, Simple) and not command.words):
            continue
        if isinstance(command, Simple) and command.name in ("export", "readonly"):
            names = [w.name if isinstance(w, Assign) else (w.constant or "?") for w in command.words[1:]]
            found += [(command.name, name) for name in names]
        else:
            found.append(shape_of(script, (item,)))
    return tuple(found)


def _outside(script: Script) -> bytes:
    """The text of what stands outside functions."""
    commands = [item.command for item in script.commands if not isinstance(item.command, Definition)]
    return b"\n".join(script.data[command.start : command.end] for command in commands)


def _idle(texts: Mapping[str, bytes], outside: bytes) -> frozenset[str]:
    """Functions that no package depends on: those that only tests and upkeep run, and what only these call."""
    idle = {name for name in texts if name in _NOT_BUILT_WITH}
    called = {name: set(_NAMES.findall(text)) for name, text in texts.items()}
    elsewhere = set(_NAMES.findall(outside))

    def callers(name: str) -> set[str]:
        return {other for other in texts if other != name and os.fsencode(name) in called[other]}

    while True:
        more = {
            name
            for name in texts
            if name not in idle and os.fsencode(name) not in elsewhere and callers(name) and callers(name) <= idle
        }
        if not more:
            return frozenset(idle)
        idle |= more
