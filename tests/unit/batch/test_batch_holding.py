# SPDX-License-Identifier: GPL-3.0-or-later
"""What is held back where the gate is closed, and that the rest takes nothing from anybody and lacks nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from batchkit import entry

from abuildpy.batch.gate import Listed, find_losses
from abuildpy.batch.holding import hold_back


def main(*arguments: str, **more: str) -> Listed:
    return "main", entry(*arguments, **more)


OLD = main("lib", "1-r0", provides="so:liba.so.1=1")
APP = main("app", "1-r0", depends="so:liba.so.1")
NEW = main("lib", "2-r0", provides="so:liba.so.2=2")
OTHER = main("other", "1-r0")


def held(
    current: Sequence[Listed], staged: Mapping[str, Listed], needs: Mapping[str, Sequence[str]] | None = None
) -> list[str]:
    """What is held back; the gate is open for the rest."""
    found = hold_back(current, {name: [package] for name, package in staged.items()}, needs or {})
    assert find_losses(current, [package for name, package in staged.items() if name not in found]) == ()
    return sorted(found)


def test_nothing_where_the_gate_is_open() -> None:
    assert held([OLD], {"lib": NEW, "other": OTHER}) == []


def test_who_takes_something_away() -> None:
    assert held([OLD, APP], {"lib": NEW, "other": OTHER}) == ["lib"]


def test_who_needs_it_in_any_way() -> None:
    staged = {
        "lib": NEW,
        "by-library": main("by-library", depends="so:liba.so.2"),
        "by-name": main("by-name", depends="lib>=2"),
        "by-another": main("by-another", depends="by-name"),
        "older-will-do": main("older-will-do", depends="lib>=1"),
        "nobody-has-it": main("nobody-has-it", depends="so:libz.so"),
        "does-not-want-it": main("does-not-want-it", depends="!lib>=2"),
        "not-with-the-old": main("not-with-the-old", depends="!lib<2"),
        "no-dependency": main("no-dependency", depends="lib<>=2"),
    }
    assert held([OLD, APP], staged) == ["by-another", "by-library", "by-name", "lib", "not-with-the-old"]


def test_who_was_built_with_it() -> None:
    """Over others too: nobody knows what of it got into them."""
    staged = {name: main(name) for name in ("static", "further", "free")}
    needs = {"static": ["lib"], "further": ["static"], "free": ["elsewhere"]}
    assert held([OLD, APP], {"lib": NEW, **staged}, needs) == ["further", "lib", "static"]


def test_holding_back_may_close_the_gate_for_others() -> None:
    """The other provider of what app needs comes with the batch; where it waits, so does what counts on it."""
    compat = main("compat", depends="so:liba.so.2", provides="so:liba.so.1=1")
    third = main("third", "1-r0", depends="so:libb.so.1")
    b_old = main("b", "1-r0", provides="so:libb.so.1=1")
    b_new = main("b", "2-r0", depends="so:libz.so.1")
    z_old = main("z", "1-r0", provides="so:libz.so.1=1")
    assert held([OLD, APP], {"lib": NEW, "compat": compat}) == []
    # b takes libb from third, and takes compat with it, without which lib would take liba from app.
    counting = main("compat", depends="b>=2 so:liba.so.2", provides="so:liba.so.1=1")
    current = [OLD, APP, third, b_old, z_old]
    assert held(current, {"lib": NEW, "compat": counting, "b": b_new, "other": OTHER}) == ["b", "compat", "lib"]


def test_staged_packages_that_lose() -> None:
    """Built before the library was: with that held back they may be published."""
    early = main("app", "1-r1", depends="so:liba.so.1")
    assert held([OLD], {"lib": NEW, "app": early}) == ["lib"]


def test_losses_that_do_not_matter() -> None:
    assert hold_back([OLD, APP], {"lib": [NEW]}, {}, lambda _: False) == frozenset()
