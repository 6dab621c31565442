# SPDX-License-Identifier: GPL-3.0-or-later
"""``buildrepo``: builds what a repository lacks, with the command line of lua-aports' program of that name (lua-aports 1.3)."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.cli.program import HELP, VALUE, Option, Program
from abuildpy.errors import RecipeError, UsageError

if TYPE_CHECKING:
    from abuildpy.batch.model import Outcome, Plan, Report, Task
    from abuildpy.batch.recipes import Recipes
    from abuildpy.config import Config
    from abuildpy.ui.console import Console

_USAGE = """\
usage: buildrepo [-hknps] [-a DIR] [-d DIR] [-l DIR] [-r REPO] REPO...

Builds what is missing of each repository of a tree of aports, in the right
order.

  -a, --aports=DIR      The tree of aports (default: ~/aports)
  -c, --config=FILE     A configuration (default: /etc/buildrepo/config.lua)
  -d, --destdir=DIR     Where the repositories of packages are (default:
                        REPODEST, else ~/packages)
  -h, --help            Show this help
  -l, --logdir=DIR      Keep logs in DIR/REPO/pkgname/ instead of printing them
  -k, --keep-going      Build what can be built after a failure
  -n, --dry-run         Build and delete nothing, only tell what would be
  -p, --purge           Delete packages that no recipe makes any more
  -r, --deps-repo=REPO  Has no effect: dependencies are found in all
                        repositories
  -s, --skip-failed     Leave out what failed the last time (its src folder is
                        there)
  -R, --rootbld         Build in clean roots
      --jobs=N          So many packages at once, each in a clean root (default:
                        1)
      --no-deps-install Install no dependencies: they only order the builds
