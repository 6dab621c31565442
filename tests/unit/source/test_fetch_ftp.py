# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads by FTP."""

from __future__ import annotations

from pathlib import Path

import pytest
from fetch_samples import BODY, NAME, QUICK, only_file
from source_servers import Ftp, Log

from abuildpy.errors import FetchError
from abuildpy.source.fetch import fetch


def test_ftp_download(ftp: Ftp, tmp_path: Path, log: Log) -> None:
    ftp.files["pub/a b.tgz"] = BODY
    fetch(f"{NAME}::{ftp.url}/pub/a%20b.tgz", tmp_path, log=log, options=QUICK)
    only_file(tmp_path)
    assert ftp.commands[:2] == ["USER anonymous", "PASS anonymous@"]


def test_ftp_continues_a_broken_transfer(ftp: Ftp, tmp_path: Path, log: Log) -> None:
    ftp.files[NAME] = BODY
    ftp.cut = [1000]
    fetch(f"{ftp.url}/{NAME}", tmp_path, log=log, options=QUICK)
    only_file(tmp_path)
    assert "REST 1000" in ftp.commands


@pytest.mark.parametrize("size", [True, False])
def test_ftp_without_rest_starts_over(ftp: Ftp, tmp_path: Path, log: Log, size: bool) -> None:
    ftp.files[NAME], ftp.rest, ftp.size = BODY, False, size
    (tmp_path / f"{NAME}.part").write_bytes(BODY[:500])
    fetch(f"{ftp.url}/{NAME}", tmp_path, log=log, options=QUICK)
    only_file(tmp_path)


def test_ftp_that_ends_early_without_a_word_is_continued(ftp: Ftp, tmp_path: Path, log: Log) -> None:
    ftp.files[NAME], ftp.cut, ftp.honest = BODY, [1000], False
    fetch(f"{ftp.url}/{NAME}", tmp_path, log=log, options=QUICK)
    only_file(tmp_path)


def test_ftp_part_longer_than_the_file_is_thrown_away(ftp: Ftp, tmp_path: Path, log: Log) -> None:
    ftp.files[NAME] = BODY
    (tmp_path / f"{NAME}.part").write_bytes(BODY + b"more")
    fetch(f"{ftp.url}/{NAME}", tmp_path, log=log, options=QUICK)
    only_file(tmp_path)


def test_ftp_missing_file(ftp: Ftp, tmp_path: Path, log: Log) -> None:
    with pytest.raises(FetchError, match="550"):
        fetch(f"{ftp.url}/{NAME}", tmp_path, log=log, options=QUICK)
    assert sum(c.startswith("RETR") for c in ftp.commands) == 1


def test_ftp_line_break_in_the_address_is_no_second_command(ftp: Ftp, tmp_path: Path, log: Log) -> None:
    with pytest.raises(FetchError):
        fetch(f"{ftp.url}/x%0d%0aDELE%20y", tmp_path, log=log, options=QUICK)
    assert not any(c.startswith("DELE") for c in ftp.commands)
