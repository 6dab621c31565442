# SPDX-License-Identifier: GPL-3.0-or-later
"""What phases see of the caller's environment, behind walls and without."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import sys
import termios
from pathlib import Path

import pytest
from buildkit import Place

pytest_plugins = ["buildfixtures"]

SECRETS = {
    "CI_JOB_TOKEN": "tok-1",
    "AWS_PROFILE": "tok-2",
    "SSH_AUTH_SOCK": "/tmp/tok-3",
    "PIP_INDEX_URL": "https://me:tok-4@example.invalid/simple",
    "GITHUB_ENV": "/tok-5",
}
PLAIN = {"FOO": "1", "TOKENIZERS_PARALLELISM": "false", "GIT_AUTHOR_NAME": "Me"}

SHOWING = """
show() { env >"$srcdir"/env.$1; set >"$srcdir"/set.$1; cat /proc/*/environ /proc/*/cmdline 2>/dev/null >"$srcdir"/proc.$1 || :; }
prepare() { default_prepare; show prepare; }
build() { show build; }
check() { show check; }
package() { show package; mkdir -p "$pkgdir"; }
"""


def shown(folder: Path) -> dict[str, str]:
    """All that the phases wrote down, by file."""
    found = {path.name: path.read_text(errors="replace") for path in (folder / "src").iterdir() if "." in path.name}
    assert len(found) == 12
    return found


def test_phases_get_all_but_secrets(place: Place, sandbox: str) -> None:
    folder = place.recipe(SHOWING, options="")
    place.build(folder, "-K", sandbox, env={**SECRETS, **PLAIN})
    for name, text in shown(folder).items():
        if name.startswith("env."):
            assert {f"{key}={value}" for key, value in PLAIN.items()} <= set(text.splitlines()), name
        # Without walls whoever has the same user id can look into our own environment.
        if not (name.startswith("proc.") and sandbox.endswith("none")):
            assert "tok-" not in text, name


def test_one_is_let_through_and_no_other(place: Place, sandbox: str) -> None:
    folder = place.recipe(SHOWING, options="")
    place.build(folder, "-K", sandbox, "--pass-env=CI_JOB_TOKEN", env=SECRETS)
    for name, text in shown(folder).items():
        if name.startswith("env."):
            assert "CI_JOB_TOKEN=tok-1" in text, name
            assert not any(f"tok-{number}" in text for number in (2, 3, 4, 5)), name


def test_a_clean_environment(place: Place, sandbox: str) -> None:
    folder = place.recipe(SHOWING, options="")
    env = {**SECRETS, **PLAIN, "CFLAGS": "-DMINE", "http_proxy": "http://proxy.invalid", "BAR": "2"}
    place.build(folder, "-K", sandbox, "--clean-env", "--pass-env=BAR", env=env)
    for name, text in shown(folder).items():
        if name.startswith("env."):
            names = {line.partition("=")[0] for line in text.splitlines()}
            assert not {*SECRETS, *PLAIN, "http_proxy"} & names, name
            assert {"BAR=2", "CFLAGS=-DMINE"} <= set(text.splitlines()), name


def test_proxies_are_for_those_that_have_the_network(place: Place) -> None:
    folder = place.recipe(SHOWING, options="net")
    place.build(folder, "-K", "--sandbox=none", "--clean-env", env={"http_proxy": "http://proxy.invalid"})
    assert "http_proxy=http://proxy.invalid\n" in shown(folder)["env.build"]


def test_the_configuration_can_ask_for_it(place: Place) -> None:
    place.configure(f"PACKAGER_PRIVKEY={place.key}\nABUILD_CLEAN_ENV=yes\nABUILD_PASS_ENV='AWS_*'\n")
    folder = place.recipe(SHOWING, options="")
    place.build(folder, "-K", "--sandbox=none", "--pass-env=FOO", env={**SECRETS, **PLAIN})
    found = shown(folder)["env.build"].splitlines()
    assert {"AWS_PROFILE=tok-2", "FOO=1"} <= set(found)
    assert not any(line.startswith(("CI_JOB_TOKEN=", "GIT_AUTHOR_NAME=")) for line in found)


def test_a_recipe_is_read_without_secrets_and_never_stale(place: Place, sandbox: str) -> None:
    folder = place.recipe("package() { :; }", pkgver="${MY_TOKEN:-0}")

    def name(*options: str, token: str = "1") -> str:
        done = place.run(folder, sandbox, *options, "listpkg", env={"MY_TOKEN": token})
        assert done.status == 0, str(done)
        return done.out.strip()

    for _ in range(2):
        assert name() == "foo-0-r0.apk"
        assert name("--pass-env=MY_TOKEN") == "foo-1-r0.apk"
        assert name("--pass-env=MY_TOKEN", token="2") == "foo-2-r0.apk"
        assert name(token="2") == "foo-0-r0.apk"


def test_other_programs_read_recipes_without_secrets_too(place: Place) -> None:
    folder = place.recipe("package() { :; }", pkgdesc="${MY_TOKEN:-none}")

    def description(**env: str) -> bool:
        done = place.run(folder, "info", "--json", ".", module="abuildpy.cli.umbrella", env={"MY_TOKEN": "tok", **env})
        assert done.status == 0, str(done)
        return '"pkgdesc": "tok"' in done.out

    for _ in range(2):
        assert not description()
        assert description(ABUILD_PASS_ENV="MY_TOKEN")


@pytest.mark.parametrize("phase", ["build", "package"])
def test_a_failure_names_what_the_recipe_was_not_given(place: Place, phase: str) -> None:
    other = "build() { :; }\n" if phase == "package" else "package() { :; }\n"
    folder = place.recipe(other + f'{phase}() {{ test -n "$MY_TOKEN" || return 3; }}')
    done = place.fails(folder, "--sandbox=none", env={"MY_TOKEN": "t", "OTHER_TOKEN": "t"})
    line = "it was not given MY_TOKEN, which the recipe names; --pass-env=MY_TOKEN lets that through"
    assert [text.strip() for text in done.err.splitlines()].count(line) == 1, str(done)
    assert "OTHER_TOKEN" not in done.err
    done = place.fails(folder, "--sandbox=none")
    assert "it was not given" not in done.err


# --- the terminal, and rights -------------------------------------------------------------------------------------

TYPING = r"""
import fcntl, os, termios
broken = []
for fd in (0, 1, 2):
    for number, argument in ((termios.TIOCSTI, b"x"), (termios.TIOCSTI, b"\n"), (0x541C, b"\2\0"), (termios.TIOCSCTTY, 1)):
        try:
            fcntl.ioctl(fd, number, argument)
            broken.append((fd, hex(number)))
        except OSError:
            pass
