# SPDX-License-Identifier: GPL-3.0-or-later
"""Orders and results as JSON: what comes back is what was sent, and nothing else passes."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from abuildpy.batch.model import Outcome
from abuildpy.batch.remote import lines
from abuildpy.batch.remote.messages import (
    LARGEST_MESSAGE,
    LARGEST_PACKAGE,
    Blob,
    Order,
    Result,
    blobs_document,
    parse_blobs,
    parse_order,
    parse_result,
)

RUN = "0123456789abcdef" * 2
NAME = "main/x86_64/foo-1.0-r0.apk"
BLOB = Blob(NAME, "a" * 64, 1234)
OUTCOME = Outcome("main/foo", "1.0-r0", "built", apks=(NAME,), seconds=1.5, max_rss=5)
RESULT = Result(RUN, OUTCOME, (BLOB,), Blob("log", "b" * 64, 5), "w1")
ORDER = Order(
    run=RUN,
    name="main/foo",
    pkgname="foo",
    version="1.0-r0",
    arch="x86_64",
    recipe=Blob("recipe.tar", "c" * 64, 10240),
    staged=None,
    sources=(("foo-1.0.tar.gz", "d" * 128),),
    variables={"CFLAGS": "-Os 'x'"},
    dependencies="none",
    timeout="1h",
    no_output_timeout="",
    public_keys={"me.rsa.pub": "PEM"},
    jobs=2,
    attempt=1,
    deadline=60.0,
)


def test_there_and_back() -> None:
    assert parse_order(ORDER.to_bytes()) == ORDER
    assert parse_result(RESULT.to_bytes()) == RESULT
    assert parse_blobs(blobs_document((BLOB,))) == (BLOB,)


def _changed(change: Callable[[dict[str, Any]], object]) -> bytes:
    document = json.loads(RESULT.to_bytes())
    change(document)
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d.update(version=2), "of version 2"),
        (lambda d: d.pop("outcome"), "not an object"),
        (lambda d: d["outcome"].update(status="reused"), "not a worker's to say"),
        (lambda d: d["outcome"].update(status="failed", reason="compile"), "packages of a build that failed"),
        (lambda d: d["outcome"].update(apks=[]), "not all of them"),
        (lambda d: (d["files"].append(d["files"][0]), d["outcome"]["apks"].append(NAME)), "named twice"),
        (lambda d: d["outcome"].update(name="x" * 600), "too long"),
        (lambda d: d["outcome"].update(error="x" * 100_000), "too long"),
        (lambda d: d.update(run="../../etc"), "run cannot be"),
        (lambda d: d.update(files=[d["files"][0]] * 5000), "too long a one"),
        (lambda d: d["files"][0].update(sha256="a" * 63 + "\n"), "sha256 cannot be"),
        (lambda d: d["files"][0].update(size=LARGEST_PACKAGE + 1), "no number that it can be"),
        (lambda d: d["files"][0].update(size=True), "no number that it can be"),
        (lambda d: d["files"][0].update(size="5"), "no number that it can be"),
        (lambda d: d["files"][0].update(size=-1), "no number that it can be"),
        (lambda d: d["log"].update(size=1 << 40), "no number that it can be"),
        (lambda d: d.update(worker=["w1"]), "worker is no text"),
    ],
)
def test_what_is_wrong_with_a_result(change: Callable[[dict[str, Any]], object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_result(_changed(change))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"dependencies": "all"}, "dependencies is nothing known"),
        ({"sources": [["foo.tar.gz"]]}, "no pair"),
        ({"sources": [["foo.tar.gz", "d" * 128, "x"]]}, "no pair"),
        ({"sources": [["../foo.tar.gz", "d" * 128]]}, "name cannot be"),
        ({"sources": [["foo.tar.gz", "d" * 127]]}, "sha512 cannot be"),
        ({"name": "../foo"}, "name cannot be"),
        ({"jobs": "2"}, "jobs is no number"),
        ({"variables": {"CFLAGS": 5}}, "variables is no text"),
    ],
)
def test_what_is_wrong_with_an_order(change: dict[str, object], said: str) -> None:
    document = json.loads(ORDER.to_bytes())
    document["order"].update(change)
    with pytest.raises(ValueError, match=said):
        parse_order(json.dumps(document).encode())


@pytest.mark.parametrize(
    "name",
    [
        "../x86_64/foo-1.0-r0.apk",
        "main/../foo-1.0-r0.apk",
        "/main/x86_64/foo.apk",
        "main/x86_64/.foo.apk",
        "main/x86_64/foo",
        "main/x86_64/a/foo.apk",
        "main/x86_64/foo.apk\n",
        "main/x86_64/fo\x1bo.apk",
        "",
    ],
)
def test_names_that_are_none(name: str) -> None:
    """Of packages, and of anything that becomes a path."""

    def change(document: dict[str, Any]) -> None:
        document["files"][0]["name"] = name
        document["outcome"]["apks"] = [name]

    with pytest.raises(ValueError, match=r"cannot be|no name of a package"):
        parse_result(_changed(change))


@pytest.mark.parametrize(
    "data", [b"", b"[]", b"null", b"{" * 100_000, b"\xff", pickle.dumps({"version": 1}), "text", None, 5]
)
def test_what_is_no_message(data: object) -> None:
    for parse in (parse_result, parse_order):
        with pytest.raises(ValueError):
            parse(data)


def test_messages_have_an_end() -> None:
    with pytest.raises(ValueError, match="too long"):
        parse_result(b" " * LARGEST_MESSAGE + RESULT.to_bytes())


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(
    st.sampled_from(
        ("run", "outcome", "files", "log", "worker", "version", "max_rss", "seconds", "apks", "error", "attempts")
    ),
    _json,
)
def test_any_field_may_be_anything(name: str, value: object) -> None:
    """Nothing but ValueError comes of it."""
    for inner in (False, True):
        document = json.loads(RESULT.to_bytes())
        (document["outcome"] if inner else document)[name] = value
        try:
            parse_result(json.dumps(document).encode())
        except ValueError:
            pass


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000])
def test_numbers_that_are_none(number: str) -> None:
    data = RESULT.to_bytes().replace(b'"max_rss":5', b'"max_rss":' + number.encode())
    assert number.encode() in data
    with pytest.raises(ValueError):
        parse_result(data)


@pytest.mark.parametrize("name", ["..", "a/../b", "/a", "a//b", "a/", ".", "a\0"])
def test_lists_lead_nowhere_else(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be"):
        parse_blobs(blobs_document((Blob(name, "a" * 64, 1),)))


def _read(data: bytes) -> list[dict[str, Any]]:
    read, write = os.pipe()
    os.write(write, data)
    os.close(write)
    with open(read, "rb"):
        return list(lines.read_lines(read))


def test_lines() -> None:
    read, write = os.pipe()
    writer = lines.Writer(write)
    writer.send({"a": "x\ny"})
    writer.send({"b": 1})
    writer.close()
    with open(read, "rb"):
        assert list(lines.read_lines(read)) == [{"a": "x\ny"}, {"b": 1}]


@pytest.mark.parametrize("data", [b"[]\n", b"nothing\n", b"\x80\x04\n", b"[" * 50_000 + b"\n"])
def test_what_is_no_line(data: bytes) -> None:
    with pytest.raises(ValueError, match="a line is no"):
        _read(data)


def test_a_line_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "LONGEST_LINE", 10)
    with pytest.raises(ValueError, match="too long"):
        _read(b"x" * 100)


def test_what_would_steer_a_terminal() -> None:
    assert lines.shown("a\x1b[2Jb\r\x9bc\nd") == "a?[2Jb??c\nd"
