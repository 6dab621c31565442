# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import pytest

from abuildpy.errors import PhaseError, RecipeError
from abuildpy.phases.outcome import require_success
from abuildpy.phases.stage import Failure, StageResult
from abuildpy.recipe.model import Recipe


@dataclass(frozen=True)
class _Recipe:
    functions: frozenset[str] = frozenset(("build", "stripbin"))
    path: Path = Path("/aports/main/foo/APKBUILD")


RECIPE = cast(Recipe, _Recipe())


def failed(result: StageResult, kept: Path | None = None) -> PhaseError:
    with pytest.raises(PhaseError) as caught:
        require_success(result, RECIPE, kept=kept)
    return caught.value


def test_success() -> None:
    require_success(StageResult(0, had_network=False), RECIPE, kept=None)


def test_the_function_that_failed_is_named() -> None:
    error = failed(StageResult(1, failures=(Failure("build", 3, "foo"), Failure("package", 4, "foo"))), Path("/s"))
    assert (error.message, error.phase, error.status) == ("build failed", "build", 3)
    assert error.details == ("it ended with status 3; its tree is kept in /s for looking",)


@pytest.mark.parametrize(("status", "how"), [(-9, "SIGKILL"), (137, "SIGKILL"), (139, "SIGSEGV")])
def test_signals(status: int, how: str) -> None:
    error = failed(StageResult(status, running="build"))
    assert (error.message, error.details) == ("build failed", (f"it was ended by {how}",))


@pytest.mark.parametrize(
    ("function", "told"),
    [("build", True), ("stripbin", False), ("archcheck", False), ("", False)],
)
def test_only_functions_that_could_use_it_are_told_of_the_network(function: str, told: bool) -> None:
    for had_network in (False, True):
        error = failed(StageResult(1, running=function, had_network=had_network))
        assert bool(error.hint) is (told and not had_network)


@pytest.mark.parametrize(("status", "told"), [(127, True), (126, False), (1, False)])
def test_programs_out_of_sight(status: int, told: bool) -> None:
    error = failed(StageResult(status, running="build", out_of_sight=("/home/me/bin", "/root/x")))
    assert (error.hint is not None and error.hint.endswith("not found: /home/me/bin /root/x")) is told


def test_a_missing_function() -> None:
    with pytest.raises(RecipeError, match="No such function nothing"):
        require_success(StageResult(1, missing="nothing"), RECIPE, kept=None)


def test_variables_that_the_recipe_names_and_was_not_given(tmp_path: Path) -> None:
    path = tmp_path / "APKBUILD"
    path.write_text('build() { curl -H "$MY_TOKEN" "${A_KEY:-}"; : OTHER_TOKEN "$NOT_THIS_TOKEN_2"; }\n')
    recipe = cast(Recipe, _Recipe(path=path))
    result = StageResult(1, running="build", withheld=("A_KEY", "MY_TOKEN", "NOT_THIS_TOKEN", "OTHER_TOKEN"))
    with pytest.raises(PhaseError) as caught:
        require_success(result, recipe, kept=None)
    assert caught.value.details[1:] == (
        "it was not given A_KEY, MY_TOKEN, which the recipe names; --pass-env=A_KEY --pass-env=MY_TOKEN lets that through",
    )
    with pytest.raises(PhaseError) as caught:
        require_success(StageResult(1, running="build", withheld=("OTHER_TOKEN",)), recipe, kept=None)
    assert len(caught.value.details) == 1
