# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import gzip
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path
from typing import ClassVar, cast

import pytest
import requests
from fetch_samples import BODY, NAME, QUICK, drip, expect, flood, only_file
from source_servers import Handler, Log, Web

import abuildpy
from abuildpy.errors import FetchError
from abuildpy.source import http
from abuildpy.source.fetch import fetch
from abuildpy.source.transfer import PartFile, TransferFailed

ROOT = Path(abuildpy.__file__).parents[1]


def cut_after(count: int) -> Callable[[Handler], None]:
    """Announce the whole rest, send only ``count`` bytes of it."""

    def answer(handler: Handler) -> None:
        body = handler.web.files[handler.path]
        start = int((handler.headers.get("Range") or "bytes=0-")[6:-1])
        headers = {"ETag": handler.web.etag, "Content-Range": f"bytes {start}-{len(body) - 1}/{len(body)}"}
        handler.answer(206 if start else 200, headers, body[start : start + count], claim=len(body) - start)

    return answer


def status(code: int, **headers: str) -> Callable[[Handler], None]:
    return lambda handler: handler.answer(code, {k.replace("_", "-"): v for k, v in headers.items()}, b"sorry")


def test_download_and_its_message(web: Web, tmp_path: Path, log: Log) -> None:
    web.files["/dist/foo"] = BODY
    entry = f"{NAME}::{web.url}/dist/foo"
    assert fetch(entry, tmp_path / "new" / "folder", log=log) == tmp_path / "new" / "folder" / NAME
    only_file(tmp_path / "new" / "folder")
    assert log.lines == [f"msg: Fetching {entry}"]
    assert web.asked("Accept-Encoding") == ["identity"]


def test_an_empty_file(web: Web, tmp_path: Path, log: Log) -> None:
    web.files[f"/{NAME}"] = b""
    fetch(f"{web.url}/{NAME}", tmp_path, log=log)
    only_file(tmp_path, b"")


def test_a_file_that_is_there_is_not_fetched(web: Web, tmp_path: Path, log: Log) -> None:
    (tmp_path / NAME).write_bytes(b"old")
    fetch(f"{web.url}/{NAME}", tmp_path, log=log, mirror=f"{web.url}/mirror")
    assert web.requests == []
    assert log.of("msg") == [f"Fetching {web.url}/{NAME}"]


def test_bytes_are_stored_as_sent_whatever_the_content_coding(web: Web, tmp_path: Path, log: Log) -> None:
    packed = gzip.compress(BODY)
    web.files[f"/{NAME}"] = packed
    web.script = [lambda h: h.answer(200, {"Content-Encoding": "gzip"}, packed)]
    fetch(f"{web.url}/{NAME}", tmp_path, log=log)
    only_file(tmp_path, packed)


def test_redirects_are_followed(web: Web, tmp_path: Path, log: Log) -> None:
    web.files["/there"] = BODY
    web.script = [status(302, Location="/there")]
    fetch(f"{web.url}/{NAME}", tmp_path, log=log)
    only_file(tmp_path)


def test_redirects_in_circles_end(web: Web, tmp_path: Path, log: Log) -> None:
    web.script = [status(302, Location=f"/{NAME}")] * 40
    with pytest.raises(FetchError, match="in circles"):
        fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=QUICK)


def test_a_redirect_to_a_local_file_is_refused(web: Web, tmp_path: Path, log: Log) -> None:
    web.script = [status(302, Location="file:///etc/passwd")] * 2
    with pytest.raises(FetchError, match="not an address that can be fetched"):
        fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=QUICK)


def test_a_truncated_body_is_continued_where_it_broke(web: Web, tmp_path: Path, log: Log) -> None:
    web.files[f"/{NAME}"] = BODY
    web.script = [cut_after(1000), cut_after(500)]
    fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=QUICK)
    only_file(tmp_path)
    assert web.asked("Range") == [None, "bytes=1000-", "bytes=1500-"]
    assert web.asked("If-Range") == [None, '"one"', '"one"']
    assert len(log.of("warning")) == 2


def test_a_short_body_is_noticed_even_if_the_library_does_not(tmp_path: Path) -> None:
    """urllib3 before 2 says nothing when fewer bytes came than were announced."""

    class Raw:
        def __init__(self) -> None:
            self.data = [b"short", b""]

        def read(self, _size: int, *, decode_content: bool) -> bytes:
            assert not decode_content
            return self.data.pop(0)

    class Answer:
        status_code = 200
        headers: ClassVar = {"Content-Length": "10"}
        raw = Raw()

    with PartFile(tmp_path / "part", NAME) as part, pytest.raises(TransferFailed, match="after 5 of 10") as caught:
        http._receive(cast("requests.Response", Answer()), part, QUICK)
    assert caught.value.retry


