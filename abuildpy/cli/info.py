# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy info``: evaluated recipes as text or JSON."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from abuildpy.config import load_config
from abuildpy.errors import AbuildError
from abuildpy.phases.settings import Settings
from abuildpy.phases.walls import Stages
from abuildpy.recipe.evaluate import evaluate, find_apkbuild
from abuildpy.recipe.model import Recipe
from abuildpy.shell import words
from abuildpy.ui.console import Console

_TEXTS = ("pkgname", "pkgver", "pkgrel", "pkgdesc", "url", "license", "maintainer")
_LISTS = (
    "arch",
    "depends",
    "makedepends",
    "checkdepends",
    "provides",
    "replaces",
    "install_if",
    "install",
    "triggers",
    "options",
    "pkgusers",
    "pkggroups",
)
_MORE_LISTS = re.compile(r"(?:make)?depends_[a-z0-9_]+")


def info(paths: Sequence[Path], *, as_json: bool, console: Console) -> int:
    """Prints every recipe; returns 1 if one could not be evaluated (after all others are printed)."""
    config = load_config()
    runner = Stages(config, Settings(quiet=True), console).evaluation_runner()
    documents: list[dict[str, object]] = []
    status = 0
    for path in paths:
        try:
            recipe = evaluate(find_apkbuild(path), config, runner)
        except AbuildError as error:
            status = 1
            documents.append({"path": str(path), "error": error.message})
        else:
            documents.append(describe(recipe))
    if as_json:
        text = json.dumps(documents, indent=2, ensure_ascii=False) + "\n"
    else:
        text = "\n".join(_as_text(document) for document in documents)
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.flush()
    return status


def describe(recipe: Recipe) -> dict[str, object]:
    """A recipe as plain data, the way ``--json`` shows it."""
    document: dict[str, object] = {"path": str(recipe.path)}
    document.update({name: getattr(recipe, name) for name in _TEXTS})
    document.update({name: list(getattr(recipe, name)) for name in _LISTS})
    for name in sorted(recipe.variables):
        if _MORE_LISTS.fullmatch(name) and recipe.variables[name]:
            document[name] = list(words(recipe.variables, name))
    document["subpackages"] = [{"name": s.name, "split": s.split, "arch": s.arch} for s in recipe.subpackages]
    document["source"] = [{"name": s.name, "uri": s.uri, "remote": s.remote} for s in recipe.source]
    document["checksums"] = {name: checksum for checksum, name in recipe.checksums}
    document["functions"] = sorted(recipe.functions)
    document["builddir"] = recipe.builddir
    return document


def _as_text(document: dict[str, object]) -> str:
    lines = []
    for name, value in document.items():
        if isinstance(value, list):
            for item in value:
                shown = " ".join(str(v) for v in item.values()) if isinstance(item, dict) else str(item)
                lines.append(f"{name} = {shown}\n")
        elif isinstance(value, dict):
            lines.extend(f"{name} = {checksum} {key}\n" for key, checksum in value.items())
        else:
            lines.append(f"{name} = {value}\n")
    return "".join(lines)
