# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuild``: builds the recipe in the current folder."""

from __future__ import annotations

import os
import sys

from abuildpy import __version__
from abuildpy.cli.failure import open_standard_streams, report
from abuildpy.cli.options import USAGE, BadCommandLine, Options, parse
from abuildpy.config import Config, load_config
from abuildpy.errors import AbuildError, ConfigError, PhaseError, UsageError
from abuildpy.record import replace
from abuildpy.ui.console import Console, want_colors, want_titles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

COMPATIBLE_WITH = "3.18.0"
"""The abuild whose behaviour this program keeps."""

_NETWORK = (
    *("http_proxy", "https_proxy", "ftp_proxy", "all_proxy", "no_proxy"),
    *("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR"),
)


def main() -> int:
    """Entry point; returns the exit status."""
    open_standard_streams()
    os.umask(0o022)
    program = _Program()
    try:
        return _guarded(program)
    except (AbuildError, KeyboardInterrupt) as error:  # a signal, when all else was over but not yet ignored
        _ignore_signals()
        return report(error, program.console)


def _guarded(program: _Program) -> int:
    try:
        return program.run(sys.argv[1:])
    except (AbuildError, KeyboardInterrupt, OSError) as error:
        return report(error, program.console)
    finally:
        _ignore_signals()
        program.console.title("")


def _ignore_signals() -> None:
    if "signal" in sys.modules:  # else there is nothing to tidy up
        from abuildpy.cli.interrupt import ignore_signals

        ignore_signals()


class _Program:
    """One run: holds the console, whose name and colours become known on the way."""

    def __init__(self) -> None:
        self.console = _console(Options(), os.environ)

    def run(self, arguments: list[str]) -> int:
        try:
            options, verbs = parse(arguments)
        except BadCommandLine as error:
            status = report(error, _console(error.options, os.environ))
            if error.unknown:
                sys.stderr.write(USAGE)
            return status
        if options.print_help:
            self.console.plain(USAGE.rstrip("\n"))
            return 0
        if options.print_version:
            self.console.plain(f"abuild {COMPATIBLE_WITH} (abuildpy {__version__})")
            return 0
        config = _with_wishes(load_config(_environment(options)), options)
        adopt_network(config)
        if options.print_arch:
            self.console.plain(config.carch)
            return 0
        self.console = replace(_console(options, config.variables), titles=want_titles(config.get("USE_COLORS")))
        _refuse_root(options)
        return self._build(options, config, verbs if verbs and verbs[0] else ("all",))

    def _build(self, options: Options, config: Config, verbs: tuple[str, ...]) -> int:
        from abuildpy.cli.quick import answer

        path = os.environ.get("APKBUILD") or "./APKBUILD"
        if answer(path, verbs, config, options.settings, self.console):
            return 0
        from abuildpy.cli.interrupt import raise_signals
        from abuildpy.phases.build import Build
        from abuildpy.recipe.evaluate import find_apkbuild

        raise_signals()
        apkbuild = find_apkbuild(path)
        settings = replace(
            options.settings,
            net=options.settings.net or config.get("ABUILD_NET"),
            program=f"abuild {COMPATIBLE_WITH}",
        )
        build = Build.open(apkbuild, config, settings, self.console)
        self.console = build.console
        if not config.get("REPODEST"):
            _default_repository(config, build.recipe.variables, build.console)
        carch = f"-{config.carch}" if "CROSS_COMPILE" in config.variables else ""
        self.console.title(f"abuild{carch}: {build.recipe.pkgname}")
        try:
            build.run(verbs)
        except (AbuildError, KeyboardInterrupt, OSError) as error:
            status = report(error, self.console, lambda failed: self._explain(failed, config))
            build.clean_up_after_failure()
            return status
        return 0

    def _explain(self, error: AbuildError, config: Config) -> bool:
        """Says what made a function fail; tells whether a general hint is then superfluous."""
        if not isinstance(error, PhaseError) or error.log is None:
            return False
        from abuildpy.cli.why import explain

        return explain(error, config, colors=self.console.colors)


def _environment(options: Options) -> dict[str, str]:
    """The environment with the command line's folders in it; changes to the folder of ``-C`` on the way."""
    if options.directory is not None:
        try:
            os.chdir(options.directory)
        except OSError as error:
            raise UsageError(f"-C {options.directory}: {error.strerror}") from error
    env = dict(os.environ)
    for name, value in (("REPODEST", options.repodest), ("SRCDEST", options.srcdest)):
        if value is not None:
            env[name] = value
    return env


def _with_wishes(config: Config, options: Options) -> Config:
    """The configuration with what the command line says of the environment that recipes get."""
    if not (options.clean_env or options.pass_env):
        return config
    variables = dict(config.variables)
    if options.clean_env:
        variables["ABUILD_CLEAN_ENV"] = "yes"
    if options.pass_env:
        variables["ABUILD_PASS_ENV"] = " ".join((*config.get("ABUILD_PASS_ENV").split(), *options.pass_env))
    return replace(config, variables=variables)


def _console(options: Options, variables: Mapping[str, str]) -> Console:
    """A console before any recipe is known, by the options and what ``variables`` say of colours and logs."""
    colors = want_colors(variables.get("USE_COLORS", "")) if options.colors is None else options.colors
    log_command = tuple(variables.get("ABUILD_LOG_CMD", "").split())
    return Console("", colors, options.settings.quiet, log_command=log_command)


def _default_repository(config: Config, recipe: Mapping[str, str], console: Console) -> None:
    """Says where packages go if nothing else does; refuses the variable that once said it."""
    console.warning(f"REPODEST is not set; packages go to {config.repodest}")
    if recipe.get("PKGDEST"):
        raise ConfigError("PKGDEST is not supported", hint="set REPODEST, the folder for repositories, instead")


def adopt_network(config: Config) -> None:
    """Takes over proxies and CA bundles that abuild.conf exports: git, rsync and our own downloads look for them there."""
    for name in _NETWORK:
        if name in config.exported:
            os.environ[name] = config.get(name)


def _refuse_root(options: Options) -> None:
    if os.getuid() == 0 and not options.settings.force_root and not os.environ.get("FAKEROOTKEY"):
        raise ConfigError(
            "Do not run abuild as root",
            hint="run it as an ordinary user, or add -F: the recipe's functions then run as an unprivileged one",
        )


if __name__ == "__main__":
    sys.exit(main())
