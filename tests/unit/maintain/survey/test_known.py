# SPDX-License-Identifier: GPL-3.0-or-later
"""Which package has what a source asks for."""

from __future__ import annotations

from abuildpy.maintain.survey.known import KnownPackages
from abuildpy.repository.index import IndexEntry


def test_names_of_packages() -> None:
    names = {"libayatana-indicator-dev", "py3-foo.bar", "py3-pan", "black", "kcoreaddons5-dev", "libxyz-dev"}
    known = KnownPackages((), names.__contains__)
    assert known.module("ayatana-indicator3-0.4") == "libayatana-indicator-dev"
    assert known.module("gtk4") == "gtk4.0-dev"
    assert known.module("xyz") == "libxyz-dev"
    assert known.module("nowhere") is None
    assert known.module("threads") == ""
    assert known.cmake("KF5CoreAddons") == "kcoreaddons5-dev"
    assert known.cmake("KF5NewStuffCore") is None
    assert KnownPackages((), {"knewstuff5-dev"}.__contains__).cmake("KF5NewStuffCore") == "knewstuff5-dev"
    assert known.cmake("Qt6Quick") == "qt6-qtdeclarative-dev"
    assert [known.python(name) for name in ("Foo_Bar", "pypan", "black", "other")] == [
        *("py3-foo.bar", "py3-pan", "black", "py3-other")
    ]
    assert KnownPackages().python("PyYAML") == "py3-yaml"


def test_an_index_knows_best() -> None:
    entry = IndexEntry("", "odd-package", "1-r0", provides=("pc:glib-2.0=2.80", "cmd:thing=1"))
    known = KnownPackages((entry,))
    assert known.module("glib-2.0") == "odd-package"
    assert known.program("thing") == "odd-package"
