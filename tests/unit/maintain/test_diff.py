# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between packages, and what it means for others."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from pathlib import Path

import pytest
from diff_builds import Item, folder, hardlink, package, symlink
from elf_symbols import Sym, library

from abuildpy.maintain.diff import Difference, compare_packages, compare_sets, render_text
from abuildpy.maintain.diff.effects import accounts_in
from abuildpy.maintain.diff.files import unified
from abuildpy.maintain.diff.libraries import compare_symbols
from abuildpy.maintain.diff.model import SectionName
from abuildpy.package.symbols import Symbol

Files = Mapping[str, Item | bytes]


def told(difference: Difference, section: SectionName) -> list[str]:
    """The changes of a section, one text each."""
    return [
        " ".join(filter(None, (c.sign, c.where, c.what, f"{c.old}>{c.new}" if c.old or c.new else "", c.impact)))
        for c in difference.section(section)
    ]


def compare(tmp_path: Path, old: Files, new: Files, *, contents: bool = False) -> Difference:
    one, other = package(tmp_path / "old", files=old), package(tmp_path / "new", files=new)
    return compare_packages(one, other, contents=contents)


# --- metadata ----------------------------------------------------------------------------------------------------


def test_the_same(tmp_path: Path) -> None:
    files: Files = {"usr": folder(), "usr/x": b"x", "usr/l": symlink("x")}
    found = compare(tmp_path, files, files)
    assert not found.sections
    assert (found.is_empty, found.verdict, found.abi_changed, found.lost_provides) == (True, "same", False, ())
    assert render_text(found).splitlines()[0] == "foo 1.0-r0 (x86_64): the same"


def test_what_differs_from_build_to_build(tmp_path: Path) -> None:
    old = package(tmp_path / "old", files={"x": Item(b"x", mtime=1)}, info=["builddate = 1", "commit = a"])
    new = package(tmp_path / "new", files={"x": Item(b"x", mtime=2)}, info=["builddate = 2", "commit = b"])
    found = compare_packages(old, new)
    assert told(found, "build") == ["~ builddate 1>2", "~ commit a>b", "~ file times >1 of 1"]
    assert (found.is_empty, bool(found.sections), found.verdict) == (True, True, "same")


def test_metadata(tmp_path: Path) -> None:
    old = package(tmp_path, info=["license = MIT", "maintainer = A <a@b>", "size = 1", "provider_priority = 10"])
    new = package(tmp_path, version="1.1-r0", info=["license = GPL-2.0-only", "size = 2", "provider_priority = 10"])
    found = compare_packages(old, new)
    assert told(found, "metadata") == ["~ pkgver 1.0-r0>1.1-r0", "~ license MIT>GPL-2.0-only", "- maintainer A <a@b>>"]
    assert (found.verdict, found.old and found.old.installed_size, found.new and found.new.label) == (
        "differs",
        1,
        "foo-1.1-r0",
    )


def test_relations(tmp_path: Path) -> None:
    old = ["depend = so:liba.so.1", "depend = foo-libs=1.0-r0", "depend = bar>=1", "replaces = old", "install_if = x y"]
    new = [
        "depend = foo-libs=1.1-r0",
        "depend = bar>=2",
        "depend = !evil",
        "triggers = /usr/a:/usr/b",
        "install_if = x",
    ]
    found = compare_packages(package(tmp_path, info=old), package(tmp_path, version="1.1-r0", info=new))
    assert told(found, "depends") == [
        "+ depends !evil >!evil",
        "~ depends bar bar>=1>bar>=2",
        "- depends so:liba.so.1 so:liba.so.1>",
        "- replaces old old>",
        "- install_if y y>",
        "+ triggers /usr/a:/usr/b >/usr/a:/usr/b",
    ]
    assert found.section("depends")[0].note.startswith("a conflict")
    gone = compare_packages(
        package(tmp_path, info=old[1:2]), package(tmp_path, version="1.1-r0", info=["depend = foo-libs"])
    )
    assert told(gone, "depends") == ["~ depends foo-libs foo-libs=1.0-r0>foo-libs"]
    assert found.verdict == "differs"


