# SPDX-License-Identifier: GPL-3.0-or-later
"""What users demand of the walls: had, or refused before anything runs; and where recipes are read behind them."""

from __future__ import annotations

import json
import os
import sys

import pytest
from buildkit import Place
from wallkit import run_in

from abuildpy.sandbox.landlock import landlock_version

pytest_plugins = ["buildfixtures"]


@pytest.mark.parametrize(
    ("words", "variables", "said"),
    [
        (
            ["--require-sandbox=bwrap"],
            {},
            "bubblewrap is required and cannot be had: no more user namespaces are allowed",
        ),
        ([], {"ABUILD_REQUIRE_SANDBOX": "bwrap"}, "bubblewrap is required and cannot be had"),
        (["--sandbox=bwrap"], {}, "No sandbox: no more user namespaces are allowed: user.max_user_namespaces is 0"),
        (
            ["--sandbox=none", "--require-sandbox=landlock"],
            {},
            "--sandbox=none is less than what is required: landlock",
        ),
        ([], {"ABUILD_REQUIRE_SANDBOX": "bubblewrap"}, "ABUILD_REQUIRE_SANDBOX is 'bubblewrap'"),
        ([], {"ABUILD_SOCKETS": "some"}, "ABUILD_SOCKETS is 'some'"),
    ],
)
def test_with_less_than_is_required_nothing_runs(
    users_place: Place, words: list[str], variables: dict[str, str], said: str
) -> None:
    folder = users_place.recipe('build() { touch "$srcdir"/ran; }\npackage() { :; }\n: >/tmp/evaluated\n')
    command = users_place.command("-m", "-d", "-K", *words)
    done = run_in(users_place, "no-namespaces", command, folder, {**users_place.environment, **variables})
    assert done.status == 1, done.said
    assert f"ERROR: {said}" in done.said.replace(": : ", ": "), done.said
    assert "Traceback" not in done.said
    assert not (folder / "src").exists()


@pytest.mark.skipif(not landlock_version(), reason="no Landlock here")
@pytest.mark.parametrize("variables", [{}, {"ABUILD_REQUIRE_SANDBOX": "bwrap"}])
def test_with_as_much_as_is_required_it_builds(users_place: Place, variables: dict[str, str]) -> None:
    folder = users_place.recipe('build() { :; }\npackage() { mkdir -p "$pkgdir"; }')
    command = users_place.command("-m", "-d", "--require-sandbox=landlock")
    done = run_in(users_place, "no-namespaces", command, folder, {**users_place.environment, **variables})
    assert done.status == 0, done.said


@pytest.mark.parametrize("caller", ["user", "root"])
@pytest.mark.parametrize(
    ("situation", "stand", "chosen"),
    [
        ("plain", "yyyy", "bwrap"),
        ("covered-proc", "nyyy", "bwrap-host-proc"),
        ("no-namespaces", "nnyy", "landlock"),
    ],
)
def test_the_probe_tells_which_rungs_stand(
    request: pytest.FixtureRequest, walls: None, caller: str, situation: str, stand: str, chosen: str
) -> None:
    if not landlock_version():
        pytest.skip("no Landlock here")
    if caller == "root" and os.geteuid() != 0:
        pytest.skip("needs root")
    place = request.getfixturevalue("users_place" if caller == "user" else "place")
    folder = place.recipe("package() { :; }")
    command = place.command("sandbox", "--json", module="abuildpy.cli.umbrella")
    document = json.loads(run_in(place, situation, command, folder, place.environment).said)
    walls_ = {wall["name"]: wall for wall in document["walls"]}
    assert {name: wall["works"] for name, wall in walls_.items()} == dict(
        zip(["bwrap", "bwrap-host-proc", "landlock", "none"], (each == "y" for each in stand), strict=True)
    )
    assert document["chosen"] == chosen
    assert all(bool(wall["reason"]) is not wall["works"] for wall in walls_.values())
    because = {"plain": "", "covered-proc": "/proc/", "no-namespaces": "user.max_user_namespaces is 0"}[situation]
    assert because in walls_["bwrap"]["reason"]


@pytest.mark.skipif(not landlock_version(), reason="no Landlock here")
def test_recipes_are_read_behind_landlock_too(users_place: Place) -> None:
    folder = users_place.recipe('package() { :; }\npkgdesc=$(cat "$HOME_OF_TEST"/.netrc 2>/dev/null || echo shut)\n')
    (users_place.home / ".netrc").write_text("secret")
    (users_place.home / ".netrc").chmod(0o644)
    command = users_place.command("info", "--json", str(folder), module="abuildpy.cli.umbrella")
    environment = {**users_place.environment, "HOME_OF_TEST": str(users_place.home)}
    done = run_in(users_place, "no-namespaces", command, folder, environment)
    assert done.status == 0, done.said
    told, _, document = done.said.partition("[\n")
    assert json.loads("[" + document)[0]["pkgdesc"] == "shut"
    assert told.count("WARNING") == 1 and "Sandbox: Landlock" in told


CLEAN_ROOT = """
import sys
from pathlib import Path
from abuildpy.errors import SandboxError
from abuildpy.sandbox.probe import clean_root_wall
from abuildpy.ui.console import Console
try:
    print(clean_root_wall(Path.cwd(), Path("/var/tmp"), Console(None, False)).describe())
except SandboxError as error:
    print(error.message)
"""


@pytest.mark.parametrize("caller", ["user", "root"])
@pytest.mark.parametrize(
    ("situation", "said"),
    [
        ("plain", ["bubblewrap"]),
        (
            "covered-proc",
            ["Sandbox: bubblewrap", "covered", "Not held: processes' names", "\nbubblewrap", "without a /proc"],
        ),
        ("no-namespaces", ["rootbld needs a sandbox, and there is none: ", "user.max_user_namespaces is 0"]),
    ],
)
def test_clean_roots_take_the_same_walls_or_tell_why_not(
    request: pytest.FixtureRequest, walls: None, caller: str, situation: str, said: list[str]
) -> None:
    if caller == "root" and os.geteuid() != 0:
        pytest.skip("needs root")
    place = request.getfixturevalue("users_place" if caller == "user" else "place")
    folder = place.recipe("package() { :; }")
    done = run_in(place, situation, [sys.executable, "-c", CLEAN_ROOT], folder, place.environment)
    assert done.status == 0, done.said
    assert all(text in done.said for text in said), done.said
    assert ("WARNING" in done.said) is (situation == "covered-proc")
