# SPDX-License-Identifier: GPL-3.0-or-later
"""Names that packages have beside libraries: pkg-config files, commands, Python modules, links."""

from __future__ import annotations

from pathlib import Path

import pytest
from package_trees import File, Folder, Item, Link, Program, metadata, traceable
from trace_samples import Database, one, pc, run

from abuildpy.package.model import Traced
from abuildpy.package.scanning import normalize


def test_pc_provides(tmp_path: Path) -> None:
    items: dict[str, Item] = {
        "usr/lib/pkgconfig/foo.pc": pc("1.0.rc1", "Provides: bar = 1.0, baz\nConflicts: old < 2\n"),
        "usr/lib/pkgconfig/link.pc": Link("foo.pc"),
        "usr/share/pkgconfig/share.pc": pc("v2"),
        "usr/share/pkgconfig/nothing.pc": pc(""),
    }
    expected = {"foo=1.0_rc1", "bar=1.0", "baz=0", "link=1.0_rc1", "share=2", "nothing=0"}
    assert one(tmp_path / "a", items).provides == tuple(sorted(f"pc:{name}" for name in expected))
    prefixed = one(tmp_path / "b", items, metadata(arch="noarch", variables={"pcprefix": "p:"}))
    assert prefixed.provides == tuple(sorted(f"pc:p:{name}" for name in expected))
    assert one(tmp_path / "c", items, metadata(options=("!tracedeps",))) == Traced(depends=("pkgconfig",))


def test_pc_needs(tmp_path: Path) -> None:
    items: dict[str, Item] = {
        "usr/lib/pkgconfig/foo.pc": pc(
            "1", "Requires: a, b = 1.0, c >= 1.0-beta2, own\nRequires.private: d != 3, sib\n"
        ),
        "usr/lib/pkgconfig/own.pc": pc("1", "Requires: foo >= 1\n"),
    }
    main = traceable(tmp_path / "main", items)
    sibling = traceable(tmp_path / "sib", {"usr/share/pkgconfig/sib.pc": pc("3")}, metadata("foo-sib"))
    installed = Database({"pc:a": "a-dev", "pc:b=1.0": "b-dev"})
    result = run(main, sibling, installed=installed, index=Database({"pc:c>=1.0_beta2": "c-dev"}))
    traced = result.packages["foo"]
    assert traced.depends == ("pc:a", "pc:b=1.0", "pc:c>=1.0_beta2", "pc:sib", "pkgconfig")
    assert traced.warnings == ("no package provides pc:d",)
    assert traced.errors == ()
    assert result.packages["foo-sib"].depends == ("pkgconfig",)


def test_pc_prefix_of_needs_inside_the_build(tmp_path: Path) -> None:
    variables = {"pcprefix": "p:"}
    main = traceable(
        tmp_path / "main", {"usr/lib/pkgconfig/foo.pc": pc("1", "Requires: sib >= 2\n")}, metadata(variables=variables)
    )
    sibling = traceable(
        tmp_path / "sib", {"usr/lib/pkgconfig/sib.pc": pc("3")}, metadata("foo-sib", variables=variables)
    )
    assert run(main, sibling).packages["foo"].depends == ("pc:p:sib>=2", "pkgconfig")


def test_pc_needs_without_a_database(tmp_path: Path) -> None:
    result = run(traceable(tmp_path / "p", {"usr/lib/pkgconfig/foo.pc": pc("1", "Requires: a b\n")}))
    assert result.packages["foo"].depends == ("pkgconfig",)
    assert result.packages["foo"].warnings == ()
    (warning,) = result.warnings
    assert "a, b (needed by foo)" in warning


def test_pc_provider_in_depends_dev(tmp_path: Path) -> None:
    meta = metadata("foo-dev", variables={"depends_dev": "x a-dev"})
    items: dict[str, Item] = {"usr/lib/pkgconfig/foo.pc": pc("1", "Requires: a b\n")}
    (warning,) = one(tmp_path, items, meta, installed=Database({"pc:a": "a-dev", "pc:b": "b-dev"})).warnings
    assert "a-dev" in warning
    assert "depends_dev" in warning


def test_pc_version_that_apk_does_not_know(tmp_path: Path) -> None:
    items: dict[str, Item] = {"usr/lib/pkgconfig/foo.pc": pc("1.0-unknown")}
    traced = one(tmp_path, items)
    assert traced.provides == ()
    (error,) = traced.errors
    assert error == "/usr/lib/pkgconfig/foo.pc: pkg-config version 1.0-unknown is invalid"


@pytest.mark.parametrize(
    ("content", "missing"),
    [
        (b"", "Name, Description, Version"),
        (b"broken {\nName: x\n", "Description, Version"),
        (b"Name: x\nVersion: 1\n", "Description"),
    ],
)
def test_pc_file_that_pkg_config_does_not_take(tmp_path: Path, content: bytes, missing: str) -> None:
    items: dict[str, Item] = {"usr/lib/pkgconfig/foo.pc": File(content)}
    traced = one(tmp_path / "a", items)
    assert tuple(traced.errors) == (f"/usr/lib/pkgconfig/foo.pc: pkg-config does not take it: it has no {missing}",)
    assert traced.provides == ()
    assert not one(tmp_path / "b", items, metadata(options=("!tracedeps",))).errors


