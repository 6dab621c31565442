# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from maintain_log import Log

from abuildpy.maintain.pkgrel import set_release


@pytest.mark.parametrize(
    ("text", "after", "said"),
    [
        ("pkgrel=1 # c\n", "pkgrel=4 # c\n", ""),
        (
            "pkgrel=1\nif :; then\n\tpkgrel=9\nfi\n",
            "pkgrel=4\nif :; then\n\tpkgrel=9\nfi\n",
            "line 3: pkgrel is changed again",
        ),
        ("\tpkgrel=1\n", "\tpkgrel=1\n", "has no line pkgrel=, nothing was changed"),
    ],
)
def test_a_release_is_written_and_what_defeats_it_is_named(tmp_path: Path, text: str, after: str, said: str) -> None:
    apkbuild = tmp_path / "APKBUILD"
    apkbuild.write_text(text)
    log = Log()
    set_release(apkbuild, 4, log)
    assert apkbuild.read_text() == after
    assert (said in str(log.said)) if said else not log.said
