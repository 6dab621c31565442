# SPDX-License-Identifier: GPL-3.0-or-later
"""What became of each recipe of a run, and the folders that are still to be committed or put back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from abuildpy.errors import AbuildError
from abuildpy.maintain.bumping.comparing import Compared
from abuildpy.maintain.bumping.document import difference_documents
from abuildpy.maintain.bumping.errors import reason_of
from abuildpy.maintain.bumping.git import GitTree
from abuildpy.maintain.bumping.keeping import Keeper, Left
from abuildpy.maintain.bumping.model import BAD, Edit, Result, Status, Wish
from abuildpy.messages import Messages


class Ledger:
    """Every recipe has one result in the end. ``say`` may be changed: while builds are shown, messages go another way."""

    def __init__(self, keeper: Keeper, git: GitTree | None, say: Messages) -> None:
        self.keeper = keeper
        self.say = say
        self.results: dict[str, Result] = {}
        self.open: dict[str, Edit] = {}
        """What is written, and neither committed nor put back."""
        self.folders: dict[str, Path] = {}
        """Of those that failed."""
        self._git = git

    @property
    def bad(self) -> dict[str, tuple[str, ...]]:
        """Those that are as before, each with what holds it back."""
        return {result.name: result.held_by for result in self.results.values() if result.status in BAD}

    def write(self, edit: Edit) -> bool:
        """Writes an edit, and keeps what was there; False if that could not be done."""
        name, folder = edit.wish.name, edit.wish.folder
        try:
            self.keeper.keep(name, folder)
            self.keeper.note(name, edit.files)
            self.open[name] = edit
            self.keeper.apply(folder, edit.files)
        except OSError as error:
            self.fail_edit(edit, "edit", f"{error.filename}: {error.strerror}")
            return False
        return True

    def end(self, edit: Edit, status: Status, compared: Compared | None = None, **more: str | tuple[str, ...]) -> None:
        """A recipe has its result."""
        comparison = compared.comparison if compared is not None else None
        self.results[edit.wish.name] = Result(
            edit.wish.name,
            status,
            edit.old,
            edit.new,
            dropped=edit.dropped,
            refreshed=edit.refreshed,
            differences=difference_documents(comparison) if comparison is not None else (),
            lost=tuple(each.name for each in compared.provided if each.new is None) if compared is not None else (),
            changed=tuple(each.name for each in compared.provided) if compared is not None else (),
            rebuild=edit.wish.rebuild,
            **more,  # type: ignore[arg-type]
        )
        self.open.pop(edit.wish.name, None)

    def fail(self, wish: Wish, old: str, new: str, error: AbuildError) -> None:
        """A recipe that nothing was written of yet."""
        self.folders[wish.name] = wish.folder
        text = "\n".join((error.message, *error.details))
        result = Result(wish.name, "failed", old, new, reason_of(error), text, error.hint or "", rebuild=wish.rebuild)
        self.results[wish.name] = result
        self._tell(result)

    def fail_edit(self, edit: Edit, reason: str, error: str, hint: str = "", log: str = "") -> None:
        """A recipe that was written is put back. What has a log was told by whoever built it."""
        self.folders[edit.wish.name] = edit.wish.folder
        self._restore(edit.wish.name)
        self.end(edit, "failed", reason=reason, error=error, hint=hint, log=log)
        if not log:
            self._tell(self.results[edit.wish.name])

    def hold_back(self, edit: Edit, by: Sequence[str]) -> None:
        """A recipe that needs others which failed is put back."""
        self.folders[edit.wish.name] = edit.wish.folder
        self._restore(edit.wish.name)
        self.end(edit, "held-back", held_by=tuple(by))

    def put_back_the_rest(self, calm: Callable[[], None]) -> None:
        """Whatever has no result is as before; but what was committed a moment before an interrupt stays.

        ``calm`` sees to it that nobody interrupts that.
        """
        if not self.open:
            return
        calm()
        folders = [edit.wish.folder for edit in self.open.values()]
        changed = self._git.changed(folders) if self._git is not None else {folder: [""] for folder in folders}
        for name, edit in list(self.open.items()):
            left = self.keeper.put_back(name, [folder for folder in folders if folder not in changed])
            self.end(edit, "bumped" if left.outcome == "committed" else "not-reached")
            self.tell_left(left, quiet=True)

    def tell_left(self, left: Left, *, quiet: bool = False) -> None:
        """Says what became of what was left of a recipe."""
        if left.outcome == "changed":
            self.say.warning(f"{left.name} was changed by somebody else meanwhile, and is left as it is")
            self.say.warning2(f"what it was before is in {left.kept}")
        elif left.outcome == "restored" and not quiet:
            self.say.msg(f"{left.name}: put back as it was before an earlier run, which was killed")

    def _restore(self, name: str) -> None:
        self.tell_left(self.keeper.put_back(name), quiet=True)

    def _tell(self, result: Result) -> None:
        error = result.error.splitlines()
        self.say.error(f"{result.name}: {result.reason}: {error[0] if error else ''}")
        for line in [*error[1:12], *result.hint.splitlines()]:
            self.say.error2(line)
