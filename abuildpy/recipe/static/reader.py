# SPDX-License-Identifier: GPL-3.0-or-later
"""What is certain of a recipe's variables without running anything of it.

The shell library that recipes are evaluated on (recipe.sh, helpers.sh) is followed just like the recipe, so that
defaults and helper functions need no second description here. What is claimed is what evaluation would give with the
same configuration; where that cannot be known, nothing is claimed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from abuildpy.config import RUNTIME_DIR, SHARE_DIR, Config
from abuildpy.errors import RecipeError
from abuildpy.recipe.environment import recipe_environment, visible_variables
from abuildpy.recipe.static.builtins import BUILTINS
from abuildpy.recipe.static.expand import Ended, assigned_names
from abuildpy.recipe.static.files import Files
from abuildpy.recipe.static.follow import Follower, LoopLeft, Maybe, Returned
from abuildpy.recipe.static.state import CHANGING, Lost, State
from abuildpy.recipe.syntax.nodes import Definition, Item
from abuildpy.recipe.syntax.script import Script, parse

_FILE_ENDS = (Ended, Lost, Maybe, LoopLeft, Returned, RecursionError)
_DOUBTFUL = ("HOME USER LOGNAME SHELL PATH TERM USE_COLORS NORMAL STRONG RED GREEN YELLOW BLUE program quiet").split()
"""Variables that differ between the shell that read the configuration and the one that evaluates recipes."""
_FROM_ENVIRONMENT = (
    "ABUILD_DEFCONF ABUILD_CONF ABUILD_USERDIR ABUILD_USERCONF APORTSDIR CBUILD REPODEST SRCDEST CBUILDROOT CCACHE_DIR"
).split()


@dataclass(frozen=True, slots=True)
class StaticValues:
    """``known``: variables with their values; ``unknown``: those that are, or may be, set to nobody knows what.

    ``complete`` is False if nothing at all is certain (the recipe sources other files, say); ``known`` is empty then.
    ``functions`` are those that the recipe defines; None if that is not certain.
    """

    known: Mapping[str, str]
    unknown: frozenset[str]
    complete: bool
    functions: frozenset[str] | None
    open_world: bool = False

    def value(self, name: str) -> str | None:
        """A variable's value, empty if it is certainly unset; None if it is not known."""
        if name in self.known:
            return self.known[name]
        if not self.complete or name in self.unknown or (self.open_world and name.isupper()):
            return None
        return ""


_NOTHING = StaticValues({}, frozenset(), complete=False, functions=None)


class _Host:
    """The recipe, and the files around it if there is a configuration to tell of a machine."""

    def __init__(self, apkbuild: str, script: Script, config: Config | None) -> None:
        self._apkbuild = _inner(apkbuild)
        self._script = script
        self._files = Files(os.path.dirname(apkbuild), config.home) if config else None

    def sourced(self, path: str) -> tuple[Item, ...] | None:
        script: Script | None = self._script
        if path != self._apkbuild:
            data = self._files.read(_outer(path)) if self._files else None
            try:
                script = None if data is None else parse(data)
            except RecipeError:
                raise Ended
        # ash drops NUL bytes while it reads; here-documents are expanded by whoever reads them.
        if (
            script is None
            or b"\0" in script.data
            or any(True for word in script.here_documents.values() for _ in assigned_names(word))
        ):
            return None
        return script.commands

    def test(self, operator: str, path: str) -> bool | None:
        return self._files.test(operator, _outer(path)) if self._files else None


class StaticReader:
    """Reads any number of recipes under one configuration; without one (None), what it would set is unknown."""

    def __init__(self, config: Config | None) -> None:
        self.config = config
        self._wrapper = _library(f"{RUNTIME_DIR}/recipe.sh").commands
        sharedir = (config.get("sharedir") if config else "") or SHARE_DIR
        self._base = State(_configured(config), open_world=config is None)
        for path in (os.path.join(sharedir, "functions.sh"), f"{RUNTIME_DIR}/helpers.sh"):
            for item in _library(path).commands:
                if isinstance(item.command, Definition):
                    self._base.functions[item.command.name] = item.command

    def read(self, apkbuild: str, script: Script) -> StaticValues:
        """What is certain of a recipe (absolute path of its APKBUILD)."""
        state = self._base.fresh()
        state.set("APKBUILD", _inner(apkbuild))
        follower = Follower(state, BUILTINS, _Host(apkbuild, script, self.config))
        try:
            follower.items(self._wrapper)
        except _FILE_ENDS:
            return _NOTHING
        return self._values(follower.state)

    def _values(self, state: State) -> StaticValues:
        library = self._base.functions
        own = {name: f for name, f in state.functions.items() if name not in library or library[name] is not f}
        return StaticValues(
            {name: _outer(value) for name, value in state.variables.items() if value is not None},
            frozenset(name for name, value in state.variables.items() if value is None),
            complete=True,
            functions=None if None in own.values() else frozenset(map(_outer, own)),
            open_world=state.open_world,
        )


def _configured(config: Config | None) -> dict[str, str | None]:
    """The variables that the shell has before the library and the recipe are read."""
    if config is None:
        # What recipe.sh does for debugging is no matter of the recipe: it is read as if nobody had asked for it.
        unset = dict.fromkeys(("DEBUG", "DEFAULT_DBG"), "")
        return {**dict.fromkeys(("program", "sharedir", "sysconfdir", "git", *_DOUBTFUL)), **unset}
    found: dict[str, str | None] = {name: _inner(v) for name, v in visible_variables(config).items()}
    environment = recipe_environment(config, "", colors=False)
    found.update({name: _inner(environment[name]) for name in _FROM_ENVIRONMENT if name in environment})
    for name in _DOUBTFUL:
        found[name] = None
    for name in ("ENV", "TMPDIR", "_ab_trace", *CHANGING):
        found.pop(name, None)
    return found


@lru_cache(maxsize=16)
def _library(path: str) -> Script:
    with open(path, "rb") as file:
        return parse(file.read())


def _inner(text: str) -> str:
    """A text the way the tree has it, one character per byte."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _outer(text: str) -> str:
    """The text itself."""
    return text.encode("latin-1").decode("utf-8", "surrogateescape")
