# SPDX-License-Identifier: GPL-3.0-or-later
"""What a build leaves behind, and which of it goes when: work folders, a clean root, dependencies that were installed for it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.config import Config
from abuildpy.errors import PhaseError
from abuildpy.phases.settings import Settings
from abuildpy.phases.workspace import Workspace, remove_tree
from abuildpy.ui.console import Console

if TYPE_CHECKING:
    from abuildpy.phases.rootfolder import RootFolder


class Leftovers:
    """Of one build. ``-K`` keeps all of it; CLEANUP and ERROR_CLEANUP name what goes after a build that went well or failed."""

    def __init__(
        self,
        workspace: Workspace,
        config: Config,
        settings: Settings,
        console: Console,
        *,
        end_sources: Callable[[], None],
        uninstall: Callable[[], None],
    ) -> None:
        """``end_sources`` lets the recipe end its use of src, which may fail (PhaseError); ``uninstall`` removes dependencies."""
        self._workspace = workspace
        self._config = config
        self._settings = settings
        self._console = console
        self._end_sources = end_sources
        self._uninstall = uninstall
        self.root: RootFolder | None = None
        """A clean root that was made for this recipe and is still there; later verbs of the same run have no part in it."""
        self.installed = False
        """Whether dependencies were installed for this build."""

    def after_failure(self, folder: Path, word: str) -> Path | None:
        """A work folder, if the tree of a failed build stays there for looking; ``word`` is what ERROR_CLEANUP calls it."""
        cleaned = not self._settings.keep_build and word in self._config.get("ERROR_CLEANUP").split()
        return None if cleaned else folder

    def clear(self, words: Collection[str]) -> None:
        """Removes what CLEANUP and ERROR_CLEANUP call so: ``srcdir pkgdir tmpdir bldroot deps``."""
        if self.root is not None and (self._settings.keep_build or "bldroot" not in words):
            self.root.keep()
        if self._settings.keep_build:
            return
        folders = {"srcdir": self._workspace.src, "pkgdir": self._workspace.pkg, "tmpdir": self._workspace.tmp}
        for word in words:
            if word in folders:
                self._console.msg(f"Cleaning up {word}")
                if word == "srcdir" and folders[word].is_dir():
                    try:
                        self._end_sources()
                    except PhaseError as error:  # what it was to end may have ended with its stage
                        self._console.warning(f"{error.message}; {folders[word]} is removed all the same")
                remove_tree(folders[word])
            elif word == "bldroot" and self.root is not None:
                self._console.msg("Cleaning up build chroot")
                remove_tree(self.root.path)
                self.root = None
            elif word == "deps" and self.installed:
                self._console.msg("Uninstalling dependencies...")
                self.installed = False
                self._uninstall()
