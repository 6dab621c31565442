# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy info``: recipes, evaluated or only read, as text or JSON."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from abuildpy.config import load_config
from abuildpy.errors import AbuildError, ConfigError, RecipeError
from abuildpy.phases.evaluations import Evaluations
from abuildpy.phases.readers import readers_of
from abuildpy.phases.settings import Settings
from abuildpy.recipe.evaluate import evaluate, find_apkbuild, maintainer_comment
from abuildpy.recipe.model import Recipe
from abuildpy.recipe.static import StaticReader, StaticValues
from abuildpy.recipe.subpackages import parse_subpackage
from abuildpy.recipe.syntax import parse
from abuildpy.shell import find_ash, words
from abuildpy.source.uri import file_name, is_remote, remote_uri
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
_MACHINES = ("pkgname", "pkgarch", "CARCH", "CHOST", "CBUILD", "CBUILD_ARCH", "CTARGET", "CTARGET_ARCH")
"""What the architecture of a subpackage depends on."""
_MORE_LISTS = re.compile(r"(?:make)?depends_[a-z0-9_]+")


Document = dict[str, object]


def info(paths: Sequence[Path], *, as_json: bool, console: Console) -> int:
    """Prints every recipe; returns 1 if one could not be evaluated (after all others are printed)."""
    config = load_config()
    if len(paths) == 1:
        runner = readers_of(config, Settings(quiet=True), console).runner()
        return _print(paths, lambda path: describe(evaluate(find_apkbuild(path), config, runner)), as_json=as_json)
    found = {path: str(find_apkbuild(path)) for path in paths if _is_there(path)}
    answers = Evaluations(config, Settings(quiet=True), console).answers(dict.fromkeys(found.values()))
    by_path = {answer.path: answer for answer in answers}

    def describe_one(path: Path) -> Document:
        answer = by_path[found.get(path) or str(find_apkbuild(path))]
        if answer.said:
            sys.stderr.write("\n".join(answer.said) + "\n")
        return describe(answer.recipe())

    return _print(paths, describe_one, as_json=as_json)


def _is_there(path: Path) -> bool:
    return os.path.isfile(path / "APKBUILD" if path.is_dir() else path)


def info_static(paths: Sequence[Path], *, as_json: bool) -> int:
    """Prints what is certain of every recipe without running it; returns 1 if one is no shell script.

    The configuration is read as always, by a shell. Where there is no BusyBox it counts as unknown.
    """
    reader = StaticReader(load_config() if _has_ash() else None)
    return _print(paths, lambda path: describe_static(find_apkbuild(path), reader), as_json=as_json)


def _print(paths: Sequence[Path], describe_one: Callable[[Path], Document], *, as_json: bool) -> int:
    documents: list[Document] = []
    status = 0
    for path in paths:
        try:
            documents.append(describe_one(path))
        except AbuildError as error:
            status = 1
            documents.append({"path": str(path), "error": error.message})
    if as_json:
        text = json.dumps(documents, indent=2, ensure_ascii=False) + "\n"
    else:
        text = "\n".join(_as_text(document) for document in documents)
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    sys.stdout.flush()
    return status


def describe(recipe: Recipe) -> Document:
    """A recipe as plain data, the way ``--json`` shows it."""
    document: Document = {"path": str(recipe.path)}
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


def describe_static(apkbuild: Path, reader: StaticReader) -> Document:
    """What is certain of a recipe, in the same form; None for what is not, and ``unknown`` names that.

    Raises RecipeError for a file that is no shell script.
    """
    try:
        script = parse(apkbuild.read_bytes())
    except OSError as error:
        raise RecipeError(f"{apkbuild} cannot be read: {error.strerror}")
    except RecipeError as error:
        raise RecipeError(f"{apkbuild}: {error.message}")
    values = reader.read(str(apkbuild), script)
    document: Document = {"path": str(apkbuild)}
    document.update({name: values.value(name) for name in _TEXTS})
    if document["maintainer"] == "":
        document["maintainer"] = maintainer_comment(script.data)
    document.update({name: _words(values, name) for name in _LISTS})
    for name in sorted({*values.known, *values.unknown}):
        if _MORE_LISTS.fullmatch(name) and values.value(name) != "":
            document[name] = _words(values, name)
    document["subpackages"] = subpackages = _subpackages(values)
    source, sums = _words(values, "source"), _checksums(values)
    document["source"] = source and [
        {"name": file_name(w), "uri": remote_uri(w), "remote": is_remote(w)} for w in source
    ]
    document["checksums"] = sums
    document["functions"] = None if values.functions is None else sorted(values.functions)
    document["builddir"] = values.value("builddir")
    unknown = [name for name, value in document.items() if value is None]
    if any(subpackage["arch"] is None for subpackage in subpackages or ()):
        unknown.append("subpackages.arch")
    document["unknown"] = sorted(unknown)
    return document


def _words(values: StaticValues, name: str) -> list[str] | None:
    value = values.value(name)
    return None if value is None else list(words({name: value}, name))


def _subpackages(values: StaticValues) -> list[dict[str, str | None]] | None:
    entries = _words(values, "subpackages")
    if entries is None:
        return None
    variables = {name: values.value(name) for name in _MACHINES}
    known = {name: value for name, value in variables.items() if value is not None}
    certain = known.keys() == variables.keys()
    subpackages: list[dict[str, str | None]] = []
    for entry in entries:
        # Without a machine nobody can say what an architecture comes to, but for noarch.
        name, split, arch, _ = parse_subpackage(entry if certain else ":".join(entry.split(":")[:2]), known)
        noarch = entry.endswith(":noarch") or (arch == "noarch" and "pkgname" in known and entry.count(":") < 2)
        subpackages.append({"name": name, "split": split, "arch": arch if certain else "noarch" if noarch else None})
    return subpackages


def _checksums(values: StaticValues) -> dict[str, str] | None:
    algorithm = values.value("sumalgo")
    sums = None if algorithm is None else _words(values, f"{algorithm}sums")
    return None if sums is None else dict(zip(sums[1::2], sums[::2], strict=False))


def _has_ash() -> bool:
    try:
        find_ash()
    except ConfigError:
        return False
    return True


def _as_text(document: Document) -> str:
    lines = []
    for name, value in document.items():
        if value is None:
            continue  # "unknown" names it
        if isinstance(value, list):
            for item in value:
                shown = (
                    " ".join(str(v) for v in item.values() if v is not None) if isinstance(item, dict) else str(item)
                )
                lines.append(f"{name} = {shown}\n")
        elif isinstance(value, dict):
            lines.extend(f"{name} = {checksum} {key}\n" for key, checksum in value.items())
        else:
            lines.append(f"{name} = {value}\n")
    return "".join(lines)
