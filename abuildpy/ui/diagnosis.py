# SPDX-License-Identifier: GPL-3.0-or-later
"""Shows a diagnosis: as plain lines anywhere, with colours on a terminal that can."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from abuildpy.diagnosis.model import Diagnosis

_WIDEST = 200
_MARK = ">"


def as_lines(diagnosis: Diagnosis, log: Path | None) -> tuple[str, ...]:
    """The plain form, a line each; ``log`` is named at the end."""
    lines = [f"first error (line {diagnosis.number}, {diagnosis.kind}): {_cut(_title(diagnosis))}"]
    lines += [_context(line.number, line.text, line.number == diagnosis.number) for line in diagnosis.context]
    lines += [f"{word}: {text}" for word, text in _advice(diagnosis)]
    return (*lines, *((f"log: {log}",) if log else ()))


def as_document(diagnosis: Diagnosis | None, log: Path | None) -> Mapping[str, object]:
    """The same for JSON; without a diagnosis only the log is told."""
    found: dict[str, object] = {"log": None if log is None else str(log), "found": diagnosis is not None}
    if diagnosis is not None:
        found |= {
            "kind": diagnosis.kind,
            "tool": diagnosis.tool,
            "number": diagnosis.number,
            "text": diagnosis.text,
            "file": diagnosis.file or None,
            "line": diagnosis.line or None,
            "name": diagnosis.name or None,
            "cause": diagnosis.cause or None,
            "next_step": diagnosis.next_step or None,
            "packages": list(diagnosis.packages),
            "context": [{"number": line.number, "text": line.text} for line in diagnosis.context],
        }
    return found


def show(diagnosis: Diagnosis, log: Path | None, *, colors: bool, descriptor: int = 2, indent: int = 11) -> None:
    """Prints it on standard error (or output): with rich where ``colors`` are wanted and that is a terminal."""
    stream = sys.stdout if descriptor == 1 else sys.stderr
    stream.flush()
    if colors and os.isatty(descriptor) and os.environ.get("TERM", "dumb") != "dumb":
        _show_rich(diagnosis, log, descriptor, indent)
        return
    text = "".join(f"{' ' * indent}{line}".rstrip() + "\n" for line in as_lines(diagnosis, log))
    data = text.encode("utf-8", "surrogateescape")
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except OSError:
        pass


def _show_rich(diagnosis: Diagnosis, log: Path | None, descriptor: int, indent: int) -> None:
    from rich.console import Console
    from rich.text import Text

    with open(os.dup(descriptor), "w", encoding="utf-8", errors="replace") as stream:
        console = Console(file=stream, highlight=False, force_terminal=True)
        margin = " " * indent
        first = Text(margin)
        first.append(_cut(_title(diagnosis)), style="bold red")
        first.append(f"  (line {diagnosis.number}, {diagnosis.kind})", style="dim")
        console.print(first, soft_wrap=True)
        for line in diagnosis.context:
            own = line.number == diagnosis.number
            style = "bold" if own else "dim"
            console.print(Text(margin + _context(line.number, line.text, own), style=style), soft_wrap=True)
        for word, text in (*_advice(diagnosis), *((("log", str(log)),) if log else ())):
            advice = Text(margin)
            advice.append(f"{word}: ", style="bold")
            advice.append(text)
            console.print(advice, soft_wrap=True)


def _title(diagnosis: Diagnosis) -> str:
    """The message, with its place in front where it does not say so itself."""
    text = _printable(diagnosis.text)
    if not diagnosis.file or diagnosis.file in text:
        return text
    return f"{_printable(diagnosis.file)}{f':{diagnosis.line}' if diagnosis.line else ''}: {text}"


def _context(number: int, text: str, own: bool) -> str:
    return f"{_MARK if own else ' '} {number:5} | {_cut(_printable(text))}"


def _advice(diagnosis: Diagnosis) -> tuple[tuple[str, str], ...]:
    found = (("likely cause", diagnosis.cause), ("next step", diagnosis.next_step))
    return tuple((word, _cut(_printable(text))) for word, text in found if text)


def _printable(text: str) -> str:
    """Without anything that would do something to a terminal."""
    return "".join(sign if sign == "\t" or (sign.isprintable()) else "\N{REPLACEMENT CHARACTER}" for sign in text)


def _cut(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}…"
