# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from abuildpy.diagnosis.model import ContextLine, Diagnosis
from abuildpy.ui.diagnosis import as_document, as_lines, show

FOUND = Diagnosis(
    kind="missing-header",
    tool="cc",
    number=7,
    text="fatal error: x.h: \033[31mNo such file",
    file="a.c",
    line=3,
    name="x.h",
    context=(ContextLine(6, "cc -c a.c"), ContextLine(7, "fatal error: x.h\a")),
    cause="it is not there",
    next_step="get it",
    packages=("x-dev",),
)


def test_lines() -> None:
    assert as_lines(FOUND, Path("/l/build.log")) == (
        "first error (line 7, missing-header): a.c:3: fatal error: x.h: \N{REPLACEMENT CHARACTER}[31mNo such file",
        "      6 | cc -c a.c",
        ">     7 | fatal error: x.h\N{REPLACEMENT CHARACTER}",
        "likely cause: it is not there",
        "next step: get it",
        "log: /l/build.log",
    )


def test_document() -> None:
    document = as_document(FOUND, None)
    assert (document["found"], document["log"], document["packages"]) == (True, None, ["x-dev"])
    assert as_document(None, Path("/x")) == {"log": "/x", "found": False}


def test_plain_where_there_is_no_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    show(FOUND, None, colors=True, indent=2)
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == [f"  {line}" for line in as_lines(FOUND, None)]
