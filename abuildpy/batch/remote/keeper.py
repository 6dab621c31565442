# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting Dask's client as a process that cannot reach the packager's key, and talking to it."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from abuildpy.batch.remote.lines import Writer, read_lines
from abuildpy.config import PACKAGE_DIR
from abuildpy.errors import AbuildError
from abuildpy.messages import Messages
from abuildpy.sandbox.base import Request, Running
from abuildpy.sandbox.handover import hand_over
from abuildpy.sandbox.probe import choose
from abuildpy.sandbox.process import SYSTEM_PATH
from abuildpy.scratch import Scratch

_GRACE = 20.0


class ClientError(AbuildError):
    """Dask's client ended, or said what it must not."""


class Keeper:
    """Dask's client, from its start to its end."""

    def __init__(self, settings: Mapping[str, Any], hidden: tuple[Path, ...], log: Messages, place: Path) -> None:
        """``settings`` are its first message; ``hidden`` is what it must not see: the keys; ``place`` is for temporary files.

        Raises SandboxError.
        """
        self._stack = ExitStack()
        try:
            folder = Path(self._stack.enter_context(Scratch(place)))
            home, tmp = folder / "home", folder / "tmp"
            for each in (home, tmp):
                each.mkdir()
            wall = choose("auto", log, startdir=folder)
            hand_over((home, tmp), wall.user)
            to_read, to_write = os.pipe()
            from_read, from_write = os.pipe()
            self._from = from_read
            self._stack.callback(os.close, from_read)
            self.writer = Writer(to_write)
            self._stack.callback(self.writer.close)
            request = Request(
                argv=(sys.executable, "-m", "abuildpy.batch.remote.client", str(to_read), str(from_write)),
                env={"PATH": SYSTEM_PATH, "LANG": "C.UTF-8", "PYTHONPATH": ":".join(map(str, _ours())), **_UNBUFFERED},
                cwd=Path("/"),
                home=home,
                tmp=tmp,
                readable=_programs(),
                hidden=hidden,
                network=True,
                pass_fds=(to_read, from_write),
            )
            try:
                self._running: Running = self._stack.enter_context(wall.start(request))
            finally:
                os.close(to_read)
                os.close(from_write)
            self.wall = wall.describe()
            self.writer.send(settings)
        except BaseException:
            self._stack.close()
            raise

    def messages(self) -> Iterator[dict[str, Any]]:
        """What it says, until it ends. Raises ClientError for what is no message."""
        try:
            yield from read_lines(self._from)
        except ValueError as error:
            raise ClientError(f"Dask's client said what it must not: {error}") from None

    def close(self) -> None:
        """Lets it end, or ends it."""
        self.writer.close()
        try:
            self._running.wait(_GRACE)
        except (TimeoutError, AbuildError):
            self._running.kill()
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


_UNBUFFERED = {"PYTHONDONTWRITEBYTECODE": "1"}


def _ours() -> tuple[Path, ...]:
    """The folder that abuildpy is imported from."""
    return (Path(PACKAGE_DIR).parent,)


def _programs() -> tuple[Path, ...]:
    """Where Python and what it imports lie, which may be below a home."""
    folders = {sys.prefix, sys.base_prefix, sysconfig.get_path("purelib"), *site.getsitepackages(), PACKAGE_DIR}
    if site.ENABLE_USER_SITE:
        folders.add(site.getusersitepackages())
    found = {Path(os.path.realpath(folder)) for folder in folders if os.path.isdir(folder)}
    found.add(Path(os.path.realpath(sys.executable)).parent.parent)
    return tuple(sorted(path for path in found if path not in (Path("/"), Path("/usr"), Path("/usr/local"))))
