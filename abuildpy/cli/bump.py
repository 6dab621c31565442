# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy bump``: new versions for recipes, from the edit to the commit."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.cli.program import HELP, VALUE, Option, Program
from abuildpy.ui.console import Console, want_colors

if TYPE_CHECKING:
    from abuildpy.config import Config
    from abuildpy.maintain.bumping.git import GitTree
    from abuildpy.maintain.bumping.model import Summary, Wish
    from abuildpy.maintain.bumping.run import Options

_USAGE = """\
usage: abuildpy bump [options] TARGET-VERSION...
       abuildpy bump [options] --latest TARGET...
       abuildpy bump [options] --rebuild[=REASON] TARGET...

Gives recipes a new version: checks that there is one, edits pkgver and pkgrel
(and nothing else), fetches the sources and writes their checksums, looks after
patches, builds in the order that recipes need each other, compares with the
packages published before, and commits, one recipe at a time. A TARGET is a
recipe (its folder, main/foo, foo); with --latest and --rebuild also anything
else that 'abuildpy batch' takes: a package, a folder of recipes, a repository.

Which version:
  --latest                The newest that upstream has; recipes that have it
                          already are left alone
  --rebuild[=REASON]      The same version with a higher pkgrel; the commit says
                          'rebuild REASON', such as 'against foo-2.0'
  --allow-downgrade       Also an older version than the recipe has
  --set NAME=VALUE        Set another variable too, such as _commit or _gitrev;
                          several are possible
  --fixes CVE-1,CVE-2     What the new version fixes, for secfixes and the
                          commit's title; FOO:CVE-1 where there are several
                          recipes. Several are possible

What is done with it:
  --no-build              Do not build, compare or publish
  --no-commit             Leave the changes uncommitted
  --rebuild-dependants    Afterwards rebuild what would lose a library, or
                          anything else that it needs
  --branch NAME           Commit to a new branch
  --push[=REMOTE]         Push what was committed (default: origin)
  -m, --message TEXT      Body of the commit messages
  --dry-run               Fetch and check everything, and only show the changes
  --json                  Tell in JSON what became of each recipe

How it is built:
  -j, --jobs N            So many packages at once (default: 1)
  --no-deps-install       Install no dependencies: they only order the builds
  -P, --repodest DIR      Where the repositories are (default: REPODEST)
  -h, --help              Show this help

Patches that upstream has by now (the new source has, to the line, what they do)
go: from source=, the checksums and the folder. Patches that fit with an offset
or fuzz are refreshed, and hunks that upstream has are left out; their own text
above the changes stays. One that does not fit ends the recipe's bump, and names
file and hunk.

A recipe that fails is put back as it was, to the byte, and what needs it is
held back; the others go on. That is so after an interrupt too, and after a run
that was killed the next one sees to it. Recipes with uncommitted changes are
refused, unless --no-commit; whatever else is staged or changed stays so, and in
no commit of this command.

Exit status: 0 all done, 1 some failed or are held back, or could not be
published or pushed, 2 wrong command line, no such tree, or nothing can be built
here (no key, no apk), 130 interrupted
"""


@dataclass(frozen=True, slots=True)
class BumpOptions:
    """The command line as it was typed."""

    latest: bool = False
    rebuild: bool = False
    reason: str = ""
    allow_downgrade: bool = False
    sets: tuple[str, ...] = ()
    fixes: tuple[str, ...] = ()
    no_build: bool = False
    no_commit: bool = False
    rebuild_dependants: bool = False
    branch: str = ""
    push: str = ""
    message: str = ""
    dry_run: bool = False
    as_json: bool = False
    jobs: str = ""
    no_deps_install: bool = False
    repodest: str = ""


PROGRAM = Program(
    "abuildpy bump",
    BumpOptions,
    (
        Option("", "latest", {"latest": True}),
        Option("", "rebuild", {"rebuild": True, "reason": VALUE}, default=""),
        Option("", "allow-downgrade", {"allow_downgrade": True}),
        Option("", "set", {"sets": VALUE}, several=True),
        Option("", "fixes", {"fixes": VALUE}, several=True),
        Option("", "no-build", {"no_build": True}),
        Option("", "no-commit", {"no_commit": True}),
        Option("", "rebuild-dependants", {"rebuild_dependants": True}),
        Option("", "branch", {"branch": VALUE}),
        Option("", "push", {"push": VALUE}, default="origin"),
        Option("m", "message", {"message": VALUE}),
        Option("", "dry-run", {"dry_run": True}),
        Option("", "json", {"as_json": True}),
        Option("j", "jobs", {"jobs": VALUE}),
        Option("", "no-deps-install", {"no_deps_install": True}),
        Option("P", "repodest", {"repodest": VALUE}),
        HELP,
    ),
    usage=lambda: _USAGE,
    fits=lambda _options, words: bool(words),
    console=lambda: Console(colors=want_colors(os.environ.get("USE_COLORS", ""))),
)


