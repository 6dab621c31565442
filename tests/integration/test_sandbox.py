# SPDX-License-Identifier: GPL-3.0-or-later
"""Stages behind real walls, started by root and by an ordinary user (root's tests become one in a child process)."""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from buildkit import processes_with

from abuildpy.errors import SandboxError
from abuildpy.sandbox import probe
from abuildpy.sandbox.base import BuildUser, Request, Wall
from abuildpy.sandbox.bwrap import BwrapWall, drop_tools
from abuildpy.sandbox.fakeroot import find_fakeroot, parse_capabilities, parse_state, without_builder
from abuildpy.sandbox.handover import hand_over
from abuildpy.sandbox.identity import Identity, build_user
from abuildpy.sandbox.landlock import LandlockWall, landlock_version
from abuildpy.sandbox.process import find_system_program

ORDINARY = 54321  # an id without an account
RUNTIME = Path(probe.__file__).parents[1] / "phases/runtime"


class Log:
    """Remembers what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def __getattr__(self, name: str) -> Callable[[str], None]:
        return lambda text: self.said.append(f"{name}: {text}")


@dataclass
class Place:
    """One build's folders, and who works there."""

    caller: str
    base: Path
    startdir: Path

    def request(self, script: str, **changes: Any) -> Request:
        request = Request(
            argv=("/bin/sh", "-c", f"exec >src/out 2>&1\n{script}"),
            env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"},
            cwd=self.startdir,
            home=self.base / "session/home",
            tmp=self.base / "session/tmp",
            readable=(self.startdir.parent.parent,),
            writable=tuple(self.startdir / name for name in ("src", "pkg", "tmp")),
        )
        return replace(request, **changes)

    def run(self, wall: Wall, request: Request) -> tuple[int, str]:
        hand_over((*request.writable, request.home, request.tmp), wall.user)
        out = self.startdir / "src/out"
        with wall.start(request) as running:
            status = running.wait(60)
        return status, out.read_text(errors="surrogateescape") if out.exists() else ""

    def bwrap(self) -> Wall:
        wall = probe.choose("bwrap", Log(), startdir=self.startdir)
        assert isinstance(wall, BwrapWall)
        return wall

    def landlock(self) -> Wall:
        wall = probe.choose("landlock", Log(), startdir=self.startdir)
        assert isinstance(wall, LandlockWall)
        return wall

    def none(self, log: Log | None = None) -> Wall:
        return probe.choose("none", log or Log(), startdir=self.startdir)


