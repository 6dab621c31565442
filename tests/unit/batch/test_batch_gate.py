# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest
from batchkit import entry

from abuildpy.batch.gate import GateError, Listed, find_losses, newest
from abuildpy.batch.model import Loss


def main(*arguments: str, **more: str) -> Listed:
    return "main", entry(*arguments, **more)


def community(*arguments: str, **more: str) -> Listed:
    return "community", entry(*arguments, **more)


LIB = main("lib", "1-r0", provides="so:liba.so.1=1.2 pc:a=1.2 cmd:a=1-r0")


def lost(*losses: Loss) -> list[tuple[str, str]]:
    return [(loss.package, loss.wanted) for loss in losses]


@pytest.mark.parametrize(
    ("depends", "provides", "loses"),
    [
        ("so:liba.so.1", "so:liba.so.1=1.3", []),
        ("so:liba.so.1", "so:liba.so.2=2", ["so:liba.so.1"]),
        ("so:liba.so.1", "", ["so:liba.so.1"]),
        ("pc:a>=1.2", "pc:a=1.3", []),
        ("pc:a>=1.2", "pc:a=1.1", ["pc:a>=1.2"]),
        ("pc:a>=2", "", []),  # it does not have it now either
        ("cmd:a", "", ["cmd:a"]),
        ("cmd:a so:liba.so.1 pc:a=1.2", "pc:a=1.2", ["cmd:a", "so:liba.so.1"]),
        ("!so:liba.so.1", "", []),
        ("so:libc.so", "", []),
        ("lib<2", "", []),
        ("so:liba.so.1<>=3", "", []),
    ],
)
def test_what_a_package_loses(depends: str, provides: str, loses: list[str]) -> None:
    app = community("app", "1-r0", depends=depends)
    losses = find_losses([LIB, app], [main("lib", "2-r0", provides=provides)])
    assert lost(*losses) == [("community/app-1-r0", wanted) for wanted in loses]
    assert all(loss.taken_by == ("main/lib-2-r0",) and loss.had_from == ("main/lib-1-r0",) for loss in losses)
    assert all(loss.recipe == "community/app" for loss in losses)


APP = community("app-tools", "1-r0", depends="so:liba.so.1", origin="app")
GONE = main("lib", "2-r0")


def test_another_provider_is_enough() -> None:
    other = community("compat", "1-r0", provides="so:liba.so.1=1")
    assert find_losses([LIB, APP, other], [GONE]) == ()
    assert find_losses([LIB, APP], [GONE, other]) == ()
    replaced = find_losses([LIB, APP, other], [GONE, community("compat", "2-r0")])
    assert [(loss.taken_by, loss.had_from) for loss in replaced] == [
        (("main/lib-2-r0", "community/compat-2-r0"), ("main/lib-1-r0", "community/compat-1-r0"))
    ]


def test_who_is_rebuilt_loses_nothing() -> None:
    assert find_losses([LIB, APP], [GONE, community("app-tools", "1-r1", depends="so:liba.so.2")]) == ()


def test_staged_packages_lose_too() -> None:
    """Built before the library was, as in a cycle."""
    early = community("app-tools", "1-r1", depends="so:liba.so.1", origin="app")
    assert lost(*find_losses([LIB, APP], [GONE, early])) == [("community/app-tools-1-r1", "so:liba.so.1")]
    assert lost(*find_losses([LIB], [GONE, early])) == [("community/app-tools-1-r1", "so:liba.so.1")]


def test_only_the_highest_version_counts() -> None:
    older = main("lib", "0-r0", provides="so:liba.so.1=0")
    assert lost(*find_losses([older, LIB, APP], [GONE])) == [("community/app-tools-1-r0", "so:liba.so.1")]
    # What comes in an older version than there is replaces nothing.
    assert find_losses([LIB, APP], [main("lib", "0.5-r0")]) == ()
    assert newest([main("a", "1.10-r0"), main("a", "1.9-r0")])["a"][1].version == "1.10-r0"


def test_the_same_version_made_anew_replaces() -> None:
    assert lost(*find_losses([LIB, APP], [main("lib", "1-r0")])) == [("community/app-tools-1-r0", "so:liba.so.1")]


def test_a_library_that_moves_to_another_package() -> None:
    assert find_losses([LIB, APP], [GONE, main("lib-libs", "2-r0", provides="so:liba.so.1=1.2")]) == ()


def test_a_package_that_its_recipe_does_not_make_any_more() -> None:
    old = community("app-extra", "1-r0", depends="so:liba.so.1", origin="app")
    new = community("app-tools", "2-r0", depends="so:liba.so.2", origin="app")
    later = community("app-zeal", "1-r0", depends="so:liba.so.1", origin="app")
    for there in ([LIB, APP, old], [LIB, old, APP]):
        (loss,) = find_losses(there, [GONE, new])
        assert (loss.package, loss.left_over) == ("community/app-extra-1-r0", True)
    assert all(loss.left_over for loss in find_losses([LIB, old, later], [GONE, new]))
    assert str(loss).endswith("(community/app does not make that package any more: delete it)")
    assert not any(loss.left_over for loss in find_losses([LIB, APP, old], [GONE]))


def test_the_error_names_all_of_it() -> None:
    losses = find_losses([LIB, APP, community("zap", depends="cmd:a so:liba.so.1")], [GONE])
    error = GateError(losses)
    assert error.recipes == ("community/app", "community/zap")
    assert error.details[0] == (
        "community/app-tools-1-r0 would lose so:liba.so.1: main/lib-1-r0 has it, main/lib-2-r0 has not"
    )
    assert error.hint is not None
    assert error.hint.endswith("community/app community/zap")
