# SPDX-License-Identifier: GPL-3.0-or-later
"""The one function that a batch asks workers for: bytes of JSON in, bytes of JSON out. Never raises.

It is imported wherever Dask reads a task, so it imports next to nothing.
"""

from __future__ import annotations


def key_of(run: str) -> str:
    """What Dask calls the task of an attempt."""
    return f"abuildpy-{run}"


def perform(order: bytes) -> bytes:
    """Builds what an order asks for on the worker that this runs on, and returns the result's bytes."""
    from importlib import import_module
    from typing import Any

    worker: Any = import_module("distributed").get_worker()
    site = getattr(worker, "abuildpy_site", None)
    if site is None:
        return b'{"version":1,"error":"this worker was not started by abuildpy worker"}'
    answer: bytes = site.perform(order)
    return answer
