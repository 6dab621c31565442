# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy reproduce``: do packages come out the same when they are built again, and if not, why?"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.cli.program import HELP, VALUE, Option, Program
from abuildpy.errors import Aborted, AbuildError, RecipeError, UsageError
from abuildpy.ui.console import Console, want_colors

if TYPE_CHECKING:
    from abuildpy.config import Config
    from abuildpy.maintain.reproduce.builder import Facts, How
    from abuildpy.maintain.reproduce.model import Dependency, Pair, Report
    from abuildpy.maintain.reproduce.run import Outcome, Reproduction
    from abuildpy.maintain.reproduce.subject import Recorded, Subject
    from abuildpy.maintain.reproduce.tools import Tools
    from abuildpy.maintain.reproduce.variations import Base
    from abuildpy.recipe.history import Provenance
    from abuildpy.recipe.model import Recipe
    from abuildpy.repository.apkfile import ApkFile

_USAGE = """\
usage: abuildpy reproduce [OPTIONS] [RECIPE | PACKAGE.apk]

Builds a recipe (an APKBUILD or its folder; default: the one here) twice, the second time in other circumstances, and compares
the packages to the byte; or rebuilds PACKAGE.apk as its buildinfo and .PKGINFO say that it was built, and compares with that.
Where they differ: which files, what in them, the usual cause, and what to do. Signatures are left aside.

  --vary LIST     What to vary, of time, zone, locale, umask, user, cores, order (of folders), host, environment and path, with
                  commas between; all or none (default: all but path for a RECIPE, none for a PACKAGE)
  --no-vary LIST  What not to vary
  --no-bisect     Do not look for the variation that makes a difference, which takes some more builds
  --check         Run check() as well
  --recipe DIR    The recipe that PACKAGE.apk was built from (default: found by name in the tree around this folder or around the
                  package, or in APORTSDIR, as it was at the commit that the package names)
  --rootbld       Build in clean roots; for a PACKAGE that was built in one, with exactly the versions that its buildinfo names
  --keep DIR      Leave packages and logs of all builds in this new folder
  --json          Tell it all as JSON
  -d              Do not look at build dependencies
  -r              Install missing build dependencies with $SUDO_APK, remove them afterwards
  --sandbox=auto|bwrap|landlock|none, --net=recipe|always|never
                  As of abuild
  -h, --help      Show this help

Nothing of yours is changed: builds are made in folders of their own, below $TMPDIR or /var/tmp, and signed with a key made for
that. The path that the recipe's functions see is the same each time, that of the recipe. `--vary path` makes one more build in
another one and says which files hold it; that does not count for the result. What could not be varied here is said, with the
reason.

Exit status: 0 reproducible, 1 not (or it cannot be built in other circumstances), 2 wrong command line, 3 it could not be found
out: no such recipe, commit or package, or it cannot be built at all
"""


class ReproduceUsageError(UsageError):
    """A wrong command line."""

    exit_status = 2


class UnknownError(AbuildError):
    """It could not be found out whether packages are reproducible."""

    exit_status = 3


@dataclass(frozen=True, slots=True)
class _Options:
    vary: str = ""
    no_vary: str = ""
    bisect: bool = True
    check: bool = False
    recipe: str = ""
    keep: str = ""
    as_json: bool = False
    nodeps: bool = False
    install_deps: bool = False
    rootbld: bool = False
    sandbox: str = "auto"
    net: str = ""


PROGRAM = Program(
    "abuildpy reproduce",
    _Options,
    (
        Option("", "vary", {"vary": VALUE}),
        Option("", "no-vary", {"no_vary": VALUE}),
        Option("", "no-bisect", {"bisect": False}),
        Option("", "check", {"check": True}),
        Option("", "recipe", {"recipe": VALUE}),
        Option("", "rootbld", {"rootbld": True}),
        Option("", "keep", {"keep": VALUE}),
        Option("", "json", {"as_json": True}),
        Option("d", "", {"nodeps": True}),
        Option("r", "", {"install_deps": True}),
        Option("", "sandbox", {"sandbox": VALUE}),
        Option("", "net", {"net": VALUE}),
        HELP,
    ),
    usage=lambda: _USAGE,
    fits=lambda _options, words: len(words) < 2,
    console=lambda: Console(colors=want_colors(os.environ.get("USE_COLORS", ""))),
)


