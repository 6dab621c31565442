# SPDX-License-Identifier: GPL-3.0-or-later
"""Which recipes a comparison takes: those named, and those drawn at random from trees of recipes."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from bench import BenchError


def recipe_name(folder: Path) -> str:
    """REPOSITORY/NAME, from the last two parts of a recipe's path."""
    return f"{folder.parent.name}/{folder.name}"


def recipe_folders(arguments: Iterable[Path]) -> list[Path]:
    """The recipes meant: folders, and those that files list (first word of each line, from the file's own folder)."""
    folders: list[Path] = []
    for argument in arguments:
        if argument.is_dir():
            folders.append(argument.resolve())
            continue
        try:
            lines = argument.read_text().splitlines()
        except OSError as error:
            raise BenchError(f"{argument}: {error.strerror}") from error
        names = [line.split()[0] for line in lines if line.strip() and not line.lstrip().startswith("#")]
        folders += [(argument.parent / name).resolve() for name in names]
    for folder in folders:
        if not (folder / "APKBUILD").is_file():
            raise BenchError(f"{folder}: not the folder of a recipe")
    return list(dict.fromkeys(folders))


def tree_recipes(trees: Iterable[Path]) -> list[Path]:
    """All recipes of trees: TREE/NAME for the folder of a repository, TREE/REPOSITORY/NAME for one above such."""
    folders: set[Path] = set()
    for tree in trees:
        found = [path.parent for path in (*tree.glob("*/APKBUILD"), *tree.glob("*/*/APKBUILD"))]
        if not found:
            raise BenchError(f"{tree}: no recipes in it")
        folders.update(folder.resolve() for folder in found)
    return list(folders)


def drawing_order(folders: Iterable[Path], seed: int) -> list[Path]:
    """The recipes in the order that a seed gives, wherever their tree lies: sorted by repository and name, then shuffled."""
    order = sorted(folders, key=lambda folder: (recipe_name(folder), folder))
    random.Random(seed).shuffle(order)
    return order


def missing_sources(information: Mapping[str, object], held: Path) -> list[str]:
    """The places of the remote sources that a folder does not hold: host names, or URIs without one.

    ``information`` is one entry of ``abuildpy info --json``.
    """
    sources = information["source"]
    assert isinstance(sources, list)
    absent = [source["uri"] for source in sources if source["remote"] and not (held / source["name"]).exists()]
    return sorted({urlsplit(uri).hostname or uri for uri in absent})


def why_not_at_hand(recipe: Path, held: Path, ours: Path) -> str:
    """Why building a recipe would need the network, by asking our ``abuildpy info``; empty where it would not."""
    run = subprocess.run(
        [str(ours.with_name("abuildpy")), "info", "--json", str(recipe)], capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        return "cannot be evaluated"
    missing = missing_sources(json.loads(run.stdout)[0], held)
    return f"sources not at hand, from {', '.join(missing)}" if missing else ""
