# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import hashlib
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from apk_samples import MakeApk, member
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from abuildpy.errors import RepositoryError
from abuildpy.repository import apkfile, datapart


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def signer(key: rsa.RSAPrivateKey, kind: str = "RSA") -> Callable[[bytes], tuple[str, bytes]]:
    algorithm = {"RSA": hashes.SHA1(), "RSA256": hashes.SHA256(), "RSA512": hashes.SHA512()}[kind]
    return lambda data: (f".SIGN.{kind}.me.rsa.pub", key.sign(data, padding.PKCS1v15(), algorithm))


def public(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


def test_reads_the_control_part(make_apk: MakeApk) -> None:
    scripts = {".post-install": b"#!/bin/sh\ntrue\n", ".trigger": b"#!/bin/sh\n"}
    path = make_apk(
        "foo", "1.2-r3", "depend = a", "depend = b>1", "# c = d", "odd", "pkgdesc = x = y", "commit = ", scripts=scripts
    )
    apk = apkfile.read(path)
    assert (apk.name, apk.version, apk.arch) == ("foo", "1.2-r3", "x86_64")
    assert apk.info.all("depend") == ("a", "b>1")
    assert apk.info.last("pkgdesc") == "x = y"
    assert apk.info.last("commit") == ""
    assert apk.info.last("c") == apk.info.last("nothing") == ""
    assert "odd" not in apk.info.fields
    assert dict(apk.scripts) == scripts
    assert apk.signatures == ()
    assert apk.size == path.stat().st_size


def test_the_last_value_counts(make_apk: MakeApk) -> None:
    assert apkfile.read(make_apk("foo", "1-r0", "url = a", "url = b")).info.last("url") == "b"


def test_identity_is_the_hash_of_the_stored_control_part(make_apk: MakeApk, key: rsa.RSAPrivateKey) -> None:
    plain = apkfile.read(make_apk(file_name="plain.apk"))
    signed = apkfile.read(make_apk(file_name="signed.apk", sign=signer(key)))
    data = plain.path.read_bytes()
    expected = hashlib.sha1(data[: plain.data_offset]).digest()
    assert plain.identity == signed.identity == "Q1" + base64.b64encode(expected).decode()
    assert signed.data_offset > plain.data_offset
    assert signed.path.read_bytes()[signed.data_offset :] == data[plain.data_offset :]


@pytest.mark.parametrize("kind", ["RSA", "RSA256", "RSA512"])
def test_signatures(make_apk: MakeApk, key: rsa.RSAPrivateKey, kind: str) -> None:
    apk = apkfile.read(make_apk(sign=signer(key, kind)))
    assert [(s.kind, s.key) for s in apk.signatures] == [(kind, "me.rsa.pub")]
    assert apkfile.is_signed_by(apk, {"me.rsa.pub": public(key)})
    assert not apkfile.is_signed_by(apk, {"you.rsa.pub": public(key)})
    assert not apkfile.is_signed_by(apk, {})


def test_a_signature_of_something_else(make_apk: MakeApk, key: rsa.RSAPrivateKey) -> None:
    apk = apkfile.read(make_apk(sign=lambda data: signer(key)(data + b"x")))
    assert not apkfile.is_signed_by(apk, {"me.rsa.pub": public(key)})


def test_an_unusable_key_is_named(make_apk: MakeApk, key: rsa.RSAPrivateKey) -> None:
    apk = apkfile.read(make_apk(sign=signer(key)))
    with pytest.raises(RepositoryError, match=r"me\.rsa\.pub"):
        apkfile.is_signed_by(apk, {"me.rsa.pub": b"rubbish"})


def test_data_hash(make_apk: MakeApk) -> None:
    path = make_apk()
    apk = apkfile.read(path)
    apkfile.verify_data(apk)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(RepositoryError, match=r"foo-1\.0-r0\.apk.*do not match"):
        apkfile.verify_data(apkfile.read(path))
    path = make_apk(datahash=False)
    with pytest.raises(RepositoryError, match="datahash"):
        apkfile.verify_data(apkfile.read(path))


def test_data_members(make_apk: MakeApk) -> None:
    apk = apkfile.read(make_apk(files={"usr/a": b"1", "usr/b": b"22"}))
    found = [(m.name, m.size, data) for m, data in apkfile.data_members(apk, contents=True)]
    assert found == [("usr/a", 1, b"1"), ("usr/b", 2, b"22")]
    assert [data for _, data in apkfile.data_members(apk)] == [b"", b""]


def test_an_absurd_data_part(make_apk: MakeApk, monkeypatch: pytest.MonkeyPatch) -> None:
    apk = apkfile.read(make_apk(files={"usr/zeros": bytes(1 << 20)}))
    assert list(apkfile.data_members(apk))
    monkeypatch.setattr(datapart, "_ALWAYS", 1 << 16)
    monkeypatch.setattr(datapart, "_MOST_TIMES", 1)
    with pytest.raises(RepositoryError, match="unpacks to more than"):
        list(apkfile.data_members(apk))
    with datapart.reading(apk, bounded=False) as members:
        assert [member.name for member, _ in members][-1] == "usr/zeros"


def test_damaged_data_part(make_apk: MakeApk) -> None:
    path = make_apk(files={"usr/a": os.urandom(20000)})
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(RepositoryError, match=r"foo-1\.0-r0\.apk.*data part"):
        list(apkfile.data_members(apkfile.read(path), contents=True))


def test_only_the_front_is_read(make_apk: MakeApk) -> None:
    path = make_apk()
    size = path.stat().st_size
    os.truncate(path, 1 << 40)  # a hole of 1 TiB, which nobody reads to its end
    apk = apkfile.read(path)
    assert apk.size == 1 << 40
    assert apk.data_offset < size


def test_large_scripts_and_long_names(make_apk: MakeApk) -> None:
    long = ".post-install" + "x" * 200
    scripts = {".trigger": os.urandom(300_000), long: b"y"}
    apk = apkfile.read(make_apk(scripts=scripts))
    assert dict(apk.scripts) == scripts


def test_every_truncation_is_noticed(make_apk: MakeApk) -> None:
    path = make_apk()
    content = path.read_bytes()
    end = apkfile.read(path).data_offset
    for length in range(end):
        path.write_bytes(content[:length])
        with pytest.raises(RepositoryError, match="foo-1"):
            apkfile.read(path)


def test_every_changed_byte_is_noticed_or_harmless(make_apk: MakeApk) -> None:
    path = make_apk()
    content = path.read_bytes()
    apk = apkfile.read(path)
    for at in range(apk.data_offset):
        changed = bytearray(content)
        changed[at] ^= 0x55
        path.write_bytes(changed)
        try:
            found = apkfile.read(path)
        except RepositoryError:
            continue
        assert found.info == apk.info  # a time stamp in the gzip header, for example


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not gzip at all",
        member({".SIGN.RSA.x": b"y"}),
        member({"usr/foo": b"data only"}),
        member({".post-install": b""}),
        member({}),
    ],
)
def test_what_is_no_apk(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.apk"
    path.write_bytes(content)
    with pytest.raises(RepositoryError, match=r"bad\.apk") as caught:
        apkfile.read(path)
    assert caught.value.hint


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apkfile, "_MAX_CONTROL", 100_000)
    path = tmp_path / "bomb.apk"
    path.write_bytes(member({".PKGINFO": bytes(200_000)}))
    with pytest.raises(RepositoryError, match=r"bomb\.apk.*large"):
        apkfile.read(path)


