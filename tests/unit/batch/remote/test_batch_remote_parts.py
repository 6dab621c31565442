# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of recipes, taking signatures off, who may take part, and what Dask must not do."""

from __future__ import annotations

import io
import os
import socket
import ssl
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from abuildpy.batch.remote import bundle
from abuildpy.batch.remote.cluster import LocalWorkers
from abuildpy.batch.remote.security import Tls, TlsError, load_tls, require_tls, temporary_tls
from abuildpy.batch.remote.settings import SETTINGS
from abuildpy.errors import ConfigError, RecipeError

TLS = Tls("ca", "cert", "key")


def _recipe(tmp_path: Path) -> Path:
    folder = tmp_path / "aports" / "main" / "foo"
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "APKBUILD").write_text('. "$startdir"/../bar/APKBUILD\nx=../baz/y ../missing/z\n')
    (folder / "fix.patch").write_text("patch")
    (folder / "sub" / "deep" / "file").write_text("deep")
    (folder / "run.sh").write_text("run")
    (folder / "run.sh").chmod(0o700)
    (folder / "link").symlink_to("fix.patch")
    (folder / "foo-1.0.tar.gz").write_text("source")
    for left in ("src", "pkg", "tmp", ".git"):
        (folder / left).mkdir()
        (folder / left / "left").write_text("left")
    for other in ("bar", "baz", "other"):
        (folder.parent / other).mkdir()
    (folder.parent / "bar" / "APKBUILD").write_text("bar")
    (folder.parent / "other" / "APKBUILD").write_text("other")
    (folder.parent / ".rootbld-repositories").write_text("here")
    return folder


def test_a_recipe_there_and_back(tmp_path: Path) -> None:
    folder = _recipe(tmp_path)
    data = bundle.pack(folder, {"foo-1.0.tar.gz"})
    bundle.unpack(data, tmp_path / "back")
    found = {str(path.relative_to(tmp_path / "back")) for path in (tmp_path / "back").rglob("*") if path.is_file()}
    own = {"APKBUILD", "fix.patch", "sub/deep/file", "run.sh", "link"}
    assert found == {*(f"main/foo/{name}" for name in own), "main/bar/APKBUILD", "main/.rootbld-repositories"}
    assert (tmp_path / "back/main/foo/link").read_text() == "patch"
    assert (tmp_path / "back/main/foo/run.sh").stat().st_mode & 0o777 == 0o755
    os.utime(folder / "fix.patch", (1, 1))
    assert bundle.pack(folder, {"foo-1.0.tar.gz"}) == data


def test_what_is_no_file_is_left_out(tmp_path: Path) -> None:
    folder = _recipe(tmp_path)
    (folder / "dangling").symlink_to("nowhere")
    (folder / "folder").symlink_to("sub")
    os.mkfifo(folder / "fifo")
    bundle.unpack(bundle.pack(folder), tmp_path / "back")
    assert {"dangling", "folder", "fifo"}.isdisjoint(path.name for path in (tmp_path / "back/main/foo").iterdir())


def test_what_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _recipe(tmp_path)
    monkeypatch.setattr(bundle, "_LARGEST_FILE", 100)
    bundle.pack(folder)
    (folder / "fix.patch").write_bytes(bytes(101))
    with pytest.raises(RecipeError, match=r"fix\.patch is too large"):
        bundle.pack(folder)


@pytest.mark.parametrize("data", [b"", b"no tar"])
def test_archives_that_are_none(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(ValueError, match="is damaged"):
        bundle.unpack(data, tmp_path / "back")


@pytest.mark.parametrize("name", ["../x/y", "/etc/x", "main/../../x", "x", "main//x", "main/./x"])
def test_archives_lead_nowhere_else(tmp_path: Path, name: str) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        tar.addfile(tarfile.TarInfo(name))
    with pytest.raises(ValueError, match="no place"):
        bundle.unpack(out.getvalue(), tmp_path / "back")


def test_archives_have_files_only(tmp_path: Path) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        link = tarfile.TarInfo("main/foo")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc"
        tar.addfile(link)
    with pytest.raises(ValueError, match="no place"):
        bundle.unpack(out.getvalue(), tmp_path / "back")


@pytest.mark.parametrize("address", ["127.0.0.1:8786", "localhost:8786", "[::1]:8786", "tcp://127.0.0.1:1"])
def test_this_machine_needs_no_tls(address: str) -> None:
    assert require_tls(address, None) == f"tcp://{address.removeprefix('tcp://')}"


@pytest.mark.parametrize(
    "address", ["10.0.0.1:8786", "builds.example:8786", "tcp://10.0.0.1:1", "[fd00::1]:1", "0.0.0.0:1"]
)
def test_other_machines_need_tls(address: str) -> None:
    with pytest.raises(TlsError, match="beyond this machine") as caught:
        require_tls(address, None)
    assert "--tls-ca" in (caught.value.hint or "")


@pytest.mark.parametrize(
    ("address", "tls", "said"),
    [
        ("tls://10.0.0.1:8786", None, "needs certificates"),
        ("tcp://10.0.0.1:8786", TLS, "would not be encrypted"),
        ("ucx://10.0.0.1:8786", TLS, "only tls://"),
        ("10.0.0.1", TLS, "takes HOST:PORT"),
        ("", TLS, "takes HOST:PORT"),
    ],
)
def test_addresses_that_will_not_do(address: str, tls: Tls | None, said: str) -> None:
    with pytest.raises(TlsError, match=said):
        require_tls(address, tls)


def _old(name: str) -> Tls:
    """A certificate that signs itself and has run out."""
    x509: Any = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    began = datetime(2001, 1, 1, tzinfo=UTC)
    made = x509.CertificateBuilder(subject, subject, key.public_key(), 1, began, began + timedelta(days=1))
    cert = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain).decode()
    return Tls(cert, cert, pem)


