# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole builds of small recipes: what is in the packages, the repository and its index."""

from __future__ import annotations

import hashlib
import os
import shutil

import pytest
from buildkit import PATH, Place, sha512

pytest_plugins = ["buildfixtures"]


# --- the packages ----------------------------------------------------------------------------------------------------


def assert_a_program_and_its_manual(place: Place) -> None:
    main, doc = place.package("foo"), place.package("foo-doc")
    assert list(main.members) == ["usr", "usr/bin", "usr/bin/foo", "usr/bin/hi"]
    assert doc.files == ["usr/share/doc/foo/README", "usr/share/man/man1/foo.1.gz"]
    program = main.members["usr/bin/foo"]
    assert main.contents["usr/bin/foo"][:4] == b"\x7fELF"
    assert b".symtab" not in main.contents["usr/bin/foo"], "not stripped"
    assert program.mode == 0o755
    assert main.members["usr/bin/hi"].linkname == "foo"
    for package in (main, doc):
        for name, member in package.members.items():
            assert package.owner(name) == ("root", "root", 0, 0), name
            assert member.mtime == 1700000000, name
    assert (
        list(main.apk.info.fields)
        == (
            "pkgname pkgver pkgdesc url builddate packager size arch origin commit maintainer license "
            "provides depend datahash"
        ).split()
    )
    assert main.info("pkgver") == ("1.0-r0",)
    assert main.info("arch") == (place.arch,)
    assert main.info("packager") == ("A Tester <tester@example.invalid>",)
    assert main.info("maintainer") == ("A Tester <tester@example.invalid>",)
    assert main.info("builddate") == ("1700000000",)
    assert int(main.info("size")[0]) == len(main.contents["usr/bin/foo"])
    assert main.info("depend")[0].startswith("so:libc.")
    assert main.info("provides") == ("cmd:foo=1.0-r0", "cmd:hi=1.0-r0")
    assert doc.info("arch") == ("noarch",)
    assert doc.info("origin") == ("foo",)
    assert doc.info("install_if") == ("docs foo=1.0-r0",)
    assert doc.info("pkgdesc") == ("Something to test with (documentation)",)
    index = place.index()
    assert sorted(index) == ["foo", "foo-doc"]
    entry = index["foo"]
    assert (entry.identity, entry.version, entry.arch) == (main.apk.identity, "1.0-r0", place.arch)
    assert entry.size == main.apk.size == (place.repository() / "foo-1.0-r0.apk").stat().st_size
    assert entry.provides == main.info("provides")
    assert index["foo-doc"].arch == place.arch, "the index names the folder's architecture"
    left = sorted(p.name for p in place.repository().iterdir() if p.name != ".abuildpy.lock")
    records = ["foo-1.0-r0.buildinfo.json", "foo-1.0-r0.provenance.json", "foo-1.0-r0.spdx.json"]
    assert left == [
        "APKINDEX.tar.gz",
        *("foo-1.0-r0.apk", *records),
        *("foo-doc-1.0-r0.apk", "foo-doc-1.0-r0.spdx.json"),
    ]


PROGRAM_AND_MANUAL = """
    package() {
        install -Dm755 foo "$pkgdir"/usr/bin/foo
        ln -s foo "$pkgdir"/usr/bin/hi
        mkdir -p "$pkgdir"/usr/share/man/man1 "$pkgdir"/usr/share/doc/foo
        echo .TH foo > "$pkgdir"/usr/share/man/man1/foo.1
        echo read me > "$pkgdir"/usr/share/doc/foo/README
    }
    check() {
        test "$(./foo)" = hello
    }
"""


def test_a_program_and_its_manual(place: Place, sandbox: str) -> None:
    folder = place.c_recipe(PROGRAM_AND_MANUAL, subpackages="foo-doc", options="")
    done = place.build(folder, sandbox, env={"SOURCE_DATE_EPOCH": "1700000000"})
    assert_a_program_and_its_manual(place)
    assert ">>> foo: Build complete" in done.err
    assert sorted(p.name for p in folder.iterdir()) == ["APKBUILD", "hello.c"], "src, pkg and tmp are cleaned up"


def test_an_ordinary_user_gets_the_same(users_place: Place, sandbox: str) -> None:
    folder = users_place.c_recipe(PROGRAM_AND_MANUAL, subpackages="foo-doc", options="")
    users_place.build(folder, sandbox, env={"SOURCE_DATE_EPOCH": "1700000000"})
    assert_a_program_and_its_manual(users_place)
    if users_place.owner is not None:
        assert (users_place.repository() / "foo-1.0-r0.apk").stat().st_uid == users_place.owner


