# SPDX-License-Identifier: GPL-3.0-or-later
"""Records have one form, and nothing else is read as one."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from abuildpy.errors import RepositoryError
from abuildpy.records import form
from abuildpy.records.form import dump, parse, read_record, shown


def test_the_one_form() -> None:
    """A line for each element of a list of objects, so that two are compared line by line; of deeper ones one line."""
    document = {
        "z": [{"b": 1, "a": ["x"]}, {"a": []}],
        "words": ["é", "f"],
        "none": {},
        "inner": {"list": [[1], [2]], "deeper": {"b": {"d": 1, "c": [3]}, "a": True}},
    }
    assert dump(document).decode() == (
        "{\n"
        ' "inner": {\n'
        '  "deeper": {"a": true, "b": {"c": [3], "d": 1}},\n'
        '  "list": [\n'
        "   [1],\n"
        "   [2]\n"
        "  ]\n"
        " },\n"
        ' "none": {},\n'
        ' "words": ["\\u00e9", "f"],\n'
        ' "z": [\n'
        '  {"a": ["x"], "b": 1},\n'
        '  {"a": []}\n'
        " ]\n"
        "}\n"
    )


@pytest.mark.parametrize("content", [b'{"a": NaN}', b'{"a": -Infinity}', b'{"a": [{"b": 1, "b": 1}]}', b"[" * 100_000])
def test_what_is_not_read(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"no JSON|twice|too deep"):
        parse(content)


def test_records_are_regular_files_of_a_sane_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "record").write_bytes(b"0123456789")
    for name, said in (("fifo", "not a regular file"), ("gone", "cannot read")):
        with pytest.raises(RepositoryError, match=said):
            read_record(tmp_path / name)
    monkeypatch.setattr(form, "_LARGEST", 10)
    assert read_record(tmp_path / "record") == b"0123456789"
    monkeypatch.setattr(form, "_LARGEST", 9)
    with pytest.raises(RepositoryError, match="absurdly large"):
        read_record(tmp_path / "record")


def test_what_is_shown_commands_no_terminal_and_fits() -> None:
    assert shown("a\x1b[2J\u202e\nb") == "a?[2J??b"
    assert len(shown("x" * 1000)) == 200
