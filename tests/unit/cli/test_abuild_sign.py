# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from programs import Result, Run

from abuildpy.cli import sign
from abuildpy.config import Config
from abuildpy.errors import ConfigError

PROGRAM = sign


@pytest.fixture(scope="module")
def pem() -> bytes:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.fixture
def private(tmp_path: Path, pem: bytes) -> str:
    path = tmp_path / "me-1.rsa"
    path.write_bytes(pem)
    Path(f"{path}.pub").write_bytes(b"only its name counts")
    return str(path)


@pytest.fixture
def index(tmp_path: Path) -> Path:
    path = tmp_path / "repo" / "APKINDEX.tar.gz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress(b"index"))
    return path


@pytest.fixture
def run(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs it with these variables from the configuration."""

    def run_with(*arguments: str, **variables: str) -> Result:
        variables.setdefault("ABUILD_USERCONF", str(tmp_path / "abuild.conf"))
        monkeypatch.setattr("abuildpy.config.load_config", lambda: Config(variables, frozenset(), {}))
        return run(*arguments)

    return run_with


def member(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes())[:1536]


@pytest.mark.parametrize("option", ["-h", "--help", "--he"])
def test_help(run: Run, option: str) -> None:
    result = run(option, "-q", "file")
    assert (result.status, result.err) == (0, "")
    assert "Usage:" in result.out


@pytest.mark.parametrize("arguments", [["-INVALID"], ["--nonsense"], ["-k"], [], ["-q"]])
def test_bad_usage(run: Run, arguments: list[str]) -> None:
    result = run(*arguments)
    assert (result.status, result.out) == (2, "")
    assert "Usage:" in result.err


def test_no_private_key(run: Run) -> None:
    for arguments in (["-e"], ["file"]):
        result = run(*arguments)
        assert (result.status, result.out) == (1, "")
        assert "No private key found" in result.err
        assert "abuild.conf" in result.err


def test_installed(run: Run, private: str, tmp_path: Path) -> None:
    assert run("--installed", PACKAGER_PRIVKEY=private) == Result(0, "", "")
    Path(f"{private}.pub").unlink()
    result = run("-e", PACKAGER_PRIVKEY=private)
    assert result == Result(1, "", f"abuild-sign: {private}.pub: File not found\n")
    assert run("-e", "-p", str(tmp_path / "repo.pub"), PACKAGER_PRIVKEY=private).status == 1
    assert run("-e", PACKAGER_PRIVKEY=private, PACKAGER_PUBKEY=private).status == 0
    Path(private).unlink()
    assert f"abuild-sign: {private}: File not found\n" == run("-e", PACKAGER_PRIVKEY=private).err


def test_unknown_type(run: Run, private: str, index: Path) -> None:
    before = index.read_bytes()
    result = run("-t", "DSA", str(index), PACKAGER_PRIVKEY=private)
    assert result == Result(1, "", "abuild-sign: supported types are RSA and RSA256\n")
    assert index.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "variables", "name"),
    [
        ([], {}, b".SIGN.RSA.me-1.rsa.pub"),
        (["-t", "RSA256"], {}, b".SIGN.RSA256.me-1.rsa.pub"),
        ([], {"sigtype": "RSA256"}, b".SIGN.RSA256.me-1.rsa.pub"),
        (["--type=RSA"], {"sigtype": "RSA256"}, b".SIGN.RSA.me-1.rsa.pub"),
        ([], {"PACKAGER_PUBKEY": "/k/team.pub"}, b".SIGN.RSA.team.pub"),
        (["-p", "other.pub"], {"PACKAGER_PUBKEY": "/k/team.pub"}, b".SIGN.RSA.other.pub"),
    ],
)
def test_signs(
    run: Run, private: str, index: Path, arguments: list[str], variables: dict[str, str], name: bytes
) -> None:
    # Options may follow the files.
    result = run(str(index.parent), *arguments, PACKAGER_PRIVKEY=private, SOURCE_DATE_EPOCH="1700000000", **variables)
    assert result == Result(0, "", f">>> Signed {index}\n")
    content = member(index)
    assert name + b"\0" in content
    assert b"%011o\0" % 1_700_000_000 in content
    first = index.read_bytes()
    index.write_bytes(gzip.compress(b"index", mtime=0))
    again = run("-q", str(index), *arguments, PACKAGER_PRIVKEY=private, SOURCE_DATE_EPOCH="1700000000", **variables)
    assert again == Result(0, "", "")
    assert member(index)[:1024] == gzip.decompress(first)[:1024]


def test_key_option_wins(run: Run, private: str, index: Path, tmp_path: Path) -> None:
    result = run("-qk", private, str(index), PACKAGER_PRIVKEY=str(tmp_path / "missing.rsa"))
    assert result == Result(0, "", "")
    assert b".SIGN.RSA.me-1.rsa.pub\0" in member(index)


def test_an_empty_key_option_is_no_key(run: Run, private: str, index: Path) -> None:
    before = index.read_bytes()
    result = run("-k", "", str(index), PACKAGER_PRIVKEY=private)
    assert (result.status, result.out) == (1, "")
    assert result.err.startswith("No private key found")
    assert index.read_bytes() == before


def test_failures_are_messages(run: Run, private: str, index: Path, tmp_path: Path) -> None:
    result = run(str(tmp_path / "none"), str(index), PACKAGER_PRIVKEY=private)
    assert result.status == 1
    assert result.err.startswith(">>> ERROR: failed to sign ")
    result = run(str(index), PACKAGER_PRIVKEY=str(tmp_path / "none.rsa"))
    assert result.status == 1
    assert "none.rsa: the private key does not exist" in result.err
    assert "abuild-keygen -a" in result.err
    result = run(str(index), PACKAGER_PRIVKEY=private, SOURCE_DATE_EPOCH="yesterday")
    assert result.status == 1
    assert "SOURCE_DATE_EPOCH is not a number" in result.err


def test_unusable_configuration(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    def fail() -> Config:
        raise ConfigError("abuild.conf: line 1: syntax error")

    monkeypatch.setattr("abuildpy.config.load_config", fail)
    monkeypatch.setattr("sys.argv", ["abuild-sign", "-e"])
    assert sign.main() == 1
    assert capfd.readouterr().err == ">>> ERROR: abuild.conf: line 1: syntax error\n"


def test_colors(run: Run, private: str, index: Path) -> None:
    result = run(str(index), PACKAGER_PRIVKEY=private, USE_COLORS="force")
    assert result.err.startswith("\033[1;32m>>>\033[1;0m Signed ")
