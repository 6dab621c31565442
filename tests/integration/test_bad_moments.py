# SPDX-License-Identifier: GPL-3.0-or-later
"""Phases that fail, and builds that are interrupted, killed, or two at once: one clear message, and nothing broken."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from badkit import PACKAGE, is_shell, left_in, replace
from buildkit import (
    Place,
    child_pids,
    finish,
    processes_with,
    running,
    session_pids,
    wait_for,
)

pytest_plugins = ["buildfixtures"]


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
        shells = [pid for pid in child_pids(process.pid) if is_shell(pid, "driver.sh")]
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
