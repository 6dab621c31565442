# SPDX-License-Identifier: GPL-3.0-or-later
"""What evaluating one recipe gave, before anything is made of it."""

from __future__ import annotations

from abuildpy.errors import RecipeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from abuildpy.recipe.model import Recipe
else:
    from _collections_abc import Mapping  # the same, without all the rest of collections


class Variables(Mapping[str, str]):
    """A recipe's variables: what it changed, laid over what was there before. Unset ones are left out."""

    __slots__ = ("_before",)

    def __init__(self, before: Mapping[str, str]) -> None:
        """``before`` are the variables of a shell that has read no recipe yet."""
        self._before = before

    def changes(self) -> Mapping[str, str | None]:
        """All variables that the recipe changed; None where it unset one."""
        raise NotImplementedError

    @property
    def functions(self) -> frozenset[str]:
        """Functions that the recipe defined."""
        raise NotImplementedError

    def __getitem__(self, name: str) -> str:
        changes = self.changes()
        value = changes[name] if name in changes else self._before[name]
        if value is None:
            raise KeyError(name)
        return value

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        """A variable's value; ``default`` where it is unset."""
        changes = self.changes()
        value = changes[name] if name in changes else self._before.get(name)
        return default if value is None else value

    def __contains__(self, name: object) -> bool:
        changes = self.changes()
        return changes[name] is not None if name in changes else name in self._before  # type: ignore[index]

    def _all(self) -> dict[str, str]:
        changes = self.changes()
        found = {name: value for name, value in self._before.items() if name not in changes}
        found.update({name: value for name, value in changes.items() if value is not None})
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())


class Fresh(Variables):
    """What was found out just now."""

    __slots__ = ("_changes", "_functions")

    def __init__(
        self, before: Mapping[str, str], changes: Mapping[str, str | None], functions: frozenset[str] = frozenset()
    ) -> None:
        super().__init__(before)
        self._changes = changes
        self._functions = functions

    def changes(self) -> Mapping[str, str | None]:
        """All variables that the recipe changed; None where it unset one."""
        return self._changes

    @property
    def functions(self) -> frozenset[str]:
        """Functions that the recipe defined."""
        return self._functions


class Answer:
    """One recipe's evaluation, or why there is none."""

    __slots__ = ("error", "path", "said", "variables")

    def __init__(
        self,
        path: str,
        variables: Variables,
        said: tuple[str, ...] = (),
        error: RecipeError | None = None,
    ) -> None:
        self.path = path
        """The APKBUILD."""
        self.variables = variables
        """Raw values by name, unset ones left out; empty where there is an error."""
        self.said = said
        """Lines that the recipe (or ash about it) printed meanwhile."""
        self.error = error
        """Why the recipe could not be evaluated; None where it could."""

    @property
    def functions(self) -> frozenset[str]:
        """Every function the recipe itself defines (or redefines)."""
        return self.variables.functions

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


NOTHING = Fresh({}, {})
"""What is known of a recipe that could not be evaluated."""
