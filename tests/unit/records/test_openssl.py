# SPDX-License-Identifier: GPL-3.0-or-later
"""The provenance is verified by somebody who has never heard of us: openssl, with what docs/provenance.md says to type."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from recordkit import NAME, make_build, signer

DOC = Path(__file__).resolve().parents[3] / "docs" / "provenance.md"

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed")


def _script() -> str:
    """The commands of the chapter about openssl."""
    script = re.search(r"```sh\n# dsse-verify\n(.*?)```", DOC.read_text(), re.DOTALL)
    assert script is not None
    return script[1]


def _run(folder: Path, public: bytes) -> subprocess.CompletedProcess[str]:
    (folder / NAME).write_bytes(public)
    environment = {"PATH": os.environ["PATH"], "STATEMENT": "tool-1.0-r0.provenance.json", "KEY": NAME}
    return subprocess.run(
        ["sh", "-eu", "-c", _script()], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_openssl_finds_the_signature_good(tmp_path: Path) -> None:
    built = make_build(tmp_path, signer())
    done = _run(tmp_path, built.signer.public_pem)
    assert (done.returncode, done.stdout) == (0, "Verified OK\n"), done.stderr
    assert (tmp_path / "payload").read_bytes().startswith(b"{")


def test_openssl_finds_a_changed_payload_and_another_key(tmp_path: Path) -> None:
    built = make_build(tmp_path, signer())
    done = _run(tmp_path, signer().public_pem)
    assert done.returncode != 0
    path = built.path("tool-1.0-r0.provenance.json")
    other = make_build(tmp_path / "other", signer())
    mine, theirs = (re.search(r'"payload": "([^"]+)"', p.read_text()) for p in (path, other.path(path.name)))
    assert mine is not None and theirs is not None
    path.write_text(path.read_text().replace(mine[1], theirs[1]))
    assert _run(tmp_path, built.signer.public_pem).returncode != 0