def test_provides(tmp_path: Path) -> None:
    old = ["so:liba.so.1=1.0", "cmd:a=1.0-r0", "cmd:b=1.0-r0", "pc:a=1.0", "pc:low=5", "virtual", "py3.11:a=1.0"]
    new = ["so:liba.so.2=2.0", "cmd:a=1.1-r0", "pc:a=1.1", "pc:low=4", "virtual", "py3.12:a=1.1"]
    found = compare_packages(
        package(tmp_path, info=[f"provides = {each}" for each in old]),
        package(tmp_path, version="1.1-r0", info=[f"provides = {each}" for each in new]),
    )
    assert told(found, "provides") == [
        "- cmd:b 1.0-r0> provides",
        "~ pc:low 5>4 provides",
        "- py3.11:a 1.0> provides",
        "+ py3.12:a >1.1",
        "- so:liba.so.1 1.0> abi",
        "+ so:liba.so.2 >2.0",
    ]
    assert found.lost_provides == ("so:liba.so.1", "cmd:b", "py3.11:a")
    assert (found.abi_changed, found.verdict) == (True, "abi")
    changed = {each.name: (each.old, each.new) for each in found.provided}
    assert changed["foo"] == ("1.0-r0", "1.1-r0")
    assert changed["cmd:a"] == ("1.0-r0", "1.1-r0")
    assert changed["so:liba.so.1"] == ("1.0", None)
    assert "virtual" not in changed


@pytest.mark.parametrize(
    ("old", "new", "lower"),
    [
        ("1.10", "1.9", True),
        ("1.9", "1.10", False),
        ("1.9", "", True),
        ("", "1.9", False),
        ("2", "not-a-version", False),
        ("not-a-version", "1", False),
    ],
)
def test_versions_that_go_down(tmp_path: Path, old: str, new: str, lower: bool) -> None:
    one, other = (f"provides = virtual{f'={version}' if version else ''}" for version in (old, new))
    found = compare_packages(package(tmp_path / "a", info=[one]), package(tmp_path / "b", info=[other]))
    (change,) = found.section("provides")
    assert (change.note, change.impact) == (("lower than before", "provides") if lower else ("", ""))
    told = f"virtual goes down: {old} -> {new}" if new else f"virtual is provided without a version (was {old})"
    assert (told in render_text(found)) == lower
    assert found.verdict == ("provides" if lower else "differs")


def test_what_losing_a_name_means(tmp_path: Path) -> None:
    """Ten libraries and a command: what the verdict rests on is told in few words."""
    names = [f"so:lib{number}.so.1" for number in range(10)]
    old = package(tmp_path / "a", info=[f"provides = {name}=1" for name in (*names, "cmd:x")])
    found = compare_packages(old, package(tmp_path / "b", info=["depend = !other", "replaces = !other"]))
    notes = {change.what: change.note for change in found.section("provides")}
    assert notes["so:lib1.so.1"] == "programs that were linked with it do not start"
    assert notes["cmd:x"] == "who depends on it cannot be installed"
    assert [bool(change.note) for change in found.section("depends")] == [True, False]
    text = render_text(found)
    assert f"libraries not provided any more: {' '.join(names[:8])} and 2 more\n" in text
    assert "names not provided any more: cmd:x\n" in text


def test_lost_names_alone_are_no_change_of_the_abi(tmp_path: Path) -> None:
    found = compare_packages(package(tmp_path / "a", info=["provides = cmd:a=1.0-r0"]), package(tmp_path / "b"))
    assert (found.abi_changed, found.verdict, found.lost_provides) == (False, "provides", ("cmd:a",))


# --- libraries ---------------------------------------------------------------------------------------------------


def with_library(
    where: Path, made: bytes, *, soname: str = "libx.so.1", version: str = "1.0-r0", path: str = "usr/lib/libx"
) -> Path:
    provided = [f"provides = so:{soname}=1"] if soname else []
    return package(where, version=version, files={path: Item(made, 0o755)}, info=provided)


def symbols(tmp_path: Path, old: list[Sym], new: list[Sym], soname: str = "libx.so.1") -> Difference:
    one = with_library(tmp_path / "old", library(old), soname=soname)
    return compare_packages(one, with_library(tmp_path / "new", library(new), soname=soname))


def test_symbols_that_came_change_nothing_for_others(tmp_path: Path) -> None:
    found = symbols(tmp_path, [Sym("f")], [Sym("f", size=9), Sym("g")])
    assert told(found, "symbols") == ["+ libx.so.1 g >FUNC"]
    assert found.verdict == "differs"


