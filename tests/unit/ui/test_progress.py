# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import pytest

import abuildpy
from abuildpy.ui.progress import download_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_no_bar_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    assert download_bar(io.StringIO()) is None
    monkeypatch.setenv("TERM", "dumb")
    assert download_bar(Terminal()) is None


def test_a_bar_shows_name_and_size_and_is_wiped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    stream = Terminal()
    bar = download_bar(stream)
    assert bar is not None
    bar.advance(1)  # before a start: nothing to draw on
    bar.start("foo[bold].tar.gz", 4_000_000, 1_000_000)
    bar.advance(2_000_000)
    bar.stop()
    bar.stop()
    text = stream.getvalue()
    assert "foo[bold].tar.gz" in text
    assert "3.0/4.0 MB" in text
    assert "\x1b[2K" in text.rpartition("MB")[2]  # the last thing said is: erase the line


def test_rich_is_imported_only_to_draw() -> None:
    code = "import sys, abuildpy.ui.progress as p; p.download_bar(); sys.exit('rich' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(abuildpy.__file__).parents[1])