"""

_CONFIGURED = ("aportsdir", "repodest", "logdir", "pluginsdir")
_ASSIGNMENT = re.compile(r"""\s*(\w+)\s*=\s*(["'])([^"'\\]*)\2\s*;?\s*(?:--.*)?""")
_PLUGINS = "/usr/share/buildrepo/plugins"


@dataclass(frozen=True, slots=True)
class Options:
    """The command line."""

    aports: str = ""
    config: str = ""
    destdir: str = ""
    logdir: str = ""
    keep_going: bool = False
    dry_run: bool = False
    purge: bool = False
    deps_repo: str = ""
    skip_failed: bool = False
    rootbld: bool = False
    jobs: str = ""
    no_deps_install: bool = False


PROGRAM = Program(
    "buildrepo",
    Options,
    (
        Option("a", "aports", {"aports": VALUE}),
        Option("c", "config", {"config": VALUE}),
        Option("d", "destdir", {"destdir": VALUE}),
        Option("l", "logdir", {"logdir": VALUE}),
        Option("k", "keep-going", {"keep_going": True}),
        Option("n", "dry-run", {"dry_run": True}),
        Option("p", "purge", {"purge": True}),
        Option("r", "deps-repo", {"deps_repo": VALUE}),
        Option("s", "skip-failed", {"skip_failed": True}),
        Option("R", "rootbld", {"rootbld": True}),
        Option("", "jobs", {"jobs": VALUE}),
        Option("", "no-deps-install", {"no_deps_install": True}),
        HELP,
    ),
    usage=lambda: _USAGE,
    fits=lambda _options, words: len(words) > 0,
    wrong_option=1,
    wrong_words=1,
    usage_goes_to="stdout",
)


def main() -> int:
    """Entry point; returns the exit status."""
    return PROGRAM.start(_act)


@dataclass(slots=True)
class _Sums:
    """What is counted of one repository."""

    relevant: int = 0
    total: int = 0
    wanted: int = 0
    tried: int = 0
    built: int = 0
    deleted: int = 0

    def lines(self, repository: str) -> Iterable[str]:
        """As lua-aports prints them in the end."""
        yield f"{repository} built:\t{self.built}"
        yield f"{repository} tried:\t{self.tried}"
        yield f"{repository} deleted:\t{self.deleted}"
        yield f"{repository} total built:\t{self.relevant - self.wanted + self.built}"
        yield f"{repository} total relevant aports:\t{self.relevant}"
        yield f"{repository} total aports:\t{self.total}"


@dataclass(slots=True)
class _Watching:
    """An Observer that tells of builds as lua-aports does, and puts logs where they are wanted."""

    repository: str
    sums: _Sums
    logdir: str
    info: Callable[[str], None]
    failed: list[str] = field(default_factory=list)

    def planned(self, plan: Plan) -> None:
        """Nothing."""

    def started(self, task: Task, attempt: int, where: str) -> None:  # noqa: ARG002 - as Observer has it
        """The line for each that is tried."""
        sums = self.sums
        sums.tried += 1
        there = sums.relevant - sums.wanted + sums.built
        self.info(f"{sums.tried}/{sums.wanted} {there}/{sums.relevant} {task.name} {task.version}")

    def phase(self, task: Task, phase: str) -> None:
        """Nothing."""

    def finished(self, task: Task, outcome: Outcome) -> None:
        """Where it failed, a line; the log."""
        if outcome.log and outcome.attempts:
            self._log(Path(outcome.log), task)
        if outcome.status == "built":
            self.sums.built += 1
        elif outcome.status == "failed":
            self.failed.append(task.name)
            _tell("ERROR", f"{task.pkgname}: Failed to build" + (f": {outcome.error}" if outcome.error else ""))
        elif outcome.status == "blocked":
            self.failed.append(task.name)
            _tell("WARNING", f"{task.pkgname}: not built, it needs {', '.join(outcome.blocked_by)}")

    def ended(self, report: Report) -> None:
        """Nothing."""

    def _log(self, log: Path, task: Task) -> None:
        if not log.is_file():
            return
        if self.logdir:
            folder = Path(self.logdir, self.repository, task.pkgname)
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(log, folder / f"{task.pkgname}-{task.version}.log")
            return
        sys.stdout.flush()
        with open(log, "rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
        sys.stdout.flush()


def _act(options: Options, words: list[str], config: Config, console: Console) -> int:
    from abuildpy.cli.batch import Interrupted
    from abuildpy.cli.batch_plan import replace_variables

    if options.jobs and not (options.jobs.isascii() and options.jobs.isdigit() and int(options.jobs)):
        raise UsageError(f"--jobs takes a number from 1 on, not '{options.jobs}'")
    said = _configuration(options.config)
    aports = os.path.realpath(options.aports or said.get("aportsdir") or f"{config.home}/aports")
    repodest = os.path.realpath(options.destdir or said.get("repodest") or str(config.repodest))
    logdir = os.path.abspath(options.logdir or said.get("logdir") or "") if options.logdir or "logdir" in said else ""
    config = replace_variables(config, {"APORTSDIR": aports, "REPODEST": repodest})
    sums: dict[str, _Sums] = {}
    try:
        for repository in words:
            watching = _Watching(repository, _Sums(), logdir, _info)
            sums[repository] = watching.sums
            _build(options, repository, watching, config, console)
            if watching.failed and not options.keep_going:
                return 1
            _tidy(options, repository, watching.sums, config, console)
    except KeyboardInterrupt:
        raise Interrupted("Aborted by user") from None
    for repository, counted in sums.items():
        for line in counted.lines(repository):
            _info(line)
    return 0


def _configuration(path: str) -> Mapping[str, str]:
    """What the configuration says. It is a Lua program; of it texts that are assigned to names are understood.

    Raises UsageError for one that was named and cannot be read.
    """
    place = Path(path or "/etc/buildrepo/config.lua")
    try:
        lines = place.read_text(errors="surrogateescape").splitlines()
    except OSError as error:
        if path:
            raise UsageError(f"{path}: {error.strerror}") from error
        lines = []
    found = {}
    for number, line in enumerate(lines, 1):
        match = _ASSIGNMENT.fullmatch(line)
        if match is not None and match[1] in _CONFIGURED:
            found[match[1]] = match[3]
        elif line.strip() and not line.strip().startswith("--"):
            _tell("WARNING", f"{place}:{number} is not understood, only {', '.join(_CONFIGURED)} = 'TEXT' are")
    plugins = Path(found.get("pluginsdir") or _PLUGINS)
    if plugins.is_dir() and any(plugins.glob("*.lua")):
        _tell("WARNING", f"plugins, which are Lua, are not run: {plugins}")
    return found


def _build(options: Options, repository: str, watching: _Watching, config: Config, console: Console) -> None:
    """Builds what is missing of a repository. Raises RecipeError if there is no such folder."""
    from abuildpy.batch.targets import holds_recipes
    from abuildpy.cli.batch_run import Wanted, carry_out

    folder = f"{config.get('APORTSDIR')}/{repository}"
    if not holds_recipes(folder):
        raise RecipeError(f"{folder}: Failed to open apkbuilds", hint="-a names the tree of aports")
    recipes, plan = _planned(options, folder, config, console)
    nodes = [node for node in recipes.nodes if node.absence(config.carch) is None]
    sums = watching.sums
    sums.relevant, sums.total = len(nodes), len(recipes.nodes) + len(recipes.unread)
    sums.wanted = len(plan.tasks) + sum(outcome.status in ("failed", "blocked") for outcome in plan.settled)
    if options.skip_failed:
        plan = _without_failed(plan)
    if options.dry_run:
        for task in plan.tasks:
            watching.started(task, 1, "")
            sums.built += 1
        return
    wanted = Wanted(
        int(options.jobs or 1),
        install=not options.no_deps_install,
        roots=True if options.rootbld else None,
        fail_fast=not options.keep_going,
    )
    report = carry_out(plan, wanted, config, console, [watching])
    if not report.complete:
        raise KeyboardInterrupt


def _planned(options: Options, folder: str, config: Config, console: Console) -> tuple[Recipes, Plan]:
    """All recipes of a repository, and the plan for those whose packages are not all there."""
    from abuildpy.batch.planning import Wishes
    from abuildpy.batch.recipes import read_recipes, recipe_folders
    from abuildpy.batch.selections import Selection, only, select
    from abuildpy.cli.batch_plan import Planner

    planner = Planner(config, console, installs=not options.no_deps_install, tree=config.get("APORTSDIR"))
    recipes = read_recipes(recipe_folders(folder), planner.evaluate)
    planner.tell(recipes)
    existing, past = planner.existing(), planner.history()
    selection = Selection(states=("outdated", "unbuilt"))
    meant = select(recipes, selection, existing=existing, history=past, changed=(), arch=config.carch)
    missing = {node.name: meant[node.name] for node in recipes.nodes if node.name in meant}
    wanted = {*missing, *(each.name for each in recipes.unread)}
    wishes = Wishes(missing, around=lambda: planner.tree.recipes)
    return recipes, planner.plan(only(recipes, dict.fromkeys(wanted)), wishes, existing, past)


def _without_failed(plan: Plan) -> Plan:
    """Without recipes whose last build left its src folder behind, and without what needs them."""
    gone: set[str] = set()
    for task in plan.tasks:
        if not gone.isdisjoint(task.waits_for):
            _tell("WARNING", f"{task.pkgname}: Skipped due to missing dependencies")
        elif _failed_before(task.folder):
            _tell("WARNING", f"{task.pkgname}: Skipped due to previous build failure")
        else:
            continue
        gone.add(task.name)
    return replace(plan, tasks=tuple(task for task in plan.tasks if task.name not in gone))


def _failed_before(folder: str) -> bool:
    try:
        return os.stat(f"{folder}/APKBUILD").st_mtime <= os.stat(f"{folder}/src").st_mtime
    except OSError:
        return False


def _tidy(options: Options, repository: str, sums: _Sums, config: Config, console: Console) -> None:
    """With ``--purge``: deletes packages that none of the recipes makes, and writes the index."""
    if not options.purge:
        return
    from abuildpy.aports.database import read_database
    from abuildpy.package.sign import load_signer
    from abuildpy.phases.evaluations import Evaluations
    from abuildpy.phases.publish import write_index
    from abuildpy.phases.settings import Settings
    from abuildpy.recipe.history import describe
    from abuildpy.records.names import remove_orphans

    recipes = f"{config.get('APORTSDIR')}/{repository}"
    database = read_database([recipes], Evaluations(config, Settings(quiet=True), console).answers)
    if any(trouble.error for trouble in database.troubles):
        _tell("WARNING", f"{repository}: nothing is purged while recipes cannot be evaluated")
        return
    kept = {aport.apk(name) for name, aports in database.by_name.items() for aport in aports}
    folder = config.repodest / repository / config.carch
    for path in sorted(folder.glob("*.apk")):
        if path.name not in kept:
            _info(f"Deleting {path.name}")
            sums.deleted += 1
            if not options.dry_run:
                path.unlink()
    if sums.deleted and not options.dry_run:
        remove_orphans(folder)
    if sums.deleted and not options.dry_run:
        _info("Updating apk index")
        text = config.get("DESCRIPTION") or f"{repository} {describe(Path(recipes))}"
        write_index(folder, config.carch, config, load_signer(config), text, console)


def _info(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _tell(kind: str, text: str) -> None:
    sys.stderr.write(f"{kind}: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
