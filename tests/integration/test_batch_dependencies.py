# SPDX-License-Identifier: GPL-3.0-or-later
"""How dependencies get into the builds of a batch: one at a time on this machine, several each in a root of its own.

A stand-in for apk fills roots from this machine and notes how it was called.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from buildkit import Place
from rootkit import PACKAGE, RootPlace
from treekit import packages_of, run_batch

pytest_plugins = ("buildfixtures", "rootfixtures")


@pytest.fixture
def chain(ours: RootPlace) -> RootPlace:
    """Two recipes, one of which needs the other, and one for itself."""
    for name, needs in (("first", ""), ("second", "first"), ("lone", "")):
        ours.place.recipe(PACKAGE, name=name, makedepends=needs, files={"data": f"{name}\n"})
    return ours


@pytest.mark.usefixtures("walls")
def test_each_in_a_root_of_its_own(chain: RootPlace) -> None:
    place = chain.place
    ran = run_batch(place, "--jobs=2", "main", APK="apk")
    assert ran.status == 0, (ran.err, ran.results)
    calls = chain.called()
    roots = [found[1] for call in calls if (found := re.search(r"--root (\S+)", call))]
    assert len(roots) == len(set(roots)) == 3
    (second,) = [call for call in calls if call.endswith(" first")]
    assert " --initdb " in second
    assert chain.leftovers() == []
    repositories = Path(f"{chain.calls}.repositories").read_text().splitlines()
    staged = str(place.repodest / ".abuildpy-batch/staged/main")
    assert repositories.index(staged) < repositories.index(str(place.repodest / "main"))
    assert len(packages_of(place)) == 3
    assert "dependencies" in [event["phase"] for event in ran.events if event["what"] == "phase"]


@pytest.mark.usefixtures("walls")
def test_what_cannot_be_installed(chain: RootPlace) -> None:
    chain.place.recipe(PACKAGE, name="wanting", makedepends="missing-package", files={"data": "x\n"})
    ran = run_batch(chain.place, "--jobs=2", "wanting", "lone", APK="apk")
    assert ran.results["main/wanting"][:2] == ("failed", "dependencies")
    assert ran.outcomes["main/wanting"]["error"] == "unable to select packages: missing-package"
    assert ran.results["main/lone"][0] == "built"


def test_one_at_a_time_on_this_machine(chain: RootPlace) -> None:
    place = chain.place
    ran = run_batch(place, "--jobs=1", "main", APK="apk", SUDO_APK="apk")
    assert ran.status == 0, (ran.err, ran.results)
    adding = [call for call in chain.called() if call.startswith("add ")]
    staged = place.repodest / ".abuildpy-batch/staged/main"
    (second,) = [call for call in adding if ".makedepends-second" in call]
    assert f"build-base first --repository {staged} " in f"{second} "
    assert second.index(str(staged)) < second.index(f"{place.repodest}/main ")
    assert [call.split()[-1] for call in chain.called() if call.startswith("del ")].count(".makedepends-second") == 1


def test_roots_need_a_template(chain: RootPlace) -> None:
    (chain.place.aports / "main/.rootbld-repositories").unlink()
    ran = run_batch(chain.place, "--jobs=2", "main", APK="apk")
    assert (ran.status, ran.started) == (3, [])
    assert ".rootbld-repositories is missing" in ran.err
    assert "--jobs 1" in ran.err


def test_without_apk(place: Place) -> None:
    place.recipe(PACKAGE, name="lone", files={"data": "x\n"})
    ran = run_batch(place, "main", APK="no-such-apk")
    assert (ran.status, ran.started) == (3, [])
    assert "no-such-apk: not found, so dependencies cannot be installed" in ran.err
    assert "--no-deps-install" in ran.err
