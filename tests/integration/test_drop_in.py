# SPDX-License-Identifier: GPL-3.0-or-later
"""What people and scripts that know abuild expect: options, verbs, files, streams and messages."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from buildkit import PATH, Place, finish
from dropkit import PACKAGE, append
from loopback import Quiet, answering

from abuildpy.repository.index import read_index

pytest_plugins = ["buildfixtures"]


def older(path: Path, seconds: float) -> None:
    """Sets a file's time back."""
    state = path.stat()
    os.utime(path, (state.st_atime - seconds, state.st_mtime - seconds))


# --- options ---------------------------------------------------------------------------------------------------------


def test_questions_that_need_no_recipe(place: Place) -> None:
    arch = place.run(None, "-A")
    assert (arch.status, arch.err) == (0, "")
    assert re.fullmatch(r"[a-z0-9_]+\n", arch.out)
    assert place.run(None, "-A", env={"CHOST": "aarch64"}).out == "aarch64\n"
    version = place.run(None, "-V")
    assert (version.status, version.err) == (0, "")
    assert re.match(r"abuild [0-9]+\.[0-9]+", version.out)
    usage = place.run(None, "-h")
    assert (usage.status, usage.err) == (0, "")
    assert usage.out.startswith("usage: abuild")


def test_options_are_read_as_getopts_reads_them(place: Place) -> None:
    folder = place.recipe(PACKAGE)
    unknown = place.run(folder, "-@")
    assert unknown.status == 1
    assert "usage:" in unknown.err
    assert unknown.out == ""
    assert place.run(folder, "-qdk", "listpkg").out == "foo-1.0-r0.apk\n"
    assert place.run(folder, f"-P{place.base}/joined", "-d").status == 0
    assert (place.base / "joined/main" / place.arch / "foo-1.0-r0.apk").exists()
    after = place.run(folder, "listpkg", "-f")
    assert after.status == 1
    assert after.errors == ["foo: No such function -f"]
    assert "Building main/foo" in place.run(folder, "-d", "", "listpkg").err, "an empty word is as good as none"
    assert place.run(folder, "listpkg", "").status == 1, "but only as the first"
    coloured = place.run(folder, "-c", "-@")
    assert coloured.err.startswith("\033[1;31m>>> ERROR:\033[1;0m \033[1;1m\033[1;0m: Unrecognized option: @\nusage:")
    assert place.run(folder, "-d", "-P").status == 0, "an option without its argument counts for nothing"
    assert place.run(folder, "--", "listpkg").out == "foo-1.0-r0.apk\n"


def test_folders_on_the_command_line(place: Place) -> None:
    folder = place.recipe(PACKAGE)
    done = place.run(
        None, "-d", "-C", str(folder), "-P", str(place.base / "P"), "-s", str(place.base / "s"), "-D", "about it"
    )
    assert done.status == 0, str(done)
    index = read_index(place.base / "P/main" / place.arch / "APKINDEX.tar.gz")
    assert index.description == "about it"
    assert not place.repository_bytes()


def test_the_recipe_by_variable(place: Place) -> None:
    folder = place.recipe(PACKAGE)
    (folder / "APKBUILD").rename(folder / "OTHER")
    assert place.run(None, "listpkg", env={"APKBUILD": str(folder / "OTHER")}).out == "foo-1.0-r0.apk\n"
    assert place.run(folder, "listpkg", env={"APKBUILD": "OTHER"}).out == "foo-1.0-r0.apk\n"
    assert place.run(folder, "listpkg").errors == [f"Could not find ./APKBUILD (PWD={folder})"]


def test_quiet_and_colours(place: Place) -> None:
    folder = place.recipe(PACKAGE)
    quiet = place.build(folder, "-q")
    assert not [line for line in quiet.err.splitlines() if line.startswith(">>> foo:")], str(quiet)
    plain = place.build(folder, "-f", env={"USE_COLORS": "1"})
    assert "\033[" not in plain.err, "no terminal, no colours"
    colourful = place.build(folder, "-f", "-c")
    assert "\033[1;32m>>>\033[1;0m \033[1;1mfoo\033[1;0m: Building" in colourful.err
    assert "\033[1;32m>>>\033[1;0m \033[1;1mfoo\033[1;0m\033[1;34m*\033[1;0m: " in colourful.err
    assert "\033[" not in place.build(folder, "-f", "-m", env={"USE_COLORS": "force"}).err