def test_symbols_that_went(tmp_path: Path) -> None:
    found = symbols(tmp_path, [Sym("f"), Sym("g")], [Sym("f"), Sym("g", section=0)])
    assert told(found, "symbols") == ["- libx.so.1 g FUNC> abi"]
    assert [(each.name, each.new, each.abi) for each in found.provided] == [("so:libx.so.1", "1", True)]
    assert (found.lost_provides, found.verdict) == ((), "abi")


def test_private_libraries_are_nobodys_abi(tmp_path: Path) -> None:
    found = symbols(tmp_path, [Sym("f"), Sym("g")], [Sym("f")], soname="")
    assert told(found, "symbols") == ["- usr/lib/libx g FUNC>"]
    assert found.verdict == "differs"


def test_another_soname(tmp_path: Path) -> None:
    one = with_library(tmp_path / "old", library([Sym("f")]), path="usr/lib/libx.so.1")
    two = library([Sym("g")], "libx.so.2")
    other = with_library(tmp_path / "new", two, soname="libx.so.2", path="usr/lib/libx.so.2")
    found = compare_packages(one, other)
    assert told(found, "libraries") == ["~ soname usr/lib/libx.so.2 libx.so.1>libx.so.2 abi"]
    assert told(found, "symbols") == ["- libx.so.1 f FUNC> abi", "+ libx.so.1 g >FUNC"]
    assert [(each.name, each.new, each.abi) for each in found.provided] == [("so:libx.so.1", None, False)]


def test_a_library_that_is_gone(tmp_path: Path) -> None:
    found = compare_packages(with_library(tmp_path / "old", library([Sym("f")])), package(tmp_path / "new"))
    assert told(found, "libraries") == ["- soname usr/lib/libx libx.so.1> abi"]
    assert "libraries not provided any more: so:libx.so.1" in render_text(found)


def test_what_libraries_need(tmp_path: Path) -> None:
    old = with_library(tmp_path / "old", library([Sym("f")], needed=("liba.so.1", "libc.so")))
    found = compare_packages(old, with_library(tmp_path / "new", library([Sym("f")], needed=("libb.so.1", "libc.so"))))
    assert told(found, "libraries") == ["- needs usr/lib/libx liba.so.1>", "+ needs usr/lib/libx >libb.so.1"]


F, G = Symbol("f", "", True, "FUNC", "GLOBAL", 1), Symbol("f", "", True, "FUNC", "WEAK", 1)
DATA = Symbol("d", "", True, "OBJECT", "GLOBAL", 8)


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        (DATA, Symbol("d", "", True, "OBJECT", "GLOBAL", 9), ("~", "abi")),
        (DATA, Symbol("d", "", True, "OBJECT", "GLOBAL", 7), ("~", "abi")),
        (DATA, Symbol("d", "", True, "TLS", "GLOBAL", 8), ("~", "abi")),
        (DATA, Symbol("d", "", True, "FUNC", "GLOBAL", 8), ("~", "abi")),
        (F, Symbol("f", "", True, "IFUNC", "GLOBAL", 1), ("~", "")),
        (F, G, ("~", "")),
        (G, F, ("~", "")),
        (F, Symbol("f", "V1", True, "FUNC", "GLOBAL", 1), ("~", "")),
        (Symbol("f", "V1", True, "FUNC", "GLOBAL", 1), F, ("~", "abi")),
        (Symbol("f", "V1", True, "FUNC", "GLOBAL", 1), Symbol("f", "V1", False, "FUNC", "GLOBAL", 1), ("~", "abi")),
        (Symbol("f", "V1", False, "FUNC", "GLOBAL", 1), Symbol("f", "V1", True, "FUNC", "GLOBAL", 1), ("~", "")),
    ],
    ids=str,
)
def test_one_symbol(old: Symbol, new: Symbol, wanted: tuple[str, str]) -> None:
    found = list(compare_symbols("x", [old], [new]))
    if wanted == ("~", "") and old.version and not old.default:
        assert found == []
        return
    assert [(each.sign, each.impact) for each in found] == [wanted]


