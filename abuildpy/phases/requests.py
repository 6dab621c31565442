# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recipe's functions may ask of the program outside while they run, and what they are refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from abuildpy.config import Config
from abuildpy.errors import AbuildError, RecipeError
from abuildpy.phases.settings import Settings
from abuildpy.phases.workspace import Workspace
from abuildpy.recipe.model import Recipe
from abuildpy.ui.console import Console


@dataclass(frozen=True, slots=True)
class CallBacks:
    """Answers the calls of one stage. ``by_hand`` tells that the user named the running function; ``network`` that it has one.

    Everything here happens outside the walls, so a recipe gets no more by asking than the user allowed: nothing is
    installed without ``-r`` or a verb typed by hand, nothing is downloaded from an address of the recipe's choice for a
    stage without network. Work folders are emptied by the stage itself, never from here: a stage that is still
    running could move them away under our hands.
    """

    recipe: Recipe
    config: Config
    settings: Settings
    workspace: Workspace
    console: Console
    by_hand: bool
    network: bool
    shown: Callable[[Path], Path]
    """The path by which the stage knows a file of this machine."""

    def __call__(self, verb: str, arguments: tuple[str, ...]) -> bool:
        """Does what was asked; False, with the reason on the console, if that failed or is not to be had."""
        actions: Mapping[str, Callable[[tuple[str, ...]], None]] = {
            "builddeps": lambda _: self._build_dependencies(),
            "checksum": lambda _: self._checksum(),
            "deps": self._install,
            "fetch": lambda _: self._fetch(),
            "undeps": lambda _: self._uninstall(),
            "uri_fetch": self._download,
            "validate": lambda _: self._validate(),
        }
        try:
            if verb not in actions:
                raise RecipeError(f"the recipe asked for '{verb}', which cannot be done from inside a function")
            actions[verb](arguments)
        except AbuildError as error:
            self.console.error(error.message)
            for line in (*error.details, *((error.hint,) if error.hint else ())):
                self.console.error2(line)
            return False
        return True

    def _fetch(self) -> None:
        from abuildpy.phases.sources import fetch_sources

        fetch_sources(self.recipe, self.config, self.workspace, self.console, self.shown)

    def _download(self, arguments: tuple[str, ...]) -> None:
        from abuildpy.phases.sources import fetch_entry

        listed = {source.entry for source in self.recipe.source} | {source.uri for source in self.recipe.source}
        for entry in arguments:
            if not self.network and entry not in listed:
                raise RecipeError(
                    f"the recipe wants {entry}, which is none of its sources, and has no network",
                    hint="name it in source, put net into options, or use --net=always",
                )
            fetch_entry(entry, self.recipe, self.config, self.console)

    def _checksum(self) -> None:
        from abuildpy.phases.sources import write_source_checksums

        if not self.by_hand:
            raise RecipeError("the recipe wants to rewrite its checksums during a build", hint="run `abuild checksum`")
        write_source_checksums(self.recipe, self.config, self.console)

    def _validate(self) -> None:
        from abuildpy.phases.rules import apply_rules

        apply_rules(self.recipe, self.config, self.console)

    def _may_install(self) -> None:
        if not (self.by_hand or self.settings.install_deps):
            raise RecipeError("the recipe wants packages installed or removed", hint="-r allows that")

    def _build_dependencies(self) -> None:
        from abuildpy.phases import dependencies

        if not self.settings.nodeps:
            dependencies.require(self.recipe, self.config)

    def _install(self, arguments: tuple[str, ...]) -> None:
        """``deps`` with the lists as they are just now; many ``snapshot`` functions change them first."""
        from abuildpy.phases import dependencies

        self._may_install()
        names = ("depends", "makedepends", "checkdepends")
        changed = {name: tuple(value.split()) for name, value in zip(names, arguments, strict=False)}
        dependencies.install(replace(self.recipe, **changed), self.config, self.console)  # type: ignore[arg-type]

    def _uninstall(self) -> None:
        from abuildpy.phases import dependencies

        self._may_install()
        dependencies.uninstall(self.recipe, self.config, self.console)
