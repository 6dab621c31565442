# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from abuildpy.errors import RecipeError
from abuildpy.recipe.edit import set_through


def through(text: str, value: str) -> str:
    return set_through(text.encode(), "pkgver", value).decode()


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("pkgver=1.0 # c\n", "1.1", "pkgver=1.1 # c\n"),
        ("_v='1.0' # c\r\npkgver=$_v\r\n", "1.1", "_v='1.1' # c\r\npkgver=$_v\r\n"),
        ('_v=1.0\n_w=$_v\npkgver="${_w}"\n', "1.1", '_v=1.1\n_w=$_v\npkgver="${_w}"\n'),
        ("_v=1.0\npkgver=${_v}_git2\n", "1.1_git2", "_v=1.1\npkgver=${_v}_git2\n"),
        ("_v=1.0\n_d=2\npkgver=${_v}_git$_d\n", "1.1_git3", "_v=1.1\n_d=3\npkgver=${_v}_git$_d\n"),
        ("_a=1.2\n_b=3\npkgver=$_a.$_b\n", "2.0.1", "_a=2.0\n_b=1\npkgver=$_a.$_b\n"),
        ("_a=1\n_b=2.3\npkgver=$_a.$_b\n", "2.0.1", "_a=2\n_b=0.1\npkgver=$_a.$_b\n"),
        # the replaced separator is the last one, the first one, or the same
        ("_v=1.2-3\npkgver=${_v/-/.}\n", "1.2.4", "_v=1.2-4\npkgver=${_v/-/.}\n"),
        ("_v=1.2-3\npkgver=${_v/-/.}\n", "2.0.0.1", "_v=2.0.0-1\npkgver=${_v/-/.}\n"),
        ("_v=v1-2.3\npkgver=0.${_v/v1-/1.}\n", "0.1.4.0", "_v=v1-4.0\npkgver=0.${_v/v1-/1.}\n"),
        ("_v=1-2.3\npkgver=${_v/-/.}\n", "2.0", "_v=2-0\npkgver=${_v/-/.}\n"),
        ("_v=1.2-3.4\npkgver=${_v/-/.}\n", "1.2.4.0", "_v=1.2-4.0\npkgver=${_v/-/.}\n"),
        ("_v=1-2\npkgver=${_v/-/\\.}\n", "1.3", "_v=1-3\npkgver=${_v/-/\\.}\n"),
        ("_v=1.2\npkgver=${_v/-/.}\n", "1.3", "_v=1.3\npkgver=${_v/-/.}\n"),
        ("_v=1_2_3\npkgver=${_v//_/.}\n", "2.0", "_v=2_0\npkgver=${_v//_/.}\n"),
        ("_v=2024-01-31\npkgver=0.${_v//-}\n", "0.20240229", "_v=2024-02-29\npkgver=0.${_v//-}\n"),
        ("_v=r-12\npkgver=${_v/r-/}\n", "13", "_v=r-13\npkgver=${_v/r-/}\n"),
    ],
)
def test_what_it_is_computed_from_is_set(before: str, value: str, after: str) -> None:
    assert through(before, value) == after


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("_v=1_0\npkgver=${_v%%_*}.${_v##*_}\n", "1.1"),
        ("_v=1.0\npkgver=${_v}_git2\n", "1.1_git3"),
        ("_v=1.0\npkgver=${_v}_git2\n", "_git2"),
        ("\npkgver=$(echo 1.0)\n", "1.1"),
        ("\npkgver=$_none\n", "1.1"),
        ("_a=1.2\n_b=3.4\npkgver=$_a.$_b\n", "1.2.3"),
        ("_a=12\npkgver=$_a$_a\n", "1314"),
        ("_v=1-2\npkgver=${_v/-/.}\n", "1.2.3"),
        ("_v=1.2-3.4\npkgver=${_v/-/.}\n", "1.2.3"),
        ("_v=1-2\npkgver=${_v/-/.}\n", "12"),
        ("_v=1.2_3\npkgver=${_v//_/.}\n", "1.2.4"),
        ("_v=2024-1-1\npkgver=${_v//-}\n", "20240229"),
        ("_v=a1\npkgver=${_v/[a-z]/0.}\n", "0.2"),
        ("_v=1\npkgver=$_v$pkgver\n", "2"),
        ("_v=$pkgver\npkgver=$_v\n", "2"),
    ],
)
def test_what_cannot_be_turned_round(text: str, value: str) -> None:
    with pytest.raises(RecipeError, match=r"line 2|line 3") as caught:
        through(text, value)
    assert f"how to make it '{value}' that way cannot be told" in caught.value.message


def test_what_would_not_count() -> None:
    with pytest.raises(RecipeError, match="line 3: pkgver is changed again inside 'if'"):
        through("_v=1\npkgver=$_v\nif :; then pkgver=3; fi\n", "2")
    with pytest.raises(RecipeError, match="line 3: _v is changed again: it would be '5', not '2'"):
        through("_v=1\npkgver=$_v\nf() { _v=5; }; f\n", "2")
