# SPDX-License-Identifier: GPL-3.0-or-later
"""Bad recipes, bad sources, bad machines, bad moments: each ends with status 1, one clear message, and nothing broken."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import subprocess
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from buildkit import (
    Done,
    Place,
    child_pids,
    finish,
    processes_with,
    running,
    session_pids,
    wait_for,
)
from loopback import Quiet, answering

from abuildpy.records.names import SUFFIXES

pytest_plugins = ["buildfixtures"]

PACKAGE = 'package() { mkdir -p "$pkgdir"/usr/share/foo; echo > "$pkgdir"/usr/share/foo/a; }\n'


def append(folder: Path, text: str) -> None:
    """Adds to a recipe."""
    with open(folder / "APKBUILD", "a", encoding="utf-8") as file:
        file.write(text)


def replace(folder: Path, old: str, new: str) -> None:
    """Changes a recipe."""
    text = (folder / "APKBUILD").read_text()
    assert old in text
    (folder / "APKBUILD").write_text(text.replace(old, new))


def left_in(repository: Path) -> list[str]:
    """What lies in a repository and is no package, no index, and no record of one that is there."""
    found = [p for p in repository.rglob("*") if p.is_file() and p.suffix != ".apk" and p.name not in KNOWN]
    records = {p for p in found for suffix in SUFFIXES if p.with_name(f"{p.name.removesuffix(suffix)}.apk").is_file()}
    return [p.name for p in found if p not in records]


KNOWN = {"APKINDEX.tar.gz", ".abuildpy.lock"}


# --- recipes ---------------------------------------------------------------------------------------------------------


def test_no_recipe(stocked: Place) -> None:
    done = stocked.fails(stocked.aports)
    assert done.errors == [f"Could not find ./APKBUILD (PWD={stocked.aports})"]
    assert "folder of an aport" in done.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('if true; then\n\techo "x"\n', r"APKBUILD:\d+: .*(end of file|EOF).*"),
        ("build() {\n\tfor x in; do\n}\n", r"APKBUILD:\d+: .*unexpected \"}\".*"),
        ("\nexit 0\n", r"APKBUILD:\d+: the recipe ends the shell with `exit 0`"),
        ("\nexit 7\n", r"APKBUILD:\d+: the recipe ends the shell with `exit 7`"),
        ("\nfalse\n", r"APKBUILD:\d+: `false` failed with status 1 .*"),
        ("\nno_such_command --x\n", r"APKBUILD:\d+: `no_such_command --x` failed with status 127 .*"),
        ("\n. /no/such/file\n", r"APKBUILD:\d+: .*failed with status \d+.*"),
        ("\nkill -KILL $$\n", r"APKBUILD.*signal 9.*"),
    ],
)
def test_a_recipe_that_cannot_be_read(stocked: Place, text: str, says: str) -> None:
    folder = stocked.recipe(PACKAGE)
    append(folder, text)
    line = len((folder / "APKBUILD").read_text().rstrip("\n").split("\n"))
    done = stocked.fails(folder)
    assert re.search(says, done.errors[0]), str(done)
    named = re.search(r"APKBUILD:(\d+)", done.errors[0])
    if named:
        assert abs(int(named[1]) - line) <= 1, str(done)
    assert not (folder / "src").exists()


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('pkgver="1.0"\n', "", "pkgver"),
        ('pkgver="1.0"', 'pkgver="../../1.0"', "1.0"),
        ('pkgver="1.0"', 'pkgver="1.0p1"', "version"),
        ('pkgrel="0"', 'pkgrel="x"', "pkgrel"),
        ('pkgname="foo"', 'pkgname="../evil"', "../evil"),
        ('pkgname="foo"', 'pkgname="foo\nbar"', "foo"),
        ('pkgname="foo"', 'pkgname=""', "name"),
        ('options="!check"', 'subpackages="../evil:x"', "../evil"),
        ('options="!check"', 'subpackages="foo-sub"', "sub"),
        ('options="!check"', 'subpackages="foo-doc::sparc"', "sparc"),
        ('options="!check"', 'install="foo.post-install"', "foo.post-install"),
        ('options="!check"', 'triggers="foo.trigger=/x"', "foo.trigger"),
        ("package()", "packing()", "package"),
        ('license="MIT"\n', "", "license"),
    ],
)
@pytest.mark.parametrize("verb", ["all", "rootpkg"])
def test_a_recipe_that_breaks_a_rule(stocked: Place, old: str, new: str, says: str, verb: str) -> None:
    if verb == "rootpkg" and (new in ('pkgver="1.0p1"', 'pkgrel="x"') or "license" in old):
        pytest.skip("only validate looks at that")
    folder = stocked.recipe(PACKAGE)
    replace(folder, old, new)
    outside = sorted(stocked.base.rglob("*evil*"))
    done = stocked.fails(folder, verb)
    assert says in " ".join(done.errors) + done.err, str(done)
    assert sorted(stocked.base.rglob("*evil*")) == outside


def test_a_recipe_that_never_ends(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE)
    append(folder, "while :; do :; done\n")
    process = stocked.start(folder, "-d")
    wait_for(lambda: any(_is_shell(pid, "evaluate.sh") for pid in child_pids(process.pid)), "the shell")
    process.send_signal(signal.SIGINT)
    done = finish(process, 20)
    assert (done.status, done.errors) == (1, ["Aborted by user"])


def _is_shell(pid: int, script: str) -> bool:
    """Whether a process is BusyBox ash running one of our scripts."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"busybox" in words[0] and any(word.endswith(script.encode()) for word in words[:4])