def test_the_same_again_to_the_byte(place: Place) -> None:
    folder = place.c_recipe(PROGRAM_AND_MANUAL, subpackages="foo-doc foo-dbg")
    place.build(folder)
    names = [f"{name}-1.0-r0.apk" for name in ("foo", "foo-doc", "foo-dbg")]
    first = {name: sha512(place.repository() / name) for name in names}
    stamp = (place.repository() / names[0]).stat().st_mtime_ns
    place.build(folder, "-f", "-P", str(place.base / "elsewhere"))
    second = {name: sha512(place.base / "elsewhere/main" / place.arch / name) for name in names}
    assert first == second
    assert (place.repository() / names[0]).stat().st_mtime_ns == stamp


def test_owners_modes_and_odd_names(place: Place, sandbox: str) -> None:
    folder = place.recipe(
        r"""
        package() {
            mkdir -p "$pkgdir"/usr/share/foo
            cd "$pkgdir"/usr/share/foo
            echo 1 > "a name with spaces"
            echo 2 > größe
            echo 3 > "$(printf 'not\377utf-8')"
            echo 4 > -dash
            echo 5 > hard
            ln hard hard2
            ln -s "$(printf 'to\376where')" link
            mkdir -m 1777 spool
            mkdir -m 2750 group
            install -m 600 -o daemon -g bin /dev/null secret
            install -m 640 -o 1234 -g 4321 /dev/null foreign
            mkfifo -m 622 pipe
            chgrp bin group
        }
        """,
        pkgusers="daemon",
        pkggroups="bin",
    )
    place.build(folder, sandbox)
    package = place.package()
    at = "usr/share/foo"
    assert package.files == [
        f"{at}/{name}" for name in ("-dash", "a name with spaces", "foreign", "größe", "hard", "hard2", "link")
    ] + [os.fsdecode(f"{at}/".encode() + name) for name in (b"not\xffutf-8", b"pipe", b"secret")]
    assert package.contents[os.fsdecode(b"usr/share/foo/not\xffutf-8")] == b"3\n"
    assert os.fsencode(package.members[f"{at}/link"].linkname) == b"to\xfewhere"
    assert package.members[f"{at}/hard2"].islnk()
    assert package.members[f"{at}/hard2"].linkname == f"{at}/hard"
    assert package.members[f"{at}/pipe"].isfifo()
    assert {n.rpartition("/")[2]: m.mode for n, m in package.members.items() if n.startswith(f"{at}/")} == {
        **dict.fromkeys(("-dash", "a name with spaces", "größe", "hard", "hard2"), 0o644),
        os.fsdecode(b"not\xffutf-8"): 0o644,
        "link": 0o777,
        "spool": 0o1777,
        "group": 0o2750,
        "secret": 0o600,
        "foreign": 0o640,
        "pipe": 0o622,
    }
    assert package.owner(f"{at}/secret") == ("daemon", "bin", 0, 0)
    assert package.owner(f"{at}/foreign") == ("", "", 1234, 4321)
    assert package.owner(f"{at}/group") == ("root", "bin", 0, 0)
    assert package.owner(f"{at}/hard2") == ("root", "root", 0, 0)
    assert package.info("size") == ("10",), "hard links count once"


@pytest.mark.skipif(not shutil.which("setcap", path=PATH), reason="setcap is not installed")
def test_setuid_and_capabilities_need_their_options(place: Place, sandbox: str) -> None:
    functions = """
    package() {
        install -Dm4755 foo "$pkgdir"/usr/bin/foo
        install -Dm750 foo "$pkgdir"/usr/bin/capable
        setcap cap_net_bind_service+ep "$pkgdir"/usr/bin/capable
    }
    """
    folder = place.c_recipe(functions)
    done = place.run(folder, "-d", sandbox)
    assert done.status == 1
    assert any("SUID" in line for line in done.errors)
    assert any("Found binary with extra capabilities" in line for line in done.errors)
    assert not place.repository_bytes()
    (folder / "APKBUILD").write_text((folder / "APKBUILD").read_text().replace("!check", "!check suid setcap"))
    place.build(folder, sandbox)
    package = place.package()
    assert package.members["usr/bin/foo"].mode == 0o4755
    capability = package.members["usr/bin/capable"].pax_headers["SCHILY.xattr.security.capability"]
    assert capability.encode("utf-8", "surrogateescape")[5] == 0x04  # bit 10: bind service
    assert "SCHILY.xattr.security.capability" not in package.members["usr/bin/foo"].pax_headers


