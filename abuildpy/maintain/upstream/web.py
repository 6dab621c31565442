# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions over http, put politely: few at a time to each host, none that was answered lately, patience where asked for."""

from __future__ import annotations

import email.utils
import hashlib
import json
import os
import random
import socket
import stat
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from abuildpy import __version__
from abuildpy.errors import ConfigError, FetchError
from abuildpy.maintain.answers import body_of, cause_of, reason_of, without_password
from abuildpy.maintain.upstream.settings import UpstreamSettings

if TYPE_CHECKING:
    import requests

AGENT = f"abuildpy/{__version__} (upstream versions of aports)"
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_NOTHING = frozenset({401, 403, 404, 406, 410})
_TROUBLES = 3
"""So many connections to a host may fail one after the other before it counts as down."""
_T = TypeVar("_T")


class Unanswered(FetchError):
    """A question that got no answer of use. ``status`` is the server's; 0 where none answered."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Answer:
    """``url`` is where it came from in the end; ``kept`` tells that nothing was asked for it."""

    status: int
    body: bytes
    url: str
    kept: bool = False

    def json(self) -> object:
        """The document. Raises Unanswered if it is none."""
        try:
            document: object = json.loads(self.body)
        except (ValueError, RecursionError):
            raise Unanswered(f"{self.url}: the answer is no JSON") from None
        return document

    def text(self) -> str:
        """The text, whatever is not UTF-8 in it."""
        return self.body.decode("utf-8", "replace")


@dataclass(slots=True)
class _Host:
    """What is going on with a host."""

    places: threading.Semaphore
    lock: threading.Lock = field(default_factory=threading.Lock)
    next_start: float = 0.0
    closed_until: float = 0.0
    troubles: int = 0
    down: str = ""
    """Why nobody asks it any more in this run, without the address that was asked then."""


@dataclass(slots=True)
class _Once:
    lock: threading.Lock = field(default_factory=threading.Lock)
    value: Any = None
    error: FetchError | ConfigError | None = None
    done: bool = False


@dataclass(frozen=True, slots=True)
class _Question:
    url: str
    accept: str
    body: bytes | None
    headers: Mapping[str, str]
    verify: str

    @property
    def key(self) -> str:
        """Names the entry in the cache. A token is no part of it: what it lets see is not kept apart for one user."""
        parts = (
            self.url,
            self.accept,
            (self.body or b"").hex(),
            *(f"{k}:{v}" for k, v in sorted(self.headers.items())),
        )
        return hashlib.blake2b("\0".join(parts).encode(), digest_size=20).hexdigest()


class Web:
    """Asks for one run. Threads may share it."""

    def __init__(self, settings: UpstreamSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._hosts: dict[str, _Host] = {}
        self._memory: dict[object, _Once] = {}
        self._local = threading.local()
        self.asked = 0
        """How many requests went out."""

    @property
    def settings(self) -> UpstreamSettings:
        """What it was made with."""
        return self._settings

    def parsed(
        self,
        url: str,
        parse: Callable[[Answer], _T],
        *,
        accept: str = "*/*",
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        verify: str = "",
    ) -> _T:
        """What ``parse`` makes of the answer for an address; asked and parsed once, however many want it.

        With ``body`` it is posted. ``verify`` is a file of authorities to trust. Raises Unanswered.
        """
        question = _Question(self._settings.address_of(url), accept, body, headers or {}, verify)
        return self.once((question.key, parse), lambda: _made_of(self._answer(question), parse))

    def once(self, key: object, make: Callable[[], _T]) -> _T:
        """What ``make`` gives; made once a run. Only FetchError and ConfigError may be raised by it, and are again."""
        with self._lock:
            once = self._memory.setdefault(key, _Once())
        with once.lock:
            if not once.done:
                try:
                    once.value = make()
                except (FetchError, ConfigError) as error:
                    once.error = error
                once.done = True
        if once.error is not None:
            raise once.error
        return once.value  # type: ignore[no-any-return]

    def _answer(self, question: _Question) -> Answer:
        entry = self._load(question)
        settings = self._settings
        if entry is not None and (settings.offline or settings.clock() - entry.checked < settings.max_age):
            return _final(entry.answer(), question)
        if settings.offline:
            raise Unanswered(f"{_shown(question.url)}: not asked before, and nothing is asked now")
        host = self._host(urlsplit(question.url).netloc)
        answer, headers = self._ask(question, host, entry)
        if answer.status == 304 and entry is not None:
            self._keep(question, entry.renewed(settings.clock()))
            return _final(entry.answer(), question)
        if answer.status < 400 or answer.status in _NOTHING - {401, 403}:
            self._keep(question, _Entry.of(answer, headers, settings.clock()))
        return _final(answer, question)

    # --- the host -------------------------------------------------------------------------------------------------

    def _host(self, name: str) -> _Host:
        with self._lock:
            if name not in self._hosts:
                self._hosts[name] = _Host(threading.Semaphore(self._settings.per_host))
            return self._hosts[name]

    def _ask(self, question: _Question, host: _Host, entry: _Entry | None) -> tuple[Answer, Mapping[str, str]]:
        failure, status = "", 0
        for attempt in range(1, self._settings.attempts + 1):
            with host.places:
                if host.down:
                    raise Unanswered(f"{_shown(question.url)}: {host.down}")
                self._wait_turn(question, host)
                try:
                    answer, headers = self._send(question, entry)
                except (
                    OSError,
                    ValueError,
                ) as error:  # requests' own, and for what is no address
                    failure, status = self._trouble(question, host, error), 0
                    if host.down:
                        raise Unanswered(failure) from None
                else:
                    host.troubles, status = 0, answer.status
                    wait = _asked_to_wait(answer.status, headers, self._settings.clock())
                    if wait is None:
                        if answer.status not in _AGAIN:
                            return answer, headers
                        failure = f"{_shown(question.url)}: the server answered {answer.status}"
                    else:
                        reason = f"the server asks to wait {wait:.0f} s"
                        failure = f"{_shown(question.url)}: {reason}"
                        self._close(host, wait, reason)
                        if host.down:
                            raise Unanswered(failure)
            if attempt < self._settings.attempts:
                time.sleep(self._settings.back_off * 2 ** (attempt - 1) * random.uniform(0.5, 1.5))  # noqa: S311
        raise Unanswered(failure, status=status)

    def _wait_turn(self, question: _Question, host: _Host) -> None:
        with host.lock:
            now = self._settings.clock()
            start = max(now, host.next_start, host.closed_until)
            if start - now > self._settings.longest_wait:
                raise Unanswered(f"{_shown(question.url)}: the server asks to wait {start - now:.0f} s")
            host.next_start = start + self._settings.interval
        if start > now:
            time.sleep(start - now)

    def _close(self, host: _Host, wait: float, reason: str) -> None:
        if wait > self._settings.longest_wait:
            host.down = reason
            return
        with host.lock:
            host.closed_until = max(host.closed_until, self._settings.clock() + wait)

    def _trouble(self, question: _Question, host: _Host, error: OSError | ValueError) -> str:
        """Counts a connection that failed; tells in which words. A host that failed often is not bothered again."""
        reason = reason_of(error)
        host.troubles += 1
        if host.troubles >= _TROUBLES or isinstance(cause_of(error), socket.gaierror):
            host.down = reason
        return f"{_shown(question.url)}: {reason}"

    def _send(self, question: _Question, entry: _Entry | None) -> tuple[Answer, Mapping[str, str]]:
        headers = {"Accept": question.accept, **question.headers}
        if entry is not None and entry.etag:
            headers["If-None-Match"] = entry.etag
        if entry is not None and entry.modified:
            headers["If-Modified-Since"] = entry.modified
        token = self._settings.token_for(question.url)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        session = self._session()
        self.asked += 1
        with session.request(
            "GET" if question.body is None else "POST",
            question.url,
            data=question.body,
            headers=headers,
            timeout=self._settings.timeout,
            stream=True,
            verify=question.verify or True,
        ) as response:
            return Answer(response.status_code, body_of(response), without_password(response.url)), response.headers

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            from abuildpy.maintain.upstream.patience import session

            self._local.session = session(self._settings.longest_answer)
            self._local.session.headers["User-Agent"] = AGENT
        return self._local.session  # type: ignore[no-any-return]

    # --- the cache ------------------------------------------------------------------------------------------------

    def _path(self, question: _Question) -> str | None:
        cache = self._settings.cache
        return None if cache is None else os.path.join(cache, question.key)

    def _load(self, question: _Question) -> _Entry | None:
        path = self._path(question)
        if path is None:
            return None
        try:
            with open(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:
                state = os.fstat(file.fileno())
                if not stat.S_ISREG(state.st_mode) or state.st_uid != os.geteuid():
                    return None  # a folder that others write to: what they say servers said is nothing
                head, _, body = file.read().partition(b"\n")
            document = json.loads(head)
            return _Entry(**document, body=body)
        except (OSError, ValueError, TypeError, RecursionError):
            return None

    def _keep(self, question: _Question, entry: _Entry) -> None:
        from abuildpy.atomic import replacing

        path = self._path(question)
        if path is None:
            return
        try:
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            with replacing(path, 0o600) as file:
                file.write(entry.head() + b"\n" + entry.body)
            if question.key.startswith("00") and self._settings.prune is not None:  # one time in 256
                self._settings.prune()
        except OSError:
            return  # a cache that cannot be written is none


@dataclass(frozen=True, slots=True)
class _Entry:
    """An answer as it is kept: a line of JSON, then the body."""

    url: str
    status: int
    checked: float
    etag: str
    modified: str
    body: bytes

    @classmethod
    def of(cls, answer: Answer, headers: Mapping[str, str], now: float) -> _Entry:
        return cls(
            answer.url, answer.status, now, headers.get("ETag", ""), headers.get("Last-Modified", ""), answer.body
        )

    def head(self) -> bytes:
        names = ("url", "status", "checked", "etag", "modified")
        return json.dumps({name: getattr(self, name) for name in names}).encode()

    def renewed(self, now: float) -> _Entry:
        return _Entry(self.url, self.status, now, self.etag, self.modified, self.body)

    def answer(self) -> Answer:
        return Answer(self.status, self.body, self.url, kept=True)


def _made_of(answer: Answer, parse: Callable[[Answer], _T]) -> _T:
    """What is made of an answer. Whatever a server sends, it spoils nothing but the answer about itself."""
    try:
        return parse(answer)
    except (ValueError, TypeError, LookupError, AttributeError, AssertionError, ArithmeticError, RecursionError):
        raise Unanswered(f"{_shown(answer.url)}: the answer makes no sense") from None


def _final(answer: Answer, question: _Question) -> Answer:
    if answer.status < 400:
        return answer
    reason = "has nothing there" if answer.status in (404, 410) else f"answered {answer.status}"
    raise Unanswered(f"{_shown(question.url)}: the server {reason}", status=answer.status)


def _asked_to_wait(status: int, headers: Mapping[str, str], now: float) -> float | None:
    """Seconds for which a server wants to be left alone; None where it does not say (RFC 9110, Retry-After; GitHub's
    X-RateLimit-Reset and RateLimit-Reset of others).
    """
    if status not in (403, 429, 503):
        return None
    after = headers.get("Retry-After", "").strip()
    if after:
        return _number(after) if _is_number(after) else _until(after, now)
    if headers.get("X-RateLimit-Remaining", headers.get("RateLimit-Remaining", "")).strip() == "0":
        reset = headers.get("X-RateLimit-Reset", headers.get("RateLimit-Reset", "")).strip()
        if _is_number(reset):
            number = _number(reset)
            return max(0.0, number - now) if number > 1_000_000_000 else number
    return None


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _number(text: str) -> float:
    return float(text[:20])  # any longer one is too long to wait for as well


def _until(date: str, now: float) -> float | None:
    try:
        parsed = email.utils.parsedate_tz(date)
        return max(0.0, email.utils.mktime_tz(parsed) - now) if parsed else None
    except (ValueError, OverflowError):
        return None


def _shown(url: str) -> str:
    """An address without user, password and query, which may hold secrets."""
    split = urlsplit(url)
    return without_password(f"{split.scheme}://{split.netloc}{split.path}")