def test_a_recipe_that_meddles_with_our_descriptors(stocked: Place) -> None:
    folder = stocked.recipe(
        """
        { echo garbage >&8; } 2>/dev/null || :
        { echo garbage >&9; } 2>/dev/null || :
        """
        + PACKAGE
    )
    stocked.build(folder)
    append(folder, "build() { echo garbage >&8; }\n")
    done = stocked.fails(folder, "-f")
    assert "descriptor 8" in done.errors[0]
    replace(folder, "build() { echo garbage >&8; }", "build() { echo garbage >&9 || :; read -r x <&9; }")
    # Waiting there is waiting for ever; the user can end it.
    replace(folder, "echo garbage >&9 || :;", 'touch "$srcdir"/mark;')
    with running(stocked, folder, "-f", mark=folder / "src/mark") as process:
        process.send_signal(signal.SIGINT)
        assert finish(process).errors == ["foo: Aborted by user"]


def test_forged_reports_change_nothing(stocked: Place) -> None:
    """What a function writes to the reporting descriptor counts no more than what it could say anyway."""
    folder = stocked.recipe(
        r"""
        build() {
            printf '2\0environment\0export PATH='"'"/nowhere"'"'\nexport X='"'"forged"'"'\n\0' >&8
            printf '4\0failed\0bui\033ld\0notanumber\0../../x\0' >&8
        }
        """
        + PACKAGE
    )
    done = stocked.fails(folder)
    assert "failed" in done.errors[0]


def test_huge_output_and_binary_output_pass_through(place: Place) -> None:
    folder = place.recipe(
        r"""
        build() { head -c 3000000 /dev/zero | tr '\0' x; printf '\377\376\0\033[31m'; head -c 300000 /dev/zero >&2; }
        """
        + PACKAGE
    )
    done = place.build(folder)
    assert done.out.count("x") >= 3000000


def test_a_huge_recipe_environment(place: Place) -> None:
    folder = place.recipe('build() { export BIG="$(head -c 100000 /dev/zero | tr "\\0" y)"; }\n' + PACKAGE)
    place.build(folder)


def test_something_left_behind_that_holds_the_output_open(place: Place, sandbox: str) -> None:
    mark = f"7.{int.from_bytes(os.urandom(4))}"
    folder = place.recipe(f"build() {{ (trap '' HUP TERM; sleep 6000{mark}) & }}\n" + PACKAGE)
    place.build(folder, sandbox)
    wait_for(lambda: not processes_with(f"6000{mark}"), "its end", 10)


@pytest.mark.parametrize(
    ("functions", "more", "says"),
    [
        ("package() { :; }", {}, "Missing pkgdir for foo foo: rootpkg failed"),
        (
            "package() { mkdir -p $pkgdir; }\nsub() { :; }",
            {"subpackages": "foo-sub"},
            "Missing subpkgdir for foo-sub foo: rootpkg failed",
        ),
        ("package() { mkdir -p $pkgdir; exit 0; }", {}, "package failed"),
        ("package() { mkdir -p $pkgdir; false; }", {}, "package failed"),
        ("package() { mkdir -p $pkgdir; ln -s / $pkgdir/../foo-sub; }\nsub() { :; }", {"subpackages": "foo-sub"}, ""),
        ("package() { rm -rf $pkgdir; ln -s /etc $pkgdir; }", {}, ""),
        ("package() { mkdir -p $pkgdir/usr/local/bin; touch $pkgdir/usr/local/bin/x; }", {}, "/usr/local"),
        ("package() { mkdir -p $pkgdir; kill -KILL $$; }", {}, "package"),
        ("package() { mkdir -p $pkgdir; echo broken > $pkgdir/$(printf 'a\\nb'); }", {}, "newline"),
        ("package() { mkdir -p $pkgdir; depends='foo=bar=1.0-0'; }", {}, "foo=bar"),
    ],
    ids=lambda value: value[:60] if isinstance(value, str) else "",
)
def test_packaging_that_goes_wrong(stocked: Place, functions: str, more: dict[str, str], says: str) -> None:
    folder = stocked.recipe(functions + "\n", **more)  # type: ignore[arg-type]
    before = stocked.repository_bytes()
    done = stocked.run(folder, "-d")
    assert 1 <= len(done.errors) <= 2, str(done)
    stocked.assert_failed_well(done, before, errors=len(done.errors))
    assert says in " ".join(done.errors), str(done)
    assert left_in(stocked.repodest) == []
    assert (folder / "src").is_dir()


