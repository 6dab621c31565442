# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of ``abuildpy reproduce``, from a recipe or a package to the report."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from abuildpy.config import PACKAGE_DIR, Config
from abuildpy.errors import AbuildError, RecipeError
from abuildpy.maintain.reproduce import files
from abuildpy.maintain.reproduce import subject as subjects
from abuildpy.maintain.reproduce.around import can_show
from abuildpy.maintain.reproduce.builder import Builder, Facts, How
from abuildpy.maintain.reproduce.model import Dependency, Evidence, Pair, Report
from abuildpy.maintain.reproduce.run import Outcome, Reproduction, Side
from abuildpy.maintain.reproduce.subject import Recorded, Subject, installed_in, recorded_of
from abuildpy.maintain.reproduce.tools import Tools
from abuildpy.maintain.reproduce.variations import Base, plan
from abuildpy.phases.settings import Settings
from abuildpy.phases.upkeep import source_folder
from abuildpy.phases.walls import Stages
from abuildpy.recipe.evaluate import evaluate, find_apkbuild
from abuildpy.recipe.history import Provenance
from abuildpy.recipe.model import Recipe
from abuildpy.records.form import shown as as_shown
from abuildpy.repository.apkfile import ApkFile, read
from abuildpy.sandbox.probe import choose
from abuildpy.ui.console import Console


class UnknownError(AbuildError):
    """It could not be found out whether packages are reproducible."""

    exit_status = 3


@dataclass(frozen=True, slots=True)
class Wishes:
    """What to vary, how to build, whether to look for causes by more builds, and the recipe of a package, if it was named."""

    names: tuple[str, ...]
    how: How
    search: bool = True
    recipe: Path | None = None