def test_a_file_that_changed_meanwhile_is_fetched_anew(web: Web, tmp_path: Path, log: Log) -> None:
    web.files[f"/{NAME}"] = b"A" * 5000

    def cut_then_change(handler: Handler) -> None:
        cut_after(1000)(handler)
        web.files[f"/{NAME}"], web.etag = b"B" * 5000, '"two"'

    web.script = [cut_then_change]
    fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=QUICK)
    only_file(tmp_path, b"B" * 5000)


def test_the_part_of_an_earlier_run_is_continued(web: Web, tmp_path: Path, log: Log) -> None:
    web.files[f"/{NAME}"] = BODY
    (tmp_path / f"{NAME}.part").write_bytes(BODY[:777])
    fetch(f"{web.url}/{NAME}", tmp_path, log=log, expected=expect(BODY))
    only_file(tmp_path)
    assert web.asked("Range") == ["bytes=777-"]


def test_a_part_of_another_file_is_noticed_by_the_checksum(web: Web, tmp_path: Path, log: Log) -> None:
    web.files[f"/{NAME}"] = BODY
    (tmp_path / f"{NAME}.part").write_bytes(b"rubbish")
    fetch(f"{web.url}/{NAME}", tmp_path, log=log, expected=expect(BODY))
    only_file(tmp_path)
    assert web.asked("Range") == ["bytes=7-", None]


@pytest.mark.parametrize("size", [len(BODY), len(BODY) + 10])
def test_a_part_that_the_server_cannot_continue_is_thrown_away(web: Web, tmp_path: Path, log: Log, size: int) -> None:
    web.files[f"/{NAME}"] = BODY
    (tmp_path / f"{NAME}.part").write_bytes(b"x" * size)
    fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=QUICK)
    only_file(tmp_path)
    assert web.asked("Range") == [f"bytes={size}-", None]


def test_a_server_without_ranges_sends_all_again(web: Web, tmp_path: Path, log: Log) -> None:
    web.files[f"/{NAME}"], web.ranges = BODY, False
    (tmp_path / f"{NAME}.part").write_bytes(BODY[:777])
    fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=QUICK)
    only_file(tmp_path)


def test_another_range_than_asked_for_is_not_appended(web: Web, tmp_path: Path, log: Log) -> None:
    web.files[f"/{NAME}"] = BODY
    (tmp_path / f"{NAME}.part").write_bytes(BODY[:777])
    web.script = [lambda h: h.answer(206, {"Content-Range": f"bytes 0-9/{len(BODY)}"}, BODY[:10])]
    fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=QUICK)
    only_file(tmp_path)


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_passing_troubles_are_waited_out(web: Web, tmp_path: Path, log: Log, code: int) -> None:
    web.files[f"/{NAME}"] = BODY
    web.script = [status(code, Retry_After="0"), status(code)]
    fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=QUICK)
    only_file(tmp_path)


@pytest.mark.parametrize("code", [401, 403, 404, 410])
def test_lasting_refusals_are_not_repeated(web: Web, tmp_path: Path, log: Log, code: int) -> None:
    web.script = [status(code)]
    with pytest.raises(FetchError, match=f"{web.url}/{NAME}: the server says {code}") as caught:
        fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=QUICK)
    assert len(web.requests) == 1
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("F/Foo.Bar/Foo.Bar-1.0", "foo_bar-1.0.tar.gz (PEP 625)"),
        ("f/foo-bar/foo-bar-1.0rc1", "foo_bar-1.0rc1.tar.gz (PEP 625)"),
        ("f/foo-bar/foo_bar-1.0", "DISTFILES_MIRROR"),
    ],
)
def test_a_python_archive_that_is_named_otherwise_by_now(
    web: Web, tmp_path: Path, log: Log, name: str, said: str
) -> None:
    web.script = [status(404)]
    with pytest.raises(FetchError) as caught:
        fetch(f"{web.url}/packages/source/{name}.tar.gz", tmp_path, log=log, options=QUICK)
    assert said in (caught.value.hint or "")


def test_patience_ends(web: Web, tmp_path: Path, log: Log) -> None:
    web.script = [status(503)] * 10
    with pytest.raises(FetchError, match="503"):
        fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=QUICK)
    assert len(web.requests) == QUICK.attempts


def test_progress_earns_patience_but_the_same_ground_does_not(web: Web, tmp_path: Path, log: Log) -> None:
    web.files[f"/{NAME}"] = BODY
    web.script = [cut_after(100)] * 8
    fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=QUICK)
    only_file(tmp_path)
    (tmp_path / NAME).unlink()
    web.requests.clear()

    def always_the_first_bytes(handler: Handler) -> None:
        handler.answer(200, {}, BODY[:100], claim=len(BODY))

    web.script = [always_the_first_bytes] * 20
    with pytest.raises(FetchError, match=r"ended after|IncompleteRead|broken"):
        fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=QUICK)
    assert len(web.requests) <= QUICK.attempts + 1


