# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import io
import os
import stat
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from abuildpy.config import Config
from abuildpy.errors import SigningError
from abuildpy.package.sign import load_signer, make_signer, public_key_name, sign_file

EPOCH = 1_700_000_000


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def private(tmp_path: Path, key: rsa.RSAPrivateKey) -> str:
    path = tmp_path / "me@example.org-1.rsa"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(path)


def split(blob: bytes) -> tuple[tarfile.TarInfo, bytes, bytes]:
    """The signature's member, its value, and what follows the signature part."""
    stream = zlib.decompressobj(31)
    content = stream.decompress(blob)
    assert len(content) % 512 == 0 and len(content) > 1024
    # No end-of-archive blocks: the last block is the signature's.
    assert content[-512:].strip(b"\0")
    with tarfile.open(fileobj=io.BytesIO(content + bytes(1024))) as archive:
        (member,) = archive.getmembers()
        file = archive.extractfile(member)
        assert file is not None
        return member, file.read(), stream.unused_data


HASHES: dict[str, hashes.HashAlgorithm] = {"RSA": hashes.SHA1(), "RSA256": hashes.SHA256()}


@pytest.mark.parametrize("kind", ["RSA", "RSA256"])
def test_index_signature(private: str, key: rsa.RSAPrivateKey, kind: str) -> None:
    index = gzip.compress(b"index")
    signed = make_signer(private, kind=kind).sign_index(index, epoch=EPOCH)
    member, value, rest = split(signed)
    assert rest == index
    assert member.name == f".SIGN.{kind}.me@example.org-1.rsa.pub"
    assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
    assert (member.mtime, member.mode) == (EPOCH, 0o644)
    key.public_key().verify(value, index, PKCS1v15(), HASHES[kind])
    assert signed == make_signer(private, kind=kind).sign_index(index, epoch=EPOCH)


@pytest.mark.parametrize("kind", ["RSA", "RSA256"])
def test_hosts_that_forbid_sha1_give_the_same_signature(
    private: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = make_signer(private, kind=kind)
    expected = signer.sign(bytes(range(HASHES[kind].digest_size)))

    def refuse(*arguments: object) -> None:
        raise UnsupportedAlgorithm("sha1 is not allowed here")

    monkeypatch.setattr("cryptography.hazmat.primitives.asymmetric.utils.Prehashed", refuse)
    assert signer.sign(bytes(range(HASHES[kind].digest_size))) == expected


@pytest.mark.parametrize(
    ("private_path", "public", "name"),
    [
        ("/home/x/.abuild/a.rsa", "", "a.rsa.pub"),
        ("a.rsa", "", "a.rsa.pub"),
        ("/k/a.rsa", "/etc/apk/keys/b.pub", "b.pub"),
        ("/k/a.rsa", "c", "c"),
    ],
)
def test_public_key_name(private_path: str, public: str, name: str) -> None:
    assert public_key_name(private_path, public) == name


def test_signer_of_the_configuration(private: str) -> None:
    variables = {"PACKAGER_PRIVKEY": private, "PACKAGER_PUBKEY": "/somewhere/team.pub"}
    assert load_signer(Config(variables, frozenset(), {})).member == ".SIGN.RSA.team.pub"
    variables["sigtype"] = "RSA256"
    assert load_signer(Config(variables, frozenset(), {})).member == ".SIGN.RSA256.team.pub"
    with pytest.raises(SigningError, match="No private key found") as caught:
        load_signer(Config({}, frozenset(), {}))
    assert "abuild-keygen -a" in str(caught.value.hint)


def encrypted(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))


def encrypted_the_old_way(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"secret"))


def elliptic(key: rsa.RSAPrivateKey) -> bytes:
    curve = ec.generate_private_key(ec.SECP256R1())
    return curve.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_half(key: rsa.RSAPrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def truncated(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())[:500]


def garbage(key: rsa.RSAPrivateKey) -> bytes:
    return b"\x00\xff no key"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (encrypted, "passphrase"),
        (encrypted_the_old_way, "passphrase"),
        (elliptic, "not an RSA key"),
        (public_half, "not a usable private key"),
        (truncated, "not a usable private key"),
        (garbage, "not a usable private key"),
    ],
)
def test_unusable_keys(
    tmp_path: Path, key: rsa.RSAPrivateKey, content: Callable[[rsa.RSAPrivateKey], bytes], message: str
) -> None:
    path = tmp_path / "key.rsa"
    path.write_bytes(content(key))
    with pytest.raises(SigningError, match=message) as caught:
        make_signer(str(path))
    assert "key.rsa" in caught.value.message
    assert caught.value.hint


def test_missing_key_and_folder(tmp_path: Path) -> None:
    with pytest.raises(SigningError, match="does not exist") as caught:
        make_signer(str(tmp_path / "none.rsa"))
    assert "abuild-keygen -a" in str(caught.value.hint)
    with pytest.raises(SigningError, match="cannot read"):
        make_signer(str(tmp_path))


def test_unknown_type_and_name(private: str) -> None:
    with pytest.raises(SigningError, match="DSA"):
        make_signer(private, kind="DSA")
    with pytest.raises(SigningError, match="not the name"):
        make_signer(private, public="/keys/")


def test_sign_file(tmp_path: Path, private: str) -> None:
    index = tmp_path / "repo" / "APKINDEX.tar.gz"
    index.parent.mkdir()
    index.write_bytes(gzip.compress(b"index"))
    index.chmod(0o600)
    before = index.read_bytes()
    (tmp_path / "link").symlink_to("repo")
    for number, path in enumerate((tmp_path / "link", index), start=1):
        assert sign_file(path, make_signer(private), epoch=EPOCH) == index
        member, _, rest = split(index.read_bytes())
        assert rest == before, number
        assert member.mtime == EPOCH
        assert stat.S_IMODE(index.stat().st_mode) == 0o644
        before = index.read_bytes()
    assert os.listdir(index.parent) == ["APKINDEX.tar.gz"]


def test_sign_file_failures_leave_everything_alone(
    tmp_path: Path, private: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = make_signer(private)
    with pytest.raises(SigningError, match=r"failed to sign .*none"):
        sign_file(tmp_path / "none", signer)
    folder = tmp_path / "repo"
    folder.mkdir()
    index = folder / "x.tar.gz"
    index.write_bytes(b"old")

    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("abuildpy.package.sign.shutil.copyfileobj", fail)
    with pytest.raises(SigningError, match="No space left"):
        sign_file(index, signer)
    assert index.read_bytes() == b"old"
    assert os.listdir(folder) == ["x.tar.gz"]
