# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from abuildpy.diagnosis import scan, text
from abuildpy.diagnosis.diagnose import diagnose
from abuildpy.diagnosis.model import ContextLine, Diagnosis
from abuildpy.diagnosis.rules import rules_by_needle
from abuildpy.diagnosis.text import parse_log, read_log

_ERROR = b"a.c:3:7: error: expected expression\n"
_NOISE = b"cc -Werror=format-security -c error%d.c\nerror%d.c:1:1: warning: unused 'error'\n"


def found(data: bytes, status: int | None = None) -> Diagnosis:
    diagnosis = diagnose(parse_log(data), status=status)
    assert diagnosis is not None
    return diagnosis


def test_every_needle_is_looked_for() -> None:
    for needle in rules_by_needle():
        assert needle == needle.lower()
        assert any(word in needle for word in scan._WORDS), needle


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize(
    "other", ["error\n", "cc -O2 -c a.c\n", "a.c:1:1: warning: unused 'x'\n", "checking for foo: not found\n"]
)
def test_another_jobs_line_within_the_shells_word(other: str, place: int) -> None:
    """Shells write their name, what they say and the end of the line by three calls, and with -j2 somebody else between."""
    pieces = ["/bin/sh: 1: ", "no-such-tool: not found", "\n"]
    pieces.insert(place, other)
    text = "echo error\nno-such-tool a > b\n" + "".join(pieces)
    diagnosis = found(
        f"{text}make: *** [Makefile:5: b] Error 127\nmake: *** Waiting for unfinished jobs....\n".encode()
    )
    assert (diagnosis.kind, diagnosis.name, "no-such-tool" in diagnosis.text) == (
        "missing-program",
        "no-such-tool",
        True,
    )


@pytest.mark.parametrize(
    ("line", "kind", "name"),
    [
        ("make: *** No rule to make target 'install'.  Stop.", "no-rule", "install"),
        ("make: *** No rule to make target 'a b.c', needed by 'x'.  Stop.", "no-rule", "a b.c"),
        ("ld: x.o: undefined reference to `Foo::bar(int, char)'", "undefined-reference", "Foo::bar(int, char)"),
        ("/usr/bin/ld: cannot find -lfoo: No such file or directory", "missing-library", "foo"),
        ("/usr/bin/ld: cannot find crt1.o: No such file or directory", "missing-file", "crt1.o"),
        ("Couldn't find include 'Gtk-4.0.gir' (search path: '[]')", "compile-error", "Gtk-4.0.gir"),
        ("error: no matching package named `serde` found", "missing-crate", "serde"),
        ("a.c:1:10: fatal error: 'sub/x.h' file not found", "missing-header", "sub/x.h"),
        ("/bin/sh: 1: bison: not found", "missing-program", "bison"),
        ("ModuleNotFoundError: No module named 'a.b'", "unknown", ""),
        ("python3: No module named build", "missing-python-module", "build"),
        ('meson.build:2:0: ERROR: Dependency "x" not found, tried pkgconfig', "missing-dependency", "x"),
    ],
)
def test_what_is_missing(line: str, kind: str, name: str) -> None:
    diagnosis = found(line.encode())
    assert (diagnosis.kind, diagnosis.name) == (kind, name)


def test_place_and_context() -> None:
    diagnosis = found(b"one\ntwo\nthree\n" + _ERROR + b"five\n")
    assert (diagnosis.file, diagnosis.line, diagnosis.number) == ("a.c", 3, 4)
    assert diagnosis.context == (
        ContextLine(2, "two"),
        ContextLine(3, "three"),
        ContextLine(4, "a.c:3:7: error: expected expression"),
        ContextLine(5, "five"),
    )


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\0\0"])
def test_nothing(data: bytes) -> None:
    assert diagnose(parse_log(data)) is None


def test_colours_and_bytes() -> None:
    coloured = b"\xff\xfe\n\x1b[01m\x1b[Ka.c:3:7:\x1b[m\x1b[K \x1b[01;31m\x1b[Kerror: \x1b[m\x1b[Kexpected \xe9\r\n"
    diagnosis = found(coloured)
    assert (diagnosis.number, diagnosis.text) == (2, "a.c:3:7: error: expected \\xe9")


