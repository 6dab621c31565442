# SPDX-License-Identifier: GPL-3.0-or-later
"""Recipes with their own version of abuild's functions: what each sees, and what it makes of the packages.

The expectations are what abuild 3.18 itself makes of the same recipes.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from buildkit import PATH, Package, Place

pytest_plugins = ["buildfixtures"]

PACKAGE = """
    package() {
        install -Dm755 libbig.so.1.2 "$pkgdir"/usr/lib/libbig.so.1.2
        ln -s libbig.so.1.2 "$pkgdir"/usr/lib/libbig.so.1
        install -Dm755 libodd.so.3 "$pkgdir"/usr/lib/odd/libodd.so.3
        install -Dm755 big "$pkgdir"/usr/bin/big
        echo archive > "$pkgdir"/usr/lib/libbig.la
        mkdir -p "$pkgdir"/usr/lib/python3.11/site-packages/mod "$pkgdir"/usr/lib/pkgconfig "$pkgdir"/usr/share/man/man1
        echo > "$pkgdir"/usr/lib/python3.11/site-packages/mod/__init__.py
        printf 'Name: b\\nDescription: b\\nVersion: 1.2\\nRequires: odd >= 3\\n' > "$pkgdir"/usr/lib/pkgconfig/big.pc
        echo page > "$pkgdir"/usr/share/man/man1/big.1
        ln -s ../share/man/man1/big.1.gz "$pkgdir"/usr/bin/manual
    }
"""
NO_PATH = "real_so_path() { return 0; }\n"
PROVIDES = {"cmd:big=1.0-r0", "cmd:manual=1.0-r0", "pc:big=1.2", "py3.11:mod=1.0-r0", "so:libbig.so.1=1.2"}
DEPENDS = {"foo-doc=1.0-r0", "pkgconfig", "python3~3.11"}
"""What is found for the main package where a recipe redefines nothing but the search for a library that nobody has."""

Make = Callable[..., Path]


@pytest.fixture(scope="session")
def libraries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Two libraries, and a program that needs the first and one that nobody has; none of them needs a C library."""
    if shutil.which("cc", path=PATH) is None or shutil.which("strip", path=PATH) is None:
        pytest.skip("no compiler here")
    folder = tmp_path_factory.mktemp("libraries")

    def link(name: str, code: str, *arguments: str) -> None:
        (folder / "x.c").write_text(code)
        command = ["cc", "-nostdlib", "-fPIC", "-o", name, "x.c", *arguments]
        subprocess.run(command, cwd=folder, env={"PATH": PATH}, check=True)

    link("libbig.so.1.2", "int big(void) { return 1; }", "-shared", "-Wl,-soname,libbig.so.1")
    link("libodd.so.3", "int odd(void) { return 1; }", "-shared", "-Wl,-soname,libodd.so.3")
    link("libno.so", "int no(void) { return 1; }", "-shared", "-Wl,-soname,libnowhere.so.7")
    code = "int big(void), no(void); int main(void) { return big() + no(); }"
    link("big", code, "./libbig.so.1.2", "./libno.so", "-Wl,-e,main")
    return {name: (folder / name).read_bytes() for name in ("libbig.so.1.2", "libodd.so.3", "big")}


@pytest.fixture
def make(place: Place, libraries: dict[str, bytes]) -> Make:
    """Writes the recipe with functions of its own, on a machine where apk knows one installed package."""
    installed = place.base / "root/lib/apk/db/installed"
    installed.parent.mkdir(parents=True)
    installed.write_text("C:Q1XRjnPxfzPX/U/XtKOom1uKdMkj8=\nP:owner\nV:1-r0\nA:x\nF:usr/lib\nR:libowned.so.1\n\n")
    (place.base / "apk.config").write_text(f"root {place.base / 'root'}\n")
    place.environment["APK_CONFIG"] = str(place.base / "apk.config")

    def write(functions: str, **variables: str) -> Path:
        values = {"arch": "all", "subpackages": "foo-doc", **variables}
        return place.recipe(PACKAGE + functions, files=libraries, **values)  # type: ignore[arg-type]

    return write


def found(package: Package) -> tuple[set[str], set[str]]:
    """What a package provides and depends on."""
    return set(package.info("provides")), set(package.info("depend"))


