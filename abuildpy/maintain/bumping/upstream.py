# SPDX-License-Identifier: GPL-3.0-or-later
"""What upstream has, as far as bumping wants to know it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from abuildpy.config import Config
from abuildpy.maintain.bumping.errors import BumpError
from abuildpy.recipe.model import Recipe


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one recipe's upstream. ``newest`` is empty where nothing is; ``error`` tells why."""

    newest: str = ""
    error: str = ""
    source: str = ""
    exists: Callable[[str], bool | None] = lambda _: None

    def require(self, version: str) -> None:
        """Raises BumpError if it is certain that there is no such version; where nobody knows, the download tells."""
        if self.exists(version) is False:
            where = f" ({self.source})" if self.source else ""
            newest = f"; the newest is {self.newest}" if self.newest else ""
            raise BumpError("upstream", f"upstream{where} has no version {version}{newest}")

    def latest(self) -> str:
        """The newest version. Raises BumpError where it is not known."""
        if not self.newest:
            raise BumpError(
                "upstream",
                f"the newest version is not known: {self.error or 'no upstream was recognised'}",
                hint="name a version, as in foo-1.2.3",
            )
        return self.newest


def ask(recipes: Sequence[Recipe], config: Config) -> Mapping[Path, Known]:
    """Asks the upstreams of some recipes, all at once; by the recipe's path."""
    from abuildpy.maintain.upstream.newest import find_all
    from abuildpy.maintain.upstream.settings import settings_from

    found = {}
    for recipe, newest in zip(recipes, find_all(recipes, settings_from(config)), strict=True):
        source = f"{newest.source.kind} {newest.source.project}".strip() if newest.source is not None else ""
        found[recipe.path] = Known(newest.version or "", newest.error or "", source, newest.exists)
    return found