# --- sources ---------------------------------------------------------------------------------------------------------


def test_a_local_source_with_another_checksum(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE, files={"a.txt": "right\n"})
    (folder / "a.txt").write_text("wrong\n")
    done = stocked.fails(folder)
    wrong, right = (hashlib.sha512(text).hexdigest() for text in (b"wrong\n", b"right\n"))
    assert "a.txt" in done.errors[0]
    assert wrong in done.err
    assert right in done.err
    assert "abuild checksum" in done.err
    assert (folder / "a.txt").read_text() == "wrong\n", "what the user wrote is not moved away"


def test_a_download_with_another_checksum(stocked: Place) -> None:
    path, line = stocked.archive("foo-1.0.tar.gz", {"a": b"right"})
    folder = stocked.recipe(PACKAGE, source=f"https://example.invalid/{path.name}", sums=line)
    path.write_bytes(b"wrong")
    done = stocked.fails(folder)
    assert path.name in done.errors[0]
    assert not path.exists()
    aside = path.with_name(f"{path.name}.{line[:8]}")
    assert aside.read_bytes() == b"wrong"
    assert aside.name in done.err + done.out


def test_a_source_that_is_not_there(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE, files={"a.txt": "x"})
    (folder / "a.txt").unlink()
    assert "a.txt" in stocked.fails(folder).errors[0]


