# SPDX-License-Identifier: GPL-3.0-or-later
"""Patches against new sources: judged and applied as GNU patch does, refreshed so that they fit exactly."""

from __future__ import annotations

import difflib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abuildpy.maintain.bumping.patches import folder
from abuildpy.maintain.bumping.patches.applying import apply_hunks
from abuildpy.maintain.bumping.patches.folder import Files
from abuildpy.maintain.bumping.patches.judge import judge, upstream_has
from abuildpy.maintain.bumping.patches.unified import NotUnderstood, parse_patch

TEXT = b"".join(b"%d\n" % number for number in range(1, 31))
PATCH = b"""\
From: Somebody
Subject: [PATCH] eleven in words

Why so.
---
diff --git a/dir/f b/dir/f
index 123..456 100644
--- a/dir/f
+++ b/dir/f
@@ -8,7 +8,7 @@ section of it
 8
 9
 10
-11
+eleven
 12
 13
 14
--\x20
2.40
"""


def source(place: Path, content: bytes | None, name: str = "dir/f") -> Files:
    """An unpacked source with one file."""
    path = place / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if content is not None:
        path.write_bytes(content)
    return Files(place)


def test_one_that_fits_is_applied(tmp_path: Path) -> None:
    files = source(tmp_path, TEXT)
    assert judge(PATCH, files).kind == "fits"
    assert files.read("dir/f") == TEXT.replace(b"11\n", b"eleven\n")
    assert (tmp_path / "dir/f").read_bytes() == TEXT
    # A second patch of the same recipe meets what the first has left.
    assert judge(PATCH.replace(b"-11\n+eleven", b"-eleven\n+11"), files).kind == "fits"
    assert files.read("dir/f") == TEXT


def test_one_that_upstream_has(tmp_path: Path) -> None:
    new = b"first\n" + TEXT.replace(b"11\n", b"eleven\n")
    files = source(tmp_path, new)
    assert judge(PATCH, files).kind == "upstream"
    assert files.read("dir/f") == new
    # Not to the last line of context: somebody has to look at that.
    assert judge(PATCH, source(tmp_path, new.replace(b"14\n", b"14!\n"))).kind == "fails"


def test_one_that_fits_both_ways_is_kept(tmp_path: Path) -> None:
    twice = TEXT + TEXT.replace(b"11\n", b"eleven\n")
    assert judge(PATCH, source(tmp_path, twice)).kind == "fits"


def test_refreshed_text(tmp_path: Path) -> None:
    files = source(tmp_path, b"a\nb\n" + TEXT.replace(b"8\n", b"eight\n", 1))
    verdict = judge(PATCH, files)
    assert (verdict.kind, verdict.notes) == ("refreshed", ("dir/f: hunk 1: offset 2, fuzz 1",))
    assert verdict.text == PATCH.replace(b"@@ -8,7 +8,7 @@", b"@@ -10,7 +10,7 @@").replace(b"\n 8\n", b"\n eight\n")


def test_only_what_moved_is_written_anew(tmp_path: Path) -> None:
    second = b"@@ -30 +30,2 @@\n 30\n+31\n"
    stripped = PATCH.replace(b"-- \n2.40\n", b"").replace(b"\n 12\n", b"\n\n")
    text = TEXT.replace(b"12\n", b"\n", 1)
    verdict = judge(stripped + second, source(tmp_path, text[:-6] + b"x\n" + text[-6:]))
    assert verdict.notes == ("dir/f: hunk 2: offset 1",)
    assert verdict.text == stripped + b"@@ -31 +31,2 @@\n 30\n+31\n"


