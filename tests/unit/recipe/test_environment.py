# SPDX-License-Identifier: GPL-3.0-or-later
"""What of the caller's environment recipes get to see, and that nothing kept of them is ever stale for that."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from unwalled import run

from abuildpy.config import Config, load_config
from abuildpy.recipe.environment import CLEAN, PROXIES, recipe_environment, visible_variables, withheld
from abuildpy.recipe.evaluate import evaluate
from abuildpy.recipe.secrets import why_secret
from abuildpy.recipe.shelf import Conditions

TOP = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    "name",
    (
        "GITHUB_TOKEN GH_TOKEN GH_PAT CI_JOB_TOKEN CI_JOB_JWT_V2 CI_REGISTRY_PASSWORD CI_DEPLOY_PASSWORD CI_REPOSITORY_URL "
        "ACTIONS_RUNTIME_TOKEN ACTIONS_ID_TOKEN_REQUEST_URL ACTIONS_CACHE_URL GITHUB_ENV GITHUB_OUTPUT SYSTEM_ACCESSTOKEN "
        "AWS_SECRET_ACCESS_KEY AWS_PROFILE AZURE_CLIENT_ID GOOGLE_APPLICATION_CREDENTIALS CLOUDSDK_CONFIG KUBECONFIG "
        "SSH_AUTH_SOCK SSH_AGENT_PID GPG_AGENT_INFO DBUS_SESSION_BUS_ADDRESS XAUTHORITY DOCKER_AUTH_CONFIG DOCKER_HOST "
        "PGPASSWORD MYSQL_PWD SSHPASS SSH_PRIVATE_KEY DEPLOY_KEY GPG_SIGNING_KEYS npm_config__authToken NPM_TOKEN "
        "SLACK_WEBHOOK_URL SENTRY_DSN GIT_CONFIG_VALUE_0 GIT_CONFIG_COUNT BW_SESSION MY_CREDS KRB5CCNAME "
        "AZURE_STORAGE_CONNECTION_STRING DB_CONNECTION_STRING PKCS11_PIN"
    ).split(),
)
def test_secret_names(name: str) -> None:
    assert why_secret(name, "x")


@pytest.mark.parametrize(
    "name",
    (
        "KEYBOARD MONKEY KEYMAP HOTKEY TOKENIZERS_PARALLELISM GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL AUTHOR pkgusers pkggroups "
        "PACKAGER_PRIVKEY PACKAGER_PUBKEY APK_PUBLIC_KEY PWD OLDPWD PATH PYTHONPATH DISTRIBUTION_PATCHES KERNEL_SIGNING_KEY "
        "CI CI_COMMIT_SHA CI_PROJECT_DIR GITHUB_ACTIONS GITHUB_REPOSITORY options CFLAGS LD_LIBRARY_PATH http_proxy "
        "PASSIVE_FTP COMPASS_DIR SSL_CERT_FILE PATCH_ARGS SPIN PINENTRY_PROGRAM CREDITS KEYRING_DIR XDG_SESSION_ID LANG "
        "SSH_CONNECTION GIT_SSH_COMMAND DISPLAY SECRETARIAT BYPASS_CHECKS"
    ).split(),
)
def test_names_that_only_look_like_it(name: str) -> None:
    assert not why_secret(name, "x")


@pytest.mark.parametrize(
    ("value", "secret"),
    [
        ("https://user:pass@example.invalid/simple", True),
        ("see https://a.invalid/ or ftp://u:p@b.invalid", True),
        ("https://0123456789abcdef01234@example.invalid", True),
        ("http://proxy:3128", False),
        ("http://user@proxy:3128", False),
        ("https://user:@example.invalid", False),
        ("ssh://git@example.invalid:22/x", False),
        ("https://example.invalid/a:b@c", False),
        ("https://example.invalid/?mail=a:b@c", False),
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nx", True),
        ("-----BEGIN PUBLIC KEY-----\nx", False),
        ("ghp_0123", True),
        ("glpat-x", True),
        ("ghpages", False),
        ("", False),
    ],
)
def test_values(value: str, secret: bool) -> None:
    assert bool(why_secret("FOO", value)) is secret


# --- what passes ------------------------------------------------------------------------------------------------


def config(home: Path, **env: str) -> Config:
    base = {"PATH": os.environ["PATH"], "HOME": str(home), "CBUILD": "x86_64", "ABUILD_CONF": "/dev/null"}
    return load_config({**base, **env})


def seen(made: Config, *, network: bool = False) -> dict[str, str]:
    return recipe_environment(made, "/a/APKBUILD", colors=False, network=network)


def test_all_but_secrets_passes(tmp_path: Path) -> None:
    found = seen(config(tmp_path, FOO="1", MY_TOKEN="t", options="!check", BAR="https://a:b@c"))
    assert (found["FOO"], found["options"]) == ("1", "!check")
    assert not {"MY_TOKEN", "BAR"} & set(found)


def test_what_is_named_passes(tmp_path: Path) -> None:
    made = config(tmp_path, MY_TOKEN="t", GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="k", A_SECRET="s", MY_TOKEN_2="t")
    assert not {"MY_TOKEN", "GIT_CONFIG_COUNT"} & set(seen(made))
    named = config(tmp_path, **{**made.environ, "ABUILD_PASS_ENV": "MY_TOKEN GIT_CONFIG_* NOT_THERE"})
    found = seen(named)
    assert (found["MY_TOKEN"], found["GIT_CONFIG_COUNT"], found["GIT_CONFIG_KEY_0"]) == ("t", "1", "k")
    assert not {"A_SECRET", "MY_TOKEN_2", "NOT_THERE"} & set(found)


def test_a_clean_environment_has_what_is_documented(tmp_path: Path) -> None:
    env = {"FOO": "1", "CFLAGS": "-O0", "options": "!check", "LC_TIME": "C", "JOBS": "3", "http_proxy": "http://p"}
    made = config(tmp_path, ABUILD_CLEAN_ENV="yes", ABUILD_PASS_ENV="BAR", BAR="2", MY_TOKEN="t", **env)
    found = seen(made)
    assert {name: found[name] for name in ("CFLAGS", "options", "LC_TIME", "JOBS", "BAR")} == {
        "CFLAGS": "-O0",
        "options": "!check",
        "LC_TIME": "C",
        "JOBS": "3",
        "BAR": "2",
    }
    assert not {"FOO", "MY_TOKEN", "http_proxy"} & set(found)
    assert seen(made, network=True)["http_proxy"] == "http://p"
    assert set(withheld(made)) >= {"FOO", "MY_TOKEN"}


def test_work_folders_that_the_environment_places_stay_there_in_a_clean_one(tmp_path: Path) -> None:
    env = {"srcdir": "/s", "pkgbasedir": "/p", "tmpdir": "/t"}
    found = seen(config(tmp_path, ABUILD_CLEAN_ENV="yes", **env))
    assert {name: found[name] for name in env} == env


def test_a_clean_environment_knows_every_documented_variable() -> None:
    """Of abuild.conf(5) and APKBUILD(5), which list them in bold at the beginnings of lines, before functions and flags."""
    documented: set[str] = set()
    for page, end in (("abuild.conf.5", "# EXAMPLE"), ("APKBUILD.5", "# FUNCTIONS")):
        text = (TOP / f"docs/man/{page}.scd").read_text().partition(end)[0]
        for line in re.findall(r"^\*\w.*$", text, re.MULTILINE):
            documented.update(re.findall(r"\*(\w+)\*", line.partition(" (")[0]))
    given_by_us = {"startdir", "pkgdir", "subpkgname", "subpkgdir", "subpkgarch"}
    # How we run phases is no matter of theirs.
    assert len(documented) > 60
    assert documented - given_by_us <= CLEAN | PROXIES | {
        name for name in documented if name.startswith(("ABUILD_", "ABUILDPY_"))
    }


# --- what is kept -----------------------------------------------------------------------------------------------


RECIPE = 'pkgname=foo\npkgver=1\npkgrel=0\ndepends="$MY_TOKEN"\npackage() { :; }\n'


def test_a_withheld_value_counts_as_unset_and_letting_it_through_is_never_stale(tmp_path: Path) -> None:
    path = tmp_path / "main/foo/APKBUILD"
    path.parent.mkdir(parents=True)
    path.write_text(RECIPE)

    def depends(**env: str) -> tuple[str, ...]:
        return evaluate(path, config(tmp_path, **env), run).depends

    for _ in range(2):
        assert depends(MY_TOKEN="a") == ()
        assert depends(MY_TOKEN="a", ABUILD_PASS_ENV="MY_TOKEN") == ("a",)
        assert depends(MY_TOKEN="b", ABUILD_PASS_ENV="MY_TOKEN") == ("b",)
        assert depends() == ()


def key(made: Config) -> bytes:
    return Conditions(made).key("/aports/main", frozenset({b"MY_TOKEN", b"FOO"}))


def test_the_key_of_many_evaluations_tells_withheld_from_let_through(tmp_path: Path) -> None:
    unset, held = key(config(tmp_path)), key(config(tmp_path, MY_TOKEN="a"))
    through = key(config(tmp_path, MY_TOKEN="a", ABUILD_PASS_ENV="MY_TOKEN"))
    assert held == unset, "a withheld value is as good as none"
    assert through != held
    assert key(config(tmp_path, FOO="1")) != unset
    assert key(config(tmp_path, FOO="1", ABUILD_CLEAN_ENV="1")) == unset


def test_what_the_configuration_sets_is_seen_and_counts(tmp_path: Path) -> None:
    conf = tmp_path / ".abuild/abuild.conf"
    conf.parent.mkdir()
    conf.write_text("MY_TOKEN=mine\n")
    made = config(tmp_path, MY_TOKEN="a")
    assert visible_variables(made)["MY_TOKEN"] == "mine"
    before = key(made)
    # Here the caller's value is also what the configuration ends up with, but inside it is the default.
    conf.write_text(": ${MY_TOKEN:=one}\n")
    one = config(tmp_path, MY_TOKEN="a")
    assert "MY_TOKEN" not in visible_variables(one)
    first = key(one)
    conf.write_text(": ${MY_TOKEN:=two}\n")
    assert len({before, first, key(config(tmp_path, MY_TOKEN="a"))}) == 3
