# SPDX-License-Identifier: GPL-3.0-or-later
"""A small aports tree in git, with programs that stand in for abuild and checkapk, for the tests of the maintainer's tools."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

RECIPE = """\
pkgname={name}
pkgver=1.0 # keep this
pkgrel=3\t# and this
package() {{
\t:
}}
"""

_STAND_IN = """\
#!/bin/sh
echo "{name}($*) $(basename "$PWD") $(grep -c '^pkgver=1.0' APKBUILD) leak=$LEAK" >> {log}
[ ! -f fail-{name} ] || exit 7
"""


@dataclass(frozen=True)
class Aports:
    """``top`` is the work tree; ``log`` where the stand-ins write how they were called."""

    top: Path
    log: Path

    def add(self, path: str, text: str = "") -> Path:
        """Writes a recipe and commits it."""
        apkbuild = self.top / path / "APKBUILD"
        apkbuild.parent.mkdir(parents=True, exist_ok=True)
        apkbuild.write_text(text or RECIPE.format(name=apkbuild.parent.name))
        self.git("add", ".")
        self.git("commit", "-qm", f"add {path}")
        return apkbuild

    def git(self, *words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=self.top, check=True, stdout=subprocess.PIPE, text=True
        ).stdout.strip()

    def called(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def subjects(self) -> list[str]:
        """Subjects of all commits but those that only added recipes, newest first."""
        return [line for line in self.git("log", "--format=%s").splitlines() if not line.startswith("add ")]


def make_aports(folder: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Aports:
    """An empty tree below ``folder``, which the environment is made ready for: an identity, stand-ins in PATH."""
    programs = folder / "programs"
    programs.mkdir()
    (home / "gitconfig").write_text(
        "[user]\nname = Joe\nemail = joe@example.org\n[init]\ndefaultBranch = master\n[color]\nui = always\n"
    )
    for name in ("ABUILD", "ABUILD_OPTS", "LEAK", "GIT_DIR", "pkgver", "pkgrel"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(home / "gitconfig"))
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    made = Aports(folder / "aports", folder / "called")
    for name in ("abuild", "checkapk"):
        program = programs / name
        program.write_text(_STAND_IN.format(name=name, log=made.log))
        program.chmod(0o755)
    made.top.mkdir()
    made.git("init", "-q")
    return made
