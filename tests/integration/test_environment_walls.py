# SPDX-License-Identifier: GPL-3.0-or-later
"""What phases see of the caller's environment, behind walls and without."""

from __future__ import annotations

from pathlib import Path

import pytest
from buildkit import Place

pytest_plugins = ["buildfixtures"]

SECRETS = {
    "CI_JOB_TOKEN": "tok-1",
    "AWS_PROFILE": "tok-2",
    "SSH_AUTH_SOCK": "/tmp/tok-3",
    "PIP_INDEX_URL": "https://me:tok-4@example.invalid/simple",
    "GITHUB_ENV": "/tok-5",
}
PLAIN = {"FOO": "1", "TOKENIZERS_PARALLELISM": "false", "GIT_AUTHOR_NAME": "Me"}

SHOWING = """
show() { env >"$srcdir"/env.$1; set >"$srcdir"/set.$1; cat /proc/*/environ /proc/*/cmdline 2>/dev/null >"$srcdir"/proc.$1 || :; }
prepare() { default_prepare; show prepare; }
build() { show build; }
check() { show check; }
package() { show package; mkdir -p "$pkgdir"; }
"""


def shown(folder: Path) -> dict[str, str]:
    """All that the phases wrote down, by file."""
    found = {path.name: path.read_text(errors="replace") for path in (folder / "src").iterdir() if "." in path.name}
    assert len(found) == 12
    return found


def test_phases_get_all_but_secrets(place: Place, sandbox: str) -> None:
    folder = place.recipe(SHOWING, options="")
    place.build(folder, "-K", sandbox, env={**SECRETS, **PLAIN})
    for name, text in shown(folder).items():
        if name.startswith("env."):
            assert {f"{key}={value}" for key, value in PLAIN.items()} <= set(text.splitlines()), name
        # Without walls whoever has the same user id can look into our own environment.
        if not (name.startswith("proc.") and sandbox.endswith("none")):
            assert "tok-" not in text, name


def test_one_is_let_through_and_no_other(place: Place, sandbox: str) -> None:
    folder = place.recipe(SHOWING, options="")
    place.build(folder, "-K", sandbox, "--pass-env=CI_JOB_TOKEN", env=SECRETS)
    for name, text in shown(folder).items():
        if name.startswith("env."):
            assert "CI_JOB_TOKEN=tok-1" in text, name
            assert not any(f"tok-{number}" in text for number in (2, 3, 4, 5)), name


def test_a_clean_environment(place: Place, sandbox: str) -> None:
    folder = place.recipe(SHOWING, options="")
    env = {**SECRETS, **PLAIN, "CFLAGS": "-DMINE", "http_proxy": "http://proxy.invalid", "BAR": "2"}
    place.build(folder, "-K", sandbox, "--clean-env", "--pass-env=BAR", env=env)
    for name, text in shown(folder).items():
        if name.startswith("env."):
            names = {line.partition("=")[0] for line in text.splitlines()}
            assert not {*SECRETS, *PLAIN, "http_proxy"} & names, name
            assert {"BAR=2", "CFLAGS=-DMINE"} <= set(text.splitlines()), name


def test_proxies_are_for_those_that_have_the_network(place: Place) -> None:
    folder = place.recipe(SHOWING, options="net")
    place.build(folder, "-K", "--sandbox=none", "--clean-env", env={"http_proxy": "http://proxy.invalid"})
    assert "http_proxy=http://proxy.invalid\n" in shown(folder)["env.build"]


def test_the_configuration_can_ask_for_it(place: Place) -> None:
    place.configure(f"PACKAGER_PRIVKEY={place.key}\nABUILD_CLEAN_ENV=yes\nABUILD_PASS_ENV='AWS_*'\n")
    folder = place.recipe(SHOWING, options="")
    place.build(folder, "-K", "--sandbox=none", "--pass-env=FOO", env={**SECRETS, **PLAIN})
    found = shown(folder)["env.build"].splitlines()
    assert {"AWS_PROFILE=tok-2", "FOO=1"} <= set(found)
    assert not any(line.startswith(("CI_JOB_TOKEN=", "GIT_AUTHOR_NAME=")) for line in found)


def test_a_recipe_is_read_without_secrets_and_never_stale(place: Place, sandbox: str) -> None:
    folder = place.recipe("package() { :; }", pkgver="${MY_TOKEN:-0}")

    def name(*options: str, token: str = "1") -> str:
        done = place.run(folder, sandbox, *options, "listpkg", env={"MY_TOKEN": token})
        assert done.status == 0, str(done)
        return done.out.strip()

    for _ in range(2):
        assert name() == "foo-0-r0.apk"
        assert name("--pass-env=MY_TOKEN") == "foo-1-r0.apk"
        assert name("--pass-env=MY_TOKEN", token="2") == "foo-2-r0.apk"
        assert name(token="2") == "foo-0-r0.apk"


def test_other_programs_read_recipes_without_secrets_too(place: Place) -> None:
    folder = place.recipe("package() { :; }", pkgdesc="${MY_TOKEN:-none}")

    def description(**env: str) -> bool:
        done = place.run(folder, "info", "--json", ".", module="abuildpy.cli.umbrella", env={"MY_TOKEN": "tok", **env})
        assert done.status == 0, str(done)
        return '"pkgdesc": "tok"' in done.out

    for _ in range(2):
        assert not description()
        assert description(ABUILD_PASS_ENV="MY_TOKEN")


@pytest.mark.parametrize("phase", ["build", "package"])
def test_a_failure_names_what_the_recipe_was_not_given(place: Place, phase: str) -> None:
    other = "build() { :; }\n" if phase == "package" else "package() { :; }\n"
    folder = place.recipe(other + f'{phase}() {{ test -n "$MY_TOKEN" || return 3; }}')
    done = place.fails(folder, "--sandbox=none", env={"MY_TOKEN": "t", "OTHER_TOKEN": "t"})
    line = "it was not given MY_TOKEN, which the recipe names; --pass-env=MY_TOKEN lets that through"
    assert [text.strip() for text in done.err.splitlines()].count(line) == 1, str(done)
    assert "OTHER_TOKEN" not in done.err
    done = place.fails(folder, "--sandbox=none")
    assert "it was not given" not in done.err
