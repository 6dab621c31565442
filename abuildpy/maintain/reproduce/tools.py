# SPDX-License-Identifier: GPL-3.0-or-later
"""What varying takes from this machine: a library for clock and folders, a language. Made while the first build runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from glob import glob
from pathlib import Path

_SOURCE = Path(__file__).with_name("preload.c")
_COMPILERS = ("cc", "gcc", "clang", "tcc")
_LANGUAGES = ("et_EE", "fr_CH", "de_DE", "fr_FR", "es_ES", "en_GB", "en_US")
"""Languages that sort or write numbers in another way than C does, the most different first."""
_FAKETIME = (
    "/usr/lib/*/faketime/libfaketime.so.1",
    "/usr/lib/faketime/libfaketime.so.1",
    "/usr/lib/libfaketime.so.1",
    "/usr/lib64/faketime/libfaketime.so.1",
)
_PATIENCE = 60.0


@dataclass(slots=True)
class Tools:
    """Looks for what is wanted, and makes what can be made in the background.

    ``folder`` is one of ours that recipes may read; ``environ`` says where programs are.
    """

    folder: Path
    environ: Mapping[str, str]
    _running: dict[str, tuple[subprocess.Popen[bytes], Path]] = field(default_factory=dict)

    def begin(self, wanted: frozenset[str]) -> None:
        """Starts making what these variations need."""
        path = self.environ.get("PATH")
        compiler = next(filter(None, (shutil.which(name, path=path) for name in _COMPILERS)), None)
        if compiler and wanted & {"time", "order"}:
            library = self.folder / "vary.so"
            self._start(
                "preload", [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(_SOURCE), "-ldl"], library
            )
        if "locale" in wanted and not self._installed():
            maker = shutil.which("localedef", path=f"{path}:/usr/bin")
            sources = Path("/usr/share/i18n/locales")
            language = next((name for name in _LANGUAGES if (sources / name).is_file()), None)
            if maker and language:
                place = self.folder / "locale" / f"{language}.UTF-8"
                place.parent.mkdir()
                self._start("locale", [maker, "-i", language, "-f", "UTF-8", str(place)], place)

    def end(self) -> None:
        """Ends what is still being made."""
        for process, _ in self._running.values():
            if process.poll() is None:
                process.kill()
            process.wait()

    def preload(self) -> Path | None:
        """Our library, if there is a compiler that makes it and it works."""
        library = self._made("preload")
        if library is None:
            return None
        env = {"PATH": self.environ.get("PATH", ""), "LD_PRELOAD": str(library), "ABUILDPY_CLOCK": "864000000"}
        try:
            done = subprocess.run(
                ["date", "+%Y"], env=env, capture_output=True, text=True, timeout=_PATIENCE, check=False
            )
        except (OSError, subprocess.SubprocessError):
            return None
        import time

        works = done.stdout.strip() == str(time.gmtime(time.time() + 864000000).tm_year) and not done.stderr
        return library if works else None

    def faketime(self) -> Path | None:
        """libfaketime, if it is installed for this machine."""
        found = sorted(path for pattern in _FAKETIME for path in glob(pattern))
        native = [path for path in found if os.uname().machine in path]
        return Path((native or found)[0]) if found else None

    def locale(self, taken: str) -> tuple[str, Path | None]:
        """A locale of another language than ``taken``, and the folder that it is in if it is one of ours; empty: none."""
        for name in self._installed():
            if name.split(".")[0] != taken.split(".", maxsplit=1)[0]:
                return name, None
        made = self._made("locale")
        return (made.name, made.parent) if made else ("", None)

    def _start(self, name: str, command: list[str], result: Path) -> None:
        env = {"PATH": self.environ.get("PATH", ""), "LC_ALL": "C"}
        try:
            process = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=-3)
        except OSError:
            return
        self._running[name] = (process, result)

    def _made(self, name: str) -> Path | None:
        if name not in self._running:
            return None
        process, result = self._running[name]
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            return None
        return result if result.exists() else None  # localedef's status is not 0 for mere warnings

    def _installed(self) -> tuple[str, ...]:
        """Installed locales that are worth varying to, the most different first."""
        try:
            done = subprocess.run(["locale", "-a"], capture_output=True, text=True, env={**self.environ}, check=False)
        except OSError:
            return ()
        names = [name for name in done.stdout.split() if name.split(".")[0] not in ("C", "POSIX")]
        utf8 = [name for name in names if name.lower().endswith((".utf8", ".utf-8"))]
        known = {language: number for number, language in enumerate(_LANGUAGES)}
        return tuple(sorted(utf8, key=lambda name: (known.get(name.split(".")[0], len(known)), name)))
