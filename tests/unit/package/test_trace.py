# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from package_trees import MUSL, TRIPLET, File, Folder, Item, Link, Program, elf, metadata, traceable

from abuildpy.package.model import Metadata, Traced
from abuildpy.package.providers import NoLookup, ProviderLookup, Providers, usable_name
from abuildpy.package.scanning import foreign_interpreter, normalize
from abuildpy.package.trace import Traceable, TraceResult, linked_packages, missing_libraries, trace

LIBC = "libc.musl-x86_64.so.1"


@dataclass
class Database:
    """A database of installed packages, or an index."""

    provided: Mapping[str, str] = field(default_factory=dict)
    owned: Mapping[str, str] = field(default_factory=dict)
    available: bool = True

    def provides(self, dependency: str) -> str | None:
        return self.provided.get(dependency)

    def owner_of(self, path: str) -> str | None:
        return self.owned.get(path)


def run(
    *packages: Traceable, installed: ProviderLookup | None = None, index: ProviderLookup | None = None, root: str = "/"
) -> TraceResult:
    return trace(packages, lambda triplet: Providers(installed or NoLookup(), index or NoLookup(), root))


def one(
    tmp_path: Path,
    items: Mapping[str, Item],
    meta: Metadata | None = None,
    overrides: Mapping[str, tuple[str, ...]] | None = None,
    installed: ProviderLookup | None = None,
    index: ProviderLookup | None = None,
) -> Traced:
    package = traceable(tmp_path / "p", items, meta, overrides)
    return run(package, installed=installed, index=index).packages[package.metadata.name]


# --- libraries: provided


@pytest.mark.parametrize(
    ("file", "soname", "provides"),
    [
        ("libfoo.so.1.0.8", "libfoo.so.1", ("so:libfoo.so.1=1.0.8",)),
        ("libfoo.so.1.0.8", "", ("so:libfoo.so.1.0.8=1.0.8",)),
        ("libfoo.so", "", ("so:libfoo.so=0",)),
        ("libfoo.so", "libfoo.so.1.0.8", ("so:libfoo.so.1.0.8=0",)),
        ("libfoo-1.2.so", "libfoo-1.2.so", ("so:libfoo-1.2.so=0",)),
        ("menu.c32", "", ("so:menu.c32=0",)),
        ("x.so.y.so.3", "x.so.3", ("so:x.so.3=3",)),
        ("libfoo.so.x", "", ()),
        ("libfoo.o", "", ()),
        ("libfoo.so.1.o", "", ()),
        ("program", "", ()),
        ("foo/libfoo.so.1", "libfoo.so.1", ()),
    ],
)
def test_library_names_and_versions(tmp_path: Path, file: str, soname: str, provides: tuple[str, ...]) -> None:
    for folder in ("lib", "usr/lib"):
        traced = one(tmp_path / folder, {f"{folder}/{file}": File(elf(soname=soname))})
        assert traced.provides == provides
        assert traced.errors == ()


def test_links_are_not_providers(tmp_path: Path) -> None:
    items: dict[str, Item] = {
        "usr/lib/libfoo.so.1.0.8": File(elf(soname="libfoo.so.1")),
        "usr/lib/libfoo.so.1": Link("libfoo.so.1.0.8"),
        "usr/lib/libfoo.so": Link("libfoo.so.1"),
        "lib": Link("usr/lib"),
    }
    assert one(tmp_path, items).provides == ("so:libfoo.so.1=1.0.8",)


def test_of_files_in_one_folder_the_version_that_says_most_counts(tmp_path: Path) -> None:
    same = elf(soname="libfoo.so.1")
    items: dict[str, Item] = {
        f"usr/lib/{name}": File(same) for name in ("a.so", "libfoo.so.1", "libfoo.so.1.10", "libfoo.so.1.9")
    }
    assert one(tmp_path, items).provides == ("so:libfoo.so.1=1.10",)


