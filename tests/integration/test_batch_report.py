# SPDX-License-Identifier: GPL-3.0-or-later
"""The HTML report of a batch in a real browser: hostile logs stay text, and search, filters, links, graph and keyboard work."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))
from batches import Play
from chromium import chromium, find_chromium
from report_html import Checks, make_report, use

from abuildpy.batch.model import Outcome, Plan
from abuildpy.batch.seeing.report import Reports
from abuildpy.ui.console import Console

pytestmark = [
    pytest.mark.needs_chromium,
    pytest.mark.skipif(find_chromium() is None, reason="there is no Chromium here"),
]


def test_a_report_is_used(tmp_path: Path) -> None:
    path, report = make_report(tmp_path, 120)
    checks = Checks()
    with chromium(str(find_chromium())) as page:
        use(page, path, report, checks)
    assert checks.count > 30
    assert checks.wrong == []


def test_a_report_of_nothing(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    Play(Plan((), (Outcome("main/a", "1", "skipped", "arch"),)), {}, tmp_path).run(
        [Reports([path], Console(quiet=True))], 1
    )
    with chromium(str(find_chromium())) as page:
        page.open(path.as_uri())
        assert page.run("document.title") == "1 recipe in 0.0s: 1 skipped"
        assert page.run("document.querySelectorAll('#graph-box a').length") == 1
        assert page.troubles() == []