def test_a_version_that_moves_on() -> None:
    v1, v2 = (Symbol("f", version, True, "FUNC", "GLOBAL", 1) for version in ("V1", "V2"))
    old_one = Symbol("f", "V1", False, "FUNC", "GLOBAL", 1)
    gone = list(compare_symbols("x", [v1], [v2]))
    assert [(each.sign, each.what, each.new, each.impact) for each in gone] == [
        ("~", "f@@V1", "f@@V2", "abi"),
    ]
    kept = list(compare_symbols("x", [v1], [old_one, v2]))
    assert [(each.sign, each.what, each.impact) for each in kept] == [("~", "f@@V1", "abi"), ("+", "f@@V2", "")]
    assert "musl" in kept[0].note


def test_symbols_that_do_not_count() -> None:
    of_std = Symbol("_ZNSt6vectorIiSaIiEE9push_backEOi", "", True, "FUNC", "WEAK", 1)
    (change,) = compare_symbols("x", [of_std], [])
    assert (change.sign, change.impact) == ("-", "")
    strong = Symbol(of_std.name, "", True, "FUNC", "GLOBAL", 1)
    (change,) = compare_symbols("x", [strong], [])
    assert change.impact == "abi"
    (change,) = compare_symbols("x", [Symbol("_ZN3foo3barEv", "", True, "FUNC", "WEAK", 1)], [])
    assert change.impact == "abi"
    made = [Symbol("_edata", "", True, "NOTYPE", "GLOBAL", 0), Symbol("V1", "V1", True, "OBJECT", "GLOBAL", 0, True)]
    assert list(compare_symbols("x", made, [])) == []
    of_no_kind = Symbol("f", "", True, "NOTYPE", "GLOBAL", 0)
    assert list(compare_symbols("x", [of_no_kind], [F])) == []
    of_unknown_size = Symbol("d", "", True, "OBJECT", "GLOBAL", 0)
    assert list(compare_symbols("x", [of_unknown_size], [DATA])) == []
    assert list(compare_symbols("x", [F], [Symbol("f", "", True, "FUNC", "GLOBAL", 99)])) == []


# --- files -------------------------------------------------------------------------------------------------------


def test_a_program_that_is_at_a_fixed_place_now(tmp_path: Path) -> None:
    """Of an ELF file that nobody is linked with: another type is told, another content alone is not."""
    made = library([Sym("f")], soname="")
    fixed = made[:16] + b"\2\0" + made[18:]
    found = compare(tmp_path, {"usr/bin/x": made}, {"usr/bin/x": fixed})
    assert told(found, "libraries") == ["~ type usr/bin/x ET_DYN>ET_EXEC"]
    back = compare(tmp_path, {"usr/bin/x": fixed}, {"usr/bin/x": made})
    assert "at a fixed place" not in render_text(back)


def test_files(tmp_path: Path) -> None:
    old: Files = {
        "usr": folder(),
        "usr/went": b"abc",
        "usr/same": b"same",
        "usr/other": b"12345",
        "usr/longer": b"1",
        "usr/mode": Item(b"m", 0o644),
        "usr/owner": Item(b"o", owner=("root", "root")),
        "usr/link": symlink("a"),
        "usr/moved": b"so long",
        "usr/kind": b"",
        "usr/empty": folder(),
        "usr/hard": hardlink("usr/same"),
    }
    new: Files = {
        "usr": folder(),
        "usr/came": Item(b"abcd", 0o755),
        "usr/same": b"same",
        "usr/other": b"12346",
        "usr/longer": b"12",
        "usr/mode": Item(b"m", 0o600),
        "usr/owner": Item(b"o", owner=("foo", "foo")),
        "usr/link": symlink("b"),
        "usr/there": b"so long",
        "usr/kind": symlink("x"),
        "usr/new": folder(),
        "usr/new/in": b"in it",
        "usr/hard": b"same",
    }
    found = compare(tmp_path, old, new)
    assert [(c.sign, c.what, c.old, c.new, c.note) for c in found.section("files")] == [
        ("+", "usr/came", "", "4 B, 0755", ""),
        ("-", "usr/empty", "directory", "", ""),
        ("~", "usr/hard", "to usr/same", "", "hard link"),
        ("~", "usr/kind", "file, 0 B, 0644", "symbolic link, x", "type, mode"),
        ("~", "usr/link", "a", "b", ""),
        ("~", "usr/longer", "1 B", "2 B", ""),
        ("~", "usr/mode", "0644", "0600", "mode"),
        (">", "usr/moved", "", "", "now usr/there"),
        ("+", "usr/new/in", "", "5 B", ""),
        ("~", "usr/other", "", "", "content, still 5 B"),
        ("~", "usr/owner", "root:root", "foo:foo", "owner"),
        ("-", "usr/went", "3 B", "", ""),
    ]


