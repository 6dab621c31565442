# SPDX-License-Identifier: GPL-3.0-or-later
"""Which Python index the user has set up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from abuildpy.errors import ConfigError
from abuildpy.maintain import pipconfig
from abuildpy.maintain.pipconfig import Address, find_index


@pytest.fixture
def environ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """An environment in which no configuration of this machine counts, and pip is not to be found."""
    monkeypatch.setattr(pipconfig, "_GLOBAL", tmp_path / "etc" / "pip.conf")
    bin_ = tmp_path / "bin"
    bin_.mkdir()
    return {
        "HOME": str(tmp_path / "home"),
        "PATH": str(bin_),
        "PIP_CONFIG_FILE": os.devnull,
        "VIRTUAL_ENV": str(tmp_path / "venv"),
        "PYTHONPATH": str(bin_),
    }


def _conf(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.mark.parametrize(
    ("variables", "base", "simple"),
    [
        ({"PIP_INDEX_URL": "https://a.example/simple/"}, "https://a.example", "https://a.example/simple"),
        ({"PIP_INDEX_URL": "https://a.example/x/+simple"}, "", "https://a.example/x/+simple"),
        ({"PYPI_URL": "http://b.example/"}, "http://b.example", "http://b.example/simple"),
        ({"PYPI_URL": "http://b.example/pypi"}, "http://b.example", "http://b.example/simple"),
        (
            {"PYPI_URL": "http://b.example", "PIP_INDEX_URL": "https://a.example/simple"},
            "http://b.example",
            "http://b.example/simple",
        ),
    ],
)
def test_address_from_the_environment(
    environ: dict[str, str], variables: dict[str, str], base: str, simple: str
) -> None:
    assert find_index({**environ, **variables}) == Address(base, simple)


def test_address_from_pip_conf(environ: dict[str, str], tmp_path: Path) -> None:
    own = tmp_path / "own.conf"
    environ["PIP_CONFIG_FILE"] = str(own)
    environ["XDG_CONFIG_DIRS"] = str(tmp_path / "xdg")
    _conf(tmp_path / "xdg/pip/pip.conf", "[global]\nindex-url = https://one.example/simple\ncert = /one.pem\n")
    assert find_index(environ).simple == "https://one.example/simple"
    _conf(tmp_path / "home/.config/pip/pip.conf", "[global]\nindex-url = https://two.example/simple\n")
    assert find_index(environ) == Address("https://two.example", "https://two.example/simple", "/one.pem")
    _conf(tmp_path / "venv/pip.conf", "[global]\nindex-url = https://three.example/simple\n")
    assert find_index(environ).base == "https://three.example"
    _conf(own, "[install]\nindex-url = https://no.example/simple\n[global]\nindex-url: https://four.example/simple\n")
    assert find_index(environ).base == "https://four.example"
    assert find_index({**environ, "PIP_CERT": "/two.pem"}).certificates == "/two.pem"
    own.write_text("index-url = nonsense")
    with pytest.raises(ConfigError, match=r"own\.conf"):
        find_index(environ)


def test_no_index_is_a_clear_error(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    with pytest.raises(ConfigError, match="no Python package index") as caught:
        find_index(environ)
    assert caught.value.hint is not None
    assert "PIP_INDEX_URL" in caught.value.hint


def test_pip_tells_its_default(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sys.executable", "/nonexistent/python")
    pip = tmp_path / "bin" / "pip3"
    pip.write_text(
        "#!/bin/sh\necho '  -i, --index-url <url>   Base URL (default'\necho 'https://d.example/simple). Etc.'\n"
    )
    pip.chmod(0o755)
    monkeypatch.setenv("PATH", environ["PATH"])
    assert find_index(environ).base == "https://d.example"


def test_folders_cannot_be_asked(environ: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="file:"):
        find_index({**environ, "PIP_INDEX_URL": "file:///srv/simple"})


def test_passwords_are_not_shown() -> None:
    assert "secret" not in repr(Address("https://u:secret@a.example", "https://u:secret@a.example/simple"))