def test_the_title_of_an_xterm(place: Place) -> None:
    """Standard error's terminal gets it wherever colours are wished for at all, colours or not."""
    folder = place.recipe(PACKAGE)
    wish = {"TERM": "xterm", "USE_COLORS": "1"}

    def titles(*arguments: str, **env: str) -> list[str]:
        return re.findall("\033]0;(.*?)\007", place.run(folder, *arguments, "clean", env=env).err)

    assert titles(**wish) == titles("-m", **wish) == ["abuild: foo", ""]
    assert titles(**wish, CHOST="armhf") == ["abuild-armhf: foo", ""]
    assert titles("-c", TERM="xterm") == titles(**{**wish, "TERM": "screen"}) == titles("-V", **wish) == []


def test_tracing(place: Place) -> None:
    folder = place.recipe('build() { : traced "$pkgname"; }\n' + PACKAGE)
    assert "+ : traced foo" in place.build(folder, "-v").err
    assert ": traced" not in place.build(folder, "-f").err


def test_keeping_everything(place: Place) -> None:
    folder = place.recipe(PACKAGE)
    place.build(folder, "-K")
    assert all((folder / name).is_dir() for name in ("src", "pkg/foo", "tmp"))
    place.run(folder, "-K", "clean")
    assert (folder / "src").is_dir()
    place.run(folder, "clean")
    assert not any((folder / name).exists() for name in ("src", "pkg", "tmp"))


def test_what_clean_cannot_be_kept_from(place: Place) -> None:
    folder = place.recipe(
        'build() { mkdir -p "$srcdir"/a/b; touch "$srcdir"/a/b/c; chmod 0 "$srcdir"/a/b "$srcdir"/a; }\n' + PACKAGE
    )
    place.build(folder)
    assert not (folder / "src").exists()


# --- is there anything to do? ----------------------------------------------------------------------------------------


def test_nothing_to_do(place: Place) -> None:
    folder = place.recipe(
        PACKAGE,
        subpackages="foo-doc",
        files={"a.txt": "x"},
        install="foo.post-install",
        extra={"foo.post-install": "true\n"},
    )
    append(folder, 'doc() { mkdir -p "$subpkgdir"; }\n')
    assert place.run(folder, "up2date").status == 1
    place.build(folder)
    repository = place.repository()

    def is_idle(*options: str) -> bool:
        asked = place.run(folder, *options, "up2date")
        done = place.run(folder, "-d", *options)
        assert done.status == 0, str(done)
        assert (asked.status == 0) is ("Package is up to date" in done.err), options
        return "Package is up to date" in done.err

    assert is_idle()
    for name in ("APKBUILD", "a.txt", "foo.post-install"):
        for path in repository.iterdir():
            older(path, 100)
        older(repository / "foo-1.0-r0.apk", 1)
        older(repository / "foo-doc-1.0-r0.apk", 1)
        os.utime(folder / name)
        assert place.run(folder, "up2date").status == 1, name
        assert is_idle("-k")
        assert not is_idle()
        assert is_idle()
    (repository / "foo-doc-1.0-r0.apk").unlink()
    assert not is_idle("-k")
    older(repository / "APKINDEX.tar.gz", 100)
    done = place.run(folder, "-d")
    assert "Building" not in done.err, "only the index is made anew"
    assert "Updating the main/" in done.err
    stamp = (repository / "foo-1.0-r0.apk").stat().st_mtime_ns
    place.build(folder, "-f")
    assert (repository / "foo-1.0-r0.apk").stat().st_mtime_ns > stamp