def test_pkgconfig_itself(tmp_path: Path) -> None:
    folder: dict[str, Item] = {"usr/share/pkgconfig": Folder()}
    assert one(tmp_path / "a", folder).depends == ("pkgconfig",)
    assert one(tmp_path / "b", folder, metadata(depends=("pkgconfig>1",))).depends == ()
    assert one(tmp_path / "c", {"usr/lib/pkgconfig": File()}).depends == ()


# --- commands


def test_commands(tmp_path: Path) -> None:
    items: dict[str, Item] = {
        "usr/bin/foo": Program(),
        "usr/bin/link": Link("/nowhere"),
        "usr/bin/foo@": Program(),
        "usr/bin/data": File(),
        "usr/bin/.hidden": Program(),
        "usr/bin/folder/x": Program(),
        "usr/sbin/admin": Program(),
        "sbin/init": Program(),
        "bin": Link("usr/bin"),
        "usr/libexec/helper": Program(),
    }
    expected = tuple(f"cmd:{name}=1.0-r0" for name in ("admin", "foo", "init", "link"))
    assert one(tmp_path / "a", items).provides == expected
    assert one(tmp_path / "b", items, metadata(arch="noarch")).provides == expected
    assert one(tmp_path / "c", items, metadata(options=("foo::!tracedeps",))).provides == ()


# --- Python


def test_python_modules(tmp_path: Path) -> None:
    site = "usr/lib/python3.12/site-packages"
    items: dict[str, Item] = {
        f"{site}/pkg/__init__.py": File(),
        f"{site}/nomodule/data.txt": File(),
        f"{site}/single.py": File(),
        f"{site}/native.so": File(),
        f"{site}/alias": Link("pkg"),
        f"{site}/foo-1.0.dist-info/METADATA": File(),
        "usr/lib/other/site-packages/no.py": File(),
        "usr/lib/python3.11/no.py": File(),
    }
    traced = one(tmp_path / "a", items, metadata(arch="noarch"))
    assert traced.provides == tuple(f"py3.12:{name}=1.0-r0" for name in ("alias", "pkg", "single"))
    assert traced.depends == ("python3~3.12",)
    assert one(tmp_path / "b", items, metadata(options=("!tracedeps",))) == Traced()
    for number, name in enumerate(("python3", "python3.12")):
        assert one(tmp_path / str(number), items, metadata(name)).depends == ()
    assert one(tmp_path / "c", items, metadata("python3.11")).depends == ("python3~3.12",)


def test_conflicting_pythons(tmp_path: Path) -> None:
    items: dict[str, Item] = {f"usr/lib/python{v}/site-packages/x.py": File() for v in ("3.11", "3.12", "2.7")}
    (error,) = one(tmp_path, items).errors
    assert "package contains python3 modules for conflicting python3 versions" in error


# --- links between packages


def test_normalize() -> None:
    assert normalize(b"../lib/./x", b"usr/bin/l") == b"usr/lib/x"
    assert normalize(b"/usr//lib/x", b"l") == b"usr/lib/x"
    assert normalize(b"../../../x", b"usr/l") == b"x"


def test_link_dependencies(tmp_path: Path) -> None:
    main = traceable(
        tmp_path / "main",
        {
            "usr/lib/libabs.so": Link("/usr/lib/liba.so.1"),
            "usr/lib/librel.so": Link("../lib/libb.so.1"),
            "usr/lib/own": Link("file"),
            "usr/lib/file": File(),
            "usr/lib/both": Link("shared"),
            "usr/lib/none": Link("missing"),
            "usr/lib/self": Link("self"),
        },
    )
    a = traceable(tmp_path / "a", {"usr/lib/liba.so.1": Link("gone"), "usr/lib/shared": File()}, metadata("foo-a"))
    b = traceable(tmp_path / "b", {"usr/lib/libb.so.1": File(), "usr/lib/shared": File()}, metadata("foo-b"))
    packages = run(main, a, b).packages
    assert packages["foo"].depends == ("foo-a=1.0-r0", "foo-b=1.0-r0")
    assert packages["foo-a"].depends == ()


def test_ambiguous_and_untraced_links(tmp_path: Path) -> None:
    target: dict[str, Item] = {"usr/x": File()}
    a = traceable(tmp_path / "a", target, metadata("foo-a"))
    b = traceable(tmp_path / "b", target, metadata("foo-b"))
    link: dict[str, Item] = {"usr/l": Link("x")}
    assert run(traceable(tmp_path / "m", link), a, b).packages["foo"].depends == ()
    assert run(traceable(tmp_path / "m", {}), a).packages["foo"].depends == ("foo-a=1.0-r0",)
    untraced = metadata(options=("!tracedeps",))
    assert run(traceable(tmp_path / "m", {}, untraced), a).packages["foo"].depends == ()