@pytest.mark.parametrize(("options", "kept"), [("", []), ("libtool", ["usr/share/foo/foo.la"])])
def test_libtool_archives_need_their_option(place: Place, options: str, kept: list[str]) -> None:
    functions = """
    package() {
        mkdir -p "$pkgdir"/usr/share/foo
        echo libtool > "$pkgdir"/usr/share/foo/foo.la
        echo text > "$pkgdir"/usr/share/foo/foo.txt
    }
    xargs() {  # a recipe may have a function of any name
        :
    }
    """
    place.build(place.recipe(functions, options=f"!check {options}"))
    assert place.package().files == [*kept, "usr/share/foo/foo.txt"]


def test_install_scripts_and_triggers(place: Place) -> None:
    folder = place.recipe(
        """
        package() {
            mkdir -p "$pkgdir"/usr/share/foo
            echo x > "$pkgdir"/usr/share/foo/x
        }
        sub() {
            mkdir -p "$subpkgdir"
        }
        """,
        subpackages="foo-sub",
        install="foo.post-install foo-sub.pre-deinstall",
        triggers="foo.trigger=/usr/share/foo:/usr/lib/foo/*",
        extra={
            "foo.post-install": "#!/bin/sh\necho installed\n",
            "foo-sub.pre-deinstall": "#!/bin/busybox ash\ntrue\n",
            "foo.trigger": '#!/bin/sh\necho "$@"\n',
        },
    )
    place.build(folder)
    main, sub = place.package(), place.package("foo-sub")
    assert dict(main.apk.scripts) == {
        ".post-install": b"#!/bin/sh\necho installed\n",
        ".trigger": b'#!/bin/sh\necho "$@"\n',
    }
    assert main.info("triggers") == ("/usr/share/foo /usr/lib/foo/*",)
    assert main.info("depend") == ("/bin/sh",)
    assert dict(sub.apk.scripts) == {".pre-deinstall": b"#!/bin/busybox ash\ntrue\n"}
    assert sub.info("depend") == ()
    assert sub.info("size") == ("1",), "a package with only a script"


def test_scripts_are_those_of_the_shell_that_makes_the_package(place: Place) -> None:
    """Split functions name their own; what package() changes does not get to a subpackage, whose shell starts afresh."""
    folder = place.recipe(
        """
        package() {
            mkdir -p "$pkgdir"/usr/share/foo
            echo x > "$pkgdir"/usr/share/foo/x
            install="foo.post-install foo-plain.pre-install"
            triggers="foo.trigger=/from/package"
        }
        _own() {
            mkdir -p "$subpkgdir"
            install="$subpkgname.post-install"
            triggers="$subpkgname.trigger=/from/split:/b"
        }
        _plain() {
            mkdir -p "$subpkgdir"
        }
        """,
        subpackages="foo-own:_own foo-plain:_plain",
        triggers="foo-plain.trigger=/from/recipe",
        extra={
            "foo.post-install": "#!/bin/sh\necho main\n",
            "foo.trigger": "#!/bin/ash\n",
            "foo-own.post-install": "#!/bin/sh\necho own\n",
            "foo-own.trigger": "#!/bin/ash\n",
            "foo-plain.pre-install": "#!/bin/sh\necho plain\n",
            "foo-plain.trigger": "#!/bin/ash\n",
        },
    )
    place.build(folder)
    main, own, plain = place.package(), place.package("foo-own"), place.package("foo-plain")
    assert dict(main.apk.scripts) == {".post-install": b"#!/bin/sh\necho main\n", ".trigger": b"#!/bin/ash\n"}
    assert main.info("triggers") == ("/from/package",)
    assert dict(own.apk.scripts) == {".post-install": b"#!/bin/sh\necho own\n", ".trigger": b"#!/bin/ash\n"}
    assert (own.info("triggers"), own.info("depend"), own.info("size")) == (("/from/split /b",), ("/bin/sh",), ("1",))
    assert dict(plain.apk.scripts) == {".trigger": b"#!/bin/ash\n"}
    assert (plain.info("triggers"), plain.info("depend")) == (("/from/recipe",), ())