class Job:
    """One run: what it takes from subject to report."""

    def __init__(
        self,
        wishes: Wishes,
        config: Config,
        console: Console,
        scratch: Path,
    ) -> None:
        self._wishes = wishes
        self._names = wishes.names
        self._config = config
        self._console = console
        self._scratch = scratch
        self._how = wishes.how

    def of_recipe(self, target: Path) -> Report:
        """Builds a recipe twice."""
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
        """Rebuilds a package as it was built. Raises UnknownError where its recipe makes no such package."""
        apk = read(target)
        recorded = recorded_of(apk)
        subject = self._subject(apk, recorded)
        origin = apk.info.last("origin") or apk.name
        if recorded.checked:
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
        try:
            apkbuild = find_apkbuild(target)
        except RecipeError as error:
            raise UnknownError(
                f"{target}: no recipe is there", hint="name an APKBUILD, its folder, or a package"
            ) from error
        stages = Stages(self._config, Settings(sandbox=self._how.sandbox), self._console)
        recipe = evaluate(apkbuild, self._config, stages.readers.runner())
        return recipe, stages.provenance(recipe)

    def _subject(self, apk: ApkFile, recorded: Recorded) -> Subject:
        """The recipe of a package, at its commit where git knows that."""
        origin = apk.info.last("origin") or apk.name
        folder = self._wishes.recipe
        if folder is None:
            folder = subjects.find_recipe(origin, recorded.repo, self._trees(apk.path))
        if folder is None or not (folder / "APKBUILD").is_file():
            raise UnknownError(
                f"the recipe of {apk.path.name} ({recorded.repo}/{as_shown(origin)}) was not found",
                hint="go into the tree of aports, set APORTSDIR, or name it: --recipe DIR",
            )
        folder = folder.resolve()
        notes = []
        copy = self._scratch / "recipe" / recorded.repo / folder.name
        commit = files.commit_with(folder, recorded.files) if recorded.dirty else recorded.commit
        if not commit or not subjects.checkout(folder, commit, copy):
            why = (
                "was built from changes that were not committed"
                if recorded.dirty
                else f"names the commit {as_shown(recorded.commit[:12])}, which is not here"
                if recorded.commit
                else "names no commit"
            )
            others = files.differing(folder, recorded.files)
            but = f", and other files are there now: {as_shown(' '.join(others))}" if others else ""
            notes.append(f"the package {why}: {folder} is built as it is{but}")
            copy = folder
        elif recorded.dirty:
            notes.append(f"the package was built before its recipe was committed: {commit[:12]} has the same files")
        recipe, _ = self._evaluated(copy)
        if recipe.version != apk.version:
            raise UnknownError(
                f"{folder} is of version {recipe.version}, and the package of {as_shown(apk.version)}",
                hint="check out the recipe of that version, and name it: --recipe DIR",
            )
        if recorded.variables is None:
            notes.append("there is no buildinfo beside the package: the environment is this one's")
        told = recorded.path if recorded.path.isprintable() else ""
        shown = Path(told) if told and not recorded.clean else folder
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
            exact = subjects.exact_packages(recorded)
        commit = recorded.commit + "-dirty" * bool(recorded.dirty and recorded.commit)
        provenance = Provenance(commit, recorded.epoch)
        exports, left = subjects.exports_of(recorded, self._config)
        if left:
            notes.append(f"variables of its build that are not taken from a buildinfo: {as_shown(' '.join(left))}")
        # A folder that somebody else names is looked into only if it is the recipe's own.
        siblings = shown if shown == folder or (shown.name == folder.name and (shown / "APKBUILD").is_file()) else None
        return subjects.Subject(
            copy, shown, siblings, provenance, str(self._config.repodest), exports, exact, tuple(notes)
        )

    def _trees(self, package: Path) -> tuple[Path, ...]:
        from abuildpy.batch.targets import tree_around

        found = [tree_around(".", self._config.get("APORTSDIR")), tree_around(os.fspath(package.parent), "")]
        found += [self._config.get("APORTSDIR")]
        return tuple(dict.fromkeys(Path(each) for each in found if each))

    def _reproduction(self, subject: Subject, name: str) -> _Running:
        wishes = replace(self._wishes, how=self._how)
        return _Running(subject, name, wishes, self._config, self._console, self._scratch)

    def _report(
        self, name: str, version: str, reproduction: Reproduction, outcome: Outcome, count: Callable[[], int]
    ) -> Report:
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
        wishes: Wishes,
        config: Config,
        console: Console,
        scratch: Path,
    ) -> None:
        how = wishes.how
        console = console.about(name)
        folder = scratch / "tools"
        folder.mkdir()
        self._tools: Tools = Tools(folder, config.environ)
        # What it leaves open each build says itself.
        wall = choose(how.sandbox, _Silent(), startdir=subject.folder)
        cpus = tuple(sorted(os.sched_getaffinity(0)))
        base, facts = _base(config, wall.name, wall.user.uid, cpus, clean_root=how.clean_root)
        environ: Mapping[str, str] = config.environ
        builder = Builder(subject, scratch, how, environ, facts, lambda what: console.msg(f"Building: {what}..."))
        chosen = tuple(each for each in wishes.names if each != "path")
        self._wanted = frozenset(chosen)
        self._reproduction = Reproduction(builder, lambda: plan(chosen, base, self._tools), search=wishes.search)
        self._builder = builder

    def __enter__(self) -> tuple[Reproduction, Callable[[], int]]:
        self._tools.begin(self._wanted)
        return self._reproduction, lambda: self._builder.count

    def __exit__(self, *_: object) -> None:
        self._tools.end()


def _base(config: Config, wall: str, uid: int, cpus: tuple[int, ...], *, clean_root: bool) -> tuple[Base, Facts]:
    """What an ordinary build here is like."""
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
    when = package.stat().st_mtime
    get = (recorded.variables or {}).get
    locale = get("LC_ALL") or get("LC_CTYPE") or get("LANG") or ""
    paths = (recorded.path,) if recorded.path else ()
    return Facts(
        when, when, zone=get("TZ", ""), locale=locale, jobs=get("JOBS", ""), paths=paths, uncertain=3 * 366 * 86400.0
    )


def _dependencies(recorded: Recorded, build: Path) -> tuple[Dependency, ...]:
    """Dependencies whose versions differ from those recorded, by the record that the rebuild left."""
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
    guess = Evidence("tools", "", "", "", "", sure=False)
    files = (file if file.evidence or file.always else replace(file, evidence=(guess,)) for file in pair.files)
    return replace(pair, files=tuple(files))