def test_a_server_that_wants_too_much_patience(web: Web, tmp_path: Path, log: Log) -> None:
    web.script = [status(429, Retry_After="86400")]
    with pytest.raises(FetchError, match="come back in 86400 seconds"):
        fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=QUICK)


def test_retry_after_as_a_date(web: Web, tmp_path: Path, log: Log) -> None:
    web.script = [status(503, Retry_After=formatdate(time.time() + 86400, usegmt=True))]
    with pytest.raises(FetchError, match=r"come back in 86[34]\d\d seconds"):
        fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=QUICK)


def test_a_silent_server_is_given_up(web: Web, tmp_path: Path, log: Log) -> None:
    done = threading.Event()

    def stall(handler: Handler) -> None:
        handler.answer(200, {}, BODY[:100_000], claim=len(BODY))
        done.wait(20)

    web.script = [stall, stall]
    try:
        with pytest.raises(FetchError, match="did not answer in time"):
            fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=replace(QUICK, attempts=1, stall_timeout=0.1))
    finally:
        done.set()
    part = (tmp_path / f"{NAME}.part").read_bytes()
    assert len(part) > 80_000
    assert BODY.startswith(part)


def test_a_server_that_drips_is_given_up(web: Web, tmp_path: Path, log: Log) -> None:
    web.script = [drip] * 10
    options = replace(QUICK, attempts=2, stall_timeout=20, pace_time=0.3)
    with pytest.raises(FetchError, match="too slowly"):
        fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=options)
    assert len(web.requests) == 2, "what little came earns no further try"


@pytest.mark.parametrize("answer", [flood, lambda handler: handler.answer(200, {}, b"x" * 100, claim=1 << 40)])
def test_a_server_that_never_ends_is_given_up(
    web: Web, tmp_path: Path, log: Log, answer: Callable[[Handler], None]
) -> None:
    web.script = [answer] * 3
    with pytest.raises(FetchError, match="more than 1000000 bytes"):
        fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=replace(QUICK, most=1_000_000))
    assert len(web.requests) == 1
    assert os.listdir(tmp_path) == []


def test_refused_connections_and_unknown_names_in_words(web: Web, tmp_path: Path, log: Log) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(FetchError, match="connection refused"):
        fetch(f"http://127.0.0.1:{port}/{NAME}", tmp_path, log=log, options=QUICK)
    with pytest.raises(FetchError, match="DNS"):
        fetch(f"http://nowhere.invalid/{NAME}", tmp_path, log=log, options=replace(QUICK, attempts=1))


def test_https_to_a_plain_server_is_a_tls_error(web: Web, tmp_path: Path, log: Log) -> None:
    with pytest.raises(FetchError, match="TLS"):
        fetch(f"{web.url.replace('http:', 'https:')}/{NAME}", tmp_path, log=log, options=replace(QUICK, attempts=1))


@pytest.mark.parametrize("entry", ["http://127.0.0.1/", "..::http://127.0.0.1/x", "http://[::1/x"])
def test_useless_addresses(tmp_path: Path, log: Log, entry: str) -> None:
    with pytest.raises(FetchError):
        fetch(entry, tmp_path, log=log, options=QUICK)


def test_an_unwritable_place_is_explained(web: Web, tmp_path: Path, log: Log) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FetchError, match="cannot store") as caught:
        fetch(f"{web.url}/{NAME}", tmp_path / "file", log=log, options=QUICK)
    assert "SRCDEST" in (caught.value.hint or "")


def test_a_part_that_is_a_link_is_not_followed(web: Web, tmp_path: Path, log: Log) -> None:
    web.files[f"/{NAME}"] = BODY
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    (tmp_path / f"{NAME}.part").symlink_to(victim)
    with pytest.raises(FetchError):
        fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=QUICK)
    assert victim.read_bytes() == b"precious"


class Recorder:
    def __init__(self) -> None:
        self.events: list[tuple[object, ...]] = []
        self.received = 0

    def start(self, name: str, total: int | None, done: int) -> None:
        self.events.append(("start", name, total, done))

    def advance(self, count: int) -> None:
        self.received += count

    def stop(self) -> None:
        self.events.append(("stop",))


