# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages on the terminal, in abuild's own layout."""

from __future__ import annotations

import os
import sys

from abuildpy.record import record

_NORMAL, _STRONG = "\033[1;0m", "\033[1;1m"
_RED, _GREEN, _YELLOW, _BLUE = "\033[1;31m", "\033[1;32m", "\033[1;33m", "\033[1;34m"
_MARK = "\ufffd"
_COMMANDS = dict.fromkeys(
    (
        *range(9),
        *range(11, 32),
        *range(127, 160),
        0x61C,
        0x200E,
        0x200F,
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
    ),
    _MARK,
)
"""Control characters but tab and newline, and signs that turn the direction of writing."""


def _tame(text: str) -> str:
    """A message, which may quote names of strangers' files and packages, without what commands a terminal."""
    return text if text.isascii() and text.isprintable() else text.translate(_COMMANDS)


def want_titles(use_colors: str) -> bool:
    """Whether titles are to be set: where ``USE_COLORS`` says anything, terminal or not, and this is an xterm."""
    return bool(use_colors) and os.environ.get("TERM") == "xterm"


def want_colors(use_colors: str) -> bool:
    """Whether ``USE_COLORS`` asks for colours here: ``force``, or anything on a terminal (standard output decides).

    NO_COLOR in the environment takes them away from terminals, whoever set USE_COLORS (no-color.org).
    """
    return use_colors == "force" or (bool(use_colors) and not os.environ.get("NO_COLOR") and os.isatty(1))


@record(frozen=True)
class Console:
    """Prints ``>>> NAME*: text`` to standard error. ``name`` is None for programs that name no package.

    ``log_command`` is ABUILD_LOG_CMD in words: it is run with every error as well, in the name of ``recipe``, which stays
    the main package's when the messages are about another. ``titles`` says whether the title of the terminal is ours to set.
    """

    name: str | None = None
    colors: bool = False
    quiet: bool = False
    fakeroot: bool = False
    log_command: tuple[str, ...] = ()
    recipe: str = ""
    titles: bool = False

    def about(self, name: str, *, fakeroot: bool = False) -> Console:
        """The same console speaking of another package."""
        return Console(name, self.colors, self.quiet, fakeroot, self.log_command, self.recipe or name, self.titles)

    def msg(self, text: str) -> None:
        """``>>> NAME: text``, unless quiet."""
        if not self.quiet:
            self._say(_GREEN, ">>>", text)

    def msg2(self, text: str) -> None:
        """A continuation, indented by four blanks, unless quiet."""
        if not self.quiet:
            _write(2, f"    {_tame(text)}\n")

    def warning(self, text: str) -> None:
        """``>>> WARNING: NAME: text``."""
        self._say(_YELLOW, ">>> WARNING:", text)

    def warning2(self, text: str) -> None:
        """Continues a warning."""
        _write(2, f"{'':13}{_tame(text)}\n")

    def error(self, text: str) -> None:
        """``>>> ERROR: NAME: text``; the log gets it too."""
        self._say(_RED, ">>> ERROR:", text)
        self.log(f"ERROR: {self.recipe}: {text}")

    def log(self, line: str) -> None:
        """Hands a line to the log command, if there is one, as its last argument; whatever becomes of it."""
        if not self.log_command:
            return
        import subprocess

        sys.stdout.flush()
        try:
            subprocess.run((*self.log_command, line), check=False)
        except (OSError, ValueError):
            pass

    def error2(self, text: str) -> None:
        """Continues an error."""
        _write(2, f"{'':11}{_tame(text)}\n")

    def plain(self, text: str) -> None:
        """A line on standard output."""
        _write(1, f"{text}\n")

    def lines(self, stream: str, lines: tuple[str, ...]) -> None:
        """Lines as they are on ``stdout`` or ``stderr``."""
        _write(1 if stream == "stdout" else 2, "".join(f"{line}\n" for line in lines))

    def title(self, text: str) -> None:
        """Sets the terminal's title, where it is ours to set."""
        if self.titles:
            _write(2, f"\033]0;{text}\007")

    def _say(self, color: str, prompt: str, said: str) -> None:
        text = _tame(said)
        if self.colors:
            about = "" if self.name is None else f"{_STRONG}{self.name}{_NORMAL}{self._star(_BLUE, _NORMAL)}: "
            _write(2, f"{color}{prompt}{_NORMAL} {about}{text}\n")
        else:
            about = "" if self.name is None else f"{self.name}{self._star('', '')}: "
            _write(2, f"{prompt} {about}{text}\n")

    def _star(self, before: str, after: str) -> str:
        return f"{before}*{after}" if self.fakeroot else ""


def _write(descriptor: int, text: str) -> None:
    """Writes at once and whole: phases write to the same descriptors, and a closed one must not hide the real error."""
    stream = sys.stdout if descriptor == 1 else sys.stderr
    try:
        stream.flush()
        data = text.encode("utf-8", "surrogateescape")
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        pass
