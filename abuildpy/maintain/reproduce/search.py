# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds which of several variations makes each difference, with few builds: suspects first, the others by halves."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def culprits(
    differing: Callable[[tuple[str, ...]], frozenset[K]],
    names: Sequence[str],
    wanted: Iterable[K],
    suspects: Sequence[str] = (),
) -> Mapping[K, tuple[str, ...]]:
    """For every difference of ``wanted`` the names that alone make it; none where only several together do.

    ``differing`` says what differs when just these are varied, which takes a build. ``suspects`` (of ``names``) are tried one
    by one; what they explain is not looked for among the others.
    """
    left = set(wanted)
    found: dict[K, list[str]] = {key: [] for key in left}

    def test(some: tuple[str, ...], keys: frozenset[K]) -> frozenset[K]:
        seen = differing(some) & keys
        if len(some) == 1:
            for key in seen:
                found[key].append(some[0])
        return seen

    def halve(some: tuple[str, ...], keys: frozenset[K]) -> None:
        """``keys`` differ when all of ``some`` are varied, as far as is known."""
        if len(some) < 2 or not keys:
            return
        middle = len(some) // 2
        for half in (some[:middle], some[middle:]):
            unexplained = frozenset(key for key in keys if not found[key])
            if unexplained:
                halve(half, test(half, unexplained))

    for name in dict.fromkeys(suspects):
        unexplained = frozenset(key for key in left if not found[key])
        if unexplained:
            test((name,), frozenset(left))
    rest = tuple(name for name in names if name not in suspects)
    unexplained = frozenset(key for key in left if not found[key])
    if unexplained and rest:
        halve(rest, unexplained if len(rest) > 1 else test(rest, unexplained))
    return {key: tuple(each) for key, each in found.items()}