@pytest.mark.parametrize(
    "stamp", [b"[   12.345] ", b"2026-01-01T10:00:00.123Z ", b"10:00:01 | ", b"\x1b[2m[ 3.1s] \x1b[0m"]
)
def test_time_stamps_leave_the_indentation(stamp: bytes) -> None:
    log = parse_log(b"\n".join(stamp + line for line in (b"a", b"  b", b"", b"    c")))
    assert [log.line(index) for index in range(len(log))] == ["a", "  b", "", "    c"]


def test_what_a_status_tells() -> None:
    assert "memory" in found(b"working\n", status=-9).cause
    assert "memory" in found(b"working\n", status=137).cause
    assert "crash" in found(b"working\n", status=139).cause
    assert "not found" in found(b"working\n", status=127).cause
    assert found(b"working\n", status=1).cause == ""


def test_a_package_that_is_known() -> None:
    asked = []

    def knows(kind: str, name: str) -> tuple[str, ...]:
        asked.append((kind, name))
        return ("zlib-dev",)

    diagnosis = diagnose(parse_log(b"a.c:1:10: fatal error: zlib.h: No such file or directory\n"), knows=knows)
    assert diagnosis is not None
    assert asked == [("missing-header", "zlib.h")]
    assert diagnosis.packages == ("zlib-dev",)
    assert diagnosis.next_step == "add zlib-dev to makedepends"
    unknown = found(b"a.c:1:10: fatal error: zlib.h: No such file or directory\n")
    assert "zlib-dev" not in unknown.next_step


@pytest.mark.parametrize("place", [0, 500, 999])
def test_an_error_among_noise(place: int) -> None:
    noise = [_NOISE % (number, number) for number in range(1000)]
    noise.insert(place, _ERROR)
    noise.append(b"make: *** [Makefile:4: a.o] Error 1\nmake: *** Waiting for unfinished jobs....\n")
    diagnosis = found(b"".join(noise))
    assert diagnosis.number == 2 * place + 1


def test_of_a_huge_log_beginning_and_end_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(text, "_HEAD", 1000)
    monkeypatch.setattr(text, "_TAIL", 1000)
    path = tmp_path / "log"
    lines = [b"compiling %d of many\n" % number for number in range(10_000)]
    path.write_bytes(b"".join([*lines, _ERROR, b"make: *** [Makefile:4: a.o] Error 1\n"]))
    log = read_log(path)
    assert len(log.data) <= 2001
    assert log.line(0) == "compiling 0 of many"
    diagnosis = diagnose(log)
    assert diagnosis is not None
    assert diagnosis.number == 10_001
    path.write_bytes(b"".join([_ERROR, b"make: *** [Makefile:4: a.o] Error 1\n", *lines]))
    diagnosis = diagnose(read_log(path))
    assert diagnosis is not None
    assert diagnosis.number == 1


def test_lines_with_a_word_are_not_looked_at_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scan, "_MOST_HITS", 100)
    looked_at = []
    event = scan._event

    def count(*arguments: object) -> object:
        looked_at.append(arguments[1])
        return event(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(scan, "_event", count)
    diagnosis = found(_ERROR * 5000)
    assert diagnosis.number == 1
    assert looked_at == [*range(50), *range(4950, 5000)]


@pytest.mark.parametrize(
    "piece", [b"error: ", b": ", b"/x", b"\\", b"'", b"[", b"a.b:", b"E   ", b"*** [", b"error error "]
)
def test_long_lines(piece: bytes) -> None:
    """Nothing to assert but that it comes to an end: each line is cut, and no pattern backtracks without bound."""
    for end in (b"failed\n", b" error: \n", b"not found\n"):
        diagnose(parse_log(piece * 20_000 + end))


def test_the_cursor_back_to_the_first_column_begins_the_line_anew() -> None:
    log = "\x1b[1G   one\x1b[K\x1b[77G1/2\x1b[1G ✓ one\n\x1b[0m\x1b[1G   two\x1b[K\x1b[1G ✗ two\n"
    found = diagnose(parse_log(log.encode()))
    assert found is not None
    assert (found.number, found.text, found.name) == (2, "✗ two", "two")
