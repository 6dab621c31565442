# SPDX-License-Identifier: GPL-3.0-or-later
"""A program alone in a control group that was left to it: it makes room for its phases, and in the end all is as before.

Runs where the tests' own process finds a place for groups with both controllers, and is root, so that it can leave one to others.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from buildkit import Place, wait_for

from abuildpy.sandbox.delegation import WANTED, find_delegation

pytest_plugins = ["buildfixtures"]

HOG = "import time\nkept = [bytearray(b'x') * (8 << 20) for _ in range(30)]\ntime.sleep(600)\n"
RECIPE = 'build() { python3 "$startdir"/hog; }\npackage() { mkdir -p "$pkgdir"; }'


@pytest.fixture(params=["root", "user"])
def anyone(request: pytest.FixtureRequest) -> Place:
    """A place in which root, or an ordinary user, runs the program."""
    place = request.getfixturevalue("place" if request.param == "root" else "users_place")
    assert isinstance(place, Place)
    return place


@pytest.fixture
def group(anyone: Place) -> Iterator[Path]:
    """An empty group that is theirs, with a limit that nothing may get away from."""
    found = find_delegation()
    if os.geteuid() != 0 or found.folder is None or found.controllers != WANTED or found.leaves:
        pytest.skip(f"no control groups to give away here: {found.reason}")
    made = found.folder / f"abuildpy-test-{os.getpid()}"
    made.mkdir()
    (made / "pids.max").write_text("4000")
    os.setxattr(made, "user.delegate", b"1")  # as systemd marks it
    for path in (made, *made.iterdir()):
        os.chown(path, anyone.owner or 0, -1)
    yield made
    for inner in (*made.glob("*/*/"), *made.glob("*/"), made):
        inner.rmdir()


def started(place: Place, folder: Path, group: Path, *options: str) -> subprocess.Popen[str]:
    """The program in the group, and nothing else with it."""
    user = ["setpriv", f"--reuid={place.owner}", f"--regid={place.owner}", "--clear-groups"] if place.owner else []
    words = ["sh", "-c", 'echo $$ >"$0"/cgroup.procs && exec "$@"', str(group), *user, *place.command("-d", *options)]
    return subprocess.Popen(
        words, cwd=folder, env=place.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def inside(group: Path) -> list[str]:
    """The kinds of groups in it."""
    return sorted(path.name.split("-")[1] for path in group.glob("*/"))


def test_it_makes_room_and_leaves_all_as_it_was(anyone: Place, group: Path, sandbox: str) -> None:
    folder = anyone.recipe(RECIPE, extra={"hog": HOG}, options="")
    process = started(anyone, folder, group, sandbox, "--max-memory=100M", "--max-processes=300")
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 124, said
    assert "was ended: memory" in said and "wanted more than 100 MiB" in said
    assert inside(group) == []
    assert [(group / f"cgroup.{name}").read_text().strip() for name in ("subtree_control", "procs")] == ["", ""]


def test_what_a_killed_one_left_the_next_removes(anyone: Place, group: Path, sandbox: str) -> None:
    folder = anyone.recipe(RECIPE, extra={"hog": "import time\ntime.sleep(600)\n"}, options="")
    process = started(anyone, folder, group, sandbox, "--max-memory=100M")
    wait_for(lambda: inside(group) == ["run", "self"], "the phase's group", 60)
    process.kill()
    process.communicate()
    (folder / "hog").write_text("pass\n")
    (group / "next-one").mkdir()
    for path in (group / "next-one").iterdir():
        os.chown(path, anyone.owner or 0, -1)
    process = started(anyone, folder, group / "next-one", sandbox, "--max-memory=100M")
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    assert inside(group) == ["one"]
