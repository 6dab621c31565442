# SPDX-License-Identifier: GPL-3.0-or-later
"""Mending: exactly these bytes change, and never what the recipe says."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from lintkit import GOOD, changed, lint, tags, with_body, with_line

from abuildpy.errors import RecipeError
from abuildpy.lint.fix import apply, fix_file, fix_text
from abuildpy.lint.model import Edit, Problem, Rule
from abuildpy.lint.rules import RULES
from abuildpy.lint.run import Linter
from abuildpy.lint.subject import Subject

PATH = "/nonexistent/aports/main/verse/APKBUILD"


def fix(text: str, environment: dict[str, str] | None = None) -> str:
    return fix_text(Linter(environment or {}), PATH, text.encode("utf-8", "surrogateescape")).decode(
        "utf-8", "surrogateescape"
    )


MENDED: list[tuple[str, str, str]] = [
    ("AL1", with_line('builddir="$srcdir/$pkgname-$pkgver"'), GOOD),
    ("AL2", with_body("build", "make || return 1"), GOOD),
    ("AL2", with_body("build", "make \\", "\t|| return 1"), GOOD),
    ("AL5", with_line('install=""'), GOOD),
    ("AL7", changed(("\tmake\n", "    make\n")), GOOD),
    (
        "AL7",
        with_body("build", "if a; then", "\tb", "fi").replace("\t\tb", "    b").replace("\tif", "  if"),
        with_body("build", "if a; then", "\tb", "fi"),
    ),
    ("AL8", changed(("\tmake\n", "\tmake \t \n")), GOOD),
    ("AL9", changed(("build() {", "function build {")), GOOD),
    ("AL9", changed(("build() {", "function build() {")), GOOD),
    ("AL10", changed(("build() {", "build () {")), GOOD),
    ("AL11", changed(("build() {", "build(){")), GOOD),
    ("AL12", changed(("build() {", "build()\n{")), GOOD),
    ("AL13", with_body("build", 'cd "$builddir"', "make"), GOOD),
    ("AL13", with_body("build", 'cd "$builddir"\n', "make"), GOOD),
    (
        "AL13",
        with_body("build", "local x=1\n", 'cd "$builddir"\n', 'make "$x"'),
        with_body("build", "local x=1\n\n", 'make "$x"'),
    ),
    ("AL25", with_body("build", 'make "`uname -m`" `date`'), with_body("build", 'make "$(uname -m)" $(date)')),
    ("AL28", changed(("pkgrel=3", "pkgrel='3'")), GOOD),
    ("AL32", changed(('DESTDIR="$pkgdir"', 'DESTDIR="${pkgdir}"')), GOOD),
    ("AL32", changed(("verse-$pkgver.tar", "verse-${pkgver}.tar")), GOOD),
    ("AP2", changed(('DESTDIR="$pkgdir"', "DESTDIR=$pkgdir")), GOOD),
    ("AP2", changed(('DESTDIR="$pkgdir"', "DESTDIR=${pkgdir}/x")), changed(('="$pkgdir"', '="$pkgdir"/x'))),
]


@pytest.mark.parametrize(("tag", "text", "mended"), MENDED, ids=[f"{tag}-{n}" for n, (tag, _, _) in enumerate(MENDED)])
def test_mended(tag: str, text: str, mended: str) -> None:
    assert tag in tags(lint(text))
    assert fix(text) == mended


def test_every_rule_that_mends_is_tested() -> None:
    assert {rule.tag for rule in RULES if rule.fixes} == {tag for tag, _, _ in MENDED} | {"AL3", "AL4"}


def test_quotes_of_name_and_version() -> None:
    text = changed(("pkgname=verse", 'pkgname="verse"'), ("pkgver=1.2", "pkgver='1.2'"))
    assert fix(text, {"APKBUILD_STYLE": "leo"}) == GOOD


LEFT: list[str] = [
    with_line('builddir="$srcdir/$pkgname-$pkgver" # as ever'),
    with_body("build", "make # || return 1"),
    with_body("build", "make \\ ", "make"),
    changed(('depends="inkpot"', 'depends="inkpot\n  paper  \n"')),
    with_body("build", 'cd "$builddir" && make'),
    with_body("build", "make `echo '#'`"),
    with_body("package", "make `cp x $pkgdir '#'`"),
    with_body("build", r"make `echo \`date\``"),
    with_line('_x="${pkgver}a${pkgver}_${pkgver}1"'),
    with_body("package", "make `cp x $pkgdir`/y\\`z`"),
    with_body("build", "cat > x <<EOF", "EOF", "cat > y <<EOF\n  text \nEOF"),
]
"""Recipes with findings, or with what looks like some, whose bytes must stay."""


@pytest.mark.parametrize("text", LEFT)
def test_left_alone(text: str) -> None:
    assert fix(text) == text


@pytest.mark.parametrize("text", [b"", b"a=1\r\n", b"pkgname=\xff\xfe \n", b"\0 \n", b"if \n", GOOD.encode()])
def test_odd_bytes_stay(text: bytes) -> None:
    assert fix_text(Linter({}), PATH, text).replace(b" \n", b"\n") == text.replace(b" \n", b"\n")


def test_what_changes_a_value_is_taken_back() -> None:
    """The second assignment reads the first one's text, so that its quotes count."""
    text = with_line('_x=1\n_v="${_x:+"$pkgver"}"\nbuilddir="$srcdir/$pkgname-$pkgver"\n_b=$(echo "$builddir")')
    assert fix(text) == text


