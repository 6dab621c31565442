# SPDX-License-Identifier: GPL-3.0-or-later
"""Dask's client: a process of its own, without the packager's key and behind the walls that the machine has.

Started as ``python -m abuildpy.batch.remote.client IN OUT`` with the numbers of two pipes. It passes orders on and results
back, and reads neither. Bytes are all it takes from workers: what Dask would unpickle, a result or an exception, it does
not; and if somebody gets it to, there is nothing here to be had.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from concurrent.futures import CancelledError
from importlib import import_module
from typing import Any

from abuildpy.batch.remote import lines
from abuildpy.batch.remote.messages import LARGEST_MESSAGE
from abuildpy.batch.remote.security import Tls
from abuildpy.batch.remote.settings import apply

_GRACE = 30
_LOOK = 1.0
_DISCONNECTED = "scheduler-connection-lost"


def main() -> int:
    """Entry point; returns the exit status."""
    incoming, outgoing = int(sys.argv[1]), int(sys.argv[2])
    for descriptor in (incoming, outgoing):
        os.set_inheritable(descriptor, False)
    apply()
    writer = lines.Writer(outgoing)
    messages = lines.read_lines(incoming)
    try:
        asyncio.run(_Passing(writer).run(next(messages), messages))
    except Exception as error:  # the publisher is to know, whatever it is
        try:
            writer.send({"error": f"{type(error).__name__}: {str(error)[:1000]}"})
        except OSError:
            pass
        return 1
    return 0


class _Passing:
    """Passes messages on between the pipes and Dask."""

    def __init__(self, writer: lines.Writer) -> None:
        self._writer = writer
        self._futures: dict[str, Any] = {}
        self._arch = ""
        self._client: Any = None

    async def run(self, settings: dict[str, Any], messages: Any) -> None:
        distributed = import_module("distributed")
        tls = settings.get("tls")
        security = None if tls is None else Tls(**tls).security()
        self._arch = settings["arch"]
        address = settings["address"]
        if tls is not None and address and (refusal := await asyncio.to_thread(Tls(**tls).refusal, address)):
            self._send({"error": f"{address}: {refusal}"})
            return
        queue: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        loop = asyncio.get_running_loop()
        threading.Thread(target=_listen, args=(messages, loop, queue), daemon=True).start()
        scheduler = None
        if not address:
            scheduler = await distributed.Scheduler(
                host="127.0.0.1",
                port=0,
                protocol="tls" if security else "tcp",
                security=security,
                dashboard_address="127.0.0.1:0",
                dashboard=False,
            )
            address = scheduler.address
        try:
            async with _client_class()(
                address,
                asynchronous=True,
                security=security,
                set_as_default=False,
                serializers=["msgpack"],
                deserializers=["msgpack"],
                timeout=f"{_GRACE}s",
            ) as self._client:
                self._client.subscribe_topic("abuildpy", self._event)
                self._send({"ready": address})
                looking = asyncio.create_task(self._look())
                await self._pass_on(queue)
                looking.cancel()
        finally:
            if scheduler is not None:
                await scheduler.close()

    async def _pass_on(self, queue: asyncio.Queue[dict[str, Any] | None]) -> None:
        tasks: set[asyncio.Task[None]] = set()
        while (message := await queue.get()) is not None:
            if "submit" in message:
                task = asyncio.create_task(self._submit(message["submit"], message["order"], message["slots"]))
            elif "cancel" in message:
                task = asyncio.create_task(self._cancel(message["cancel"]))
            else:
                continue
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        for run in list(self._futures):
            await self._cancel(run)

    async def _submit(self, run: str, order: str, slots: int) -> None:
        """A task of Dask's: a function of the worker's own abuildpy, by its name, and the order's bytes."""
        from abuildpy.batch.remote.task import key_of, perform

        future = self._client.submit(
            perform,
            order.encode("ascii"),
            key=key_of(run),
            pure=False,
            retries=0,
            resources={"slots": slots, f"arch-{self._arch}": 1},
        )
        self._futures[run] = future
        try:
            data = await future
        except asyncio.CancelledError:
            return
        except CancelledError as error:
            # By us, or with the scheduler, whose end is told for all; else somebody else at the scheduler ended it.
            if self._futures.get(run) is future and getattr(error, "reason", "") != _DISCONNECTED:
                self._send({"lost": run, "why": str(error)[:500]})
        except Exception as error:
            # A worker that went away, or a result that is none: it is not read, and so cannot be told.
            why = str(error)
            self._send({"lost": run, "why": why[:500]} if why == LOST else {"refused": run, "why": why[:500]})
        else:
            text = data.decode("latin-1") if isinstance(data, bytes) and len(data) <= LARGEST_MESSAGE else ""
            if text.isascii() and text.isprintable() and text:  # as json.dumps makes it
                self._send({"result": run, "data": text})
            else:
                self._send({"refused": run, "why": f"it is no JSON, but of type {type(data).__name__[:80]}"})
        finally:
            if self._futures.get(run) is future:
                del self._futures[run]
            future.release()

    async def _cancel(self, run: str) -> None:
        """Takes a task back, and has what it started killed: Dask itself would let it run on."""
        future = self._futures.pop(run, None)
        if future is not None:
            await self._client.cancel([future], force=True, asynchronous=True)
        try:
            message = {"op": "abuildpy_cancel", "run": run}
            await asyncio.wait_for(self._client.scheduler.broadcast(msg=message, on_error="return_pickle"), _GRACE)
        except (TimeoutError, OSError, RuntimeError):
            pass  # a worker that cannot be reached ends its builds by itself
        self._send({"cancelled": run})

    async def _look(self) -> None:
        """Tells who is there, again and again, and the end if the scheduler has gone."""
        while True:
            if self._client.status != "running":
                self._send({"error": "the scheduler is gone"})
                os._exit(1)
            try:
                known = await asyncio.wait_for(self._client.scheduler.identity(n_workers=-1), _GRACE)
            except (TimeoutError, OSError, RuntimeError):
                await asyncio.sleep(_LOOK)
                continue
            fit = [w for w in known["workers"].values() if w["resources"].get(f"arch-{self._arch}")]
            now = {
                "slots": int(sum(w["resources"].get("slots", 0) for w in fit)),
                "workers": len(fit),
                "others": len(known["workers"]) - len(fit),
            }
            self._send({"there": now})
            await asyncio.sleep(_LOOK)

    def _event(self, event: Any) -> None:
        """What a worker says of a build on its way."""
        message = event[1] if isinstance(event, tuple | list) and len(event) == 2 else None
        if isinstance(message, dict):
            run, phase, where = (str(message.get(name, ""))[:200] for name in ("run", "phase", "where"))
            self._send({"phase": phase, "run": run, "where": where})

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._writer.send(message)
        except OSError:
            os._exit(1)  # nobody is there any more


LOST = "the worker went away"


def _client_class() -> Any:
    """Dask's client, but for exceptions of tasks: it would unpickle them."""
    distributed: Any = import_module("distributed")

    class Client(distributed.Client):  # type: ignore[misc]
        def _handle_task_erred(self, key: Any = None, exception: Any = None, traceback: Any = None) -> None:  # noqa: ARG002
            is_lost = b"KilledWorker" in exception if isinstance(exception, bytes | bytearray) else False
            super()._handle_task_erred(key, LOST if is_lost else "a task raised an exception", None)

    return Client


def _listen(messages: Any, loop: asyncio.AbstractEventLoop, queue: asyncio.Queue[dict[str, Any] | None]) -> None:
    """Passes on what the publisher says; at the end of that, and whatever happens, None."""
    try:
        for message in messages:
            loop.call_soon_threadsafe(queue.put_nowait, message)
    finally:
        loop.call_soon_threadsafe(queue.put_nowait, None)


if __name__ == "__main__":
    sys.exit(main())
