# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares packages: two files, or all of one side with all of another."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from abuildpy.maintain.diff.model import Comparison, Difference


def compare_packages(old: Path, new: Path, *, contents: bool = False) -> Difference:
    """What differs between two package files; nothing is unpacked for it.

    ``contents`` asks for the changed lines of text files, too. Raises RepositoryError, naming the file, for one that cannot
    be read, is no package, is damaged, or unpacks to absurdly much.
    """
    raise NotImplementedError


def compare_sets(old: Iterable[Path], new: Iterable[Path], *, contents: bool = False) -> Comparison:
    """The same for all packages of a recipe, or of a repository: by name, and what moved from one package to another of
    the same side is not lost. Of two versions of a package on one side the higher one counts.
    """
    raise NotImplementedError