def test_changes_are_seen_at_once(place: Place) -> None:
    """Evaluations are kept; nothing that they depend on may be missed."""
    folder = place.recipe(PACKAGE + 'pkgdesc="$pkgdesc ${EXTRA:-}"\n: ${_more=}\n', subpackages="foo-x:package")
    assert place.run(folder, "listpkg").out == "foo-1.0-r0.apk\nfoo-x-1.0-r0.apk\n"
    text = (folder / "APKBUILD").read_text()
    (folder / "APKBUILD").write_text(text.replace('pkgver="1.0"', 'pkgver="1.1"'))
    assert place.run(folder, "listpkg").out == "foo-1.1-r0.apk\nfoo-x-1.1-r0.apk\n"
    (folder / "APKBUILD").write_text(text.replace('pkgrel="0"\n', ""))
    for number in ("3", "4"):
        assert place.run(folder, "listpkg", env={"pkgrel": number}).out.splitlines()[0] == f"foo-1.0-r{number}.apk"
    (folder / "APKBUILD").write_text(text.replace('pkgver="1.0"', 'pkgver="$(cat version)"'))
    for number in ("5", "6"):
        (folder / "version").write_text(number)
        assert place.run(folder, "listpkg").out.splitlines()[0] == f"foo-{number}-r0.apk"
    (folder / "APKBUILD").write_text(text.replace('pkgver="1.0"', ". ./version.sh"))
    for number in ("7", "8"):
        (folder / "version.sh").write_text(f"pkgver={number}\n")
        assert place.run(folder, "listpkg").out.splitlines()[0] == f"foo-{number}-r0.apk"


def test_a_spoilt_cache_does_no_harm(place: Place) -> None:
    folder = place.recipe(PACKAGE)
    assert place.run(folder, "listpkg").out == "foo-1.0-r0.apk\n"
    kept = [path for path in (place.home / ".cache").rglob("*") if path.is_file()]
    assert kept
    for content in (b"", b"x", kept[0].read_bytes()[:32], kept[0].read_bytes()[:-20], kept[0].read_bytes() + b"\0\0"):
        for path in kept:
            path.write_bytes(content)
        done = place.run(folder, "listpkg")
        assert (done.status, done.out) == (0, "foo-1.0-r0.apk\n"), (content, str(done))
        assert "Traceback" not in done.err
    shutil.rmtree(place.home / ".cache")
    (place.home / ".cache").write_text("a file")
    assert place.run(folder, "listpkg").out == "foo-1.0-r0.apk\n"


def test_another_architecture(place: Place) -> None:
    folder = place.recipe(PACKAGE, name="bar", arch=f"all !{place.arch}")
    done = place.build(folder)
    assert f"bar: not available for the target architecture ({place.arch}). Skipping." in done.err
    assert place.run(folder, "up2date").status == 0
    assert not place.repodest.exists() or not place.repository_bytes()
    place.build(folder, "-f")
    assert list(place.index()) == ["bar"]


# --- verbs -----------------------------------------------------------------------------------------------------------


def test_tidying_the_repository(place: Place) -> None:
    folder = place.recipe(PACKAGE, subpackages="foo-doc")
    append(folder, 'doc() { mkdir -p "$subpkgdir"; }\n')
    place.build(folder)
    text = (folder / "APKBUILD").read_text()
    (folder / "APKBUILD").write_text(text.replace('pkgver="1.0"', 'pkgver="2.0"'))
    place.build(folder)
    place.build(place.recipe(PACKAGE, name="foo-bar"))
    assert place.run(folder, "listpkg").out == "foo-2.0-r0.apk\nfoo-doc-2.0-r0.apk\n"
    done = place.run(folder, "cleanoldpkg")
    assert done.status == 0
    assert "Cleaning" in done.err
    assert sorted(path.name for path in place.repository().glob("*.apk")) == [
        "foo-2.0-r0.apk",
        "foo-bar-1.0-r0.apk",
        "foo-doc-2.0-r0.apk",
    ]
    assert sorted(entry.file_name for entry in place.index().values()) == [
        "foo-2.0-r0.apk",
        "foo-bar-1.0-r0.apk",
        "foo-doc-2.0-r0.apk",
    ]
    assert place.run(folder, "cleanpkg").status == 0
    assert [path.name for path in place.repository().glob("*.apk")] == ["foo-bar-1.0-r0.apk"]
    (place.repository() / "foo-bar-1.0-r0.apk").unlink()
    assert place.run(folder, "index").status == 0
    assert place.index() == {}


def test_cleaning_the_cache(place: Place) -> None:
    path, line = place.archive("foo-1.0.tar.gz", {"a": b"x"})
    folder = place.recipe(
        PACKAGE, source=f"local.txt https://example.invalid/{path.name}", sums=line, extra={"local.txt": ""}
    )
    (place.base / "distfiles/other").touch()
    done = place.run(folder, "cleancache")
    assert (done.status, done.err) == (0, f">>> foo: Cleaning downloaded {path.name}\n")
    assert [p.name for p in (place.base / "distfiles").iterdir()] == ["other"]
    assert (folder / "local.txt").exists()


