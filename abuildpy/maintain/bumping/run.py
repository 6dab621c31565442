# SPDX-License-Identifier: GPL-3.0-or-later
"""A whole run: every recipe is prepared, written, built, compared and committed, or put back as it was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from abuildpy.batch.gate import GateError
from abuildpy.batch.model import Outcome, Plan, Report, blocked_by
from abuildpy.errors import Aborted, AbuildError
from abuildpy.maintain.bumping.committing import message_of
from abuildpy.maintain.bumping.comparing import Before, compare_with
from abuildpy.maintain.bumping.errors import BumpError, BumpUsageError
from abuildpy.maintain.bumping.git import GitTree
from abuildpy.maintain.bumping.ledger import Ledger
from abuildpy.maintain.bumping.model import Edit, Follower, Result, Summary, Wish
from abuildpy.maintain.bumping.prepare import Preparing, Request, diff_of, unmade
from abuildpy.maintain.bumping.upstream import Known
from abuildpy.maintain.bumping.versions import release_after, require_version
from abuildpy.maintain.reading import ReadRecipe
from abuildpy.messages import Messages
from abuildpy.recipe.model import Recipe
from abuildpy.repository.depends import bare_name
from abuildpy.repository.version import compare

if TYPE_CHECKING:
    from abuildpy.maintain.diff.model import Provided
    from abuildpy.maintain.follows import Following, Reason


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks of all recipes. ``fixes`` and ``sets`` go by the recipe's name (``main/foo``)."""

    build: bool = True
    commit: bool = True
    dry_run: bool = False
    downgrade: bool = False
    rebuild_dependants: bool = False
    branch: str = ""
    push: str = ""
    body: str = ""
    why: str = ""
    """Of rebuilds, as in ``against foo-2.0``."""
    fixes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sets: Mapping[str, str] = field(default_factory=dict)


class Builder(Protocol):
    """Plans and builds, as ``abuildpy batch`` does."""

    def require(self) -> None:
        """Raises AbuildError where nothing can be built here, whatever the recipe."""

    def plan(self, wishes: Sequence[Wish]) -> Plan:
        """The order of recipes as they are now."""

    def build(self, plan: Plan, done: Callable[[Outcome, Messages], None]) -> Report:
        """Carries it out, and tells each outcome, with what to say messages to meanwhile.

        Raises GateError where packages would lose what they need; AbuildError where nothing starts.
        """

    def packages(self, outcome: Outcome) -> list[Path]:
        """The package files of a good outcome."""

    def follow(self, provided: Sequence[Provided], own: Iterable[str]) -> Following | None:
        """Who has to be rebuilt; None where that cannot be told."""


@dataclass(frozen=True, slots=True)
class Around:
    """What a run works with. ``git`` is None outside any git tree."""

    git: GitTree | None
    before: Before
    builder: Builder
    preparing: Callable[[Callable[[str], None]], Preparing]
    read: ReadRecipe
    ask: Callable[[Sequence[tuple[Recipe, str | None]]], Mapping[Path, Known]]
    say: Messages
    calm: Callable[[], None] = lambda: None
    """From then on nobody interrupts."""


