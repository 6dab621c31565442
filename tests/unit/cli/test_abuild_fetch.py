# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from loopback import Quiet, answering
from programs import Result, module_command, module_environment

URL = "https://example.invalid/dir/foo-1.0.tar.gz?x=1"
NAME = "foo-1.0.tar.gz?x=1"
PATIENCE = 30.0

FAKE = """\
#!/bin/sh
echo "$0 $*" | sed 's,.*/bin/,,' >>{log}
while [ $# -gt 1 ]; do
	case $1 in -o | -O) out=$2 ;; esac
	shift
done
{body}
"""


class Shop:
    """A folder for downloads, and a PATH with nothing but a shell's basics and what a test puts there."""

    def __init__(self, base: Path) -> None:
        self.folder, self.bin, self.log = base / "distfiles", base / "bin", base / "log"
        self.folder.mkdir()
        self.bin.mkdir()
        self.log.touch()
        for program in ("sed", "cat", "touch", "sleep"):
            (self.bin / program).symlink_to(self._real(program))

    @staticmethod
    def _real(program: str) -> str:
        import shutil

        found = shutil.which(program)
        assert found
        return found

    def fake(self, name: str, body: str = 'echo content >"$out"') -> None:
        path = self.bin / name
        path.write_text(FAKE.format(log=self.log, body=body))
        path.chmod(0o755)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        env = module_environment(PATH=str(self.bin), no_proxy="*")
        command = module_command("abuild_fetch", *arguments)
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env)

    def run(self, *arguments: str) -> Result:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=PATIENCE)
        return Result(process.returncode, out, err)

    def fetch(self, url: str = URL, *options: str) -> Result:
        return self.run(*options, "-d", str(self.folder), url)

    @property
    def calls(self) -> list[str]:
        return self.log.read_text().splitlines()

    def files(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in self.folder.iterdir()}


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def wait_for(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def test_help_and_bad_usage(shop: Shop) -> None:
    shop.fake("curl")
    usage = "usage: abuild-fetch [-hk] [-d DESTDIR] URL\n"
    assert shop.run("-h") == Result(0, usage, "")
    assert shop.run() == Result(203, usage, "")
    assert shop.run("a/b", "c/d") == Result(203, usage, "")
    unknown = shop.run("-x", URL)
    assert (unknown.status, unknown.out) == (1, usage)
    assert "-x" in unknown.err
    for entry in ("nonsense", "name::nonsense"):
        nowhere = shop.fetch(entry)
        assert (nowhere.status, nowhere.out) == (1, "")
        assert "no '/'" in nowhere.err
    missing = shop.run("-d", str(shop.folder / "missing"), URL)
    assert (missing.status, missing.out) == (1, "")
    assert missing.err.startswith(f"abuild-fetch: {shop.folder}/missing/{NAME}.lock: ")
    assert shop.calls == []


def test_curl_is_used_and_its_file_renamed(shop: Shop) -> None:
    shop.fake("curl")
    shop.fake("wget")
    assert shop.fetch() == Result(0, "", "")
    assert shop.calls == [f"curl -L -f -o {shop.folder}/{NAME}.part {URL}"]
    assert shop.files() == {NAME: "content\n"}


def test_a_curl_that_makes_no_file_is_believed(shop: Shop) -> None:
    shop.fake("curl", "echo said")
    assert shop.fetch() == Result(0, "said\n", "")
    assert shop.files() == {}


@pytest.mark.parametrize(
    ("url", "options", "insecure"),
    [("http://example.invalid/foo", (), True), (URL, ("-k",), True), ("ftp://example.invalid/foo", (), False)],
)
def test_certificates_do_not_count_for_http_and_with_k(
    shop: Shop, url: str, options: tuple[str, ...], insecure: bool
) -> None:
    shop.fake("curl")
    assert shop.fetch(url, *options).status == 0
    assert ("--insecure" in shop.calls[0].split()) is insecure
    (shop.bin / "curl").unlink()
    shop.fake("wget")
    assert shop.fetch(f"other::{url}", *options).status == 0
    assert ("--no-check-certificate" in shop.calls[1].split()) is insecure


def test_a_name_of_ones_own(shop: Shop) -> None:
    shop.fake("curl")
    assert shop.fetch(f"bar.tgz::{URL}").status == 0
    assert shop.calls == [f"curl -L -f -o {shop.folder}/bar.tgz.part {URL}"]
    assert list(shop.files()) == ["bar.tgz"]


def test_a_file_that_is_there_is_not_fetched(shop: Shop) -> None:
    shop.fake("curl")
    (shop.folder / NAME).write_text("old")
    assert shop.fetch() == Result(0, "", "")
    assert shop.calls == []
    assert shop.files() == {NAME: "old"}


def test_curl_s_failure_is_passed_on_and_its_part_kept(shop: Shop) -> None:
    shop.fake("curl", 'echo begin >"$out"; exit 22')
    shop.fake("wget")
    assert shop.fetch() == Result(22, "", "")
    assert len(shop.calls) == 1
    assert shop.files() == {f"{NAME}.part": "begin\n"}


def test_a_part_is_continued(shop: Shop) -> None:
    (shop.folder / f"{NAME}.part").write_text("begin\n")
    shop.fake("curl", 'echo end >>"$out"')
    result = shop.fetch()
    assert (result.status, result.err) == (0, "")
    assert f"{NAME}.part" in result.out
    assert shop.calls == [f"curl -L -f -o {shop.folder}/{NAME}.part --continue-at - {URL}"]
    assert shop.files() == {NAME: "begin\nend\n"}


def test_a_part_that_cannot_be_continued_is_fetched_anew(shop: Shop) -> None:
    (shop.folder / f"{NAME}.part").write_text("begin\n")
    shop.fake("curl", '[ -e "$out" ] && exit 33\necho new >"$out"')
    assert shop.fetch().status == 0
    assert [("--continue-at" in call) for call in shop.calls] == [True, False]
    assert shop.files() == {NAME: "new\n"}


@pytest.mark.parametrize("broken_curl", [False, True])
def test_wget_steps_in(shop: Shop, broken_curl: bool) -> None:
    shop.fake("wget", 'echo more >>"$out"')
    if broken_curl:
        (shop.bin / "curl").write_text("#!/no/such/interpreter\n")
        (shop.bin / "curl").chmod(0o755)
    assert shop.fetch() == Result(0, "", "")
    assert shop.calls == [f"wget -O {shop.folder}/{NAME}.part {URL}"]
    (shop.folder / NAME).rename(shop.folder / f"{NAME}.part")
    assert shop.fetch().status == 0
    assert shop.calls[1] == f"wget -O {shop.folder}/{NAME}.part -c {URL}"
    assert shop.files() == {NAME: "more\nmore\n"}


def test_wget_s_failure_is_passed_on(shop: Shop) -> None:
    shop.fake("wget", "exit 8")
    assert shop.fetch() == Result(8, "", "")


def test_a_program_that_a_signal_ended(shop: Shop) -> None:
    shop.fake("curl", "kill -9 $$")
    assert shop.fetch().status == 202


def test_a_folder_that_is_not_there(shop: Shop) -> None:
    shop.fake("curl")
    shop.folder.rmdir()
    result = shop.fetch()
    assert result.status == 1
    assert str(shop.folder) in result.err
    assert shop.calls == []


@pytest.fixture
def server() -> Iterator[str]:
    class Handler(Quiet):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"ours")

    with answering(Handler) as address:
        yield address