def main(arguments: Sequence[str]) -> int:
    """Runs ``abuildpy bump`` with the words after its name; returns the exit status."""
    return PROGRAM.start_bare(_act, arguments)


def _act(options: BumpOptions, words: list[str]) -> int:
    from abuildpy.cli.batch_plan import configured
    from abuildpy.cli.interrupt import raise_signals

    _require_sense(options)
    raise_signals()
    config = configured(options.repodest)
    console = Console(colors=want_colors(config.get("USE_COLORS")))
    summary = _bump(options, words, config, console)
    _show(summary, config, as_json=options.as_json, dry=options.dry_run)
    return summary.exit_status


def _bump(options: BumpOptions, words: Sequence[str], config: Config, console: Console) -> Summary:
    """Understands the rest of the command line, where it needs the tree, and does what it says."""
    from abuildpy.batch.targets import tree_around
    from abuildpy.cli.batch_plan import Planner
    from abuildpy.cli.batch_run import Wanted
    from abuildpy.cli.bump_build import BatchBuilder
    from abuildpy.cli.interrupt import ignore_signals
    from abuildpy.maintain.bumping.comparing import Before
    from abuildpy.maintain.bumping.git import GitTree
    from abuildpy.maintain.bumping.keeping import Keeper
    from abuildpy.maintain.bumping.ledger import Ledger
    from abuildpy.maintain.bumping.prepare import Preparing
    from abuildpy.maintain.bumping.run import Around, Bumping
    from abuildpy.maintain.bumping.targets import find_wishes
    from abuildpy.maintain.bumping.upstream import ask
    from abuildpy.maintain.reading import recipe_reader

    installs = not options.no_deps_install
    planner = Planner(
        config,
        console,
        installs=installs,
        tree=tree_around(_somewhere(words), config.get("APORTSDIR")),
    )
    wishes = find_wishes(words, planner.tree, latest=options.latest, rebuild=options.rebuild)
    top = wishes[0].folder.parent.parent
    git = GitTree.around(top)
    wanted = _understood(options, wishes)
    if not (options.no_commit or options.dry_run):
        _require_git(git, options, top)
    place = git.private("abuildpy-bump") if git is not None else top / ".abuildpy-bump"
    builder = BatchBuilder(
        Wanted(_jobs(options.jobs), install=installs, roots=None if options.jobs else False, publish_rest=True), planner
    )
    read = recipe_reader(config, console)
    with Keeper(place) as keeper, Before(config) as before:
        around = Around(
            git,
            before,
            builder,
            lambda say: Preparing(config, console, read, say),
            read,
            lambda recipes: ask(recipes, config),
            console,
            ignore_signals,
        )
        ledger = Ledger(keeper, git, console)
        left = keeper.open_folders()
        changed = git.changed(left) if git is not None and left else {}
        for each in keeper.left([path for path in left if git is not None and path not in changed]):
            ledger.tell_left(each)
        return Bumping(wanted, around, ledger).run(wishes)


def _require_sense(options: BumpOptions) -> None:
    """Raises BumpUsageError for options that make no sense together."""
    from abuildpy.maintain.bumping.errors import BumpUsageError

    _jobs(options.jobs)
    for one, other, both in (
        ("--latest", "--rebuild", options.latest and options.rebuild),
        ("--no-commit", "--push", options.no_commit and options.push),
        ("--no-commit", "--branch", options.no_commit and options.branch),
        ("--no-build", "--rebuild-dependants", options.no_build and options.rebuild_dependants),
    ):
        if both:
            raise BumpUsageError(f"{one} and {other} exclude each other")


def _understood(options: BumpOptions, wishes: Sequence[Wish]) -> Options:
    from abuildpy.maintain.bumping.run import Options as Understood

    return Understood(
        build=not options.no_build,
        commit=not options.no_commit,
        dry_run=options.dry_run,
        downgrade=options.allow_downgrade,
        rebuild_dependants=options.rebuild_dependants,
        branch=options.branch,
        push=options.push,
        body=options.message,
        why=options.reason,
        fixes=_fixes(options.fixes, wishes),
        sets=_sets(options.sets, wishes),
    )


