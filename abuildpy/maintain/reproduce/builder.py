# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds a subject again and again, each time in other circumstances, in folders of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from abuildpy.errors import Aborted, AbuildError
from abuildpy.maintain.reproduce.order import Circumstances, Order
from abuildpy.maintain.reproduce.subject import Subject, copy_recipe, imitate_tree

_APART = 2.2
"""Seconds from the beginning of the first build to those of others, all of which are compared with it: zip knows even seconds
only, and different times should be seen as such.
"""


@dataclass(frozen=True, slots=True)
class Facts:
    """The circumstances of one build as its packages might tell of them.

    ``begun`` and ``ended`` are the machine's clock; the build's own was ``ahead`` seconds ahead. ``uncertain`` is how many
    seconds either may be off, for a build that was not ours.
    """

    begun: float
    ended: float
    ahead: int = 0
    zone: str = ""
    locale: str = ""
    umask: int = 0o022
    user: str = ""
    uid: int = -1
    home: str = ""
    host: str = ""
    jobs: str = ""
    cpus: int = 0
    paths: tuple[str, ...] = ()
    uncertain: float = 0.0


@dataclass(frozen=True, slots=True)
class Built:
    """What came of one build. ``packages`` maps file names to files; ``failure`` is empty if it succeeded."""

    number: int
    packages: Mapping[str, Path]
    facts: Facts
    log: Path
    failure: str = ""


@dataclass(frozen=True, slots=True)
class How:
    """What is the same for all builds: how dependencies get there, whether tests run, which walls and network.

    ``clean_root`` builds each in a clean root of its own.
    """

    check: bool = False
    clean_root: bool = False
    nodeps: bool = False
    install_deps: bool = False
    sandbox: str = "auto"
    net: str = ""


class Builder:
    """Builds in ``scratch``, a folder of ours. The recipe's own folder is only read."""

    def __init__(
        self,
        subject: Subject,
        scratch: Path,
        how: How,
        environ: Mapping[str, str],
        base: Facts,
        tell: Callable[[str], None],
    ) -> None:
        """``base`` are the facts of a build in which nothing is varied; ``tell`` is told what is being done."""
        self._subject = subject
        self._scratch = scratch
        self._how = how
        self._environ = environ
        self._base = base
        self._tell = tell
        self._first = 0.0
        self.count = 0
        self._aport = self._copy("aports")

    def build(self, circumstances: Circumstances, what: str, *, elsewhere: bool = False) -> Built:
        """One build; ``what`` says in a few words why. ``elsewhere`` builds in another path.

        Raises Aborted if the user wants no more.
        """
        self.count += 1
        number = self.count
        place = self._scratch / str(number)
        private = place / "private"
        private.mkdir(parents=True)
        aport = self._copy("another/place/altogether") if elsewhere else self._aport
        shown = "" if elsewhere else os.fspath(self._subject.shown)
        subject = self._subject
        order = Order(
            apkbuild=os.fspath(aport / "APKBUILD"),
            destination=os.fspath(place / "packages"),
            outcome=os.fspath(place / "outcome.json"),
            private=os.fspath(private),
            key=self._key(),
            repodest=subject.repodest,
            shown=shown if shown != os.fspath(aport) else "",
            siblings=os.fspath(subject.siblings) if subject.siblings and not elsewhere else "",
            commit=subject.provenance.commit,
            epoch=subject.provenance.epoch,
            exports=subject.exports,
            exact=subject.exact,
            check=self._how.check,
            clean_root=self._how.clean_root,
            nodeps=self._how.nodeps,
            install_deps=self._how.install_deps,
            sandbox=self._how.sandbox,
            net=self._how.net,
            circumstances=circumstances,
        )
        self._tell(what)
        time.sleep(max(0.0, self._first + _APART - time.time()))
        begun = time.time()
        self._first = self._first or begun
        log = place / "log"
        status = self._run(order, log)
        ended = time.time()
        outcome = _read(place / "outcome.json")
        failure = ""
        if status or outcome.get("status") != "built":
            failure = str(outcome.get("error") or f"the program that builds ended with status {status}")
        else:
            shown = str(outcome["path"])
        packages = {path.name: path for path in sorted((place / "packages").glob("*/*/*.apk"))}
        paths = tuple(dict.fromkeys(filter(None, (shown or os.fspath(aport), os.fspath(self._scratch)))))
        facts = replace(_varied(self._base, circumstances), begun=begun, ended=ended, paths=paths)
        return Built(number, packages, facts, log, failure)

    def _run(self, order: Order, log: Path) -> int:
        with open(log, "wb") as output:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "abuildpy.cli.reproduce_task"],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                env=self._environ,
                start_new_session=True,
            )
        try:
            if process.stdin is not None:  # it stays open: that tells the build that somebody wants it
                with suppress(OSError):
                    process.stdin.write(order.dump())
                    process.stdin.flush()
            return process.wait()
        except KeyboardInterrupt:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            raise Aborted("Aborted by user") from None
        finally:
            if process.stdin is not None:
                with suppress(OSError):
                    process.stdin.close()
            if process.poll() is None:
                process.kill()
                process.wait()

    def _copy(self, name: str) -> Path:
        subject = self._subject
        target = self._scratch / name / subject.shown.parent.name / subject.shown.name
        if not target.exists():
            copy_recipe(subject.folder, target)
            if self._how.clean_root:
                imitate_tree(subject.shown, target.parent)
        return target

    def _key(self) -> str:
        """A key for these packages alone: signatures are not compared."""
        path = self._scratch / "key.rsa"
        if not path.exists():
            from cryptography.hazmat.primitives import serialization
            from cryptography.hazmat.primitives.asymmetric import rsa

            key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
            path.touch(0o600)
            path.write_bytes(
                key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                )
            )
        return os.fspath(path)


def _varied(base: Facts, changed: Circumstances) -> Facts:
    """The facts of a build in changed circumstances."""
    get = changed.variables.get
    return replace(
        base,
        ahead=changed.ahead,
        zone=get("TZ", base.zone),
        locale=get("LC_ALL", base.locale),
        umask=changed.umask or base.umask,
        user=changed.user or base.user,
        uid=changed.uid or base.uid,
        home=f"/home/{changed.user}" if changed.user else base.home,
        host=changed.host or base.host,
        jobs=changed.jobs or base.jobs,
        cpus=len(changed.cpus) or base.cpus,
    )


def _read(path: Path) -> dict[str, object]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


class UnbuildableError(AbuildError):
    """The first build failed: there is nothing to compare."""

    exit_status = 3
