# SPDX-License-Identifier: GPL-3.0-or-later
"""``abuild``: builds the recipe in the current folder."""

from __future__ import annotations

import os
import sys

from abuildpy import __version__
from abuildpy.cli.failure import open_standard_streams, report
from abuildpy.cli.options import USAGE, Options, parse
from abuildpy.config import Config, load_config
from abuildpy.errors import AbuildError, ConfigError, UsageError
from abuildpy.ui.console import Console, want_colors

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
        return program.run(sys.argv[1:])
    except (AbuildError, KeyboardInterrupt, OSError) as error:
        return report(error, program.console)
    finally:
        if "signal" in sys.modules:  # else there is nothing to tidy up
            from abuildpy.cli.interrupt import ignore_signals

            ignore_signals()
        program.console.title("")


class _Program:
    """One run: holds the console, whose name and colours become known on the way."""

    def __init__(self) -> None:
        self.console = Console(
            name="",
            colors=want_colors(os.environ.get("USE_COLORS", "")),
            log_command=tuple(os.environ.get("ABUILD_LOG_CMD", "").split()),
        )

    def run(self, arguments: list[str]) -> int:
        try:
            options, verbs = parse(arguments)
        except UsageError as error:
            status = report(error, self.console)
            if error.message.startswith("Unrecognized"):
                sys.stderr.write(USAGE)
            return status
        if options.print_help:
            self.console.plain(USAGE.rstrip("\n"))
            return 0
        if options.print_version:
            self.console.plain(f"abuild {COMPATIBLE_WITH} (abuildpy {__version__})")
            return 0
        config = load_config(_environment(options))
        _adopt_network(config)
        if options.print_arch:
            self.console.plain(config.carch)
            return 0
        log_command = tuple(config.get("ABUILD_LOG_CMD").split())
        self.console = Console("", _colors(options, config), options.quiet, log_command=log_command)
        _refuse_root(options)
        if not config.get("REPODEST"):
            if config.get("PKGDEST"):
                raise ConfigError("PKGDEST is not supported", hint="set REPODEST, the folder for repositories, instead")
            self.console.warning(f"REPODEST is not set; packages go to {config.repodest}")
        return self._build(options, config, verbs or ("all",))

    def _build(self, options: Options, config: Config, verbs: tuple[str, ...]) -> int:
        from abuildpy.cli.quick import answer

        path = os.environ.get("APKBUILD") or "./APKBUILD"
        if answer(path, verbs, config, options, self.console):
            return 0
        from pathlib import Path

        from abuildpy.cli.interrupt import raise_signals
        from abuildpy.phases.build import Build
        from abuildpy.phases.settings import Settings
        from abuildpy.recipe.evaluate import find_apkbuild

        raise_signals()
        apkbuild = find_apkbuild(Path(path))
        settings = Settings(
            force=options.force,
            force_root=options.force_root,
            keep=options.keep,
            keep_build=options.keep_build,
            nodeps=options.nodeps,
            install_deps=options.install_deps,
            quiet=options.quiet,
            verbose=options.verbose,
            description=options.description,
            sandbox=options.sandbox,
            net=options.net or config.get("ABUILD_NET", "recipe"),
            program=f"abuild {COMPATIBLE_WITH}",
        )
        build = Build.open(apkbuild, config, settings, self.console)
        self.console = build.console
        carch = f"-{config.carch}" if config.get("CROSS_COMPILE") else ""
        self.console.title(f"abuild{carch}: {build.recipe.pkgname}")
        try:
            build.run(verbs)
        except (AbuildError, KeyboardInterrupt, OSError) as error:
            status = report(error, self.console)
            build.clean_up_after_failure()
            return status
        return 0


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


def _colors(options: Options, config: Config) -> bool:
    return options.colors if options.colors is not None else want_colors(config.get("USE_COLORS"))


def _adopt_network(config: Config) -> None:
    """Takes over proxies and CA bundles that abuild.conf exports: git, rsync and our own downloads look for them there."""
    for name in _NETWORK:
        if name in config.exported:
            os.environ[name] = config.get(name)


def _refuse_root(options: Options) -> None:
    if os.getuid() == 0 and not options.force_root and not os.environ.get("FAKEROOTKEY"):
        raise ConfigError(
            "Do not run abuild as root",
            hint="run it as an ordinary user, or add -F: the recipe's functions then run as an unprivileged one",
        )


if __name__ == "__main__":
    sys.exit(main())
