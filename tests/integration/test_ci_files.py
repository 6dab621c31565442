# SPDX-License-Identifier: GPL-3.0-or-later
"""The files below ``docs/ci``: they are YAML of the right form, and every command in them runs on a small tree."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from buildkit import TOP, Place

pytest_plugins = ["buildfixtures"]

CI = TOP / "docs/ci"
HEAD = """\
# Maintainer: A Tester <tester@example.invalid>
pkgname={name}
pkgver=1.0
pkgrel=0
pkgdesc="Something to check"
url="https://example.invalid/"
arch="noarch"
license="MIT"
options="!check"
builddir="$srcdir"
"""
FUNCTIONS = """
package() {
	mkdir -p "$pkgdir"/usr/share/$pkgname
	echo $pkgname > "$pkgdir"/usr/share/$pkgname/name
}
"""


@dataclass
class Request:
    """A clone of a tree with a branch that is to be merged, and the environment that a CI gives."""

    place: Place
    environment: dict[str, str]

    @property
    def folder(self) -> Path:
        return self.place.aports

    def change(self, name: str, old: str, new: str) -> None:
        path = self.folder / name / "APKBUILD"
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))
        git(self.folder, "commit", "-qam", "change")

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Runs one command of a job as both services do in a container without bash."""
        return subprocess.run(
            ["/bin/sh", "-e", "-c", command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.invalid", "-c", "commit.gpgsign=false")
    command = ["git", *identity, *words]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def request_(place: Place) -> Request:
    for name in ("main/one", "main/two", "community/three"):
        folder = place.aports / name
        folder.mkdir(parents=True)
        (folder / "APKBUILD").write_text(HEAD.format(name=folder.name) + FUNCTIONS)
    git(place.aports, "init", "-q")
    git(place.aports, "add", "-A")
    git(place.aports, "commit", "-qm", "start")
    base = git(place.aports, "rev-parse", "HEAD")
    git(place.aports, "update-ref", "refs/remotes/origin/master", base)
    programs = place.base / "bin"
    programs.mkdir()
    for name, entry in tomllib.loads((TOP / "pyproject.toml").read_text())["project"]["scripts"].items():
        # This host may have no apk, so nothing that recipes depend on can be installed.
        more = 'case $1 in batch) shift; set -- batch --no-deps-install "$@";; esac\n' if name == "abuildpy" else ""
        module = entry.partition(":")[0]
        (programs / name).write_text(f'#!/bin/sh\n{more}exec "{sys.executable}" -m {module} "$@"\n')
        (programs / name).chmod(0o755)
    environment = {
        **place.environment,
        "PATH": f"{programs}:{place.environment['PATH']}",
        "GITHUB_BASE_REF": "master",
        "GITHUB_STEP_SUMMARY": str(place.base / "summary.md"),
        "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "master",
        "CI_MERGE_REQUEST_DIFF_BASE_SHA": base,
        "CARCH": "x86_64",
    }
    # The job makes its own key.
    place.configure("PACKAGER='A Tester <tester@example.invalid>'\n")
    del environment["REPODEST"]
    return Request(place, environment)


def load(name: str) -> dict[Any, Any]:
    found = yaml.safe_load((CI / name).read_text())
    assert isinstance(found, dict)
    return found


def github_commands() -> Iterator[str]:
    for job in load("github.yml")["jobs"].values():
        yield from (step["run"] for step in job["steps"] if "run" in step)


def gitlab_commands(job: str) -> str:
    # A GitLab job is one shell.
    return "\n".join(load("gitlab.yml")[job]["script"])


def test_the_workflow_is_of_the_right_form() -> None:
    workflow = load("github.yml")
    assert set(workflow) == {"name", True, "permissions", "jobs"}  # YAML 1.1 takes "on" for a truth
    assert set(workflow[True]) == {"pull_request"}
    assert workflow["permissions"] == {"contents": "read"}
    for job in workflow["jobs"].values():
        assert {"runs-on", "steps"} <= set(job)
        for step in job["steps"]:
            assert len({"run", "uses"} & set(step)) == 1
            assert set(step) <= {"name", "run", "uses", "with", "if"}
        kept = [step["with"]["path"] for step in job["steps"] if "upload-artifact" in step.get("uses", "")]
        assert any("out/reports" in path for path in kept)
        assert any("*.apk" in path for path in kept)


def test_the_template_is_of_the_right_form() -> None:
    template = load("gitlab.yml")
    jobs = {name: job for name, job in template.items() if name != "stages" and name[0] != "."}
    assert set(jobs) == {"lint", "check-changed", "build"}
    for job in jobs.values():
        assert job["stage"] in template["stages"]
        assert job["extends"] in template
        assert all(isinstance(line, str) for line in job["script"])
        assert job["artifacts"]["when"] == "always"
    assert jobs["build"]["artifacts"]["paths"] == ["out/reports", "out/packages"]


def test_github_a_good_request(request_: Request) -> None:
    request_.environment["GITHUB_ACTIONS"] = "true"
    request_.change("main/one", "pkgver=1.0", "pkgver=1.1")
    for command in github_commands():
        done = request_.run(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        assert not re.search("^::", done.stdout, re.MULTILINE), done.stdout
    assert_built(request_, "main/one-1.1-r0")
    assert_reported(request_, "main/one", "built")
    summary = Path(request_.environment["GITHUB_STEP_SUMMARY"]).read_text()
    assert "main/one" in summary
    assert len(re.findall("^## ", summary, re.MULTILINE)) == 1


def test_what_does_not_build_is_in_the_reports(request_: Request) -> None:
    request_.change("main/one", "pkgrel=0", "pkgrel=1")
    request_.change("main/one", "mkdir", "false; mkdir")
    assert [request_.run(command).returncode for command in github_commands()] == [0, 0, 1]
    assert_reported(request_, "main/one", "failed")
    assert list((request_.folder / "out/packages/.abuildpy-batch/logs").rglob("one*.log"))


def test_github_a_bad_request(request_: Request) -> None:
    request_.change("main/two", "echo $pkgname", 'echo "$pkgname more"')
    request_.change("community/three", 'license="MIT"', 'license=""')
    done = [request_.run(command) for command in github_commands()]
    assert done[0].returncode != 0
    assert "::error file=community/three/APKBUILD" in done[0].stdout
    assert done[1].returncode == 1
    lines = [line for line in done[1].stdout.splitlines() if line.startswith("::error file=main/two/APKBUILD")]
    assert len(lines) == 1
    assert "apkgrel -a main/two" in lines[0]


def test_gitlab_a_good_request(request_: Request) -> None:
    request_.change("main/one", "pkgrel=0", "pkgrel=1")
    for job in ("lint", "check-changed", "build"):
        done = request_.run(gitlab_commands(job))
        assert done.returncode == 0, f"{job}\n{done.stdout}{done.stderr}"
    for report in ("lint.json", "check-changed.json"):
        assert json.loads((request_.folder / report).read_text()) == []
    assert_built(request_, "main/one-1.0-r1")
    assert_reported(request_, "main/one", "built")


def test_gitlab_a_bad_request(request_: Request) -> None:
    request_.change("main/two", "echo $pkgname", 'echo "$pkgname more"')
    request_.change("community/three", 'license="MIT"', 'license=""')
    lint, changed = (request_.run(gitlab_commands(job)) for job in ("lint", "check-changed"))
    assert (lint.returncode, changed.returncode) == (1, 1)
    paths = {each["location"]["path"] for each in json.loads((request_.folder / "lint.json").read_text())}
    assert paths == {"community/three/APKBUILD"}
    found = json.loads((request_.folder / "check-changed.json").read_text())
    assert "main/two/APKBUILD" in {each["location"]["path"] for each in found}
    assert "main/two/APKBUILD:" in changed.stdout


def test_a_request_that_changes_no_recipe(request_: Request) -> None:
    (request_.folder / "README").write_text("words\n")
    for command in (*github_commands(), *map(gitlab_commands, ("lint", "check-changed", "build"))):
        done = request_.run(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"


def test_what_can_be_typed_by_hand(request_: Request) -> None:
    """The last block of the README."""
    request_.change("main/one", "pkgver=1.0", "pkgver=1.1")
    request_.run("abuild-keygen -a -n")
    blocks = re.findall(r"(?:^    .+\n)+", (CI / "README.md").read_text(), re.MULTILINE)
    for line in blocks[-1].splitlines():
        done = request_.run(line.strip())
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
    assert_built(request_, "main/one-1.1-r0")


def test_the_page_names_the_files_and_programs() -> None:
    text = (CI / "README.md").read_text()
    assert {path.name for path in CI.iterdir()} == {"README.md", "github.yml", "gitlab.yml"}
    assert "github.yml" in text
    assert "gitlab.yml" in text


def assert_reported(request: Request, name: str, status: str) -> None:
    """All the reports are there, and those for programs tell of that recipe."""
    reports = request.folder / "out/reports"
    assert {path.name for path in reports.iterdir()} == {f"batch.{ending}" for ending in ("json", "xml", "html", "md")}
    (package,) = json.loads((reports / "batch.json").read_text())["packages"]
    assert (package["name"], package["status"]) == (name, status)
    cases = [
        (each.get("classname"), each.get("name")) for each in ElementTree.parse(reports / "batch.xml").iter("testcase")
    ]
    assert cases == [tuple(name.split("/"))]


def assert_built(request: Request, package: str) -> None:
    """That package was built, and no other."""
    repository, _, file = package.partition("/")
    out = request.folder / "out/packages"
    assert {path.relative_to(out) for path in out.glob("[!.]*/*/*.apk")} == {Path(repository, "x86_64", f"{file}.apk")}