@pytest.fixture
def server() -> Iterator[str]:
    """A web server that ends every answer half way; the address of a file."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(b"x" * 500)

    with answering(Handler) as address:
        yield f"{address}/foo-1.0.tar.gz"


def test_a_download_that_ends_early(stocked: Place, server: str) -> None:
    folder = stocked.recipe(PACKAGE, source=server, sums=f"{'0' * 128}  foo-1.0.tar.gz\n")
    done = stocked.fails(folder)
    assert done.errors[0].endswith("the connection ended after 500 of 1000 bytes")
    distfiles = stocked.base / "distfiles"
    assert not (distfiles / "foo-1.0.tar.gz").exists(), "half a file must not look like a whole one"


def _link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


@pytest.mark.parametrize(
    "members",
    [
        {"{outside}/planted": b"x"},
        {"../../../../planted": b"x"},
        {"a/../../../../../planted": b"x"},
        {"link": "symlink {outside}", "link/planted": b"x"},
        {"link": "symlink ../../../..", "link/planted": b"x"},
        {"one": "symlink two", "two": "symlink {outside}", "one/planted": b"x"},
        {"planted": "hardlink {outside}/victim", "again": b"x"},
        {"planted": "hardlink ../../../../victim"},
        {"planted": "device"},
    ],
    ids=["absolute", "dots", "inner dots", "link", "relative link", "two links", "hard link", "dots link", "device"],
)
def test_an_archive_that_reaches_out(stocked: Place, members: dict[str, bytes | str]) -> None:
    outside = stocked.base / "outside"
    outside.mkdir(mode=0o777)
    (stocked.base / "victim").write_text("as it was")
    (outside / "victim").write_text("as it was")
    before = {path: path.read_bytes() for path in stocked.base.rglob("victim")}
    content: dict[str, bytes | tarfile.TarInfo] = {}
    for template, what in members.items():
        name = template.format(outside=outside)
        if isinstance(what, bytes):
            content[name] = what
        elif what == "device":
            info = tarfile.TarInfo(name)
            info.type = tarfile.CHRTYPE
            content[name] = info
        else:
            kind, target = what.format(outside=outside).split()
            content[name] = _link(name, target, tarfile.SYMTYPE if kind == "symlink" else tarfile.LNKTYPE)
    path, line = stocked.archive("foo-1.0.tar.gz", content)
    folder = stocked.recipe(PACKAGE, source=f"https://example.invalid/{path.name}", sums=line)
    done = stocked.fails(folder)
    assert path.name in done.errors[0], str(done)
    assert [p for p in stocked.base.rglob("planted") if folder not in p.parents] == []
    assert {path: path.read_bytes() for path in before} == before
    assert all(path.stat().st_nlink == 1 for path in before)
    assert (folder / "src").is_dir()


def test_an_archive_that_is_cut_short(stocked: Place) -> None:
    path, _ = stocked.archive("foo-1.0.tar.gz", {"a": os.urandom(5000)})
    path.write_bytes(path.read_bytes()[:3000])
    line = f"{hashlib.sha512(path.read_bytes()).hexdigest()}  {path.name}\n"
    folder = stocked.recipe(PACKAGE, source=f"https://example.invalid/{path.name}", sums=line)
    assert path.name in stocked.fails(folder).errors[0]


def test_a_patch_that_does_not_apply(stocked: Place) -> None:
    patch = "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-one\n+two\n"
    folder = stocked.recipe(PACKAGE, files={"a.patch": patch})
    done = stocked.run(folder, "-d")
    assert done.status == 1
    assert "prepare failed" in done.errors[-1]
    assert "a.patch" in done.err
    assert (folder / "src").is_dir()


def test_odd_names_of_sources_and_folders(place: Place) -> None:
    """The folder of the recipe may be called anything; a source only what can be a name in a repository."""
    base = place.aports / os.fsdecode(b"odd \xff\n'\"$(x)`")
    folder = place.recipe(
        'build() { cp a.txt b.txt; }\npackage() { install -Dm644 b.txt "$pkgdir"/usr/share/b; }\n', files={"a.txt": "x"}
    )
    base.mkdir()
    moved = base / "foo"
    folder.rename(moved)
    place.build(moved)
    [package] = place.repodest.rglob("foo-1.0-r0.apk")
    assert package.parent.parent.name == base.name
    (moved / "a b.txt").write_text("x")
    replace(moved, 'source="a.txt"', 'source="a\nb.txt"')
    assert place.run(moved, "-d").status == 1


# --- phases ----------------------------------------------------------------------------------------------------------


COMMANDS = ("false", "exit 0", "exit 42", "no-such-program", "kill -9 $$", "kill -TERM $$")


@pytest.mark.parametrize(
    ("phase", "command"),
    [
        *(("build", command) for command in COMMANDS),
        *((phase, command) for phase in ("prepare", "check", "package") for command in ("false", "kill -9 $$")),
    ],
)
def test_a_phase_that_fails(stocked: Place, phase: str, command: str) -> None:
    functions = 'package() { mkdir -p "$pkgdir"; }\n' if phase != "package" else ""
    folder = stocked.recipe(f"{functions}{phase}() {{\necho begun\n{command}\necho passed\n}}\n", options="")
    done = stocked.fails(folder)
    assert done.errors == [f"foo: {phase} failed"], str(done)
    assert "begun" in done.out
    assert "passed" not in done.out
    hint = done.err.split("ERROR: ")[1]
    expected = {
        "false": "status 1;",
        "exit 0": "status 0;",
        "exit 42": "status 42;",
        "no-such-program": "status 127;",
        "kill -9 $$": "ended by SIGKILL;",
        "kill -TERM $$": "ended by SIGTERM;",
    }
    assert expected[command] in hint, str(done)
    assert str(folder) in hint, "where to look"
    assert (folder / "src").is_dir()


def test_a_split_that_fails_names_both(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE + "sub() { false; }\n", subpackages="foo-sub")
    done = stocked.fails(folder, errors=2)
    assert done.errors == ["foo-sub*: sub failed", "foo: sub failed"]
    assert str(folder / "pkg") in done.err
    assert (folder / "pkg").is_dir()


def test_error_cleanup_is_the_users_choice(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE + "build() { false; }\n")
    stocked.configure(f"PACKAGER_PRIVKEY={stocked.key}\nERROR_CLEANUP='srcdir pkgdir tmpdir'\n")
    stocked.fails(folder)
    assert not (folder / "src").exists()


SLEEPING = {
    "prepare": "prepare() {{ {}; }}\n" + PACKAGE,
    "build": "build() {{ {}; }}\n" + PACKAGE,
    "package": 'package() {{ mkdir -p "$pkgdir"; {}; }}\n',
    "sub": PACKAGE.replace("{", "{{").replace("}", "}}") + 'sub() {{ mkdir -p "$subpkgdir"; {}; }}\n',
}


def sleeping(place: Place, phase: str) -> tuple[Path, Path, str]:
    """A recipe that sleeps in a phase after making a mark; its folder, the mark, and what its process is called."""
    name = f"3000.{int.from_bytes(os.urandom(4))}"
    text = SLEEPING[phase]
    text = text.replace("{}", f'touch "$srcdir"/mark; sleep {name}').replace("{{", "{").replace("}}", "}")
    folder = place.recipe(text, subpackages="foo-sub" if phase == "sub" else "")
    return folder, folder / "src/mark", name


@pytest.mark.parametrize("phase", ["prepare", "build", "package", "sub"])
def test_interrupted_by_the_user(stocked: Place, sandbox: str, phase: str) -> None:
    folder, mark, sleeper = sleeping(stocked, phase)
    before = stocked.repository_bytes()
    with running(stocked, folder, sandbox, mark=mark) as process:
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        done = finish(process, 30)
    stocked.assert_failed_well(done, before)
    assert done.errors[0].endswith("Aborted by user"), str(done)
    wait_for(lambda: not processes_with(sleeper), "the end of the phase", 10)
    assert mark.exists(), "src/ is kept"
    assert left_in(stocked.repodest) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_asked_to_end(stocked: Place, sandbox: str, number: signal.Signals) -> None:
    folder, mark, sleeper = sleeping(stocked, "build")
    before = stocked.repository_bytes()
    with running(stocked, folder, sandbox, mark=mark) as process:
        process.send_signal(number)
        done = finish(process, 30)
    stocked.assert_failed_well(done, before)
    wait_for(lambda: not processes_with(sleeper), "the end of the phase", 10)
    assert mark.exists()


def test_interrupted_at_any_moment(stocked: Place, sandbox: str) -> None:
    """Also while walls are built and taken down: nothing may be left, whatever the moment."""
    folder = stocked.c_recipe()
    before = stocked.repository_bytes()
    other, tmpdir = stocked.base / "other", stocked.base / "tmpdir"
    tmpdir.mkdir()
    for step in range(12):
        process = stocked.start(folder, "-d", "-f", sandbox, "-P", str(other), env={"TMPDIR": str(tmpdir)})
        wait_for(lambda: any(tmpdir.iterdir()), "its first deed")
        time.sleep(0.04 * step)
        process.send_signal(signal.SIGINT)
        done = finish(process, 30)
        assert done.status in (0, 1), f"{step}: {done}"
        assert (done.errors[-1:] == []) is (done.status == 0), f"{step}: {done}"
        assert "Traceback" not in done.err, f"{step}: {done}"
        wait_for(lambda leader=process.pid: not session_pids(leader), f"the end of everything ({step})", 10)  # type: ignore[misc]
        assert left_in(other) == [], step
        assert list(tmpdir.iterdir()) == [], step
    assert stocked.repository_bytes() == before


@pytest.mark.parametrize("phase", ["build", "package"])
def test_killed(stocked: Place, sandbox: str, phase: str) -> None:
    folder, mark, sleeper = sleeping(stocked, phase)
    before = stocked.repository_bytes()
    with running(stocked, folder, sandbox, mark=mark, env={"TMPDIR": str(stocked.base)}) as process:
        process.kill()  # leaves its folder in TMPDIR
        process.wait()
        wait_for(lambda: not processes_with(sleeper), "the end of the phase", 10)
    assert stocked.repository_bytes() == before
    assert mark.exists()
    replace(folder, f"sleep {sleeper}", ":")
    stocked.build(folder, sandbox)
    assert sorted(stocked.index()) == ["foo", "stock"]


@pytest.mark.parametrize("phase", ["build", "package", "sub"])
def test_the_phases_shell_is_killed(stocked: Place, sandbox: str, phase: str) -> None:
    folder, mark, sleeper = sleeping(stocked, phase)
    before = stocked.repository_bytes()
    with running(stocked, folder, sandbox, mark=mark) as process:
        wait_for(lambda: bool(processes_with(sleeper)), "the sleeper")
        shells = [pid for pid in child_pids(process.pid) if _is_shell(pid, "driver.sh")]
        os.kill(shells[-1], signal.SIGKILL)
        done = finish(process, 30)
    stocked.assert_failed_well(done, before, errors=len(done.errors))
    assert 1 <= len(done.errors) <= 2
    assert f"{phase} failed" in done.errors[0] or "rootpkg" in done.errors[0], str(done)
    wait_for(lambda: not processes_with(sleeper), "the end of the phase", 10)


def test_two_builds_in_one_folder(stocked: Place) -> None:
    folder, mark, _ = sleeping(stocked, "build")
    with running(stocked, folder, mark=mark) as process:
        done = stocked.fails(folder)
        assert "another build" in done.errors[0]
        assert mark.exists()
        process.send_signal(signal.SIGINT)
        finish(process)


# --- keys ------------------------------------------------------------------------------------------------------------


def test_no_key(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE + "build() { echo built; }\n")
    stocked.configure("")
    done = stocked.fails(folder)
    assert "private key" in done.errors[0].lower()
    assert "abuild-keygen" in done.err
    assert not (folder / "src").exists(), "nothing is done in vain"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "does not exist"),
        (b"", "key"),
        (b"no key at all\n", "key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "key"),
    ],
)
def test_an_unusable_key(stocked: Place, content: bytes | None, says: str) -> None:
    folder = stocked.recipe(PACKAGE)
    if content is None:
        stocked.key.unlink()
    else:
        stocked.key.write_bytes(content)
    done = stocked.fails(folder)
    assert says in done.errors[0]
    assert str(stocked.key) in done.errors[0]


SPECIAL = {"a pipe": os.mkfifo, "a device without end": lambda path: path.symlink_to("/dev/zero")}


@pytest.mark.parametrize("special", SPECIAL)
@pytest.mark.parametrize(
    ("name", "variables", "says"),
    [
        ("foo.post-install", {"install": "foo.post-install"}, "foo.post-install"),
        ("foo.trigger", {"triggers": "foo.trigger=/usr"}, "foo.trigger"),
        ("fix.patch", {"source": "fix.patch", "sums": f"{'0' * 128}  fix.patch"}, "fix.patch"),
        ("foo.initd", {"source": "foo.initd", "sums": f"{'0' * 128}  foo.initd"}, "foo.initd"),
        ("foo.zip", {"source": "foo.zip", "sums": f"{'0' * 128}  foo.zip"}, "foo.zip"),
        ("APKBUILD", {}, "APKBUILD"),
    ],
    ids=["install", "trigger", "source", "initd", "archive", "recipe"],
)
def test_files_that_are_none(stocked: Place, special: str, name: str, variables: dict[str, str], says: str) -> None:
    """Nobody waits for what a pipe may say, nor reads a device to its end."""
    folder = stocked.recipe('package() { mkdir -p "$pkgdir"/usr; echo > "$pkgdir"/usr/x; }', **variables)  # type: ignore[arg-type]
    (folder / name).unlink(missing_ok=True)
    SPECIAL[special](folder / name)
    done = stocked.fails(folder)
    assert any(says in error for error in done.errors), str(done)
    assert stocked.run(folder, "listpkg").status == (1 if name == "APKBUILD" else 0)


def test_an_unreadable_key(users_place: Place) -> None:
    folder = users_place.recipe(PACKAGE)
    users_place.key.chmod(0)
    if os.access(users_place.key, os.R_OK) and users_place.owner is None:
        pytest.skip("we can read everything")
    done = users_place.fails(folder)
    assert f"{users_place.key}: cannot read the private key: Permission denied" in done.errors[0]


def test_a_key_that_is_a_folder(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE)
    stocked.key.unlink()
    stocked.key.mkdir()
    assert str(stocked.key) in stocked.fails(folder).errors[0]


# --- disks and folders -----------------------------------------------------------------------------------------------


Lay = Callable[[Path, str], None]


def test_a_full_disk_while_a_phase_writes(stocked: Place, small_disk: Lay) -> None:
    small_disk(stocked.aports, "1m")
    folder = stocked.recipe("build() { head -c 3000000 /dev/zero > big; }\n" + PACKAGE)
    done = stocked.fails(folder)
    assert done.errors == ["foo: build failed"]
    assert "No space left on device" in done.err
    assert (folder / "src/big").exists()


def test_a_full_disk_while_unpacking(stocked: Place, small_disk: Lay) -> None:
    small_disk(stocked.aports, "1m")
    path, line = stocked.archive("foo-1.0.tar.gz", {"big": bytes(3000000)})
    folder = stocked.recipe(PACKAGE, source=f"https://example.invalid/{path.name}", sums=line)
    done = stocked.fails(folder)
    assert "No space left on device" in done.errors[0]


def test_a_full_disk_while_downloading(stocked: Place, small_disk: Lay, server: str) -> None:
    small_disk(stocked.base / "distfiles", "4k")
    (stocked.base / "distfiles/filler").write_bytes(bytes(4096))
    folder = stocked.recipe(PACKAGE, source=server, sums=f"{'0' * 128}  foo-1.0.tar.gz\n")
    done = stocked.fails(folder)
    assert "No space left on device" in done.errors[0]
    assert "SRCDEST" in done.err
    assert not (stocked.base / "distfiles/foo-1.0.tar.gz").exists()


def test_a_full_repository(stocked: Place, small_disk: Lay) -> None:
    small_disk(stocked.repodest, "200k")
    small = stocked.recipe(PACKAGE, name="small")
    stocked.build(small)
    big = stocked.recipe(
        PACKAGE + 'sub() { mkdir -p "$subpkgdir"/usr; head -c 600000 /dev/urandom > "$subpkgdir"/usr/big; }\n',
        name="big",
        subpackages="big-sub",
    )
    done = stocked.fails(big)
    assert "No space left on device" in done.errors[0]
    assert "free some space" in done.err
    assert left_in(stocked.repodest) == []
    assert sorted(stocked.index()) == ["small"]
    assert (big / "pkg").is_dir(), "kept for looking"


def test_a_full_repository_when_the_index_is_written(stocked: Place, small_disk: Lay) -> None:
    small_disk(stocked.repodest, "64k")
    folder = stocked.recipe(PACKAGE)
    stocked.build(folder)
    filler = stocked.repodest / "filler"
    with open(filler, "wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    done = stocked.fails(folder, "index")
    assert "No space left on device" in done.errors[0]
    assert left_in(stocked.repodest) == ["filler"]
    assert sorted(stocked.index()) == ["foo"]


def test_a_repository_that_cannot_be_written(users_place: Place) -> None:
    folder = users_place.recipe(PACKAGE)
    users_place.repodest.chmod(0o555)
    done = users_place.fails(folder)
    assert str(users_place.repodest) in done.errors[0]
    assert "Permission denied" in done.errors[0]
    users_place.repodest.chmod(0o755)
    users_place.build(folder)
    users_place.repository().chmod(0o555)
    done = users_place.fails(folder, "-f")
    assert "Permission denied" in done.errors[0]
    assert left_in(users_place.repodest) == []
    users_place.repository().chmod(0o755)


@pytest.mark.parametrize("where", ["", "main", "main/ARCH"])
def test_a_repository_that_is_a_file(place: Place, where: str) -> None:
    folder = place.recipe(PACKAGE)
    path = place.repodest / where.replace("ARCH", place.arch)
    if path.exists():
        path.rmdir()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("a file\n")
    done = place.run(folder, "-d")
    assert done.status == 1
    assert len(done.errors) == 1, str(done)
    assert str(path) in done.errors[0]
    assert "Traceback" not in done.err
    assert path.read_text() == "a file\n"


def test_a_damaged_index_and_a_damaged_package_in_the_repository(stocked: Place) -> None:
    (stocked.repository() / "APKINDEX.tar.gz").write_bytes(b"rubbish")
    (stocked.repository() / "broken-1.0-r0.apk").write_bytes(b"rubbish")
    folder = stocked.recipe(PACKAGE)
    done = stocked.build(folder)
    assert sorted(stocked.index()) == ["foo", "stock"]
    assert any("broken-1.0-r0.apk" in line for line in done.warnings)


def test_a_recipe_folder_that_cannot_be_written(users_place: Place) -> None:
    folder = users_place.recipe(PACKAGE)
    folder.chmod(0o555)
    done = users_place.fails(folder)
    assert str(folder) in done.errors[0]
    assert "Permission denied" in done.errors[0]
    folder.chmod(0o755)


@pytest.mark.parametrize("name", ["src", "pkg", "tmp"])
@pytest.mark.parametrize("kind", ["file", "link", "dangling"])
def test_work_folders_that_are_something_else(stocked: Place, name: str, kind: str) -> None:
    """What stands in a work folder's place is removed, never followed."""
    elsewhere = stocked.base / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("mine")
    folder = stocked.recipe(PACKAGE)
    if kind == "file":
        (folder / name).write_text("a file")
    else:
        (folder / name).symlink_to(elsewhere if kind == "link" else "/no/such/place")
    done = stocked.run(folder, "-d")
    assert "Traceback" not in done.err
    assert (elsewhere / "precious").read_text() == "mine"
    assert [p.name for p in elsewhere.iterdir()] == ["precious"]
    if done.status:
        stocked.assert_failed_well(done, {**stocked.repository_bytes()})
    else:
        assert "foo" in stocked.index()
    done = stocked.run(folder, "-d", "prepare")
    assert done.status == 0 or len(done.errors) == 1, str(done)