def test_files_that_have_the_version_in_their_path(tmp_path: Path) -> None:
    before: Files = {"usr/lib/foo-3.11.8/a": b"old", "usr/lib/python3.11/b": b"1", "usr/foo-3.11.8-r2": b"2"}
    after: Files = {"usr/lib/foo-3.12.1/a": b"new!", "usr/lib/python3.12/b": b"one", "usr/foo-3.12.1-r0": b"two"}
    old, new = package(tmp_path, "x", "3.11.8-r2", before), package(tmp_path, "x", "3.12.1-r0", after)
    assert [(c.sign, c.what, c.note) for c in compare_packages(old, new).section("files")] == [
        (">", "usr/foo-3.11.8-r2", "now usr/foo-3.12.1-r0; content"),
        (">", "usr/lib/foo-3.11.8/a", "now usr/lib/foo-3.12.1/a; content"),
        (">", "usr/lib/python3.11/b", "now usr/lib/python3.12/b; content"),
    ]


def test_no_renames_where_it_is_not_clear(tmp_path: Path) -> None:
    found = compare(tmp_path, {"a/x": b"1", "a/y": b"1", "e": b""}, {"b/p": b"1", "b/q": b"1", "f": b""})
    assert [c.sign + c.what for c in found.section("files")] == ["-a/x", "-a/y", "+b/p", "+b/q", "-e", "+f"]
    found = compare(tmp_path, {"a/x": b"1", "a/y": b"1"}, {"b/x": b"1", "b/y": b"1"})
    assert [c.sign + c.what + c.note for c in found.section("files")] == [">a/xnow b/x", ">a/ynow b/y"]
    found = compare(tmp_path, {"a/x": b"1", "a/y": b"1"}, {"b/x": b"1", "c/x": b"1"})
    assert [c.sign + c.what for c in found.section("files")] == ["-a/x", "-a/y", "+b/x", "+c/x"]


def test_folders_are_told_of_by_what_is_in_them(tmp_path: Path) -> None:
    found = compare(tmp_path, {"a": folder(), "a/b": folder(), "a/b/c": b"1", "a/e": folder()}, {})
    assert [c.sign + c.what for c in found.section("files")] == ["-a/b/c", "-a/e"]


def test_capabilities_and_attributes(tmp_path: Path) -> None:
    raw = struct.pack("<5I", 0x02000001, 1 << 13 | 1 << 10, 0, 0, 0)
    old: Files = {"usr/a": Item(b"", 0o755), "usr/b": Item(b"", xattrs={"user.x": b"1"})}
    new: Files = {
        "usr/a": Item(b"", 0o755, xattrs={"security.capability": raw}),
        "usr/b": Item(b"", xattrs={"user.x": b"2"}),
    }
    found = compare(tmp_path, old, new)
    caps = "cap_net_bind_service,cap_net_raw+ep"
    assert told(found, "files") == [f"~ usr/a >{caps}", "~ usr/b user.x=1>user.x=2"]
    assert told(found, "effects") == [f"+ capabilities usr/a >{caps}"]


def test_contents(tmp_path: Path) -> None:
    old: Files = {
        "etc/a.conf": b"one\ntwo\nthree\n",
        "usr/bin/x": b"\0\1",
        "usr/big": b"a\n" * (1 << 19),
        "usr/moved-1.0": b"m\n",
    }
    new: Files = {
        "etc/a.conf": b"one\n2\nthree\n",
        "usr/bin/x": b"\0\2",
        "usr/big": b"b\n" * (1 << 20),
        "usr/moved-1.0": b"m\n",
    }
    assert compare(tmp_path, old, new).section("contents") == ()
    found = compare(tmp_path, old, new, contents=True)
    (change,) = found.section("contents")
    assert (change.what, change.lines) == ("etc/a.conf", ("@@ -1,3 +1,3 @@", " one", "-two", "+2", " three"))
    assert found.unseen == ("usr/big: too large to be compared line by line",)
    assert "-two\n" in render_text(found)
    large = [package(tmp_path / name, files={"usr/big": files["usr/big"]}) for name, files in (("a", old), ("b", new))]
    binary = compare(tmp_path / "c", {"a": b"\xff", "b": b"b"}, {"a": b"a", "b": b"\xff"}, contents=True)
    assert (binary.section("contents"), binary.unseen) == ((), ())
    assert compare_packages(*large, contents=True).unseen == found.unseen, "also where there is no smaller one"


