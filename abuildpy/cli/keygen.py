# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuild-keygen``: makes the keys that packages and indexes are signed with, and the one for kernel modules."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from abuildpy import __version__
from abuildpy.atomic import mode_for, replacing
from abuildpy.cli.program import HELP, VALUE, Option, Program
from abuildpy.errors import Aborted, AbuildError, SigningError, UsageError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

    from abuildpy.config import Config
    from abuildpy.ui.console import Console

_PROGRAM = "abuild-keygen"
_KERNEL_BITS: Final = 4096
_KERNEL_DAYS: Final = 36500
_PRIVATE_MODE: Final = 0o600

_USAGE = f"""\
{_PROGRAM} {__version__} - generate signing keys
Usage: {_PROGRAM} [-a] [-i] [-n] [-b BITS] [-q]
       {_PROGRAM} --kernel [-q]
Options:
  -a, --append        Write PACKAGER_PRIVKEY=<new key> into {{userconf}}
  -i, --install       Copy the public key to /etc/apk/keys
  -n                  Ask nothing, take the defaults
      --kernel        Make a key for signing kernel modules instead
  -b, --numbits BITS  Size of the private key (default: 4096)
  -q, --quiet         No messages
  -h, --help          Show this help

For -i the program named by SUDO is used (default: doas, else sudo; empty:
none).
"""


@dataclass(frozen=True, slots=True)
class _Options:
    append: bool = False
    install: bool = False
    interactive: bool = True
    kernel: bool = False
    bits: str = "4096"
    quiet: bool = False


def _usage() -> str:
    from abuildpy.config import load_config

    return _USAGE.format(userconf=load_config().userconf)


PROGRAM = Program(
    _PROGRAM,
    _Options,
    (
        Option("a", "append", {"append": True}),
        Option("i", "install", {"install": True}),
        Option("n", "", {"interactive": False}),
        Option("", "kernel", {"kernel": True}),
        Option("b", "numbits", {"bits": VALUE}),
        Option("q", "quiet", {"quiet": True}),
        HELP,
    ),
    usage=_usage,
    fits=lambda _options, words: not words,
    wrong_option=1,
)


def main() -> int:
    """Entry point; returns the exit status."""
    return PROGRAM.start(lambda options, _words, config, console: _make(options, config, console))


def _make(options: _Options, config: Config, console: Console) -> int:
    return _make_kernel_key(config, console) if options.kernel else _make_key(options, config, console)


# --- the packager's key ------------------------------------------------------------------------------------------


def _make_key(options: _Options, config: Config, console: Console) -> int:
    bits = _bits(options.bits)
    config.userdir.mkdir(parents=True, exist_ok=True)
    private = _key_path(options, config, console)
    public = f"{private}.pub"
    if os.path.lexists(private):
        # A private key that is overwritten cannot be had back.
        raise SigningError(f"{private}: this file exists already", hint="choose another name, or move it away")
    key = _generate(bits)
    _write(private, _private_pem(key), _PRIVATE_MODE)
    sys.stderr.write("writing RSA key\n")
    _write(public, _public_pem(key), 0o644)
    if options.install:
        console.msg(f"Installing {public} to /etc/apk/keys...")
        _install(public, options, config)
    else:
        console.msg("")
        console.msg(f"apk trusts what this key signs once {public}")
        console.msg("is in /etc/apk/keys ('-i' copies it there).")
    line = f'PACKAGER_PRIVKEY="{_quoted(private)}"'
    if options.append:
        _change(config.userconf, lambda rows: _set_private_key(rows, line))
    else:
        console.msg("")
        console.msg(f"To sign with it, add this line to {config.userconf} ('-a' does that):")
        console.msg(line)
    console.msg("")
    console.msg("Keep a safe copy of the private key:")
    console.msg(private)
    return 0


def _bits(text: str) -> int:
    if not text.isdecimal() or not 1024 <= int(text) <= 16384:
        raise UsageError(f"{text}: not a usable key size", hint="choose 2048 or more bits; 4096 is the default")
    return int(text)


def _key_path(options: _Options, config: Config, console: Console) -> str:
    default = str(config.userdir / f"{_address(config)}-{int(time.time()):x}.rsa")
    if not options.interactive:
        return default
    console.msg("Generating public/private rsa key pair for abuild")
    sys.stdout.write(f"Enter file in which to save the key [{default}]: ")
    sys.stdout.flush()
    return _answer() or default