@pytest.mark.parametrize(
    ("functions", "provides", "depends"),
    [
        pytest.param("", PROVIDES, DEPENDS, id="real_so_path finds nothing, which is fine"),
        pytest.param(
            "real_so_path() { echo /usr/lib/libowned.so.1; }", PROVIDES, DEPENDS | {"owner"}, id="real_so_path"
        ),
        pytest.param(
            'find_so_files() { shift; [ "$*" = libnowhere.so.7 ] && echo /usr/lib/libowned.so.1; }',
            PROVIDES,
            DEPENDS | {"owner"},
            id="find_so_files",
        ),
        pytest.param(
            'find_scanelf_paths() { echo "$1/usr/lib:$1/usr/lib/odd"; }',
            PROVIDES | {"so:libodd.so.3=3"},
            DEPENDS,
            id="find_scanelf_paths",
        ),
        pytest.param(
            'find_scanelf_paths() { echo "$1/usr/lib/odd/libodd.so.3"; }',
            PROVIDES - {"so:libbig.so.1=1.2"} | {"so:libodd.so.3=3"},
            DEPENDS,
            id="find_scanelf_paths names a file",
        ),
        pytest.param(
            """trace_apk_deps() {
                printf '# automatically detected:\\nprovides = p=1\\n' >> "$1"/.PKGINFO
                [ ! -f "$1"/.needs-so ] || sed 's/^/depend = so:/' "$1"/.needs-so >> "$1"/.PKGINFO
            }""",
            {"p=1"},
            {"so:libnowhere.so.7"},
            id="trace_apk_deps",
        ),
        pytest.param("prepare_symlinks() { true; }", PROVIDES, DEPENDS - {"foo-doc=1.0-r0"}, id="prepare_symlinks"),
        pytest.param(
            'scan_symlink_targets() { sed "s/.* .*/seen/" "$2"/.symlinks > "$2"/.needs-symlinks || :; }',
            PROVIDES,
            DEPENDS - {"foo-doc=1.0-r0"} | {"seen"},
            id="scan_symlink_targets",
        ),
        pytest.param(
            """
            prepare_py_provides() {
                local i
                for i in "${subpkgdir:-$pkgdir}"/usr/lib/*.so.*; do
                    [ ! -f "$i" ] || echo "ocaml:${i##*/}=$pkgver-r$pkgrel"
                done > "$controldir"/.provides-ocaml
            }
            scan_python3_dependency() {
                [ "$subpkgname:$2" = "foo:$pkgbasedir/.control.foo" ] || return 0
                echo ocaml4-runtime >> "$2"/.needs-python3
            }
            """,
            PROVIDES - {"py3.11:mod=1.0-r0"} | {"ocaml:libbig.so.1.2=1.0-r0", "ocaml:libbig.so.1=1.0-r0"},
            DEPENDS - {"python3~3.11"} | {"ocaml4-runtime"},
            id="prepare_py_provides and scan_python3_dependency for another language",
        ),
        pytest.param(
            'scan_shared_objects() { echo so:mine.so.1=1 > "$2"/.provides-so; }',
            PROVIDES - {"so:libbig.so.1=1.2"} | {"so:mine.so.1=1"},
            DEPENDS,
            id="scan_shared_objects",
        ),
        pytest.param(
            'scan_pkgconfig_depends() { cut -d= -f1 "$2"/.provides-pc | cut -d: -f2 > "$2"/.needs-pc; }',
            PROVIDES,
            DEPENDS | {"pc:big"},
            id="scan_pkgconfig_depends",
        ),
        pytest.param(
            'prepare_command_provides() { echo cmd:mine=9 > "$controldir"/.provides-command; }',
            PROVIDES - {"cmd:big=1.0-r0", "cmd:manual=1.0-r0"} | {"cmd:mine=9"},
            DEPENDS,
            id="prepare_command_provides",
        ),
        pytest.param(
            'prepare_pkgconfig_provides() { echo pc:mine=3 > "$controldir"/.provides-pc; }',
            PROVIDES - {"pc:big=1.2"} | {"pc:mine=3"},
            DEPENDS,
            id="prepare_pkgconfig_provides",
        ),
        pytest.param(
            'prepare_trace_rpaths() { echo /usr/lib/odd > "$controldir"/.rpaths; }',
            PROVIDES | {"so:libodd.so.3=3"},
            DEPENDS,
            id="prepare_trace_rpaths",
        ),
        pytest.param(
            "options_has() { [ \"$1\" = '!tracedeps' ]; }", set(), {"pkgconfig"}, id="options_has: nothing is traced"
        ),
        pytest.param(
            'stripbin() { depends="later"; }', PROVIDES, DEPENDS | {"later"}, id="stripbin comes before the description"
        ),
        pytest.param(
            """
            prepare_package() { stripbin; prepare_metafiles; prepare_command_provides; }
            archcheck() { false; }
            """,
            {"cmd:big=1.0-r0", "cmd:manual=1.0-r0", "so:libbig.so.1=1.2"},
            {"pkgconfig", "python3~3.11"},
            id="prepare_package leaves steps out",
        ),
        pytest.param(
            """prepare_metafiles() {
                mkdir -p "$controldir"
                printf '%s = %s\\n' pkgname ${subpkgname:-foo} pkgver 1.0-r0 arch ${subpkgarch:-$pkgarch} depend mine \\
                    > "$controldir"/.PKGINFO
                printf .PKGINFO > "$controldir"/.metafiles
                cd "${subpkgdir:-$pkgdir}"
            }""",
            PROVIDES,
            DEPENDS | {"mine"},
            id="prepare_metafiles",
        ),
    ],
)
def test_what_a_step_finds_is_what_the_package_says(
    place: Place, make: Make, sandbox: str, functions: str, provides: set[str], depends: set[str]
) -> None:
    place.build(make((NO_PATH if "real_so_path" not in functions else "") + functions), sandbox)
    package = place.package()
    assert found(package) == (provides, depends)
    assert "usr/lib/libbig.la" not in package.files
    assert place.package("foo-doc").files == ["usr/share/man/man1/big.1.gz"]