def test_what_is_no_file(tmp_path: Path) -> None:
    (tmp_path / "dir.apk").mkdir()
    os.mkfifo(tmp_path / "fifo.apk")
    for name in ("dir.apk", "fifo.apk", "missing.apk"):
        with pytest.raises(RepositoryError, match=name):
            apkfile.read(tmp_path / name)


def extended(records: bytes) -> bytes:
    """A tar of one file whose extended header has these records."""
    header = tarfile.TarInfo("header")
    header.type, header.size = tarfile.XHDTYPE, len(records)
    padded = records + bytes(-len(records) % 512)
    return header.tobuf(tarfile.USTAR_FORMAT) + padded + tarfile.TarInfo("short").tobuf(tarfile.USTAR_FORMAT)


@pytest.mark.parametrize(
    ("records", "name"),
    [
        (b"", b"short"),
        (b"14 path=a b=c\n", b"a b=c"),
        (b"9 path=a\n9 path=b\n", b"b"),
        (b"6 a=b\n9 path=a\n6 a=b\n", b"a"),
        (b"11 xpath=a\n", b"short"),
        (b"8 path=\n", b"short"),
    ],
)
def test_names_in_extended_headers(records: bytes, name: bytes) -> None:
    assert list(apkfile.tar_files(extended(records))) == [(name, b"")]


@pytest.mark.parametrize(
    "records",
    [
        b"x",
        b"6",
        b"6 ",
        b" a=b\n",
        b"0 a=b\n",
        b"2 a=b\n",
        b"7 a=b\n",
        b"-6 a=b\n",
        b"6 a=b\n6",
        b"1" * 300,
        b"6 a=b\n" * 200_000,
    ],
)
def test_extended_headers_that_make_no_sense(records: bytes) -> None:
    """The last one does, but would take long if there were more of it."""
    with pytest.raises(ValueError, match="extended header"):
        list(apkfile.tar_files(extended(records)))
