# SPDX-License-Identifier: GPL-3.0-or-later
"""Alpine's names for Python packages, and what a Python source needs to be built as its pyproject.toml says."""

from __future__ import annotations

import os
import stat
import tomllib
from collections.abc import Callable
from pathlib import Path

_FRONT_END = "py3-gpep517"
_DEFAULT = ("py3-setuptools", "py3-wheel")
_MAX_PYPROJECT = 1 << 20
_OTHERWISE_NAMED = {
    "cmake": "cmake",
    "cython": "cython",
    "meson": "meson",
    "ninja": "samurai",
    "numpy": "py3-numpy-dev",
    "oldest-supported-numpy": "py3-numpy-dev",
    "setuptools-scm": "py3-setuptools_scm",
}


def alpine_name(project: str) -> str:
    """The package of a Python project: ``py3-`` and its name in small letters."""
    return f"py3-{project.lower()}"


def build_requirements(folder: Path | None, named: Callable[[str], str] | None = None) -> tuple[str, ...]:
    """The packages that build the Python source in ``folder``, first the one that drives the build.

    ``named`` gives the package of a Python project, if somebody knows better than :func:`alpine_name`.
    What pyproject.toml asks for under any condition (an old Python, another system) is left out. Without that file, or
    where it says nothing, setuptools and wheel.
    """
    requires = None if folder is None else _requires(folder / "pyproject.toml")
    if requires is None:
        return (_FRONT_END, *_DEFAULT)
    from packaging.requirements import InvalidRequirement, Requirement
    from packaging.utils import canonicalize_name

    found: dict[str, None] = {_FRONT_END: None}
    for text in requires:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            continue
        if requirement.marker is not None:
            continue
        name = canonicalize_name(requirement.name)
        found[_OTHERWISE_NAMED.get(name) or (named or alpine_name)(name)] = None
    if "py3-setuptools" in found:
        # Which setuptools can do without it is not visible here.
        found["py3-wheel"] = None
    return tuple(found)


def _requires(file: Path) -> list[str] | None:
    """``build-system.requires``; None if the file does not say."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(descriptor, "rb") as stream:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            document = tomllib.loads(stream.read(_MAX_PYPROJECT).decode("utf-8", "replace"))
    except (OSError, ValueError, RecursionError):
        return None
    system = document.get("build-system")
    requires = system.get("requires") if isinstance(system, dict) else None
    if not isinstance(requires, list):
        return None
    return [text for text in requires if isinstance(text, str)]
