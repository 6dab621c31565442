# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from package_trees import File, Link, make_tree

from abuildpy.package.pkgconfig import PcFile, Relation, apk_version, find_pc, parse

# The expectations are what pkgconf 3.0 prints for --print-provides, --print-requires and --print-requires-private.
FULL = """\
prefix=/usr
exec_prefix = ${prefix}
v=1.2
Name: A lib
Description: x # comment: Requires: no
VERSION: ${v}-rc1
requires: b >= 1.0,c  d=2, e>3
Requires.private: f != 1, g == 3, h , ${nope} i
Requires.internal: k
Requires: j
Provides: aa = 5.0, ab, ac >= 2
Conflicts: z < 2
Libs: -L${prefix}/lib \\
 -la
"""


def test_all_fields() -> None:
    assert parse("a", FULL) == PcFile(
        name="a",
        version="1.2-rc1",
        provides=(Relation("aa", "=", "5.0"), Relation("ab"), Relation("ac", ">=", "2")),
        requires=(
            Relation("b", ">=", "1.0"),
            Relation("c"),
            Relation("d", "=", "2"),
            Relation("e", ">", "3"),
            Relation("j"),
        ),
        requires_private=(Relation("f"), Relation("g"), Relation("h"), Relation("i"), Relation("k")),
    )


@pytest.mark.parametrize(
    ("text", "version", "requires"),
    [
        ("", "", ()),
        ("Version: 1.0 beta\nVersion: 7\n", "7", ()),
        ("Version: 1.0 beta\n", "1.0", ()),
        ("Version: 1.0\r\nRequires: b\r\n", "1.0", (Relation("b"),)),
        ("Requires: a b,\\\n c >= \\\n 2\n", "", (Relation("a"), Relation("b"), Relation("c", ">=", "2"))),
        ("x=$${y}\nVersion: ${x}1", "${y}1", ()),
        ("Version: ${v}\nv=1\n", "", ()),  # a variable counts from its definition on
        ("v=1\nv=2\nVersion: ${v}", "2", ()),
        ("Requires: b>=1.0 c<2\tb\n", "", (Relation("b", ">=", "1.0"), Relation("c", "<", "2"), Relation("b"))),
        ("garbage\n = x\nRequires b\nRequires.b\n", "", ()),
    ],
)
def test_details(text: str, version: str, requires: tuple[Relation, ...]) -> None:
    pc = parse("a", text)
    assert (pc.version, pc.requires) == (version, requires)


def test_doubling_variables_stay_bounded() -> None:
    text = "a=xxxxxxxxxx\n" + "a=${a}${a}${a}${a}\n" * 60 + "Version: ${a}\n" + "b=" + "${a}" * 50000 + "\n"
    assert len(parse("a", text).version) == 65535


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("1.0", "1.0"),
        ("", "0"),
        ("1.0.rc1", "1.0_rc1"),
        ("1.0-rc1", "1.0_rc1"),
        ("2.0-alpha.beta", "2.0_alpha_beta"),
        ("1-pre1-pre2", "1_pre1-pre2"),
        ("v1.2", "1.2"),
        ("vv1", "v1"),
        ("1.2beta", "1.2beta"),
    ],
)
def test_version_mapping(version: str, expected: str) -> None:
    assert apk_version(version) == expected


def test_find_pc_in_both_folders_links_included(tmp_path: Path) -> None:
    outside = tmp_path / "outside.pc"
    outside.write_text("Version: 9\n")
    tree = make_tree(
        tmp_path / "p",
        {
            "usr/lib/pkgconfig/foo.pc": File(b"Version: 1.0\n"),
            "usr/lib/pkgconfig/foo-2.pc": Link("foo.pc"),
            "usr/lib/pkgconfig/abs.pc": Link("/usr/lib/pkgconfig/foo.pc"),
            "usr/share/pkgconfig/bar.pc": File(b"Version: 2.0\n"),
            "usr/share/pkgconfig/none.pc": Link("missing.pc"),
            "usr/share/pkgconfig/host.pc": Link(str(outside)),
            "usr/share/pkgconfig/README": File(b"Version: 3.0\n"),
            "usr/share/pkgconfig/.hidden.pc": File(b"Version: 3.0\n"),
            "usr/share/pkgconfig/folder.pc/x.pc": File(b"Version: 3.0\n"),
            "opt/pkgconfig/x.pc": File(b"Version: 3.0\n"),
        },
    )
    found = {path.rpartition(b"/")[2]: (pc.name, pc.version) for path, pc in find_pc(tree).items()}
    assert found == {
        b"foo.pc": ("foo", "1.0"),
        b"foo-2.pc": ("foo-2", "1.0"),
        b"abs.pc": ("abs", "1.0"),
        b"bar.pc": ("bar", "2.0"),
    }
