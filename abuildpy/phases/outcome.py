# SPDX-License-Identifier: GPL-3.0-or-later
"""What a stage's end means for the user: nothing to say, or an error that names the function and the next step."""

from __future__ import annotations

from pathlib import Path

from abuildpy.errors import LimitError, PhaseError, RecipeError
from abuildpy.phases.overrides import STEPS
from abuildpy.phases.stage import StageResult
from abuildpy.recipe.model import Recipe

_NOT_FOUND = 127
_OUT_OF_SIGHT = "these folders of PATH cannot be seen behind the walls, so programs in them are not found"
NO_NETWORK = "it had no network: if it needs one, put net into options, or use --net=always"
"""Said where nothing better is known."""


def require_success(result: StageResult, recipe: Recipe, *, kept: Path | None) -> None:
    """Raises PhaseError naming the function that failed and how, RecipeError for a function that does not exist.

    LimitError where a limit of the user's ended it.

    ``kept`` is the folder to look at, None if it will be gone.
    """
    if result.missing:
        raise RecipeError(f"No such function {result.missing}", hint=f"{recipe.path} does not define it")
    function, status = result.running or "the recipe's shell", result.status
    if result.failures:
        function, status = result.failures[0].function, result.failures[0].status
    elif result.status == 0:
        return
    if result.breach is not None:
        text = result.breach.text + (f"; its tree is kept in {kept} for looking" if kept else "")
        raise LimitError(
            f"{function} was ended: {result.breach.reason}",
            reason=result.breach.reason,
            phase=function,
            status=status,
            details=(text,),
        )
    details = (
        _how(status) + (f"; its tree is kept in {kept} for looking" if kept else ""),
        *_not_given(result, recipe),
    )
    unseen = result.out_of_sight if status == _NOT_FOUND else ()
    offline = not result.had_network and function in recipe.functions and function not in STEPS
    hint = f"{_OUT_OF_SIGHT}: {' '.join(unseen)}" if unseen else NO_NETWORK if offline else None
    raise PhaseError(f"{function} failed", phase=function, status=status, details=details, hint=hint, log=result.log)


def _not_given(result: StageResult, recipe: Recipe) -> tuple[str, ...]:
    """One line on the variables that the recipe's text asks for and did not get; none if there are none."""
    if not result.withheld:
        return ()
    import re

    try:
        text = recipe.path.read_bytes().decode("utf-8", "surrogateescape")
    except OSError:
        return ()
    asked = set(re.findall(r"\$\{?#?([A-Za-z_][A-Za-z0-9_]*)", text)) | set(re.findall(r"\bprintenv +(\w+)", text))
    names = [name for name in result.withheld if name in asked]
    if not names:
        return ()
    options = " ".join(f"--pass-env={name}" for name in names)
    return (f"it was not given {', '.join(names)}, which the recipe names; {options} lets that through",)


def _how(status: int) -> str:
    """An exit status in words; shells report a signal as 128 more than its number."""
    import signal

    number = -status if status < 0 else status - 128
    try:
        return f"it was ended by {signal.Signals(number).name}"
    except ValueError:
        return f"it ended with status {status}"
