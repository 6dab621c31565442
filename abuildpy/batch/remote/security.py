# SPDX-License-Identifier: GPL-3.0-or-later
"""Who may take part: mutual TLS with certificates of one authority, without which nothing goes beyond this machine."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from abuildpy.errors import ConfigError, UsageError

_HINT = "docs/machines.md has the commands that make them; then --tls-ca FILE --tls-cert FILE --tls-key FILE and tls://HOST:PORT"
_NAMES = ("ca", "cert", "key")


@dataclass(frozen=True, slots=True)
class Tls:
    """The authority's certificate, one's own, and the key to that: PEM texts."""

    ca: str
    cert: str
    key: str

    def security(self) -> Any:
        """As distributed wants it: encryption required, everywhere."""
        distributed = import_module("distributed")
        ours = {
            f"tls_{role}_{part}": text for role in _ROLES for part, text in (("cert", self.cert), ("key", self.key))
        }
        return distributed.Security(tls_ca_file=self.ca, require_encryption=True, **ours)

    def refusal(self, address: str) -> str:
        """Why certificates keep us from a scheduler, which Dask would not tell; empty if they do not, or nobody answers yet."""
        import socket
        import ssl

        host, _, port = address.rpartition("://")[2].rpartition(":")
        try:
            context = self.security().get_connection_args("client")["ssl_context"]
        except (ssl.SSLError, ValueError) as error:
            return f"--tls-ca, --tls-cert and --tls-key do not fit together: {_reason(error)}"
        try:
            with (
                socket.create_connection((host.strip("[]"), int(port)), timeout=_PATIENCE) as connection,
                context.wrap_socket(connection) as talking,
            ):
                talking.recv(1)  # a server that refuses us says so where its first words would be
        except ssl.SSLCertVerificationError as error:
            return f"its certificate does not fit --tls-ca: {error.verify_message}"
        except ssl.SSLError as error:
            why = _reason(error)
            if "alert" in why:
                return f"it refuses the certificate of --tls-cert: {why}"
            return "it speaks no TLS" if why == "wrong version number" else ""
        except OSError:
            pass
        return ""


_PATIENCE = 5.0


def _reason(error: Exception) -> str:
    """``tlsv1 alert unknown ca``."""
    return (getattr(error, "reason", None) or str(error)).replace("_", " ").lower()


_ROLES = ("scheduler", "worker", "client")


class TlsError(UsageError):
    """TLS is required, or what was given for it is not all of it."""

    exit_status = 2


def load_tls(ca: str, cert: str, key: str, environ: Mapping[str, str]) -> Tls | None:
    """What the options name, or else ABUILDPY_TLS_CA, ABUILDPY_TLS_CERT and ABUILDPY_TLS_KEY; None for nothing.

    Raises TlsError where only some of the three are known, ConfigError for a file that cannot be read.
    """
    given = {"ca": ca, "cert": cert, "key": key}
    paths = {name: given[name] or environ.get(f"ABUILDPY_TLS_{name.upper()}", "") for name in _NAMES}
    if not any(paths.values()):
        return None
    missing = [f"--tls-{name}" for name in _NAMES if not paths[name]]
    if missing:
        raise TlsError(f"TLS needs three files, and {' and '.join(missing)} is not given", hint=_HINT)
    return Tls(*(_read(name, paths[name]) for name in _NAMES))


def require_tls(address: str, tls: Tls | None) -> str:
    """The scheduler's address with its protocol. Raises TlsError where it is beyond this machine and there is no TLS."""
    protocol, separator, rest = address.rpartition("://")
    host = _host(rest)
    if not host or not rest.rpartition(":")[2].isdigit():
        raise TlsError(f"--scheduler takes HOST:PORT or tls://HOST:PORT, not '{address}'")
    protocol = protocol if separator else "tcp" if tls is None else "tls"
    if protocol not in ("tcp", "tls"):
        raise TlsError(f"--scheduler {address}: only tls:// and, on this machine, tcp:// can be used")
    if protocol == "tls" and tls is None:
        raise TlsError(f"{address} needs certificates", hint=_HINT)
    if protocol == "tcp" and tls is not None:
        raise TlsError(f"{address} would not be encrypted, though certificates are given", hint=f"tls://{rest}")
    if protocol == "tcp" and not is_loopback(host):
        raise TlsError(
            f"{address} is beyond this machine: whoever can reach a scheduler without TLS can run programs on its workers",
            hint=f"give scheduler, workers and batch certificates. {_HINT}",
        )
    return f"{protocol}://{rest}"


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def temporary_tls() -> Tls:
    """A key and a certificate that signs itself, for processes of one batch that share them."""
    made = import_module("distributed").Security.temporary()
    return Tls(str(made.tls_ca_file), str(made.tls_client_cert), str(made.tls_client_key))


def _host(rest: str) -> str:
    return rest.rpartition(":")[0]


def _read(name: str, path: str) -> str:
    try:
        text = Path(path).read_text("ascii")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}", hint=f"--tls-{name} names a file in PEM form") from None
    except UnicodeDecodeError:
        text = ""
    if "-----BEGIN " not in text:
        raise ConfigError(f"{path} is not in PEM form", hint=_HINT)
    if name == "key" and os.stat(path).st_mode & 0o007:  # a group may: secrets of Kubernetes are its
        raise ConfigError(f"{path}: others can read this key", hint=f"chmod 600 {path}")
    return text
