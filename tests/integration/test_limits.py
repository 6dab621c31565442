# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits for the recipe's functions: each ends them for its own reason, with all that they started; without one nothing ends."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest
from buildkit import Done, Place, processes_with, wait_for

from abuildpy.sandbox.delegation import find_delegation

pytest_plugins = ["buildfixtures"]

HOG = """\
#!/usr/bin/env python3
import os, sys, time
what, mark = sys.argv[1], sys.argv[2]
if what == "memory":
    kept = [bytearray(b"x") * (8 << 20) for _ in range(30)]
elif what == "shared":
    with open("/dev/shm/" + os.path.basename(mark), "wb") as file:
        file.write(b"x" * (200 << 20))
elif what == "threads":
    import threading
    try:
        for _ in range(60):
            threading.Thread(target=time.sleep, args=(600,), daemon=True).start()
    except RuntimeError:  # a control group does not let it
        pass
time.sleep(600)
"""

FORKS = "for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25; do sleep 600 & done; wait"


@pytest.fixture(params=["root", "user"])
def anyone(request: pytest.FixtureRequest) -> Place:
    """A place in which root, or an ordinary user, runs the program."""
    if request.param == "root" and os.geteuid() != 0:
        pytest.skip("needs root")
    place = request.getfixturevalue("place" if request.param == "root" else "users_place")
    assert isinstance(place, Place)
    return place


def limited(place: Place, sandbox: str, script: str, *options: str, phase: str = "build", **more: str) -> Done:
    """Builds a recipe whose phase would never end; it must end for the limit, and nothing of it may be left."""
    mark = f"hog-{place.base.name}"
    text = script.replace("HOG", 'python3 "$startdir"/hog').replace("MARK", mark)
    others = "".join(f"{name}() {{ :; }}\n" for name in ("build", "check", "package") if name != phase)
    folder = place.recipe(f"{others}{phase}() {{\n{text}\n}}", options="", extra={"hog": HOG}, **more)  # type: ignore[arg-type]
    before = place.repository_bytes()
    done = place.run(folder, "-d", sandbox, *options)
    assert done.status == 124, str(done)
    assert len(done.errors) == 1 and "Traceback" not in done.err, str(done)
    assert place.repository_bytes() == before
    assert not processes_with(mark)
    return done


def reason(done: Done) -> str:
    """The reason in the message."""
    return done.errors[0].rpartition(" was ended: ")[2]


@pytest.mark.parametrize(
    ("script", "option", "why"),
    [
        ("sleep 600", "--timeout=3", "timeout"),
        ("HOG wait MARK", "--no-output-timeout=3s", "no-output"),
        ("HOG memory MARK", "--max-memory=100M", "memory"),
        ("(HOG memory MARK &) & sleep 600", "--max-memory=100M", "memory"),
        (FORKS, "--max-processes=20", "processes"),
        ("HOG threads MARK", "--max-processes=40", "processes"),
        ("dd if=/dev/zero of=big bs=1M count=40 status=none; sleep 600", "--max-disk=20M", "disk"),
    ],
    ids=["timeout", "no-output", "memory", "detached", "processes", "threads", "disk"],
)
def test_each_limit_has_its_reason(anyone: Place, sandbox: str, script: str, option: str, why: str) -> None:
    done = limited(anyone, sandbox, script, option)
    assert reason(done) == why, str(done)
    assert "foo: build was ended" in done.errors[0], str(done)
    assert option.partition("=")[0] in done.err.split("was ended")[1], str(done)


@pytest.mark.parametrize("phase", ["check", "package"])
def test_every_phase_has_the_same_limits(place: Place, sandbox: str, phase: str) -> None:
    done = limited(place, sandbox, "sleep 600", "--timeout=5", phase=phase)
    assert f"foo: {phase} was ended: timeout" in done.errors[0], str(done)


def test_a_clean_root_of_its_own_shared_memory_counts(place: Place, walls: None) -> None:
    assert reason(limited(place, "--sandbox=bwrap", "HOG shared MARK", "--max-memory=100M")) == "memory"


def test_the_time_of_all_phases_counts_together(place: Place) -> None:
    folder = place.recipe("build() { sleep 1; }\npackage() { sleep 600; }")
    done = place.run(folder, "-d", "--sandbox=none", "--timeout=3")
    assert (done.status, "package was ended: timeout" in done.err) == (124, True), str(done)


def test_a_daemon_that_ignores_being_asked_goes_too(place: Place, sandbox: str) -> None:
    script = "(trap '' TERM HUP INT; setsid sh -c 'trap \"\" TERM; sleep 600; : MARK' & ) ; sleep 600"
    limited(place, sandbox, script, "--timeout=1")


