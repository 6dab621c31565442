# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
from package_trees import MUSL, TRIPLET, File, Folder, Item, Link, Program, elf, metadata, traceable
from trace_samples import Database, one, pc, run

from abuildpy.package.model import Traced
from abuildpy.package.providers import NoLookup, Providers, usable_name
from abuildpy.package.scanning import foreign_interpreter
from abuildpy.package.trace import TraceResult, linked_packages, missing_libraries, trace

LIBC = "libc.musl-x86_64.so.1"


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