def test_without_rpaths_no_library_is_looked_for(place: Place, make: Make) -> None:
    place.build(make("prepare_trace_rpaths() { :; }"))
    assert found(place.package()) == (PROVIDES, DEPENDS)


def test_an_owner_that_is_declared_is_not_added(place: Place, make: Make) -> None:
    done = place.build(make("real_so_path() { echo /usr/lib/libowned.so.1; }", depends="owner"))
    assert sorted(place.package().info("depend")) == sorted({*DEPENDS, "owner"})
    assert any("'owner'" in warning for warning in done.warnings)


def test_what_stays_as_it_is(place: Place, make: Make, libraries: dict[str, bytes]) -> None:
    """Neither stripped nor cleaned up, whatever the options say: the recipe has its own stripbin and options_has."""
    place.build(make(NO_PATH + 'stripbin() { :; }\noptions_has() { [ "$1" = libtool ]; }\n'))
    package = place.package()
    assert package.contents["usr/bin/big"] == libraries["big"]
    assert "usr/lib/libbig.la" in package.files


def test_scans_are_left_out_as_the_options_say(place: Place) -> None:
    folder = place.recipe(
        """
        package() { mkdir -p "$pkgdir"/usr/share; echo > "$pkgdir"/usr/share/x; }
        sub() { mkdir -p "$subpkgdir"; }
        scan_python3_dependency() { echo scanned >> "$2"/.needs-python3; }
        get_maintainer() { maintainer="Somebody Else <else@example.invalid>"; }
        """,
        subpackages="foo-sub",
        options="!check foo-sub::!tracedeps",
    )
    place.build(folder)
    assert place.package().info("depend") == ("scanned",)
    assert place.package("foo-sub").info("depend") == ()
    assert place.package("foo-sub").info("maintainer") == ("Somebody Else <else@example.invalid>",)


