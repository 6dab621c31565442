# SPDX-License-Identifier: GPL-3.0-or-later
"""abuildpy itself: what is said of subcommands that do not exist, and of options that they do not have."""

from __future__ import annotations

import sys

import pytest

from abuildpy.cli import umbrella


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nosuch"], "no subcommand 'nosuch'"),
        (["paths", "x"], "paths takes no arguments"),
        (["cache", "--nosuch"], "option --nosuch not recognized"),
        (["info", "--nosuch"], "option --nosuch not recognized"),
        (["sandbox", "a", "b"], "usage: abuildpy sandbox"),
        (["shell", "--net=perhaps"], "not 'perhaps'"),
        (["why", "--nosuch"], "option --nosuch not recognized"),
        (["verify", "--index", "/nosuch", "x.apk"], "--index /nosuch: there is no such file"),
        (["verify", "--keys-dir", "/nosuch", "x.apk"], "--keys-dir /nosuch: there is no such folder"),
    ],
)
def test_a_wrong_command_line(
    words: list[str], told: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Status 2, and what was wrong stands there without a page of usage around it."""
    monkeypatch.setattr(sys, "argv", ["abuildpy", *words])
    assert umbrella.main() == 2
    out, err = capfd.readouterr()
    assert (out, told in err, len(err.splitlines()) < 5) == ("", True, True)


@pytest.mark.parametrize("name", ["cache", "info", "paths", "sandbox", "shell", "why"])
def test_help(name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["abuildpy", name, "--help"])
    assert umbrella.main() == 0
    assert capfd.readouterr().out.startswith(f"usage: abuildpy {name}")