def test_what_package_and_splits_say_about_their_packages(place: Place) -> None:
    folder = place.recipe(
        """
        package() {
            mkdir -p "$pkgdir"/usr/share/a "$pkgdir"/usr/share/b
            echo > "$pkgdir"/usr/share/a/1
            echo > "$pkgdir"/usr/share/b/2
            depends="$depends set-in-package"
            provides="$provides virtual=2"
        }
        one() {
            depends="only-one"
            pkgdesc="First"
            license="ISC"
            replaces="other"
            provider_priority=7
            amove usr/share/a
        }
        two() {
            install_if="foo=$pkgver-r$pkgrel bar"
            mkdir -p "$subpkgdir"
        }
        """,
        depends="from-recipe",
        provides="top=1",
        install_if="top-if",
        subpackages="foo-one:one foo-two:two",
        license="MIT AND\n\t0BSD",
    )
    place.build(folder)
    main, one, two = (place.package(name) for name in ("foo", "foo-one", "foo-two"))
    assert main.info("depend") == ("from-recipe", "set-in-package")
    assert main.info("provides") == ("top=1", "virtual=2")
    assert main.info("install_if") == ("top-if",)
    assert main.info("license") == ("MIT AND 0BSD",)
    assert main.files == ["usr/share/b/2"]
    assert one.info("depend") == ("only-one",)
    assert one.info("pkgdesc") == ("First",)
    assert one.info("license") == ("ISC",)
    assert one.info("replaces") == ("other",)
    assert one.info("provider_priority") == ("7",)
    assert one.info("provides") == ()
    assert one.info("install_if") == ()
    assert one.files == ["usr/share/a/1"]
    assert two.info("depend") == ("from-recipe",)
    assert two.info("pkgdesc") == ("Something to test with",)
    assert two.info("install_if") == ("foo=1.0-r0 bar",)
    assert place.index()["foo-two"].install_if == ("foo=1.0-r0", "bar")


def test_subpackages_for_another_arch(place: Place) -> None:
    folder = place.recipe(
        """
        package() { mkdir -p "$pkgdir"/usr/share/foo; echo > "$pkgdir"/usr/share/foo/a; }
        built() { mkdir -p "$subpkgdir"/usr/lib/foo; $CC -shared -o "$subpkgdir"/usr/lib/foo/x.so -xc /dev/null; }
        """,
        subpackages="foo-built:built:$CARCH",
    )
    place.build(folder)
    assert place.package().info("arch") == ("noarch",)
    assert place.package("foo-built").info("arch") == (place.arch,)


def test_debugging_symbols_move_out(place: Place) -> None:
    folder = place.c_recipe(subpackages="foo-dbg")
    place.build(folder)
    assert place.package("foo-dbg").files == ["usr/lib/debug/usr/bin/foo.debug"]
    assert b".debug_info" in place.package("foo-dbg").contents["usr/lib/debug/usr/bin/foo.debug"]
    assert b".gnu_debuglink" in place.package().contents["usr/bin/foo"]


def test_a_library_of_the_repository_is_found_by_the_next_recipe(place: Place) -> None:
    library = place.recipe(
        """
        build() {
            echo 'int answer(void) { return 42; }' > a.c
            $CC $CFLAGS -fPIC -shared -Wl,-soname,libanswer.so.4 -o libanswer.so.4.2 a.c
        }
        package() {
            install -Dm755 libanswer.so.4.2 "$pkgdir"/usr/lib/libanswer.so.4.2
            ln -s libanswer.so.4.2 "$pkgdir"/usr/lib/libanswer.so.4
        }
        """,
        name="answer",
        arch="all",
    )
    place.build(library)
    assert "so:libanswer.so.4=4.2" in place.package("answer").info("provides")
    user = place.recipe(
        """
        build() {
            echo 'int answer(void) { return 0; }' | $CC -shared -Wl,-soname,libanswer.so.4 -o libanswer.so -xc -
            echo 'int answer(void); int main(void) { return answer(); }' > b.c
            $CC -o ask b.c -L. -lanswer
        }
        package() { install -Dm755 ask "$pkgdir"/usr/bin/ask; }
        """,
        name="ask",
        arch="all",
    )
    done = place.build(user)
    assert "so:libanswer.so.4" in place.package("ask").info("depend")
    assert "\tso:libanswer.so.4\n" in done.err
    assert not any("libanswer" in line for line in done.warnings), str(done)
    assert sorted(place.index()) == ["answer", "ask"]
    place.run(library, "cleanpkg")
    done = place.build(user, "-f")
    assert any("libanswer.so.4" in line for line in done.warnings), "nobody provides it any more"


