# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import io
import tarfile

import pytest
from programs import RawResult, run_module


def run(*arguments: str, data: bytes = b"") -> RawResult:
    return run_module("abuild_tar", *arguments, data=data)


def archive() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        member = tarfile.TarInfo("foo")
        member.size, member.mtime = 4, 1.5  # the fraction calls for an extended header
        tar.addfile(member, io.BytesIO(b"foo\n"))
    return buffer.getvalue()


def test_help() -> None:
    status, out, err = run("--help")
    assert (status, err) == (0, b"")
    assert b"usage:" in out


@pytest.mark.parametrize("arguments", [[], ["--invalid"], ["--hash=nonsense"], ["--cut=x"], ["--cut", "file"]])
def test_bad_usage(arguments: list[str]) -> None:
    status, out, err = run(*arguments, data=archive())
    assert (status, out) == (1, b"")
    assert b"usage:" in err


@pytest.mark.parametrize("option", ["--hash", "--ha", "--hash=sha1", "--hash=SHA1"])
def test_hash(option: str) -> None:
    status, out, err = run(option, data=archive())
    assert (status, err) == (0, b"")
    with tarfile.open(fileobj=io.BytesIO(out)) as tar:
        (member,) = tar
    assert member.pax_headers["APK-TOOLS.checksum.SHA1"] == hashlib.sha1(b"foo\n").hexdigest()
    assert out.endswith(bytes(1024))


def test_hash_and_cut() -> None:
    status, out, _ = run("--cut", "--hash=sha256", data=archive())
    assert status == 0
    assert out.endswith(b"foo\n" + bytes(508))
    assert b"checksum.SHA256=" + hashlib.sha256(b"foo\n").hexdigest().encode() in out


def test_cut_archives_can_be_joined() -> None:
    status, out, err = run("--cut", data=archive())
    assert (status, err) == (0, b"")
    with tarfile.open(fileobj=io.BytesIO(out + archive())) as tar:
        assert tar.getnames() == ["foo", "foo"]


def test_nothing_or_rubbish_on_standard_input() -> None:
    status, out, err = run("--cut")
    assert (status, out) == (1, b"")
    assert b"standard input" in err
    status, _, err = run("--hash", data=archive()[:1600])
    assert status == 1
    assert err.startswith(b"abuild-tar: the tar archive cannot be read")
    assert b"Traceback" not in err