def main(arguments: Sequence[str]) -> int:
    """Runs ``abuildpy reproduce`` with the words after its name; returns the exit status."""
    return PROGRAM.start_bare(_act, arguments)


def _act(options: _Options, words: list[str]) -> int:
    from abuildpy.cli.interrupt import raise_signals
    from abuildpy.cli.options import NETS, SANDBOXES
    from abuildpy.config import load_config

    for name, value, choices in (("net", options.net, NETS), ("sandbox", options.sandbox, SANDBOXES)):
        if value and value not in choices:
            raise ReproduceUsageError(f"--{name} takes one of {', '.join(choices)}, not '{value}'")
    target = Path(words[0] if words else ".")
    package = target.suffix == ".apk"
    names = varied(options.vary, options.no_vary, package=package)
    if options.keep and Path(options.keep).exists():
        raise ReproduceUsageError(f"--keep {options.keep}: it is there already", hint="name a new folder")
    raise_signals()
    config = load_config()
    console = Console(colors=want_colors(config.get("USE_COLORS")))
    try:
        report = _reproduce(options, target, names, config, console, package=package)
    except (UsageError, Aborted):
        raise
    except AbuildError as error:
        raise UnknownError(error.message, hint=error.hint, details=error.details) from error
    _tell(report, options, console)
    return int(report.result != "reproducible")


def varied(vary: str, no_vary: str, *, package: bool) -> tuple[str, ...]:
    """The variations that a command line asks for. Raises ReproduceUsageError for one that nobody knows."""
    from abuildpy.maintain.reproduce.model import DEFAULT, VARIATIONS

    def listed(text: str, option: str) -> tuple[str, ...]:
        names = tuple(filter(None, text.replace(" ", ",").split(",")))
        if names in (("all",), ("none",)):
            return tuple(VARIATIONS) if names == ("all",) else ()
        wrong = [name for name in names if name not in VARIATIONS]
        if wrong:
            raise ReproduceUsageError(
                f"{option}: '{wrong[0]}' cannot be varied", hint=f"one of {', '.join(VARIATIONS)}"
            )
        return names

    wanted = listed(vary, "--vary") if vary else () if package else DEFAULT
    unwanted = listed(no_vary, "--no-vary") if no_vary else ()
    return tuple(name for name in VARIATIONS if name in wanted and name not in unwanted)


def _reproduce(
    options: _Options, target: Path, names: tuple[str, ...], config: Config, console: Console, *, package: bool
) -> Report:
    from abuildpy.maintain.reproduce.builder import How
    from abuildpy.scratch import Scratch

    started = time.monotonic()
    place = Path(os.environ.get("TMPDIR") or "/var/tmp").resolve()  # noqa: S108 - the name in it cannot be guessed
    how = How(options.check, options.rootbld, options.nodeps, options.install_deps, options.sandbox, options.net)
    with Scratch(place) as scratch:
        try:
            job = _Job(options, names, config, console, scratch, how)
            report = job.of_package(target) if package else job.of_recipe(target)
        finally:
            if options.keep:
                _keep(scratch, Path(options.keep))
    kept = Path(options.keep) if options.keep else None
    return replace(report, seconds=time.monotonic() - started, kept=kept)


def _keep(scratch: Path, target: Path) -> None:
    """Copies packages and logs out of our folder, by the number of the build."""
    for folder in sorted(scratch.iterdir()):
        if folder.name.isdigit():
            place = target / folder.name
            place.mkdir(parents=True)
            for path in (folder / "log", *folder.glob("packages/*/*/*")):
                if path.is_file() and not path.name.startswith("."):
                    shutil.copyfile(path, place / path.name)


