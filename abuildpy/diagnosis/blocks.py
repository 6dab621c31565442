# SPDX-License-Identifier: GPL-3.0-or-later
"""Messages of several lines: what the lines around a hit add to it.

A traceback's error is its last line; CMake, OCaml, Fortran, Rust and GHC tell place and message on different lines.
"""

from __future__ import annotations

import re
from dataclasses import replace

from abuildpy.diagnosis.model import Event, Rank
from abuildpy.diagnosis.scan import event_of
from abuildpy.diagnosis.text import Log
from abuildpy.diagnosis.tracebacks import MODULE_MISSING, frame_before, traceback_of

_RUST_PLACE = re.compile(r"\s*(?:-->|:::) (?P<file>[^\s:]+):(?P<line>\d+):\d+")
_OCAML_PLACE = re.compile(r'File "(?P<file>[^"]+)", lines? (?P<line>\d+)')
_FORTRAN_PLACE = re.compile(r"(?P<file>[^\s:]+):(?P<line>\d+):\d+:$")
_FIND = re.compile(r"Could NOT find (?P<name>[\w.+-]+)")
_CONFIG = re.compile(
    r"(?:Could not find a (?:package configuration file|configuration file for package)(?: provided by)? \"(?P<name>[^\"]+)\""
    r"|By not providing \"Find(?P<find>[^\"]+)\.cmake\")"
)
_CMAKE_PKG = re.compile(r"(?:The following required packages were not found:|A required package was not found)")


_SUMMARY = re.compile(r"(?:Failed to build|Some packages failed|The build was|See the build log)")
"""What a package manager says when all is over."""
_PLACE_ALONE = re.compile(r"error:\s*(?:\[GHC-\d+\])?$")


def complete(log: Log, events: list[Event]) -> list[Event]:
    """The events with what the lines around them tell; a traceback's takes the place of its last line."""
    done: list[Event] = []
    covered = -1
    for event in events:
        if event.index <= covered:
            continue
        if event.kind == "traceback":
            found, covered = traceback_of(log, event)
            if found is not None:
                verdict = next((each for each in reversed(done[-3:]) if each.kind == "unittest-verdict"), None)
                if verdict is not None and event.index - verdict.index <= 6:
                    kind = "missing-python-module" if found.kind == "missing-python-module" else "test-failed"
                    found = replace(found, kind=kind, rank=Rank.TEST, tool="unittest", name=found.name or verdict.name)
                    del done[done.index(verdict) :]
                done.append(found)
            continue
        whole = event
        if event.kind == "cmake-error":
            whole, covered = _cmake(log, event)
        if event.kind == "ruby-error" and "extconf.rb failed" in event.text:
            whole = _extconf(log, event)
        done.append(_whole(log, whole))
    return done


_CHECKING = re.compile(r"checking for (?P<name>[^\s(]+?)(?:\.\.\.|[\s(])")


def _extconf(log: Log, event: Event) -> Event:
    """What a gem's extconf.rb said last before mkmf tells that it failed, be it only what it looked for."""
    index = next((each for each in range(event.index - 1, max(event.index - 4, -1), -1) if log.line(each).strip()), -1)
    text = log.line(index) if index >= 0 else ""
    if not text or text[:1].isspace() or (event_of(index, text) or event).rank is not Rank.END or text.endswith("yes"):
        return event
    checked = _CHECKING.match(text)
    looked = checked or _CHECKING.match(log.line(index - 1) if index else "")
    header = looked["name"] if looked is not None and looked["name"].endswith((".h", ".hpp")) else ""
    kind = "missing-header" if header else "ruby-error"
    return replace(event, index=index, text=text, rank=Rank.LIKELY if checked else Rank.STOP, kind=kind, name=header)