def test_of_several_folders_the_first_version_that_is_not_zero_counts(tmp_path: Path) -> None:
    same = elf(soname="libfoo.so.1")
    items: dict[str, Item] = {name: File(same) for name in ("lib/a.so", "lib/libfoo.so.1.2", "usr/lib/libfoo.so.1.3")}
    assert one(tmp_path, items).provides == ("so:libfoo.so.1=1.2",)


def test_invalid_library_version(tmp_path: Path) -> None:
    items: dict[str, Item] = {"usr/lib/libfoo.so.1.0p1": File(elf(soname="libfoo.so.1"))}
    traced = one(tmp_path / "a", items)
    assert traced.provides == ()
    (error,) = traced.errors
    assert error == "/usr/lib/libfoo.so.1.0p1: library version 1.0p1 is invalid"
    masked = metadata(variables={"somask": "other libfoo.so.1"})
    assert one(tmp_path / "b", items, masked) == Traced()
    assert one(tmp_path / "c", items, metadata(options=("!tracedeps",))) == Traced()
    assert one(tmp_path / "d", items, metadata(arch="noarch")).errors == ()


def test_ldpath(tmp_path: Path) -> None:
    items: dict[str, Item] = {
        "usr/lib/foo/liba.so": File(elf()),
        "usr/lib/foo/deep/libb.so": File(elf()),
        "opt/libc.so": File(elf()),
        "srv/libd.so": File(elf()),
    }
    assert one(tmp_path / "a", items).provides == ()
    listed = {"ldpath": "/usr/lib/foo:/opt:/none"}
    assert one(tmp_path / "b", items, metadata(variables=listed)).provides == ("so:liba.so=0", "so:libc.so=0")
    deep = metadata(variables=listed, options=("foo::ldpath-recursive",))
    assert one(tmp_path / "c", items, deep).provides == ("so:liba.so=0", "so:libb.so=0", "so:libc.so=0")


def test_rpath_of_any_package_is_searched(tmp_path: Path) -> None:
    runpath = "$ORIGIN/../lib/foo:${ORIGIN}/x:/usr/lib/bar"
    main = traceable(
        tmp_path / "main",
        {
            "usr/bin/foo": Program(elf(runpath=runpath, needed=("liba.so", "libb.so"))),
            "usr/lib/foo/libown.so": File(elf()),
            "usr/bin/x/libx.so": File(elf()),
            "usr/lib/else/libelse.so": File(elf()),
        },
    )
    libs = traceable(
        tmp_path / "libs",
        {"usr/lib/bar/liba.so": File(elf()), "usr/lib/foo/libb.so": File(elf()), "usr/bin": Folder()},
        metadata("foo-libs"),
    )
    result = run(main, libs)
    assert result.packages["foo-libs"].provides == ("so:liba.so=0", "so:libb.so=0")
    assert result.packages["foo"].provides == ("cmd:foo=1.0-r0", "so:libown.so=0", "so:libx.so=0")
    assert result.packages["foo"].depends == ("so:liba.so", "so:libb.so")
    assert result.warnings == ()


def test_sover_namecheck(tmp_path: Path) -> None:
    items: dict[str, Item] = {
        "usr/lib/libfoo.so": File(elf(soname="libfoo.so.1")),
        "usr/lib/libbar.so": File(elf(soname="libbar.so")),
    }
    meta = metadata(options=("sover-namecheck",))
    assert one(tmp_path / "a", items).provides == ("so:libbar.so=0", "so:libfoo.so.1=0")
    assert one(tmp_path / "b", items, meta).provides == ("so:libbar.so=0",)


def test_detached_symbols_are_no_libraries(tmp_path: Path) -> None:
    meta = metadata(variables={"ldpath": "/usr/lib/debug"})
    items: dict[str, Item] = {"usr/lib/debug/libx.so.1.debug": File(elf())}
    assert one(tmp_path, items, meta) == Traced()