class Bumping:
    """One run. Use :meth:`run` once."""

    def __init__(self, options: Options, around: Around, ledger: Ledger) -> None:
        self._options = options
        self._around = around
        self._ledger = ledger
        self._needs: dict[str, tuple[str, ...]] = {}
        self._provided: dict[str, Provided] = {}
        self._trouble = ""
        self._branch = ""
        self._able = False

    def run(self, wishes: Sequence[Wish]) -> Summary:
        """Bumps recipes, and tells what became of each. Nothing of those that failed is left when this returns."""
        followers: tuple[Follower, ...] = ()
        interrupted = False
        pushed = ""
        try:
            edits = self._prepare_all(wishes)
            if self._options.dry_run:
                for edit in edits:
                    self._ledger.end(edit, "planned", diff=diff_of(edit), subject=message_of(edit).splitlines()[0])
            else:
                interrupted = not self._carry_out(edits)
                followers = () if interrupted else self._follow()
                interrupted = interrupted or bool(self._ledger.open)
                pushed = "" if interrupted else self._push()
        except (KeyboardInterrupt, Aborted):
            interrupted = True
        finally:
            self._ledger.put_back_the_rest(self._around.calm)
        for wish in wishes:
            if wish.name not in self._ledger.results:
                self._ledger.results[wish.name] = Result(wish.name, "not-reached", rebuild=wish.rebuild)
        order = {wish.name: place for place, wish in enumerate(wishes)}
        results = sorted(self._ledger.results.values(), key=lambda each: order.get(each.name, len(order)))
        return Summary(tuple(results), followers, self._trouble, self._branch, pushed, interrupted)

    # --- before anything is written ------------------------------------------------------------------------------

    def _prepare_all(self, wishes: Sequence[Wish]) -> list[Edit]:
        recipes: dict[str, Recipe] = {}
        changed = self._uncommitted(wishes)
        for wish in wishes:
            try:
                if changed.get(wish.folder):
                    raise _uncommitted_error(changed[wish.folder])
                recipe = self._around.read(wish.folder / "APKBUILD")
                _require_recipe(recipe, wish)
                recipes[wish.name] = recipe
            except AbuildError as error:
                if isinstance(error, Aborted):
                    raise
                self._ledger.fail(wish, "", "", error)
        asked = [(recipes[wish.name], wish.version) for wish in wishes if wish.name in recipes and not wish.rebuild]
        known = self._around.ask(asked) if asked else {}
        edits = []
        for wish in wishes:
            if wish.name in recipes:
                edit = self._prepare(wish, recipes[wish.name], known.get(recipes[wish.name].path, Known()))
                edits += [edit] if edit is not None else []
        return edits

    def _uncommitted(self, wishes: Sequence[Wish]) -> dict[Path, list[str]]:
        git = self._around.git
        if git is None or not self._options.commit:
            return {}
        return git.changed(wish.folder for wish in wishes)

    def _prepare(self, wish: Wish, recipe: Recipe, known: Known) -> Edit | None:
        new = ""
        try:
            version = wish.version
            if version is None and not wish.rebuild:
                version = known.latest()
                if compare(version, recipe.pkgver) <= 0:
                    self._ledger.results[wish.name] = Result(wish.name, "unchanged", recipe.version, recipe.version)
                    return None
            elif version is not None:
                require_version(recipe, version, downgrade=self._options.downgrade)
                known.require(version)
            new = version or ""
            self._require_means()
            request = Request(
                version,
                self._options.downgrade,
                self._options.sets,
                self._options.fixes.get(wish.name, ()),
                self._options.why,
            )
            self._around.say.msg(f"{wish.name}: {recipe.version} -> {version or 'rebuild'}")
            preparing = self._around.preparing(lambda text: self._around.say.msg2(f"{wish.name}: {text}"))
            edit = preparing.prepare(wish, recipe, request, lambda pkgver: self._release(wish, pkgver))
        except AbuildError as error:
            if isinstance(error, Aborted | BumpUsageError):
                raise
            self._ledger.fail(wish, recipe.version, new, unmade(error))
            return None
        self._around.before.note(wish.name, recipe.package_names)
        return edit

    def _require_means(self) -> None:
        """Raises BumpUsageError where nothing could be built: that is told once, before anything is fetched for it."""
        if self._able or not self._options.build or self._options.dry_run:
            return
        try:
            self._around.builder.require()
        except AbuildError as error:
            raise BumpUsageError(error.message, hint=error.hint, details=error.details) from error
        self._able = True

    def _release(self, wish: Wish, pkgver: str) -> str:
        git = self._around.git
        return release_after(pkgver, git.past_releases(wish.folder / "APKBUILD")) if git is not None else "0"

    # --- writing, building, committing ---------------------------------------------------------------------------

    def _carry_out(self, edits: Sequence[Edit]) -> bool:
        """Writes the edits, builds and commits; False if the user interrupted it."""
        ledger = self._ledger
        for edit in edits:
            ledger.write(edit)
        if not ledger.open:
            return True
        plan = self._planned([edit.wish for edit in edits], list(ledger.bad))
        if not self._options.build:
            for task in plan.tasks:
                self._commit(ledger.open[task.name], [])
            return True
        for name, edit in ledger.open.items():
            ledger.keeper.set_aside(name, edit.wish.folder)
        if not plan.tasks:
            return True
        try:
            report = self._around.builder.build(plan, self._built)
        except GateError as error:
            self._trouble = "\n".join((error.message, *error.details))
            return True
        except AbuildError as error:
            for edit in list(ledger.open.values()):
                ledger.fail_edit(edit, "internal", error.message, error.hint or "")
            return True
        finally:
            ledger.say = self._around.say
        return report.complete

    def _planned(self, wishes: Sequence[Wish], failed: Sequence[str]) -> Plan:
        """The plan of what can be built; what cannot, or needs what failed, is settled."""
        unable = [Wish(name, folder) for name in failed if (folder := self._ledger.folders.get(name)) is not None]
        plan = self._around.builder.plan([*wishes, *unable])
        for outcome in plan.settled:
            edit = self._ledger.open.get(outcome.name)
            if edit is None:
                continue
            if outcome.status == "skipped" and not self._options.build:
                self._commit(edit, [])
            elif outcome.status == "skipped":
                hint = "--no-build leaves the building to others"
                self._ledger.fail_edit(edit, "arch", outcome.error or "it is not for this architecture", hint)
            elif outcome.status == "blocked":
                self._ledger.hold_back(edit, outcome.blocked_by)
            else:
                self._ledger.fail_edit(edit, outcome.reason or "internal", outcome.error or "")
        bad: dict[str, tuple[str, ...]] = dict.fromkeys(failed, ())
        left = []
        for task in plan.tasks:
            by = blocked_by(task.waits_for, bad)
            self._needs[task.name] = task.waits_for
            if by and task.name not in bad:
                bad[task.name] = by
                if task.name in self._ledger.open:
                    self._ledger.hold_back(self._ledger.open[task.name], by)
            elif task.name not in bad and task.name in self._ledger.open:
                left.append(task)
        return replace(plan, tasks=tuple(left), settled=())

    def _built(self, outcome: Outcome, say: Messages) -> None:
        """A recipe has its outcome: it is committed at once, or put back."""
        ledger = self._ledger
        ledger.say = say
        edit = ledger.open.get(outcome.name)
        if edit is None:
            return
        if outcome.status == "blocked":
            ledger.hold_back(edit, outcome.blocked_by)
        elif not outcome.is_good:
            from abuildpy.batch.seeing.trouble import first_error

            ledger.fail_edit(edit, outcome.reason or "internal", first_error(outcome), log=outcome.log or "")
        elif by := blocked_by(self._needs.get(outcome.name, ()), ledger.bad):
            ledger.hold_back(edit, by)  # they were built, and could not be committed
        else:
            self._commit(edit, self._around.builder.packages(outcome))

    def _commit(self, edit: Edit, apks: Sequence[Path]) -> None:
        """Compares and commits what was built."""
        ledger, git, name = self._ledger, self._around.git, edit.wish.name
        compared = compare_with(self._around.before.files(name), apks)
        for line in compared.lines:
            ledger.say.msg2(f"{name}: {line}")
        message = message_of(edit, self._options.body)
        commit = ""
        if self._options.commit and git is not None:
            try:
                if not ledger.keeper.is_as_written(name):
                    raise BumpError("commit", "its files were changed by somebody else meanwhile: not committed")
                self._start_branch(git)
                commit = git.commit([edit.wish.folder / file for file in edit.files], message)
            except AbuildError as error:
                ledger.fail_edit(edit, "commit", "\n".join((error.message, *error.details)))
                return
        ledger.keeper.forget(name)
        self._provided |= {each.name: each for each in compared.provided}
        title = message.splitlines()[0]
        ledger.end(edit, "bumped", compared, commit=commit, subject=title, apks=tuple(map(str, apks)))
        ledger.say.msg(f"{title} ({commit or 'not committed'})")

    def _start_branch(self, git: GitTree) -> None:
        """With the first commit: if there is none, there is no branch either."""
        name = self._options.branch
        if name and git.branch != name:
            git.start_branch(name)
        self._branch = name

    # --- what follows --------------------------------------------------------------------------------------------

    def _follow(self) -> tuple[Follower, ...]:
        """Rebuilds what follows, if that is wanted, and names what is left to do."""
        done: set[str] = set()
        while True:
            own = [name.partition("/")[2] for name, result in self._ledger.results.items() if result.status == "bumped"]
            following = self._around.builder.follow(list(self._provided.values()), own) if self._provided else None
            if following is None:
                return ()
            left = [each for each in following.rebuild if each.name not in self._ledger.results]
            new = [each for each in left if each.folder and each.name not in done]
            if not (self._options.rebuild_dependants and new):
                absent = [each for each in following.absent if each.must]
                return tuple(
                    Follower(each.name, tuple(dict.fromkeys(reason.wanted for reason in each.reasons)))
                    for each in (*left, *absent)
                )
            done.update(each.name for each in new)
            self._trouble = ""
            wishes = [Wish(each.name, Path(each.folder), None, rebuild=True, word=each.name) for each in new]
            if not self._rebuild(wishes, {each.name: self._reason(each.reasons) for each in new}):
                return ()

    def _reason(self, reasons: Iterable[Reason]) -> str:
        """What a rebuild is against: the recipes of this run that gave up what it needs."""
        wanted = {bare_name(reason.wanted) for reason in reasons}
        found = [
            f"{result.name.partition('/')[2]}-{result.new.rpartition('-r')[0]}"
            for result in self._ledger.results.values()
            if result.status == "bumped" and not wanted.isdisjoint(result.changed)
        ]
        return f"against {' '.join(found)}" if found else ""

    def _rebuild(self, wishes: Sequence[Wish], reasons: Mapping[str, str]) -> bool:
        edits = []
        changed = self._uncommitted(wishes)
        for wish in wishes:
            try:
                if changed.get(wish.folder):
                    raise _uncommitted_error(changed[wish.folder])
                recipe = self._around.read(wish.folder / "APKBUILD")
                preparing = self._around.preparing(self._around.say.msg2)
                self._around.say.msg(f"{wish.name}: {recipe.version} -> rebuild {reasons[wish.name]}")
                edit = preparing.prepare(wish, recipe, Request(None, why=reasons[wish.name]))
                self._around.before.note(wish.name, recipe.package_names)
                edits.append(edit)
            except AbuildError as error:
                if isinstance(error, Aborted):
                    raise
                self._ledger.fail(wish, "", "", unmade(error))
        return self._carry_out(edits)

    # --- the end -------------------------------------------------------------------------------------------------

    def _push(self) -> str:
        """Pushes the branch; what that was, or nothing."""
        around = self._around
        if not self._options.push or around.git is None:
            return ""
        if not any(result.commit for result in self._ledger.results.values()):
            return ""
        branch = around.git.branch
        try:
            around.git.push(self._options.push, branch)
        except AbuildError as error:
            self._trouble = "\n".join((error.message, *error.details))
            return ""
        around.say.msg(f"pushed {branch} to {self._options.push}")
        return f"{self._options.push} {branch}"


def _require_recipe(recipe: Recipe, wish: Wish) -> None:
    if "package" not in recipe.functions and not recipe.variables.get("giturl"):
        raise BumpError("edit", "it has no package()", hint=f"{wish.folder}/APKBUILD is no recipe that can be built")


def _uncommitted_error(files: Sequence[str]) -> BumpError:
    more = f" and {len(files) - 3} more" if len(files) > 3 else ""
    return BumpError(
        "git",
        f"it has uncommitted changes: {' '.join(files[:3])}{more}",
        hint="commit or stash them; with --no-commit they are kept, and the new version goes on top",
    )
