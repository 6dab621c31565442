# SPDX-License-Identifier: GPL-3.0-or-later
"""A clean root's environment: nothing of the caller's but what says what is built, and what was let through by name."""

from __future__ import annotations

import os
from pathlib import Path

from abuildpy.config import load_config
from abuildpy.phases.cleanroot import what_to_build
from abuildpy.phases.rootbld import _clean_config
from abuildpy.recipe.environment import recipe_environment


def test_what_is_let_through_by_name_gets_into_a_clean_root_too(tmp_path: Path) -> None:
    base = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "CBUILD": "x86_64", "ABUILD_CONF": "/dev/null"}
    env = {**base, "FOO": "1", "MY_TOKEN": "t", "A_SECRET": "s", "CARCH": "mine"}
    without = load_config(env)
    assert not {"FOO", "MY_TOKEN"} & set(what_to_build(without))
    assert not {"FOO", "MY_TOKEN"} & set(recipe_environment(_clean_config(without), "/a", colors=False))
    named = load_config({**env, "ABUILD_PASS_ENV": "MY_TOKEN CARCH"})
    assert what_to_build(named)["MY_TOKEN"] == "t"
    assert what_to_build(named)["CARCH"] == named.carch
    read = recipe_environment(_clean_config(named), "/a", colors=False)
    assert read["MY_TOKEN"] == "t"
    assert not {"FOO", "A_SECRET"} & set(read)
