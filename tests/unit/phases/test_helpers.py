# SPDX-License-Identifier: GPL-3.0-or-later
"""The helper functions that recipes call."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from phase_shell import Shell, make, shell_in, tree


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return shell_in(tmp_path)


@pytest.mark.parametrize(
    ("call", "status"),
    [
        ("list_has b a b c", 0),
        ("list_has d a b c", 1),
        ("list_has b", 1),
        ("list_has '!check' check '!check'", 1),  # the first element that decides wins
        ("list_has '!check' '!check' check", 0),
        ("list_has check '!check'", 1),
        ("list_has 'a*' abc", 1),  # words, not patterns
        ("deplist_has zlib 'zlib>=1.2' foo", 0),
        ("deplist_has zlib foo 'zlib~1'", 0),
        ("deplist_has zlib zlib-dev", 1),
        ("deplist_has '!zlib' 'zlib=1' '!zlib'", 1),
        ("depends='a b<2' depends_has b", 0),
        ("depends_has b", 1),
        ("makedepends='meson samurai' makedepends_has meson", 0),
        ("install='foo.pre-install' install_has foo.pre-install", 0),
        ("triggers='foo.trigger=/a:/b' triggers_has foo.trigger", 0),
        ("triggers='foo.trigger=/a:/b' triggers_has foo", 1),
        ("subpackages='foo-dev foo-x:_x:noarch' subpackages_has foo-x", 0),
        ("subpackages='foo-dev foo-x:_x' subpackages_has _x", 1),
        ("subpackages='foo-dev foo-libs-static:_x' subpackage_types_has static", 0),
        ("subpackages='foo-dev foo-libs-static:_x' subpackage_types_has libs", 1),
        ("subpackages='foo-static:a-x:b-y' subpackage_types_has static", 0),
        ("subpackages='foo-static:a-x:b-y' subpackages_has foo-static", 0),
        ("source='a.tar::https://x/b.tar c/d.patch' source_has a.tar", 0),
        ("source='a.tar::https://x/b.tar c/d.patch' source_has b.tar", 0),
        ("source='a.tar::https://x/b.tar c/d.patch' source_has d.patch", 0),
        ("source='a.tar::https://x/b.tar c/d.patch' source_has c", 1),
        ("is_remote https://example.org/x", 0),
        ("is_remote name::ftp://example.org/x", 0),
        ("is_remote x::y.tar.gz", 1),
        ("is_remote x.tar.gz", 1),
        ("source='a.patch::https://x/raw' have_patches", 0),
        ("source='x.tar.gz y.patch.xz' have_patches", 0),
        ("source='x.tar.gz y.diff' have_patches", 1),
        ("verify_pkgname foo+bar_1.0-x", 0),
        ("verify_pkgname -foo", 1),
        ("verify_pkgname ''", 1),
        ("verify_pkgname 'foo bar'", 1),
        ("verify_pkgname foo@bar", 1),
        ("ensure_valid_filename foo-1.0~x+@_.apk", 0),
        ("ensure_valid_filename 'foo bar'", 1),
    ],
)
def test_answers(shell: Shell, call: str, status: int) -> None:
    assert shell.status(call) == status


def test_options_of_one_package_are_asked_first(shell: Shell) -> None:
    script = 'options="sub::!strip textrels"; pkgname=main; options_has "$1"'.replace("$1", "{}")
    assert shell.status(script.format("!strip")) == 1
    assert shell.status(script.format("!strip"), subpkgname="sub") == 0
    assert shell.status(script.format("textrels"), subpkgname="sub") == 0


def test_no_check_while_bootstrapping_crossing_or_declined(shell: Shell) -> None:
    same = {"CBUILD": "a", "CHOST": "a", "CTARGET": "a"}
    assert shell.status("want_check", **same) == 0
    assert shell.status("want_check", **same, ABUILD_BOOTSTRAP="1") == 1
    assert shell.status("want_check", **same, options="!check") == 1
    assert shell.status("want_check", **(same | {"CHOST": "b"})) == 1
    assert shell.status("want_check", **(same | {"CTARGET": "b"})) == 0
    assert shell.status("cross_creating", **(same | {"CTARGET": "b"})) == 0
    assert shell.status("cross_creating", **same) == 1


def test_is_function_knows_functions_only(shell: Shell) -> None:
    says = shell.says("f() { :; }; for x in f cd sh nothing-like-it; do is_function $x && echo $x || :; done")
    assert says == "f"


def test_filename_from_uri(shell: Shell) -> None:
    script = "for e in https://x/y/z.tgz a.tgz::https://x/b.tgz b::https://[::1]/x; do filename_from_uri $e; done"
    assert shell.says(script) == "z.tgz\na.tgz\nb"


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0.0 "),
        (1, "1.0 B"),
        (1023, "1023.0 B"),
        (1024, "1.0 KB"),
        (1536, "1.5 KB"),
        (5 << 30, "5.0 GB"),
        (3 << 50, "3.0 PB"),
        (4 << 60, "4096.0 PB"),
    ],
)
def test_human_size(shell: Shell, size: int, text: str) -> None:
    assert shell.says(f"echo {size} | human_size") == text


@pytest.mark.parametrize(
    ("target", "link", "path"),
    [
        ("/usr/lib/x", "./a/b", "/usr/lib/x"),
        ("x", "./usr/lib/y", "/usr/lib/x"),
        ("../x y", "./usr/lib/y", "/usr/x y"),
        ("../../../../x", "./usr/lib/y", "/x"),
        (".././/z/./x", "usr/lib/y", "/usr/z/x"),
        ("x", "y", "/x"),
        ("/a/a/../b", "y", "/a/b"),
    ],
)
def test_normalize_target_path(shell: Shell, target: str, link: str, path: str) -> None:
    assert shell.says(f"normalize_target_path '{target}' '{link}'") == path


def test_pkginfo_val(shell: Shell) -> None:
    (shell.cwd / "info").write_text("# c\npkgname = a\ndepend = b\ndepend = c d\nlast = x")
    script = "pkginfo_val pkgname info; pkginfo_val depend info; pkginfo_val last info; pkginfo_val depen info"
    assert shell.says(script) == "a\nb\nc d\nx"


def test_maintainer_comes_from_the_comment_unless_set(shell: Shell) -> None:
    (shell.cwd / "APKBUILD").write_text("# Contributor: A <a@x>\n#   Maintainer: Jürgen <j@x>\npkgname=x\n")
    assert shell.says('get_maintainer; echo "$maintainer"', APKBUILD="APKBUILD") == "Jürgen <j@x>"
    assert shell.says('get_maintainer; echo "$maintainer"', APKBUILD="APKBUILD", maintainer="B") == "B"


@pytest.mark.parametrize(
    ("entry", "result"),
    [
        ("foo-dev", "foo-dev dev x86 C"),
        ("foo-doc", "foo-doc doc noarch C"),
        ("foo-devhelp", "foo-devhelp devhelp x86 C"),
        ("foo-zsh-completion", "foo-zsh-completion zshcomp noarch C"),
        ("foo-x:_x", "foo-x _x x86 C"),
        ("foo-a-dev", "foo-a-dev dev x86 C"),
        ("foo-doc::x86", "foo-doc doc x86 C"),
        ("bar:f:noarch", "bar f noarch C"),
        ("bar::all", "bar bar x86 C"),
        ("bar:f:C", "bar f x86 C"),
        ("bar:f:B", "bar f arm B"),
        ("bar:f:mips", "bar f mips T"),
        ("foo", "foo foo x86 C"),
    ],
)
def test_subpkg_set(shell: Shell, entry: str, result: str) -> None:
    environment = {
        "pkgname": "foo",
        "pkgarch": "x86",
        **{"CARCH": "x86", "CHOST": "C", "CBUILD": "B", "CBUILD_ARCH": "arm", "CTARGET": "T"},
        "CTARGET_ARCH": "mips",
    }
    script = f"subpkg_set {entry}; echo $subpkgname $subpkgsplit $subpkgarch $subpkgtriplet"
    assert shell.says(script, **environment) == result
    assert "is not an architecture" in shell("subpkg_set a:b:ppc", **environment).stderr


# --- amove --------------------------------------------------------------------------------------------------------


@pytest.fixture
def packages(shell: Shell) -> Shell:
    """A shell with pkgdir and subpkgdir set."""
    pkgdir, subpkgdir = shell.cwd / "the pkg", shell.cwd / "the sub"
    pkgdir.mkdir()
    return Shell(shell.cwd, {"pkgdir": str(pkgdir), "subpkgdir": str(subpkgdir)})


def test_amove_moves_and_leaves_no_empty_parents(packages: Shell) -> None:
    pkg, sub = packages.cwd / "the pkg", packages.cwd / "the sub"
    make(pkg, "usr/bin/a b", "usr/bin/c", "usr/lib/x/y", "usr/lib/x/.z", "etc/conf", "top", "opt/d/e")
    (pkg / "usr/bin/dangling").symlink_to("nowhere")
    done = packages(
        'amove "usr/bin/a b" usr/bin/dangling usr/bin/c /usr/lib/x/y// top //opt/; echo $?; pwd',
    )
    assert done.returncode == 0, done.stderr
    assert tree(sub) == ["opt/d/e", "top", "usr/bin/a b", "usr/bin/c", "usr/bin/dangling", "usr/lib/x/y"]
    assert tree(pkg) == ["etc/conf", "usr/lib/x/.z"]
    assert done.stdout.count("->") == 6
    assert done.stdout.endswith(f"0\n{packages.cwd}\n")


def test_amove_of_something_missing_moves_the_rest_and_fails(packages: Shell) -> None:
    make(packages.cwd / "the pkg", "a/1", "a/2", "b/1")
    assert packages.says("amove a/1 a/no a/2 no b/1 || echo $?").endswith("\n1")
    assert tree(packages.cwd / "the sub") == ["a/1", "a/2", "b/1"]
    assert tree(packages.cwd / "the pkg") == []


def test_amove_names_given_twice_or_within_each_other(packages: Shell) -> None:
    make(packages.cwd / "the pkg", "a/1", "a/b/2", "c/3")
    assert packages.says("amove a/1 a/1 || echo twice").endswith("twice")
    assert packages.says("amove a a/b a/b/2 c/3 || echo inside").endswith("inside")
    assert tree(packages.cwd / "the sub") == ["a/1", "a/b/2", "c/3"]


def test_amove_needs_a_subpackage(packages: Shell) -> None:
    make(packages.cwd / "the pkg", "a")
    assert packages.status("unset subpkgdir; amove a") == 1
    assert tree(packages.cwd / "the pkg") == ["a"]


def test_amove_of_many_files_keeps_them_all(packages: Shell) -> None:
    names = [f"usr/include/header {n}.h" for n in range(700)]
    make(packages.cwd / "the pkg", *names)
    packages.says('cd "$pkgdir"; amove usr/include/*', **{"x": "y"})
    assert len(tree(packages.cwd / "the sub")) == 700
    assert tree(packages.cwd / "the pkg") == []


def test_amove_under_a_changed_separator_and_with_odd_names(packages: Shell) -> None:
    make(packages.cwd / "the pkg", "u/-v", "u/$(x)", 'u/q"t', "u/a'b", "u/new\nline", "u/*")
    packages.says('IFS=u; amove "u/-v" \'u/$(x)\' \'u/q"t\' "u/a\'b" "u/new\nline" "u/*"')
    assert len(tree(packages.cwd / "the sub")) == 6


def test_a_failed_move_ends_the_shell(packages: Shell) -> None:
    make(packages.cwd / "the pkg", "a/1")
    make(packages.cwd / "the sub", "a/1/in the way")
    done = packages("amove a/1; echo still here")
    assert done.returncode != 0 and "still here" not in done.stdout


# --- config.sub and config.guess ------------------------------------------------------------------------------------


def test_update_config_sub(shell: Shell) -> None:
    share = shell.cwd / "share"
    make(share, "config.sub")
    work = shell.cwd / "w"
    make(work, "new dir/config.sub", "old/config.sub")
    (work / "new dir/config.sub").write_text("exit 0")
    (work / "old/config.sub").write_text('[ "$1" != loongarch64-alpine-linux-musl ]')
    done = shell("cd w; update_config_sub", sharedir=str(share))
    assert done.returncode == 0
    assert "No update needed for ./new dir/config.sub" in done.stderr
    assert "Updating ./old/config.sub" in done.stderr
    assert (work / "old/config.sub").read_text() == "config.sub"
    shutil.rmtree(work / "old")
    assert shell.status("cd w; update_config_sub", sharedir=str(share)) == 1


def test_update_config_guess(shell: Shell) -> None:
    make(shell.cwd, "share/config.guess", "w/a/config.guess", "w/b/config.guess")
    (shell.cwd / "w/a/config.guess").write_text("aarch64 ppc64le riscv64\n")
    (shell.cwd / "w/b/config.guess").write_text("loongarch64\naarch64 ppc64le riscv64\n")
    environment = {"sharedir": str(shell.cwd / "share")}
    done = shell("cd w; update_config_guess", **environment)
    assert done.returncode == 0
    assert "Updating ./a/config.guess" in done.stderr
    assert "No update needed for ./b/config.guess" in done.stderr
    assert (shell.cwd / "w/a/config.guess").read_text() == "share/config.guess"
    (shell.cwd / "w/a/config.guess").unlink()
    assert shell.status("cd w; update_config_guess", **environment) == 1
    shutil.rmtree(shell.cwd / "w/b")
    assert shell.status("cd w; update_config_guess", **environment) == 1


@pytest.mark.parametrize("name", ["config.sub", "config.guess"])
def test_update_config_without_a_newer_one_fails(shell: Shell, name: str) -> None:
    (shell.cwd / name).write_text("false")
    function = f"update_{name.replace('.', '_')}"
    assert shell.says(f"{function} || echo failed; cat {name}", sharedir="/nowhere") == "failed\nfalse"


# --- surroundings ---------------------------------------------------------------------------------------------------


def test_mkusers_makes_what_is_missing(shell: Shell) -> None:
    script = """
    getent() { case "$1 $2" in "group old" | "passwd known" | "group web") echo x ;; *) return 2 ;; esac; }
    add() { echo "$*"; }
    ADDUSER="add user" ADDGROUP="add group" pkggroups="old new" pkgusers="known web app"
    mkusers
    """
    assert shell.says(script) == "group -S new\nuser -S -D -H -G web web\nuser -S -D -H app"


@pytest.mark.parametrize(
    ("wanted", "known"), [("pkggroups=x", "nothing"), ("pkgusers=x", "nothing"), ("pkgusers=x", "group")]
)
def test_mkusers_fails_if_a_command_fails(shell: Shell, wanted: str, known: str) -> None:
    script = f'getent() {{ [ "$1" = {known} ]; }}; ADDGROUP=false ADDUSER=false {wanted}; mkusers || echo failed'
    assert shell.says(script) == "failed"


def test_symlinksrc(shell: Shell) -> None:
    shell.says(
        "symlinksrc",
        srcdir=str(shell.cwd / "deep/src"),
        SRCDEST="/dist",
        startdir="/start here",
        source="a.tgz::https://x/y/b.tgz http://x/c.zip d/e.patch",
    )
    links = {p.name: str(p.readlink()) for p in (shell.cwd / "deep/src").iterdir()}
    assert links == {"a.tgz": "/dist/a.tgz", "c.zip": "/dist/c.zip", "e.patch": "/start here/d/e.patch"}


def test_commands_around_the_build(shell: Shell) -> None:
    tell = '_ab_tell() { printf "<%s>" "$@"; }; '
    assert shell.says(f"{tell} ABUILD_LOG_CMD='touch bad' logcmd a 'b c'; logcmd x") == "<log><a b c>"
    assert shell.says("ABUILD_LOG_CMD='touch bad' logcmd x") == "", "where nobody listens it does no harm"
    assert not (shell.cwd / "bad").exists()
    fake = {"FAKEROOT": "echo fakeroot"}
    assert shell.says("do_fakeroot echo hi", **fake) == "fakeroot -- echo hi"
    assert shell.says("do_fakeroot echo hi", **fake, FAKEROOTKEY="1") == "hi"
    assert shell.says("do_fakeroot echo hi") == "hi"
    commit = {"ABUILD_LAST_COMMIT": "abc-dirty", "SOURCE_DATE_EPOCH": "7", "CARCH": "x86"}
    script = "set_source_date; git_last_commit; git_dirty; git_last_commit_epoch; arch2dir noarch; arch2dir all"
    assert shell.says(script, **commit) == "abc\n-dirty\n7\nx86\nall"


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("x", b"\x7fELF\2\1\1", True),
        ("y.a", b"text", True),
        ("z.lua", b"\x1bLuaQ", True),
        ("z.luac", b"\x1bLJ\2", True),
        ("z.lua", b"return 1", False),
        ("x", b"", False),
        ("x", b"\x7fEL", False),
    ],
)
def test_dir_has_arch_binaries(shell: Shell, name: str, content: bytes, found: bool) -> None:
    folder = shell.cwd / "d"
    folder.mkdir()
    (folder / "a text").write_text("hello")
    (folder / name).write_bytes(content)
    assert shell.status("dir_has_arch_binaries d") == (0 if found else 1)