def _whole(log: Log, event: Event) -> Event:
    """An event with what the lines around it add."""
    if event.tool == "rust" and event.text.startswith("error") and event.rank is not Rank.END:
        return _rust(log, event)
    if event.kind == "error" and event.text.startswith("error: "):
        return _rust(log, event)
    if event.kind == "waf-error" and event.rank is Rank.END:
        return _waf(log, event)
    if event.kind == "missing-package":
        below = _next_text(log, event.index)
        return replace(event, name=below.partition(" ")[0], text=f"{event.text} {below.rstrip(':')}")
    if event.tool == "haskell" and event.text.endswith("]"):
        below = _next_text(log, event.index)
        return replace(event, text=f"{event.text} {below}", rank=Rank.END if _SUMMARY.match(below) else event.rank)
    if event.tool == "ocaml" or (event.kind == "missing-module" and not event.file):
        return _placed_before(log, event)
    if event.kind == "sphinx-error" and (extension := _EXTENSION.search(_next_text(log, event.index))) is not None:
        return replace(event, kind="missing-python-module", name=extension["name"])
    if event.rank is Rank.TEST and event.name in ("Failure:", "Error:"):  # minitest
        return replace(event, name=_next_text(log, event.index).partition(" [")[0])
    if event.kind == "python-syntax":
        return frame_before(log, event)
    if event.kind == "compile-error" and _PLACE_ALONE.search(event.text):
        return _haskell_module(replace(event, text=f"{event.text} {_next_text(log, event.index)}".rstrip()))
    if event.rank is Rank.TEST:
        return _test(log, event)
    if event.kind in ("missing-pkgconfig", "gradle-error", "rust-panic"):
        return _continued(log, event)
    return event


_EXTENSION = re.compile(r"Could not import extension (?P<name>[\w.]+)")
_WAF = re.compile(r"Checking for (?P<name>.*?)\s+: (?:not found|no\b)")


def _waf(log: Log, event: Event) -> Event:
    """What waf looked for last before it gave up."""
    for index in range(event.index - 1, max(event.index - 4, -1), -1):
        match = _WAF.match(log.line(index))
        if match is not None:
            return replace(
                event, text=f"{event.text}: {log.line(index)}", name=match["name"].strip("'\""), rank=Rank.STOP
            )
    return event


def _following(log: Log, event: Event, most: int) -> range:
    return range(event.index + 1, min(event.index + 1 + most, len(log)))


def _next_text(log: Log, index: int, most: int = 3) -> str:
    """The next line that says something."""
    for each in range(index + 1, min(index + 1 + most, len(log))):
        text = log.line(each).strip(" \t•│|")
        if text:
            return text
    return ""


# --- CMake, Rust, OCaml and Fortran, Haskell -----------------------------------------------------------------------------


def _cmake(log: Log, event: Event) -> tuple[Event, int]:
    """The message below CMake's headline, which names what is missing; it ends where the indentation does."""
    body: list[str] = []
    indent = len(event.text) - len(event.text.lstrip())
    index = event.index
    for index in range(event.index + 1, min(event.index + 60, len(log))):
        text = log.line(index)
        if text.strip() and len(text) - len(text.lstrip()) <= indent:
            break
        if text.strip().startswith("Call Stack"):
            break
        if text.strip():
            body.append(text.strip())
    whole = " ".join(body)
    text = f"{event.text.strip()} {body[0]}" if body and event.text.rstrip().endswith(":") else event.text.strip()
    package = _CONFIG.search(whole) or _FIND.search(whole)
    if package is not None:
        name = next(value for value in package.groups() if value)
        return replace(event, kind="missing-cmake-package", name=name, text=text), event.index
    listed = _CMAKE_PKG.search(whole)
    if listed is not None:
        names = re.findall(r"- (\S+)", whole)
        return replace(event, kind="missing-pkgconfig", name=names[0] if names else "", text=text), event.index
    if "is not able to compile a simple test program" in whole:
        return replace(event, text=text), index - 1  # what the compiler said stands indented below
    return replace(event, text=text), event.index


def _rust(log: Log, event: Event) -> Event:
    for index in range(event.index + 1, min(event.index + 4, len(log))):
        place = _RUST_PLACE.match(log.line(index))
        if place is not None:
            kind = event.kind if event.kind != "error" else "rust-error"
            return replace(event, kind=kind, rank=Rank.CAUSE, tool="rust", file=place["file"], line=int(place["line"]))
    return event


def _placed_before(log: Log, event: Event) -> Event:
    """OCaml names the place some lines above the message, gfortran likewise."""
    for index in range(event.index - 1, max(event.index - 12, -1), -1):
        text = log.line(index)
        place = _OCAML_PLACE.match(text)
        if place is not None:
            return replace(event, kind="compile-error", rank=Rank.CAUSE, file=place["file"], line=int(place["line"]))
        place = _FORTRAN_PLACE.match(text)
        if place is not None and event.index - index <= 6:
            return replace(
                event,
                kind="missing-module" if event.kind == "missing-module" else "compile-error",
                rank=Rank.CAUSE,
                tool="cc",
                file=place["file"],
                line=int(place["line"]),
            )
    return event