try:
    os.open("/dev/tty", os.O_RDWR)
    broken.append("/dev/tty")
except OSError:
    pass
if os.getsid(0) in (0, int(os.environ["CALLER"])):
    broken.append("the caller's session")
print("terminal:", broken, os.isatty(1))
"""

RIGHTS = r"""
import ctypes, os
fields = dict(line.split(":", 1) for line in open("/proc/self/status"))
caps = {name: fields[name].strip() for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")}
print("rights:", [n for n, value in caps.items() if int(value, 16)], fields["NoNewPrivs"].strip(), os.getuid() == 0)
"""


@pytest.fixture(params=["root", "user"])
def anyone(request: pytest.FixtureRequest) -> Place:
    """A place in which root, or an ordinary user, runs the program."""
    if request.param == "root" and os.geteuid() != 0:
        pytest.skip("needs root")
    place = request.getfixturevalue("place" if request.param == "root" else "users_place")
    assert isinstance(place, Place)
    return place


def on_a_terminal(place: Place, folder: Path, *arguments: str) -> tuple[int, str, int]:
    """Runs abuild as the leader of a terminal's session: its status, what it said, and how much waits there to be read."""
    child, ours = pty.fork()
    if child == 0:
        try:
            if place.owner is not None:
                os.setgroups([])
                os.setresgid(place.owner, place.owner, place.owner)
                os.setresuid(place.owner, place.owner, place.owner)
            os.chdir(folder)
            command = place.command(*arguments)
            os.execve(command[0], command, {**place.environment, "CALLER": str(os.getpid())})
        finally:
            os._exit(127)
    number = struct.unpack("I", fcntl.ioctl(ours, 0x80045430, bytes(4)))[0]  # TIOCGPTN
    theirs = os.open(f"/dev/pts/{number}", os.O_RDWR | os.O_NOCTTY)
    said = b""
    try:
        while True:
            ready, _, _ = select.select([ours], [], [], 0.2)
            if ready:
                said += os.read(ours, 4096)
            elif (ended := os.waitpid(child, os.WNOHANG))[0]:
                break
        waiting = struct.unpack("i", fcntl.ioctl(theirs, termios.FIONREAD, bytes(4)))[0]
    finally:
        os.close(theirs)
        os.close(ours)
    return os.waitstatus_to_exitcode(ended[1]), said.decode(), waiting


@pytest.mark.parametrize("verb", ["build", "package", "byhand"])
def test_nothing_is_typed_into_the_terminal(anyone: Place, sandbox: str, verb: str) -> None:
    text = "".join(f'{name}() {{ python3 "$startdir"/typing; }}\n' for name in ("build", "package", "byhand"))
    folder = anyone.recipe(text, extra={"typing": TYPING})
    status, said, waiting = on_a_terminal(anyone, folder, "-d", sandbox, verb)
    assert (status, waiting) == (0, 0), said
    assert "terminal: [] True" in said, said


def test_the_test_would_notice_what_is_typed(place: Place) -> None:
    """Only root may still type into another session's terminal, or whoever the kernel lets do so in its own."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    script = f"import os; os.environ['CALLER'] = '0'\n{TYPING}"
    place.command = lambda *_arguments, **_how: [sys.executable, "-c", script]  # type: ignore[method-assign]
    _, said, waiting = on_a_terminal(place, place.base)
    assert "terminal: []" not in said
    assert waiting > 0


@pytest.mark.parametrize("options", ["", "net"])
def test_no_phase_has_rights(anyone: Place, sandbox: str, options: str) -> None:
    text = "".join(
        f'{name}() {{ python3 "$startdir"/rights; mkdir -p "$pkgdir"; }}\n' for name in ("build", "check", "package")
    )
    folder = anyone.recipe(text, extra={"rights": RIGHTS}, options=options)
    done = anyone.build(folder, sandbox)
    assert done.out.count("rights: [] 1 False\n") + done.out.count("rights: [] 1 True\n") == 3, str(done)
    # In a fakeroot session everybody believes to be root.
    assert done.out.count("rights: [] 1 True\n") == 1, str(done)


def test_a_jobs_token_in_the_checkout_and_in_files_beside_it_is_not_shown(place: Place, sandbox: str) -> None:
    if "none" in sandbox:
        pytest.skip("for walls")
    git = place.aports / ".git"
    for name in ("objects", "refs"):
        (git / name).mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "config").write_text(
        "[core]\n\tlogallrefupdates = true\n[http]\n\textraheader = AUTHORIZATION: basic tok-1\n"
    )
    (git / "config").chmod(0o644)
    beside = place.aports / "variable"
    beside.write_text("tok-2")
    beside.chmod(0o644)
    folder = place.recipe(
        'cat "$startdir"/../../.git/config "$startdir"/../../variable >"$startdir"/src/seen 2>/dev/null || :\n'
        'case "$(cat "$startdir"/../../.git/config "$startdir"/../../variable 2>/dev/null)" in *tok-*) pkgrel=7;; esac\n'
        'package() { cp "$startdir"/src/seen "$startdir"/src/seen.txt; mkdir -p "$pkgdir"; }',
        options="",
    )
    env = {"DEPLOY_TOKEN_FILE": "", "DEPLOY_TOKEN": str(beside)}
    place.build(folder, "-K", sandbox, env=env)
    seen = (folder / "src/seen.txt").read_text()
    assert "tok-" not in seen
    assert ("logallrefupdates" in seen) is ("bwrap" in sandbox)
    assert place.run(folder, sandbox, "listpkg", env=env).out == "foo-1.0-r0.apk\n"
    assert "tok-1" in (git / "config").read_text()
