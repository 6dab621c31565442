# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy follows``: which recipes have to be rebuilt when packages provide something no more, or differently."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.cli.program import HELP, Option, Program
from abuildpy.errors import RepositoryError, UsageError
from abuildpy.ui.console import Console, want_colors

if TYPE_CHECKING:
    from abuildpy.batch.existing import Existing
    from abuildpy.batch.targets import Tree
    from abuildpy.config import Config
    from abuildpy.maintain.diff.model import Provided
    from abuildpy.maintain.follows import Following
    from abuildpy.repository.apkfile import ApkFile
    from abuildpy.repository.index import IndexEntry

_USAGE = """\
usage: abuildpy follows [options] NAME|PACKAGE.apk...

Lists the recipes of the tree around the current folder to rebuild after a
change, in build order, and why each: those with packages that depend on it at
run time, and those that only build with it. Last come the commands that build
them.

  NAME          What changes or goes away: so:libfoo.so.1, pc:foo, cmd:foo,
                py3.12:foo, anything in provides; or a package, of which a new
                version is meant, so that those follow that depend on the old
                one (python3~3.11, foo=1.0-r0)
  PACKAGE.apk   A new package: what it provides is compared with the one of that
                name in the indexes, and its libraries, if the file of that is
                there, too
  --names       Only print the names of those to rebuild, one a line
  --json        As JSON
  -h, --help    Show this help

What packages depend on is told by the indexes on this machine: of REPODEST, and
of apk's repositories (folders, and its cache, which 'apk update' fills).

Exit status: 0 nothing has to be rebuilt, 1 something has, 2 trouble (wrong
command line, unreadable package, no index)
"""


@dataclass(frozen=True, slots=True)
class _Options:
    as_json: bool = False
    names: bool = False


_ANY_NEWER = "999999999-r0"
"""Stands for the version of a package of which somebody only said that a new one comes."""

PROGRAM = Program(
    "abuildpy follows",
    _Options,
    (Option("", "names", {"names": True}), Option("", "json", {"as_json": True}), HELP),
    usage=lambda: _USAGE,
    fits=lambda options, words: bool(words) and not (options.names and options.as_json),
    console=lambda: Console(colors=want_colors(os.environ.get("USE_COLORS", ""))),
)


class FollowsUsageError(UsageError):
    """A wrong command line."""

    exit_status = 2


def main(arguments: Sequence[str]) -> int:
    """Runs ``abuildpy follows`` with the words after its name; returns the exit status."""
    from abuildpy.cli.diff import in_trouble

    return PROGRAM.start_bare(lambda options, words: in_trouble(lambda: _act(options, words)), arguments)


def _act(options: _Options, words: list[str]) -> int:
    from abuildpy.config import load_config

    config = load_config()
    console = Console(colors=want_colors(config.get("USE_COLORS")))
    around = surroundings(config, console)
    changes, own = changes_of(words, around)
    following = follow_in(around, changes, own, config, builders=not all(word.endswith(".apk") for word in words))
    sys.stdout.buffer.write(_text(following, options, config).encode("utf-8", "surrogateescape"))
    sys.stdout.flush()
    return int(bool(following.rebuild or following.absent))


def _text(following: Following, options: _Options, config: Config) -> str:
    from abuildpy.maintain.following import following_object, lines_of
    from abuildpy.ui.styled import as_text

    if options.as_json:
        import json

        return json.dumps(following_object(following), indent=2) + "\n"
    if options.names:
        return "".join(f"{each.name}\n" for each in following.rebuild)
    return as_text(lines_of(following), colors=want_colors(config.get("USE_COLORS")))


@dataclass(frozen=True, slots=True)
class Around:
    """The tree around the current folder, and the packages that are known."""

    tree: Tree
    existing: Existing


