# SPDX-License-Identifier: GPL-3.0-or-later
"""Mangled symbols under the names that their source has."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from abuildpy.maintain.diff import render_text
from abuildpy.maintain.diff.document import document
from abuildpy.maintain.diff.html import html
from abuildpy.maintain.diff.model import Change, Comparison, Difference, Section
from abuildpy.maintain.diff.readable import Limits, with_readable_names

FOO = "_Z3foov"


def comparison(*changes: Change, section: str = "symbols") -> Comparison:
    return Comparison((Difference(None, None, (Section(section, changes),)),))  # type: ignore[arg-type]


def names(*what: str) -> Comparison:
    return comparison(*(Change("+", each, where="libx.so.1") for each in what))


def readable(found: Comparison) -> list[str]:
    return [each.readable for each in found.differences[0].changes]


class Demangler:
    """A program in the place of c++filt, which keeps what it was asked."""

    def __init__(self, folder: Path, script: str) -> None:
        self.asked, program = folder / "asked", folder / "c++filt"
        program.write_text(f"#!/bin/sh\necho begun >>{folder}/begun\n{script}\n")
        program.chmod(0o755)
        self._begun = folder / "begun"
        self.environ = {"PATH": f"{folder}:{os.environ['PATH']}"}

    @property
    def begun(self) -> int:
        return self._begun.read_text().count("\n") if self._begun.exists() else 0


@pytest.fixture
def demangler(tmp_path: Path) -> Demangler:
    return Demangler(tmp_path, f"tee {tmp_path}/asked | sed 's/^_Z3\\(...\\)v$/\\1()/'")


def test_the_real_one_knows_both_languages() -> None:
    if shutil.which("c++filt") is None:
        pytest.skip("there is no c++filt")
    rust = "_ZN4core3fmt5Write9write_fmt17h0123456789abcdefE"
    found = readable(with_readable_names(names("_ZN3foo3barEi@@V1", rust, "plain"), os.environ))
    assert found[0] == "foo::bar(int)"
    assert found[1].startswith("core::fmt::Write::write_fmt")
    assert found[2] == ""


def test_all_are_asked_about_at_once_and_no_others(demangler: Demangler) -> None:
    odd = ("plain", f"{FOO} x", f"{FOO}\n_Z3onev", "_Zä", "_ZN", "__Z3foov", f"_Z{'a' * 4095}")
    found = with_readable_names(names(FOO, "_Z3barv@@V1", *odd, f"{FOO}@V2"), demangler.environ)
    assert readable(found) == ["foo()", "bar()", *([""] * len(odd)), "foo()"]
    assert demangler.asked.read_text() == f"{FOO}\n_Z3barv\n_ZN\n"
    assert demangler.begun == 1


def test_only_symbols_have_other_names(demangler: Demangler) -> None:
    sections = (Section("symbols", (Change("-", FOO),)), Section("files", (Change("-", FOO),)))
    found = with_readable_names(Comparison((Difference(None, None, sections),)), demangler.environ)
    assert readable(found) == ["foo()", ""]


def test_nothing_is_asked_where_nothing_is_to_be_shown(demangler: Demangler) -> None:
    for each in (Comparison(()), names("plain"), comparison(Change("+", FOO), section="files")):
        assert with_readable_names(each, demangler.environ) is each
    assert demangler.begun == 0


def test_where_there_is_none_nothing_changes(tmp_path: Path) -> None:
    for environ in ({"PATH": str(tmp_path)}, Demangler(tmp_path, "exit 1").environ):
        found = names(FOO)
        assert with_readable_names(found, environ) is found


def test_one_that_does_not_answer_is_not_waited_for(tmp_path: Path) -> None:
    slow = Demangler(tmp_path, f"echo $$ >{tmp_path}/pid; exec sleep 1000")
    found = names(FOO)
    assert with_readable_names(found, slow.environ, Limits(seconds=0.5)) is found
    if (tmp_path / "pid").exists():  # it got so far
        assert not Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()


def test_of_its_answer_so_much_is_read(tmp_path: Path) -> None:
    endless = Demangler(tmp_path, "yes 'foo()'")
    asked = names(*(f"_Z{number}" for number in range(100)))
    found = readable(with_readable_names(asked, endless.environ, Limits(answer=34)))
    assert found == ["foo()"] * 5 + [""] * 95
    assert (
        with_readable_names(asked, endless.environ, Limits(answer=6 * 101)) is asked
    )  # more lines than were asked for


def test_so_much_is_asked(demangler: Demangler) -> None:
    found = with_readable_names(names("_Z3onev", "_Z3twov", "_Z3sixv"), demangler.environ, Limits(asked=16))
    assert readable(found) == ["one()", "two()", ""]


def test_endless_names_stay_as_they_are(tmp_path: Path) -> None:
    long = Demangler(tmp_path, "printf '%s\\n' " + "a" * 1001)
    found = names(FOO)
    assert with_readable_names(found, long.environ) is found


def test_all_forms_show_it(demangler: Demangler) -> None:
    old = comparison(
        Change("-", f"{FOO}@@V1", "FUNC", "", "", "abi", "libx.so.1"),
        Change("~", "_Z3barv@@V1", "FUNC", "_Z3barv@@V2", "another version", "abi", "libx.so.1"),
    )
    found = with_readable_names(old, demangler.environ)
    text = render_text(found)
    assert "    - foo()@@V1  FUNC  [ABI]\n" in text
    assert "    ~ bar()@@V1  FUNC -> bar()@@V2  [ABI]  (another version)" in text
    assert FOO not in text
    page = html(found)
    assert f'<th scope="row" title="{FOO}@@V1">foo()@@V1</th>' in page
    one, other = document(found)["packages"][0]["sections"]["symbols"]
    assert one == {
        "change": "removed",
        "what": f"{FOO}@@V1",
        "readable": "foo()",
        "where": "libx.so.1",
        "old": "FUNC",
        "impact": "abi",
    }
    assert other["new"] == "_Z3barv@@V2"
    assert "readable" not in document(old)["packages"][0]["sections"]["symbols"][0]
    assert f'<th scope="row">{FOO}@@V1</th>' in html(old)


def test_what_it_says_is_shown_like_all_from_strangers(tmp_path: Path) -> None:
    evil = Demangler(tmp_path, r"printf '\033[31m<script>\302\205x\377\n'")
    found = with_readable_names(names(FOO), evil.environ)
    text, page = render_text(found), html(found)
    assert "�[31m<script> x�" in text
    assert "\x1b" not in text + page
    assert "<script" not in page
    assert "&lt;script&gt;" in page