def test_the_same_package_step_by_step(place: Place, make: Make) -> None:
    """Steps that are functions do what is done at once otherwise."""
    folder = make("", somask="libnowhere.so.7")
    place.build(folder)
    before = place.package()
    with open(folder / "APKBUILD", "a", encoding="utf-8") as recipe:
        recipe.write("find_so_files() { :; }\n")
    stamp = {"SOURCE_DATE_EPOCH": before.info("builddate")[0]}
    place.build(folder, "-f", env=stamp)
    after = place.package()
    assert dict(after.contents) == dict(before.contents)
    assert after.apk.info == before.apk.info
    assert found(after) == (PROVIDES, DEPENDS)


def test_a_library_that_nobody_has_still_is_an_error(place: Place, make: Make) -> None:
    for functions in ("", "prepare_command_provides() { :; }", "real_so_path() { return 1; }"):
        folder = make(functions)
        done = place.run(folder, "-d")
        assert done.status == 1 and not place.repository_bytes(), str(done)
        assert "libnowhere.so.7" in done.err or "trace_apk_deps failed" in done.err
        shutil.rmtree(folder)


SEES = '{ echo "SEES $0 $*|$PWD|$controldir|$subpkgname|$subpkgdir|$subpkgarch" | sed "s,$pkgbasedir,@,g; s,$CARCH,ARCH,g"; }'


@pytest.mark.parametrize(
    ("function", "doc", "main"),
    [
        *(
            (name, "|@/foo-doc|@/.control.foo-doc|foo-doc|@/foo-doc|noarch", "|@/foo|@/.control.foo|||")
            for name in (
                "prepare_trace_rpaths",
                "prepare_symlinks",
                "prepare_pkgconfig_provides",
                "prepare_command_provides",
                "prepare_py_provides",
                "archcheck",
            )
        ),
        *(
            (
                name,
                "foo-doc @/.control.foo-doc @/foo-doc|@/foo|@/.control.foo|foo-doc||noarch",
                "foo @/.control.foo @/foo|@/foo|@/.control.foo|foo||ARCH",
            )
            for name in (
                "scan_shared_objects",
                "scan_symlink_targets",
                "scan_python3_dependency",
                "scan_pkgconfig_depends",
            )
        ),
        ("postcheck", "@/foo-doc foo-doc|START|@/.control.foo|foo-doc||noarch", "@/foo foo|START|@/.control.foo|||"),
        ("pre_split", "|START|@/.control.foo-doc|foo-doc|@/foo-doc|noarch", None),
        ("stripbin", "|@/foo|@/.control.foo-doc|foo-doc|@/foo-doc|noarch", "|START|@/.control.foo|||"),
    ],
)
def test_what_a_step_sees(place: Place, function: str, doc: str, main: str | None) -> None:
    folder = place.recipe(
        f"""
        package() {{ mkdir -p "$pkgdir"/usr/share/man/man1; echo > "$pkgdir"/usr/share/man/man1/x.1; }}
        {function}() {SEES}
        """,
        subpackages="foo-doc",
        arch="all",
        options="!check !archcheck",
    )
    done = place.build(folder)
    seen = [
        line.partition(" ")[2].partition(" ")[2].replace(str(folder), "START")
        for line in done.out.splitlines()
        if line.startswith("SEES ")
    ]
    assert sorted(seen) == sorted(line for line in (doc, main) if line is not None)