def surroundings(config: Config, console: Console) -> Around:
    """What there is. Raises RepositoryError where no index tells what packages depend on."""
    import gc

    from abuildpy.batch.existing import find_existing
    from abuildpy.batch.targets import Tree as Aports
    from abuildpy.batch.targets import tree_around
    from abuildpy.phases.evaluations import Evaluations
    from abuildpy.phases.settings import Settings
    from abuildpy.repository.installed import apk_root

    gc.disable()  # all that is made of ten thousand recipes is kept to the end
    evaluate = Evaluations(config, Settings(quiet=True), console).answers
    tree = Aports(tree_around(".", config.get("APORTSDIR")), evaluate)
    root = apk_root(config.apk, config.environ) or Path("/")
    existing = find_existing(root, config.repodest, config.carch, installs=False)
    readable = existing.indexes
    for error in existing.unread:
        console.warning(f"{error.message}; its packages are not known here")
    if not readable:
        raise RepositoryError(
            "no index on this machine tells what packages depend on",
            hint=f"{config.repodest} and apk's repositories were looked at; 'apk update' fetches their indexes",
        )
    if not tree.folder:
        console.warning("there is no tree of aports around this folder: only what packages depend on is known")
        console.warning2("go into one, or set APORTSDIR")
    return Around(tree, existing)


def follow(changes: Iterable[Provided], own: Iterable[str], config: Config, console: Console) -> Following:
    """What follows from changes of some recipes (``pkgname``), in the tree around the current folder."""
    return follow_in(surroundings(config, console), changes, own, config)


def follow_in(
    around: Around, changes: Iterable[Provided], own: Iterable[str], config: Config, *, builders: bool = False
) -> Following:
    """The same, of what is around; ``builders`` also asks for those that only build with it."""
    from abuildpy.batch.recipes import Recipes
    from abuildpy.maintain.follows import what_follows

    recipes = around.tree.recipes if around.tree.folder else Recipes()
    return what_follows(changes, around.existing, recipes, config.variables, own=own, builders=builders)


def changes_of(words: Sequence[str], around: Around) -> tuple[list[Provided], set[str]]:
    """What words of a command line say that changes, and the recipes (``pkgname``) that it comes from.

    Raises FollowsUsageError for names that nothing has, RepositoryError for packages that cannot be read.
    """
    from abuildpy.maintain.diff.model import Provided as Change
    from abuildpy.repository import apkfile, depends
    from abuildpy.repository.version import sort_key

    changes: dict[str, Change] = {}
    own: set[str] = set()
    apks = [apkfile.read(Path(word)) for word in words if word.endswith(".apk")]
    for name in (depends.bare_name(word) for word in words if not word.endswith(".apk")):
        providers = around.existing.providers(name)
        origins = {entry.origin or entry.name for entry, _ in providers}
        if not origins and not any(depends.bare_name(each) == name for each in _wanted(around)):
            raise FollowsUsageError(
                f"no package in the indexes has, provides or wants {name}", hint="is it spelled right? so:libfoo.so.1"
            )
        version = max((entry.version for entry, _ in providers if entry.name == name), key=sort_key, default=None)
        changes[name] = Change(name, "", None) if version is None else Change(name, version, _ANY_NEWER)
        own |= origins
    for change in _changes_of_packages(apks, around.existing):
        changes[change.name] = change
    own |= {apk.info.last("origin") or apk.name for apk in apks}
    return list(changes.values()), own


def _wanted(around: Around) -> Iterator[str]:
    return (word for _, index in around.existing.indexes for entry in index.entries for word in entry.depends)


def _changes_of_packages(apks: Sequence[ApkFile], existing: Existing) -> Iterator[Provided]:
    from abuildpy.maintain.diff.metadata import changed_names, names_of, provided_by
    from abuildpy.maintain.diff.packages import compare_sets

    pairs = [(apk, *_former(apk, existing)) for apk in apks]
    files = [(apk, file) for apk, _, file in pairs if file is not None]
    yield from compare_sets([file for _, file in files], [apk.path for apk, _ in files]).provided
    everything = {name: (apk.name, version) for apk in apks for name, version in provided_by(apk).items()}
    for apk, entry, file in pairs:
        if file is None and entry is not None:
            before = names_of(entry.name, entry.version, entry.provides)
            yield from changed_names(before, provided_by(apk), everything.get)


def _former(apk: ApkFile, existing: Existing) -> tuple[IndexEntry | None, Path | None]:
    """The newest other package of its name in the indexes, and its file if that is there."""
    from abuildpy.repository.version import sort_key

    found = [
        (sort_key(entry.version), place.path.parent / entry.file_name, entry)
        for place, index in existing.indexes
        for entry, _ in index.providers(apk.name)
        if entry.name == apk.name and entry.identity != apk.identity
    ]
    if not found:
        return None, None
    _, file, entry = max(found, key=lambda each: each[0])
    return entry, file if file.is_file() else None