def as_caller(caller: str, function: Callable[[], Any]) -> Any:
    """Run the function as the caller, in a child process if we have to become somebody else for that."""
    if (caller == "root") == (os.geteuid() == 0):
        return function()
    if caller == "root":
        pytest.skip("needs root")
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(ORDINARY, ORDINARY, ORDINARY)
            os.setresuid(ORDINARY, ORDINARY, ORDINARY)
            answer = pickle.dumps((True, function()))
        except BaseException as error:
            answer = pickle.dumps((False, f"{type(error).__name__}: {error}"))
        with open(write, "wb") as pipe:
            pipe.write(answer)
        os._exit(0)
    os.close(write)
    with open(read, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    fine, value = pickle.loads(answer)
    assert fine, value
    return value


@pytest.fixture(params=["user", "root"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """A build's folders below /tmp, inside the caller's home; the name has a blank, a quote and a line break."""
    base = Path(tempfile.mkdtemp(prefix="sand box'\n"))
    try:
        startdir = base / "aports/main/foo"
        for name in ("src", "pkg", "tmp"):
            (startdir / name).mkdir(parents=True)
        for name in ("home", "tmp"):
            (base / "session" / name).mkdir(parents=True)
        (base / "secret").write_text("secret")
        if request.param == "user" and os.geteuid() == 0:
            for folder, _, files in os.walk(base):
                os.chown(folder, ORDINARY, ORDINARY)
                for file in files:
                    os.chown(Path(folder, file), ORDINARY, ORDINARY)
        if request.param == "root" and os.geteuid() != 0:
            pytest.skip("needs root")
        monkeypatch.setenv("HOME", str(base))
        yield Place(request.param, base, startdir)
    finally:
        shutil.rmtree(base)


def can_sandbox(caller: str) -> str:
    """Why bubblewrap does not work here; empty if it does."""

    def check() -> str:
        return "" if probe.probe(build_user(Path("/")))[0] else probe.probe(build_user(Path("/")))[1]

    return str(as_caller(caller, check))


@pytest.fixture
def walled(place: Place) -> Place:
    """A place where bubblewrap works."""
    reason = can_sandbox(place.caller)
    if reason:
        pytest.skip(f"no bubblewrap here: {reason}")
    return place


# --- behind bubblewrap ------------------------------------------------------------------------------------------


def test_nothing_privileged_remains(walled: Place) -> None:
    script = "id -u; grep -E '^(Cap(Inh|Prm|Eff|Amb|Bnd)|NoNewPrivs|Groups)' /proc/self/status"
    status, out = as_caller(walled.caller, lambda: walled.run(walled.bwrap(), walled.request(script)))
    assert status == 0
    uid, *lines = out.splitlines()
    fields = dict(line.split(":", 1) for line in lines)
    assert uid == "65525"
    assert fields["NoNewPrivs"].strip() == "1"
    for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
        assert int(fields[name], 16) == 0, name
    if walled.caller == "root":
        assert int(fields["CapBnd"], 16) == 0
        assert fields["Groups"].strip() == ""


def test_the_walls_cannot_be_taken_down(walled: Place) -> None:
    script = """
    for try in "mount -o remount,rw /" "mount -o remount,rw,bind /" "umount /home" "mount -t tmpfs none /usr"; do
        $try 2>/dev/null && echo "BROKEN: $try"
    done
    unshare -Urm sh -c 'mount -o remount,rw,bind /; umount /home || umount -l /home; umount "$PWD"' 2>/dev/null
    unshare -Urm sh -c 'mount -o remount,rw,bind / && touch /usr/bad' 2>/dev/null && echo BROKEN
    touch /usr/bad 2>/dev/null || echo held
    """
    status, out = as_caller(walled.caller, lambda: walled.run(walled.bwrap(), walled.request(script)))
    assert (status, out) == (0, "held\n")


@pytest.mark.skipif(
    Path(probe.__file__).is_relative_to("/home/builder"),
    reason="the project lies in /home/builder, so HOME has another name inside",
)
def test_what_can_be_written_lands_on_disk_where_it_belongs(walled: Place) -> None:
    script = """
    set -e
    echo 1 >src/a; echo 2 >"$PWD/pkg/b"; echo 3 >/tmp/c; echo 4 >"$HOME/d"; echo 5 >/var/tmp/e; echo 6 >/dev/shm/f
    for bad in APKBUILD ../bar /etc/x /usr/x /home/x /root/x; do
        ! touch "$bad" 2>/dev/null || echo "BROKEN: $bad"
    done
    echo $HOME; pwd
    """
    status, out = as_caller(walled.caller, lambda: walled.run(walled.bwrap(), walled.request(script)))
    assert (status, out) == (0, f"/home/builder\n{walled.startdir}\n")
    read = [walled.startdir / "src/a", walled.startdir / "pkg/b"]
    read += [walled.base / "session" / name for name in ("tmp/c", "home/d", "tmp/e")]
    assert [path.read_text() for path in read] == ["1\n", "2\n", "3\n", "4\n", "5\n"]


@pytest.mark.skipif(
    Path(probe.__file__).is_relative_to("/home/builder"),
    reason="the project lies in /home/builder, so HOME has another name inside",
)
def test_home_and_tmp_last_from_stage_to_stage(walled: Place) -> None:
    def stages() -> tuple[int, str]:
        wall = walled.bwrap()
        walled.run(wall, walled.request('echo kept >"$HOME/x"; echo too >/tmp/y'))
        return walled.run(wall, walled.request('cat "$HOME/x" /tmp/y'))

    assert as_caller(walled.caller, stages) == (0, "kept\ntoo\n")


@pytest.mark.skipif(
    Path(probe.__file__).is_relative_to("/home/builder"),
    reason="the project lies in /home/builder, so HOME has another name inside",
)
def test_homes_sockets_and_keys_are_out_of_sight(walled: Place) -> None:
    key = walled.startdir / "key.rsa"
    key.write_text("PRIVATE")
    key.chmod(0o644)
    script = """
    cat "$0/secret" key.rsa 2>/dev/null && echo BROKEN
    ls -A /run /root; ls -A "$0"; echo $(ls -A /home)
    """
    request = walled.request(script, hidden=(key,))
    request = replace(request, argv=(*request.argv, str(walled.base)))
    status, out = as_caller(walled.caller, lambda: walled.run(walled.bwrap(), request))
    assert status == 0
    assert out == "/root:\n\n/run:\naports\nbuilder\n"


@pytest.mark.parametrize("network", [False, True])
def test_the_network_is_there_only_if_asked_for(walled: Place, network: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        script = f"""
        (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null && echo host || echo no host
        grep -q 'lo:' /proc/net/dev && echo loopback
        """
        request = walled.request("")
        request = replace(request, argv=("/bin/bash", "-c", f"exec >src/out 2>&1\n{script}"), network=network)
        if not Path("/bin/bash").exists():
            pytest.skip("needs bash")
        _, out = as_caller(walled.caller, lambda: walled.run(walled.bwrap(), request))
    assert out == ("host" if network else "no host") + "\nloopback\n"


def test_the_environment_arrives_whole_and_alone(walled: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_OUTSIDE", "1")
    env = {"PATH": "/usr/bin:/bin", "ODD": "a b\n'\"$x\\", "EMPTY": "", "LD_PRELOAD": "", "BYTES": "\udcff"}
    request = walled.request("cat /proc/self/environ", env=env)

    def run() -> bytes:
        walled.run(walled.bwrap(), request)
        return (walled.startdir / "src/out").read_bytes()

    out = as_caller(walled.caller, run)
    seen = dict(entry.split(b"=", 1) for entry in out.split(b"\0")[:-1])
    expected = {os.fsencode(name): os.fsencode(value) for name, value in env.items()} | {b"HOME": b"/home/builder"}
    assert {name: value for name, value in seen.items() if name not in (b"PWD", b"SHLVL", b"_", b"OLDPWD")} == expected


def test_a_preloaded_library_of_the_recipe_never_runs_with_roots_rights(walled: Place) -> None:
    compiler = find_system_program("cc") or find_system_program("gcc")
    if compiler is None:
        pytest.skip("needs a C compiler")
    source = walled.startdir / "evil.c"
    source.write_text(
        "#include <unistd.h>\n#include <stdio.h>\n"
        "__attribute__((constructor)) static void run(void) {\n"
        '  FILE *f = fopen("src/ids", "a"); if (f) { fprintf(f, "%d\\n", (int)getuid()); fclose(f); } }\n'
    )
    subprocess.run([compiler, "-shared", "-fPIC", "-o", "evil.so", "evil.c"], cwd=walled.startdir, check=True)
    # LD_PRELOAD is split at blanks, so the library is named relative to the current folder.
    request = walled.request("true", env={"PATH": "/usr/bin:/bin", "LD_PRELOAD": "./evil.so"})
    as_caller(walled.caller, lambda: walled.run(walled.bwrap(), request))
    assert set((walled.startdir / "src/ids").read_text().split()) == {"65525"}


def test_descriptors_arrive_under_their_numbers_and_no_others(walled: Place) -> None:
    def run() -> tuple[str, str]:
        read, write = os.pipe()
        stray = os.open("/", os.O_RDONLY)
        os.set_inheritable(stray, True)
        try:
            request = walled.request(f"echo through >&{write}; ls /proc/self/fd | tr '\\n' ' '", pass_fds=(write,))
            if write > 9:
                request = replace(request, argv=("/bin/bash", *request.argv[1:]))
            _, out = walled.run(walled.bwrap(), request)
            os.close(write)
            with open(read, "rb") as pipe:
                return pipe.read().decode(), out.replace(f" {write} ", " ")
        finally:
            os.close(stray)

    assert as_caller(walled.caller, run) == ("through\n", "0 1 2 3 ")


def test_exit_status_and_signals_are_told_apart(walled: Place) -> None:
    def run() -> list[int]:
        wall = walled.bwrap()
        return [walled.run(wall, walled.request(script))[0] for script in ("true", "exit 7", "kill -9 $$", "kill $$")]

    assert as_caller(walled.caller, run) == [0, 7, -signal.SIGKILL, -signal.SIGTERM]


def test_a_wall_that_cannot_be_built_is_no_failure_of_the_recipe(walled: Place) -> None:
    def run() -> str:
        wall = walled.bwrap()
        with pytest.raises(SandboxError) as caught:
            walled.run(wall, walled.request("true", cwd=Path("/no/such/folder")))
        return caught.value.message

    assert "could not set up" in as_caller(walled.caller, run)


def test_generated_accounts_replace_the_hosts(walled: Place) -> None:
    folder = walled.base / "session/etc"
    folder.mkdir()
    if walled.caller == "user" and os.geteuid() == 0:
        os.chown(folder, ORDINARY, ORDINARY)

    def run() -> tuple[int, str]:
        wall = walled.bwrap()
        identity = Identity.build(("minio",), ("minio",), wall.user.uid, wall.user.gid)
        request = walled.request(
            "id -un; id -u minio; id -g minio; grep -c . /etc/passwd", files=identity.write(folder)
        )
        return walled.run(wall, request)

    assert as_caller(walled.caller, run) == (0, "builder\n100\n101\n19\n")


def test_links_on_the_way_work(walled: Place) -> None:
    link = walled.base / "link"
    link.symlink_to("aports")

    def run() -> tuple[int, str]:
        startdir = link / "main/foo"
        request = walled.request("pwd -P; cat src/../marker", readable=(link,), cwd=startdir)
        request = replace(request, writable=(startdir / "src",), env={**request.env, "PWD": str(startdir)})
        return walled.run(walled.bwrap(), request)

    (walled.startdir / "marker").write_text("here\n")
    assert as_caller(walled.caller, run) == (0, f"{walled.startdir}\nhere\n")


def test_roots_own_folders_are_no_obstacle(walled: Place) -> None:
    if walled.caller != "root":
        pytest.skip("for root only")
    walled.base.chmod(0o700)
    status, out = walled.run(walled.bwrap(), walled.request('echo "$0" >"$PWD/src/x" && cat "$PWD/src/x"'))
    assert (status, out) == (0, "/bin/sh\n")


@pytest.mark.parametrize("which", range(len(drop_tools())))
def test_every_way_to_drop_root_drops_everything(walled: Place, which: int) -> None:
    if walled.caller != "root":
        pytest.skip("for root only")
    program = find_system_program("bwrap")
    assert program
    wall = BwrapWall(program, build_user(walled.startdir), drop_tool=drop_tools()[which])
    script = "grep -E '^(Cap|Uid|Gid|Groups|NoNewPrivs)' /proc/self/status | tr -s '\\t ' ' '"
    status, out = walled.run(wall, walled.request(script))
    assert status == 0
    zero = "0000000000000000"
    ids = "65525 65525 65525 65525"
    assert [line.rstrip() for line in out.splitlines()] == [
        f"Uid: {ids}",
        f"Gid: {ids}",
        "Groups:",
        *(f"Cap{name}: {zero}" for name in ("Inh", "Prm", "Eff", "Bnd", "Amb")),
        "NoNewPrivs: 1",
    ]


def test_the_lower_rung_works_too(walled: Place) -> None:
    def run() -> tuple[int, str]:
        full = walled.bwrap()
        assert isinstance(full, BwrapWall)
        wall = BwrapWall(full._program, full.user, fresh_proc=False, drop_tool=full._drop_tool)
        return walled.run(
            wall, walled.request("cat /proc/self/comm; echo x 2>/dev/null >/proc/self/oom_score_adj || echo held")
        )

    assert as_caller(walled.caller, run) == (0, "cat\nheld\n")


# --- all walls -------------------------------------------------------------------------------------------------

BEAT = "while :; do date >>src/beat; sleep 0.01; done"


@pytest.fixture(params=["bwrap", "landlock", "none"])
def wall_of(request: pytest.FixtureRequest, place: Place) -> Callable[[], Wall]:
    """Makes the wall (as the caller, later)."""
    if request.param == "bwrap":
        reason = can_sandbox(place.caller)
        if reason:
            pytest.skip(f"no bubblewrap here: {reason}")
        return place.bwrap
    if request.param == "landlock":
        if not landlock_version():
            pytest.skip("no Landlock here")
        place.base.chmod(0o755)  # nothing can be mounted below it for somebody else
        return place.landlock
    return place.none


def beats_on(place: Place) -> bool:
    """Whether the stage's heart still beats: something goes on writing."""
    beat = place.startdir / "src/beat"
    before = beat.stat().st_size
    time.sleep(0.2)
    return beat.stat().st_size != before


def test_what_a_stage_leaves_running_ends_with_it(place: Place, wall_of: Callable[[], Wall]) -> None:
    script = f"(setsid sh -c '{BEAT}' </dev/null &) ; while [ ! -s src/beat ]; do sleep 0.01; done; exit 3"

    def run() -> tuple[int, bool]:
        return place.run(wall_of(), place.request(script))[0], beats_on(place)

    assert as_caller(place.caller, run) == (3, False)


# It has no more than 60 processes, and none of them lives for longer than 20 seconds.
BOMB = """
import os, resource
assert os.getuid() != 0  # root has no limit
resource.setrlimit(resource.RLIMIT_NPROC, (60, 60))
b = "trap '' TERM; b() { trap '' TERM; while [ $SECONDS -lt 20 ]; do b & done; }; b 2>src/beat & "
b += "while [ $SECONDS -lt 1 ]; do :; done; exit 3"
os.execv("/bin/bash", ["bash", "-c", b, "MARK"])
"""


@pytest.mark.parametrize("wall_of", ["none"], indirect=True)
def test_a_fork_bomb_ends_with_its_stage(place: Place, wall_of: Callable[[], Wall]) -> None:
    python = find_system_program("python3")
    if python is None or not Path("/bin/bash").exists() or os.geteuid() != 0:
        pytest.skip("needs a python3 and a bash of the system, and users that have nothing else to do")
    place.base.chmod(0o755)
    mark = f"bomb-{os.urandom(8).hex()}"
    request = replace(place.request(""), argv=(python, "-c", BOMB.replace("MARK", mark)))

    def run() -> tuple[int, list[int]]:
        return place.run(wall_of(), request)[0], processes_with(mark)

    assert as_caller(place.caller, run) == (3, [])


def test_an_error_in_the_callers_block_ends_the_stage(place: Place, wall_of: Callable[[], Wall]) -> None:
    def run() -> bool:
        wall = wall_of()
        request = place.request(f"trap '' TERM INT HUP; (setsid sh -c 'trap \"\" TERM; {BEAT}' &); {BEAT}")
        hand_over((*request.writable, request.home, request.tmp), wall.user)
        with pytest.raises(KeyboardInterrupt), wall.start(request):
            while not (place.startdir / "src/beat").exists():
                time.sleep(0.01)
            raise KeyboardInterrupt
        return beats_on(place)

    assert as_caller(place.caller, run) is False


def test_a_stage_that_takes_too_long_can_be_told(place: Place, wall_of: Callable[[], Wall]) -> None:
    def run() -> int:
        wall = wall_of()
        request = place.request("sleep 60")
        hand_over((*request.writable, request.home, request.tmp), wall.user)
        with wall.start(request) as running:
            with pytest.raises(TimeoutError):
                running.wait(0.05)
            running.kill()
            return running.wait()

    assert as_caller(place.caller, run) in (-signal.SIGKILL, -signal.SIGTERM)


def test_a_stage_ends_with_its_caller(place: Place, wall_of: Callable[[], Wall]) -> None:
    def run() -> bool:
        wall = wall_of()
        request = place.request(BEAT)
        hand_over((*request.writable, request.home, request.tmp), wall.user)
        caller = os.fork()
        if caller == 0:
            try:
                wall.start(request)
                time.sleep(60)
            finally:
                os._exit(1)
        while not (place.startdir / "src/beat").exists():
            assert os.waitpid(caller, os.WNOHANG) == (0, 0), "the stage did not start"
            time.sleep(0.01)
        os.kill(caller, signal.SIGKILL)
        os.waitpid(caller, 0)
        return all(beats_on(place) for _ in range(50))

    assert as_caller(place.caller, run) is False


def test_stages_can_be_started_from_threads(place: Place, wall_of: Callable[[], Wall]) -> None:
    def run() -> list[int]:
        wall, statuses = wall_of(), []
        hand_over((*place.request("").writable, place.base / "session/home", place.base / "session/tmp"), wall.user)

        def one(number: int) -> None:
            with wall.start(replace(place.request(""), argv=("/bin/sh", "-c", f"exit {number}"))) as running:
                statuses.append(running.wait())

        threads = [threading.Thread(target=one, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return sorted(statuses)

    assert as_caller(place.caller, run) == [0, 1, 2, 3]


SESSION = """
. "$RUNTIME/fakeroot.sh"
if [ "$1" = outer ]; then
    fakeroot_begin "${TMPDIR:-/tmp}/fake root" || exit 2
    $ASH ./session.sh inner; status=$?
    fakeroot_end tmp/state || exit 4
    exit $status
fi
set -e
fakeroot_check
cd pkg
: >plain; : >owned; chown 5:6 owned; chmod 4755 owned
mknod dev c 1 3
cp /bin/ls 'a
b'; setcap cap_net_raw+ep 'a
b'
i=0; while [ $i -lt 200 ]; do : >n$i; chown 7 n$i; i=$((i+1)); done
find . -type f -print0 >../tmp/list
fakeroot_capabilities ../tmp/list ../tmp/capabilities
"""


def ash() -> tuple[str, ...]:
    busybox = find_system_program("busybox")
    if busybox is None:
        pytest.skip("needs busybox")
    return busybox, "ash"


def fakeroot_request(place: Place, script: str) -> Request:
    tools = find_fakeroot()
    (place.startdir / "session.sh").write_text(script)
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "RUNTIME": str(RUNTIME), "ASH": " ".join(ash())}
    request = place.request("", env=env, extra_env=tools.environment)
    return replace(
        request,
        argv=(*ash(), "-c", 'exec >src/out 2>&1; exec "$@"', "ash", *ash(), "./session.sh", "outer"),
        readable=(*request.readable, RUNTIME),
    )


@pytest.fixture
def with_fakeroot(place: Place, wall_of: Callable[[], Wall]) -> Callable[[], Wall]:
    try:
        find_fakeroot()
    except SandboxError as error:
        pytest.skip(error.message)
    if not find_system_program("setcap"):
        pytest.skip("needs setcap")
    return wall_of


def test_a_fakeroot_session_records_owners_devices_and_capabilities(
    place: Place, with_fakeroot: Callable[[], Wall]
) -> None:
    request = fakeroot_request(place, SESSION)

    def run() -> tuple[int, str, int, int]:
        wall = with_fakeroot()
        status, out = place.run(wall, request)
        return status, out, wall.user.uid, wall.user.gid

    status, out, uid, gid = as_caller(place.caller, run)
    assert (status, out) == (0, "")
    state = (place.startdir / "tmp/state").read_bytes()
    owners = without_builder(parse_state(state), uid, gid)

    def of(name: str) -> tuple[int, int] | None:
        info = (place.startdir / "pkg" / name).lstat()
        owner = owners.get((info.st_dev, info.st_ino))
        return None if owner is None else (owner.uid, owner.gid)

    assert of("owned") == (5, 6)
    assert of("plain") in (None, (0, 0))
    assert of("a\nb") == (0, 0)
    assert [of(f"n{i}") for i in range(200)] == [(7, 0)] * 200
    info = (place.startdir / "pkg/owned").lstat()
    assert owners[info.st_dev, info.st_ino].mode == 0o104755
    assert [owner.rdev for owner in parse_state(state).values() if owner.mode >> 12 == 0o2] == [(1, 3)]
    capabilities = parse_capabilities((place.startdir / "tmp/capabilities").read_bytes())
    assert {path: raw.hex() for path, raw in capabilities.items()} == {
        b"./a\nb": "0100000200200000000000000000000000000000"
    }


def test_a_recipe_that_ends_the_daemon_is_told(place: Place, with_fakeroot: Callable[[], Wall]) -> None:
    script = (
        SESSION.partition("set -e")[0] + 'kill "$ABUILDPY_FAKED_PID"; while kill -0 "$ABUILDPY_FAKED_PID"; do :; done'
    )
    request = fakeroot_request(place, script)
    status, out = as_caller(place.caller, lambda: place.run(with_fakeroot(), request))
    assert status == 4
    assert "daemon is gone" in out


def test_a_shell_that_ignores_the_library_is_told(place: Place, with_fakeroot: Callable[[], Wall]) -> None:
    script = SESSION.replace("$ASH ./session.sh inner", "LD_PRELOAD= $ASH ./session.sh inner")
    request = fakeroot_request(place, script)
    status, out = as_caller(place.caller, lambda: place.run(with_fakeroot(), request))
    if os.geteuid() == 0 and status == 0:
        pytest.skip("really root: nothing to tell")
    assert status == 1
    assert "no effect" in out


# --- choosing ---------------------------------------------------------------------------------------------------


def test_without_bubblewrap_auto_warns_once_and_bwrap_refuses(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probe, "find_system_program", lambda name: None)
    monkeypatch.setattr("abuildpy.sandbox.landlock.landlock_version", lambda: 0)
    monkeypatch.setattr("abuildpy.sandbox.landlock.absence", lambda: "no Landlock here")

    def run() -> tuple[str, list[str], str]:
        log = Log()
        wall = probe.choose("auto", log, startdir=place.startdir)
        with pytest.raises(SandboxError) as caught:
            probe.choose("bwrap", Log(), startdir=place.startdir)
        return wall.name, log.said, caught.value.message

    name, said, message = as_caller(place.caller, run)
    assert name == "none"
    assert said[0] == "warning: No sandbox: bubblewrap (bwrap) is not installed; no Landlock here"
    assert "not installed" in message


def test_without_bubblewrap_auto_takes_landlock_and_says_what_that_leaves_open(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not landlock_version():
        pytest.skip("no Landlock here")
    monkeypatch.setattr(probe, "find_system_program", lambda name: None)
    place.base.chmod(0o755)

    def run() -> tuple[str, BuildUser, list[str]]:
        log = Log()
        wall = probe.choose("auto", log, startdir=place.startdir)
        return wall.name, wall.user, log.said

    name, user, said = as_caller(place.caller, run)
    assert name == "landlock"
    assert user.drops is (place.caller == "root")
    assert (
        user.host_uid
        == user.uid
        == (65525 if place.caller == "root" else ORDINARY if os.geteuid() == 0 else os.getuid())
    )
    assert len(said) == 1
    assert said[0].startswith("warning: Sandbox: Landlock")
    assert "bubblewrap (bwrap) is not installed" in said[0]
    assert "Not held: names, sizes and times of hidden files can be seen" in said[0]


def test_what_is_required_is_had_or_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.base.chmod(0o755)
    log = Log()

    def refusal(mode: str, require: str) -> str:
        with pytest.raises(SandboxError) as caught:
            probe.choose(mode, log, startdir=place.startdir, require=require)
        return caught.value.message

    def run() -> list[str]:
        said = [refusal("none", "landlock"), refusal("none", "bwrap"), refusal("landlock", "bwrap")]
        with monkeypatch.context() as without:
            without.setattr(probe, "find_system_program", lambda name: None)
            said.append(refusal("auto", "bwrap"))
            if landlock_version():
                assert probe.choose("auto", log, startdir=place.startdir, require="landlock").name == "landlock"
            without.setattr("abuildpy.sandbox.landlock.landlock_version", lambda: 0)
            without.setattr("abuildpy.sandbox.landlock.absence", lambda: "no Landlock here")
            said.append(refusal("auto", "landlock"))
        return said

    assert as_caller(place.caller, run) == [
        "--sandbox=none is less than what is required: landlock",
        "--sandbox=none is less than what is required: bwrap",
        "--sandbox=landlock is less than what is required: bwrap",
        "bubblewrap is required and cannot be had: bubblewrap (bwrap) is not installed",
        "Landlock is required and cannot be had: bubblewrap (bwrap) is not installed; no Landlock here",
    ]


def test_better_walls_than_required_are_fine(walled: Place) -> None:
    def run() -> list[str]:
        levels = ("landlock", "bwrap")
        return [probe.choose("auto", Log(), startdir=walled.startdir, require=level).name for level in levels]

    assert as_caller(walled.caller, run) == ["bwrap", "bwrap"]


def test_landlock_refuses_what_root_could_only_build_as_root(place: Place) -> None:
    if place.caller != "root" or not landlock_version():
        pytest.skip("for root and Landlock only")
    place.base.chmod(0o700)
    with pytest.raises(SandboxError, match="user 65525, who runs recipes for root, cannot reach"):
        place.landlock()


def test_forbidden_namespaces_are_recognised(walled: Place) -> None:
    """The situation of an unprivileged container, made by allowing no more user namespaces and giving up everything."""
    if not (find_system_program("unshare") and find_system_program("setpriv")):
        pytest.skip("needs util-linux")
    root = str(Path(probe.__file__).parents[2])
    code = (
        f"import sys; sys.path.insert(0, {root!r})\n"
        "from pathlib import Path\nfrom abuildpy.sandbox.probe import probe\n"
        "from abuildpy.sandbox.base import BuildUser\n"
        "print(*probe(BuildUser(65525, 65525, 0, 0)))\n"
    )
    drop = "setpriv --no-new-privs --inh-caps=-all --bounding-set=-all --ambient-caps=-all"
    inner = f'echo 0 >/proc/sys/user/max_user_namespaces; exec {drop} "$@"'
    # Ours, and this checkout, may lie where only root gets to.
    python = find_system_program("python3") or sys.executable
    if not as_caller(walled.caller, lambda: os.access(python, os.X_OK) and os.access(f"{root}/abuildpy", os.R_OK)):
        pytest.skip(f"{walled.caller} cannot read {root}")
    command = ["unshare", "-Ur", "sh", "-c", inner, "sh", python, "-c", code]

    def run() -> str:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    out = as_caller(walled.caller, run)
    assert out.startswith("None ")
    assert "namespace" in out


def test_roots_recipe_runs_unprivileged_even_without_walls(place: Place) -> None:
    if place.caller != "root":
        pytest.skip("for root only")
    log = Log()
    place.base.chmod(0o755)
    wall = place.none(log)
    assert wall.user == BuildUser(65525, 65525, 65525, 65525, drops=True)
    status, out = place.run(wall, place.request("id -u; grep -E '^(CapBnd|CapPrm|NoNewPrivs)' /proc/self/status"))
    assert status == 0
    zero = "0000000000000000"
    assert out == f"65525\nCapPrm:\t{zero}\nCapBnd:\t{zero}\nNoNewPrivs:\t1\n"
    assert not log.said
    place.base.chmod(0o700)
    assert place.none(log).user.uid == 0
    assert len(log.said) == 1 and "runs as root" in log.said[0]


def test_without_walls_home_and_tmpdir_still_are_the_builds(place: Place) -> None:
    place.base.chmod(0o755)
    _, out = as_caller(place.caller, lambda: place.run(place.none(), place.request('echo "$HOME"; echo "$TMPDIR"')))
    assert out == f"{place.base}/session/home\n{place.base}/session/tmp\n"


def test_an_unknown_command_is_a_failure_of_the_stage(place: Place) -> None:
    place.base.chmod(0o755)
    request = replace(place.request(""), argv=("/no/such/program",))
    assert as_caller(place.caller, lambda: place.run(place.none(), request))[0] == 127


ABSTRACT = """
import os, socket, sys
def reach(name):
    try:
        socket.socket(socket.AF_UNIX).connect("\\0" + name)
        print("open")
    except OSError:
        print("shut")
reach(sys.argv[1])
server = socket.socket(socket.AF_UNIX)
server.bind("\\0" + sys.argv[1] + "own")
server.listen()
reach(sys.argv[1] + "own")
"""


@pytest.mark.parametrize("network", [False, True], ids=["alone", "network"])
def test_sockets_of_the_machine_without_a_file_are_out_of_reach_with_its_network_too(
    walled: Place, network: bool
) -> None:
    if network and landlock_version() < 6:
        pytest.skip("no Landlock here that knows them")
    name = f"abuildpy-{walled.base.name.encode().hex()}"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(f"\0{name}")
        server.listen()
        words = ("/bin/sh", "-c", 'exec "$@" >src/out 2>&1', "sh", str(find_system_program("python3")), "-c", ABSTRACT)
        request = replace(walled.request("", network=network), argv=(*words, name))
        assert as_caller(walled.caller, lambda: walled.run(walled.bwrap(), request)) == (0, "shut\nopen\n")


# --- behind Landlock --------------------------------------------------------------------------------------------


@pytest.fixture
def locked(place: Place) -> Place:
    """A place where Landlock works and root's stages can get to."""
    if landlock_version() < 6:
        pytest.skip("no Landlock here that holds all that is asked for")
    place.base.chmod(0o755)
    return place


def test_under_landlock_nothing_privileged_remains(locked: Place) -> None:
    script = "grep -E '^(Cap(Inh|Prm|Eff|Amb)|NoNewPrivs)' /proc/self/status; cut -d' ' -f6 /proc/$$/stat; echo $$"
    status, out = as_caller(locked.caller, lambda: locked.run(locked.landlock(), locked.request(script)))
    assert status == 0
    *lines, session, pid = out.split("\n")[:-1]
    fields = {name: value.strip() for name, value in (line.split(":") for line in lines)}
    assert fields.pop("NoNewPrivs") == "1"
    assert {int(value, 16) for value in fields.values()} == {0}
    assert session == pid


def test_under_landlock_only_the_builds_own_folders_are_written(locked: Place) -> None:
    script = """
    for good in src/a pkg/b tmp/c "$HOME/d" "$TMPDIR/e" /dev/null /dev/shm/abuildpy.$$; do
        echo x >"$good" || echo "shut: $good"
    done
    rm /dev/shm/abuildpy.$$; mkdir src/d; ln src/a src/d/hard; mv src/d/hard pkg/moved; ln -s a src/link; mkfifo src/pipe
    for bad in APKBUILD ../x "$1/x" /tmp/x /var/tmp/x /etc/x /usr/x /home/x /root/x; do
        { echo x >"$bad"; } 2>/dev/null && echo "BROKEN: $bad"
    done
    cat "$1/secret" 2>/dev/null && echo BROKEN
    ls "$1" 2>/dev/null && echo BROKEN
    cat pkg/moved
    """
    request = locked.request(script)
    request = replace(request, argv=(*request.argv, "sh", str(locked.base)))
    (locked.base / "secret").chmod(0o644)
    status, out = as_caller(locked.caller, lambda: locked.run(locked.landlock(), request))
    assert (status, out) == (0, "x\n")


def test_under_landlock_a_key_in_a_tree_that_shows_is_hidden(locked: Place) -> None:
    key = locked.startdir / "key.rsa"
    key.write_text("PRIVATE")
    key.chmod(0o644)
    (locked.startdir / "seen").write_text("seen")
    request = locked.request("cat key.rsa 2>/dev/null; cat seen", hidden=(key,))
    status, out = as_caller(locked.caller, lambda: locked.run(locked.landlock(), request))
    assert (status, out) == (0, "seen")


SERVE = """
import socket, sys
def tell(what, act):
    try:
        act()
        print(what, "open")
    except OSError as error:
        print(what, type(error).__name__)
def serve():
    server = socket.create_server(("127.0.0.1", 0))
    socket.create_connection(server.getsockname())
host = int(sys.argv[1])
tell("own", serve)
tell("fixed", lambda: socket.create_server(("127.0.0.1", 8123)))
tell("well-known", lambda: socket.create_connection(("127.0.0.1", 631)))
tell("udp", lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", host)))
tell("fast", lambda: socket.socket().sendto(b"x", socket.MSG_FASTOPEN, ("127.0.0.1", 631)))
tell("mptcp", lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262).connect(("127.0.0.1", host)))
tell("pair", lambda: socket.socketpair())
"""


@pytest.mark.parametrize(
    ("sockets", "network", "expected"),
    [
        ("none", False, "own PermissionError, fixed PermissionError, well-known PermissionError, udp PermissionError"),
        ("tests", False, "own open, fixed PermissionError, well-known PermissionError, udp PermissionError"),
        ("any", False, "own open, fixed open, well-known ConnectionRefusedError, udp open"),
        ("none", True, "own open, fixed open, well-known ConnectionRefusedError, udp open"),
    ],
)
def test_under_landlock_sockets_are_as_asked_for(locked: Place, sockets: str, network: bool, expected: str) -> None:
    if os.uname().machine not in ("x86_64", "aarch64"):
        pytest.skip("no filter for sockets on this machine")
    python = find_system_program("python3")
    with socket.create_server(("127.0.0.1", 0)) as server:
        request = locked.request("", sockets=sockets, network=network)
        words = (
            "/bin/sh",
            "-c",
            'exec "$@" >src/out 2>&1',
            "sh",
            str(python),
            "-c",
            SERVE,
            str(server.getsockname()[1]),
        )
        _, out = as_caller(locked.caller, lambda: locked.run(locked.landlock(), replace(request, argv=words)))
    said = dict(line.split() for line in out.splitlines())
    assert ", ".join(f"{name} {said.pop(name)}" for name in ("own", "fixed", "well-known", "udp")) == expected
    shut = sockets != "any" and not network
    assert said.pop("pair") == "open"
    for way_round in ("fast", "mptcp"):
        assert (said.pop(way_round) == "PermissionError") is shut, way_round
    assert not said


AGAIN = """
import os, socket
print([number for number in map(int, os.listdir("/proc/self/fd")) if os.path.exists(f"/proc/self/fd/{number}")])
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(server.getsockname())
for act in (lambda: socket.create_server(("127.0.0.1", 8123)), lambda: socket.create_connection(("127.0.0.1", 631))):
    try:
        act()
        print("open")
    except PermissionError:
        print("shut")
"""


def test_under_landlock_rules_for_ports_are_made_once_and_no_stage_gets_hold_of_them(locked: Place) -> None:
    def stages() -> tuple[list[tuple[int, str]], int]:
        wall, done, open_before = locked.landlock(), [], 0
        words = ("/bin/sh", "-c", 'exec "$@" >src/out 2>&1', "sh", str(find_system_program("python3")), "-c", AGAIN)
        for _ in range(3):
            done.append(locked.run(wall, replace(locked.request("", sockets="tests"), argv=words)))
            open_before = open_before or len(os.listdir("/proc/self/fd"))
        return done, len(os.listdir("/proc/self/fd")) - open_before

    done, more = as_caller(locked.caller, stages)
    assert done == [(0, "[0, 1, 2]\nshut\nshut\n")] * 3
    assert more == 0
