# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from abuildpy.recipe.outputs import Outputs


@pytest.mark.parametrize(
    ("arch", "ours"),
    [
        ("all", True),
        ("noarch", True),
        ("x86_64", True),
        ("aarch64 x86_64", True),
        ("all !aarch64", True),
        ("all !x86_64", False),
        ("!x86_64 all", False),
        ("x86_64 !x86_64", False),
        ("noarch !x86_64", False),
        ("!aarch64", False),
        ("aarch64", False),
        ("", False),
    ],
)
def test_the_architectures_of_a_recipe(arch: str, ours: bool) -> None:
    """What excludes our architecture counts wherever it stands."""
    outputs = Outputs({"pkgname": "foo", "CARCH": "x86_64", "arch": arch}, "/repository")
    assert outputs.for_this_arch is ours
