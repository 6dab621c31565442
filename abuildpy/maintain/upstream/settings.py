# SPDX-License-Identifier: GPL-3.0-or-later
"""How upstreams are asked: what the environment and the user's own file of hosts say."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from abuildpy.config import Config


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """``cache`` is where answers are kept (None: nowhere); ``max_age`` the seconds for which nothing is asked again.

    ``jobs`` is how many hosts are asked at the same time; ``prereleases`` lets unfinished versions count.
    """

    cache: Path | None = None
    max_age: float = 6 * 3600
    jobs: int = 16
    prereleases: bool = False
    last_resort: bool = True
    tokens: dict[str, str] = field(default_factory=dict, repr=False)


def settings_from(config: Config) -> UpstreamSettings:
    """What the configuration and the environment ask for. Raises ConfigError for a table of hosts that makes no sense."""
    from abuildpy.recipe.cache import cache_folder

    folder = cache_folder(config)
    return UpstreamSettings(cache=Path(folder, "upstream") if folder else None)
