# SPDX-License-Identifier: GPL-3.0-or-later
"""A cache that others write at once, or that is damaged, costs time and never a right answer."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from buildkit import TOP
from poolkit import below, place_config, recipe, values, write

SCRIPT = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from poolkit import below, place_config
base, last = Path(sys.argv[2]), int(sys.argv[3])
count = 0
def step(frame, event, _argument):
    global count
    if event == "call" and "abuildpy/" in frame.f_code.co_filename:
        count += 1
        if count == last:
            os.kill(os.getpid(), signal.SIGKILL)
config = place_config(base)
sys.setprofile(step)
found = below(base, config)
sys.setprofile(None)
print(count, *(f"{name}={answer.variables['_own']}" for name, answer in found.items()))
"""


@pytest.fixture(name="base")
def fixture_base() -> Iterator[Path]:
    """A place with thirty recipes."""
    with tempfile.TemporaryDirectory(prefix="abuildpy-test-") as folder:
        os.chmod(folder, 0o755)
        base = Path(folder)
        place_config(base)
        for number in range(30):
            more = b"_n=$(echo a)\n" if number % 5 == 0 else b""
            write(base, f"p{number:02}", recipe(f"p{number:02}", b"_own=%d\n%b" % (number, more)))
        yield base


def start(base: Path, last: int = 0) -> subprocess.Popen[str]:
    """Evaluates all of it in a process of its own, which ends itself at the call with that number."""
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(Path(__file__).parent), str(base), str(last)],
        env={**os.environ, "PYTHONPATH": str(TOP)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def is_right(process: subprocess.Popen[str]) -> int:
    """Whether a process told all values; returns how many calls it made."""
    out, err = process.communicate()
    assert (process.returncode, err) == (0, "")
    count, *found = out.split()
    assert found == [f"p{number:02}={number}" for number in range(30)]
    return int(count)


def is_killed(base: Path, last: int) -> bool:
    """Whether a process was killed at that call; one that needs fewer calls tells all values."""
    with start(base, last) as process:
        # Not until its output ends: a bwrap that is killed between its clone and its "go" leaves one that holds it.
        if process.wait() == -signal.SIGKILL:
            return True
        is_right(process)
    return False


def packs(base: Path) -> list[Path]:
    """The files of the cache."""
    return list((base / "home/.cache/abuildpy/packs").iterdir())


def test_four_at_once(base: Path) -> None:
    for process in [start(base) for _ in range(4)]:
        is_right(process)
    assert len(packs(base)) == 1
    is_right(start(base))


def test_killed_at_any_moment(base: Path) -> None:
    count = is_right(start(base))
    for pack in packs(base):
        pack.unlink()
    for part in range(1, 11):
        if not is_killed(base, count * part // 11):  # nearly all was kept by the one before
            for pack in packs(base):
                pack.unlink()
            assert is_killed(base, count * part // 11)
    is_right(start(base))
    is_right(start(base))


def cut(size: float) -> Callable[[bytes], bytes]:
    """Keeps that part of a file."""
    return lambda content: content[: int(len(content) * size)]


def flipped(place: float) -> Callable[[bytes], bytes]:
    """Changes a bit."""

    def flip(content: bytes) -> bytes:
        at = int(len(content) * place)
        return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]

    return flip


@pytest.mark.parametrize(
    "damage",
    [
        *(pytest.param(cut(size), id=f"cut at {size}") for size in (0, 0.001, 0.01, 0.3, 0.6, 0.9, 0.999)),
        *(
            pytest.param(flipped(place), id=f"flipped at {place}")
            for place in (0, 0.001, 0.01, 0.1, 0.3, 0.6, 0.9, 0.999)
        ),
        pytest.param(lambda content: content.replace(b"pack 1", b"pack 0", 1), id="another version"),
        pytest.param(lambda content: b"\0" * len(content), id="nothing but NULs"),
        pytest.param(lambda content: content + b"more", id="longer"),
    ],
)
def test_a_damaged_pack(base: Path, damage: Callable[[bytes], bytes]) -> None:
    config = place_config(base)
    right = {name: values(answer) for name, answer in below(base, config).items()}
    (pack,) = packs(base)
    whole = pack.read_bytes()
    pack.write_bytes(damage(whole))
    assert {name: values(answer) for name, answer in below(base, config).items()} == right
    assert {name: values(answer) for name, answer in below(base, config).items()} == right


@pytest.mark.parametrize("place", [".cache", ".cache/abuildpy", ".cache/abuildpy/packs"])
def test_a_file_in_the_place_of_a_folder(base: Path, place: str) -> None:
    path = base / "home" / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    assert [answer.variables["_own"] for answer in below(base, place_config(base)).values()] == list(
        map(str, range(30))
    )


def test_a_folder_in_the_place_of_a_pack(base: Path) -> None:
    below(base, place_config(base))
    (pack,) = packs(base)
    pack.unlink()
    pack.mkdir()
    assert [answer.variables["_own"] for answer in below(base, place_config(base)).values()] == list(
        map(str, range(30))
    )


def test_a_cache_that_cannot_be_read_or_written(base: Path) -> None:
    below(base, place_config(base))
    (pack,) = packs(base)
    pack.chmod(0)
    pack.parent.chmod(0o500)
    try:
        found = below(base, place_config(base))
    finally:
        pack.parent.chmod(0o700)
    assert [answer.variables["_own"] for answer in found.values()] == list(map(str, range(30)))
