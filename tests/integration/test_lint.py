# SPDX-License-Identifier: GPL-3.0-or-later
"""``apkbuild-lint`` as a program: what it is given, what it prints, how it ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from buildkit import TOP

RECIPE = """\
# Maintainer: Ann Example <ann@example.org>
pkgname={name}
pkgver=1
pkgrel="0"
pkgdesc="A thing"
url="https://example.org/"
arch="noarch"
license="MIT"
options="!check"

package() {{
	mkdir -p $pkgdir
}}
"""


def lint(*arguments: object, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the program without any configuration, and without PATH, as nothing else may be run."""
    return subprocess.run(
        [sys.executable, "-m", "abuildpy.cli.apkbuild_lint", *map(str, arguments)],
        cwd=cwd,
        env={"PYTHONPATH": str(TOP), "PYTHONDONTWRITEBYTECODE": "1", "PATH": "", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """An aports tree of two recipes."""
    for name in ("main/verse", "community/prose"):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        (folder / "APKBUILD").write_text(RECIPE.format(name=folder.name))
    return tmp_path


def clean(path: Path) -> None:
    text = path.read_text().replace('"0"', "0").replace("$pkgdir", '"$pkgdir"')
    path.write_text(text)


def test_findings(tree: Path) -> None:
    done = lint("main/verse/APKBUILD", cwd=tree)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == (
        "MC:[AL28]:main/verse/APKBUILD:4:literal integers must not be quoted\n"
        "MC:[AP2]:main/verse/APKBUILD:12:$pkgdir has to stand in double quotes\n"
    )


def test_nothing_to_say(tree: Path) -> None:
    clean(tree / "main/verse/APKBUILD")
    done = lint("main/verse", cwd=tree)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_folders(tree: Path) -> None:
    done = lint(tree)
    assert [line.split(":")[2] for line in done.stdout.splitlines()] == [
        *[str(tree / "community/prose/APKBUILD")] * 2,
        *[str(tree / "main/verse/APKBUILD")] * 2,
    ]


def test_missing_file_and_then_the_others(tree: Path) -> None:
    done = lint("nothing", "main/verse", cwd=tree)
    assert done.returncode == 1
    assert done.stderr.startswith("apkbuild-lint: nothing cannot be read: ")
    assert len(done.stderr.splitlines()) == 1
    assert len(done.stdout.splitlines()) == 2


def test_empty_folder(tmp_path: Path) -> None:
    done = lint(tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "APKBUILD cannot be read" in done.stderr


def test_broken_recipe(tree: Path) -> None:
    (tree / "main/verse/APKBUILD").write_text("pkgname=verse\nbuild() {\n")
    done = lint("main/verse", cwd=tree)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith("SC:[AP0]:main/verse/APKBUILD:2:")


def test_switches(tree: Path) -> None:
    assert "AL28" not in lint("main/verse", cwd=tree, SKIP_AL28="1").stdout
    assert "AL28" not in lint("main/verse", cwd=tree, SKIP_LITERAL_INTEGER_IS_QUOTED="1").stdout
    assert "AL28" in lint("main/verse", cwd=tree, SKIP_AL28="").stdout
    assert lint("main/verse", cwd=tree, SKIP_AL28="1", SKIP_AP2="1").returncode == 0


def test_choice_of_rules(tree: Path) -> None:
    assert "AP2" not in lint("--skip", "AP2", "main/verse", cwd=tree).stdout
    assert "AL28" not in lint("--only", "unquoted-path,AL5", "main/verse", cwd=tree).stdout
    assert lint("--severity", "S", "main/verse", cwd=tree).returncode == 0
    assert lint("--severity", "m", "main/verse", cwd=tree).returncode == 1
    (tree / "main/verse/APKBUILD").write_text(RECIPE.format(name="verse").replace("pkgver=1", 'pkgver=1\n_x="a"'))
    assert "MP:[AP9]" in lint("main/verse", cwd=tree).stdout
    assert "AP9" not in lint("--certain", "main/verse", cwd=tree).stdout


def test_formats(tree: Path) -> None:
    assert len(json.loads(lint("--format", "json", tree).stdout)) == 4
    assert len(json.loads(lint("--format", "gitlab", tree).stdout)) == 4
    assert len(json.loads(lint("--format=sarif", tree).stdout)["runs"][0]["results"]) == 4
    assert lint("--format=github", tree).stdout.count("::warning file=") == 4
    assert lint("--format=json", tree).returncode == 1
    done = lint("--format=json", "--severity=S", tree)
    assert (done.returncode, json.loads(done.stdout)) == (0, [])


def test_fix(tree: Path) -> None:
    done = lint("--fix", tree)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    text = (tree / "main/verse/APKBUILD").read_text()
    assert text == RECIPE.format(name="verse").replace('"0"', "0").replace("$pkgdir", '"$pkgdir"')


def test_fix_of_what_cannot_be_written(tree: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everything")
    (tree / "main/verse").chmod(0o500)
    done = lint("--fix", "main/verse", cwd=tree)
    (tree / "main/verse").chmod(0o700)
    assert done.returncode == 1
    assert "cannot be mended" in done.stderr


def test_explain_and_list() -> None:
    done = lint("--explain", "al5")
    assert done.returncode == 0
    assert done.stdout.startswith("AL5 empty-variable\n")
    assert lint("--list").stdout.startswith("AL1   MC default-builddir-value (--fix)\n")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        ([], 2, "usage: apkbuild-lint"),
        (["--nonsense", "x"], 2, "usage: apkbuild-lint"),
        (["--explain", "AL999"], 1, "no rule 'AL999'"),
        (["--only", "AL999", "x"], 1, "no rule 'AL999'"),
        (["--format", "xml", "x"], 1, "no format 'xml'"),
        (["--severity", "SI", "x"], 1, "no severity 'SI'"),
    ],
)
def test_wrong_command_lines(arguments: list[str], status: int, said: str) -> None:
    done = lint(*arguments)
    assert (done.returncode, done.stdout) == (status, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_umbrella(tree: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "abuildpy.cli.umbrella", "lint", "--only=AL28", "main/verse"],
        cwd=tree,
        env={"PYTHONPATH": str(TOP), "PYTHONDONTWRITEBYTECODE": "1", "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout == "MC:[AL28]:main/verse/APKBUILD:4:literal integers must not be quoted\n"


def test_odd_bytes_in_what_is_printed(tree: Path) -> None:
    path = tree / "main/verse/APKBUILD"
    path.write_bytes(path.read_bytes().replace(b'options="!check"', b'options="!check \xff\xfe"'))
    done = subprocess.run(
        [sys.executable, "-m", "abuildpy.cli.apkbuild_lint", "--only=AL49", str(path)],
        env={"PYTHONPATH": str(TOP), "PATH": "", "LC_ALL": "C"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 1
    assert b"invalid option '\xff\xfe'" in done.stdout