def test_writing_checksums(place: Place) -> None:
    path, _ = place.archive("foo-1.0.tar.gz", {"a": b"x"})
    folder = place.recipe(PACKAGE, source=f"https://example.invalid/{path.name} b.txt", extra={"b.txt": "text\n"})
    append(folder, '\n# the end\nsha512sums="\nabc  old\n"\n# really')
    before = (folder / "APKBUILD").read_text()
    assert place.run(folder, "checksum").status == 0
    text = (folder / "APKBUILD").read_text()
    sums = "".join(
        f"{hashlib.sha512(file.read_bytes()).hexdigest()}  {file.name}\n" for file in (path, folder / "b.txt")
    )
    assert f'sha512sums="\n{sums}"\n' in text
    assert "abc  old" not in text
    assert text.startswith(before.split("\nsha512sums")[0])
    assert place.build(folder).status == 0
    place.run(folder, "checksum")
    assert (folder / "APKBUILD").read_text() == text, "doing it again changes nothing"
    (folder / "b.txt").write_text("other")
    assert place.run(folder, "checksum", "verify").status == 0, "verbs that follow know the new ones"


def test_checksums_without_sources(place: Place) -> None:
    folder = place.recipe(PACKAGE)
    assert place.run(folder, "checksum").err == ""
    append(folder, 'sha512sums="abc  old"\n')
    done = place.run(folder, "checksum")
    assert (done.status, done.err) == (0, f">>> foo: Removing checksums from {folder}/APKBUILD\n")
    assert "abc" not in (folder / "APKBUILD").read_text()


