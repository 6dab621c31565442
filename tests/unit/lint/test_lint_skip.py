# SPDX-License-Identifier: GPL-3.0-or-later
"""Comments in a recipe let findings pass: those of their line or statement, of their rule, and no others."""

from __future__ import annotations

import pytest
from lintkit import changed, lint, tags, with_body, with_line

EMPTY = 'install=""'


@pytest.mark.parametrize(
    "line",
    [
        f"{EMPTY} # lint: skip=AL5",
        f"{EMPTY} #lint:skip=empty-variable",
        f"{EMPTY} # lint: skip=AL1,AL5",
        f"# lint: skip=AL5\n{EMPTY}",
        f"# lint: skip=AL5\n# for the time being\n{EMPTY}",
    ],
)
def test_one_line(line: str) -> None:
    assert tags(lint(with_line(line))) == []


@pytest.mark.parametrize(
    "line",
    [
        f"{EMPTY} # lint: skip=AL6",
        f"{EMPTY} # lint: skip",
        f"{EMPTY} # skip=AL5",
        f"# lint: skip=AL5\n\n{EMPTY}",
        f"_x='# lint: skip=AL5'\n{EMPTY}\n_y=$_x\n_x=$_y",
    ],
)
def test_not_that_one(line: str) -> None:
    assert tags(lint(with_line(line))) == ["AL5"]


def test_other_lines_count_all_the_same() -> None:
    assert tags(lint(with_line(f'{EMPTY} # lint: skip=AL5\ntriggers=""'))) == ["AL5"]


@pytest.mark.parametrize("comment", ["before", "behind"])
def test_all_lines_of_an_assignment(comment: str) -> None:
    value = 'depends="\n\tinkpot\n  paper\n\t"'
    text = f"# lint: skip=AL7\n{value}" if comment == "before" else f"{value} # lint: skip=AL7"
    assert tags(lint(changed(('depends="inkpot"', value)))) == ["AL7"]
    assert tags(lint(changed(('depends="inkpot"', text)))) == []


def test_whole_file() -> None:
    text = with_line(f'{EMPTY}\ntriggers=""\n# lint: skip-file=AL5')
    assert tags(lint(text)) == []


def test_within_a_function() -> None:
    text = with_body("package", "# lint: skip=AP2", "make DESTDIR=$pkgdir install", "cp x $pkgdir/usr/")
    assert [(finding.rule.tag, finding.place.line) for finding in lint(text)] == [("AP2", 30)]
