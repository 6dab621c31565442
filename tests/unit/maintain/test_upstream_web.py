# SPDX-License-Identifier: GPL-3.0-or-later
"""How questions are put: cached, few at a time, with patience."""

from __future__ import annotations

import gzip
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback import without_proxies
from upstream_server import Reply, Server, reply, serve

from abuildpy.maintain.upstream.ask.asking import elements, links
from abuildpy.maintain.upstream.ask.registries import _perl_index
from abuildpy.maintain.upstream.ask.sites import _feed
from abuildpy.maintain.upstream.lanes import Lanes
from abuildpy.maintain.upstream.settings import Host, UpstreamSettings
from abuildpy.maintain.upstream.web import Answer, Unanswered, Web

URL = "https://api.example/things"
KEY = "api.example/things"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    without_proxies(monkeypatch)
    with serve() as server:
        yield server


class Clock:
    """A clock that stands until it is set."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def text(answer: Answer) -> str:
    return answer.text()


def test_nothing_is_asked_twice_within_the_age(server: Server, tmp_path: Path) -> None:
    clock = Clock()
    server.says(KEY, "one")
    settings = server.settings(tmp_path, clock=clock, max_age=100)
    assert Web(settings).parsed(URL, text) == "one"
    server.says(KEY, "two")
    clock.now += 99
    assert Web(settings).parsed(URL, text) == "one"
    clock.now += 2
    assert Web(settings).parsed(URL, text) == "two"
    assert len(server.asked) == 2


def test_an_old_answer_is_only_asked_to_be_confirmed(server: Server, tmp_path: Path) -> None:
    clock = Clock()
    server.says(KEY, "one", ETag='"a"', Last_Modified="Wed, 31 Jan 2024 10:00:00 GMT")
    settings = server.settings(tmp_path, clock=clock, max_age=100)
    Web(settings).parsed(URL, text)
    clock.now += 101
    assert Web(settings).parsed(URL, text) == "one"
    assert server.asked[1].headers["If-None-Match"] == '"a"'
    assert server.asked[1].headers["If-Modified-Since"] == "Wed, 31 Jan 2024 10:00:00 GMT"
    clock.now += 99  # the confirmation made it young again
    Web(settings).parsed(URL, text)
    assert len(server.asked) == 2


def test_that_there_is_nothing_is_kept_too(server: Server, tmp_path: Path) -> None:
    settings = server.settings(tmp_path, "api.example")
    for _ in range(2):
        with pytest.raises(Unanswered, match="has nothing there") as caught:
            Web(settings).parsed(URL, text)
        assert caught.value.status == 404
    assert len(server.asked) == 1


@pytest.mark.parametrize("status", [401, 403, 500])
def test_refusals_are_not_kept(server: Server, tmp_path: Path, status: int) -> None:
    server.says(KEY, "no", status)
    settings = server.settings(tmp_path, attempts=1)
    with pytest.raises(Unanswered):
        Web(settings).parsed(URL, text)
    server.says(KEY, "yes")
    assert Web(settings).parsed(URL, text) == "yes"


def test_a_damaged_entry_is_asked_anew(server: Server, tmp_path: Path) -> None:
    server.says(KEY, "one")
    settings = server.settings(tmp_path)
    Web(settings).parsed(URL, text)
    (entry,) = (path for path in tmp_path.rglob("*") if path.is_file())
    entry.write_bytes(entry.read_bytes()[:20])
    assert Web(settings).parsed(URL, text) == "one"
    assert len(server.asked) == 2


def test_offline_asks_nobody(server: Server, tmp_path: Path) -> None:
    server.says(KEY, "one")
    clock = Clock()
    Web(server.settings(tmp_path, clock=clock)).parsed(URL, text)
    clock.now += 1e9
    offline = Web(server.settings(tmp_path, clock=clock, offline=True))
    assert offline.parsed(URL, text) == "one"
    with pytest.raises(Unanswered, match="not asked before"):
        offline.parsed("https://api.example/else", text)
    assert len(server.asked) == 1


def test_many_who_want_the_same_ask_once(server: Server) -> None:
    server.says(KEY, "one")
    web = Web(server.settings())
    tasks = [("", lambda: web.parsed(URL, text)) for _ in range(20)]
    assert list(Lanes(tasks, 8, 8).results()) == ["one"] * 20
    assert len(server.asked) == 1


def test_a_busy_server_is_asked_again(server: Server) -> None:
    server.replies[KEY] = [reply("", 503), reply("", 502), reply("one")]
    assert Web(server.settings()).parsed(URL, text) == "one"


def test_who_asks_for_patience_gets_it(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    clock = Clock()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        clock.now += seconds

    monkeypatch.setattr(time, "sleep", sleep)
    server.replies[KEY] = [reply("", 429, Retry_After="7"), reply("one")]
    assert Web(server.settings(clock=clock)).parsed(URL, text) == "one"
    assert sum(slept) == pytest.approx(7)


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry_After": "3600"},
        {"X_RateLimit_Remaining": "0", "X_RateLimit_Reset": "1700003600"},
        {"Retry_After": "Tue, 14 Nov 2023 23:13:20 GMT"},
    ],
)
def test_nobody_waits_for_an_hour_nor_asks_that_host_again(server: Server, headers: dict[str, str]) -> None:
    server.says(KEY, "", 403 if "X_RateLimit_Reset" in headers else 429, **headers)
    web = Web(server.settings(clock=Clock()))
    for path in ("things", "others"):
        with pytest.raises(Unanswered, match=rf"/{path}: the server asks to wait 3600 s"):
            web.parsed(f"https://api.example/{path}", text)
    assert len(server.asked) == 1


def test_few_questions_at_a_time(server: Server) -> None:
    server.hold = threading.Event()
    for number in range(12):
        server.says(f"api.example/{number}", str(number))
    web = Web(server.settings(per_host=3))
    tasks = [
        (str(number), lambda number=number: web.parsed(f"https://api.example/{number}", text)) for number in range(12)
    ]
    results = Lanes(tasks, 12, 1).results()
    gathered: list[str] = []
    gatherer = threading.Thread(target=lambda: gathered.extend(results))
    gatherer.start()
    for _ in range(500):
        if server.busiest >= 3:
            break
        time.sleep(0.01)
    server.hold.set()
    gatherer.join(20)
    assert gathered == [str(number) for number in range(12)]
    assert server.busiest == 3


def test_a_token_goes_to_its_own_host_only(server: Server) -> None:
    server.says(KEY, "one")
    server.says("other.example/x", "two")
    own = server.address.removeprefix("http://")
    web = Web(server.settings(tokens={own: "s3cret"}))
    web.parsed(URL, text)
    assert server.asked[0].headers["Authorization"] == "Bearer s3cret"
    Web(server.settings(tokens={"api.github.com": "s3cret"})).parsed(URL, text)
    assert "Authorization" not in server.asked[1].headers
    assert "s3cret" not in repr(server.settings(tokens={own: "s3cret"}))


def test_messages_hold_no_secrets(server: Server) -> None:
    with pytest.raises(Unanswered) as caught:
        Web(server.settings()).parsed(server.address.replace("://", "://joe:s3cret@") + "/x?key=s3cret", text)
    assert "s3cret" not in caught.value.message


def test_a_name_that_nobody_has_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", nobody)
    web = Web(Server("http://unused.invalid").settings(attempts=5))
    for path in "ab":
        with pytest.raises(Unanswered, match=rf"https://nobody\.invalid/{path}: Name or service not known"):
            web.parsed(f"https://nobody.invalid/{path}", text)
    assert web.asked == 1


def test_another_address_for_a_host(server: Server) -> None:
    server.says("api.example/deep/things", "one")
    settings = server.settings(hosts={"first.example": Host(f"{server.address}/api.example/deep/")})
    assert settings.address_of("https://first.example/things?x=1") == f"{server.address}/api.example/deep/things?x=1"
    assert settings.address_of("https://second.example/things") == "https://second.example/things"
    assert Web(settings).parsed("https://first.example/things", text) == "one"


def test_one_agent(server: Server) -> None:
    server.replies[KEY] = Reply(b"x")
    Web(server.settings()).parsed(URL, text)
    assert server.asked[0].headers["User-Agent"].startswith("abuildpy/")


# --- lanes --------------------------------------------------------------------------------------------------------


def test_results_come_in_order_and_a_full_lane_keeps_nobody_waiting() -> None:
    gate = threading.Event()

    def slow() -> str:
        assert gate.wait(10)
        return "slow"

    def quick() -> str:
        gate.set()
        return "quick"

    tasks = [("busy", slow), ("busy", slow), ("busy", slow), ("other", quick)]
    assert list(Lanes(tasks, 4, 1).results()) == ["slow", "slow", "slow", "quick"]


def test_no_more_of_a_lane_at_a_time_than_it_may_have() -> None:
    lock = threading.Lock()
    running = most = 0

    def task() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1

    assert len(list(Lanes([("a", task)] * 12, 8, 2).results())) == 12
    assert most <= 2


def test_a_failure_is_raised_and_ends_it() -> None:
    def bad() -> str:
        raise ValueError("of the task")

    with pytest.raises(ValueError, match="of the task"):
        list(Lanes([("a", bad), *[("b", lambda: "")] * 5], 2, 1).results())


def test_no_tasks() -> None:
    assert list(Lanes([], 4, 1).results()) == []


# --- servers that mean no good ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {"Retry-After": "\xb2"},
        {"Retry-After": "9" * 5000},
        {"Retry-After": "Wed, 31 Jan 99999999999 10:00:00 GMT"},
        {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9" * 5000},
        {"Location": "http://[::1/x"},
        {"Location": "http://a.example:99999999/"},
        {"Location": "file:///etc/passwd"},
    ],
)
def test_headers_that_make_no_sense(server: Server, tmp_path: Path, headers: dict[str, str]) -> None:
    server.replies[KEY] = Reply(b"", 302 if "Location" in headers else 429, headers)
    with pytest.raises(Unanswered):
        Web(server.settings(tmp_path, attempts=1)).parsed(URL, text)


def test_an_answer_that_drips_is_not_waited_for(tmp_path: Path) -> None:
    """Each byte is in time, and all of them would take years."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def drip() -> None:
        client, _ = listener.accept()
        with client:
            client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while not stop.wait(0.02):
                try:
                    client.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=drip, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    settings = UpstreamSettings(hosts={"api.example": Host(address)}, attempts=1, longest_answer=0.2)
    try:
        with pytest.raises(Unanswered, match="takes longer than"):
            Web(settings).parsed(URL, text)
    finally:
        stop.set()
        thread.join(10)
        listener.close()


