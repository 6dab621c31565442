# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in a recipe a failure belongs: the line that an annotation is to stand at."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Final

from abuildpy.batch.model import Reason

_PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    "fetch": ("fetch()", "source"),
    "checksum": ("sha512sums", "source"),
    "unpack": ("unpack()", "source"),
    "patch": ("prepare()", "source"),
    "dependencies": ("makedepends", "depends", "checkdepends"),
    "compile": ("build()",),
    "test": ("check()",),
    "package": ("package()",),
    "postcheck": ("package()",),
    "cycle": ("makedepends",),
}


def recipe_line(apkbuild: str, reason: Reason | None) -> int:
    """The line of the function or the variable that a failure is about, from 1; 1 where there is none or it cannot be read."""
    from abuildpy.errors import AbuildError
    from abuildpy.recipe.syntax import parse

    try:
        with open(apkbuild, "rb") as stream:
            script = parse(stream.read(1 << 20))
    except (OSError, AbuildError):
        return 1
    lines = {f"{function.name}()": function.span.line for function in script.functions if function.function is None}
    for assignment in script.assignments:
        if assignment.function is None:
            lines.setdefault(assignment.name, assignment.span.line)
    return next((lines[name] for name in _PLACES.get(reason or "", ()) if name in lines), 1)


def seen_from(path: str, environ: Mapping[str, str]) -> str:
    """A path as the code host knows it: below the checkout, which CI systems name, else below the current folder."""
    for folder in (environ.get("GITHUB_WORKSPACE"), environ.get("CI_PROJECT_DIR"), os.getcwd()):
        if folder and os.path.isabs(folder):
            real, base = os.path.realpath(path), os.path.realpath(folder)
            if real.startswith(f"{base.rstrip('/')}/"):
                return os.path.relpath(real, base)
    return path
