# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions as projects spell them, as apk orders them, and as text of a recipe that turns the one into the other."""

from __future__ import annotations

import re
from collections.abc import Callable

from abuildpy.maintain.quoting import in_quotes
from abuildpy.repository import version

_STAGE = re.compile(r"[-_.~]?(alpha|beta|pre|rc|a|b|c|dev)[-_.]?(\d*)(?=$|[-_.])")
_STAGES = {"a": "alpha", "b": "beta", "c": "rc", "dev": "pre"}
_WAYS: tuple[tuple[str, Callable[[str], str]], ...] = (
    ("${pkgver//_/-}", lambda text: text.replace("_", "-")),
    ("${pkgver/_/}", lambda text: text.replace("_", "", 1)),
    ("${pkgver/_/.}", lambda text: text.replace("_", ".", 1)),
    ("${pkgver//./_}", lambda text: text.replace(".", "_")),
    ("${pkgver//./-}", lambda text: text.replace(".", "-")),
    ("${pkgver//./}", lambda text: text.replace(".", "")),
    ("${pkgver/_alpha/a}", lambda text: text.replace("_alpha", "a")),
    ("${pkgver/_beta/b}", lambda text: text.replace("_beta", "b")),
    ("${pkgver/_alpha/-alpha.}", lambda text: text.replace("_alpha", "-alpha.")),
    ("${pkgver/_beta/-beta.}", lambda text: text.replace("_beta", "-beta.")),
    ("${pkgver/_rc/-rc.}", lambda text: text.replace("_rc", "-rc.")),
    ("${pkgver/_pre/.dev}", lambda text: text.replace("_pre", ".dev")),
)


def apk_version(upstream: str) -> str:
    """A project's version as apk can order it; the same text if no way is known."""

    def fits(text: str) -> bool:
        return version.is_valid(f"{text}-r0")

    if not upstream or fits(upstream):
        return upstream
    low = upstream.lower().removeprefix("v")
    staged = _STAGE.sub(lambda match: f"_{_STAGES.get(match[1], match[1])}{match[2]}", low, count=1)
    for text in (
        staged,
        re.sub(r"(?<=\d)[-_](?=\d)", ".", low),
        re.sub(r"(?<=\d)[-_](?=\d)", ".", staged),
        low.replace("-", "_p", 1),
    ):
        if fits(text):
            return text
    return upstream


def expression_for(pkgver: str, upstream: str) -> str:
    """The right side of ``_pkgver=``: upstream's spelling, made of ``$pkgver`` where a simple way leads there."""
    for text, way in _WAYS:
        if way(pkgver) == upstream:
            return text
    return f'"{in_quotes(upstream)}"'


def with_version(name: str, pkgver: str, upstream: str = "") -> str:
    """A file's or folder's name as text for inside double quotes, the last version in it as ``$pkgver`` or ``$_pkgver``."""
    for variable, text in (("_pkgver", upstream), ("pkgver", pkgver)):
        before, found, after = name.rpartition(text) if text else ("", "", "")
        if found and not before[-1:].isdigit() and not after[:1].isdigit():
            braces = after[:1] == "_" or after[:1].isalnum()
            return f"{in_quotes(before)}{f'${{{variable}}}' if braces else f'${variable}'}{in_quotes(after)}"
    return in_quotes(name)
