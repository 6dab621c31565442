# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from abuildpy.config import SHARE_DIR, Config, load_config
from abuildpy.errors import ConfigError


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "abuild.conf").write_text("")
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "ABUILD_CONF": str(tmp_path / "abuild.conf"),
        "CBUILD": "x86_64",
    }


def _user_conf(env: dict[str, str], text: str) -> None:
    folder = Path(env["HOME"]) / ".abuild"
    folder.mkdir(exist_ok=True)
    (folder / "abuild.conf").write_text(text)


def test_later_files_win_and_the_environment_beats_them(env: dict[str, str]) -> None:
    assert load_config(env).get("CFLAGS").startswith("-Os")
    Path(env["ABUILD_CONF"]).write_text("CFLAGS=system\nLDFLAGS=system\nPACKAGER=system")
    _user_conf(env, "CFLAGS=user\nPACKAGER=user")
    config = load_config({**env, "PACKAGER": "Env <e@example.org>"})
    assert (config.get("CFLAGS"), config.get("LDFLAGS"), config.packager) == ("user", "system", "Env <e@example.org>")


def test_a_set_but_empty_variable_of_the_environment_counts(env: dict[str, str]) -> None:
    assert load_config({**env, "CFLAGS": ""}).get("CFLAGS", "unset") == "unset"


def test_nothing_that_the_environment_can_set_stays_unset(env: dict[str, str]) -> None:
    """Scripts may run with set -u."""
    assert {load_config(env).variables[name] for name in ("CPPFLAGS", "PACKAGER", "USE_COLORS", "USE_CCACHE")} == {""}


def test_the_users_file_may_name_another_folder(env: dict[str, str]) -> None:
    _user_conf(env, "ABUILD_USERDIR=/elsewhere")
    assert str(load_config(env).userdir) == "/elsewhere"
    assert str(load_config({**env, "ABUILD_USERDIR": f"{env['HOME']}/.abuild"}).userdir) == "/elsewhere"


def test_a_file_beats_the_environment_for_the_key(env: dict[str, str]) -> None:
    _user_conf(env, 'PACKAGER_PRIVKEY="/keys/file.rsa"')
    config = load_config({**env, "PACKAGER_PRIVKEY": "/keys/env.rsa"})
    assert config.packager_privkey == "/keys/file.rsa"
    assert config.packager_pubkey == "/keys/file.rsa.pub"


def test_no_file_changes_the_compiler(env: dict[str, str]) -> None:
    _user_conf(env, "CC=clang")
    assert load_config(env).get("CC") == "cc"
    assert load_config({**env, "CC": "gcc"}).get("CC") == "gcc"


def test_xdg_folders_are_used_when_they_are_there(env: dict[str, str]) -> None:
    home = Path(env["HOME"])
    assert load_config(env).userdir == home / ".config/abuild"
    (home / ".abuild").mkdir()
    assert load_config(env).userdir == home / ".abuild"
    (home / ".config/abuild").mkdir(parents=True)
    assert load_config(env).userdir == home / ".config/abuild"


def test_packages_go_to_the_old_place_if_it_exists(env: dict[str, str]) -> None:
    home = Path(env["HOME"])
    assert load_config(env).repodest == home / ".local/share/abuild"
    (home / "packages").mkdir()
    assert load_config(env).repodest == home / "packages"


@pytest.mark.parametrize(
    ("arch", "triplet"),
    [
        ("aarch64", "aarch64-alpine-linux-musl"),
        ("armhf", "armv6-alpine-linux-musleabihf"),
        ("armv7", "armv7-alpine-linux-musleabihf"),
        ("ppc64le", "powerpc64le-alpine-linux-musl"),
        ("x86", "i586-alpine-linux-musl"),
        ("sh2eb", "sh2eb-alpine-linux-muslfdpic"),
    ],
)
def test_architectures_and_triplets(env: dict[str, str], arch: str, triplet: str) -> None:
    for value in (arch, triplet):
        config = load_config({**env, "CBUILD": value})
        assert (config.get("CHOST"), config.carch, config.get("CTARGET_ARCH")) == (triplet, arch, arch)


def test_cross_building_prefixes_the_tools(env: dict[str, str]) -> None:
    config = load_config({**env, "CHOST": "aarch64", "CFLAGS": "-O2"})
    assert config.get("CC") == "aarch64-alpine-linux-musl-cc"
    assert config.get("HOSTCC") == "cc"
    assert config.get("CFLAGS") == f"--sysroot={env['HOME']}/sysroot-aarch64/ -O2"
    assert config.get("BUILDCFLAGS") == "-O2"


def test_an_unknown_triplet_is_one_error(env: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="vax-dec-ultrix"):
        load_config({**env, "CBUILD": "vax-dec-ultrix"})


def test_apk_that_does_not_answer_is_an_error(env: dict[str, str]) -> None:
    del env["CBUILD"]
    with pytest.raises(ConfigError, match="Unable to deduce build architecture"):
        load_config({**env, "APK": "false"})


def test_a_broken_file_is_an_error_that_names_it(env: dict[str, str]) -> None:
    Path(env["ABUILD_CONF"]).write_text("if\n")
    with pytest.raises(ConfigError, match=r"abuild\.conf"):
        load_config(env)


def test_a_missing_share_folder_is_named(env: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not found"):
        load_config({**env, "ABUILD_SHAREDIR": str(tmp_path)})


@pytest.mark.parametrize("shell", ["sh", "busybox ash", "bash"])
def test_functions_sh_works_in_any_shell_and_is_silent(env: dict[str, str], shell: str) -> None:
    script = f'. "{SHARE_DIR}/functions.sh"; msg hello; die bye'
    done = subprocess.run(
        [*shell.split(), "-e", "-c", script],
        env={**env, "ABUILD_SHAREDIR": str(SHARE_DIR)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", ">>> hello\n>>> ERROR: bye\n")


def test_values_have_defaults() -> None:
    config = Config({"EMPTY": ""}, frozenset(), {})
    assert config.get("EMPTY", "x") == "x"
    assert config.packager_pubkey == ""
