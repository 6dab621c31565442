# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a source that hold values in a known form (TOML, JSON, the arguments of setup()), and what is in them by its type.

Nothing is run for it, and what has another form than it should holds nothing.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from typing import Any

from abuildpy.maintain.survey.tree import SourceTree


def toml_of(tree: SourceTree, name: str) -> dict[str, Any]:
    """A TOML file of the tree; empty if it is not there or cannot be read."""
    try:
        return tomllib.loads(tree.text(name))
    except (ValueError, RecursionError):  # also of numbers with thousands of digits
        return {}


def json_of(tree: SourceTree, name: str) -> dict[str, Any]:
    """A JSON object in a file of the tree; empty if there is none."""
    try:
        document = json.loads(tree.text(name) or "{}")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def table(value: object) -> Mapping[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def words_of(value: object) -> list[str]:
    """The texts of a list; none of anything else."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def text_of(value: object) -> str:
    """The value if it is a text, else an empty one."""
    return value if isinstance(value, str) else ""


def setup_keywords(tree: SourceTree) -> dict[str, Any]:
    """The arguments of ``setup()`` in setup.py that are plain values, read as text and not run."""
    import ast
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module = ast.parse(tree.text("setup.py"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return {}
    names: dict[str, Any] = {}

    def value(node: ast.AST) -> Any:  # noqa: ANN401 (a value of any type)
        if isinstance(node, ast.Name):
            return names.get(node.id)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
            return {word.arg: value(word.value) for word in node.keywords if word.arg}
        if isinstance(node, ast.Dict):
            keys = ((value(key), entry) for key, entry in zip(node.keys, node.values, strict=True) if key is not None)
            return {key: value(entry) for key, entry in keys if isinstance(key, str)}
        if isinstance(node, ast.List | ast.Tuple):
            return [value(item) for item in node.elts]
        return node.value if isinstance(node, ast.Constant) else None

    found: dict[str, Any] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            names[node.targets[0].id] = value(node.value)
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            if name == "setup":
                for word in node.keywords:
                    if word.arg:
                        found[word.arg] = value(word.value)
                    elif isinstance(spread := value(word.value), dict):
                        found.update(spread)
    return found