class _Job:
    """One run: what it takes from subject to report."""

    def __init__(
        self,
        options: _Options,
        names: tuple[str, ...],
        config: Config,
        console: Console,
        scratch: Path,
        how: How,
    ) -> None:
        self._options = options
        self._names = names
        self._config = config
        self._console = console
        self._scratch = scratch
        self._how = how

    def of_recipe(self, target: Path) -> Report:
        """Builds a recipe twice."""
        from abuildpy.maintain.reproduce.subject import Subject

        recipe, provenance = self._evaluated(target)
        subject = Subject(
            recipe.startdir,
            recipe.startdir.resolve(),
            recipe.startdir.resolve(),
            provenance,
            str(self._config.repodest),
        )
        with self._reproduction(subject, recipe.pkgname) as (reproduction, count):
            reproduction.rebuild("as usual")
            outcome = reproduction.varied()
            return self._report(recipe.pkgname, recipe.version, reproduction, outcome, count)

    def of_package(self, target: Path) -> Report:
        """Rebuilds a package as it was built."""
        from abuildpy.maintain.reproduce.run import Side
        from abuildpy.maintain.reproduce.subject import recorded_of
        from abuildpy.repository.apkfile import read

        apk = read(target)
        recorded = recorded_of(apk)
        subject = self._subject(apk, recorded)
        origin = apk.info.last("origin") or apk.name
        if not self._options.check and recorded.checked:
            self._how = replace(self._how, check=True)
        with self._reproduction(subject, origin) as (reproduction, count):
            built = reproduction.rebuild("as it was built")
            if target.name not in built.packages:
                raise UnknownError(
                    f"the recipe makes no {target.name} but {', '.join(built.packages) or 'nothing'}",
                    hint="name the recipe that it was built from: --recipe DIR",
                )
            outcome = reproduction.against(Side({target.name: target}, _facts_of(target, recorded)))
            if all(pair.identical for pair in outcome.pairs) and set(self._names) - {"path"}:
                outcome = reproduction.varied()
            report = self._report(origin, apk.version, reproduction, outcome, count)
            dependencies = _dependencies(recorded, built.log.parent)
        pairs = tuple(map(blame_tools, report.pairs)) if dependencies else report.pairs
        notes = (*subject.notes, *report.notes)
        return replace(report, against=target, pairs=pairs, dependencies=dependencies, notes=notes)

    def _evaluated(self, target: Path) -> tuple[Recipe, Provenance]:
        from abuildpy.phases.settings import Settings
        from abuildpy.phases.walls import Stages
        from abuildpy.recipe.evaluate import evaluate, find_apkbuild

        try:
            apkbuild = find_apkbuild(target)
        except RecipeError as error:
            raise UnknownError(
                f"{target}: no recipe is there", hint="name an APKBUILD, its folder, or a package"
            ) from error
        stages = Stages(self._config, Settings(sandbox=self._how.sandbox), self._console)
        recipe = evaluate(apkbuild, self._config, stages.evaluation_runner())
        return recipe, stages.provenance(recipe)

    def _subject(self, apk: ApkFile, recorded: Recorded) -> Subject:
        """The recipe of a package, at its commit where git knows that."""
        from abuildpy.config import PACKAGE_DIR
        from abuildpy.maintain.reproduce import subject as subjects
        from abuildpy.maintain.reproduce.around import can_show
        from abuildpy.phases.upkeep import source_folder
        from abuildpy.recipe.history import Provenance

        origin = apk.info.last("origin") or apk.name
        folder = Path(self._options.recipe) if self._options.recipe else None
        if folder is None:
            folder = subjects.find_recipe(origin, recorded.repo, self._trees(apk.path))
        if folder is None or not (folder / "APKBUILD").is_file():
            raise UnknownError(
                f"the recipe of {apk.path.name} ({recorded.repo}/{origin}) was not found",
                hint="go into the tree of aports, set APORTSDIR, or name it: --recipe DIR",
            )
        folder = folder.resolve()
        notes = []
        copy = self._scratch / "recipe" / recorded.repo / folder.name
        if recorded.dirty or not recorded.commit or not subjects.checkout(folder, recorded.commit, copy):
            why = (
                "was built from changes that were not committed"
                if recorded.dirty
                else f"names the commit {recorded.commit[:12]}, which is not here"
                if recorded.commit
                else "names no commit"
            )
            notes.append(f"the package {why}: {folder} is built as it is")
            copy = folder
        recipe, _ = self._evaluated(copy)
        if recipe.version != apk.version:
            raise UnknownError(
                f"{folder} is of version {recipe.version}, and the package of {apk.version}",
                hint="check out the recipe of that version, and name it: --recipe DIR",
            )
        if recorded.variables is None:
            notes.append("there is no buildinfo beside the package: the environment is this one's")
        shown = Path(recorded.path) if recorded.path and not recorded.clean else folder
        needed = (self._scratch, source_folder(recipe, self._config), *self._config.files(), Path(PACKAGE_DIR))
        if shown != folder and not can_show(shown, [path.resolve() for path in needed]):
            notes.append(f"it was built in {shown}, which cannot be had here: paths in it may differ")
            shown = folder
        exact: tuple[str, ...] = ()
        if recorded.clean and not self._how.clean_root:
            notes.append(
                "it was built in a clean root, and is rebuilt outside: paths and versions may differ (--rootbld)"
            )
        elif self._how.clean_root and not recorded.clean:
            notes.append("it was not built in a clean root, and is rebuilt in one: paths and versions may differ")
        elif recorded.clean:
            exact = tuple(f"{name}={version}" for name, version in sorted((recorded.installed or {}).items()))
        commit = recorded.commit + "-dirty" * bool(recorded.dirty and recorded.commit)
        provenance = Provenance(commit, recorded.epoch)
        exports = subjects.exports_of(recorded, self._config)
        siblings = shown if shown.is_dir() else None
        return subjects.Subject(
            copy, shown, siblings, provenance, str(self._config.repodest), exports, exact, tuple(notes)
        )

    def _trees(self, package: Path) -> tuple[Path, ...]:
        from abuildpy.batch.targets import tree_around

        found = [tree_around(".", self._config.get("APORTSDIR")), tree_around(os.fspath(package.parent), "")]
        found += [self._config.get("APORTSDIR")]
        return tuple(dict.fromkeys(Path(each) for each in found if each))

    def _reproduction(self, subject: Subject, name: str) -> _Running:
        return _Running(
            subject, name, self._options, self._names, self._config, self._console, self._scratch, self._how
        )

    def _report(
        self, name: str, version: str, reproduction: Reproduction, outcome: Outcome, count: Callable[[], int]
    ) -> Report:
        from abuildpy.maintain.reproduce.model import Report

        paths = reproduction.elsewhere() if "path" in self._names else None
        same = all(pair.identical for pair in outcome.pairs)
        return Report(
            name,
            version,
            None,
            "unbuildable" if outcome.failed else "reproducible" if same else "different",
            tuple(each.told for each in reproduction.variations),
            outcome.pairs,
            outcome.failed,
            paths,
            builds=count(),
            searched=outcome.searched,
        )