@pytest.mark.parametrize("error", [ValueError, TypeError, KeyError, AssertionError, OverflowError, RecursionError])
def test_whatever_is_made_of_an_answer(server: Server, tmp_path: Path, error: type[Exception]) -> None:
    """It may spoil nothing but what is known of that one recipe."""

    def parse(_: Answer) -> str:
        raise error("\x1b[31m")

    server.says(KEY, "x")
    with pytest.raises(Unanswered, match="makes no sense"):
        Web(server.settings(tmp_path)).parsed(URL, parse)


def test_a_token_goes_to_its_host_only(server: Server, tmp_path: Path) -> None:
    host = server.address.removeprefix("http://")
    server.replies[KEY] = Reply(b"", 302, {"Location": server.address.replace("127.0.0.1", "localhost") + "/there"})
    server.says("there", "x")
    assert Web(server.settings(tmp_path, tokens={host: "s3cret"})).parsed(URL, text) == "x"
    assert [asked.headers.get("Authorization") for asked in server.asked] == ["Bearer s3cret", None]


def test_a_token_goes_in_the_clear_only_where_the_user_says_so() -> None:
    settings = UpstreamSettings(tokens={"git.example": "s3cret"})
    assert settings.token_for("https://git.example/api") == "s3cret"
    assert settings.token_for("http://git.example/api") == ""
    own = UpstreamSettings(tokens={"git.example": "s3cret"}, hosts={"x": Host("http://git.example")})
    assert own.token_for("http://git.example/api") == "s3cret"


