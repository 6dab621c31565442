# SPDX-License-Identifier: GPL-3.0-or-later
"""What upstream has, as far as bumping wants to know it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from abuildpy.config import Config
from abuildpy.maintain.bumping.errors import BumpError
from abuildpy.recipe.model import Recipe

if TYPE_CHECKING:
    from abuildpy.maintain.upstream.settings import UpstreamSettings

_PATIENCE = 10.0


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one recipe's upstream. ``newest`` is empty where nothing is; ``error`` tells why.

    ``packaged`` is what upstream calls the recipe's version, where that is not its pkgver.
    """

    newest: str = ""
    error: str = ""
    source: str = ""
    exists: Callable[[str], bool | None] = lambda _: None
    packaged: str = ""

    def require(self, version: str) -> None:
        """Raises BumpError if it is certain that there is no such version; where nobody knows, the download tells."""
        if self.exists(version) is False:
            where = f" ({self.source})" if self.source else ""
            newest = f"; the newest is {self.newest}" if self.newest else ""
            raise BumpError("upstream", f"upstream{where} has no version {version}{newest}")

    def latest(self) -> str:
        """The newest version. Raises BumpError where it is not known, or the recipe counts otherwise than upstream does."""
        if not self.newest:
            raise BumpError(
                "upstream",
                f"the newest version is not known: {self.error or 'no upstream was recognised'}",
                hint="name a version, as in foo-1.2.3",
            )
        if self.packaged:
            raise BumpError(
                "upstream",
                f"upstream has {self.newest}, but calls {self.packaged} what the recipe has: its pkgver is made otherwise",
                hint="name the pkgver, as in foo-1.2.3",
            )
        return self.newest


def ask(wanted: Sequence[tuple[Recipe, str | None]], config: Config) -> Mapping[Path, Known]:
    """Asks the upstreams of some recipes, all at once; by the recipe's path. Each with the version wanted, None: the newest.

    A version that upstream has not got by an answer of some hours ago is asked for again: it may just have come. Where a
    version is named, nobody waits long for an answer.
    """
    from abuildpy.maintain.upstream.model import same_version
    from abuildpy.maintain.upstream.newest import find_all
    from abuildpy.maintain.upstream.settings import settings_from

    patient = settings_from(config)
    hasty = replace(patient, attempts=1, longest_wait=0.0, timeout=min(patient.timeout, _PATIENCE))
    found: dict[Path, Known] = {}

    def look(recipes: Sequence[Recipe], settings: UpstreamSettings) -> None:
        for recipe, newest in zip(recipes, find_all(recipes, settings), strict=True):
            source = f"{newest.source.kind} {newest.source.project}".strip() if newest.source is not None else ""
            packaged = "" if same_version(newest.packaged, recipe.pkgver) else newest.packaged
            found[recipe.path] = Known(newest.version or "", newest.error or "", source, newest.exists, packaged)

    look([recipe for recipe, version in wanted if version is None], patient)
    look([recipe for recipe, version in wanted if version is not None], hasty)
    absent = [recipe for recipe, version in wanted if version and found[recipe.path].exists(version) is False]
    if absent:
        look(absent, replace(hasty, max_age=0.0))
    return found