def _answer() -> str:
    """One line of standard input; what follows it stays there for ``cp -i``. Raises Aborted at its end."""
    line = b""
    while not line.endswith(b"\n"):
        letter = os.read(0, 1)
        if not letter:
            raise Aborted("no answer, no key", hint="-n takes the default without asking")
        line += letter
    return os.fsdecode(line).strip()


def _address(config: Config) -> str:
    """The packager's address, else the one git knows, else the user's name."""
    address = config.packager.rpartition("<")[2].partition(">")[0]
    if "@" not in address:
        address = _git_address(config)
    # It becomes part of a file's name.
    return (address or config.environ.get("USER", "")).replace("/", "_")


def _git_address(config: Config) -> str:
    command = (config.environ.get("GIT") or "git").split()
    try:
        result = subprocess.run(
            [*command, "config", "--get", "user.email"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            check=False,
        )
    except OSError:
        return ""
    return os.fsdecode(result.stdout).strip()


def _install(public: str, options: _Options, config: Config) -> None:
    """Copies the public key to where apk looks, as the user who may."""
    become = config.environ.get("SUDO")
    prefix = become.split() if become is not None else [shutil.which("doas") or shutil.which("sudo") or "doas"]
    folder = config.environ.get("abuild_keygen_install_root", "") + "/etc/apk/keys"
    ask = ["-i"] if options.interactive else []
    for command in (["mkdir", "-p", folder], ["cp", *ask, public, f"{folder}/"]):
        try:
            status = subprocess.run([*prefix, *command], check=False).returncode
        except OSError as error:
            raise AbuildError(
                f"{(prefix or command)[0]}: {error.strerror}",
                hint=f"as root, copy {public} to {folder}; SUDO names the program to become root with",
            ) from None
        if status != 0:
            raise AbuildError(
                f"the public key was not installed: {' '.join([*prefix, *command])} ended with status {status}",
                hint=f"as root, copy {public} to {folder}",
            )


def _set_private_key(rows: list[str], line: str) -> list[str]:
    """Lines of a configuration that names the new key; those that named an older one become comments."""
    return [*(f"#{row}" if row.startswith("PACKAGER_PRIVKEY=") else row for row in rows), line]


def _quoted(text: str) -> str:
    """What stands for ``text`` between double quotes in the shell."""
    return "".join(f"\\{letter}" if letter in '\\"$`' else letter for letter in text)


# --- the kernel's key --------------------------------------------------------------------------------------------


def _make_kernel_key(config: Config, console: Console) -> int:
    config.userdir.mkdir(parents=True, exist_ok=True)
    pem = str(config.userdir / "kernel_signing_key.pem")
    key = _generate(_KERNEL_BITS)
    _write(pem, _private_pem(key) + _certificate(key), _PRIVATE_MODE)
    console.msg(f"Kernel signing key was created: {pem}")
    line = "KERNEL_SIGNING_KEY='{}'".format(pem.replace("'", "'\\''"))
    _change(config.userconf, lambda rows: rows if _has_kernel_key(rows) else [*rows, line])
    console.msg(f"{line} was added to {config.userconf}")
    return 0


def _has_kernel_key(rows: list[str]) -> bool:
    return any(row.startswith("KERNEL_SIGNING_KEY=") for row in rows)


def _certificate(key: RSAPrivateKey) -> bytes:
    """A self-signed certificate (PEM) as the kernel's module signing wants it."""
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding
    from cryptography.x509.oid import NameOID

    name = x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "alpinelinux.org"),
            x509.NameAttribute(NameOID.COMMON_NAME, "Alpine Linux kernel key"),
        ]
    )
    usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=_KERNEL_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM)


# --- both --------------------------------------------------------------------------------------------------------


def _generate(bits: int) -> RSAPrivateKey:
    from cryptography.hazmat.primitives.asymmetric import rsa

    sys.stderr.write(f"Generating RSA private key, {bits} bit\n")
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def _private_pem(key: RSAPrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _public_pem(key: RSAPrivateKey) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def _change(userconf: Path, change: Callable[[list[str]], list[str]]) -> None:
    """Rewrites a configuration file (through a symbolic link) with what ``change`` makes of its lines."""
    target = os.path.realpath(userconf)
    try:
        with open(target, encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            old = file.read()
    except FileNotFoundError:
        old = ""
    new = "".join(f"{row}\n" for row in change(old.removesuffix("\n").split("\n") if old else []))
    if new != old:
        _write(target, new.encode("utf-8", "surrogateescape"), mode_for(target, 0o666))


def _write(path: str, content: bytes, mode: int) -> None:
    with replacing(path, mode, durable=True) as file:
        file.write(content)


if __name__ == "__main__":
    sys.exit(main())