def test_what_stays_within_its_limits_is_built(anyone: Place, sandbox: str) -> None:
    folder = anyone.recipe(
        "build() { echo to-out; echo to-err >&2; }\n"
        'package() { mkdir -p "$pkgdir"/usr/share; cd "$pkgdir"/usr/share; head -c 9999 /dev/zero >foo; chown 5:5 foo; }'
    )
    options = ("--timeout=10m", "--no-output-timeout=5m", "--max-memory=2G", "--max-processes=1000", "--max-disk=1G")
    done = anyone.build(folder, sandbox, *options)
    assert ("to-out" in done.out, "to-err" in done.err) == (True, True), str(done)
    assert anyone.package().owner("usr/share/foo")[2:] == (5, 5)


def test_a_phase_that_fails_by_itself_is_no_breach(place: Place) -> None:
    folder = place.recipe("build() { return 3; }\npackage() { :; }")
    done = place.fails(folder, "--sandbox=none", "--timeout=1h", "--no-output-timeout=1h", "--max-disk=1G")
    assert "it ended with status 3" in done.err


def test_the_configuration_sets_limits_and_the_command_line_wins(place: Place) -> None:
    place.configure(f"PACKAGER_PRIVKEY={place.key}\nABUILD_MAX_PROCESSES=20\nABUILD_NO_OUTPUT_TIMEOUT=1h\n")
    folder = place.recipe(f"build() {{\n{FORKS.replace('600', '2')}\n}}\npackage() {{ mkdir -p $pkgdir; }}")
    done = place.run(folder, "-d", "--sandbox=none")
    assert (done.status, "was ended: processes" in done.err) == (124, True), str(done)
    place.build(folder, "--sandbox=none", "--max-processes=0")


def test_a_configuration_that_makes_no_sense_is_told_before_anything_is_done(place: Place) -> None:
    place.configure(f"PACKAGER_PRIVKEY={place.key}\nABUILD_MAX_DISK=much\n")
    folder = place.recipe("build() { echo built; }\npackage() { mkdir -p $pkgdir; }")
    done = place.fails(folder, "--sandbox=none")
    assert "ABUILD_MAX_DISK takes a size such as 500M or 4G, not 'much'" in done.err
    assert "built" not in done.out
    assert place.run(folder, "--sandbox=none", "listpkg").status == 0


# --- output on its way --------------------------------------------------------------------------------------------


def test_output_is_life_and_arrives_in_order(place: Place, sandbox: str) -> None:
    """It runs for longer than it may be silent."""
    script = "for n in 1 2 3 4 5 6 7 8; do echo line-$n; sleep 0.25; echo error-$n >&2; sleep 0.25; done"
    folder = place.recipe(f"build() {{\n{script}\n}}\npackage() {{ mkdir -p $pkgdir; }}")
    done = place.build(folder, sandbox, "--no-output-timeout=3")
    assert [line for line in done.out.splitlines() if line.startswith("line-")] == [f"line-{n}" for n in range(1, 9)]
    assert [line for line in done.err.splitlines() if line.startswith("error-")] == [f"error-{n}" for n in range(1, 9)]


def test_output_may_be_opened_anew(anyone: Place, sandbox: str) -> None:
    folder = anyone.recipe(
        "build() { echo again >/dev/stdout; echo too >>/dev/stderr; }\npackage() { mkdir -p $pkgdir; }"
    )
    done = anyone.build(folder, sandbox, "--no-output-timeout=1m")
    assert ("again" in done.out, "too" in done.err) == (True, True), str(done)


def test_a_terminal_stays_one(place: Place, sandbox: str) -> None:
    folder = place.recipe(
        'build() { test -t 1 && test -t 2 && echo "one terminal"; printf "a\\nb"; }\npackage() { mkdir -p "$pkgdir"; }'
    )
    ours, theirs = pty.openpty()
    command = place.command("-d", sandbox, "--no-output-timeout=1m")
    process = subprocess.Popen(
        command, cwd=folder, env=place.environment, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True
    )
    os.close(theirs)
    said = b""
    while True:
        try:
            select.select([ours], [], [], 60)
            data = os.read(ours, 4096)
        except OSError:
            break
        if not data:
            break
        said += data
    os.close(ours)
    assert process.wait(60) == 0, said.decode()
    assert b"one terminal\r\n" in said and b"\r\r" not in said and b"a\r\nb" in said


def test_a_reader_that_goes_away_does_not_stall_the_build(place: Place) -> None:
    folder = place.recipe("build() { while :; do echo y; done; }\npackage() { mkdir -p $pkgdir; }")
    process = place.start(folder, "-d", "--sandbox=none", "--no-output-timeout=1m")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.read(1 << 16)
    process.stdout.close()
    said = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(60) == 1, said
    assert "build failed" in said and "SIGPIPE" in said


