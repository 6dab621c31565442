# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import re
import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
from programs import Result, Run

from abuildpy.cli import keygen
from abuildpy.config import Config

PROGRAM = keygen


@pytest.fixture(scope="module")
def ready_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch, ready_key: rsa.RSAPrivateKey) -> list[int]:
    """Keys at once instead of after seconds; holds the sizes asked for."""
    sizes: list[int] = []

    def generate(public_exponent: int, key_size: int) -> rsa.RSAPrivateKey:
        assert public_exponent == 65537
        sizes.append(key_size)
        return ready_key

    monkeypatch.setattr(rsa, "generate_private_key", generate)
    return sizes


@pytest.fixture
def run(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs it with this environment and this answer on standard input; what is left of that is taken for output."""

    def run_with(*arguments: str, answer: bytes = b"", **environ: str) -> Result:
        variables = {
            "ABUILD_USERDIR": str(tmp_path / ".abuild"),
            "ABUILD_USERCONF": str(tmp_path / ".abuild" / "abuild.conf"),
            "PACKAGER": environ.get("PACKAGER", ""),
        }
        environ.setdefault("GIT", "false")
        monkeypatch.setattr("abuildpy.config.load_config", lambda: Config(variables, frozenset(), environ))
        reader, writer = os.pipe()
        os.write(writer, answer)
        os.close(writer)
        saved = os.dup(0)
        os.dup2(reader, 0)
        try:
            result = run(*arguments)
            left = os.read(0, 100)
        finally:
            os.dup2(saved, 0)
            os.close(saved)
            os.close(reader)
        return result._replace(out=result.out + left.decode())

    return run_with


def only_key(folder: Path) -> Path:
    (path,) = folder.glob("*.rsa")
    return path


def test_help(run: Run) -> None:
    result = run("--help")
    assert (result.status, result.err) == (0, "")
    assert "Usage:" in result.out and "abuild.conf" in result.out


def test_bad_option(run: Run, tmp_path: Path) -> None:
    for arguments in (["-INVALID"], ["--nonsense"], ["-b"]):
        result = run(*arguments)
        assert (result.status, result.out) == (1, "")
        assert result.err
    assert not (tmp_path / ".abuild").exists()


def test_extra_argument(run: Run) -> None:
    result = run("INVALID", "-n")
    assert (result.status, result.out) == (2, "")
    assert "Usage:" in result.err


@pytest.mark.parametrize("size", ["x", "", "-5", "512", "1000000"])
def test_bad_size(run: Run, size: str) -> None:
    result = run("-n", "-b", size)
    assert result.status == 1
    assert "not a usable key size" in result.err


def test_real_key(run: Run, tmp_path: Path) -> None:
    old = os.umask(0o022)
    try:
        result = run("-n", "--numbits", "2048", "-q", USER="joe")
    finally:
        os.umask(old)
    assert (result.status, result.out) == (0, "")
    assert result.err == "Generating RSA private key, 2048 bit\nwriting RSA key\n"
    path = only_key(tmp_path / ".abuild")
    assert re.fullmatch(r"joe-[0-9a-f]{8,}\.rsa", path.name)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    public_path = Path(f"{path}.pub")
    assert stat.S_IMODE(public_path.stat().st_mode) == 0o644
    private = load_pem_private_key(path.read_bytes(), None)
    public = load_pem_public_key(public_path.read_bytes())
    assert isinstance(private, rsa.RSAPrivateKey) and isinstance(public, rsa.RSAPublicKey)
    assert private.key_size == 2048
    assert private.public_key().public_numbers() == public.public_numbers()
    assert sorted(os.listdir(path.parent)) == [path.name, public_path.name]


@pytest.mark.parametrize(
    ("environ", "name"),
    [
        ({"PACKAGER": "Joe <joe@example.org>", "USER": "u"}, "joe@example.org"),
        ({"PACKAGER": "joe@example.org", "USER": "u"}, "joe@example.org"),
        ({"PACKAGER": "Joe", "USER": "u", "GIT": "echo git@example.org"}, "git@example.org config --get user.email"),
        ({"PACKAGER": "Joe", "USER": "u", "GIT": "/nonexistent/git"}, "u"),
        ({"PACKAGER": "Joe <../x@y>"}, ".._x@y"),
        ({}, ""),
    ],
)
def test_name(run: Run, tmp_path: Path, quick: list[int], environ: dict[str, str], name: str) -> None:
    assert run("-n", **environ).status == 0
    assert only_key(tmp_path / ".abuild").name.rpartition("-")[0] == name
    assert quick == [4096]


def test_messages(run: Run, quick: list[int], tmp_path: Path) -> None:
    result = run("-n", PACKAGER="<a@b>")
    assert result.out == ""
    path = only_key(tmp_path / ".abuild")
    assert f">>> {path}\n" in result.err
    assert f'>>> PACKAGER_PRIVKEY="{path}"\n' in result.err
    assert not (tmp_path / ".abuild" / "abuild.conf").exists()


def test_prompt(run: Run, quick: list[int], tmp_path: Path) -> None:
    chosen = tmp_path / "my key.rsa"
    result = run(answer=f"{chosen}\nnext line\n".encode())
    assert result.status == 0
    # What follows the answer is left for cp -i.
    assert re.fullmatch(r"Enter file in which to save the key \[.*\.rsa\]: next line\n", result.out)
    assert chosen.exists() and Path(f"{chosen}.pub").exists()
    assert run(answer=b"\n").status == 0
    only_key(tmp_path / ".abuild")


def test_no_answer(run: Run, quick: list[int], tmp_path: Path) -> None:
    result = run(answer=b"")
    assert result.status == 1
    assert ">>> ERROR: no answer" in result.err
    assert os.listdir(tmp_path / ".abuild") == []


def test_an_existing_key_is_never_overwritten(run: Run, quick: list[int], tmp_path: Path) -> None:
    chosen = tmp_path / "old.rsa"
    chosen.write_text("precious")
    result = run("-a", answer=f"{chosen}\n".encode())
    assert result.status == 1
    assert "exists already" in result.err
    assert chosen.read_text() == "precious"
    assert not Path(f"{chosen}.pub").exists()
    assert quick == []


def test_append(run: Run, quick: list[int], tmp_path: Path) -> None:
    assert run("-an", PACKAGER="<a@b>").status == 0
    conf = tmp_path / ".abuild" / "abuild.conf"
    first = f'PACKAGER_PRIVKEY="{only_key(conf.parent)}"'
    assert conf.read_text() == f"{first}\n"
    real = tmp_path / "dotfiles"
    real.write_bytes(b'# PACKAGER_PRIVKEY=x\nPACKAGER="me \xff"\nPACKAGER_PRIVKEY=/a\nexport X=1\nPACKAGER_PRIVKEY="b"')
    real.chmod(0o640)
    conf.unlink()
    conf.symlink_to(real)
    assert run("--append", "-n", PACKAGER="<c@d>").status == 0
    (second,) = conf.parent.glob("c@d-*.rsa")
    assert real.read_bytes() == (
        b'# PACKAGER_PRIVKEY=x\nPACKAGER="me \xff"\n#PACKAGER_PRIVKEY=/a\nexport X=1\n#PACKAGER_PRIVKEY="b"\n'
        + f'PACKAGER_PRIVKEY="{second}"\n'.encode()
    )
    assert conf.is_symlink()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_append_quotes_for_the_shell(run: Run, quick: list[int], tmp_path: Path) -> None:
    odd = tmp_path / 'a$b"c`d\\e.rsa'
    assert run("-a", answer=f"{odd}\n".encode()).status == 0
    text = (tmp_path / ".abuild" / "abuild.conf").read_text()
    assert text == f'PACKAGER_PRIVKEY="{tmp_path}/a\\$b\\"c\\`d\\\\e.rsa"\n'


def test_install(run: Run, quick: list[int], tmp_path: Path) -> None:
    result = run("-in", SUDO="", abuild_keygen_install_root=str(tmp_path / "root"))
    assert (result.status, result.out) == (0, "")
    path = only_key(tmp_path / ".abuild")
    installed = tmp_path / "root" / "etc" / "apk" / "keys" / f"{path.name}.pub"
    assert installed.read_bytes() == Path(f"{path}.pub").read_bytes()
    assert f"Installing {path}.pub to /etc/apk/keys..." in result.err


def test_install_asks_cp_to_ask(run: Run, quick: list[int], tmp_path: Path) -> None:
    tool = tmp_path / "become"
    tool.write_text('#!/bin/sh\necho "become $*"\n')
    tool.chmod(0o755)
    result = run("-i", SUDO=str(tool), answer=b"\n")
    assert result.status == 0
    public = f"{only_key(tmp_path / '.abuild')}.pub"
    assert result.out.endswith(f"become mkdir -p /etc/apk/keys\nbecome cp -i {public} /etc/apk/keys/\n")


@pytest.mark.parametrize("sudo", ["false", "/nonexistent/doas"])
def test_install_fails(run: Run, quick: list[int], tmp_path: Path, sudo: str) -> None:
    result = run("-ain", SUDO=sudo)
    assert result.status == 1
    assert ">>> ERROR: " in result.err
    assert not (tmp_path / ".abuild" / "abuild.conf").exists()


def test_default_program_for_install(
    run: Run, quick: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "bin" / "doas"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho fake doas\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tool.parent), prepend=":")
    result = run("-in")
    assert (result.status, result.out) == (0, "fake doas\nfake doas\n")


def test_kernel_key(run: Run, quick: list[int], tmp_path: Path) -> None:
    pem = tmp_path / ".abuild" / "kernel_signing_key.pem"
    conf = tmp_path / ".abuild" / "abuild.conf"
    result = run("--kernel")
    assert (result.status, result.out) == (0, "")
    assert "Generating RSA" in result.err
    assert f"Kernel signing key was created: {pem}\n" in result.err
    assert f"KERNEL_SIGNING_KEY='{pem}' was added to {conf}\n" in result.err
    assert quick == [4096]
    assert stat.S_IMODE(pem.stat().st_mode) == 0o600
    content = pem.read_bytes()
    key = load_pem_private_key(content, None)
    certificate = x509.load_pem_x509_certificate(content)
    assert isinstance(key, rsa.RSAPrivateKey)
    certificate.verify_directly_issued_by(certificate)
    assert certificate.public_key() == key.public_key()
    assert certificate.subject.rfc4514_string() == "CN=Alpine Linux kernel key,O=alpinelinux.org"
    assert certificate.not_valid_after_utc - certificate.not_valid_before_utc == timedelta(days=36500)
    basic = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert basic.critical and not basic.value.ca
    assert certificate.extensions.get_extension_for_class(x509.KeyUsage).value.digital_signature
    certificate.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
    assert conf.read_text() == f"KERNEL_SIGNING_KEY='{pem}'\n"
    assert run("--kernel", "-q").status == 0
    assert conf.read_text() == f"KERNEL_SIGNING_KEY='{pem}'\n"