@pytest.mark.parametrize(
    ("content", "header"),
    [
        (b"0\n1\n2\n3\n4\n5\n6\nb\nc\n7\n", b"@@ -10 +11,2 @@\n 7\n+e\n"),
        (b"0\n1\n2\n3\n4\n5\n6\nb\nc\n7\ne\ne\n", b"@@ -8,2 +9,3 @@\n b\n+e\n c\n"),
    ],
    ids=["moved", "anew"],
)
def test_headers_count_what_came_before(tmp_path: Path, content: bytes, header: bytes) -> None:
    """Whether the hunk is moved or made anew."""
    first = b"--- a/dir/f\n+++ b/dir/f\n@@ -1 +1,2 @@\n+c\n 0\n"
    verdict = judge(first + b"@@ -8 +9,2 @@\n 7\n+e\n", source(tmp_path, content))
    assert (verdict.kind, verdict.text) == ("refreshed", first + header)


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    two = PATCH.replace(b"-- \n2.40\n", b"") + b"@@ -20,3 +20,3 @@\n 20\n-21\n+twenty-one\n 22\n"
    troubles = judge(two, source(tmp_path, TEXT.replace(b"21\n", b"21!\n"))).troubles
    assert [str(each) for each in troubles] == ["dir/f: hunk 2 (line 20) does not fit"]
    both = TEXT.replace(b"21\n", b"twenty-one\n").replace(b"10\n11\n12\n", b"10!\n11!\n12!\n")
    troubles = judge(two, source(tmp_path, both)).troubles
    assert [str(each) for each in troubles] == [
        "dir/f: hunk 1 (line 8) does not fit",
        "dir/f: hunk 2 (line 20) is upstream by now, as it seems",
    ]
    (tmp_path / "dir/f").unlink()
    assert [str(each) for each in judge(two, Files(tmp_path)).troubles] == ["dir/f is not there any more"]
    (tmp_path / "dir/f").symlink_to("/etc/passwd")
    assert "is behind a symbolic link" in str(judge(two, Files(tmp_path)).troubles[0])


def test_nothing_outside_of_the_source_is_looked_at(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(TEXT)
    text = PATCH.replace(b"a/dir/f", b"a/../f").replace(b"b/dir/f", b"b/../f")
    assert judge(text, source(tmp_path / "src", TEXT)).kind == "fails"


def test_what_a_patch_deletes_is_all_of_it(tmp_path: Path) -> None:
    text = b"--- a/f\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-1\n-2\n"
    assert judge(text, source(tmp_path, b"1\n2\n", "f")).kind == "fits"
    (trouble,) = judge(text, source(tmp_path, b"1\n2\n3\n", "f")).troubles
    assert str(trouble) == "f has more in it than the patch deletes"


def test_what_is_no_file_cannot_be_patched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = source(tmp_path, None)
    os.mkfifo(tmp_path / "dir/f")
    assert "is not a regular file" in str(judge(PATCH, files).troubles[0])
    (tmp_path / "dir/f").unlink()
    monkeypatch.setattr(folder, "_LARGEST", 10)
    assert "is absurdly large" in str(judge(PATCH, source(tmp_path, TEXT)).troubles[0])


def test_hunks_that_upstream_has_are_left_out(tmp_path: Path) -> None:
    other = b"diff --git a/g b/g\n--- a/g\n+++ b/g\n@@ -1 +1 @@\n-old\n+new\n"
    second = b"@@ -20,3 +20,3 @@\n 20\n-21\n+twenty-one\n 22\n"
    first = PATCH.replace(b"-- \n2.40\n", b"")
    for text, content, of_g, left in (
        (first + second + other, TEXT.replace(b"21\n", b"twenty-one\n"), b"old\n", first + other),
        (first + other, TEXT, b"new\n", first),
        (first + other, TEXT.replace(b"11\n", b"eleven\n"), b"old\n", first[: first.index(b"diff")] + other),
    ):
        files = source(tmp_path, of_g, "g")
        source(tmp_path, content)
        verdict = judge(text, files)
        assert (verdict.kind, verdict.text) == ("refreshed", left)
        assert verdict.notes[0].endswith("is upstream now")
        again = Files(tmp_path)
        assert judge(verdict.text, again).kind == "fits"
        assert (again.read("dir/f"), again.read("g")) == (files.read("dir/f"), files.read("g"))


def test_one_behind_another_that_upstream_has(tmp_path: Path) -> None:
    later = PATCH.replace(b"-11\n+eleven", b"-eleven\n+ELEVEN")
    files = source(tmp_path, TEXT.replace(b"11\n", b"ELEVEN\n"))
    assert judge(PATCH, files).kind == "fails"
    assert upstream_has([PATCH, b"no patch", later], Files(tmp_path)) == {0, 2}
    assert judge(PATCH, files, known=True).kind == "upstream"


def test_new_and_deleted_files(tmp_path: Path) -> None:
    new = b"--- /dev/null\n+++ b/new\n@@ -0,0 +1,2 @@\n+one\n+two\n\\ No newline at end of file\n"
    files = source(tmp_path, None)
    assert judge(new, files).kind == "fits"
    assert files.read("new") == b"one\ntwo"
    assert judge(new, files).kind == "upstream"
    assert judge(new, source(tmp_path, b"one\n2\n", "new")).kind == "fails"
    gone = b"--- a/new\n+++ /dev/null\n@@ -1,2 +0,0 @@\n-one\n-two\n\\ No newline at end of file\n"
    assert judge(gone, files).kind == "fits"
    assert files.read("new") is None
    assert judge(gone, files).kind == "upstream"


def test_hunks_do_not_pass_each_other(tmp_path: Path) -> None:
    text = PATCH.replace(b"-- \n2.40\n", b"") + b"@@ -20,3 +20,3 @@\n 20\n-21\n+twenty-one\n 22\n"
    moved = b"20\n21\n22\n" + TEXT.replace(b"20\n21\n22\n", b"\n\n\n")
    (trouble,) = judge(text, source(tmp_path, moved)).troubles
    assert str(trouble) == "dir/f: hunk 2 (line 20) does not fit"


def test_what_upstream_has_is_not_put_in_again_where_it_nearly_fits(tmp_path: Path) -> None:
    there = TEXT.replace(b"11\n", b"eleven\n") + b"x\n9\n10\n11\n12\n13\ny\n"
    assert judge(PATCH, source(tmp_path, there)).kind == "upstream"


def test_other_levels_and_names(tmp_path: Path) -> None:
    files = source(tmp_path, TEXT)
    plain = PATCH.replace(b"a/dir/f", b"dir/f.orig\t2020-01-01 00:00:00").replace(b"b/dir/f", b"dir/f\t2020-01-01")
    assert judge(plain, files, 0).kind == "fits"
    assert judge(PATCH.replace(b"a/dir/f", b"a/../../f").replace(b"b/dir/f", b"/f"), files).kind == "fails"


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"no patch\n",
        b"*** a/f\n--- b/f\n***************\n*** 1 ****\n! a\n--- 1 ----\n! b\n",
        b"1c1\n< a\n---\n> b\n",
        PATCH.replace(b"index", b"GIT binary patch\nindex"),
        PATCH.replace(b"index", b"rename from x\nindex"),
        PATCH.replace(b"--- a/dir/f", b'--- "a/dir/f"'),
        PATCH.replace(b"\n", b"\r\n"),
        PATCH.replace(b"-8,7", b"-8,70"),
        PATCH.replace(b"-8,7", b"-99999999999,7"),
    ],
)
def test_what_is_left_to_patch(text: bytes, tmp_path: Path) -> None:
    with pytest.raises(NotUnderstood):
        judge(text, source(tmp_path, TEXT))


