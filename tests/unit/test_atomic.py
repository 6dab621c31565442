# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from abuildpy.atomic import mode_for, replacing


@contextmanager
def umask(mask: int) -> Iterator[None]:
    old = os.umask(mask)
    try:
        yield
    finally:
        os.umask(old)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_new_content_comes_with_the_name(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"old")
    with umask(0o077), replacing(target, 0o644) as file:
        file.write(b"new")
        file.flush()
        assert target.read_bytes() == b"old"
        (part,) = set(tmp_path.iterdir()) - {target}
        assert (part.name[:8], part.suffix, mode(part)) == (".target.", ".part", 0o600)
    assert (target.read_bytes(), mode(target)) == (b"new", 0o644)
    assert os.listdir(tmp_path) == ["target"]


def test_a_bare_name_is_in_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with replacing("target", 0o600, durable=True) as file:
        file.write(b"new")
    assert (Path("target").read_bytes(), mode(Path("target"))) == (b"new", 0o600)


def test_durable_content_is_on_the_disk_before_it_has_the_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    monkeypatch.setattr("abuildpy.atomic.os.fsync", lambda _number: synced.append((tmp_path / "target").exists()))
    for durable in (False, True):
        with replacing(tmp_path / "target", 0o644, durable=durable):
            pass
        assert synced == [False] * durable
        (tmp_path / "target").unlink()


def test_failure_leaves_everything_as_it_was(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), replacing(target, 0o644) as file:
        file.write(b"new")
        raise KeyboardInterrupt
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(OSError), replacing(folder, 0o644):
        pass
    assert target.read_bytes() == b"old"
    assert sorted(os.listdir(tmp_path)) == ["folder", "target"]


def test_what_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as error, replacing(tmp_path / "missing/target", 0o644):
        pass
    assert error.value.filename == str(tmp_path / "missing/target")


def test_permissions_of_a_rewritten_file(tmp_path: Path) -> None:
    target = tmp_path / "target"
    with umask(0o027):
        assert mode_for(target) == 0o640
        assert mode_for(target, 0o666) == 0o640
        assert os.umask(0o027) == 0o027, "left as it was"
        target.touch()
        target.chmod(0o604)
        assert mode_for(target) == 0o604