@pytest.mark.parametrize("broken_curl", [False, True])
def test_without_either_we_download_ourselves(shop: Shop, server: str, broken_curl: bool) -> None:
    if broken_curl:
        (shop.bin / "curl").write_text("#!/no/such/interpreter\n")
        (shop.bin / "curl").chmod(0o755)
    result = shop.fetch(f"{server}/foo")
    assert result.status == 0, result.err
    assert shop.files() == {"foo": "ours"}


def test_one_at_a_time_and_the_next_tries_after_a_failure(shop: Shop, tmp_path: Path) -> None:
    go = tmp_path / "go"
    shop.fake(
        "curl",
        f'touch {tmp_path}/started\nwhile ! [ -e {go} ]; do sleep 0.02; done\n[ -e {tmp_path}/2 ] && echo 2 >"$out"',
    )
    first = shop.start("-d", str(shop.folder), URL)
    wait_for((tmp_path / "started").exists)
    second = shop.start("-d", str(shop.folder), URL)
    assert second.stdout is not None
    assert "Waiting" in second.stdout.readline()
    assert len(shop.calls) == 1
    go.touch()
    assert first.wait(PATIENCE) == 1
    (tmp_path / "2").touch()
    second.communicate(timeout=PATIENCE)
    assert len(shop.calls) == 2
    assert f"{NAME}.lock" not in shop.files()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_the_program_too_and_leaves_no_lock(shop: Shop, tmp_path: Path, number: signal.Signals) -> None:
    shop.fake(
        "curl",
        f"trap 'touch {tmp_path}/ended; exit 9' {number.value}\ntouch {tmp_path}/started\nwhile :; do sleep 0.02; done",
    )
    process = shop.start("-d", str(shop.folder), URL)
    wait_for((tmp_path / "started").exists)
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == -number
    assert err == ""
    assert (tmp_path / "ended").exists()
    assert shop.files() == {}