def test_a_work_folder_elsewhere_stays_unharmed_with_K(stocked: Place) -> None:
    elsewhere = stocked.base / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").write_text("mine")
    owner = elsewhere.stat().st_uid
    folder = stocked.recipe(PACKAGE)
    (folder / "src").symlink_to(elsewhere)
    done = stocked.run(folder, "-d", "-K")
    assert "Traceback" not in done.err
    assert (elsewhere / "precious").read_text() == "mine"
    assert elsewhere.stat().st_uid == owner
    assert done.status == 0 or len(done.errors) == 1, str(done)


def test_an_install_script_that_cannot_be_read(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE, install="foo.post-install")
    (folder / "foo.post-install").symlink_to("/no/such/file")
    assert "foo.post-install" in stocked.fails(folder).errors[0]


# --- surroundings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["yesterday", "-5", "1.5", "99999999999999999999", " "])
def test_an_impossible_source_date(stocked: Place, value: str) -> None:
    folder = stocked.recipe(PACKAGE)
    done = stocked.fails(folder, env={"SOURCE_DATE_EPOCH": value})
    assert "SOURCE_DATE_EPOCH" in done.errors[0]


def test_an_architecture_nobody_knows(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE)
    done = stocked.run(folder, "-d", env={"CARCH": "abacus"})
    assert "Traceback" not in done.err
    if done.status == 0:
        assert sorted(stocked.index(arch="abacus")) == ["foo"]
    else:
        assert "abacus" in done.errors[0], str(done)


