# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy cache``: what is kept of evaluations and of upstreams' answers, and getting rid of it."""

from __future__ import annotations

import json
import sys

from abuildpy.config import Config
from abuildpy.recipe.cache import cache_folder
from abuildpy.recipe.tidy import KINDS, entries, limit_of, prune

_MEANING = {
    "recipes": "recipes, evaluated one by one",
    "packs": "repository folders, evaluated whole",
    "upstream": "answers of upstreams about their versions",
}


def show(config: Config, *, as_json: bool) -> int:
    """Prints where the cache is and what it has. Sizes are in bytes in JSON."""
    found = list(entries(config))
    sizes = {kind: [each.size for each in found if each.kind == kind] for kind in KINDS}
    folder = cache_folder(config)
    if as_json:
        document = {
            "folder": folder,
            "limit": limit_of(config),
            "kinds": {kind: {"files": len(each), "bytes": sum(each)} for kind, each in sizes.items()},
        }
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return 0
    sys.stdout.write(f"{folder or 'nowhere: there is no HOME'}\n")
    for kind, each in sizes.items():
        sys.stdout.write(f"  {kind:8} {len(each):6} files {_readable(sum(each)):>10}  {_MEANING[kind]}\n")
    total = sum(map(sum, sizes.values()))
    sys.stdout.write(f"  {_readable(total)} of {_readable(limit_of(config))} (ABUILDPY_CACHE_SIZE, in MiB)\n")
    return 0


def clear(config: Config, *, everything: bool) -> int:
    """Brings the cache below its limit, or deletes it, and prints what that freed."""
    files, size = prune(config, 0 if everything else limit_of(config))
    sys.stdout.write(f"{files} files deleted, {_readable(size)}\n")
    return 0


def _readable(size: int) -> str:
    return f"{size / (1 << 20):.1f} MiB"
