# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages on the terminal."""

from __future__ import annotations

import pytest

from abuildpy.ui.console import Console


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
