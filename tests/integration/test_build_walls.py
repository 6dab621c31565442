# SPDX-License-Identifier: GPL-3.0-or-later
"""What a recipe can reach while it is built: programs, network, homes, keys, the environment, other recipes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from buildkit import Place, processes_with, wait_for
from loopback import Quiet, answering

pytest_plugins = ["buildfixtures"]


@pytest.fixture
def server() -> Iterator[str]:
    """A web server on the loopback that says "reached" to everybody; its URL."""

    class Handler(Quiet):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "7")
            self.end_headers()
            self.wfile.write(b"reached")

    with answering(Handler) as address:
        yield f"{address}/x"


@pytest.mark.usefixtures("walls")
def test_a_program_in_the_home_is_not_found_and_the_reason_told(place: Place) -> None:
    programs = place.home / "tools"
    programs.mkdir()
    (programs / "mytool").write_text("#!/bin/sh\n:\n")
    (programs / "mytool").chmod(0o755)
    env = {"PATH": f"{programs}:{place.environment['PATH']}"}
    folder = place.recipe('build() { mytool; }\npackage() { mkdir -p "$pkgdir"; }\n')
    done = place.fails(folder, env=env)
    assert f"cannot be seen behind the walls, so programs in them are not found: {programs}\n" in done.err
    assert "network" not in done.err
    assert place.build(folder, "--sandbox=none", env=env).status == 0


@pytest.mark.usefixtures("walls")
@pytest.mark.parametrize(
    ("options", "argument", "reached"),
    [("", "", False), ("net", "", True), ("", "--net=always", True), ("net", "--net=never", False)],
)
def test_the_network_only_where_allowed(place: Place, server: str, options: str, argument: str, reached: bool) -> None:
    folder = place.recipe(
        f"""
        build() {{ busybox wget -q -O answer {server} || echo cut off > answer; }}
        package() {{ install -Dm644 answer "$pkgdir"/usr/share/answer; }}
        """,
        options=f"!check {options}",
    )
    place.build(folder, *filter(None, [argument]), env={"http_proxy": None})
    assert (place.package().contents["usr/share/answer"] == b"reached") is reached


def test_home_and_tmp_are_the_builds_own(place: Place, walls: None) -> None:
    marker = Path("/tmp", f"{place.base.name}.outside")
    marker.touch()
    folder = place.recipe(
        f"""
        prepare() {{ default_prepare; echo kept > "$HOME"/cache; echo kept > /tmp/cache; }}
        build() {{
            test "$HOME" != {place.home}
            test ! -e {marker}
            cat "$HOME"/cache /tmp/cache
            ! cat {place.key} 2>/dev/null
            ! ls {place.home}/.abuild 2>/dev/null
            ! touch "$startdir"/mine 2>/dev/null
            ! touch /usr/lib/mine 2>/dev/null
        }}
        package() {{ cat "$HOME"/cache /tmp/cache; mkdir -p "$pkgdir"; ! cat {place.key} 2>/dev/null; }}
        """
    )
    try:
        done = place.build(folder, env={"GITHUB_TOKEN": "secret"})
    finally:
        marker.unlink()
    assert done.out.count("kept") == 4, str(done)


def test_a_key_beside_the_recipe_stays_hidden(place: Place, walls: None) -> None:
    folder = place.recipe('build() { ! cat "$startdir"/../own.rsa; }\npackage() { mkdir -p "$pkgdir"; }')
    key = folder.parent / "own.rsa"
    shutil.move(place.key, key)
    key.chmod(0o644)  # not its rights keep it safe
    place.configure(f"PACKAGER_PRIVKEY={key}\nPACKAGER_PUBKEY={place.public}\n")
    done = place.build(folder)
    assert "PRIVATE KEY" not in done.out


def test_secrets_of_the_environment_stay_outside(place: Place) -> None:
    folder = place.recipe('echo "top:$MY_TOKEN" >&2\nbuild() { env; }\npackage() { mkdir -p "$pkgdir"; }')
    done = place.build(folder, env={"MY_TOKEN": "s3cret", "AWS_SECRET_ACCESS_KEY": "s3cret", "PLAIN": "shown"})
    assert "s3cret" not in done.out + done.err
    assert "PLAIN=shown" in done.out


def test_sibling_recipes_can_be_read(place: Place) -> None:
    place.recipe("package() { :; }", name="sibling", pkgver="4.2")
    folder = place.recipe(
        """
        pkgver=$(. "$startdir"/../sibling/APKBUILD; echo $pkgver)
        build() { grep -q pkgver= "$startdir"/../sibling/APKBUILD; }
        package() { mkdir -p "$pkgdir"; }
        """
    )
    place.build(folder)
    assert place.package(version="4.2-r0").info("pkgver") == ("4.2-r0",)


def test_leftover_processes_die_with_the_build(place: Place, sandbox: str) -> None:
    mark = f"3.{int.from_bytes(os.urandom(4))}"
    folder = place.recipe(
        f"""
        build() {{ (setsid sleep 600{mark} >/dev/null 2>&1 </dev/null &) ; sleep 600{mark} & }}
        package() {{ mkdir -p "$pkgdir"; (setsid sleep 600{mark} &) ; }}
        """
    )
    place.build(folder, sandbox)
    wait_for(lambda: not processes_with(f"600{mark}"), "the end of what the build left running", 10)


def test_accounts_inside_are_the_recipes_own(place: Place, walls: None) -> None:
    folder = place.recipe(
        """
        build() {
            getent passwd foo nobody >/dev/null
            getent group foogroup >/dev/null
        }
        package() { install -dm755 -o foo -g foogroup "$pkgdir"/var/lib/foo; }
        """,
        pkgusers="foo",
        pkggroups="foogroup",
    )
    place.build(folder)
    assert place.package().owner("var/lib/foo") == ("foo", "foogroup", 0, 0)


def test_git_looks_no_further_than_the_recipe(place: Place) -> None:
    folder = place.recipe('build() { echo "$GIT_CEILING_DIRECTORIES"; }\npackage() { mkdir -p "$pkgdir"; }')
    assert f"{folder}\n" in place.build(folder).out
