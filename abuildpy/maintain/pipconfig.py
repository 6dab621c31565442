# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python package index the user works with: what the environment, pip's configuration or pip itself say."""

from __future__ import annotations

import configparser
import os
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from abuildpy.errors import ConfigError

_HINT = "set PIP_INDEX_URL (or index-url in pip.conf) to its simple index, or PYPI_URL to the address above /pypi and /simple"
_GLOBAL = Path("/etc/pip.conf")


@dataclass(frozen=True, slots=True)
class Address:
    """Where an index answers; neither URL ends in a slash.

    ``base`` is above ``/pypi/<name>/json`` (empty: no such interface is to be expected), ``simple`` above ``/<name>/``.
    ``certificates`` is a file of authorities to trust, empty for the usual ones.
    Both URLs may hold a password, so neither is shown.
    """

    base: str = field(repr=False)
    simple: str = field(repr=False)
    certificates: str = ""


def find_index(environ: Mapping[str, str]) -> Address:
    """The index to ask.

    In this order: ``PYPI_URL``, ``PIP_INDEX_URL``, ``index-url`` in pip's configuration files (the last one read wins, as
    with pip), and the one that pip uses if nobody says anything. ConfigError if that leaves none.
    """
    settings = _configured(environ)
    certificates = environ.get("PIP_CERT") or settings.get("cert", "")
    given = environ.get("PYPI_URL", "").strip().rstrip("/")
    if given:
        _require_http(given, "PYPI_URL")
        base = given.removesuffix("/simple").removesuffix("/pypi")
        return Address(base, f"{base}/simple", certificates)
    index = environ.get("PIP_INDEX_URL") or settings.get("index-url") or _default_of_pip(environ)
    index = index.strip().rstrip("/")
    if not index:
        raise ConfigError("no Python package index is configured", hint=_HINT)
    _require_http(index, "the index's address")
    base, found, _ = index.rpartition("/simple")
    return Address(base if found and index.endswith("/simple") else "", index, certificates)


def _require_http(url: str, what: str) -> None:
    if not url.startswith(("http://", "https://")):
        scheme = url.partition(":")[0]
        raise ConfigError(f"{what} is not of a kind that can be asked ({scheme}:, not http: or https:)", hint=_HINT)


def _configured(environ: Mapping[str, str]) -> dict[str, str]:
    """Settings of pip.conf's ``[global]`` section, over those of ``[install]``."""
    settings: dict[str, str] = {}
    for file in _files(environ):
        parser = configparser.RawConfigParser()
        try:
            parser.read_string(file.read_text("utf-8", "replace"))
        except OSError:
            continue
        except configparser.Error as error:
            raise ConfigError(f"{file}: {' '.join(str(error).split())}", hint="correct it: pip cannot read it either")
        for section in ("install", "global"):
            if parser.has_section(section):
                settings.update(parser.items(section))
    return settings


def _files(environ: Mapping[str, str]) -> Iterator[Path]:
    """pip's configuration files, the strongest last (pip's manual, "Configuration files")."""
    own = environ.get("PIP_CONFIG_FILE", "")
    if own == os.devnull:
        return
    home = Path(environ.get("HOME") or "/")
    for folder in reversed((environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(":")):
        if folder:
            yield Path(folder, "pip", "pip.conf")
    yield _GLOBAL
    yield home / ".pip" / "pip.conf"
    yield Path(environ.get("XDG_CONFIG_HOME") or home / ".config", "pip", "pip.conf")
    yield Path(environ.get("VIRTUAL_ENV") or sys.prefix, "pip.conf")
    if own:
        yield Path(own)


def _default_of_pip(environ: Mapping[str, str]) -> str:
    """The index that pip names in its help; empty without pip."""
    import subprocess

    # Wide enough that no line is broken.
    env = {**environ, "COLUMNS": "1000", "PIP_NO_COLOR": "1"}
    for command in ([sys.executable, "-P", "-m", "pip"], ["pip3"], ["pip"]):
        try:
            done = subprocess.run(
                [*command, "download", "--help"],
                env=env,
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=60,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        text = " ".join(done.stdout.decode("utf-8", "replace").split())
        found = re.search(r"--index-url <url>.*?\(default (\S+?)\)", text)
        if found is not None:
            return found[1]
    return ""