class _Silent(Console):
    """Says nothing."""

    def warning(self, text: str) -> None:
        """Nothing."""


class _Running:
    """Makes the builder with its tools, and ends those."""

    def __init__(
        self,
        subject: Subject,
        name: str,
        options: _Options,
        names: tuple[str, ...],
        config: Config,
        console: Console,
        scratch: Path,
        how: How,
    ) -> None:
        from abuildpy.maintain.reproduce.builder import Builder
        from abuildpy.maintain.reproduce.run import Reproduction
        from abuildpy.maintain.reproduce.tools import Tools
        from abuildpy.maintain.reproduce.variations import plan
        from abuildpy.sandbox.probe import choose

        console = console.about(name)
        folder = scratch / "tools"
        folder.mkdir()
        self._tools: Tools = Tools(folder, config.environ)
        wall = choose(
            how.sandbox, _Silent(), startdir=subject.folder
        )  # each build says itself what its wall leaves open
        cpus = tuple(sorted(os.sched_getaffinity(0)))
        base, facts = _base(config, wall.name, wall.user.uid, cpus, clean_root=how.clean_root)
        environ: Mapping[str, str] = config.environ
        builder = Builder(subject, scratch, how, environ, facts, lambda what: console.msg(f"Building: {what}..."))
        chosen = tuple(each for each in names if each != "path")
        self._wanted = frozenset(chosen)
        self._reproduction = Reproduction(builder, lambda: plan(chosen, base, self._tools), search=options.bisect)
        self._builder = builder

    def __enter__(self) -> tuple[Reproduction, Callable[[], int]]:
        self._tools.begin(self._wanted)
        return self._reproduction, lambda: self._builder.count

    def __exit__(self, *_: object) -> None:
        self._tools.end()