def test_unified() -> None:
    long = [f"{number}" for number in range(40)]
    changed = [*long[:20], "x", *long[21:]]
    text = ("\n".join(long) + "\n").encode()
    lines = unified(text, ("\n".join(changed) + "\n").encode())
    assert lines == ("@@ -18,7 +18,7 @@", " 17", " 18", " 19", "-20", "+x", " 21", " 22", " 23")
    assert unified(b"", b"a\nb\n") == ("@@ -0,0 +1,2 @@", "+a", "+b")
    assert unified(b"a\n", b"a") != ()
    many = b"".join(b"%d\n" % number for number in range(4000))
    other = b"".join(b"%d\n" % (number if number % 2 else -number - 1) for number in range(4000))
    assert len(unified(many, other)) == 1 + 3999 + 3999  # the last line is the same; all before it counts as replaced


# --- when it is installed ----------------------------------------------------------------------------------------


def test_effects(tmp_path: Path) -> None:
    old: Files = {
        "usr/bin/su": Item(b"x", 0o755),
        "usr/bin/less": Item(b"y", 0o4755),
        "etc/foo.conf": b"a",
        "etc/same.conf": b"same",
        "etc/init.d/old": Item(b"", 0o755),
    }
    new: Files = {
        "usr/bin/su": Item(b"x", 0o4755),
        "usr/bin/less": Item(b"y", 0o755),
        "usr/bin/wall": Item(b"z", 0o2755, owner=("root", "tty")),
        "usr/bin/open": Item(b"w", 0o666),
        "etc/foo.conf": b"ab",
        "etc/bar.conf": b"",
        "etc/same.conf": b"same",
        "etc/link.conf": symlink("bar.conf"),
        "etc/init.d/food": Item(b"", 0o755),
        "etc/periodic/daily/foo": Item(b"", 0o755),
        "etc/sudoers.d/foo": b"",
        "dev/null": Item(kind=b"3"),
        "tmp": folder(0o1777),
    }
    found = compare(tmp_path, old, new)
    assert told(found, "effects") == [
        "+ setuid usr/bin/su >root",
        "- setuid usr/bin/less root>",
        "+ setgid usr/bin/wall >tty",
        "+ writable by all usr/bin/open >0666",
        "+ device dev/null >0:0",
        "+ service food >etc/init.d/food",
        "- service old etc/init.d/old>",
        "+ regular job etc/periodic/daily/foo >etc/periodic/daily/foo",
        "+ rights of others etc/sudoers.d/foo >etc/sudoers.d/foo",
        "~ configuration etc/foo.conf 1 B>2 B",
        "+ configuration etc/bar.conf >0 B",
    ]


def test_scripts_and_accounts(tmp_path: Path) -> None:
    old = package(tmp_path / "a", scripts={".pre-install": b"#!/bin/sh\naddgroup -S foo\nexit 0\n", ".trigger": b"x\n"})
    new = package(
        tmp_path / "b",
        scripts={
            ".pre-install": b"#!/bin/sh\naddgroup -S foo\nadduser -S -D -H -h /var/foo -G foo bar 2>/dev/null\nexit 0\n",
            ".post-install": b"#!/bin/sh\n",
        },
    )
    found = compare_packages(old, new)
    assert [(c.sign, c.what) for c in found.section("scripts")] == [
        ("+", "post-install"),
        ("~", "pre-install"),
        ("-", "trigger"),
    ]
    assert "+adduser -S -D -H -h /var/foo -G foo bar 2>/dev/null" in found.section("scripts")[1].lines
    assert told(found, "effects") == ["+ new user bar >by pre-install"]