# --- phases ----------------------------------------------------------------------------------------------------------


def test_exports_flow_and_plain_variables_do_not(place: Place, sandbox: str) -> None:
    folder = place.recipe(
        """
        prepare() { default_prepare; export FROM_PREPARE=1; plain=set; }
        build() {
            echo "build: $FROM_PREPARE $plain" > "$srcdir"/said
            export FROM_BUILD="two words"
            pkgdesc="changed in build"
        }
        package() {
            echo "package: $FROM_PREPARE $FROM_BUILD plain=$plain" >> "$srcdir"/said
            export FROM_PACKAGE=3
            packaged=yes
            mkdir -p "$pkgdir"/usr/share/foo
            cp "$srcdir"/said "$pkgdir"/usr/share/foo/said
        }
        sub() {
            mkdir -p "$subpkgdir"/usr/share/foo
            echo "split: $FROM_PREPARE $FROM_BUILD $FROM_PACKAGE packaged=$packaged $subpkgname $PWD" \\
                > "$subpkgdir"/usr/share/foo/split
            export FROM_SPLIT=4
        }
        other() {
            mkdir -p "$subpkgdir"/usr/share/foo
            echo "other: $FROM_SPLIT" > "$subpkgdir"/usr/share/foo/other
        }
        """,
        subpackages="foo-sub foo-other",
    )
    place.build(folder, sandbox)
    assert place.package().contents["usr/share/foo/said"] == b"build: 1 set\npackage: 1 two words plain=\n"
    split = place.package("foo-sub").contents["usr/share/foo/split"].decode()
    assert split == f"split: 1 two words 3 packaged= foo-sub {folder}/pkg/foo\n"
    assert place.package("foo-other").contents["usr/share/foo/other"] == b"other: \n"
    assert place.package().info("pkgdesc") == ("Something to test with",)


def test_the_environment_acts_as_recipe_variables(place: Place) -> None:
    functions = 'package() { install -Dm4755 foo "$pkgdir"/usr/bin/foo; }\n'
    folder = place.c_recipe(functions)
    text = (folder / "APKBUILD").read_text()
    (folder / "APKBUILD").write_text(text.replace('options="!check"\n', ""))
    assert place.run(folder, "-d").status == 1
    place.build(folder, env={"options": "suid !check"})
    assert place.package().members["usr/bin/foo"].mode == 0o4755


@pytest.mark.parametrize(
    ("options", "env", "runs"),
    [("", {}, True), ("!check", {}, False), ("", {"ABUILD_BOOTSTRAP": "1"}, False), ("checkroot", {}, True)],
    ids=["check", "not", "bootstrap", "checkroot"],
)
def test_when_check_runs_and_as_whom(place: Place, options: str, env: dict[str, str], runs: bool) -> None:
    folder = place.recipe(
        """
        build() { id -u > builder; }
        check() { echo "$(id -u) $want" > checker; }
        package() {
            install -Dm644 builder "$pkgdir"/usr/share/b
            ! [ -e checker ] || cp checker "$pkgdir"/usr/share/c
        }
        """,
        options=options,
    )
    place.build(folder, env=env)
    contents = place.package().contents
    assert int(contents["usr/share/b"]) != 0, "build() never is root"
    assert ("usr/share/c" in contents) is runs
    if runs:
        assert (contents["usr/share/c"].split() == [b"0"]) is (options == "checkroot")


def test_a_recipe_without_check_is_told(place: Place) -> None:
    folder = place.recipe("package() { mkdir -p $pkgdir; }", options="")
    assert "foo: No tests: the recipe has no check()" in place.build(folder).warnings