def _base(config: Config, wall: str, uid: int, cpus: tuple[int, ...], *, clean_root: bool) -> tuple[Base, Facts]:
    """What an ordinary build here is like."""
    from abuildpy.maintain.reproduce.builder import Facts
    from abuildpy.maintain.reproduce.variations import Base

    base = Base(config.environ, config.get("JOBS"), cpus, wall, uid, clean_root)
    facts = Facts(
        0.0,
        0.0,
        zone=config.environ.get("TZ", ""),
        locale=base.locale,
        user="builder",
        uid=uid,
        home="/home/builder",
        host=os.uname().nodename,
        jobs=base.jobs,
        cpus=len(cpus),
    )
    return base, facts


def _facts_of(package: Path, recorded: Recorded) -> Facts:
    """What is known of the build of a package that was not ours: not even when it was."""
    from abuildpy.maintain.reproduce.builder import Facts

    when = package.stat().st_mtime
    get = (recorded.variables or {}).get
    locale = get("LC_ALL") or get("LC_CTYPE") or get("LANG") or ""
    paths = (recorded.path,) if recorded.path else ()
    return Facts(
        when, when, zone=get("TZ", ""), locale=locale, jobs=get("JOBS", ""), paths=paths, uncertain=3 * 366 * 86400.0
    )


def _dependencies(recorded: Recorded, build: Path) -> tuple[Dependency, ...]:
    """Dependencies whose versions differ from those recorded, by the record that the rebuild left."""
    from abuildpy.maintain.reproduce.model import Dependency
    from abuildpy.maintain.reproduce.subject import installed_in

    if recorded.installed is None:
        return ()
    here = installed_in(build)
    if here is None:
        return ()
    names = sorted({*recorded.installed, *here})
    pairs = [(name, recorded.installed.get(name, ""), here.get(name, "")) for name in names]
    return tuple(Dependency(*pair) for pair in pairs if pair[1] != pair[2])


def blame_tools(pair: Pair) -> Pair:
    """A package with the likeliest cause where nothing else is known and versions of what it was built with differ."""
    from abuildpy.maintain.reproduce.model import Evidence

    guess = Evidence("tools", "", "", "", "", sure=False)
    files = (file if file.evidence or file.always else replace(file, evidence=(guess,)) for file in pair.files)
    return replace(pair, files=tuple(files))


def _tell(report: Report, options: _Options, console: Console) -> None:
    from abuildpy.maintain.reproduce.text import as_document, render

    if options.as_json:
        import json

        text = json.dumps(as_document(report), indent=2) + "\n"
    else:
        width = shutil.get_terminal_size().columns if os.isatty(1) else 0
        text = render(report, width=width, colors=console.colors)
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.flush()