def _spoil(old: str, new: str) -> Linter:
    """A linter with one rule, whose mending puts ``new`` where ``old`` is."""

    def check(subject: Subject) -> Iterator[Problem]:
        at = subject.data.find(old.encode())
        if at >= 0:
            edits = (Edit(at, at + len(old), new.encode()),)
            yield Problem(at, at + len(old), "spoil it", edits)

    linter = Linter({})
    linter.rules = (Rule("AX1", "spoil", "M", "C", "abuildpy", "", "", "", check, fixes=True),)
    return linter


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("pkgrel=3", "pkgrel=4"),
        ("pkgrel=3", "pkgrel=$(x)"),
        ("pkgrel=3", ". ./other"),
        ('depends="inkpot"', ""),
        ("build() {", "rebuild() {"),
        ("build() {", "build() {{"),
        ("check() {\n\tmake check\n}\n", ""),
        ("license=", "licence="),
    ],
)
def test_mending_that_changes_what_the_recipe_says_is_taken_back(old: str, new: str) -> None:
    assert fix_text(_spoil(old, new), PATH, GOOD.encode()) == GOOD.encode()


def test_mending_that_changes_nothing_else_is_kept() -> None:
    assert (
        fix_text(_spoil("make check", "make test"), PATH, GOOD.encode())
        == GOOD.replace("make check", "make test").encode()
    )
    assert fix_text(_spoil("pkgrel=3", 'pkgrel="3"'), PATH, GOOD.encode()) == GOOD.replace("=3", '="3"').encode()
    assert fix_text(_spoil("_x=\n", ""), PATH, with_line("_x=").encode()) == GOOD.encode()


def test_of_edits_that_clash_the_first_is_made() -> None:
    (finding,) = _spoil("make", "bake").lint_text(PATH, b"make check\n")
    both = dataclasses.replace(finding, edits=(Edit(0, 4, b"x"), Edit(5, 10, b"y")))
    assert apply(b"make check\n", [finding, both]) == b"bake check\n"
    assert apply(b"make check\n", [both, finding]) == b"x y\n"
    beside = dataclasses.replace(finding, edits=(Edit(4, 5, b"-"),))
    assert apply(b"make check\n", [beside, finding]) == b"bake-check\n"


def test_all_at_once() -> None:
    text = (
        changed(
            ("pkgrel=3", 'pkgrel="3"  '),
            ("build() {\n\tmake\n", "build ()\n{\n    cd ${builddir}\n    make || return 1\n}\n"),
        )
        .replace("}\n}\n", "}\n", 1)
        .replace('"$pkgdir"', "${pkgdir}")
    )
    assert fix(text) == GOOD
    assert tags(lint(fix(text))) == []


def test_rules_that_are_switched_off_mend_nothing() -> None:
    text = with_line('install="" # lint: skip=AL5')
    assert fix(text) == text
    text = with_line('install=""')
    assert fix(text, {"SKIP_AL5": "1"}) == text


def test_file_keeps_its_mode_and_links(tmp_path: Path) -> None:
    real, link = tmp_path / "real", tmp_path / "APKBUILD"
    real.write_text(with_line('install=""'))
    real.chmod(0o640)
    link.symlink_to(real)
    assert fix_file(Linter({}), str(link))
    assert link.is_symlink() and real.read_text() == GOOD
    assert real.stat().st_mode & 0o7777 == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["APKBUILD", "real"]


def test_file_that_needs_nothing_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "APKBUILD"
    path.write_text(GOOD)
    os.utime(path, (1, 1))
    inode = path.stat().st_ino
    assert not fix_file(Linter({}), str(path))
    assert (path.stat().st_ino, path.stat().st_mtime) == (inode, 1)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="APKBUILD"):
        fix_file(Linter({}), str(tmp_path / "APKBUILD"))
