# SPDX-License-Identifier: GPL-3.0-or-later
"""Verbs besides those of a build, the log command, the index of the third kind, and what reaches the network."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from buildkit import Place
from loopback import Quiet, answering

from abuildpy.shell import find_program

pytest_plugins = ["buildfixtures"]

PACKAGE = 'package() { mkdir -p "$pkgdir"/usr/share/foo; echo > "$pkgdir"/usr/share/foo/a; }\n'


def script(place: Place, name: str, text: str) -> Path:
    """A shell script in a folder of the place."""
    path = place.base / "programs" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[str]]]:
    """A proxy that answers everything itself; its address, and the addresses it was asked for."""
    asked: list[str] = []

    class Handler(Quiet):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("Content-Length", "6")
            self.end_headers()
            self.wfile.write(b"there\n")

        def do_CONNECT(self) -> None:
            asked.append(self.path)
            self.send_error(403)

    with answering(Handler) as address:
        yield address, asked


# --- archives --------------------------------------------------------------------------------------------------------


def members(path: Path) -> dict[str, tarfile.TarInfo]:
    with tarfile.open(path, "r:gz") as tar:
        return {member.name: member for member in tar}


def test_srcpkg(place: Place) -> None:
    remote = place.base / "distfiles/far.txt"
    remote.write_bytes(b"far\n")
    folder = place.recipe(
        PACKAGE,
        files={"near.txt": "near\n"},
        extra={"foo.post-install": "#!/bin/sh\n", "foo.trigger": "#!/bin/sh\n", "unrelated": ""},
        source="far.txt::http://127.0.0.1:1/x",
        sums=f"{hashlib.sha512(b'far' + bytes([10])).hexdigest()}  far.txt\n",
        install="foo.post-install",
        triggers="foo.trigger=/usr/share/a:/usr/share/b",
    )
    place.build(folder, "srcpkg")
    archive = place.repodest / "src/foo-1.0-0.src.tar.gz"
    found = members(archive)
    names = ("APKBUILD", "near.txt", "far.txt", "foo.post-install", "foo.trigger")
    assert list(found) == [f"foo/{name}" for name in names]
    assert {(m.uname, m.uid) for m in found.values()} == {("root", 0)}
    assert (folder / "far.txt").read_bytes() == b"far\n"
    before = archive.read_bytes()
    place.build(folder, "srcpkg")
    assert archive.read_bytes() == before
    assert os.listdir(archive.parent) == [archive.name]
    (folder / "foo.trigger").unlink()
    done = place.run(folder, "srcpkg")
    assert done.status == 1
    assert "foo.trigger is missing" in done.errors[0]
    assert os.listdir(archive.parent) == [archive.name]


def test_srcpkg_takes_nothing_from_elsewhere(place: Place) -> None:
    secret = place.base / "secret"
    secret.write_text("secret\n")
    (place.base / "distfiles").chmod(0o777)
    folder = place.recipe(
        f'{PACKAGE}\nfetch() {{ ln -sf {secret} "$SRCDEST"/far.txt; }}\n', source="far.txt::http://127.0.0.1:1/x"
    )
    done = place.run(folder, "-d", "srcpkg")
    assert done.status == 1, str(done)
    assert "far.txt cannot be copied" in done.errors[0]
    assert not (folder / "far.txt").exists()
    outside = place.recipe(PACKAGE, name="bar", install="../../../secret")
    done = place.run(outside, "-d", "srcpkg")
    assert done.status == 1
    assert "is no file beside the APKBUILD" in done.errors[0]


def test_targz(place: Place) -> None:
    folder = place.recipe(PACKAGE.replace("; }", '; mkdir "$pkgdir"/.hidden; ln -s a "$pkgdir"/-l; }'))
    done = place.fails(folder, "targz")
    assert "no such folder" in done.errors[0]
    place.build(folder, "package", "targz")
    found = members(place.repodest / "src/foo-1.0-r0.tar.gz")
    assert [name for name, m in found.items() if not m.isdir()] == ["-l", "usr/share/foo/a"]
    assert found["-l"].issym()
    assert ".hidden" not in found
    place.build(folder, "clean")
    (folder / "pkg").mkdir()
    (folder / "pkg/foo").symlink_to("/etc")
    done = place.fails(folder, "targz")
    assert "no such folder" in done.errors[0]


def test_symlinksrc(place: Place) -> None:
    folder = place.recipe(
        PACKAGE, files={"near.txt": "near\n"}, source="http://127.0.0.1:1/far.txt", sums="00  far.txt\n"
    )
    place.build(folder, "symlinksrc")
    links = {path.name: str(path.readlink()) for path in (folder / "src").iterdir()}
    assert links == {"near.txt": str(folder / "near.txt"), "far.txt": str(place.base / "distfiles/far.txt")}


# --- refusals and old names ------------------------------------------------------------------------------------------


def test_old_name_and_steps_of_rootpkg(place: Place) -> None:
    folder = place.recipe(PACKAGE)
    done = place.build(folder, "sanitycheck")
    assert any("use validate" in warning for warning in done.warnings)
    for verb in ("create_apks", "prepare_package", "prepare_subpackages", "stripbin", "archcheck"):
        done = place.fails(folder, verb)
        assert done.errors == [f"foo: {verb} is a step of rootpkg and makes no sense alone"]
        assert "abuild rootpkg" in done.err


@pytest.mark.parametrize("verb", ["snapshot", "srcpkg", "targz", "symlinksrc", "sourcecheck", "sanitycheck"])
def test_a_recipes_own_function_is_meant(place: Place, verb: str) -> None:
    folder = place.recipe(f"{PACKAGE}\n{verb}() {{ echo mine; }}\n")
    assert "mine\n" in place.build(folder, verb).out


# --- snapshot --------------------------------------------------------------------------------------------------------


@pytest.fixture
def upstream(place: Place) -> Path:
    """A git repository with one file, two commits and a tag at the first."""
    if find_program("git") is None:
        pytest.skip("git is not installed")
    folder = place.base / "upstream"
    folder.mkdir()
    env = {**place.environment, "GIT_CONFIG_GLOBAL": "/dev/null"}
    for command in (
        "git init -q . && git config user.email a@example.invalid && git config user.name A",
        "echo one >file && git add file && git commit -qm one && git tag v1",
        "echo two >file && git commit -qam two",
    ):
        subprocess.run(["/bin/sh", "-ec", command], cwd=folder, env=env, check=True)
    return folder


def content(archive: Path, name: str) -> bytes:
    with tarfile.open(archive, "r:gz") as tar:
        file = tar.extractfile(name)
        assert file is not None
        return file.read()


def test_snapshot_without_upload(place: Place, upstream: Path) -> None:
    folder = place.recipe(PACKAGE, giturl=f"file://{upstream}")
    before = (folder / "APKBUILD").read_text()
    done = place.build(folder, "snapshot")
    assert any("disturl" in warning for warning in done.warnings)
    (archive,) = (folder / "src").iterdir()
    found = re.fullmatch(r"(foo-0_git\d{8})\.tar\.gz", archive.name)
    assert found
    assert content(archive, f"{found[1]}/file") == b"two\n"
    assert (folder / "APKBUILD").read_text() == before
    tagged = place.recipe(PACKAGE, name="bar", giturl=f"file://{upstream}", reporev="v1", verbase="2.5")
    place.build(tagged, "snapshot")
    (archive,) = (tagged / "src").iterdir()
    assert archive.name.startswith("bar-2.5_git")
    assert content(archive, f"{archive.name.removesuffix('.tar.gz')}/file") == b"one\n"


def test_snapshot_with_upload(place: Place, upstream: Path) -> None:
    upload = place.base / "upload"
    upload.mkdir()
    rsync = script(
        place, "rsync", f'printf "%s\\n" "$@" >{place.base}/said\nshift 3\ncp "$1" "{upload}/$(basename "$1")"'
    )
    folder = place.recipe(
        PACKAGE,
        giturl=f"file://{upstream}",
        disturl="somewhere:dist/",
        source="foo-$pkgver.tar.gz::http://127.0.0.1:1/$pkgver",
        sums="00  x\n",
    )
    env = {"PATH": f"{rsync.parent}:{place.environment['PATH']}", "DISTFILES_MIRROR": str(upload)}
    place.build(folder, "snapshot", env=env)
    text = (folder / "APKBUILD").read_text()
    (archive,) = upload.iterdir()
    version = archive.name.removeprefix("foo-").removesuffix(".tar.gz")
    assert f'pkgver="{version}"' in text
    assert f"{hashlib.sha512(archive.read_bytes()).hexdigest()}  {archive.name}" in text
    assert version.endswith(time.strftime("%Y%m%d"))
    said = (place.base / "said").read_text().split("\n")
    assert said[:5] == ["--progress", "-La", "--", str(folder / "src" / archive.name), "somewhere:dist/"]


@pytest.mark.parametrize(
    ("variables", "error"),
    [
        ({}, "giturl is not set"),
        ({"giturl": "--upload-pack=touch bad"}, "would be taken for an option"),
        ({"giturl": "file:///nowhere/at/all"}, "clone ended with status"),
        ({"giturl": "ext::touch bad", "disturl": "a:b"}, "clone ended with status"),
        ({"giturl": "x", "disturl": "-erm"}, "would be taken for an option"),
        ({"giturl": "x", "disturl": "/etc/passwd"}, "is no folder"),
        ({"giturl": "x", "reporev": "-o/tmp/bad"}, "would be taken for an option"),
        ({"giturl": "x", "verbase": "../../x"}, "is no file name"),
    ],
)
def test_snapshots_that_cannot_be(place: Place, variables: dict[str, str], error: str) -> None:
    folder = place.recipe(PACKAGE, **variables)  # type: ignore[arg-type]
    env = {"PATH": f"{script(place, 'rsync', 'exit 1').parent}:{place.environment['PATH']}"}
    (folder / "src").mkdir()
    (folder / "src/kept").write_text("")
    done = place.fails(folder, "snapshot", env=env)
    assert error in done.errors[0]
    assert (folder / "src/kept").exists() is not ("clone" in error), "nothing is thrown away for nothing"
    assert not list(place.base.rglob("bad"))


# --- the log command -------------------------------------------------------------------------------------------------


def test_log_command(place: Place, sandbox: str) -> None:
    log = place.base / "log"
    command = script(place, "log", f'for word; do printf "<%s>" "$word"; done >>{log}; echo >>{log}; exit 3')
    env = {"ABUILD_LOG_CMD": f"{command} -t x"}
    good = place.recipe(PACKAGE)
    place.build(good, sandbox, env=env)
    assert log.read_text() == "<-t><x><building main/foo-1.0-r0>\n"
    log.unlink()
    bad = place.recipe(
        PACKAGE + 'build() { error "from the shell"; logcmd -f "a b\nc"; false; }', name="bar", subpackages="bar-doc"
    )
    place.run(bad, "-d", sandbox, env=env)
    assert log.read_text().splitlines() == [
        "<-t><x><building main/bar-1.0-r0>",
        "<-t><x><ERROR: bar: from the shell>",
        "<-t><x>< -f a b c>",
        "<-t><x><ERROR: bar: build failed>",
    ]
    log.unlink()
    place.run(None, "listpkg", env=env)
    assert log.read_text().startswith("<-t><x><ERROR: : ")


def test_log_command_from_the_configuration(place: Place, sandbox: str) -> None:
    log = place.base / "log"
    command = script(place, "log", f'echo "$1" >>{log}')
    config = place.home / ".abuild/abuild.conf"
    place.configure(f"{config.read_text()}ABUILD_LOG_CMD={command}\n")
    folder = place.recipe(PACKAGE + "foo_doc() { error oops; mkdir -p $subpkgdir; }\n", subpackages="foo-x:foo_doc")
    place.run(folder, "-d", sandbox)
    assert log.read_text() == "building main/foo-1.0-r0\nERROR: foo: oops\n", "in the name of the recipe"


def test_the_log_names_the_recipe_for_a_subpackages_failure(place: Place) -> None:
    log = place.base / "log"
    command = script(place, "log", f'echo "$1" >>{log}')
    folder = place.recipe(PACKAGE + "split() { false; }\n", subpackages="bar:split")
    done = place.run(folder, "-d", env={"ABUILD_LOG_CMD": str(command)})
    assert "bar*: split failed" in done.errors
    lines = log.read_text().splitlines()
    assert "ERROR: foo: split failed" in lines
    assert not [line for line in lines if line.startswith("ERROR: bar")], lines


def test_a_log_command_that_is_not_there(place: Place) -> None:
    place.build(place.recipe(PACKAGE), env={"ABUILD_LOG_CMD": "/no/such/program"})


# --- index -----------------------------------------------------------------------------------------------------------


@pytest.mark.needs_apk
def test_v3_index(place: Place) -> None:
    apk = find_program("apk")
    if apk is None:
        pytest.skip("apk is not installed")
    keys = place.base / "keys"
    keys.mkdir()
    (keys / place.public.name).write_bytes(place.public.read_bytes())
    command = f"{apk} --keys-dir {keys}"
    env = {"ABUILD_V3_INDEX": "1", "APK": command}
    done = place.build(place.recipe(PACKAGE), "-D", "Of Mine", env=env)
    assert "Creating v3 index..." in done.err
    place.build(place.recipe(PACKAGE.replace("foo", "bar"), name="bar", pkgver="2"), "-D", "Of Mine", env=env)
    packages = place.repository()
    assert os.readlink(packages / place.arch) == "."
    index = packages / "Packages.adb"
    shown = subprocess.run([*command.split(), "adbdump", index], capture_output=True, text=True, check=True).stdout
    assert "description: Of Mine" in shown
    assert "name: foo" in shown
    assert "name: bar" in shown
    assert f"{place.arch}/${{name}}-${{version}}.apk" in shown
    root = place.base / "root"
    usermode = "" if os.geteuid() == 0 else "--usermode"
    words = f"--root {root} --initdb {usermode} --arch {place.arch} --repository {index} add --no-scripts foo bar"
    done_by_apk = subprocess.run([*command.split(), *words.split()], capture_output=True, text=True, check=False)
    assert done_by_apk.returncode == 0, done_by_apk.stdout + done_by_apk.stderr
    assert (root / "usr/share/foo/a").exists()


def test_v3_index_fails_with_apk(place: Place) -> None:
    apk = script(place, "apk", 'case "$1" in mkndx) exit 1;; --print-arch) echo x86_64;; esac')
    done = place.run(place.recipe(PACKAGE), "-d", env={"ABUILD_V3_INDEX": "1", "APK": str(apk)})
    assert done.status == 1
    assert "Failed to create index" in done.errors[0]
    assert not list(place.repository().glob("*adb*"))


def test_description_by_variable(place: Place) -> None:
    from abuildpy.repository.index import read_index

    folder = place.recipe(PACKAGE)
    place.build(folder, env={"DESCRIPTION": "By Variable"})
    assert read_index(place.repository() / "APKINDEX.tar.gz").description == "By Variable"
    place.build(folder, "-D", "By Option", "index", env={"DESCRIPTION": "By Variable"})
    assert read_index(place.repository() / "APKINDEX.tar.gz").description == "By Option"
    place.build(folder, "-D", "", "index")
    assert read_index(place.repository() / "APKINDEX.tar.gz").description.startswith("main")


# --- options and variables -------------------------------------------------------------------------------------------


def test_new_aports_are_made_elsewhere(place: Place) -> None:
    done = place.run(None, "-n", "foo")
    assert done.status == 1
    assert "newapkbuild" in done.errors[0]


def test_several_folders_lead_on(place: Place) -> None:
    folder = place.recipe(PACKAGE)
    done = place.run(folder.parent.parent, "-C", "main", "-C", "foo", "listpkg")
    assert done.out == "foo-1.0-r0.apk\n"
    done = place.run(folder.parent.parent, "-C", "main", "-C", "nothing", "listpkg")
    assert done.status == 1
    assert "main/nothing" in done.errors[0]


def test_default_dbg(place: Place) -> None:
    env = {"DEFAULT_DBG": "1"}
    for name, how, expected in (
        ("foo", {"arch": "all"}, ["foo-1.0-r0.apk", "foo-dbg-1.0-r0.apk"]),
        ("noarch", {"arch": "noarch"}, ["noarch-1.0-r0.apk"]),
        ("own", {"arch": "all", "subpackages": "x-dbg"}, ["own-1.0-r0.apk", "x-dbg-1.0-r0.apk"]),
        ("without", {"arch": "all", "options": "!check !dbg"}, ["without-1.0-r0.apk"]),
    ):
        folder = place.recipe(PACKAGE, name=name, **how)  # type: ignore[arg-type]
        assert place.run(folder, "listpkg", env=env).out.split() == expected
    folder = place.c_recipe(name="prog", subpackages="prog-doc")
    assert place.run(folder, "listpkg", env=env).out.split()[1] == "prog-dbg-1.0-r0.apk", "in front"


def test_a_debug_package_by_default(place: Place) -> None:
    if not (find_program("cc") and find_program("objcopy")):
        pytest.skip("no compiler here")
    folder = place.c_recipe()
    place.build(folder, env={"DEFAULT_DBG": "1"})
    assert [name for name in place.package("foo-dbg").files if name.endswith(".debug")] == [
        "usr/lib/debug/usr/bin/foo.debug"
    ]


@pytest.mark.parametrize("chosen", [True, False])
def test_ccache(place: Place, sandbox: str, chosen: bool) -> None:
    cache = place.base / "cache" if chosen else place.home / ".ccache"
    env = {"USE_CCACHE": "1", "CCACHE_DIR": str(cache) if chosen else None}
    folder = place.recipe(PACKAGE + 'build() { echo "path $PATH"; echo x >"$CCACHE_DIR"/made; }\n')
    done = place.build(folder, sandbox, env=env)
    assert re.search(r"^path /usr/lib/ccache/bin:", done.out, re.MULTILINE)
    assert (cache / "made").read_text() == "x\n"


# --- network ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["environment", "configuration"])
def test_proxies(place: Place, proxy: tuple[str, list[str]], where: str) -> None:
    address, asked = proxy
    env = {}
    if where == "environment":
        env = {"http_proxy": address, "https_proxy": address}
    else:
        config = place.home / ".abuild/abuild.conf"
        place.configure(f"{config.read_text()}export http_proxy={address} https_proxy={address}\n")
    digest = hashlib.sha512(b"there\n").hexdigest()
    folder = place.recipe(PACKAGE, source="http://nowhere.invalid/a.txt", sums=f"{digest}  a.txt\n")
    place.build(folder, "fetch", env=env)
    assert asked == ["http://nowhere.invalid/a.txt"]
    safe = place.recipe(PACKAGE, name="bar", source="https://nowhere.invalid/b.txt", sums=f"{digest}  b.txt\n")
    done = place.run(safe, "sourcecheck", env=env)
    assert done.status == 1
    assert asked[-1] == "nowhere.invalid:443"


# --- functions of our own, by hand -----------------------------------------------------------------------------------


def test_helpers_as_verbs(place: Place) -> None:
    """The shell library's functions run as verbs too, and tell by their status; what we do not have is an error."""
    folder = place.recipe(PACKAGE, options="!check")
    done = place.run(folder, "want_check")
    assert (done.status, done.errors) == (1, ["foo: want_check failed"])
    assert "network" not in done.err
    assert place.run(place.recipe(PACKAGE.replace("foo", "bar"), name="bar", options=""), "want_check").status == 0
    done = place.run(folder, "no_such_helper")
    assert (done.status, done.errors) == (1, ["foo: No such function no_such_helper"])


def test_options_are_seen_by_functions(place: Place) -> None:
    """As abuild's own variables, which recipes hand on to what they call."""
    functions = (
        'package() { echo "$nodeps,$keep,$keep_build,$force,$color_opt,$verbose," > "$startdir"/tmp/seen; }\n' + PACKAGE
    )
    functions = functions.replace("package() { echo", "see() { echo", 1)
    folder = place.recipe(functions)
    place.run(folder, "-dkfm", "see")
    assert (folder / "tmp/seen").read_text() == "-d,-k,,-f,-m,,\n"
    place.run(folder, "-Kcv", "see")
    assert (folder / "tmp/seen").read_text() == ",,-K,,-c,-v,\n"
    assert not list(folder.glob("tmp/**/life"))


def test_check_in_fakeroot_is_announced(place: Place) -> None:
    folder = place.recipe(PACKAGE + 'check() { test "$(id -u)" = 0; }\n', options="checkroot")
    lines = place.build(folder).err.splitlines()
    assert lines.count(">>> foo: Entering fakeroot...") == 2