def _fixes(values: Sequence[str], wishes: Sequence[Wish]) -> Mapping[str, tuple[str, ...]]:
    from abuildpy.errors import RecipeError
    from abuildpy.maintain.bumping.errors import BumpUsageError
    from abuildpy.recipe.edit import add_secfix

    found: dict[str, tuple[str, ...]] = {}
    for value in values:
        name, colon, names = value.rpartition(":")
        meant = [wish.name for wish in wishes if not colon or name in (wish.name, wish.pkgname)]
        if not meant:
            raise BumpUsageError(f"--fixes {value}: {name} is not among the recipes")
        if len(meant) > 1:
            hint = f"as in {wishes[0].pkgname}:{names}"
            raise BumpUsageError(f"--fixes {value}: which of the {len(meant)} recipes?", hint=hint)
        ids = tuple(each.strip() for each in names.split(",") if each.strip())
        try:
            add_secfix(b"", "0", ids)
        except RecipeError as error:
            raise BumpUsageError(f"--fixes {value}: {error.message}", hint=error.hint) from error
        if not ids:
            raise BumpUsageError(f"--fixes {value}: it names no vulnerability", hint="as in CVE-2024-1234")
        found[meant[0]] = (*found.get(meant[0], ()), *ids)
    return found


def _sets(values: Sequence[str], wishes: Sequence[Wish]) -> Mapping[str, str]:
    from abuildpy.maintain.bumping.errors import BumpUsageError

    found = {}
    for value in values:
        name, equals, new = value.partition("=")
        if not (equals and name.isidentifier() and name.isascii()):
            raise BumpUsageError(f"--set takes NAME=VALUE, not '{value}'")
        if name in ("pkgname", "pkgver", "pkgrel"):
            raise BumpUsageError(f"--set {name}: that is what this command sees to by itself")
        found[name] = new
    if found and len(wishes) > 1:
        raise BumpUsageError(f"--set is for one recipe at a time, and there are {len(wishes)}")
    return found


def _require_git(git: GitTree | None, options: BumpOptions, top: Path) -> None:
    """Raises BumpUsageError where nothing can be committed."""
    from abuildpy.maintain.bumping.errors import BumpUsageError

    if git is None and any((folder / ".git").exists() for folder in (top, *top.parents)):
        raise BumpUsageError(f"{top}: git does not want to work there", hint=f"git -C {top} status tells why")
    if git is None:
        raise BumpUsageError(
            f"{top} is not in a git tree, so nothing can be committed", hint="--no-commit does without"
        )
    if not git.has_commits:
        raise BumpUsageError(f"{git.top} has no commit yet", hint="commit the recipes first, or take --no-commit")
    if git.unfinished:
        raise BumpUsageError(f"{git.top} is in the middle of {git.unfinished}", hint="finish it first, or abort it")
    if not git.branch and not options.branch:
        raise BumpUsageError(
            f"{git.top} is on no branch (detached HEAD): what is committed would be lost with the next checkout",
            hint="go to a branch, or start one with --branch NAME",
        )
    if options.branch:
        if not git.may_be_branch(options.branch):
            raise BumpUsageError(f"--branch {options.branch}: no branch can have that name")
        if git.has_branch(options.branch) and git.branch != options.branch:
            raise BumpUsageError(
                f"--branch {options.branch}: there is such a branch", hint=f"go to it: git checkout {options.branch}"
            )
    if options.push and options.push not in git.remotes():
        known = " ".join(git.remotes()) or "none"
        raise BumpUsageError(f"--push={options.push}: there is no such remote", hint=f"there are: {known}")
    git.identity()


def _jobs(text: str) -> int:
    from abuildpy.maintain.bumping.errors import BumpUsageError

    if text and not (text.isascii() and text.isdigit() and int(text) > 0):
        raise BumpUsageError(f"--jobs takes a number from 1 on, not '{text}'")
    return int(text) if text else 1


def _somewhere(words: Sequence[str]) -> str:
    """The folder whose tree is meant: the one of a recipe that is named by its path, else the current one."""
    return next((word for word in words if "/" in word and os.path.isdir(word)), ".")


def _show(summary: Summary, config: Config, *, as_json: bool, dry: bool) -> None:
    if as_json:
        import json

        from abuildpy.maintain.bumping.document import summary_document

        text = json.dumps(summary_document(summary), indent=1) + "\n"
    else:
        from abuildpy.maintain.bumping.text import summary_lines

        shown: Callable[[str], str] = lambda line: f"{line}\n"  # noqa: E731
        text = "".join(result.diff for result in summary.results) if dry else ""
        text += "".join(map(shown, summary_lines(summary, colors=want_colors(config.get("USE_COLORS")))))
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.flush()