def test_two_sources_of_one_name(place: Place) -> None:
    folder = place.recipe(PACKAGE, source="https://example.invalid/1/a.tar https://example.invalid/2/a.tar")
    done = place.run(folder, "checksum")
    assert done.status == 1
    assert "duplicate found" in done.errors[0]


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A web server that has one file; its address, and what was asked of it."""
    asked: list[str] = []

    class Handler(Quiet):
        def do_HEAD(self) -> None:
            self.answer(False)

        def do_GET(self) -> None:
            self.answer(True)

        def answer(self, body: bool) -> None:
            asked.append(f"{self.command} {self.path}")
            there = self.path.endswith("/there.txt")
            self.send_response(200 if there else 404)
            self.send_header("Content-Length", "6" if there else "0")
            self.end_headers()
            if body and there:
                self.wfile.write(b"there\n")

    with answering(Handler) as address:
        yield address, asked


def test_fetching(place: Place, server: tuple[str, list[str]]) -> None:
    address, asked = server
    digest = hashlib.sha512(b"there\n").hexdigest()
    folder = place.recipe(PACKAGE, source=f"renamed.txt::{address}/there.txt", sums=f"{digest}  renamed.txt\n")
    done = place.build(folder, "fetch")
    assert "renamed.txt: OK" in done.out
    assert f"Fetching renamed.txt::{address}/there.txt" in done.err
    assert (folder / "src/renamed.txt").is_symlink()
    assert (folder / "src/renamed.txt").read_text() == "there\n"
    place.build(folder)
    assert asked == ["GET /there.txt"], "once is enough"
    assert place.run(folder, "sourcecheck").status == 0
    place.build(folder, "cleancache")
    done = place.build(folder, "verify", env={"DISTFILES_MIRROR": f"{address}/mirror"})
    assert asked[-2:] == ["GET /mirror/renamed.txt", "GET /there.txt"], asked
    missing = place.recipe(PACKAGE, name="bar", source=f"{address}/gone.txt", sums=f"{digest}  gone.txt\n")
    assert place.run(missing, "sourcecheck").status == 1
    done = place.run(missing, "fetch")
    assert done.status == 1
    assert "404" in done.errors[0]


def test_dependencies_without_apk(place: Place) -> None:
    folder = place.recipe(PACKAGE, makedepends="something")
    for words in ([], ["-r"], ["deps"]):
        done = place.run(folder, *words)
        assert done.status == 1, str(done)
        assert len(done.errors) == 1
        assert "apk: not found" in done.errors[0]
        assert "-d" in done.err
    place.build(folder)


def test_dependencies_with_apk(place: Place) -> None:
    """A stand-in for apk writes down what is asked of it."""
    log = place.base / "log"
    programs = place.base / "bin"
    programs.mkdir()
    fake = programs / "apk"
    fake.write_text(
        f"""#!/bin/sh
        echo "$*" >>{log}
        case "$*" in
        *print-arch*) echo x86_64 ;;
        *installed* | *info*) exit 1 ;;
        esac
        """
    )
    fake.chmod(0o755)
    folder = place.recipe(PACKAGE, depends="run", makedepends="make>1", checkdepends="test", options="")
    env = {"PATH": f"{programs}:{PATH}", "SUDO_APK": str(fake)}
    done = place.run(folder, "deps", env=env)
    assert done.status == 0, str(done)
    asked = log.read_text()
    assert re.search(r"add .*--virtual \.makedepends-foo .*run.*make>1.*test", asked), asked
    assert f"--repository {place.repodest}/main" in asked
    assert "Installing for build: build-base run make>1 test" in done.err
    log.unlink()
    done = place.run(folder, "undeps", env=env)
    assert re.search(r"del .*\.makedepends-foo", log.read_text())


# --- several at once -------------------------------------------------------------------------------------------------


def test_builds_at_the_same_time_lose_nothing(place: Place) -> None:
    names = [f"p{number}" for number in range(6)]
    started = [place.start(place.recipe(PACKAGE, name=name), "-d") for name in names]
    for process in started:
        done = finish(process)
        assert done.status == 0, str(done)
    assert sorted(place.index()) == names


def test_messages_have_abuilds_form(place: Place) -> None:
    folder = place.recipe(PACKAGE, subpackages="foo-doc")
    append(folder, 'doc() { mkdir -p "$subpkgdir"; }\n')
    done = place.build(folder)
    lines = done.err.splitlines()
    assert re.fullmatch(
        r">>> foo: Building main/foo 1\.0-r0 \(using abuild \d+\.\d+\.\d+.*\) started \w{3}, .* [+-]\d{4}", lines[0]
    )
    for line in (
        f">>> foo: Validating {folder}/APKBUILD...",
        ">>> foo: Cleaning up srcdir",
        ">>> foo: Entering fakeroot...",
        ">>> foo-doc*: Running split function doc...",
        ">>> foo-doc*: Preparing subpackage foo-doc...",
        ">>> foo*: Preparing package foo...",
        ">>> foo*: Running postcheck for foo",
        ">>> foo*: Tracing dependencies...",
        ">>> foo*: Package size: 1.0 B",
        ">>> foo*: Compressing data...",
        ">>> foo*: Create checksum...",
        ">>> foo*: Create foo-1.0-r0.apk",
        f">>> foo: Updating the main/{place.arch} repository index...",
        ">>> foo: Signing the index...",
    ):
        assert line in lines, line
    assert any(re.fullmatch(r">>> foo: Build complete at .* elapsed time 0h 0m \d+s", line) for line in lines)


def test_the_key_is_found_by_its_name_in_the_signature(place: Place) -> None:
    folder = place.recipe(PACKAGE)
    place.configure(f"PACKAGER_PRIVKEY={place.key}\nPACKAGER_PUBKEY=/elsewhere/another-name.rsa.pub\n")
    place.build(folder)
    [signature] = read_signatures(place.repository() / "foo-1.0-r0.apk")
    assert signature == ("RSA", "another-name.rsa.pub")
    [signature] = read_signatures(place.repository() / "APKINDEX.tar.gz")
    assert signature == ("RSA", "another-name.rsa.pub")


def read_signatures(path: Path) -> list[tuple[str, str]]:
    """Kinds and key names of a file's signatures."""
    from abuildpy.repository import apkfile

    return [(signature.kind, signature.key) for signature in apkfile.signatures_of(path)[0]]


def test_nohup_lets_it_live(place: Place) -> None:
    folder = place.recipe('build() { touch "$srcdir"/mark; sleep 1; }\n' + PACKAGE)
    process = subprocess.Popen(
        ["/bin/sh", "-c", "trap '' HUP; exec \"$@\"", "sh", *place.command("-d")],
        cwd=folder,
        env=place.environment,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    while not (folder / "src/mark").exists() and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(1)
    done = finish(process)
    assert done.status == 0, str(done)
    assert list(place.index()) == ["foo"]
