# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests that run whole builds; a test module names this one in ``pytest_plugins``."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from buildkit import ORDINARY, PATH, TOP, Place

from abuildpy.sandbox.landlock import landlock_version


@pytest.fixture(scope="session")
def key_pair() -> tuple[bytes, bytes]:
    """A private key and its public half, PEM."""
    return make_key_pair()


def make_key_pair() -> tuple[bytes, bytes]:
    """A new private key and its public half, PEM."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, public


@pytest.fixture(scope="session")
def make_place(key_pair: tuple[bytes, bytes]) -> Iterator[Callable[..., Place]]:
    """Makes places; all are removed at the end of the session, or by ``place`` at the end of its test."""
    made: list[Path] = []

    def make(owner: int | None = None) -> Place:
        # Not pytest's own folder: that is closed to others, so that nobody else could build there.
        base = Path(tempfile.mkdtemp(prefix="abuildpy-test-"))
        base.chmod(0o755)
        made.append(base)
        place = Place(base, *key_pair, owner)
        if owner is not None:
            place.give_away()
        return place

    yield make
    for base in made:
        shutil.rmtree(base, ignore_errors=True)


@pytest.fixture
def place(make_place: Callable[..., Place]) -> Iterator[Place]:
    """A fresh place in which we run the program ourselves."""
    made = make_place()
    yield made
    shutil.rmtree(made.base, ignore_errors=True)


@pytest.fixture
def users_place(make_place: Callable[..., Place]) -> Iterator[Place]:
    """A fresh place in which an ordinary user runs the program."""
    owner = None
    if os.geteuid() == 0:
        owner = ORDINARY
        probe = subprocess.run(
            [sys.executable, "-c", "import abuildpy.cli.abuild, cryptography"],
            user=owner,
            group=owner,
            extra_groups=[],
            env={"PATH": PATH, "PYTHONPATH": str(TOP), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
            capture_output=True,
            check=False,
        )
        if probe.returncode != 0:
            pytest.skip(f"an ordinary user cannot run {sys.executable} with {TOP}")
    made = make_place(owner)
    yield made
    shutil.rmtree(made.base, ignore_errors=True)


@pytest.fixture(scope="session")
def _wall_reason(make_place: Callable[..., Place]) -> str:
    """Why bubblewrap cannot be used here; empty if it can."""
    place = make_place()
    folder = place.recipe("package() { :; }")
    done = place.run(folder, "--sandbox=bwrap", "listpkg")
    return "" if done.status == 0 else done.err.strip()


@pytest.fixture
def walls(_wall_reason: str) -> None:
    """Skips a test where there is no bubblewrap that works."""
    if _wall_reason:
        pytest.skip(f"no bubblewrap here: {_wall_reason}")


@pytest.fixture(params=["bwrap", "landlock", "none"])
def sandbox(request: pytest.FixtureRequest) -> str:
    """The option that chooses a sandbox, for each there is."""
    if request.param == "bwrap":
        request.getfixturevalue("walls")
    if request.param == "landlock" and not landlock_version():
        pytest.skip("no Landlock here")
    return f"--sandbox={request.param}"


@pytest.fixture(scope="session")
def _stock(make_place: Callable[..., Place]) -> Path:
    """A repository with a package and a signed index in it."""
    place = make_place()
    folder = place.recipe('package() { mkdir -p "$pkgdir"/usr/share; echo > "$pkgdir"/usr/share/s; }', name="stock")
    place.build(folder)
    return place.repodest


@pytest.fixture
def stocked(place: Place, _stock: Path) -> Place:
    """A fresh place whose repository already has a package and an index, to see whether they stay as they are."""
    shutil.copytree(_stock, place.repodest, dirs_exist_ok=True)
    return place


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[Path, str], None]]:
    """A function that lays a small file system over a folder; skips the test where that is not allowed."""
    mounted: list[Path] = []

    def lay(folder: Path, size: str) -> None:
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},mode=755", "abuildpy-test", str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            pytest.skip(f"a small file system cannot be mounted here: {done.stderr.strip()}")
        mounted.append(folder)

    yield lay
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)
