# SPDX-License-Identifier: GPL-3.0-or-later
"""How upstreams are asked: what the environment, the user's file of hosts and the command line say."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from abuildpy.errors import ConfigError

if TYPE_CHECKING:
    from abuildpy.config import Config

USER_FILE = "abuildpy/upstream.toml"
TREE_FILE = ".upstream.toml"
_TOKENS = (
    (("GITHUB_TOKEN", "GH_TOKEN"), "", "api.github.com"),
    (("GITLAB_TOKEN",), "GITLAB_HOST", "gitlab.com"),
    (("GITEA_TOKEN", "CODEBERG_TOKEN"), "GITEA_HOST", "codeberg.org"),
)
"""Variables that hold a token, the one that may name its host, and the usual host."""
_HOST_KEYS = frozenset(("address", "kind"))
_KINDS = frozenset(("gitlab", "gitea", "sourcehut"))


@dataclass(frozen=True, slots=True)
class Host:
    """What the user says of a host: the address that answers for it, and which kind of forge it is; either may be empty."""

    address: str = ""
    kind: str = ""


@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """``cache`` is where answers are kept (None: nowhere); ``max_age`` the seconds for which nothing is asked again.

    ``jobs`` questions are asked at the same time, ``per_host`` of them of one host and these not closer together than
    ``interval`` seconds. ``longest_wait`` is how long a host that asks for patience is waited for, ``longest_answer``
    how long an answer may take in all, and ``timeout`` how long it may be silent. ``prereleases`` lets
    unfinished versions count, ``last_resort`` what is found by name alone. ``hosts`` and ``recipes`` are the user's own
    tables; ``tokens`` are by host and never shown.
    """

    cache: Path | None = None
    max_age: float = 6 * 3600
    jobs: int = 16
    per_host: int = 4
    interval: float = 0.05
    attempts: int = 3
    back_off: float = 1.0
    longest_wait: float = 60.0
    timeout: float = 30.0
    longest_answer: float = 300.0
    prereleases: bool = False
    last_resort: bool = True
    offline: bool = False
    hosts: Mapping[str, Host] = field(default_factory=dict)
    recipes: Mapping[str, str] = field(default_factory=dict)
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False)
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    clock: Callable[[], float] = time.time
    prune: Callable[[], object] | None = None
    """Brings the cache below its limit."""

    def address_of(self, url: str) -> str:
        """Where to ask for an address: the same, or below what the user's table has for its host."""
        split = urlsplit(url)
        given = self.hosts.get(split.netloc)
        if given is None or not given.address:
            return url
        root = f"{split.scheme}://{split.netloc}"
        return given.address.rstrip("/") + url[len(root) :]

    def token_for(self, url: str) -> str:
        """The token for an address. It does not go over the wire in the clear because a recipe says ``http:``, only if the user
        does, in the table of hosts.
        """
        own = any(host.address and url.startswith(host.address) for host in self.hosts.values())
        return self.tokens.get(urlsplit(url).netloc, "") if own or url.startswith("https://") else ""


def settings_from(config: Config) -> UpstreamSettings:
    """What the configuration and the environment ask for. Raises ConfigError for a file of hosts that makes no sense."""
    from abuildpy.recipe.cache import cache_folder
    from abuildpy.recipe.tidy import limit_of, prune

    folder = cache_folder(config)
    environ = config.environ
    hosts, recipes = read_table(user_file(environ))
    return UpstreamSettings(
        cache=Path(folder, "upstream") if folder else None,
        hosts=hosts,
        recipes=recipes,
        tokens=tokens_in(environ),
        environ=environ,
        prune=lambda: prune(config, limit_of(config)),
    )


def user_file(environ: Mapping[str, str]) -> Path | None:
    """The user's table: ``$XDG_CONFIG_HOME/abuildpy/upstream.toml``; None for somebody without a home."""
    base = environ.get("XDG_CONFIG_HOME") or (f"{environ['HOME']}/.config" if environ.get("HOME") else "")
    return Path(base, USER_FILE) if base else None


def tokens_in(environ: Mapping[str, str]) -> dict[str, str]:
    """The tokens that the environment has, by the host that each is meant for."""
    found = {}
    for names, host_name, usual in _TOKENS:
        token = next((value for name in names if (value := environ.get(name, "").strip())), "")
        if token and token.isprintable():
            found[(environ.get(host_name, "") if host_name else "") or usual] = token
    return found


def read_table(file: Path | None) -> tuple[dict[str, Host], dict[str, str]]:
    """The hosts and the recipes of a file; none if it is not there. Raises ConfigError if it is not as it should be."""
    if file is None:
        return {}, {}
    import tomllib

    try:
        document = tomllib.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return {}, {}
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}")
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file}: {error}", hint="see upstream.toml in abuildpy(1)")
    strange = sorted(set(document) - {"hosts", "recipes"})
    if strange:
        raise ConfigError(f"{file}: there is no table '{strange[0]}'", hint='it has [hosts."NAME"] and [recipes]')
    hosts = {name: _host(file, name, table) for name, table in _table(file, document, "hosts").items()}
    recipes = _table(file, document, "recipes")
    for name, line in recipes.items():
        if not isinstance(line, str):
            raise ConfigError(f"{file}: recipes.{name} is not a text", hint=f'write {name} = "github OWNER/NAME"')
    return hosts, dict(recipes)


def _table(file: Path, document: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    table = document.get(name, {})
    if not isinstance(table, dict):
        raise ConfigError(f"{file}: {name} is not a table", hint=f"begin it with [{name}]")
    return table


def _host(file: Path, name: str, table: object) -> Host:
    if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
        raise ConfigError(
            f"{file}: hosts.{name} is not a table of texts", hint='write [hosts."NAME"] and address = "https://…"'
        )
    strange = sorted(set(table) - _HOST_KEYS)
    if strange:
        raise ConfigError(f"{file}: hosts.{name} knows no '{strange[0]}'", hint="it has address and kind")
    host = Host(table.get("address", ""), table.get("kind", ""))
    if host.address and not host.address.startswith(("http://", "https://")):
        raise ConfigError(
            f"{file}: hosts.{name}: '{host.address}' is no address", hint="it begins with http:// or https://"
        )
    if host.kind and host.kind not in _KINDS:
        raise ConfigError(
            f"{file}: hosts.{name}: there is no kind '{host.kind}'", hint=f"one of {', '.join(sorted(_KINDS))}"
        )
    return host
