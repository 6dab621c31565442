# SPDX-License-Identifier: GPL-3.0-or-later
"""A headless Chromium, driven through a pipe: the DevTools protocol, as JSON with NUL behind each message."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_PATIENCE = 120.0


class ChromiumError(Exception):
    """The browser is gone, slow or does not understand."""


def find_chromium() -> str | None:
    """The path of one that is installed."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Page:
    """One page. ``events`` are all that the browser told of it since it was opened."""

    def __init__(self, send: int, receive: int) -> None:
        self._send, self._receive = send, receive
        self._buffer = b""
        self._number = 0
        self._session = ""
        self.events: list[dict[str, Any]] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Calls a method of the protocol. Raises ChromiumError."""
        self._number += 1
        message: dict[str, object] = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._message()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise ChromiumError(f"{method}: {answer['error']}")
                found: dict[str, Any] = answer["result"]
                return found
            self.events.append(answer)

    def open(self, url: str) -> None:
        """Loads a page and waits for all of it."""
        before = len(self.events)
        self.call("Page.navigate", url=url)
        while not any(each.get("method") == "Page.loadEventFired" for each in self.events[before:]):
            self.events.append(self._message())

    def run(self, expression: str) -> Any:
        """The value of an expression, as JSON has it. Raises ChromiumError with the exception if there is one."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise ChromiumError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Waits until it is true."""
        end = time.monotonic() + _PATIENCE
        while not self.run(expression):
            if time.monotonic() > end:
                raise ChromiumError(f"never true: {expression}")
            time.sleep(0.02)

    def key(self, name: str, text: str = "") -> None:
        """Presses a key and lets it go."""
        code = {"Tab": 9, "Enter": 13, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}.get(name, 0)
        more: dict[str, object] = {"text": text} if text else {"windowsVirtualKeyCode": code}
        if name == "Enter":
            more["text"] = "\r"
        self.call("Input.dispatchKeyEvent", type="keyDown", key=name, **more)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=name)

    def write(self, text: str) -> None:
        """Types a text where the focus is."""
        self.call("Input.insertText", text=text)

    def click(self, element: str) -> None:
        """Clicks with the mouse in the middle of an element, which an expression names."""
        place = self.run(
            f"(() => {{ const it = {element}; it.scrollIntoView({{block: 'center', inline: 'center'}});"
            "const box = it.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1)

    def look(self, path: Path) -> None:
        """A picture of what is in the window."""
        data = self.call("Page.captureScreenshot", format="png")["data"]
        path.write_bytes(base64.b64decode(data))

    def window(self, width: int, height: int) -> None:
        """Sets its size."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def scheme(self, name: str) -> None:
        """``light`` or ``dark``."""
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": name}])

    def troubles(self) -> list[str]:
        """Exceptions, errors of the console, and requests for anything but files."""
        found = []
        for event in self.events:
            match event.get("method"), event.get("params", {}):
                case "Runtime.exceptionThrown", {"exceptionDetails": details}:
                    found.append(f"exception: {details}")
                case "Log.entryAdded", {"entry": {"level": "error" | "warning", "text": text}}:
                    found.append(f"log: {text}")
                case "Runtime.consoleAPICalled", {"type": "error" | "warning", "args": said}:
                    found.append(f"console: {said}")
                case "Network.requestWillBeSent", {"request": {"url": url}} if not url.startswith(
                    ("file:", "about:", "data:")
                ):
                    found.append(f"request: {url}")
        return found

    def _message(self) -> dict[str, Any]:
        while b"\0" not in self._buffer:
            if not select.select([self._receive], [], [], _PATIENCE)[0]:
                raise ChromiumError("the browser says nothing any more")
            data = os.read(self._receive, 1 << 20)
            if not data:
                raise ChromiumError("the browser ended")
            self._buffer += data
        message, _, self._buffer = self._buffer.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        return found


@contextmanager
def chromium(program: str) -> Iterator[Page]:
    """A browser with a profile of its own and an empty page; gone when the block ends. Raises ChromiumError."""
    # It reads from 3 and writes to 4, which our own ends must not be.
    from_us, to_it, from_it, to_us = (_moved(each) for pair in (os.pipe(), os.pipe()) for each in pair)
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        command = [
            program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--hide-scrollbars", "--force-color-profile=srgb", "--remote-debugging-pipe", f"--user-data-dir={profile}",
            "about:blank",
        ]  # fmt: skip
        environment = {**os.environ, "HOME": profile, "DBUS_SESSION_BUS_ADDRESS": "disabled:"}
        actions = [
            *((os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_WRONLY, 0) for number in (1, 2)),
            (os.POSIX_SPAWN_DUP2, from_us, 3),
            (os.POSIX_SPAWN_DUP2, to_us, 4),
        ]
        process = os.posix_spawn(program, command, environment, file_actions=actions)
        os.close(from_us)
        os.close(to_us)
        try:
            yield Page(to_it, from_it)
        finally:
            os.close(to_it)  # it ends with its pipe
            os.close(from_it)
            _end(process)


def _moved(descriptor: int) -> int:
    found = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 10)
    os.close(descriptor)
    return found


def _end(process: int) -> None:
    end = time.monotonic() + 10
    while os.waitpid(process, os.WNOHANG) == (0, 0):
        if time.monotonic() > end:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return
        time.sleep(0.05)