# --- against GNU patch -----------------------------------------------------------------------------------------------

PROGRAM = shutil.which("patch")
IS_GNU = (
    PROGRAM is not None and b"GNU" in subprocess.run([PROGRAM, "--version"], capture_output=True, check=False).stdout
)
LINES = st.lists(st.sampled_from([b"a\n", b"b\n", b"c\n", b"dd\n", b"e\n", b"\n"]), max_size=30)
EDITS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2), LINES.map(lambda each: each[:4])), max_size=3)


def edited(lines: list[bytes], edits: list[tuple[int, int, list[bytes]]]) -> list[bytes]:
    """Lines after some replacements."""
    found = list(lines)
    for at, count, new in edits:
        found[at : at + count] = new
    return found


@pytest.mark.skipif(not IS_GNU, reason="needs GNU patch")
@settings(max_examples=60)
@given(base=LINES.filter(bool), ours=EDITS, theirs=EDITS, context=st.integers(1, 3))
def test_as_gnu_patch(
    base: list[bytes],
    ours: list[tuple[int, int, list[bytes]]],
    theirs: list[tuple[int, int, list[bytes]]],
    context: int,
) -> None:
    new, other = edited(base, ours), edited(base, theirs)
    text = b"".join(difflib.diff_bytes(difflib.unified_diff, base, new, b"a/f", b"b/f", n=context))
    if not text or not new or not other:
        return
    applied = apply_hunks(other, parse_patch(text).files[0].hunks)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "f").write_bytes(b"".join(other))
        (place / "x.patch").write_bytes(text)
        done = subprocess.run(
            ["patch", "-p1", "-N", "-s", "-i", "x.patch"], cwd=place, capture_output=True, check=False
        )
        if b"previously applied" in done.stdout:
            return  # it asks, and does nothing
        assert (done.returncode == 0) == (not applied.failed)
        if applied.failed:
            return
        assert (place / "f").read_bytes() == b"".join(applied.lines)
        (place / "f").write_bytes(b"".join(other))
        files = Files(place)
        verdict = judge(text, files)
        if verdict.kind == "refreshed":
            again = Files(place)
            assert judge(verdict.text, again).kind == "fits"
            assert again.read("f") == files.read("f")
