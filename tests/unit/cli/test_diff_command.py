# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuildpy diff`` and ``abuildpy follows`` as they are typed: operands, formats, exit statuses, messages."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from batchkit import entry, write_index
from diff_builds import Item, package
from elf_symbols import Sym, library

from abuildpy.cli import diff, follows
from abuildpy.repository.apkfile import read
from abuildpy.repository.indexing import entry_of

X1 = {"usr/lib/libx.so.1": Item(library([Sym("f"), Sym("g")]), 0o755)}
X2 = {"usr/lib/libx.so.1": Item(library([Sym("f")]), 0o755)}
PROVIDES = ["provides = so:libx.so.1=1", "origin = x"]


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture(autouse=True)
def aports(tmp_path: Path, settings: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tree with two recipes, the second built with the first; its folder is the current one."""
    tree = tmp_path / "aports"
    for name, lines in (("x", 'subpackages="x-dev"'), ("a", 'makedepends="x-dev"')):
        recipe = tree / "main" / name / "APKBUILD"
        recipe.parent.mkdir(parents=True)
        recipe.write_text(f"pkgname={name}\npkgver=2\npkgrel=0\narch=all\n{lines}\npackage() {{ :; }}\n")
    monkeypatch.chdir(tree)
    monkeypatch.setenv("REPODEST", str(tmp_path / "packages"))
    monkeypatch.setenv("CARCH", "x86_64")
    monkeypatch.setenv("APK", f"apk --root {tmp_path / 'root'}")
    return tree


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str | Path, program: Callable[[list[str]], int] = diff.main) -> Said:
        capfd.readouterr()
        status = program([str(word) for word in arguments])
        return Said(status, *capfd.readouterr())

    return run


def _renamed(where: Path, name: str, version: str) -> Path:
    """A package whose file has a plain name, whatever it calls itself."""
    path = package(where, "odd", "1-r0", info=[f"pkgname = {name}", f"pkgver = {version}", "origin = x"])
    assert (read(path).name, read(path).version) == (name, version)
    return path


def test_exit_statuses(tmp_path: Path, run: Run) -> None:
    old = package(tmp_path / "a", "x", "1-r0", X1, info=[*PROVIDES, "provides = cmd:x"])
    assert run(old, old) == Said(0, "", "")
    rebuilt = package(tmp_path / "b", "x", "1-r0", X1, info=[*PROVIDES, "provides = cmd:x", "builddate = 1"])
    assert run(old, rebuilt).status == 0
    assert run(old, package(tmp_path / "c", "x", "1-r1", X1, info=[*PROVIDES, "provides = cmd:x"])).status == 1
    assert run(old, package(tmp_path / "d", "x", "1-r1", X2, info=[*PROVIDES, "provides = cmd:x"])).status == 3
    assert run(old, package(tmp_path / "e", "x", "1-r1", X1, info=PROVIDES)).status == 4
    assert run(old, package(tmp_path / "f", "x", "1-r1", X2, info=PROVIDES)).status == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "usage:"),
        (("a", "b", "c"), "usage:"),
        (("--wrong", "a", "b"), "--wrong"),
        (("--format=xml", "a", "b"), "--format takes one of text, json, html, not 'xml'"),
        (("nowhere.apk", "main"), "nowhere.apk does not exist"),
        (("main", "main"), "main has no packages"),
        (("main",), "main is no recipe's folder"),
        (("text", "text"), "text is not a usable apk file: it does not begin as one does\n           name a package"),
        (("-o", "no/where", "x.apk", "y.apk"), "no/where"),
    ],
)
def test_trouble(words: tuple[str, ...], said: str, run: Run) -> None:
    Path("text").write_text("hello\n")
    package(Path(), "x", "1-r0").rename("x.apk")
    package(Path(), "x", "2-r0").rename("y.apk")
    found = run(*words)
    assert (found.status, found.out) == (2, "")
    assert said in found.err
    assert "Traceback" not in found.err


def test_text(tmp_path: Path, run: Run) -> None:
    old = package(tmp_path, "x", "1-r0", X1, info=[*PROVIDES, "size = 100"])
    found = run(old, package(tmp_path, "x", "2-r0", X2, info=[*PROVIDES, "size = 90"]))
    lines = found.out.splitlines()
    assert lines[0] == "x 1-r0 -> 2-r0 (x86_64): the ABI changed"
    assert re.fullmatch(r"    package \d+ B -> \d+ B \([+-][\d.]+ %\), installed 100 B -> 90 B \(-10.0 %\)", lines[1])
    assert lines[2:] == [
        "    libx.so.1: 1 symbol gone",
        "",
        "Metadata",
        "  ~ pkgver  1-r0 -> 2-r0",
        "",
        "Symbols",
        "  libx.so.1  1 removed",
        "    - g  FUNC  [ABI]",
        "",
        "Files",
        lines[-1],
    ]
    assert "\x1b" not in found.out


def test_long_lists_are_cut_unless_all_is_asked_for(tmp_path: Path, run: Run) -> None:
    old = package(tmp_path, "x", "1-r0")
    new = package(tmp_path, "x", "2-r0", {f"usr/{number:03}": b"" for number in range(100)})
    cut = run(old, new).out
    assert "  … and 75 more (--full shows all)\n" in cut
    assert ("+ usr/024" in cut, "+ usr/025" in cut) == (True, False)
    full = run("--full", old, new).out
    assert "more" not in full
    assert "+ usr/099" in full


def test_json(tmp_path: Path, run: Run) -> None:
    old = package(tmp_path, "x", "1-r0", X1, info=[*PROVIDES, "provides = cmd:x"])
    new = package(tmp_path, "x", "2-r0", X2, info=PROVIDES, scripts={".trigger": b"#!/bin/sh\n"})
    found = json.loads(run("--json", old, new).out)
    assert (found["verdict"], found["abi_changed"], found["lost_provides"]) == ("abi", True, ["cmd:x"])
    (one,) = found["packages"]
    assert (one["old"]["version"], one["new"]["name"], one["new"]["origin"]) == ("1-r0", "x", "x")
    assert one["sections"]["symbols"] == [
        {"change": "removed", "what": "g", "where": "libx.so.1", "old": "FUNC", "impact": "abi"}
    ]
    assert one["sections"]["scripts"] == [
        {"change": "added", "what": "trigger", "lines": ["@@ -0,0 +1 @@", "+#!/bin/sh"]}
    ]
    assert {"name": "so:libx.so.1", "old": "1", "new": "1", "abi_changed": True} in one["provided"]
    assert json.loads(run("--format", "json", old, old).out)["packages"] == []


def test_symbols_have_the_names_that_their_source_has(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "c++filt").write_text("#!/bin/sh\nsed 's/^_Z1gv$/g()/'\n")
    (tmp_path / "c++filt").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    files = {"usr/lib/libx.so.1": Item(library([Sym("f"), Sym("_Z1gv")]), 0o755)}
    old = package(tmp_path, "x", "1-r0", files, info=PROVIDES)
    new = package(tmp_path, "x", "2-r0", X2, info=PROVIDES)
    assert "    - g()  FUNC  [ABI]\n" in run(old, new).out
    (gone,) = json.loads(run("--json", old, new).out)["packages"][0]["sections"]["symbols"]
    assert (gone["what"], gone["readable"]) == ("_Z1gv", "g()")


def test_html_is_text_whatever_packages_hold(tmp_path: Path, run: Run) -> None:
    evil = "<script>alert(1)</script>"
    old = package(tmp_path / "a", "x", "1-r0", info=["pkgdesc = good"])
    new = package(
        tmp_path / "b",
        "x",
        "2-r0",
        {f"usr/{evil}": b""},
        info=[f"pkgdesc = {evil}"],
        scripts={".trigger": evil.encode()},
    )
    page = tmp_path / "page.html"
    found = run("--format=html", "--full", "-o", page, old, new)
    assert (found.status, found.out) == (1, "")
    text = page.read_text()
    assert "<script" not in text
    assert text.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 3
    assert "default-src 'none'; style-src 'sha256-" in text
    assert not re.findall(r' (?:src|href)="(?!#)', text)
    assert "x 1-r0 -&gt; 2-r0" in text


def test_html_of_several_packages(tmp_path: Path, run: Run) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    package(old, "x", "1-r0", {"etc/x": b"one\n"})
    package(new, "x", "1-r0", {"etc/x": "t\u202ewo\x1b[31m\n".encode()})
    package(new, "x-came", "1-r0", {f"usr/{number}": b"" for number in range(61)}, info=["origin = x"])
    package(old, "x-gone", "1-r0", info=["origin = x"])
    text = run("--format=html", "--contents", old, new).out
    assert "3 packages: names that others may depend on are lost" in text
    assert "x-came 1-r0 (x86_64) is new" in text
    assert "x-gone 1-r0 (x86_64) is gone" in text
    assert not {"\u202e", "\x1b"} & {*text}, "what is shown commands no terminal and turns no line"
    assert 'class="gone">-one' in text
    one = run("--format=html", old / "x-1-r0.apk", new / "x-1-r0.apk").out
    assert "x 1-r0 (x86_64): differs, with the same ABI" in one


def test_what_a_packages_name_holds_commands_no_terminal(tmp_path: Path, run: Run) -> None:
    evil = "1\x1b]0;x\x07\u202e"
    old = package(tmp_path / "a", "x", "1-r0", info=["origin = x"])
    for name, version in (("x", evil), (evil, "1-r0")):
        new = _renamed(tmp_path / "b", name, version)
        for arguments in ((), ("--full",), ("--format=html",)):
            found = run(*arguments, old, new)
            assert found.status in (1, 4)
            assert all(c.isprintable() or c == "\n" for c in found.out + found.err)
        (tmp_path / "c").mkdir(exist_ok=True)
        new.rename(tmp_path / "c/odd.apk")
        came = run(tmp_path / "a", tmp_path / "c")
        assert all(c.isprintable() or c == "\n" for c in came.out + came.err)


def test_files_of_different_packages_are_compared_as_they_are(tmp_path: Path, run: Run) -> None:
    found = run(package(tmp_path, "x", "1-r0"), package(tmp_path, "x2", "2-r0"))
    assert found.out.startswith("x -> x2 1-r0 -> 2-r0 (x86_64)")


def test_operands_that_have_nothing_in_common(tmp_path: Path, run: Run) -> None:
    x = package(tmp_path / "a", "x", "1-r0")
    package(tmp_path / "a", ".y", "1-r0")  # a package that is just being written
    y = package(tmp_path / "b", "y", "1-r0")
    for words, said in (
        ((tmp_path / "a", tmp_path / "b"), f"{tmp_path}/a and {tmp_path}/b have no packages of the same recipe"),
        ((x, tmp_path / "b"), f"{tmp_path}/b has no package x"),
        ((tmp_path / "a", y), f"{tmp_path}/a has no package y"),
        ((x, "main/x/fifo"), "main/x/fifo is no file or folder"),
    ):
        Path("main/x/fifo").unlink(missing_ok=True)
        os.mkfifo("main/x/fifo")
        found = run(*words)
        assert (found.status, said in found.err) == (2, True), found


def test_one_side_may_have_a_package_less(tmp_path: Path, run: Run) -> None:
    for name in ("x", "x-doc"):
        package(tmp_path / "old", name, "1-r0", info=["origin = x"])
    package(tmp_path / "new", "x", "1-r0", info=["origin = x"])
    assert "x-doc 1-r0 (x86_64) is gone" in run(tmp_path / "old", tmp_path / "new").out
    assert "x-doc 1-r0 (x86_64) is new" in run(tmp_path / "new", tmp_path / "old").out


def test_folders(tmp_path: Path, run: Run) -> None:
    old, new = tmp_path / "old/main/x86_64", tmp_path / "new"
    for where, version in ((old, "1-r0"), (new, "2-r0")):
        package(where, "x", version)
        package(where, "x-doc", version, info=["origin = x"])
    package(old, "x-gone", "1-r0", info=["origin = x"])
    package(old, "other", "1-r0")
    package(new, "x-came", "2-r0", info=["origin = x"])
    found = run(tmp_path / "old", new)
    assert found.status == 4
    assert [line for line in found.out.splitlines() if line[:1] == "x"] == [
        "x 1-r0 -> 2-r0 (x86_64): only the version differs",
        "x-came 2-r0 (x86_64) is new",
        "x-doc 1-r0 -> 2-r0 (x86_64): only the version differs",
        "x-gone 1-r0 (x86_64) is gone: names that others may depend on are lost",
    ]
    assert found.out.endswith("4 packages: 1 without names that they had, 3 with other differences\n")
    assert "only one side has packages of 1 recipe, not compared: other" in found.err
    one = run(tmp_path / "old", new / "x-doc-2-r0.apk")
    assert (one.status, one.out) == (1, "x-doc 1-r0 -> 2-r0 (x86_64): only the version differs\n")
    assert run(old / "other-1-r0.apk", new).status == 2


def test_recipes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    packages = tmp_path / "packages/main/x86_64"
    found = run("main/x")
    assert (found.status, found.out) == (2, "")
    assert "can't find x-2-r0.apk" in found.err or "no published or earlier package of x" in found.err
    package(packages, "x", "2-r0")
    assert "no published or earlier package of x is known" in run("main/x").err
    package(packages, "x", "1-r9")
    package(packages, "x", "1-r10")
    package(packages, "x-dev", "1-r10", info=["origin = x"])
    package(packages, "x-1", "5-r0")
    package(packages, "x-dev", "2-r0", info=["origin = x"])
    assert run("main/x").out.splitlines()[:2] == ["x 1-r10 -> 2-r0 (x86_64): only the version differs", ""]
    for same in ("main/x/APKBUILD", "x", "x-dev"):
        assert run(same).status == 1
    assert "nothing does not exist" in run("nothing").err
    monkeypatch.chdir("main/x")
    assert run("x").status == 1
    several = run("main")
    assert (several.status, "main means several recipes" in several.err) == (2, True)


_APK = """\
#!/bin/sh
for name; do :; done
case "$*" in
*--simulate*) [ ! -f {remote}/$name ] || echo "Downloading $name-$(cat {remote}/$name)";;
*) cat {remote}/$name.apk;;
esac
"""


def test_what_is_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    remote, repositories = tmp_path / "remote", tmp_path / "root/etc/apk/repositories"
    repositories.parent.mkdir(parents=True)
    repositories.write_text("https://example.invalid/main\n")
    apk = tmp_path / "apk"
    apk.write_text(_APK.format(remote=remote))
    apk.chmod(0o755)
    monkeypatch.setenv("APK", f"{apk} --root {tmp_path / 'root'}")
    package(remote, "x", "1-r5", {"usr/x": b"published"}).rename(remote / "x.apk")
    (remote / "x").write_text("1-r5")
    package(tmp_path / "packages/main/x86_64", "x", "1-r9")
    package(tmp_path / "packages/main/x86_64", "x", "2-r0")
    found = run("main/x")
    assert (found.status, found.out.splitlines()[0]) == (1, "x 1-r5 -> 2-r0 (x86_64): differs, with the same ABI")
    assert "  - usr/x  9 B\n" in found.out


def test_what_follows(tmp_path: Path, aports: Path, run: Run) -> None:
    packages = tmp_path / "packages/main/x86_64"
    old = package(packages, "x", "1-r0", X1, info=PROVIDES)
    new = package(tmp_path / "new", "x", "2-r0", X2, info=PROVIDES)
    nothing = run("so:libx.so.1", program=follows.main)
    assert (nothing.status, nothing.out) == (2, "")
    assert "no index on this machine tells what packages depend on" in nothing.err
    packages.joinpath("APKINDEX.tar.gz").write_bytes(b"no index")
    damaged = run("so:libx.so.1", program=follows.main)
    assert (damaged.status, f"{packages}/APKINDEX.tar.gz" in damaged.err) == (2, True), damaged
    packages.joinpath("APKINDEX.tar.gz").unlink()
    compared = run("--follows", old, new)
    assert (compared.status, compared.out) == (3, run(old, new).out)
    assert "WARNING: what follows is not known: no index" in compared.err
    library_of_x = entry("x", "1-r0", origin="x", provides="so:libx.so.1=1")
    write_index(packages / "APKINDEX.tar.gz", library_of_x, entry("a", "1-r0", depends="so:libx.so.1"))
    by_name = run("so:libx.so.1", program=follows.main)
    assert by_name.status == 1
    assert "  main/a  a-1-r0 needs so:libx.so.1\n" in by_name.out
    assert by_name.out.endswith("  abuildpy batch --rebuild-dependants main/x\n")
    of_package = run(new, program=follows.main)
    assert "  main/a  a-1-r0 uses so:libx.so.1\n" in of_package.out
    assert of_package.out.endswith("  apkgrel -a main/a\n  abuildpy batch main/x main/a\n")
    compared = run("--follows", old, new)
    assert compared.status == 3
    assert compared.out.endswith(of_package.out)
    assert run("--names", new, program=follows.main) == Said(1, "main/a\n", "")
    told = json.loads(run("--json", new, program=follows.main).out)
    assert [each["name"] for each in told["rebuild"]] == ["main/a"]
    assert json.loads(run("--json", "--follows", old, new).out)["follows"] == told
    wrong = run("so:liby.so.1", program=follows.main)
    assert (wrong.status, "wants so:liby.so.1" in wrong.err) == (2, True)
    old.unlink()  # now only the index knows what it provided, and that is the same
    assert run(new, program=follows.main) == Said(0, "Nothing has to be rebuilt.\n", "")


def test_a_new_version_of_a_package(tmp_path: Path, run: Run) -> None:
    packages = tmp_path / "packages/main/x86_64"
    write_index(packages / "APKINDEX.tar.gz", entry("x", "1-r0"), entry("a", depends="x~1"), entry("b", depends="x"))
    found = json.loads(run("--json", "x", program=follows.main).out)
    assert ([each["name"] for each in found["rebuild"]], found["absent"]) == (["main/a"], [])
    assert found["commands"] == ["apkgrel -a main/a", "abuildpy batch main/x main/a"]
    write_index(packages / "APKINDEX.tar.gz", entry("x", "1-r0"), entry("a", depends="x"))
    found = json.loads(run("--json", "x", program=follows.main).out)
    assert (found["rebuild"], [each["name"] for each in found["perhaps"]]) == ([], ["main/a"])


def test_a_package_that_is_in_the_index_already(tmp_path: Path, run: Run) -> None:
    packages = tmp_path / "packages/main/x86_64"
    package(packages, "x", "1-r0", X1, info=PROVIDES)
    new = package(packages, "x", "2-r0", X2, info=PROVIDES)
    entries = [entry_of(read(path)) for path in sorted(packages.glob("*.apk"))]
    write_index(packages / "APKINDEX.tar.gz", *entries, entry("a", depends="so:libx.so.1"))
    assert run("--names", new, program=follows.main) == Said(1, "main/a\n", "")
