# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment in which a recipe's shell starts, for evaluation and for every stage of a build."""

from __future__ import annotations

import os

from abuildpy.config import RUNTIME_DIR
from abuildpy.recipe.secrets import why_secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from abuildpy.config import Config

_SYSTEM = "PATH HOME LANG LANGUAGE TZ TERM COLUMNS LINES NO_COLOR"
_BUILD = (
    "ABUILD_BOOTSTRAP ABUILD_CONF ABUILD_DEFCONF ABUILD_NET ABUILD_SHAREDIR ABUILD_SYSCONFDIR ABUILD_USERCONF "
    "ABUILD_USERDIR ABUILD_V3_INDEX APK APKBUILD APORTSDIR APORTS_BOOTSTRAP BOOTSTRAP BOOTSTRAP_USR_MERGED CARCH CARGO_HOME "
    "CBUILD CBUILDROOT CBUILD_ARCH CC CCACHE_DIR CFLAGS CHOST CLEANUP CLIBC CPPFLAGS CTARGET CTARGET_ARCH CTARGET_LIBC CXX "
    "CXXFLAGS DEBUG DEFAULT_DBG DFLAGS DISTFILES_MIRROR ERROR_CLEANUP GOCACHE GOFLAGS GOMODCACHE HARECACHE JOBS LD LDFLAGS "
    "MAINTAINER MAKEFLAGS PACKAGER PACKAGER_PRIVKEY PACKAGER_PUBKEY REPODEST REQUIRE_CHECK SAMUFLAGS SOURCE_DATE_EPOCH "
    "SRCDEST SUDO_APK USE_CCACHE USE_COLORS patch_args_cfg pkgbasedir srcdir tmpdir"
)
_RECIPE = (
    "pkgname pkgver pkgrel pkgdesc url license arch maintainer options depends makedepends makedepends_build "
    "makedepends_host checkdepends provides provider_priority replaces replaces_priority install_if depends_dev "
    "depends_doc depends_lang depends_libs depends_openrc depends_static depends_systemd depends_udev pkgusers pkggroups "
    "source sha512sums builddir patch_args install triggers subpackages giturl reporev disturl verbase ldpath "
    "sonameprefix pcprefix somask langdir"
)
RECIPE = frozenset(_RECIPE.split())
"""Variables of recipes, which the caller may set instead."""
CLEAN = frozenset(f"{_SYSTEM} {_BUILD} {_RECIPE}".split())
"""All that passes with ``--clean-env``, besides LC_*: what abuild(1), abuild.conf(5) and APKBUILD(5) document, and the locale."""
PROXIES = frozenset(f"{name}_proxy" for name in ("http", "https", "ftp", "all", "no")) | frozenset(
    f"{name}_PROXY" for name in ("HTTP", "HTTPS", "FTP", "ALL", "NO")
)
"""Pass there too, to what has the network."""


def withheld(config: Config) -> dict[str, str]:
    """The caller's variables that recipes do not get, each with the reason.

    Those that may be secrets, and with ABUILD_CLEAN_ENV (``--clean-env``) all that are not documented; never those that
    ABUILD_PASS_ENV (``--pass-env``) names, whose words may end in ``*``.
    """
    named = config.get("ABUILD_PASS_ENV").split()
    clean = bool(config.get("ABUILD_CLEAN_ENV"))
    found = {}
    for name, value in config.environ.items():
        reason = why_secret(name, value)
        if not reason and clean and name not in CLEAN and name not in PROXIES and not name.startswith("LC_"):
            reason = "not documented, and --clean-env"
        if reason and not _is_named(name, named):
            found[name] = reason
    return found


def passed_by_name(config: Config) -> dict[str, str]:
    """The caller's variables that ABUILD_PASS_ENV names."""
    named = config.get("ABUILD_PASS_ENV").split()
    return {name: value for name, value in config.environ.items() if _is_named(name, named)}


def _is_named(name: str, words: list[str]) -> bool:
    return any(name == word or (word[-1] == "*" and name.startswith(word[:-1])) for word in words)


def visible_variables(config: Config) -> dict[str, str]:
    """The configuration's variables without what it has only from variables that are withheld."""
    kept_back = withheld(config)
    return {
        name: value
        for name, value in config.variables.items()
        if name not in kept_back or value != config.environ[name]
    }


def files_naming_withheld(config: Config) -> bytes:
    """The text of configuration files that name a withheld variable: what they make of it without it, nobody was told."""
    names = [name.encode("utf-8", "surrogateescape") for name in withheld(config)]
    found = b""
    for path in dict.fromkeys(config.get(name) for name in ("ABUILD_DEFCONF", "ABUILD_CONF", "ABUILD_USERCONF")):
        try:
            with open(path, "rb") as file:
                text = file.read()
        except OSError:
            continue
        if any(name in text for name in names):
            found += text + b"\0"
    return found


def recipe_environment(config: Config, apkbuild: str, *, colors: bool, network: bool = False) -> dict[str, str]:
    """Environment for a shell that sources functions.sh and then the recipe.

    It is the caller's environment (people rely on ``options=!check abuild``) without what may be a secret, plus what the
    configuration already found out, so that the shell comes to the same answers where the home is out of sight.
    ``network`` tells whether it has one, which is all that proxies are for in a clean environment.
    """
    kept_back = withheld(config)
    env = {name: value for name, value in config.environ.items() if name not in kept_back}
    if config.get("ABUILD_CLEAN_ENV") and not network:
        named = passed_by_name(config)
        env = {name: value for name, value in env.items() if name not in PROXIES or name in named}
    found = ("ABUILD_DEFCONF", "ABUILD_CONF", "ABUILD_USERDIR", "ABUILD_USERCONF", "APORTSDIR", "CBUILD", "REPODEST")
    env.update({name: config.variables.get(name, "") for name in found})
    env["REPODEST"] = env["REPODEST"] or os.path.join(config.home, "packages")
    if config.get("SRCDEST"):
        env["SRCDEST"] = config.get("SRCDEST")
    if config.get("CBUILDROOT"):
        env["CBUILDROOT"] = config.get("CBUILDROOT")
    if config.get("USE_CCACHE"):  # the HOME of the phases is another one
        env["CCACHE_DIR"] = config.get("CCACHE_DIR") or f"{config.home}/.ccache"
    env["ABUILD_SHAREDIR"] = config.get("sharedir")
    env["APKBUILD"] = apkbuild
    env["USE_COLORS"] = "force" if colors else ""
    env["PATH"] = _path(config)
    env.pop("ENV", None)  # ash would source that file
    env.pop("TMPDIR", None)  # inside the walls /tmp is private, and nothing else is there
    return env


def _path(config: Config) -> str:
    """The caller's PATH, ccache first where asked for, our own helpers (abuild-meson) last."""
    folders = [config.environ.get("PATH") or "/usr/local/bin:/usr/bin:/bin", os.path.join(RUNTIME_DIR, "bin")]
    if config.get("USE_CCACHE"):
        folders.insert(0, "/usr/lib/ccache/bin")
    return ":".join(folders)
