# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads from a mirror, and what becomes of them where it is not as it should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fetch_samples import BODY, NAME, QUICK, drip, expect, flood, only_file
from source_servers import Handler, Log, Web

from abuildpy.source.fetch import fetch


@pytest.mark.parametrize("answer", [drip, flood])
def test_a_mirror_that_drips_or_never_ends_has_a_substitute(
    web: Web, tmp_path: Path, log: Log, answer: Callable[[Handler], None]
) -> None:
    web.files[f"/{NAME}"] = BODY
    web.script = [answer]
    options = replace(QUICK, most=1_000_000, stall_timeout=20, pace_time=1)
    fetch(f"{web.url}/{NAME}", tmp_path, log=log, mirror=f"{web.url}/mirror", options=options)
    only_file(tmp_path)


def test_a_mirror_that_is_a_folder_with_a_device(web: Web, tmp_path: Path, log: Log) -> None:
    web.files[f"/{NAME}"] = BODY
    mirror, into = tmp_path / "mirror", tmp_path / "into"
    mirror.mkdir()
    (mirror / NAME).symlink_to("/dev/zero")
    fetch(f"{web.url}/{NAME}", into, log=log, mirror=str(mirror), options=QUICK)
    only_file(into)


def test_the_mirror_comes_first(web: Web, tmp_path: Path, log: Log) -> None:
    web.files[f"/mirror/v1/{NAME}"] = BODY
    fetch(f"{NAME}::{web.url}/gone", tmp_path, log=log, mirror=f"{web.url}/mirror/v1/", options=QUICK)
    only_file(tmp_path)
    assert [path for path, _ in web.requests] == [f"/mirror/v1/{NAME}"]


def test_a_mirror_without_the_file_is_no_error(web: Web, tmp_path: Path, log: Log) -> None:
    web.files[f"/{NAME}"] = BODY
    fetch(f"{web.url}/{NAME}", tmp_path, log=log, mirror=f"{web.url}/mirror", options=QUICK)
    only_file(tmp_path)
    assert log.of("warning") == []


def test_a_wrong_mirror_file_is_set_aside_and_the_origin_asked(web: Web, tmp_path: Path, log: Log) -> None:
    web.files = {f"/mirror/{NAME}": b"stale", f"/{NAME}": BODY}
    expected = expect(BODY)
    fetch(f"{web.url}/{NAME}", tmp_path, log=log, mirror=f"{web.url}/mirror", options=QUICK, expected=expected)
    assert (tmp_path / NAME).read_bytes() == BODY
    assert (tmp_path / f"{NAME}.{expected.hash[:8]}").read_bytes() == b"stale"
    assert log.of("warning")


def test_a_mirror_that_is_a_folder(web: Web, tmp_path: Path, log: Log) -> None:
    mirror, first, second = tmp_path / "mirror", tmp_path / "first", tmp_path / "second"
    mirror.mkdir()
    (mirror / NAME).write_bytes(BODY)
    fetch(f"{web.url}/{NAME}", first, log=log, mirror=str(mirror), options=QUICK)
    only_file(first)
    assert web.requests == []
    web.files["/other"] = b"other"
    fetch(f"{web.url}/other", second, log=log, mirror=str(mirror), options=QUICK)
    only_file(second, b"other", "other")


def test_a_mirror_folder_without_the_file_costs_no_part(web: Web, tmp_path: Path, log: Log) -> None:
    web.files[f"/{NAME}"] = BODY
    (tmp_path / f"{NAME}.part").write_bytes(BODY[:777])
    fetch(f"{web.url}/{NAME}", tmp_path, log=log, mirror="/nonexistent", options=QUICK)
    only_file(tmp_path)
    assert web.asked("Range") == ["bytes=777-"]