def test_a_step_may_write_the_description_and_the_scripts(place: Place) -> None:
    folder = place.recipe(
        """
        package() { mkdir -p "$pkgdir"/usr/share; echo > "$pkgdir"/usr/share/x; }
        prepare_symlinks() {
            echo 'depend = mine' >> "$controldir"/.PKGINFO
            echo '#!/bin/sh' > "$controldir"/.post-install
        }
        """,
        install="foo.post-install",
        extra={"foo.post-install": "#!/bin/sh\necho as it was\n"},
    )
    place.build(folder)
    package = place.package()
    assert package.info("depend") == ("/bin/sh", "mine")
    assert package.apk.scripts == {".post-install": b"#!/bin/sh\n"}


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ('sed -i s/^pkgname.*/pkgname\\ =\\ bar/ "$controldir"/.PKGINFO', "pkgname is bar, not foo"),
        ('echo "pkgver = 2-r0" >> "$controldir"/.PKGINFO', "pkgver is 1.0-r0 and 2-r0, not 1.0-r0"),
        ('echo "arch = ../../.." >> "$controldir"/.PKGINFO', "arch is noarch and ../../.., not noarch"),
        ('echo "datahash = 0" >> "$controldir"/.PKGINFO', "datahash"),
        ('echo nonsense >> "$controldir"/.PKGINFO', "no field"),
        ('printf "x = \\033\\n" >> "$controldir"/.PKGINFO', "no field"),
        ('echo "depend = a=~x" >> "$controldir"/.PKGINFO', "Invalid version"),
        ('printf "\\0../../x" >> "$controldir"/.metafiles', "no install script"),
        ('rm "$controldir"/.metafiles; ln -s /etc/passwd "$controldir"/.metafiles', "no .metafiles"),
        ('rm -r "$controldir"; ln -s /etc "$controldir"', ".control.foo"),
    ],
)
def test_a_description_of_something_else_is_refused(place: Place, change: str, problem: str) -> None:
    functions = f"""
        package() {{ mkdir -p "$pkgdir"/usr/share; echo > "$pkgdir"/usr/share/x; }}
        trace_apk_deps() {{ {change}; }}
    """
    done = place.run(place.recipe(functions), "-d")
    assert done.status == 1 and "Traceback" not in done.err, str(done)
    assert problem in done.err, str(done)
    assert place.repository_bytes() == {}


def test_paths_outside_of_the_package_are_refused(place: Place) -> None:
    folder = place.recipe(
        'package() { mkdir -p "$pkgdir"; }\nfind_scanelf_paths() { echo "$1/usr/lib:$1-other/lib"; }\n', arch="all"
    )
    done = place.run(folder, "-d")
    assert done.status == 1 and "/foo-other/lib, which is not in the package" in done.err, str(done)


def test_a_step_that_fails_is_named(place: Place) -> None:
    folder = place.recipe('package() { mkdir -p "$pkgdir"; }\nprepare_symlinks() { false; echo on; }\n')
    done = place.fails(folder)
    assert done.errors == ["foo: prepare_symlinks failed"]
    assert "on\n" not in done.out


def test_own_checks_replace_ours(place: Place) -> None:
    folder = place.recipe(
        """
        package() { mkdir -p "$pkgdir"/usr/local/bin; echo > "$pkgdir"/usr/local/x.la; echo > "$pkgdir"/usr/x.a; }
        postcheck() { echo "looked at $2"; }
        dir_has_arch_binaries() { return 1; }
        """
    )
    assert "looked at foo\n" in place.build(folder).out
    assert place.package().files == ["usr/local/x.la", "usr/x.a"]


def test_ours_still_check_where_others_are_replaced(place: Place) -> None:
    package = 'package() { mkdir -p "$pkgdir"/usr; echo > "$pkgdir"/usr/x.a; }\nprepare_py_provides() { :; }\n'
    assert "must not be noarch" in place.run(place.recipe(package), "-d").err
    folder = place.recipe(package.replace("usr/x.a", "usr/local/x").replace("usr;", "usr/local;"), name="bar")
    assert "/usr/local" in place.fails(folder, errors=2).err


def test_prepare_subpackages_calls_abuild(place: Place) -> None:
    folder = place.recipe(
        """
        package() { mkdir -p "$pkgdir"/usr/share/man/man1; echo > "$pkgdir"/usr/share/man/man1/x.1; }
        prepare_subpackages() {
            subpkg_set foo-doc
            subpkgdir="$pkgbasedir/foo-doc" subpkgname=foo-doc subpkgarch=noarch subpkgtriplet=$CHOST \\
                "$abuild_path" $forceroot $verbose pre_split doc prepare_package
            subpkg_unset
        }
        """,
        subpackages="foo-doc",
    )
    place.build(folder)
    assert place.package("foo-doc").files == ["usr/share/man/man1/x.1.gz"]