def test_verbs_one_by_one_make_what_all_makes(place: Place) -> None:
    patch = "--- a/greeting\n+++ b/greeting\n@@ -1 +1 @@\n-hello\n+patched\n"
    _, line = place.archive("foo-1.0.tar.gz", {"foo-1.0/greeting": b"hello\n"})
    hashes = hashlib.sha512(patch.encode()).hexdigest()
    folder = place.recipe(
        """
        build() { tr a-z A-Z < greeting > out; }
        check() { grep -q PATCHED out; }
        package() { install -Dm644 out "$pkgdir"/usr/share/foo/out; }
        """,
        source="https://example.invalid/foo-1.0.tar.gz greeting.patch",
        extra={"greeting.patch": patch},
        sums=f"{line}{hashes}  greeting.patch\n",
        builddir="$srcdir/foo-1.0",
        options="",
    )
    place.build(folder)
    whole = sha512(place.repository() / "foo-1.0-r0.apk")
    assert place.package().contents["usr/share/foo/out"] == b"PATCHED\n"
    shutil.rmtree(place.repodest)
    place.repodest.mkdir()
    for verb in ("unpack", "prepare", "build", "check", "package", "rootpkg"):
        place.build(folder, verb)
        if verb == "unpack":
            assert (folder / "src/foo-1.0/greeting").read_text() == "hello\n"
        if verb == "prepare":
            assert (folder / "src/foo-1.0/greeting").read_text() == "patched\n"
    assert sha512(place.repository() / "foo-1.0-r0.apk") == whole
    assert not (place.repository() / "APKINDEX.tar.gz").exists()
    place.build(folder, "index")
    assert list(place.index()) == ["foo"]


def test_verbs_of_one_line_share_a_shell(place: Place) -> None:
    folder = place.recipe(
        """
        prepare() { kept="in one shell"; }
        build() { echo "$kept" > "$srcdir"/kept; }
        package() { mkdir -p "$pkgdir"; }
        """
    )
    place.build(folder, "prepare", "build")
    assert (folder / "src/kept").read_text() == "in one shell\n"


def test_functions_of_the_recipe_are_verbs(users_place: Place) -> None:
    folder = users_place.recipe('package() { :; }\nupdate() { echo new > "$startdir"/list; }\n')
    done = users_place.build(folder, "update")
    assert (folder / "list").read_text() == "new\n"
    assert "update: a function of the recipe" in done.err


# --- packaging internals that a recipe replaces --------------------------------------------------------------------


def test_replaced_packaging_steps_are_honoured(place: Place) -> None:
    folder = place.recipe(
        """
        package() {
            mkdir -p "$pkgdir"/usr/lib/python3.11/site-packages/real "$pkgdir"/usr/bin
            touch "$pkgdir"/usr/lib/python3.11/site-packages/real/__init__.py
            ln -s ../nowhere "$pkgdir"/usr/bin/foo
        }
        sub() { mkdir -p "$subpkgdir"; }
        prepare_py_provides() {
            echo "py3.11:invented=$pkgver-r$pkgrel" > "$controldir"/.provides-py
        }
        scan_python3_dependency() { :; }
        """,
        subpackages="foo-sub",
    )
    place.build(folder)
    package = place.package()
    assert package.info("provides") == ("cmd:foo=1.0-r0", "py3.11:invented=1.0-r0")
    assert package.info("depend") == ()


def test_replaced_unpack_and_cleanup_run_in_the_shell(place: Place) -> None:
    folder = place.recipe(
        """
        unpack() { default_unpack; mkdir -p "$srcdir"/own; echo mine > "$srcdir"/own/file; }
        package() { install -Dm644 own/file "$pkgdir"/usr/share/foo; cat local.txt >> "$pkgdir"/usr/share/foo; }
        cleanup_srcdir() { echo cleaning up in my own way; default_cleanup_srcdir; }
        """,
        files={"local.txt": "local\n"},
    )
    done = place.build(folder)
    assert place.package().contents["usr/share/foo"] == b"mine\nlocal\n"
    assert "cleaning up in my own way" in done.out
    assert not (folder / "src").exists()


def test_device_nodes(place: Place, sandbox: str) -> None:
    """Made under fakeroot, where nobody may make them for real; a second name is stored again, as GNU tar does."""
    functions = """\
        package() {
            mkdir -p "$pkgdir"/lib/d
            mknod -m 666 "$pkgdir"/lib/d/null c 1 3
            ln "$pkgdir"/lib/d/null "$pkgdir"/lib/d/null2
            mknod -m 660 "$pkgdir"/lib/d/loop b 7 300
            mkfifo -m 600 "$pkgdir"/lib/d/fifo
        }
        """
    place.build(place.recipe(functions), sandbox)
    members = place.package().members
    assert [(m.isblk(), m.devmajor, m.devminor, m.mode) for m in (members["lib/d/loop"],)] == [(True, 7, 300, 0o660)]
    for name in ("null", "null2"):
        null = members[f"lib/d/{name}"]
        assert (null.ischr(), null.devmajor, null.devminor, null.mode) == (True, 1, 3, 0o666)
    assert members["lib/d/fifo"].isfifo()
