# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests of ``abuild rootbld``; a test module names this one in ``pytest_plugins``."""

from __future__ import annotations

import os

import pytest
from buildkit import Place
from rootkit import RootPlace, prepare


@pytest.fixture(params=["ourselves", "somebody"])
def rooted(request: pytest.FixtureRequest, place: Place) -> RootPlace:
    """A place for clean roots: of ourselves (root, if we are) and of an ordinary user."""
    if request.param == "somebody":
        if os.geteuid() != 0:
            pytest.skip("we are an ordinary user ourselves")
        return prepare(request.getfixturevalue("users_place"))
    return prepare(place)


@pytest.fixture
def ours(place: Place) -> RootPlace:
    """A place for clean roots, as whoever we are."""
    return prepare(place)