def test_what_somebody_else_put_into_the_cache_counts_for_nothing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.says(KEY, "one")
    settings = server.settings(tmp_path)
    assert Web(settings).parsed(URL, text) == "one"
    (entry,) = tmp_path.iterdir()
    kept = entry.read_bytes()
    (tmp_path / "elsewhere").write_bytes(kept.replace(b"one", b"two"))
    entry.unlink()
    entry.symlink_to(tmp_path / "elsewhere")
    assert Web(settings).parsed(URL, text) == "one"
    entry.unlink()
    os.mkfifo(entry)
    assert Web(settings).parsed(URL, text) == "one"
    entry.write_bytes(kept.replace(b"one", b"two"))
    monkeypatch.setattr("os.geteuid", lambda: 12345)
    assert Web(settings).parsed(URL, text) == "one"


@pytest.mark.parametrize(
    "page",
    [
        b"<item>" * 300_000,
        b"<item " * 300_000,
        b"<item>" + b"<title>" * 300_000 + b"</item>",
        b"<a href=x>" + b"<!--" * 200_000,
        b"<a href=x>" + b"<![CDATA[" * 200_000,
        b'<a href="&#' + b"9" * 10_000 + b';">',
        b"<a href=x>" + b"</" * 200_000,
    ],
)
def test_pages_that_never_end(page: bytes) -> None:
    """They are read in one pass; read in the usual way, the first ones take hours."""
    answer = Answer(200, page, "https://x.example/")
    assert elements(answer, "item") in ([], ["<title>" * 300_000])
    links(answer)
    _feed(answer)


def test_elements() -> None:
    page = b"<r><v>1.0</v><v a='b'> 2.0 </v><v><![CDATA[3.0]]></v><version>4</version><v>5"
    assert elements(Answer(200, page, ""), "v") == ["1.0", "2.0", "3.0"]


def test_an_index_that_is_a_bomb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("abuildpy.maintain.upstream.ask.registries._LARGEST_INDEX", 1000)
    body = gzip.compress(b"head\n\n" + b"A 1 A/AB/ABC/A-1.0.tar.gz\n" * 1000)
    with pytest.raises(Unanswered, match="the index is damaged"):
        _perl_index(Answer(200, body, ""))
