# SPDX-License-Identifier: GPL-3.0-or-later
"""What a user is left with when a function of a recipe fails: a message, logs, ``abuildpy why`` and ``abuildpy shell``."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from buildkit import Done, Place, child_pids, finish, wait_for

pytest_plugins = ["buildfixtures"]

UMBRELLA = "abuildpy.cli.umbrella"
PREPARE = "prepare() {\ndefault_prepare\necho preparing\n}\n"
PACKAGE = 'package() {\nmkdir -p "$pkgdir"\necho packing\n}\n'
BROKEN = f"""{PREPARE}
build() {{
export PASSED_ON=yes
echo "error.c: 0 errors"
echo 'foo.c:3:5: error: expected expression' >&2
echo "make: *** [Makefile:7: foo.o] Error 1" >&2
return 3
}}
{PACKAGE}"""


def logs(place: Place) -> dict[str, bytes]:
    """All logs of the only recipe that was built."""
    base = place.home / ".local/state/abuildpy/logs"
    (folder,) = base.iterdir()
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def say(place: Place, folder: Path | None, *words: str, **how: object) -> Done:
    """Runs ``abuildpy``."""
    return place.run(folder, *words, module=UMBRELLA, **how)


def test_message(place: Place, sandbox: str) -> None:
    folder = place.recipe(BROKEN)
    done = place.fails(folder, sandbox)
    _, message = done.err.split(">>> ERROR: foo: build failed\n")
    lines = [line.removeprefix(" " * 11) for line in message.splitlines()]
    assert lines[0] == f"it ended with status 3; its tree is kept in {folder}/src for looking"
    assert lines[1:5] == [
        "first error (line 2, compile-error): foo.c:3:5: error: expected expression",
        "      1 | error.c: 0 errors",
        ">     2 | foo.c:3:5: error: expected expression",
        "      3 | make: *** [Makefile:7: foo.o] Error 1",
    ]
    assert lines[5].startswith("likely cause: the compiler refuses")
    assert lines[6].startswith("next step: ")
    assert lines[7] == f"log: {next((place.home / '.local/state/abuildpy/logs').iterdir())}/build.log"
    assert len(lines) == 8  # nothing of the network, which has to do with nothing here


def test_without_any_word_there_is_only_the_hint(place: Place) -> None:
    done = place.fails(place.recipe(f"build() {{ false; }}\n{PACKAGE}"))
    assert "first error" not in done.err
    assert done.err.endswith("or use --net=always\n")


def test_logs(place: Place, sandbox: str) -> None:
    folder = place.recipe(BROKEN)
    place.fails(folder, sandbox)
    found = logs(place)
    assert found["prepare.log"] == b"preparing\n"
    assert found["build.log"].splitlines()[0] == b"error.c: 0 errors"
    assert found["failed"] == b"build\n3\nbuild.log\n"
    assert "package.log" not in found
    text = (folder / "APKBUILD").read_text()
    (folder / "APKBUILD").write_text(text.replace("return 3", "echo built"))
    place.build(folder, sandbox)
    found = logs(place)
    assert "failed" not in found
    assert b"built\n" in found["build.log"]
    assert found["package.log"].startswith(b"packing\n>>> foo*: Preparing package foo...\n")


def test_logs_of_splits(place: Place) -> None:
    functions = f'{PACKAGE}\nlibs() {{\nmkdir -p "$subpkgdir"\necho splitting >&2\nno-such-program\n}}\n'
    folder = place.recipe(functions, subpackages="foo-libs")
    done = place.fails(folder, errors=2)
    found = logs(place)
    assert b"splitting\n" in found["foo-libs.libs.log"]
    assert b"splitting\n" not in found["package.log"]
    assert found["failed"] == b"libs\n127\nfoo-libs.libs.log\n"
    assert "missing-program" in done.err
    inside = say(place, folder, "shell", "-c", "echo $subpkgname $PWD; id -u")
    assert inside.out == f"foo-libs {folder}/pkg/foo\n0\n"


def test_a_phase_cannot_reach_its_log(place: Place, walls: None) -> None:
    state = place.home / ".local/state"
    place.build(place.recipe(f"build() {{\nls -A {state} >&2 || echo none >&2\n}}\n{PACKAGE}"))
    assert logs(place)["build.log"].endswith(b"none\n")


def test_every_line_is_in_the_log_of_who_wrote_it(place: Place) -> None:
    """Also the last one of a function and the first of the next, with nothing between them."""
    functions = "".join(f"{name}() {{ echo {name} begins; echo {name} ends >&2; }}\n" for name in ("prepare", "build"))
    folder = place.recipe(f"{functions}check() {{ echo checks; }}\n{PACKAGE}", options="")
    for _ in range(3):
        place.build(folder, "-f", stdout=subprocess.PIPE)
        found = logs(place)
        assert found["prepare.log"] == b"prepare begins\nprepare ends\n"
        assert found["build.log"] == b"build begins\nbuild ends\n"
        assert found["check.log"] == b"checks\n"


def test_output_comes_through_as_it_is(place: Place, sandbox: str) -> None:
    printing = r"printf 'a\033[1mb\r\377\000c'; [ -t 1 ] || printf pipe; sleep 0.1; printf d"
    done = place.start(place.recipe(f"build() {{ {printing}; }}\n{PACKAGE}"), "-d", sandbox)
    out, _ = done.communicate(timeout=120)
    assert out == b"a\033[1mb\r\377\0cpipedpacking\n"
    assert logs(place)["build.log"] == b"a\033[1mb\r\377\0cpiped"


def test_output_is_live(place: Place) -> None:
    go = place.aports / "main/foo/go"
    functions = f"build() {{\necho waiting\nwhile ! [ -e {go} ]; do sleep 0.05; done\necho went\n}}\n{PACKAGE}"
    process = place.start(place.recipe(functions), "-d")
    assert process.stdout is not None
    assert process.stdout.readline() == b"waiting\n"
    go.write_text("")
    assert finish(process).out == "went\npacking\n"


@pytest.fixture
def terminal() -> Sequence[int]:
    return pty.openpty()


def _read_all(descriptor: int, process: subprocess.Popen[bytes]) -> str:
    import select

    text = b""
    while True:
        if select.select([descriptor], [], [], 0.2)[0]:
            text += os.read(descriptor, 1 << 16)
        elif process.poll() is not None:
            return text.decode()


def test_on_a_terminal_programs_see_one(place: Place, sandbox: str, terminal: Sequence[int]) -> None:
    ours, theirs = terminal
    folder = place.recipe(f"build() {{\n[ -t 1 ] && [ -t 2 ] && echo both\nfoo.c:1:1; }}\n{PACKAGE}")
    command = [*place.command("-d", "-c", sandbox)]
    environment = {**place.environment, "TERM": "xterm"}
    process = subprocess.Popen(
        command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs
    )
    text = _read_all(ours, process)
    assert "both\r\n" in text
    assert "\033[1;31m" in text.partition("build")[2]
    assert re.search(r"\033\[1mlikely cause: \033\[0m", text)
    assert "\r\r\n" not in text


def test_why(place: Place) -> None:
    folder = place.recipe(BROKEN)
    nothing = say(place, folder, "why")
    assert (nothing.status, nothing.errors) == (1, [f"no failed build of {folder} is known"])
    place.fails(folder)
    done = say(place, folder, "why")
    assert (done.status, done.err) == (0, "")
    assert done.out.startswith("first error (line 2, compile-error): foo.c:3:5: error: expected expression\n")
    told = json.loads(say(place, None, "why", "--json", str(folder)).out)
    assert (told["kind"], told["number"], told["file"], told["line"]) == ("compile-error", 2, "foo.c", 3)
    assert say(place, None, "why", told["log"]).out == done.out
    empty = place.base / "empty"
    empty.write_text("")
    assert say(place, None, "why", str(empty)).status == 1
    assert json.loads(say(place, None, "why", "--json", str(empty)).out)["found"] is False
    assert say(place, None, "why", str(place.base)).status == 1
    assert say(place, None, "why", str(place.base / "nothing")).status == 1


def test_why_names_the_package_that_an_index_knows(place: Place) -> None:
    database = place.base / "root/lib/apk/db"
    database.mkdir(parents=True)
    (database / "installed").write_text(
        "C:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\nP:knot-dev\nV:1-r0\nA:noarch\nF:usr/include/knot\nR:knot.h\n\n"
    )
    log = place.base / "log"
    log.write_text("a.c:1:10: fatal error: knot/knot.h: No such file or directory\n")
    environment = {"APK": f"apk --root {place.base}/root", "CBUILD": "x86_64-alpine-linux-musl"}
    told = json.loads(say(place, None, "why", "--json", str(log), env=environment).out)
    assert told["packages"] == ["knot-dev"]
    assert "knot-dev" in told["next_step"]


def test_shell(place: Place, sandbox: str) -> None:
    folder = place.recipe(BROKEN)
    early = say(place, folder, "shell", sandbox, "-c", "pwd")
    assert (early.status, early.errors) == (1, [f"foo: there is no work folder yet: {folder}/src"]) or early.errors == [
        f"there is no work folder yet: {folder}/src"
    ]
    place.fails(folder, sandbox)
    (folder / "src/left").write_text("as it was")
    look = "pwd; cat left; echo; echo $pkgname $startdir; id -u; [ -w src ] || [ -w . ] && echo writable"
    done = say(place, folder, "shell", sandbox, "-c", look)
    assert done.status == 0, str(done)
    assert done.out.splitlines()[:3] == [f"{folder}/src", "as it was", f"foo {folder}"]
    assert done.out.splitlines()[3] != "0" or os.getuid() == 0
    assert done.out.endswith("writable\n")
    assert say(place, folder, "shell", sandbox, "-c", "exit 7").status == 7
    assert say(place, folder, "shell", sandbox, "-c", "kill -9 $$").status == 137
    again = say(place, folder, "shell", sandbox, "-c", "build; echo goes on after $?")
    assert again.out == "error.c: 0 errors\ngoes on after 3\n"
    assert "foo.c:3:5" in again.err
    assert logs(place)["failed"] == b"build\n3\nbuild.log\n"


def test_shell_reads_standard_input(place: Place) -> None:
    folder = place.recipe(BROKEN)
    place.fails(folder)
    process = place.start(folder, "shell", "prepare", module=UMBRELLA, stdin=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(b"prepare\nfalse\necho still\nexit 4\n")
    process.stdin.close()
    process.stdin = None
    done = finish(process)
    assert (done.status, done.out) == (4, "preparing\nstill\n")


def test_shell_for_packaging(place: Place) -> None:
    functions = BROKEN.replace("return 3", "").replace("echo packing", "false")
    folder = place.recipe(functions)
    place.fails(folder)
    done = say(place, folder, "shell", "-c", "id -u; echo $PASSED_ON; touch x; chown 12:34 x; stat -c %u:%g x")
    assert done.out == "0\nyes\n12:34\n"


def test_shell_refuses_what_is_not_there(place: Place) -> None:
    folder = place.recipe(BROKEN)
    place.fails(folder)
    assert "has no function nothing" in say(place, folder, "shell", "nothing").errors[0]
    assert say(place, folder, "shell", "--net=maybe").status == 2
    assert say(place, place.base, "shell").status == 1


def test_shell_has_the_walls(place: Place, walls: None) -> None:
    folder = place.recipe(BROKEN)
    place.fails(folder)
    done = say(
        place, folder, "shell", "-c", f"cat {place.key}; touch {folder}/x; ls /proc/1/root/etc; cat /proc/net/dev"
    )
    assert "PRIVATE" not in done.out
    assert not (folder / "x").exists()
    assert "eth" not in done.out


def test_shell_on_a_terminal(place: Place, sandbox: str, terminal: Sequence[int]) -> None:
    ours, theirs = terminal
    folder = place.recipe(BROKEN)
    place.fails(folder)
    process = subprocess.Popen(
        place.command("shell", sandbox, module=UMBRELLA),
        cwd=folder,
        env={**place.environment, "TERM": "dumb"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    shown = b""

    def sees(text: bytes) -> bool:
        nonlocal shown
        import select

        while select.select([ours], [], [], 0.05)[0]:
            shown += os.read(ours, 1 << 16)
        return text in shown

    wait_for(lambda: sees(b"foo build:"), "a prompt")
    os.write(ours, b"build\r")
    wait_for(lambda: sees(b"expected expression"), "what build says")
    os.write(ours, b"echo $?-went on\r")
    wait_for(lambda: sees(b"3-went on"), "the next command")
    os.write(ours, b"sleep 1000\r")
    wait_for(
        lambda: any(b"sleep" in Path(f"/proc/{pid}/cmdline").read_bytes() for pid in child_pids(process.pid)), "it"
    )
    os.write(ours, b"\x03")
    os.write(ours, b"exit 9\r")
    wait_for(lambda: sees(b"\0") or process.poll() is not None, "its end")
    assert process.wait() == 9
    assert b"not found" not in shown