def test_hostile_names_do_not_become_lines(tmp_path: Path) -> None:
    traced = one(
        tmp_path,
        {
            "usr/lib/libx.so.1": File(elf(soname="a b.so", needed=("x\ny", "l@t", "a=b", "ok.so"))),
            "usr/bin/a b": Program(),
            "usr/bin/a=b": Program(),
            "usr/bin/[": Program(),
        },
    )
    assert traced.provides == ("cmd:[=1.0-r0",)
    assert traced.depends == ("so:ok.so",)
    assert len(traced.warnings) == 6
    assert all("\n" not in warning for warning in traced.warnings)


# --- libraries: needed


def program(*needed: str, runpath: str = "") -> dict[str, Item]:
    return {"usr/libexec/foo": Program(elf(needed=needed, interpreter=MUSL, runpath=runpath))}


def test_needs_are_looked_up_in_order(tmp_path: Path) -> None:
    needs = ("own.so.1", "sibling.so.1", "installed.so.1", "indexed.so.1", "masked.so.1")
    main = traceable(
        tmp_path / "main",
        {**program(*needs), "usr/lib/own.so.1": File(elf())},
        metadata(variables={"somask": "masked.so.1"}),
    )
    libs = traceable(tmp_path / "libs", {"usr/lib/sibling.so.1": File(elf())}, metadata("foo-libs"))
    result = run(main, libs, installed=Database({"so:installed.so.1": "i"}), index=Database({"so:indexed.so.1": "x"}))
    assert result.packages["foo"] == Traced(
        provides=("so:own.so.1=1",), depends=("so:indexed.so.1", "so:installed.so.1", "so:sibling.so.1")
    )
    assert not result.failed
    assert result.warnings == ()


def test_objects_and_noarch_need_nothing(tmp_path: Path) -> None:
    assert one(tmp_path / "a", {"usr/x.o": File(elf(etype=1, needed=("x.so",)))}, installed=Database()) == Traced()
    assert one(tmp_path / "b", program("x.so"), metadata(arch="noarch"), installed=Database()) == Traced()
    untraced = metadata(options=("!tracedeps",))
    assert one(tmp_path / "c", program("x.so"), untraced, installed=Database()) == Traced()


def test_soname_prefix(tmp_path: Path) -> None:
    variables = {"sonameprefix": "foo:"}
    main = traceable(tmp_path / "main", program("liba.so.1", LIBC), metadata(variables=variables))
    libs = traceable(tmp_path / "libs", {"usr/lib/liba.so.1": File(elf())}, metadata("foo-libs"))
    result = run(main, libs, installed=Database({f"so:{LIBC}": "musl"}))
    assert result.packages["foo-libs"].provides == ("so:foo:liba.so.1=1",)
    assert result.packages["foo"].depends == ("so:foo:liba.so.1", f"so:{LIBC}")


def test_without_a_database_the_dependency_stays_and_one_warning_says_so(tmp_path: Path) -> None:
    main = traceable(tmp_path / "main", program("libc.so.6", "libm.so.6"))
    sub = traceable(tmp_path / "sub", program("libc.so.6"), metadata("foo-sub"))
    result = run(main, sub)
    assert result.packages["foo"] == Traced(depends=("so:libc.so.6", "so:libm.so.6"))
    assert result.packages["foo-sub"] == Traced(depends=("so:libc.so.6",))
    (warning,) = result.warnings
    assert "libc.so.6, libm.so.6 (needed by foo, foo-sub)" in warning


def test_with_a_database_an_unknown_library_is_an_error(tmp_path: Path) -> None:
    traced = one(tmp_path, program("libnone.so.9"), installed=Database())
    assert traced.depends == ()
    (error,) = traced.errors
    assert error.startswith("libnone.so.9: path not found")