@pytest.mark.parametrize(
    ("script", "wanted"),
    [
        ("addgroup -g 82 -S www-data 2>/dev/null || true", [("group", "www-data")]),
        ("addgroup foo audio", []),
        ("if ! id foo; then\n\tadduser -D -u 99 -s /sbin/nologin -g 'Foo bar' foo\nfi", [("user", "foo")]),
        ("/usr/sbin/useradd -r -d /var/x x && groupadd --system y", [("user", "x"), ("group", "y")]),
        ('for u in a b; do adduser "$u"; done', []),
        ("f() { adduser -S in_function; }\nf", [("user", "in_function")]),
        ("adduser 'not closed", []),
        ("# adduser foo\necho adduser foo", []),
    ],
)
def test_accounts_in(script: str, wanted: list[tuple[str, str]]) -> None:
    assert accounts_in(script.encode()) == wanted


# --- several packages --------------------------------------------------------------------------------------------


def test_sets(tmp_path: Path) -> None:
    lib = {"usr/lib/libx.so.1": Item(library([Sym("f")]), 0o755)}
    other = {"usr/lib/libx.so.1": Item(library([Sym("f"), Sym("g")]), 0o755)}
    old, new = tmp_path / "old", tmp_path / "new"
    before = [
        package(old, files=lib, info=["provides = so:libx.so.1=1", "provides = cmd:x=1.0-r0"]),
        package(old, "foo-doc", info=["provides = virtual=1"]),
        package(old, "same"),
        package(old, "foo-doc", "0.9-r0"),
    ]
    after = [
        package(new, version="1.1-r0", info=["provides = cmd:x=1.1-r0"]),
        package(new, "foo-libs", "1.1-r0", other, info=["provides = so:libx.so.1=1"]),
        package(new, "same"),
    ]
    found = compare_sets(before, after)
    assert [(d.old and d.old.label, d.new and d.new.label, d.verdict) for d in found.differences] == [
        ("foo-1.0-r0", "foo-1.1-r0", "differs"),
        ("foo-doc-1.0-r0", None, "provides"),
        (None, "foo-libs-1.1-r0", "differs"),
    ]
    moved = found.differences[0]
    assert moved.lost_provides == ()
    assert [c.note for c in moved.section("provides")] == ["foo-libs has it now"]
    assert told(moved, "symbols") == ["+ libx.so.1 g >FUNC"]
    assert (found.verdict, {each.name: each.new for each in found.provided}) == (
        "provides",
        {"foo": "1.1-r0", "cmd:x": "1.1-r0", "foo-doc": None, "virtual": None},
    )


def test_files_that_move_from_one_package_to_another(tmp_path: Path) -> None:
    files: Files = {"usr/x": b"1", "usr/y": b"2"}
    old = [package(tmp_path, files=files), package(tmp_path, "foo-b")]
    new = [package(tmp_path, version="2-r0"), package(tmp_path, "foo-b", "2-r0", {"usr/x": b"1"})]
    found = compare_sets(old, new)
    assert [(c.sign, c.what, c.note) for d in found.differences for c in d.section("files")] == [
        ("-", "usr/x", "now in foo-b"),
        ("-", "usr/y", ""),
        ("+", "usr/x", "was in foo"),
    ]


def test_a_library_that_moves_and_loses_symbols(tmp_path: Path) -> None:
    provides = ["provides = so:libx.so.1=1"]
    old = package(tmp_path, files={"usr/lib/libx.so.1": library([Sym("f"), Sym("g")])}, info=provides)
    new = [
        package(tmp_path, version="2-r0"),
        package(tmp_path, "foo-libs", "2-r0", {"usr/lib/libx.so.1": library([Sym("f")])}, info=provides),
    ]
    found = compare_sets([old], new)
    assert (found.verdict, told(found.differences[0], "symbols")) == ("abi", ["- libx.so.1 g FUNC> abi"])
    assert [(each.name, each.abi) for each in found.provided if each.abi] == [("so:libx.so.1", True)]


def test_a_new_package_tells_what_it_brings(tmp_path: Path) -> None:
    files: Files = {"usr/bin/x": Item(b"", 0o4755), "etc/init.d/x": Item(b"", 0o755)}
    (found,) = compare_sets([], [package(tmp_path, files=files, info=["depend = y"])]).differences
    assert (found.verdict, found.lost_provides) == ("differs", ())
    assert told(found, "effects") == ["+ setuid usr/bin/x >root", "+ service x >etc/init.d/x"]
    assert told(found, "depends") == ["+ depends y >y"]