@contextmanager
def _scheduler(tls: Tls, folder: Path) -> Iterator[str]:
    """What takes connections as a scheduler does; its address."""
    for name in ("ca", "cert", "key"):
        (folder / name).write_text(getattr(tls, name))
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(folder / "ca"))
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.load_cert_chain(folder / "cert", folder / "key")

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with suppress(OSError), connection, context.wrap_socket(connection, server_side=True) as talking:
                    talking.sendall(b"words")
                    talking.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        yield f"tls://127.0.0.1:{listening.getsockname()[1]}"
        listening.shutdown(socket.SHUT_RDWR)
        serving.join()


def test_why_certificates_are_refused(tmp_path: Path) -> None:
    """Dask only says that the time is up."""
    pytest.importorskip("distributed", reason="distributed is not installed")
    ours, stranger, old = temporary_tls(), temporary_tls(), _old("old")
    both = f"{ours.ca}\n{old.ca}"
    with _scheduler(replace(ours, ca=both), tmp_path) as address:
        assert ours.refusal(address) == ""
        assert "does not fit --tls-ca: self" in stranger.refusal(address)
        assert "refuses the certificate of --tls-cert" in replace(stranger, ca=ours.ca).refusal(address)
        assert "certificate expired" in replace(old, ca=ours.ca).refusal(address)
        assert "do not fit together: key values mismatch" in replace(ours, key=stranger.key).refusal(address)
    assert ours.refusal(address) == ""  # nobody is there: one waits
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer() -> None:
            with suppress(OSError), listening.accept()[0] as connection:
                connection.recv(1)
                connection.sendall(b"no TLS" * 9)
                while connection.recv(1 << 16):
                    pass

        plain = threading.Thread(target=answer, daemon=True)
        plain.start()
        assert ours.refusal(f"tls://127.0.0.1:{listening.getsockname()[1]}") == "it speaks no TLS"
        plain.join()


def test_with_certificates_it_is_tls() -> None:
    assert require_tls("10.0.0.1:8786", TLS) == "tls://10.0.0.1:8786"
    assert require_tls("127.0.0.1:8786", TLS) == "tls://127.0.0.1:8786"


def test_three_files_or_none(tmp_path: Path) -> None:
    for name in ("ca", "cert", "key"):
        (tmp_path / name).write_text(f"-----BEGIN {name}")
        (tmp_path / name).chmod(0o600)
    ca, cert, key = (str(tmp_path / name) for name in ("ca", "cert", "key"))
    assert load_tls("", "", "", {}) is None
    assert load_tls(ca, cert, key, {}) == Tls("-----BEGIN ca", "-----BEGIN cert", "-----BEGIN key")
    assert load_tls("", "", key, {"ABUILDPY_TLS_CA": ca, "ABUILDPY_TLS_CERT": cert}) is not None
    with pytest.raises(TlsError, match="--tls-cert and --tls-key"):
        load_tls(ca, "", "", {})
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(ConfigError, match="others can read this key"):
        load_tls(ca, cert, key, {})
    (tmp_path / "ca").write_text("nothing")
    with pytest.raises(ConfigError, match="not in PEM form"):
        load_tls(ca, cert, key, {})
    with pytest.raises(ConfigError, match="No such file"):
        load_tls(f"{ca}x", cert, key, {})


def test_what_dask_must_not_do() -> None:
    """The settings count although distributed is imported after them, and a scheduler takes them over."""
    pytest.importorskip("distributed", reason="distributed is not installed")
    program = """
import abuildpy.batch.remote.preload, asyncio, dask, json, sys, logging
from distributed import Scheduler
async def main():
    async with Scheduler(host="127.0.0.1", port=0, dashboard_address="127.0.0.1:0", dashboard=False) as scheduler:
        stealing = scheduler.periodic_callbacks.get("stealing")
        return scheduler.allowed_failures, stealing is not None and stealing.is_running()
known = asyncio.run(main())
json.dump([known, {name: dask.config.get(name) for name in json.load(sys.stdin)}], sys.stdout)
"""
    import json

    done = subprocess.run(
        [sys.executable, "-c", program], input=json.dumps(list(SETTINGS)), capture_output=True, text=True, check=True
    )
    (failures, steals), settings = json.loads(done.stdout)
    assert settings == SETTINGS
    assert failures == 0
    assert not steals


@pytest.mark.parametrize(("store", "has"), [("s3://bucket/x", True), ("file:///x", False)])
def test_workers_of_its_own_can_open_the_store(
    store: str, has: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They get what opens it, where something has to."""
    started: list[dict[str, str]] = []
    monkeypatch.setattr(subprocess, "Popen", lambda *_words, env, **_how: started.append(env))
    environ = {"PATH": "/bin", "HOME": "/home/me", "AWS_SECRET_ACCESS_KEY": "secret"}
    workers = LocalWorkers(2, tmp_path, store=store, arch="x86_64", jobs=1, tls=TLS, environ=environ)
    workers.start("tls://127.0.0.1:1")
    assert len(started) == 2
    for env in started:
        assert ("AWS_SECRET_ACCESS_KEY" in env) == has
        assert env["HOME"] == ("/home/me" if has else str(tmp_path))
