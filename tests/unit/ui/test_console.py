# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages on the terminal."""

from __future__ import annotations

import os

import pytest

from abuildpy.ui.console import Console, want_colors


def test_messages_do_not_command_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    """They quote names out of strangers' archives, packages and answers."""
    evil = "a\x1b]0;t\x07b\x9b31mc\u202ed\re"
    console = Console(name="foo")
    for say in (console.msg, console.msg2, console.warning, console.warning2, console.error, console.error2):
        say(evil)
    err = capfd.readouterr().err
    assert err.count("a\ufffd]0;t\ufffdb\ufffd31mc\ufffdd\ufffde") == 6
    assert all(sign.isprintable() or sign == "\n" for sign in err)


def test_other_texts_stay_what_they_are(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    Console(name="foo").msg("zwei\n\tZeilen: ä \udce4")
    assert capfdbinary.readouterr().err == b">>> foo: zwei\n\tZeilen: \xc3\xa4 \xe4\n"


@pytest.mark.parametrize(
    ("use_colors", "terminal", "no_color", "wanted"),
    [
        ("1", True, "", True),
        ("1", False, "", False),
        ("", True, "", False),
        ("1", True, "1", False),
        ("force", False, "", True),
        ("force", True, "1", True),
    ],
)
def test_colours(use_colors: str, terminal: bool, no_color: str, wanted: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """USE_COLORS asks for them, a terminal shows them, NO_COLOR takes them away unless they are forced."""
    monkeypatch.setattr(os, "isatty", lambda _descriptor: terminal)
    monkeypatch.setenv("NO_COLOR", no_color)
    assert want_colors(use_colors) is wanted