def test_no_busybox(stocked: Place, tmp_path: Path) -> None:
    folder = stocked.recipe(PACKAGE)
    done = stocked.fails(folder, env={"PATH": str(tmp_path)})
    assert "BusyBox" in done.errors[0]
    assert "install busybox" in done.err


def test_no_home(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE)
    done = stocked.run(folder, "-d", env={"HOME": None})
    assert "Traceback" not in done.err
    assert done.status == 1, "there is no key without a home"
    assert len(done.errors) == 1
    config = str(stocked.home / ".abuild/abuild.conf")
    done = stocked.run(folder, "-d", env={"HOME": None, "ABUILD_USERCONF": config})
    assert done.status == 0, str(done)


def test_a_folder_that_is_gone(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE)
    gone = stocked.base / "gone"
    gone.mkdir()
    command = stocked.command("-d")
    done = subprocess.run(
        ["/bin/sh", "-c", 'rmdir "$PWD"; exec "$@"', "sh", *command],
        cwd=gone,
        env=stocked.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stderr.count(">>> ERROR") == 1
    done = subprocess.run(
        ["/bin/sh", "-c", 'rmdir "$PWD"; exec "$@"', "sh", *stocked.command("-d", "-C", str(folder))],
        cwd=_made(gone),
        env=stocked.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    return folder


@pytest.mark.parametrize("closed", [(0,), (1,), (0, 1)])
def test_closed_streams(place: Place, closed: tuple[int, ...]) -> None:
    folder = place.recipe("build() { :; }\n" + PACKAGE)
    process = place.start(folder, "-d", closed=closed)
    done = finish(process)
    assert "Traceback" not in done.err
    assert done.status == 0, str(done)
    assert "foo" in place.index()


def test_everything_closed(place: Place) -> None:
    folder = place.recipe("build() { :; }\n" + PACKAGE)
    done = finish(place.start(folder, "-d", closed=(0, 1, 2)))
    assert (done.status, done.out, done.err) == (0, "", "")
    assert "foo" in place.index()


def test_nobody_reads_the_output(place: Place) -> None:
    """As in ``abuild listpkg | head -1``."""
    folder = place.recipe(PACKAGE, subpackages=" ".join(f"foo-s{n}:package" for n in range(50)))
    read, write = os.pipe()
    os.close(read)
    process = place.start(folder, "listpkg", stdout=write)
    os.close(write)
    assert finish(process).err == ""


@pytest.mark.parametrize("option", ["-h", "-V", "-A"])
def test_nobody_reads_the_answer(place: Place, option: str) -> None:
    read, write = os.pipe()
    os.close(read)
    process = place.start(None, option, stdout=write)
    os.close(write)
    assert finish(process).err == ""
    done = finish(place.start(None, option, closed=(0, 1)))
    assert (done.status, done.err) == (0, "")


def test_poor_locale_with_rich_names(place: Place) -> None:
    folder = place.recipe(
        'build() { echo grün; }\npackage() { mkdir -p "$pkgdir"/usr/share/grün; touch "$pkgdir"/usr/share/grün/straße; }\n',
        pkgdesc="Größe äöü",
    )
    done = place.build(folder, env={"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"})
    assert "grün" in done.out
    assert "usr/share/grün/straße" in place.package().members
    assert place.package().info("pkgdesc") == ("Größe äöü",)


def test_options_nobody_knows(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE)
    for words in (["-@"], ["--no-such-option"], ["--sandbox=jail"], ["--net"], ["no_such_verb"], ["-C", "/no/such"]):
        done = stocked.run(folder, *words)
        assert done.status == 1, words
        assert len(done.errors) == 1, str(done)
        assert "Traceback" not in done.err


def test_broken_configuration(stocked: Place) -> None:
    folder = stocked.recipe(PACKAGE)
    for text in ("if true; then\n", "exit 3\n", "no_such_command\nfalse\nexit 1\n"):
        stocked.configure(text)
        done = stocked.run(folder, "-d", "listpkg")
        assert "Traceback" not in done.err
        assert done.status == 1, str(done)
        assert len(done.errors) == 1, str(done)
        assert "abuild.conf" in done.err, str(done)


def test_root_is_refused_without_F(place: Place) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    folder = place.recipe(PACKAGE)
    done = Done(*_plain(place, folder))
    assert done.status == 1
    assert done.errors == ["Do not run abuild as root"]


def _plain(place: Place, folder: Path) -> tuple[int, str, str]:
    command = [word for word in place.command("-d") if word != "-F"]
    done = subprocess.run(command, cwd=folder, env=place.environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr
