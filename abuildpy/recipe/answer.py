# SPDX-License-Identifier: GPL-3.0-or-later
"""What evaluating one recipe gave, before anything is made of it."""

from __future__ import annotations

from collections.abc import Mapping

from abuildpy.errors import RecipeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    from abuildpy.recipe.model import Recipe
else:
    Protocol = object  # thousands of answers are back before typing is loaded


class Known(Protocol):
    """What a recipe changed in its shell."""

    def get(self, name: str) -> tuple[bool, str | None]:
        """Whether it changed a variable, and to what (None: it unset it)."""

    def changes(self) -> Mapping[str, str | None]:
        """All variables that it changed."""

    @property
    def functions(self) -> frozenset[str]:
        """Functions that it defined."""


class Fresh:
    """What was found out just now."""

    __slots__ = ("_changes", "functions")

    def __init__(self, changes: Mapping[str, str | None], functions: frozenset[str]) -> None:
        self._changes = changes
        self.functions = functions

    def get(self, name: str) -> tuple[bool, str | None]:
        """Whether the recipe changed a variable, and to what."""
        changes = self._changes
        return (True, changes[name]) if name in changes else (False, None)

    def changes(self) -> Mapping[str, str | None]:
        """All variables that the recipe changed."""
        return self._changes


class Variables(Mapping[str, str]):
    """A recipe's variables: what it changed, laid over what was there before. Unset ones are left out."""

    __slots__ = ("_before", "_known")

    def __init__(self, before: Mapping[str, str], known: Known) -> None:
        self._before = before
        self._known = known

    def __getitem__(self, name: str) -> str:
        changed, value = self._known.get(name)
        if not changed:
            return self._before[name]
        if value is None:
            raise KeyError(name)
        return value

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        """A variable's value; ``default`` where it is unset."""
        changed, value = self._known.get(name)
        if not changed:
            return self._before.get(name, default)
        return default if value is None else value

    def _all(self) -> dict[str, str]:
        changes = self._known.changes()
        found = {name: value for name, value in self._before.items() if name not in changes}
        found.update({name: value for name, value in changes.items() if value is not None})
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


class Answer:
    """One recipe's evaluation, or why there is none."""

    __slots__ = ("_before", "_known", "error", "path", "said")

    def __init__(
        self,
        path: str,
        before: Mapping[str, str],
        known: Known,
        said: tuple[str, ...] = (),
        error: RecipeError | None = None,
    ) -> None:
        """``before`` are the variables of a shell that has read no recipe yet."""
        self.path = path
        """The APKBUILD."""
        self.said = said
        """Lines that the recipe (or ash about it) printed meanwhile."""
        self.error = error
        """Why the recipe could not be evaluated; None where it could."""
        self._before = before
        self._known = known

    @property
    def variables(self) -> Mapping[str, str]:
        """Raw values by name, unset ones left out; empty where there is an error."""
        return Variables({} if self.error else self._before, self._known)

    @property
    def functions(self) -> frozenset[str]:
        """Every function the recipe itself defines (or redefines)."""
        return self._known.functions

    def recipe(self) -> Recipe:
        """What the recipe means. Raises RecipeError if it could not be evaluated or asks for what cannot be."""
        from pathlib import Path

        from abuildpy.recipe.evaluate import build_recipe

        if self.error is not None:
            raise self.error
        path = Path(self.path)
        try:
            text = path.read_bytes() if not self.variables.get("maintainer") else b""
        except OSError as error:
            raise RecipeError(f"{path} cannot be read: {error.strerror}") from error
        return build_recipe(path, text, self.variables, self.functions)


NOTHING = Fresh({}, frozenset())
"""What is known of a recipe that could not be evaluated."""