def test_progress_is_told(web: Web, tmp_path: Path, log: Log) -> None:
    web.files[f"/{NAME}"] = BODY
    (tmp_path / f"{NAME}.part").write_bytes(BODY[:100])
    progress = Recorder()
    fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=replace(QUICK, progress=progress))
    assert progress.events == [("start", NAME, len(BODY), 100), ("stop",)]
    assert progress.received == len(BODY) - 100


def test_two_at_once_download_once(web: Web, tmp_path: Path) -> None:
    web.files[f"/{NAME}"] = BODY
    go = threading.Event()

    def slow(handler: Handler) -> None:
        go.wait(20)
        handler.serve()

    web.script = [slow]
    logs = [Log(), Log(), Log()]
    threads = [
        threading.Thread(target=fetch, args=(f"{web.url}/{NAME}", tmp_path), kwargs={"log": each}) for each in logs
    ]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 20
    while sum(bool([x for x in each.lines if "Waiting" in x]) for each in logs) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    go.set()
    for thread in threads:
        thread.join(20)
    only_file(tmp_path)
    assert len(web.requests) == 1
    assert sum("Waiting" in line for each in logs for line in each.lines) == 2


def test_after_a_failure_the_next_in_line_tries(web: Web, tmp_path: Path) -> None:
    web.files[f"/{NAME}"] = BODY
    go = threading.Event()

    def fail(handler: Handler) -> None:
        go.wait(20)
        handler.answer(404)

    web.script = [fail]
    results: list[str] = []
    first, second = Log(), Log()

    def run(log: Log) -> None:
        try:
            fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=QUICK)
            results.append("good")
        except FetchError:
            results.append("bad")

    threads = [threading.Thread(target=run, args=(log,)) for log in (first, second)]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 20
    while not any("Waiting" in x for x in (*first.lines, *second.lines)) and time.monotonic() < deadline:
        time.sleep(0.005)
    go.set()
    for thread in threads:
        thread.join(20)
    assert sorted(results) == ["bad", "good"]
    only_file(tmp_path)


def test_a_killed_download_leaves_a_part_to_continue(web: Web, tmp_path: Path, log: Log) -> None:
    web.files[f"/{NAME}"] = BODY
    done = threading.Event()

    def half(handler: Handler) -> None:
        handler.answer(200, {"ETag": web.etag}, BODY[: len(BODY) // 2], claim=len(BODY))
        done.wait(20)

    web.script = [half]
    code = (
        "import sys; from pathlib import Path; from abuildpy.source.fetch import fetch\n"
        "class L:\n def __getattr__(self, n): return lambda t: None\n"
        "fetch(sys.argv[1], Path(sys.argv[2]), log=L())"
    )
    child = subprocess.Popen([sys.executable, "-c", code, f"{web.url}/{NAME}", str(tmp_path)], cwd=ROOT)
    part = tmp_path / f"{NAME}.part"
    deadline = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size > 200_000) and time.monotonic() < deadline:
        time.sleep(0.005)
    child.send_signal(signal.SIGKILL)
    child.wait()
    done.set()
    assert not (tmp_path / NAME).exists()
    size = part.stat().st_size
    assert size > 200_000
    fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=QUICK)
    only_file(tmp_path)
    assert web.asked("Range")[-1] == f"bytes={size}-"


def test_ctrl_c_passes_through_and_keeps_the_part(web: Web, tmp_path: Path, log: Log) -> None:
    web.files[f"/{NAME}"] = BODY

    class Interrupt(Recorder):
        def advance(self, count: int) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=replace(QUICK, progress=Interrupt()))
    assert [p.name for p in tmp_path.iterdir()] == [f"{NAME}.part"]


def test_the_lock_of_a_killed_run_goes_where_the_file_is_there(web: Web, tmp_path: Path, log: Log) -> None:
    (tmp_path / NAME).write_bytes(b"whole")
    (tmp_path / f"{NAME}.lock").touch()
    fetch(f"http://127.0.0.1:9/{NAME}", tmp_path, log=log)
    assert os.listdir(tmp_path) == [NAME]


def test_a_lock_that_cannot_be_had_does_not_matter_where_the_file_is_there(web: Web, tmp_path: Path, log: Log) -> None:
    (tmp_path / NAME).write_bytes(b"whole")
    (tmp_path / f"{NAME}.lock").symlink_to(NAME)  # which is not followed, to root neither
    assert fetch(f"http://127.0.0.1:9/{NAME}", tmp_path, log=log).read_bytes() == b"whole"


def test_the_name_of_the_lock_is_gone_afterwards(web: Web, tmp_path: Path, log: Log) -> None:
    web.script = [status(404)]
    with pytest.raises(FetchError):
        fetch(f"{web.url}/{NAME}", tmp_path, log=log, options=QUICK)
    assert not os.path.lexists(tmp_path / f"{NAME}.lock")
