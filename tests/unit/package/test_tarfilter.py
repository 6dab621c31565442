# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import hashlib
import io
import tarfile
from dataclasses import replace

import pytest

from abuildpy.errors import PackageError
from abuildpy.package import paxtar, tarfilter
from abuildpy.package.paxtar import Member

LONG = b"a/" + b"n" * 120
TARGET = b"t" * 150
CONTENT = b"some content\n"
MEMBERS = (
    (Member(b"folder/", paxtar.DIRECTORY, 0o755, 5), b""),
    (Member(b"folder/file", paxtar.REGULAR, 0o644, 5, size=len(CONTENT), user=b"root"), CONTENT),
    (Member(LONG, paxtar.REGULAR, 0o600, 5, size=1024), b"x" * 1024),
    (Member("ö".encode(), paxtar.REGULAR, 0o600, 5), b""),
    (Member(b"hard", paxtar.HARDLINK, 0o644, 5, link=b"folder/file"), b""),
    (Member(b"soft", paxtar.SYMLINK, 0o777, 5, link=TARGET), b""),
    (Member(b"pipe", paxtar.FIFO, 0o644, 5), b""),
    (Member(b"cap", paxtar.REGULAR, 0o755, 5, size=1, capability=b"\1\n\0"), b"y"),
)
END = bytes(1024)


def archive(checksums: bool) -> bytes:
    made = b""
    for member, content in MEMBERS:
        checksum = ""
        if checksums and member.kind == paxtar.REGULAR:
            checksum = hashlib.sha1(content).hexdigest()
        if checksums and member.kind == paxtar.SYMLINK:
            checksum = hashlib.sha1(TARGET[:100]).hexdigest()
        made += paxtar.header(replace(member, checksum=checksum)) + paxtar.pad(content)
    return made


def filtered(data: bytes, digest: str | None = "SHA1", *, cut: bool = False) -> bytes:
    sink = io.BytesIO()
    assert tarfilter.filter_tar(io.BytesIO(data), sink, digest=digest, cut=cut) is bool(data)
    return sink.getvalue()


def checksums_of(data: bytes, key: str) -> dict[str, str | None]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        return {member.name: member.pax_headers.get(f"APK-TOOLS.checksum.{key}") for member in tar}


def test_the_result_is_what_packages_are_made_of() -> None:
    assert filtered(archive(False) + END) == archive(True) + END


def test_cut_leaves_out_the_end_and_what_follows() -> None:
    data = archive(False)
    assert filtered(data + END + b"another archive", None, cut=True) == data
    assert filtered(data + END, cut=True) == archive(True)
    assert filtered(data, None, cut=True) == data
    assert filtered(data + END + b"rest", None) == data + END + b"rest"


def test_large_files_wait_on_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarfilter, "_IN_MEMORY", 3)
    monkeypatch.setattr(tarfilter, "_PIECE", 5)
    assert filtered(archive(False) + END) == archive(True) + END


@pytest.mark.parametrize(("name", "shown"), [("md5", "MD5"), ("sha256", "SHA256"), ("SHA3-256", "SHA3-256")])
def test_other_digests(name: str, shown: str) -> None:
    assert tarfilter.digest_named(name) == shown
    found = checksums_of(filtered(archive(False) + END, shown), shown)
    assert found["folder/file"] == hashlib.new(name, CONTENT).hexdigest()
    assert found["hard"] is found["folder"] is found["pipe"] is None


def test_digests_that_are_none() -> None:
    assert tarfilter.digest_named("nonsense") is None
    assert tarfilter.digest_named("shake128") is None
    shown = tarfilter.digest_named("blake2b512")
    assert shown == "BLAKE2b512"
    assert checksums_of(filtered(archive(False) + END, shown), shown)["folder/file"]


@pytest.mark.parametrize("form", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT])
def test_members_without_an_extended_header_get_one(form: int) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for name in ("short", "d/" * 40 + "e" * 80):
            member = tarfile.TarInfo(name)
            member.size, member.mtime = len(CONTENT), 7
            tar.addfile(member, io.BytesIO(CONTENT))
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "short"
        tar.addfile(link)
    result, wanted = filtered(buffer.getvalue()), hashlib.sha1(CONTENT).hexdigest()
    if form == tarfile.USTAR_FORMAT:
        path, added = b"d/" * 40 + b"e" * 80, paxtar.record(b"APK-TOOLS.checksum.SHA1", wanted.encode())
        assert paxtar.extended_header(path, added, 7) in result
    assert checksums_of(result, "SHA1") == {
        "short": wanted,
        "d/" * 40 + "e" * 80: wanted,
        "link": hashlib.sha1(b"short").hexdigest(),
    }


def test_the_size_may_stand_in_the_records() -> None:
    block = bytearray(paxtar.header(Member(b"f", paxtar.REGULAR, 0o644, 5))[-512:])
    data = paxtar.extended_header(b"f", paxtar.record(b"size", b"600"), 5) + bytes(block) + b"z" * 600 + bytes(424)
    result = filtered(data + END)
    assert hashlib.sha1(b"z" * 600).hexdigest().encode() in result
    assert result.endswith(b"z" * 600 + bytes(424) + END)


def test_binary_sizes() -> None:
    block = bytearray(paxtar.header(Member(b"f", paxtar.REGULAR, 0o644, 5))[-512:])
    block[124:136] = b"\x80" + (3).to_bytes(11, "big")
    assert hashlib.sha1(b"zzz").hexdigest().encode() in filtered(bytes(block) + b"zzz" + bytes(509) + END)


def test_an_extended_header_for_nobody_stays() -> None:
    lonely = paxtar.extended_header(b"f", paxtar.record(b"path", b"x"), 5)
    assert filtered(lonely + lonely + END) == lonely + lonely + END
    assert filtered(lonely) == lonely


@pytest.mark.parametrize("length", [100, 700, 1024 + 100, 1536 + 5, 1536 + len(CONTENT)])
def test_a_truncated_archive_is_an_error(length: int) -> None:
    data = paxtar.header(MEMBERS[1][0]) + paxtar.pad(CONTENT)
    assert len(data) == 1536 + 512
    for digest in (None, "SHA1"):
        with pytest.raises(PackageError, match="cannot be read"):
            filtered(data[:length], digest)


def test_no_archive_at_all() -> None:
    assert filtered(b"") == b""
    with pytest.raises(PackageError):
        filtered(b"\x1f\x8b" + b"compressed" * 100)
