# SPDX-License-Identifier: GPL-3.0-or-later
"""The store: files under the name of their content, at a URL that all machines of a batch can reach (``fsspec``).

``sha256/ab/ab12…`` holds packages, recipes, logs and lists, ``sha512/ab/ab12…`` sources, as recipes name them. Nobody
trusts the store: whoever reads from it knows the digest from elsewhere, and checks.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from abuildpy.atomic import replacing
from abuildpy.batch.remote.web import Web
from abuildpy.errors import AbuildError, ConfigError

Kind = Literal["sha256", "sha512"]
_PIECE: Final = 1 << 20
_APPEAR_WHOLE: Final = frozenset(("s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "adl", "oci", "oss", "memory"))
"""Protocols of object stores, in which a file is there once all of it was sent."""


class StoreError(AbuildError):
    """The store cannot be reached, or does not hold what it should."""


class Store:
    """One store. All calls may come from several threads."""

    def __init__(self, url: str) -> None:
        """Raises ConfigError for a URL of a kind that is not installed, StoreError where it cannot be reached."""
        self.url = _without_password(url)
        self._files: Any
        self._web: Web | None = None
        if url.startswith(("http://", "https://")):
            self._files = self._web = Web(url)
            self._root = urlsplit(url).path
        else:
            self._files, self._root = _file_system(url)
        protocol = self._files.protocol
        self._protocols = {protocol} if isinstance(protocol, str) else set(protocol)
        self._root = self._root.rstrip("/")

    @property
    def is_shared(self) -> bool:
        """Whether other processes see it at all."""
        return "memory" not in self._protocols

    def has(self, kind: Kind, digest: str) -> bool:
        """Whether there is a file of this digest. Raises StoreError."""
        try:
            return bool(self._files.exists(self._path(kind, digest)))
        except Exception as error:  # fsspec's back ends raise what they like
            raise self._unreachable(error) from None

    def put(self, path: Path, kind: Kind = "sha256") -> tuple[str, int]:
        """Brings a file there; returns its digest and size. One that is there already is not sent again."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, kind).hexdigest()
            size = os.fstat(file.fileno()).st_size
            if not self.has(kind, digest):
                file.seek(0)
                self._write(self._path(kind, digest), file)
        return digest, size

    def put_bytes(self, content: bytes) -> tuple[str, int]:
        """The same for what is in memory."""
        import io

        digest = hashlib.sha256(content).hexdigest()
        if not self.has("sha256", digest):
            self._write(self._path("sha256", digest), io.BytesIO(content))
        return digest, len(content)

    def get(self, digest: str, target: Path, *, kind: Kind = "sha256", size: int | None = None) -> None:
        """Brings a file here, whole and with the digest that was asked for, or raises StoreError and leaves nothing.

        No more than ``size`` bytes are read.
        """
        found = hashlib.new(kind)
        length = 0
        with replacing(target, 0o644) as file:
            try:
                with self._files.open(self._path(kind, digest), "rb") as stream:
                    while piece := stream.read(_PIECE):
                        length += len(piece)
                        if size is not None and length > size:
                            break
                        found.update(piece)
                        file.write(piece)
            except FileNotFoundError:
                raise StoreError(
                    f"{self.url} does not hold {kind} {digest}", hint="do all machines use this store?"
                ) from None
            except Exception as error:
                raise self._unreachable(error) from None
            if found.hexdigest() != digest or (size is not None and length != size):
                raise StoreError(
                    f"{self.url}: {kind} {digest} is not what its name says: it was tampered with, or is damaged",
                    hint="remove it from the store, and find out who can write there",
                )

    def _write(self, path: str, source: Any) -> None:
        beside = path if self._protocols & _APPEAR_WHOLE else f"{path}.{secrets.token_hex(8)}.part"
        try:
            if self._web is not None:
                self._web.put(path, source)
                return
            if beside != path:  # an object store has no folders, and would make a bucket whose name is misspelt
                self._files.makedirs(path.rpartition("/")[0], exist_ok=True)
            try:
                with self._files.open(beside, "wb") as sink:
                    while piece := source.read(_PIECE):
                        sink.write(piece)
                if beside != path:
                    self._files.mv(beside, path)
            except BaseException:
                if beside != path and self._files.exists(beside):
                    self._files.rm(beside)
                raise
        except Exception as error:
            raise self._unreachable(error) from None

    def _path(self, kind: Kind, digest: str) -> str:
        return f"{self._root}/{kind}/{digest[:2]}/{digest}"

    def _unreachable(self, error: Exception) -> StoreError:
        return StoreError(
            f"{self.url}: {type(error).__name__}: {str(error)[:300]}", hint="check --store and its credentials"
        )


def _without_password(url: str) -> str:
    """As it may be told."""
    return re.sub(r"(://[^/@:]*):[^/]*@", r"\1@", url)


def _file_system(url: str) -> tuple[Any, str]:
    """fsspec's file system for a URL, and the path in it. Raises ConfigError."""
    try:
        fsspec: Any = import_module("fsspec")
    except ImportError:
        raise ConfigError(
            "a store needs fsspec, which is not installed",
            hint="install abuildpy with its extra: abuildpy[distributed]",
        ) from None
    try:
        files, root = fsspec.core.url_to_fs(url)
    except (ImportError, ValueError) as error:
        raise ConfigError(
            f"--store {_without_password(url)}: {error}",
            hint="file:///a/folder that all machines share, s3://bucket/path, or https://…",
        ) from None
    return files, root