def _haskell_module(event: Event) -> Event:
    module = re.search(r"Could not (?:find|load) module [`‘'](?P<name>[^’'`]+)", event.text)
    return event if module is None else replace(event, kind="missing-haskell-package", name=module["name"])


def _continued(log: Log, event: Event) -> Event:
    """A headline that says little without what follows."""
    if event.kind == "missing-pkgconfig" and event.tool == "autoconf":
        return replace(event, name=event.name.split(")")[0].strip())
    if event.kind == "rust-panic" and any(
        log.line(index).lstrip().startswith("The system library") for index in _following(log, event, 12)
    ):
        return replace(event, rank=Rank.END)  # what it could not bear is told a few lines below
    if event.kind == "gradle-error" and any(
        "There were failing tests" in log.line(index) for index in _following(log, event, 3)
    ):
        return replace(event, rank=Rank.END, kind="test-failed")
    if event.kind in ("gradle-error", "rust-panic") and event.text.rstrip().endswith(":"):
        return replace(event, text=f"{event.text.rstrip()} {_next_text(log, event.index)}".rstrip())
    return event


# --- tests ---------------------------------------------------------------------------------------------------------------

_GO_PLACE = re.compile(r"\s+(?P<file>[^\s:]+\.go):(?P<line>\d+): (?P<text>.*)")
_PY_PLACE = re.compile(r"(?P<file>[^\s:]+\.py):(?P<line>\d+): ")


def _test(log: Log, event: Event) -> Event:
    """Where a test failed, and of unittest what it raised."""
    if event.kind == "pytest-detail":
        for index in range(event.index + 1, min(event.index + 60, len(log))):
            place = _PY_PLACE.match(log.line(index))
            if place is not None:
                event = replace(event, file=place["file"], line=int(place["line"]))
                break
        module = MODULE_MISSING.match(event.name)
        if module is not None and "Error" in event.name:
            return replace(event, kind="missing-python-module", name=module["name"], text=event.text.strip())
        return replace(event, kind="test-failed", name=_pytest_name(log, event.index), text=event.text.strip())
    if event.tool == "ctest" and (number := _CTEST.match(event.text)) is not None:
        return _ctest(log, event, f"{number['number']}: ")
    if event.tool in ("go-test", "tap", "bats"):
        for index in (
            *range(event.index + 1, min(event.index + 5, len(log))),
            *range(event.index - 1, max(event.index - 4, -1), -1),
        ):
            place = _GO_PLACE.match(log.line(index))
            if place is not None and event.tool == "go-test":
                return replace(event, file=place["file"], line=int(place["line"]))
    return event


_LONGEST_TEST = 1 << 18
_CTEST = re.compile(r"\s*\d+/\d+ Test +#(?P<number>\d+): ")


def _ctest(log: Log, event: Event, prefix: str) -> Event:
    """Of a test that ``ctest -V`` ran, whose lines have its number in front, the first that tells what failed."""
    before = log.starts[event.index]
    first = log.data.rfind(f"\n{prefix}Test command: ".encode(), max(0, before - _LONGEST_TEST), before)
    if first < 0:
        return event
    told: Event | None = None
    for index in range(event.index - 1, max(event.index - 2000, -1), -1):
        text = log.line(index)
        if not text.startswith(prefix):
            continue
        inner = text[len(prefix) :]
        if inner.startswith("Test command: "):
            break
        one = event_of(index, inner)
        if one is not None and one.rank >= Rank.TEST and one.kind != "unittest-verdict":
            told = one
    if told is None:
        return event
    return replace(told, kind="test-failed", rank=Rank.TEST, tool="ctest", text=log.line(told.index), name=event.name)


_UNDERLINED = re.compile(r"_{3,} (?:ERROR (?:collecting|at \w+ of) )?(?P<name>\S.*?) _{3,}$")


def _pytest_name(log: Log, index: int) -> str:
    for each in range(index - 1, max(index - 300, -1), -1):
        match = _UNDERLINED.match(log.line(each))
        if match is not None:
            return match["name"]
    return ""