@pytest.mark.parametrize(
    ("functions", "says"),
    [
        ('msg() { echo "M $1"; }\nprepare() { msg here; }', "M here\n"),
        ('warning() { echo "W $1"; }\nbuild() { warning here; }', "W here\n"),
        ('die() { echo "D $1"; }\nbuild() { die here; }', "D here\n"),
        ("update_config_sub() { echo U; }\nprepare() { default_prepare; update_config_sub; }", "U\n"),
        ("default_prepare() { echo P; }", "P\n"),
        ("default_check() { echo C; }", "C\n"),
        ("mkusers() { echo K; }", "K\n"),
        ("validate() { echo V; default_validate; }", "V\n"),
        ("unpack() { echo U; default_unpack; }", "U\n"),
        ("default_unpack() { echo U; }", "U\n"),
        ("default_validate() { echo V; }", "V\n"),
        ("default_fetch() { echo F; }", "F\n"),
        ("default_cleanup_srcdir() { echo S; }", "S\n"),
        ("clean() { echo C; cleanup srcdir pkgdir tmpdir; }", "C\n"),
        ("builddeps() { echo B; }", "B\n"),
        ("fetch() { echo F; default_fetch; }", "F\n"),
        ("cleanup_srcdir() { echo S; default_cleanup_srcdir; }", "S\n"),
        ('sub() { amove usr/share/x; }\namove() { echo A; mkdir -p "$subpkgdir"; }', "A\n"),
        ('default_doc() { echo "doc $PWD"; mkdir -p "$subpkgdir"; }', "/pkg/foo\n"),
    ],
)
def test_functions_that_recipes_call(place: Place, functions: str, says: str) -> None:
    folder = place.recipe(
        f"""
        package() {{
            mkdir -p "$pkgdir"/usr/share/man/man1
            echo > "$pkgdir"/usr/share/x
            echo > "$pkgdir"/usr/share/man/man1/x.1.gz
        }}
        sub() {{ mkdir "$subpkgdir"; }}
        {functions}
        """,
        subpackages="foo-sub foo-doc",
        options="",
    )
    assert says in place.build(folder).out


@pytest.mark.parametrize("function", ["uri_fetch", "uri_fetch_mirror"])
def test_a_recipe_downloads_in_its_own_way(users_place: Place, function: str) -> None:
    place = users_place
    package = 'package() { install -D far.txt "$pkgdir"/usr/share/far; }\n'
    far = hashlib.sha512(b"far\n").hexdigest()
    folder = place.recipe(
        f'{package}{function}() {{ echo "from $1"; echo far > "$SRCDEST"/far.txt; }}\n',
        source="https://example.invalid/far.txt",
        sums=f"{far}  far.txt\n",
    )
    assert "from https://example.invalid/far.txt\n" in place.build(folder).out
    assert place.package().contents["usr/share/far"] == b"far\n"


def test_a_failed_cleanup_does_not_spoil_the_build(place: Place) -> None:
    folder = place.recipe('package() { mkdir -p "$pkgdir"; }\ncleanup_srcdir() { kill 99999; }\n', files={"x": "x"})
    done = place.build(folder)
    assert any("cleanup_srcdir failed" in warning for warning in done.warnings), str(done)
    assert not (folder / "src").exists()
    assert place.package().files == []


@pytest.mark.parametrize("verb", ["checksum", "listpkg", "cleancache", "index", "verify"])
def test_verbs_by_hand_are_the_recipes_if_it_has_them(place: Place, verb: str) -> None:
    folder = place.recipe(f'package() {{ mkdir -p "$pkgdir"; }}\n{verb}() {{ echo mine; }}\n')
    assert "mine\n" in place.build(folder, verb).out


def test_what_is_used_less_than_by_abuild_is_said(place: Place) -> None:
    functions = 'package() { mkdir -p "$pkgdir"; }\n'
    done = place.build(place.recipe(functions + "normalize_target_path() { :; }\namove() { :; }\n"))
    assert [w for w in done.warnings if "own functions" in w] == [
        "foo: only the recipe's own functions use the normalize_target_path that it defines"
    ]


@pytest.mark.parametrize("function", ["create_apks", "rootpkg", "want_check", "set_source_date", "pc_to_apk_ver"])
def test_what_is_refused_is_named_with_a_way_out(place: Place, function: str) -> None:
    folder = place.recipe(f'package() {{ mkdir -p "$pkgdir"; }}\n{function}() {{ :; }}\n')
    done = place.fails(folder)
    assert f"redefines {function}," in done.errors[0]
    assert done.err.splitlines()[-1].startswith(" " * 11)
