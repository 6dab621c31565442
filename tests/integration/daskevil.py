# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker that is up to no good; the name of the recipe says how. Run as a program."""

from __future__ import annotations

import os
import pickle
import sys
from dataclasses import replace
from importlib import import_module
from typing import Any

from abuildpy.batch.remote import site
from abuildpy.batch.remote.messages import parse_order, parse_result

BANG = b"THE BOMB WENT OFF\n"


class Bomb:
    """Whoever unpickles it says so."""

    def __reduce__(self) -> Any:
        return os.write, (2, BANG)


def told(_error: BaseException, status: str = "error") -> dict[str, Any]:
    """What Dask sends of an exception, with a bomb for the exception."""
    bomb = import_module("distributed.protocol").to_serialize(pickle.dumps(Bomb()))
    return {"status": status, "exception": bomb, "traceback": None, "exception_text": "x", "traceback_text": "x"}


honest = site.Site.perform


def perform(self: site.Site, data: bytes) -> Any:
    """Builds, and lies about it."""
    how = parse_order(data).name.partition("/")[2]
    if how == "bomb":
        return Bomb()
    if how == "exception":
        raise ValueError("never told so")
    if how == "text":
        return b'{"version":1,"outcome":"\\u0000"'
    result = parse_result(honest(self, data))
    if how == "name":
        return replace(result, outcome=replace(result.outcome, name="main/other")).to_bytes()
    if how == "store":  # the package in the store is another one than the worker told of
        path = self.store._path("sha256", result.files[0].sha256)
        with open(path, "r+b") as file:
            file.write(b"something else")
    return result.to_bytes()


if __name__ == "__main__":
    from abuildpy.cli.umbrella import main

    import_module("distributed.worker").error_message = told  # type: ignore[attr-defined]
    site.Site.perform = perform  # type: ignore[method-assign]
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # it may blow itself up
    sys.exit(main())