def test_the_watch_leaves_no_thread_or_descriptor_behind(tmp_path: Path) -> None:
    """Of our own: after a watch there are as many of both as before."""
    script = """
import os, sys, threading
from pathlib import Path
from abuildpy.phases.limits import Limits
from abuildpy.phases.watch import Clock, watching
from abuildpy.phases.workspace import Workspace
base = Path(sys.argv[1])
before = len(os.listdir("/proc/self/fd"))
for _ in range(3):
    pid = os.spawnlp(os.P_NOWAIT, "true", "true")
    with watching(Limits(60, 60, 1 << 30, 99, 1 << 30), Clock(), Workspace(base, base, base, base), None) as watch:
        watch.begin(pid, user=os.getuid(), enclosed=False)
        os.waitpid(pid, 0)
assert watch.breach is None
assert (threading.active_count(), len(os.listdir("/proc/self/fd"))) == (1, before)
"""
    done = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_killed_program_leaves_nothing_of_a_watched_stage(place: Place, sandbox: str) -> None:
    mark = f"hog-{place.base.name}"
    folder = place.recipe(
        f'build() {{ python3 "$startdir"/hog wait {mark}; }}\npackage() {{ mkdir -p "$pkgdir"; }}', extra={"hog": HOG}
    )
    process = place.start(folder, "-d", sandbox, "--no-output-timeout=1h", "--max-memory=1G")
    wait_for(lambda: bool(processes_with(mark)), "the phase")
    process.kill()
    process.communicate()
    wait_for(lambda: not processes_with(mark), "the phase's end", 20)


def test_a_watched_stage_has_a_control_group_as_long_as_it_lasts(place: Place, sandbox: str) -> None:
    delegation = find_delegation()
    if delegation.folder is None:
        pytest.skip(delegation.reason)
    folder = place.recipe(
        """build() { cat /proc/self/cgroup >"$startdir"/src/group; sleep 600; }\npackage() { mkdir -p "$pkgdir"; }"""
    )
    process = place.start(folder, "-d", sandbox, "--no-output-timeout=1h", "--max-memory=1G", "--max-processes=500")
    seen = folder / "src/group"
    wait_for(lambda: seen.exists() and "0::" in seen.read_text(), "the phase")
    name = seen.read_text().partition("0::")[2].splitlines()[0].rpartition("/")[2]
    groups = list(delegation.folder.glob(f"abuildpy-run-{process.pid}-*"))
    assert len(groups) == 1
    assert name == ("" if "bwrap" in sandbox else "stage")  # bubblewrap's has groups of its own
    for file, value in (("memory.max", str(1 << 30)), ("pids.max", "501" if "bwrap" in sandbox else "500")):
        if file.partition(".")[0] in delegation.controllers:
            assert (groups[0] / file).read_text() == f"{value}\n"
    process.terminate()
    process.communicate()
    assert not list(delegation.folder.glob(f"abuildpy-*-{process.pid}-*"))


def test_what_multiplies_is_held_and_ended(place: Place, sandbox: str) -> None:
    """A fork bomb, doubling until somebody looks (or ten times, so that a broken limit does not end the machine)."""
    script = "f() { [ $1 -gt 10 ] || { f $(($1 + 1)) & f $(($1 + 1)) & }; sleep 600; }; f 1"
    done = limited(place, sandbox, script, "--max-processes=100")
    assert reason(done) == "processes"


def test_a_packaging_session_that_is_ended_leaves_no_message_queue(place: Place) -> None:
    def queues() -> set[str]:
        return {line.split()[1] for line in Path("/proc/sysvipc/msg").read_text().splitlines()}

    before = queues()
    assert reason(limited(place, "--sandbox=none", "sleep 600", "--timeout=1", phase="package")) == "timeout"
    left = queues() - before  # those of other builds too: they go with these
    wait_for(lambda: not left & queues(), "the end of the queues")


def test_a_stage_cannot_raise_what_its_control_group_may_use(users_place: Place, walls: None) -> None:
    """It sees its own group, and nothing around it, in namespaces of its own; that group belongs to its user."""
    if "memory" not in find_delegation().controllers:
        pytest.skip("no control groups with limits here")
    script = "mount -t cgroup2 none /tmp/groups && ls /tmp/groups >/tmp/seen; echo max >/tmp/groups/memory.max"
    folder = users_place.recipe(
        f"""build() {{
        mkdir /tmp/groups
        unshare -UrmC sh -c '{script}' || true
        cp /tmp/seen "$startdir"/src/ || true
        python3 "$startdir"/hog memory x
        }}
        package() {{ :; }}""",
        extra={"hog": HOG},
    )
    done = users_place.run(folder, "-d", "--sandbox=bwrap", "--max-memory=100M")
    assert (done.status, reason(done)) == (124, "memory"), str(done)
    seen = folder / "src/seen"
    if seen.exists():
        assert not re.search(r"^(memory|pids)\.", seen.read_text(), re.MULTILINE)