def test_library_file_of_a_package_without_such_a_name(tmp_path: Path) -> None:
    root = tmp_path / "root"
    for name in ("usr/lib/libold.so.1", "opt/x/libopt.so.1", "usr/lib/libmine.so.1", "usr/lib/libnobody.so.1"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    owned = {"/usr/lib/libold.so.1": "old", "/opt/x/libopt.so.1": "opt", "/usr/lib/libmine.so.1": "given"}
    package = traceable(
        tmp_path / "p",
        program("libold.so.1", "libopt.so.1", "libmine.so.1", "libnobody.so.1", runpath="/opt/x"),
        metadata(depends=("given",)),
    )
    traced = run(package, installed=Database(owned=owned), root=str(root)).packages["foo"]
    assert traced.depends == ("old", "opt")
    assert len(traced.warnings) == 1
    assert "You can remove 'given' from depends" in traced.warnings[0]
    assert len(traced.errors) == 1
    assert "libnobody.so.1: no package" in traced.errors[0]


def test_owner_of_a_library_behind_a_link(tmp_path: Path) -> None:
    (tmp_path / "libx.so.1.2").touch()
    (tmp_path / "libx.so.1").symlink_to("libx.so.1.2")
    (tmp_path / "liby.so.1").symlink_to("libx.so.1.2")
    folder = str(tmp_path)
    installed = Database(owned={f"{tmp_path.resolve()}/libx.so.1.2": "x", f"{folder}/libz.so": "z"})
    providers = Providers(installed, NoLookup())
    assert providers.owner_of_library("libx.so.1", ("/nonexistent", folder)) == (f"{folder}/libx.so.1", "x")
    assert providers.owner_of_library("libz.so", (folder,)) == (None, None)


def test_each_triplet_has_its_own_database(tmp_path: Path) -> None:
    cross = "aarch64-alpine-linux-musl"
    packages = [
        traceable(tmp_path / "a", {"usr/a": File(elf(needed=("x.so",)))}),
        traceable(tmp_path / "b", {"usr/b": File(elf(needed=("x.so",)))}, metadata("foo-b"), triplet=cross),
    ]
    databases = {TRIPLET: Database({"so:x.so": "x"}), cross: Database()}
    result = trace(packages, lambda triplet: Providers(databases[triplet], NoLookup(), "/nonexistent"))
    assert result.packages["foo"].errors == ()
    assert result.packages["foo-b"].errors != ()
    assert result.failed


# --- rpaths


def test_rpath_complaints(tmp_path: Path) -> None:
    items: dict[str, Item] = {"usr/bin/x": Program(elf(rpath="/usr/lib:/home/joe/lib", interpreter=MUSL))}
    traced = one(tmp_path / "a", items)
    assert any("redundant /usr/lib in rpath" in warning for warning in traced.warnings)
    (error,) = traced.errors
    assert "Has /home/... in rpath" in error
    assert "/home/joe/lib" in error
    for number, meta in enumerate((metadata(arch="noarch"), metadata(options=("!tracedeps",)))):
        assert one(tmp_path / str(number), items, meta).errors == ()
    below: dict[str, Item] = {"usr/lib/foo/x.so": File(elf(runpath="$ORIGIN:/usr/lib/bar:/homely"))}
    assert one(tmp_path / "b", below).warnings == ()


# --- foreign C libraries


@pytest.mark.parametrize(
    ("interpreter", "triplet", "foreign"),
    [
        (MUSL, TRIPLET, False),
        ("/lib/ld-musl-armhf.so.1", "armv7-alpine-linux-musleabihf", False),
        ("/lib/ld-musl-i386.so.1", "i586-alpine-linux-musl", False),
        ("/lib/ld-musl-mips64.so.1", "mips64-alpine-linux-musl", False),
        ("/lib/ld-musl-aarch64.so.1", TRIPLET, True),
        ("/lib64/ld-linux-x86-64.so.2", TRIPLET, True),
        ("/nix/store/ld.so", TRIPLET, True),
        ("/lib64/ld-linux-x86-64.so.2", "x86_64-linux-gnu", False),
        (MUSL, "x86_64-linux-gnu", True),
        ("/lib/ld-musl-armhf.so.1", "armv7-linux-gnueabihf", True),
        (MUSL, "x86_64-linux-uclibc", False),
    ],
)
def test_foreign_interpreter(interpreter: str, triplet: str, foreign: bool) -> None:
    assert foreign_interpreter(interpreter, triplet) is foreign


@pytest.mark.parametrize("options", [(), ("!tracedeps",)])
def test_programs_of_another_libc_are_always_named(tmp_path: Path, options: tuple[str, ...]) -> None:
    glibc = elf(interpreter="/lib64/ld-linux-x86-64.so.2")
    items: dict[str, Item] = {
        "usr/bin/a": File(glibc),
        "usr/bin/b": File(glibc),
        "usr/bin/c": File(elf(interpreter=MUSL)),
    }
    (warning,) = one(tmp_path, items, metadata(options=options), installed=Database()).warnings
    assert "/lib64/ld-linux-x86-64.so.2" in warning
    assert warning.endswith("/usr/bin/a, /usr/bin/b")


# --- pkg-config


PC = b"Name: x\nDescription: x\nVersion: %s\n%s"


def pc(version: str, more: str = "") -> File:
    return File(PC % (version.encode(), more.encode()))


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


# --- order, overrides


def test_order_of_dependencies(tmp_path: Path) -> None:
    main = traceable(
        tmp_path / "main",
        {
            **program(LIBC),
            "usr/lib/pkgconfig": Folder(),
            "usr/lib/python3.12/site-packages": Folder(),
            "usr/l": Link("zzz"),
        },
    )
    sub = traceable(tmp_path / "sub", {"usr/zzz": File()}, metadata("zfoo"))
    assert run(main, sub, installed=Database({f"so:{LIBC}": "musl"})).packages["foo"].depends == (
        "python3~3.12",
        "zfoo=1.0-r0",
        "pkgconfig",
        f"so:{LIBC}",
    )


def test_overrides_replace_a_step(tmp_path: Path) -> None:
    items: dict[str, Item] = {
        "usr/bin/foo": Program(elf(needed=("a.so",), rpath="/home/x", interpreter=MUSL)),
        "usr/lib/b.so": File(elf()),
        "usr/lib/python3.12/site-packages/m.py": File(),
        "usr/lib/pkgconfig/foo.pc": pc("1", "Requires: q\n"),
        "usr/l": Link("zzz"),
    }
    none = dict.fromkeys(
        (
            ".rpaths",
            ".symlinks",
            ".provides-so",
            ".needs-so",
            ".provides-pc",
            ".needs-pc",
            ".provides-command",
            ".provides-py",
            ".needs-python3",
            ".needs-symlinks",
        ),
        (),
    )
    assert one(tmp_path / "a", items, overrides=none, installed=Database()) == Traced(depends=("pkgconfig",))
    lines = {
        ".rpaths": ("/usr/lib",),
        ".provides-so": ("so:mine.so=3",),
        ".needs-so": ("x.so",),
        ".provides-pc": ("pc:mine=1",),
        ".needs-pc": ("y>=2",),
        ".provides-command": ("cmd:mine=1",),
        ".provides-py": ("py3.12:mine=1", "py3.12:mine=1", ""),
        ".needs-python3": ("python3~9",),
        ".needs-symlinks": ("other=1",),
    }
    installed = Database({"so:x.so": "x", "pc:y>=2": "y-dev"})
    untraced = metadata(options=("!tracedeps",))
    assert one(tmp_path / "b", items, untraced, overrides=lines, installed=installed) == Traced(
        provides=("cmd:mine=1", "pc:mine=1", "py3.12:mine=1", "so:mine.so=3"),
        depends=("other=1", "python3~9", "pc:y>=2", "pkgconfig", "so:x.so"),
    )


def test_overridden_symlinks(tmp_path: Path) -> None:
    main = traceable(tmp_path / "m", {"usr/l": Link("no")}, overrides={".symlinks": ("./usr/k ../usr/a b", "odd")})
    sub = traceable(tmp_path / "s", {"usr/a b": File()}, metadata("foo-s"))
    assert run(main, sub).packages["foo"].depends == ("foo-s=1.0-r0",)


def test_provided_by_override_serves_siblings(tmp_path: Path) -> None:
    main = traceable(tmp_path / "m", program("x.so.1"))
    sub = traceable(tmp_path / "s", {}, metadata("foo-s"), overrides={".provides-so": ("so:x.so.1=1",)})
    result = run(main, sub, installed=Database())
    assert result.packages["foo"] == Traced(depends=("so:x.so.1",))


def test_files_of_other_kinds_are_provided_too(tmp_path: Path) -> None:
    lines = {".provides-ocaml": ("ocaml:a=1",), ".provides-py": (), ".needs-ocaml": ("never",)}
    assert one(tmp_path, {}, overrides=lines) == Traced(provides=("ocaml:a=1",))


def test_a_recipe_finds_its_libraries(tmp_path: Path) -> None:
    items = program("a.so", "b.so", "own.so", "known.so")
    lines = {".provides-so": ("so:own.so=1",)}
    main = traceable(tmp_path / "m", items, metadata(depends=("there",)))
    sub = traceable(tmp_path / "s", program("c.so"), metadata("foo-s"), lines)
    installed = Database({"so:known.so": "k"}, {"/x/a": "a", "/x/there": "there"})

    def providers(_: str) -> Providers:
        return Providers(installed, NoLookup())

    assert missing_libraries([main, sub], providers, "foo") == ("a.so", "b.so")
    assert missing_libraries([main, sub], lambda _: Providers(NoLookup(), NoLookup()), "foo") == ()
    result = trace([main, sub], providers, located={"foo": ("/x/a", "/x/there"), "foo-s": ("/x/none",)})
    assert result.packages["foo"].depends == ("a", "so:known.so", "so:own.so")
    assert [line for line in result.packages["foo"].warnings if "depends" in line] == [
        "You can remove 'there' from depends: /x/there leads to it"
    ]
    assert result.packages["foo"].errors == ()
    assert result.packages["foo-s"].errors == ("/x/none: no package provides it or owns /x/none",)
    assert trace([sub], providers, located={"foo-s": ()}).packages["foo-s"].errors == ()
    assert "c.so: path not found" in trace([sub], providers).packages["foo-s"].errors[0]


def test_owners_of_dangling_links(tmp_path: Path) -> None:
    main = traceable(tmp_path / "m", {"usr/l": Link("there"), "usr/k": Link("nowhere")})
    sub = traceable(tmp_path / "s", {"usr/there": File()}, metadata("foo-s"))
    assert linked_packages([main, sub], "foo") == ("foo-s=1.0-r0",)
    assert linked_packages([main, sub], "foo-s") == ()


def test_nothing_to_trace() -> None:
    assert run() == TraceResult({})


@pytest.mark.parametrize(
    ("name", "usable"),
    [
        ("libstdc++.so.6", True),
        ("[", True),
        ("é", True),
        ("a b", False),
        ("a\tb", False),
        ("", False),
        ("a=1", False),
        ("a@b", False),
        ("a~", False),
        ("\udcff", False),
        ("a\xa0b", False),
    ],
)
def test_usable_names(name: str, usable: bool) -> None:
    assert usable_name(name) is usable


def test_a_split_that_turns_tracing_off_still_has_its_libraries_traced(tmp_path: Path) -> None:
    """abuild traces libraries after all splits, by the main package's options (wolfssl's -fast relies on it)."""
    meta = metadata(options=("!tracedeps",), main_options=())
    traced = one(tmp_path, {"usr/bin/x": Program(), "usr/lib/libx.so.1": File(elf(soname="libx.so.1"))}, meta)
    assert traced.provides == ("so:libx.so.1=1",)
